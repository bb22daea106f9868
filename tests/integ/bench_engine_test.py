#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's generator and sink as two guests of a real switch.

   engine port a ═ virtio-user ═ vm1 ┐
                                     host a: sluice-switch (core 0), network red
   engine port b ═ virtio-user ═ vm2 ┘
   (engine: core 1)
"""
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import lab as base  # noqa: E402

MAC = {"a": "02:00:00:00:00:01", "b": "02:00:00:00:00:02"}
IP = {"a": "10.0.0.1", "b": "10.0.0.2"}
RATE_PPS = 20000


class Engine:
    """sluice-bench-engine in a host's namespace, a line in, a line out."""

    def __init__(self, lab, host, core, devargs, options=("--no-huge", "--memory", "128")):
        ports = [w for name in devargs for w in ("--port", "%s=%s" % (name, devargs[name]))]
        self.log = open(os.path.join(host.rundir, "engine.log"), "w+", encoding="utf-8")
        self.process = lab.spawn(host.netns, os.path.join(BUILD, "tools/bench/engine/sluice-bench-engine"), "--core", str(core),
                                 *options, *ports, env=dict(os.environ, RUNTIME_DIRECTORY=host.rundir),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ready = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise Failure("the engine ended:\n" + self.log.read()[-3000:])
        return json.loads(line)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.read()

    def call(self, **command):
        answer = self.ask(**command)
        expect("error" not in answer, "%s: %s" % (command, answer))
        return answer


def stream(number, tx, rx, **more):
    return dict({"id": number, "tx": tx, "rx": rx, "kind": "udp", "eth_src": MAC[tx], "eth_dst": MAC[rx], "src": IP[tx], "dst": IP[rx],
                 "flows": 64, "vary": ["sport", "dport"]}, **more)


def cores():
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Skip("needs two cores: the switch polls on one, the engine on the other")
    return usable[0], usable[1]


def set_up(lab, queues=1, options="packed_vq=0"):
    """The ports listen or connect: whichever side comes second finds the other."""
    switch_core, engine_core = cores()
    a, _ = lab.create()
    lab.start(a, core=switch_core)
    paths = {n: os.path.join(a.rundir, "vm-%s.sock" % n) for n in MAC}
    mode = {} if "server=1" in options else {"mode": "server"}
    a.api.commit([a.api.put("network", "red", vni=5001)] +
                 [a.api.put("port", "vm-" + n, network="red", mac=MAC[n], addresses=[IP[n]], queues=queues, socket=paths[n], **mode)
                  for n in MAC])
    engine = Engine(lab, a, engine_core, {n: "net_virtio_user%d,path=%s,queues=%d,%s" % (i, paths[n], queues, options)
                                          for i, n in enumerate(MAC)})
    engine.call(cmd="wait_link", timeout_ms=10000)
    wait_for("both ports up", lambda: all(p["state"] == "up" for p in port_stats(a).values()))
    return a, engine


def run_clean(engine, streams, rate_pps=RATE_PPS):
    """A trial in which nothing may go missing. The machine may hold up the switch for longer than a ring lasts: three tries."""
    engine.call(cmd="load", streams=streams)
    for _ in range(3):
        result = engine.call(cmd="trial", duration_ms=300, drain_ms=200, rates={s["id"]: rate_pps for s in streams})
        if all(s["lost"] == 0 and s["tx_packets"] > 0 for s in result["streams"]):
            break
    for s in result["streams"]:
        print({k: v for k, v in s.items() if k != "latency"}, {k: v for k, v in s["latency"].items() if k != "buckets"})
        expect(s["tx_packets"] > 0 and s["rx_packets"] == s["tx_packets"], "lost: %s" % result)
        overhead = s["rx_bytes"] - s["tx_bytes"]
        expect(overhead == 0 or "expect_vxlan" in streams[0] or "vxlan" in streams[-1], "other sizes came back")
        for what in ("lost", "duplicates", "reordered", "corrupted", "too_late", "foreign"):
            expect(s[what] == 0, "%s is not 0: %s" % (what, s))
        lat = s["latency"]
        expect(sum(n for _, n in lat["buckets"]) == s["rx_packets"], "latency of some packets is missing")
        expect(0 < lat["min"] <= lat["p50"] <= lat["p90"] <= lat["p99"] <= lat["p99_9"] <= lat["max"], "latency makes no sense: %s" % lat)
    return result


def alone_on_a_ring(lab):
    """No switch: what the engine sends to a ring it takes back. Streams share buffers, and loads follow loads."""
    _, engine_core = cores()
    a, _ = lab.create()
    engine = Engine(lab, a, engine_core, {"r": "net_ring0"}, ["--no-huge", "--memory", "192", "--mtu", "9000"])
    ring = {"tx": "r", "rx": "r", "eth_src": MAC["a"], "eth_dst": MAC["b"]}
    tunnel = {"vxlan": {"src": "fd00::1", "dst": "fd00::2", "vni": 5}, "expect_vxlan": True}
    pcap = os.path.join(a.rundir, "x.pcap")
    frame = bytes.fromhex("020000000002" "020000000001" "88b5") + bytes(46)
    with open(pcap, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(3):
            f.write(struct.pack("<IIII", 0, i, len(frame), len(frame)) + frame)
    loads = [
        [dict(ring, id=1, kind="udp", flows=1000, sizes=[[64, 1], [1518, 1], [9000, 1]]), dict(ring, id=2, kind="udp", sizes=[[64, 1], [1400, 1]], **tunnel),
         dict(ring, id=3, kind="tcp", src="fd00::1", dst="fd00::2", sizes=[[96, 1], [1000, 1]], flows=100, distribution="zipf")],
        [dict(ring, id=4, kind="udp", flows=1000000, sizes=[[130, 1], [1518, 1]], distribution="uniform"), dict(ring, id=5, kind="random_tuples"),
         dict(ring, id=6, kind="explosion", src="10.0.0.10", sport=12345)],
    ]
    for streams in loads:
        engine.call(cmd="load", streams=streams)
        for rates in ({s["id"]: 100000 for s in streams}, {}):
            result = engine.call(cmd="trial", duration_ms=50, drain_ms=20, rates=rates)
            for s in result["streams"]:
                expect(s["tx_packets"] == s["rx_packets"] > 100 and s["lost"] == s["corrupted"] == s["reordered"] == s["foreign"] == 0, "%s" % s)
    engine.call(cmd="load", streams=[{"id": 9, "tx": "r", "rx": "r", "kind": "pcap", "file": pcap}])
    s = engine.call(cmd="trial", duration_ms=50, drain_ms=20, rates={"9": 10000})["streams"][0]
    expect(s["tx_packets"] == s["rx_packets"] > 100 and s["lost"] == 0 and s["duplicates"] is None, "%s" % s)
    ghz = engine.call(cmd="calibrate")["ghz_dependent_add"]
    expect(0.5 < ghz < 10, "%s GHz" % ghz)
    # A command that fails changes nothing: stream 9 is still there.
    expect("error" in engine.ask(cmd="load", streams=[{"id": 1, "tx": "r", "kind": "pcap", "file": "/nonexistent"}]), "no file, no error")
    expect(engine.call(cmd="trial", duration_ms=10, drain_ms=10)["streams"][0]["id"] == 9, "the load was lost")
    # SIGTERM ends a trial too.
    engine.process.stdin.write(json.dumps({"cmd": "trial", "duration_ms": 600000}) + "\n")
    engine.process.stdin.flush()
    engine.process.terminate()
    expect(engine.process.wait(10) == 0, "SIGTERM did not end the engine: %d" % engine.process.returncode)


def split_rings_lose_nothing(lab):
    a, engine = set_up(lab, options="packed_vq=0,server=1")
    run_clean(engine, [stream(1, "a", "b"), stream(2, "b", "a", sizes=[[64, 7], [570, 4], [1450, 1]])])
    expect("error" in engine.ask(cmd="load", streams=[stream(1, "a", "b", queue=7)]), "a queue that is not there was accepted")
    run_clean(engine, [stream(3, "a", "b", kind="tcp", sizes=[[76, 1]])])
    assert_conserved(a)
    expect(engine.call(cmd="quit") == {"quit": True} and engine.process.wait(10) == 0, "the engine did not end")
    expect(not os.path.exists(os.path.join(a.rundir, "vm-a.sock")), "the engine left its socket")


def a_killed_engine_may_start_again(lab):
    """Its sockets are still there, and the switch, which connects, finds the new ones."""
    a, engine = set_up(lab, options="packed_vq=0,server=1")
    engine.process.kill()
    engine.process.wait(10)
    paths = {n: os.path.join(a.rundir, "vm-%s.sock" % n) for n in MAC}
    expect(all(os.path.exists(p) for p in paths.values()), "no sockets are left: nothing to test")
    engine = Engine(lab, a, cores()[1], {n: "net_virtio_user%d,path=%s,queues=1,server=1" % (i, paths[n]) for i, n in enumerate(MAC)})
    engine.call(cmd="wait_link", timeout_ms=10000)
    wait_for("both ports up", lambda: all(p["state"] == "up" for p in port_stats(a).values()))
    run_clean(engine, [stream(1, "a", "b")], rate_pps=1000)


def packed_rings_and_queues_lose_nothing(lab):
    a, engine = set_up(lab, queues=2, options="packed_vq=1,mrg_rxbuf=1")
    expect([p["queues"] for p in engine.ready["ports"]] == [2, 2], "queues: %s" % engine.ready)
    run_clean(engine, [stream(1, "a", "b", flows=1, queue=0), stream(2, "a", "b", flows=1, queue=1), stream(3, "b", "a", flows=1)])
    assert_conserved(a)


def connections_complete(lab):
    a, engine = set_up(lab, options="packed_vq=0,server=1")
    loaded = engine.call(cmd="load", streams=[{"id": 1, "tx": "a", "rx": "b", "kind": "tcp_connections", "eth_src": MAC["a"], "eth_dst": MAC["b"],
                                               "src": IP["a"], "dst": IP["b"], "flows": 1000, "vary": ["sport"], "open": 200}])
    expect(loaded["loaded"] == 1, "loaded: %s" % loaded)
    for _ in range(3):  # the machine may hold up the switch for longer than a connection may take
        result = engine.call(cmd="trial", duration_ms=300, drain_ms=300, rates={"1": 1000})["streams"][0]
        if result["connections"]["completed"] == result["connections"]["opened"]:
            break
    done = result["connections"]
    print(done, result["tx_packets"], result["rx_packets"])
    expect(done["opened"] == done["completed"] > 50 and done["failed"] == done["unfinished"] == 0, "connections: %s" % result)
    expect(result["rx_packets"] == result["tx_packets"] == 7 * done["opened"], "packets: %s" % result)
    expect(result["latency"]["n"] == done["completed"] and result["latency"]["min"] > 0, "latency: %s" % result["latency"])
    assert_conserved(a)


def encapsulated(lab, underlay, prefix_len):
    """   engine port a ═ vm-a ─ host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 (host b) ═ af_packet ═ engine port b"""
    switch_core, engine_core = cores()
    a, b = lab.create(underlay, prefix_len)
    lab.start(a, core=switch_core)
    base.sh("ip", "netns", "exec", b.netns, "ethtool", "-K", b.interface, "tx", "off")
    path = os.path.join(a.rundir, "vm-a.sock")
    a.api.commit([a.api.put("port", "uplink0", kind="uplink", interface=a.interface), a.api.put("network", "red", vni=5001, mtu=1400),
                  a.api.put("tunnel_peer", "host-b", remote_ip=underlay[1], networks=["red"]),
                  a.api.put("port", "vm-a", network="red", mac=MAC["a"], addresses=[IP["a"]], socket=path),
                  a.api.put("port", "vm-b", kind="remote", network="red", mac=MAC["b"], addresses=[IP["b"]], peer="host-b")])
    engine = Engine(lab, b, engine_core, {"a": "net_virtio_user0,path=%s,server=1" % path, "b": "net_af_packet0,iface=%s" % b.interface})
    engine.call(cmd="wait_link", timeout_ms=10000)
    wait_for("ports up", lambda: all(port_stats(a)[p]["state"] == "up" for p in ("vm-a", "uplink0")))
    mac = {h.name: json.loads(base.sh("ip", "-j", "-n", h.netns, "link", "show", h.interface))[0]["address"] for h in (a, b)}
    outer = {"eth_src": mac["b"], "eth_dst": mac["a"], "src": underlay[1], "dst": underlay[0], "vni": 5001}
    netns_exec(a.netns, "ping", "-c", "1", "-w", "5", underlay[1])  # so that the underlay knows its neighbour
    run_clean(engine, [stream(1, "a", "b", expect_vxlan=True), stream(2, "b", "a", vxlan=outer, sizes=[[64, 1], [1000, 1]])], rate_pps=2000)


def vxlan_is_made_and_understood(lab):
    encapsulated(lab, ("192.0.2.1", "192.0.2.2"), 24)


def vxlan_over_ipv6_is_made_and_understood(lab):
    encapsulated(lab, ("2001:db8::1", "2001:db8::2"), 64)


def a_dropping_switch_is_seen_as_loss(lab):
    a, engine = set_up(lab, options="packed_vq=0,server=1")
    drops = lambda: sum(port_stats(a)["vm-a"]["drops"].values())  # noqa: E731
    before = drops()
    # Not its address: anti-spoofing drops every packet of stream 2 and none of stream 1.
    engine.call(cmd="load", streams=[stream(1, "a", "b"), stream(2, "a", "b", src="10.0.0.99")])
    result = engine.call(cmd="trial", duration_ms=300, drain_ms=200, rates={"1": 1000, "2": 1000})
    good, bad = result["streams"]
    expect(good["lost"] == 0 and good["rx_packets"] == good["tx_packets"] > 100, "stream 1: %s" % good)
    expect(bad["rx_packets"] == 0 and bad["lost"] == bad["tx_packets"] > 100, "stream 2: %s" % bad)
    wait_for("the switch counts the same", lambda: drops() - before == bad["lost"])


if __name__ == "__main__":
    main(alone_on_a_ring, split_rings_lose_nothing, a_killed_engine_may_start_again, packed_rings_and_queues_lose_nothing, connections_complete, vxlan_is_made_and_understood,
         vxlan_over_ipv6_is_made_and_understood, a_dropping_switch_is_seen_as_loss)
