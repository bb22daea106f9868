#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups that choose: select spreads flows over buckets, fast failover takes the first whose port is alive.

                          ┌─ p2 ═ veth ═ t2
   t1 ═ veth ═ p1 ─ group ┼─ p3 ═ veth ═ t3     each t in a namespace of its own; p are af_packet ports of br0
                          └─ p4 ═ veth ═ t4
"""
import collections
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import lab as base  # noqa: E402
from wire import Wire, frame, udp4  # noqa: E402

MACS = ["02:00:00:00:00:0%d" % i for i in (1, 2)]
PORTS = ["p1", "p2", "p3", "p4"]
DEVICES = ["t1", "t2", "t3", "t4"]
FIRST_PORT = 20000  # of the flows' UDP source ports
AT_ONCE = 50


def set_up(lab, group_type, buckets):
    a = lab.create()[0]
    lab.start(a)
    guests = [lab.add_veth(a, p, t) for p, t in zip(PORTS, DEVICES)]
    a.api.commit([a.api.put("bridge", "br0")] +
                 [a.api.put("port", p, kind="ethdev", bridge="br0", device="net_af_packet,iface=" + p) for p in PORTS] +
                 [a.api.put("group", "choose", bridge="br0", group_id=1, type=group_type, buckets=buckets),
                  a.api.put("flow", "all", bridge="br0", match={"in_port": "p1", "eth_type": "0x0800"}, actions=[{"group": 1}])])
    wait_for("all ports are up", lambda: all(p["link_up"] for p in port_stats(a).values()))
    return a, guests, [Wire(g, t) for g, t in zip(guests, DEVICES)]


def send(wire, flow, serial):
    wire.send(frame(MACS[1], MACS[0], udp4("10.0.0.1", "10.0.0.2", FIRST_PORT + flow, 7777, struct.pack("!I", serial)), 0x0800))


def send_flows(host, wire, n_flows, n_packets):
    """Packets of each flow in turn, no more at a time than the ring of an af_packet port holds on a busy machine."""
    for serial in range(n_packets):
        for first in range(0, n_flows, AT_ONCE):
            before = port_stats(host)["p1"]["rx_packets"]
            flows = range(first, min(first + AT_ONCE, n_flows))
            for flow in flows:
                send(wire, flow, serial)
            wait_for("packets are in", lambda n=before + len(flows): port_stats(host)["p1"]["rx_packets"] >= n)


def is_ours(data):
    return data[:12] == frame(MACS[1], MACS[0], b"")[:12] and data[12:14] == b"\x08\x00" and data[36:38] == struct.pack("!H", 7777)


def flow_of(data):
    return struct.unpack("!H", data[34:36])[0] - FIRST_PORT


def arrived(host, wires, n):
    """[flow, flow, …] by wire, once n packets have been sent in all."""
    wait_for("%d packets sent" % n, lambda: sum(port_stats(host)[t]["tx_packets"] for t in PORTS[1:]) >= n)
    return [[flow_of(data) for data in wire.drain(is_ours)] for wire in wires[1:]]


def select_spreads_flows(lab):
    """Weights 1, 1, 2: 400 flows of three packets; each stays on one bucket."""
    n_flows = 400
    a, _, wires = set_up(lab, "select", [{"actions": [{"output": t}], "weight": w} for t, w in (("p2", 1), ("p3", 1), ("p4", 2))])
    send_flows(a, wires[0], n_flows, 3)
    flows = [collections.Counter(f) for f in arrived(a, wires, 3 * n_flows)]
    for i, f in enumerate(flows):
        expect(set(f.values()) == {3}, "flows on %s came in parts: %s" % (PORTS[i + 1], {k: v for k, v in f.items() if v != 3}))
    shares = [len(f) for f in flows]
    print("%d flows over weights 1, 1, 2: %s" % (n_flows, shares))
    # Six standard deviations of a fair choice: 8.7 and 10.
    expect(sum(shares) == n_flows and abs(shares[0] - 100) < 52 and abs(shares[1] - 100) < 52 and abs(shares[2] - 200) < 60, "shares %s" % shares)
    assert_conserved(a)


def select_leaves_out_a_bucket_whose_port_is_down(lab):
    """Its bucket gets nothing, the others all flows, and each flow still stays together."""
    n_flows = 60
    a, guests, wires = set_up(lab, "select", [{"actions": [{"output": t}], "watch_port": t} for t in PORTS[1:]])
    base.sh("ip", "-n", guests[1], "link", "set", "t2", "down")
    wait_for("p2 is down", lambda: not port_stats(a)["p2"]["link_up"])
    n_before = sum(port_stats(a)[t]["tx_packets"] for t in PORTS[1:])
    send_flows(a, wires[0], n_flows, 2)
    flows = [collections.Counter(f) for f in arrived(a, wires, n_before + 2 * n_flows)]
    expect(flows[0] == {} and flows[1] and flows[2], "flows by bucket: %s" % flows)
    expect(set((flows[1] + flows[2]).values()) == {2} and not set(flows[1]) & set(flows[2]), "flows in parts: %s" % flows)
    assert_conserved(a)


def failover_and_back(lab):
    """t2 while it is up, else t3; one flow, whose session must follow at once, and back. Neither: bad_group."""
    a, guests, wires = set_up(lab, "fast_failover", [{"actions": [{"output": t}], "watch_port": t} for t in ("p2", "p3")])
    serial = [0]

    def goes_to(wire):
        wire.drain()
        serial[0] += 1
        send(wires[0], 0, serial[0])
        return wire.receive(is_ours, 0.2) is not None

    def link(i, state):
        base.sh("ip", "-n", guests[i], "link", "set", DEVICES[i], state)

    wait_for("t2, the first bucket", lambda: goes_to(wires[1]))
    expect(wires[2].drain(is_ours) == [], "t3 got packets as well")
    start = time.monotonic()
    link(1, "down")
    wait_for("t3, the second bucket", lambda: goes_to(wires[2]))
    print("failed over after %.0f ms" % (1000 * (time.monotonic() - start)))
    link(1, "up")
    wait_for("t2 again", lambda: goes_to(wires[1]))
    wires[2].drain()
    expect(goes_to(wires[1]) and wires[2].drain(is_ours) == [], "t3 still gets packets")
    link(1, "down")
    link(2, "down")
    wait_for("both are down", lambda: not any(port_stats(a)[t]["link_up"] for t in ("p2", "p3")))
    before = port_stats(a)["p1"]["drops"].get("bad_group", 0)
    send(wires[0], 0, 0)
    wait_for("a drop for bad_group", lambda: port_stats(a)["p1"]["drops"].get("bad_group", 0) > before)
    link(2, "up")
    wait_for("t3, the only one", lambda: goes_to(wires[2]))
    assert_conserved(a)


if __name__ == "__main__":
    main(select_spreads_flows, select_leaves_out_a_bucket_whose_port_is_down, failover_and_back)
