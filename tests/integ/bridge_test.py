#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bridge with raw rules, as a controller programs it.

   guest g1 ─ tap t1 ─┐
   guest g2 ─ tap t2 ─┼─ bridge br0          10.0.0.1 … 10.0.0.3
   guest g3 ─ tap t3 ─┘
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

MACS = ["02:00:00:00:00:0%d" % i for i in (1, 2, 3)]


def set_up(lab, **bridge):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0", **bridge)] +
                 [a.api.put("port", "t%d" % (i + 1), kind="tap", device="t%d" % (i + 1), bridge="br0") for i in range(3)])
    return a, [lab.add_guest(a, "t%d" % (i + 1), MACS[i], ["10.0.0.%d/24" % (i + 1)], mtu=1500) for i in range(3)]


def flow(api, name, match, actions, **more):
    return api.put("flow", name, bridge="br0", match=match, actions=actions, **more)


def flow_packets(host):
    return {f["name"]: f["packets"] for f in host.api.call("stats.get", table="flow")["flows"]}


def learning_bridge(lab):
    a, g = set_up(lab, miss="normal")
    for src in range(3):
        for dst in range(3):
            if src != dst:
                wait_for("ping %d → %d" % (src + 1, dst + 1), lambda s=src, d=dst: ping(g[s], "10.0.0.%d" % (d + 1), 1))
    learned = {e["mac"]: e["port"] for e in a.api.call("fdb.list", bridge="br0")["entries"]}
    # Also the random addresses that the devices had at first.
    expect({MACS[i]: "t%d" % (i + 1) for i in range(3)}.items() <= learned.items(), "learned %s" % learned)
    assert_conserved(a)


def rules_decide(lab):
    """Priorities, a transaction under traffic, counters, and a trace that says what happens."""
    a, g = set_up(lab)
    expect(ping(g[0], "10.0.0.2", 2, deadline_s=1) == 0, "a bridge without rules forwards")
    a.api.commit([flow(a.api, "all", {}, [{"output": "normal"}], priority=1)])
    wait_for("ping by the new rule", lambda: ping(g[0], "10.0.0.2", 1))
    a.api.commit([flow(a.api, "no-ping", {"in_port": "t1", "eth_type": "0x0800", "ip_proto": 1, "ipv4_dst": "10.0.0.2"}, [], priority=9)])
    expect(ping(g[0], "10.0.0.2", 3, deadline_s=1) == 0, "the drop rule does not win")
    expect(ping(g[0], "10.0.0.3", 3) == 3, "the drop rule hits others")
    wait_for("the rule's counter", lambda: flow_packets(a)["no-ping"] >= 3)
    fields = {"eth_src": MACS[0], "eth_dst": MACS[1], "eth_type": "0x0800", "ipv4_src": "10.0.0.1", "ipv4_dst": "10.0.0.2", "ip_proto": 1}
    verdict = a.api.call("flow.trace", port="t1", fields=fields)["verdict"]
    expect(verdict.get("drop") == "rule_drop" and verdict["rule"] == "no-ping", "trace says %s" % verdict)
    a.api.commit([{"op": "delete", "table": "flow", "name": "no-ping"}])
    expect(ping(g[0], "10.0.0.2", 3) == 3, "the deleted rule still drops")
    expect(a.api.call("flow.trace", port="t1", fields=fields)["verdict"]["outputs"] == 1, "trace and forwarding differ")
    assert_conserved(a)


def rewriting_and_tables(lab):
    """g1 pings 10.0.0.9, which does not exist: rules make it g2, and back; over goto, registers and a group."""
    a, g = set_up(lab)
    netns_exec(g[0], "ip", "neigh", "replace", "10.0.0.9", "lladdr", "02:00:00:00:00:99", "dev", "t1")
    netns_exec(g[1], "ip", "neigh", "replace", "10.0.0.1", "lladdr", MACS[0], "dev", "t2")
    ip = {"eth_type": "0x0800", "ip_proto": 1}
    a.api.commit([
        a.api.put("group", "to-g2", bridge="br0", group_id=7, type="indirect", buckets=[{"actions": [{"output": "t2"}]}]),
        flow(a.api, "there", {"in_port": "t1", "ipv4_dst": "10.0.0.9", **ip}, [{"set_field": {"reg0": 5}}, "dec_ttl"], goto=1),
        flow(a.api, "there2", {"reg0": 5, **ip}, [{"set_field": {"ipv4_dst": "10.0.0.2"}}, {"set_field": {"eth_dst": MACS[1]}}, {"group": 7}], table=1),
        flow(a.api, "back", {"in_port": "t2", **ip}, [{"set_field": {"ipv4_src": "10.0.0.9"}}, {"set_field": {"eth_src": "02:00:00:00:00:99"}},
                                                      {"output": "t1"}])])
    expect(ping(g[0], "10.0.0.9", 5) == 5, "the rewritten ping is not answered")
    expect("ttl=64" in netns_exec(g[0], "ping", "-c", "1", "10.0.0.9"), "the way back changed the TTL")
    assert_conserved(a)


def timeouts_remove_rules(lab):
    a, g = set_up(lab)
    a.api.commit([flow(a.api, "brief", {}, [{"output": "normal"}], hard_timeout_s=2)])
    wait_for("ping", lambda: ping(g[0], "10.0.0.2", 1))
    wait_for("the rule leaves the desired state", lambda: a.api.call("state.list", table="flow")["objects"] == [], 15)
    expect(ping(g[0], "10.0.0.2", 2, deadline_s=1) == 0, "the rule is still there")


if __name__ == "__main__":
    main(learning_bridge, rules_decide, rewriting_and_tables, timeouts_remove_rules)
