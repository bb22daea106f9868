#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two VLAN tags: both matched, popped, pushed and rewritten, seen as bytes on the devices.

   provider side  ─ tap t1 ─┐
   customer side  ─ tap t2 ─┴─ bridge br0
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from wire import Wire, frame, udp4  # noqa: E402

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
S_TAG, C_TAG = 0x88a8, 0x8100
IPV4 = 0x0800
INNER = udp4("10.0.0.1", "10.0.0.2", 5555, 7777, bytes(range(100)))


def set_up(lab):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0")] + [a.api.put("port", t, kind="tap", bridge="br0", device=t) for t in ("t1", "t2")])
    return a, [Wire(lab.add_guest(a, t, m, [], mtu=1508), t) for t, m in (("t1", MAC1), ("t2", MAC2))]


def flow(host, name, match, actions, **more):
    return host.api.put("flow", name, bridge="br0", match=match, actions=actions, **more)


def outer(vid):
    """The outer tag is there and has this id."""
    return {"vlan_tci": "0x%04x/0x1fff" % (0x1000 | vid)}


def inner(vid):
    return {"vlan_tci2": "0x%04x/0x1fff" % (0x1000 | vid)}


def is_ours(data):
    return INNER[-100:] in data


def expect_crosses(src, dst, sent, want):
    src.send(sent)
    seen = dst.receive(is_ours)
    expect(seen == want, "%s became %s, not %s" % (sent[:40].hex(), seen and seen[:40].hex(), want[:40].hex()))


def expect_dropped(host, src, dst, sent, reason):
    before = port_stats(host)["t1"]["drops"].get(reason, 0)
    src.send(sent)
    wait_for("a drop for %s" % reason, lambda: port_stats(host)["t1"]["drops"].get(reason, 0) == before + 1)
    expect(dst.drain(is_ours) == [], "a dropped packet arrived")


def popped_and_pushed(lab):
    """A provider edge: service 100 with customer VLAN 7 is the untagged network behind t2."""
    a, (t1, t2) = set_up(lab)
    a.api.commit([
        flow(a, "in", {"in_port": "t1", "vlan_tpid": "0x88a8", **outer(100), **inner(7)}, ["pop_vlan", "pop_vlan", {"output": "t2"}]),
        flow(a, "out", {"in_port": "t2", "eth_type": "0x0800"}, [
            {"push_vlan": "0x8100"}, {"set_field": {"vlan_vid": "7"}}, {"set_field": {"vlan_pcp": "5"}},
            {"push_vlan": "0x88a8"}, {"set_field": {"vlan_vid": "100"}}, {"output": "t1"}])])
    bare = frame(MAC2, MAC1, INNER, IPV4)
    back = frame(MAC1, MAC2, INNER, IPV4)
    for i in range(3):  # the first runs the rules, the others are sessions
        pcp = i << 13  # not matched
        expect_crosses(t1, t2, frame(MAC2, MAC1, INNER, IPV4, [(S_TAG, pcp | 100), (C_TAG, pcp | 7)]), bare)
        # A pushed tag begins with the priority of the tag that was outermost (OpenFlow 1.3.5 5.12).
        expect_crosses(t2, t1, back, frame(MAC1, MAC2, INNER, IPV4, [(S_TAG, 5 << 13 | 100), (C_TAG, 5 << 13 | 7)]))
    for tags in ([(S_TAG, 100), (C_TAG, 8)], [(S_TAG, 101), (C_TAG, 7)], [(C_TAG, 100), (C_TAG, 7)], [(S_TAG, 100)], [(C_TAG, 7)], []):
        expect_dropped(a, t1, t2, frame(MAC2, MAC1, INNER, IPV4, tags), "table_miss")
    assert_conserved(a)


def the_inner_tag_chooses_behind_the_outer(lab):
    """What is under two tags is still seen (ports of UDP), and a tag is translated without touching the other."""
    a, (t1, t2) = set_up(lab)
    udp = {"eth_type": "0x0800", "ip_proto": 17, "udp_dst": 7777}
    a.api.commit([
        flow(a, "translate", dict(udp, in_port="t1", **outer(100), **inner(7)), [{"set_field": {"vlan_vid": "200"}}, {"output": "t2"}]),
        flow(a, "swap-inner", dict(udp, in_port="t1", **outer(100), **inner(8)),
             ["pop_vlan", {"set_field": {"vlan_vid": "9"}}, {"push_vlan": "0x88a8"}, {"set_field": {"vlan_vid": "300"}}, {"output": "t2"}]),
        flow(a, "one-left", {"in_port": "t1", **outer(101), "vlan_tci2": "0x1000/0x1000"}, ["pop_vlan", {"output": "t2"}])])

    def tagged(*tags, payload=INNER):
        return frame(MAC2, MAC1, payload, IPV4, tags)

    for _ in range(3):
        expect_crosses(t1, t2, tagged((S_TAG, 100), (C_TAG, 7)), tagged((S_TAG, 200), (C_TAG, 7)))
        expect_crosses(t1, t2, tagged((S_TAG, 100), (C_TAG, 8)), tagged((S_TAG, 300), (C_TAG, 9)))
        expect_crosses(t1, t2, tagged((S_TAG, 101), (C_TAG, 55)), tagged((C_TAG, 55)))
    other = udp4("10.0.0.1", "10.0.0.2", 5555, 7778, bytes(range(100)))
    expect_dropped(a, t1, t2, tagged((S_TAG, 100), (C_TAG, 7), payload=other), "table_miss")
    expect_dropped(a, t1, t2, tagged((S_TAG, 101)), "table_miss")
    # 1500 bytes of IP under two tags are no longer than the MTU.
    long = udp4("10.0.0.1", "10.0.0.2", 5555, 7777, bytes(1500 - 28 - 100) + bytes(range(100)))
    expect_crosses(t1, t2, tagged((S_TAG, 100), (C_TAG, 7), payload=long), tagged((S_TAG, 200), (C_TAG, 7), payload=long))
    assert_conserved(a)


if __name__ == "__main__":
    main(popped_and_pushed, the_inner_tag_chooses_behind_the_outer)
