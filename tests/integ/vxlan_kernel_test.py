#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Linux kernel VXLAN device as the other VTEP.

   guest g1 ─ tap vm1 ─ host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 ─ host b: kernel vxlan0 (VNI 5001)
   10.0.0.1                       192.0.2.1 / 2001:db8::1      192.0.2.2 / 2001:db8::2          10.0.0.2
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import lab as base  # noqa: E402

FIELDS = ("ip.src", "ip.ttl", "ip.flags.df", "ip.dsfield.dscp", "udp.checksum.status", "vxlan.vni")
MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
V4, V6 = ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")


def kernel_vtep(host, local, remote, udp_port=4789):
    ip = ["ip", "-n", host.netns]
    base.sh("ip", "netns", "exec", host.netns, "ethtool", "-K", host.interface, "tx", "off", "tso", "off", "gso", "off")
    base.sh(*ip, "link", "add", "vxlan0", "address", MAC2, "type", "vxlan", "id", "5001", "local", local, "remote", remote,
            "dstport", str(udp_port), "dev", host.interface)
    base.sh(*ip, "addr", "add", "10.0.0.2/24", "dev", "vxlan0")
    base.sh(*ip, "addr", "add", "fd00::2/64", "dev", "vxlan0", "nodad")
    base.sh(*ip, "link", "set", "vxlan0", "up")


def set_up(lab, underlay, prefix_len, underlay_mtu=1500, network_mtu=None):
    require("ethtool", "tcpdump", "tshark", "iperf3")
    a, b = lab.create(underlay, prefix_len, underlay_mtu)
    mtu = network_mtu or (1450 if underlay == V4 else 1430)
    lab.start(a)
    kernel_vtep(b, underlay[1], underlay[0])
    a.api.commit([a.api.put("port", "uplink0", kind="uplink", interface=a.interface), a.api.put("network", "red", vni=5001, mtu=mtu),
                  a.api.put("tunnel_peer", "host-b", remote_ip=underlay[1], networks=["red"]),
                  a.api.put("port", "vm1", kind="tap", network="red", device="vm1", mac=MAC1, addresses=["10.0.0.1", "fd00::1"]),
                  a.api.put("port", "vm2", kind="remote", network="red", mac=MAC2, addresses=["10.0.0.2", "fd00::2"], peer="host-b")])
    g1 = lab.add_guest(a, "vm1", MAC1, ["10.0.0.1/24", "fd00::1/64"], mtu=mtu)
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", str(mtu))
    return a, b, g1, mtu


def capture(lab, host, path):
    process = lab.spawn(host.netns, "tcpdump", "-U", "--immediate-mode", "-i", host.interface, "-w", path, "udp", stderr=subprocess.PIPE, text=True)
    expect(any("listening" in line for line in process.stderr), "tcpdump did not start")
    return process


def assert_clean_capture(path):
    """tshark decodes every packet, checks every checksum and has nothing to complain about."""
    out = base.sh("tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
                  "-Y", "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || "
                  "icmp.checksum.status == 0 || icmpv6.checksum.status == 0", check=False)
    expect(out == "", "tshark complains about:\n" + out[:3000])
    n = len(base.sh("tshark", "-r", path, "-Y", "vxlan").splitlines())
    expect(n > 10, "only %d VXLAN packets were captured" % n)


def exchange(lab, underlay, prefix_len):
    a, b, g1, mtu = set_up(lab, underlay, prefix_len)
    pcap = os.path.join(lab.rundir, "underlay.pcap")
    dump = capture(lab, b, pcap)
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))
    for src, dst in ((g1, "10.0.0.2"), (g1, "fd00::2"), (b.netns, "10.0.0.1"), (b.netns, "fd00::1")):
        expect(ping(src, dst) == 5, "ping %s → %s lost packets" % (src, dst))
    edge = mtu - 28
    expect(ping(g1, "10.0.0.2", size=edge, dont_fragment=True) == 5, "largest ping out")
    expect(ping(b.netns, "10.0.0.1", size=edge, dont_fragment=True) == 5, "largest ping in")
    expect(ping(g1, "10.0.0.2", size=4000) == 5, "ping in fragments out")
    expect(ping(b.netns, "10.0.0.1", size=4000) == 5, "ping in fragments in")
    time.sleep(0.05)  # let tcpdump write; it has no event to wait for
    dump.terminate()
    dump.wait()
    assert_clean_capture(pcap)
    for reverse in ([], ["-R"]):
        lab.spawn(b.netns, "iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
        wait_for("iperf3 server", lambda: ":5201" in netns_exec(b.netns, "ss", "-ltn"))
        print(netns_exec(g1, "iperf3", "-c", "10.0.0.2", "-t", "2", "-f", "m", *reverse).strip().splitlines()[-3])
    assert_conserved(a)


def ipv4_underlay(lab):
    exchange(lab, V4, 24)


def ipv6_underlay(lab):
    exchange(lab, V6, 64)


def too_big_is_answered(lab):
    """The underlay's MTU shrinks below what the network promised: the guest is told, for IPv4 and IPv6."""
    a, b, g1, _ = set_up(lab, V4, 24, underlay_mtu=1600, network_mtu=1500)
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1, size=1472, dont_fragment=True))
    base.sh("ip", "-n", a.netns, "link", "set", a.interface, "mtu", "1500")
    wait_for("path MTU 1450", lambda: ping(g1, "10.0.0.2", 2, size=1472, dont_fragment=True) == 0 and
             "mtu 1450" in netns_exec(g1, "ip", "route", "get", "10.0.0.2"))
    wait_for("IPv6 path MTU 1450", lambda: ping(g1, "fd00::2", 2, size=1452) >= 0 and
             "mtu 1450" in netns_exec(g1, "ip", "-6", "route", "get", "fd00::2"))
    expect(port_stats(a)["vm1"]["drops"].get("tunnel_too_big", 0) > 0, "no tunnel_too_big drop was counted")
    assert_conserved(a)


def another_udp_port(lab):
    """A tunnel port of a raw bridge on the UDP port that Linux used before RFC 7348, beside the default one."""
    require("ethtool")
    a, b = lab.create()
    lab.start(a)
    kernel_vtep(b, V4[1], V4[0], udp_port=8472)
    a.api.commit([a.api.put("port", "uplink0", kind="uplink", interface=a.interface), a.api.put("bridge", "br0", miss="normal"),
                  a.api.put("port", "tun0", kind="vxlan", bridge="br0", remote_ip=V4[1], vni="5001", dst_port=8472),
                  a.api.put("port", "vm1", kind="tap", bridge="br0", device="vm1")])
    g1 = lab.add_guest(a, "vm1", MAC1, ["10.0.0.1/24"])
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", "1450")
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))
    expect(ping(b.netns, "10.0.0.1") == 5, "ping in")
    expect(ping(g1, "10.0.0.2", size=1422, dont_fragment=True) == 5, "largest ping out")
    # The kernel sees the packets too: it must not answer that the port is unreachable.
    held = netns_exec(a.netns, "ss", "-lunH")
    expect("192.0.2.1:8472" in held and "192.0.2.1:4789" in held, "UDP ports held: %s" % held)
    a.api.commit([a.api.put("port", "tun0", kind="vxlan", bridge="br0", remote_ip=V4[1], vni="5001")])
    wait_for("the other port is let go", lambda: ":8472" not in netns_exec(a.netns, "ss", "-lunH"))
    expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "port 4789 reaches a peer that listens on 8472")
    assert_conserved(a)


def outer_headers_as_the_port_wants(lab):
    """Options of a tunnel port, as tshark sees them and the kernel takes them: checksum, TTL, DF, DSCP, source address."""
    require("tcpdump", "tshark", "ethtool")
    a, b = lab.create()
    lab.start(a)
    base.sh("ip", "-n", a.netns, "addr", "add", "192.0.2.11/24", "dev", a.interface)
    kernel_vtep(b, V4[1], "192.0.2.11")
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "type", "vxlan", "nolearning")

    def tunnel(**options):
        a.api.commit([a.api.put("port", "tun0", kind="vxlan", bridge="br0", remote_ip=V4[1], vni="5001", **options)])
    a.api.commit([a.api.put("port", "uplink0", kind="uplink", interface=a.interface), a.api.put("bridge", "br0", miss="normal"),
                  a.api.put("port", "vm1", kind="tap", bridge="br0", device="vm1")])
    tunnel(local_ip="192.0.2.11")
    g1 = lab.add_guest(a, "vm1", MAC1, ["10.0.0.1/24"])
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", "1450")
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))

    def seen(**options):
        """Distinct outer headers of what the port sends with these options, and whether all that is answered."""
        tunnel(**options)
        pcap = os.path.join(lab.rundir, "options.pcap")
        dump = capture(lab, b, pcap)
        netns_exec(g1, "ping", "-q", "-c", "3", "-i", "0.05", "-t", "77", "-Q", "0x28", "10.0.0.2", check=False)

        def rows():
            out = base.sh("tshark", "-r", pcap, "-o", "udp.check_checksum:TRUE", "-Y", "vxlan && icmp.type == 8", "-T", "fields", "-E", "occurrence=f",
                          *[w for f in FIELDS for w in ("-e", f)], check=False)
            return {tuple(line.split("\t")) for line in out.splitlines()}
        wait_for("the capture has packets", rows)
        dump.terminate()
        dump.wait()
        expect(len(rows()) == 1, "outer headers with %s: %s" % (options, rows()))
        return rows().pop()
    # Checksum status: 1 right, 3 none.
    for options, want in (({"local_ip": "192.0.2.11"}, ("192.0.2.11", "64", "1", "0", "3", "5001")),
                          ({"csum": True, "ttl": "9", "dscp": "46"}, ("192.0.2.1", "9", "1", "46", "1", "5001")),
                          ({"df": False, "ttl": "inherit", "dscp": "inherit"}, ("192.0.2.1", "77", "0", "10", "3", "5001")),
                          ({"csum": True, "df": False, "local_ip": "192.0.2.11", "out_vni": "9"}, ("192.0.2.11", "64", "0", "0", "1", "9"))):
        got = seen(**options)
        expect(got == want, "%s: %s" % (options, got))
    # The kernel, which does not learn, sends to 192.0.2.11 only: a port that is bound to the other address gets nothing.
    tunnel(local_ip="192.0.2.1")
    expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "a port took what was sent to another address")
    tunnel(local_ip="192.0.2.11", csum=True)
    wait_for("ping with a checksum", lambda: ping(g1, "10.0.0.2", 1))
    assert_conserved(a)


def strangers_are_refused(lab):
    """A VTEP that is not listed, and a VNI that no network has, are dropped with their own reasons."""
    a, b, g1, _ = set_up(lab, V4, 24)
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))
    ip = ["ip", "-n", b.netns]
    base.sh(*ip, "link", "set", "vxlan0", "type", "vxlan", "id", "5001", check=False)
    base.sh(*ip, "addr", "add", "192.0.2.66/24", "dev", b.interface)
    for name, vni, local in (("stranger", "5001", "192.0.2.66"), ("wrongvni", "77", "192.0.2.2")):
        if name == "stranger":
            base.sh(*ip, "link", "del", "vxlan0")
        base.sh(*ip, "link", "add", name, "type", "vxlan", "id", vni, "local", local, "remote", "192.0.2.1", "dstport", "4789", "dev", b.interface)
        base.sh(*ip, "addr", "add", "10.0.%d.2/24" % (1 if vni == "77" else 0), "dev", name)
        base.sh(*ip, "link", "set", name, "up")
        target = "10.0.1.9" if vni == "77" else "10.0.0.1"
        expect(ping(b.netns, target, 3, deadline_s=2) == 0, "%s got through" % name)
    reasons = {r["reason"]: r["count"] for r in a.api.call("drop.list")["reasons"]}
    expect(reasons.get("vxlan_unknown_peer", 0) > 0, "no vxlan_unknown_peer: %s" % reasons)
    expect(reasons.get("vxlan_unknown_vni", 0) > 0, "no vxlan_unknown_vni: %s" % reasons)


if __name__ == "__main__":
    main(ipv4_underlay, ipv6_underlay, too_big_is_answered, another_udp_port, outer_headers_as_the_port_wants, strangers_are_refused)
