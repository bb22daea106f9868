#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Internal ports, kernel devices of the switch's making: a bridge's own port, and one that is given to a namespace.

   br0 (the bridge's own, of this host) ─┐
   in1 (moved into a namespace) ─────────┴─ bridge br0
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import lab as base  # noqa: E402

MAC0, MAC1 = "02:00:00:00:00:10", "02:00:00:00:00:01"


def set_up(lab, **bridge):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0", **bridge), a.api.put("port", "br0", kind="tap", bridge="br0", ofport=65534, mac=MAC0),
                  a.api.put("port", "in1", kind="tap", bridge="br0", mac=MAC1)])
    wait_for("the bridge's own device", lambda: base.sh("ip", "-n", a.netns, "link", "show", "br0", check=False))
    base.sh("ip", "-n", a.netns, "addr", "add", "10.0.0.10/24", "dev", "br0")
    return a, lab.add_guest(a, "in1", MAC1, ["10.0.0.1/24"], mtu=1500)


def a_bridges_own_port(lab):
    a, guest = set_up(lab, miss="normal")
    expect(MAC0 in netns_exec(a.netns, "ip", "link", "show", "br0"), "the device has not the MAC address of the port")
    wait_for("first ping", lambda: ping(guest, "10.0.0.10", 1))
    expect(ping(a.netns, "10.0.0.1") == 5, "ping from the bridge's own port")
    base.sh("ip", "-n", a.netns, "link", "set", "br0", "down")
    wait_for("the port is down", lambda: port_stats(a)["br0"]["state"] == "link_down")
    base.sh("ip", "-n", a.netns, "link", "set", "br0", "up")
    wait_for("the port is up again", lambda: port_stats(a)["br0"]["state"] == "up")
    wait_for("ping again", lambda: ping(guest, "10.0.0.10", 1))
    assert_conserved(a)


def rules_call_it_local(lab):
    a, guest = set_up(lab)
    a.api.commit([a.api.put("flow", "in", bridge="br0", match={"in_port": "in1"}, actions=[{"output": "local"}]),
                  a.api.put("flow", "out", bridge="br0", match={"in_port": "local"}, actions=[{"output": "in1"}])])
    wait_for("first ping", lambda: ping(guest, "10.0.0.10", 1))
    expect(ping(a.netns, "10.0.0.1") == 5, "ping from the bridge's own port")
    assert_conserved(a)


def a_device_that_went_with_its_namespace_is_made_again(lab):
    a, guest = set_up(lab, miss="normal")
    wait_for("first ping", lambda: ping(guest, "10.0.0.10", 1))
    base.sh("ip", "netns", "del", guest)
    wait_for("the device is back", lambda: "in1" in base.sh("ip", "-n", a.netns, "link", "show", "in1", check=False))
    expect(MAC1 in netns_exec(a.netns, "ip", "link", "show", "in1"), "it has not its MAC address")
    guest = lab.add_guest(a, "in1", MAC1, ["10.0.0.1/24"], mtu=1500)
    wait_for("ping again", lambda: ping(guest, "10.0.0.10", 1))
    base.sh("ip", "-n", a.netns, "link", "del", "br0")  # by hand
    wait_for("the bridge's own device is back", lambda: base.sh("ip", "-n", a.netns, "link", "show", "br0", check=False))
    base.sh("ip", "-n", a.netns, "addr", "add", "10.0.0.10/24", "dev", "br0")
    wait_for("ping once more", lambda: ping(guest, "10.0.0.10", 1))
    assert_conserved(a)


def a_policed_port(lab):
    """100 kbit/s and 8 packets at once, of a guest that sends ten times as much; the others are not touched."""
    a, guest = set_up(lab, miss="normal")
    wait_for("first ping", lambda: ping(guest, "10.0.0.10", 1))
    a.api.commit([a.api.put("port", "in1", kind="tap", bridge="br0", mac=MAC1, policing_kbps=100, policing_burst_kbit=80)])
    answered = ping(guest, "10.0.0.10", 100, size=972, interval_s=0.01, deadline_s=5)
    dropped = port_stats(a)["in1"]["drops"].get("policed", 0)
    expect(8 <= answered <= 90 and dropped + answered >= 100, "%d answers, %d policed" % (answered, dropped))
    a.api.commit([a.api.put("port", "in1", kind="tap", bridge="br0", mac=MAC1)])
    expect(ping(guest, "10.0.0.10", 20, size=972, interval_s=0.01) == 20, "ping without a limit")
    assert_conserved(a)


if __name__ == "__main__":
    main(a_bridges_own_port, rules_call_it_local, a_device_that_went_with_its_namespace_is_made_again, a_policed_port)
