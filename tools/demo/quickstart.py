# SPDX-License-Identifier: Apache-2.0
"""The main job in one run: four VMs of two tenants on two hosts; who reaches whom, and what was dropped."""

import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
import lab  # noqa: E402

# Both tenants use the same MAC and IP addresses on purpose; .11 to .22 are each VM's own, to tell them apart.
TENANTS = {"red": 5001, "blue": 5002}
VMS = [
    # name, tenant, host, MAC, shared address, own address
    ("red-a", "red", 0, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.11"),
    ("red-b", "red", 1, "02:00:00:00:00:02", "10.0.0.2", "10.0.0.12"),
    ("blue-a", "blue", 0, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.21"),
    ("blue-b", "blue", 1, "02:00:00:00:00:02", "10.0.0.2", "10.0.0.22"),
]
IDENTITY_PORT = 7777


class Progress:
    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, text):
        print("[%5.1f s] %s" % (time.monotonic() - self.start, text), flush=True)


def network_ops(api, host_index):
    """What a cloud controller tells one host: its networks, its own ports, the other host and the ports there."""
    peer = "host-" + "ab"[1 - host_index]
    ops = [api.put("port", "uplink0", kind="uplink", interface="underlay0")]
    ops += [api.put("network", name, vni=vni) for name, vni in TENANTS.items()]
    ops.append(api.put("tunnel_peer", peer, remote_ip=("192.0.2.1", "192.0.2.2")[1 - host_index], networks=list(TENANTS)))
    for name, tenant, host, mac, shared, own in VMS:
        addresses = [shared, own]
        if host == host_index:
            ops.append(api.put("port", name, network=tenant, mac=mac, addresses=addresses))
        else:
            ops.append(api.put("port", name, kind="remote", network=tenant, mac=mac, addresses=addresses, peer=peer))
    return ops


def start_guests(demo, hosts, progress):
    image = os.path.join(demo.rundir, "guest.cpio.gz")
    kernel = guest.build_initramfs(image)
    guests = {}
    for name, _, host, mac, shared, own in VMS:
        g = guest.Guest(name, kernel, image, os.path.join(hosts[host].rundir, name + ".sock"), mac,
                        [shared + "/24", own + "/24"], demo.rundir, mtu=1450, memory_mb=128)
        g.start()
        demo.record(g.process.pid)
        guests[name] = g
    for name, g in guests.items():
        g.wait_ready(timeout_s=120)
        g.run("hostname %s; (while true; do echo %s | nc -l -p %d; done) >/dev/null 2>&1 &" % (name, name, IDENTITY_PORT))
        progress("VM %s is up" % name)
    return guests


def check_matrix(guests):
    """Every VM pings every other's own address. Returns rows of (from, to, expected, seen, rtt in ms)."""
    rows = []
    for src, src_tenant, *_ in VMS:
        for dst, dst_tenant, _, _, _, own in VMS:
            if src == dst:
                continue
            expected = src_tenant == dst_tenant
            rtts = guests[src].ping(own, count=5 if expected else 2)
            rows.append((src, dst, expected, len(rtts) > 0, min(rtts) if rtts else None))
    return rows


def check_identity(guests):
    """Both tenants have a 10.0.0.2: who answers there? Returns rows of (from, expected name, name seen)."""
    rows = []
    for src, tenant, host, *_ in VMS:
        peer = "%s-%s" % (tenant, "ab"[1 - host])
        address = ("10.0.0.1", "10.0.0.2")[1 - host]
        _, out = guests[src].run("nc -w 3 %s %d </dev/null" % (address, IDENTITY_PORT))
        rows.append((src, address, peer, out.strip()))
    return rows


def print_matrix(rows, identity):
    names = [vm[0] for vm in VMS]
    seen = {(s, d): (exp, got, rtt) for s, d, exp, got, rtt in rows}
    print("\nIsolation matrix: who reaches whom (ping of each VM's own address; round trip, best of 5)\n")
    print("  from \\ to  " + "".join("%-14s" % n for n in names))
    for s in names:
        cells = []
        for d in names:
            if s == d:
                cells.append("·")
                continue
            exp, got, rtt = seen[(s, d)]
            text = "%.1f ms" % rtt if got else "no"
            cells.append(text if exp == got else text + " WRONG")
        print("  %-11s" % s + "".join("%-14s" % c for c in cells))
    print("\nThe same address in both tenants: who answers?\n")
    for src, address, expected, got in identity:
        print("  %-8s → %-10s answered by %-8s expected %-8s %s" % (src, address, got or "nobody", expected,
                                                                   "ok" if got == expected else "WRONG"))


def print_counters(hosts):
    unbalanced = []
    for host in hosts:
        print("\nHost %s: packets (rx + copies = sent + drops + held)\n" % host.name)
        print("  %-14s %8s %8s %8s %8s %6s  %s" % ("port", "rx", "copies", "sent", "drops", "held", "drops by reason"))
        for p in host.api.call("stats.get", table="port")["ports"]:
            drops = p["drops"]
            total = sum(drops.values())
            print("  %-14s %8d %8d %8d %8d %6d  %s" % (p["name"], p["rx_packets"], p["copies"], p["sent"], total, p["held"],
                                                     ", ".join("%s %d" % kv for kv in sorted(drops.items()) if kv[1])))
            if p["rx_packets"] + p["copies"] != p["sent"] + total + p["held"]:
                unbalanced.append("%s on host %s" % (p["name"], host.name))
    return unbalanced


def quiet(hosts):
    """Waits until no counter moves, so that sums can be compared."""
    last = None
    for _ in range(50):
        now = [[(p["rx_packets"], p["sent"]) for p in h.api.call("stats.get", table="port")["ports"]] for h in hosts]
        if now == last:
            return
        last = now
        time.sleep(0.1)


def print_explore(demo, hosts, build):
    sluice = os.path.join(build, "tools/cli/sluice")
    socket = os.path.join(hosts[0].rundir, "api.sock")
    print("\nIt is still running. To explore host a:\n\n  export SLUICE_SOCKET=%s PATH=$PATH:%s" % (socket, os.path.dirname(sluice)))
    for line in ("sluice show", "sluice port show red-a", "sluice drops list", "sluice drops samples",
                 "sluice trace red-a eth_dst=02:00:00:00:00:02 eth_src=02:00:00:00:00:01 eth_type=0x800 ipv4_src=10.0.0.1 ipv4_dst=10.0.0.2",
                 "sluice port guest-config red-a"):
        print("  " + line)
    print("\nThe VMs' consoles are in %s/*.console.log. End it with: tools/quickstart --clean" % demo.rundir)


def run(args):
    progress = Progress()
    demo = lab.Lab(args.build)
    demo.remove()
    failed = True
    # An interrupt or a termination unwinds through finally, so that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        hosts = demo.create()
        progress("two hosts: namespaces %s and %s, joined by a veth pair" % (hosts[0].netns, hosts[1].netns))
        cores = sorted(os.sched_getaffinity(0))
        for i, host in enumerate(hosts):
            host.start_switch(cores[i % len(cores)])
            host.start_daemon()
        for i, host in enumerate(hosts):
            host.connect()
            reply = host.api.commit(network_ops(host.api, i))
            progress("host %s: switch and daemon are up; networks and ports committed (generation %d)" % (host.name, reply["generation"]))
        progress("booting four VMs (QEMU, emulated CPU): two tenants with the same MAC and IP addresses")
        guests = start_guests(demo, hosts, progress)
        progress("measuring who reaches whom")
        rows = check_matrix(guests)
        identity = check_identity(guests)
        quiet(hosts)
        print_matrix(rows, identity)
        unbalanced = print_counters(hosts)
        wrong = [r for r in rows if r[2] != r[3]] + [r for r in identity if r[2] != r[3]]
        failed = bool(wrong or unbalanced)
        print()
        for name in unbalanced:
            print("FAILED: packets of port %s do not add up" % name)
        progress("%d reachability checks, %d wrong: %s" % (len(rows) + len(identity), len(wrong), "FAILED" if failed else "all as expected"))
        if args.keep:
            print_explore(demo, hosts, args.build)
        return 1 if failed else 0
    except (guest.GuestError, lab.LabError) as e:
        print("FAILED: %s" % e, file=sys.stderr)
        for host in demo.hosts:
            for log in ("switch.log", "sluiced.log"):
                print("--- %s %s\n%s" % (host.name, log, lab.tail(os.path.join(host.rundir, log))), file=sys.stderr)
        return 1
    finally:
        if not args.keep or sys.exc_info()[0] is not None:
            demo.remove()
            progress("removed everything")


def main():
    parser = argparse.ArgumentParser(prog="tools/quickstart")
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--clean", action="store_true")
    args = parser.parse_args()
    if args.clean:
        lab.Lab(args.build).remove()
        print("removed the demo's processes, namespaces and files")
        return 0
    try:
        return run(args)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
