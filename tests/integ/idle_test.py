#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A switch that has nothing to do leaves the core to others.

   host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 ─ host b (silent)
           ├ v1, v2: vhost-user, no guest yet
           └ vm1: tap, guest g1 (silent)
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

MOST_PERCENT, WINDOW_S = 2.0, 3.0


def cpu_s(pid):
    """By the scheduler's own clock: ticks miss what sleeps most of the time, or charge it too much."""
    total_ns = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            total_ns += int(f.read().split()[0])
    return total_ns / 1e9


def cpu_percent(pid):
    start, before = time.monotonic(), cpu_s(pid)
    time.sleep(WINDOW_S)  # the measurement itself
    return 100 * (cpu_s(pid) - before) / (time.monotonic() - start)


def idle_switch_sleeps(lab):
    a, _ = lab.create()
    lab.start(a)
    ports = [a.api.put("port", "v%d" % i, network="red", mac="02:00:00:00:01:0%d" % i, queues=2) for i in (1, 2)]
    a.api.commit([a.api.put("network", "red", vni=5001), a.api.put("port", "uplink0", kind="uplink", interface=a.interface),
                  a.api.put("port", "vm1", kind="tap", device="vm1", network="red", mac="02:00:00:00:00:01", addresses=["10.0.0.1"])] + ports)
    g1 = lab.add_guest(a, "vm1", "02:00:00:00:00:01", ["10.0.0.1/24"])
    wait_for("uplink and tap up", lambda: all(port_stats(a)[p]["state"] == "up" for p in ("uplink0", "vm1")))
    # IPv6's own chatter after link up is not idleness.
    quiet = {"rx": -1}

    def silent_for_a_second():
        rx, now = sum(p["rx_packets"] for p in port_stats(a).values()), time.monotonic()
        if rx != quiet["rx"]:
            quiet.update(rx=rx, since=now)
        return now - quiet["since"] > 2
    wait_for("no packets for two seconds", silent_for_a_second, 30)
    for program in (a.switch, a.daemon):
        # The least of some windows: what others do on the machine only ever adds.
        percent = min(cpu_percent(program.pid) for _ in range(3))
        print("%s idle: %.2f %% of a core" % ("sluice-switch" if program is a.switch else "sluiced", percent))
        expect(percent < MOST_PERCENT, "an idle process uses %.2f %% of a core" % percent)
    expect(g1 and ping(g1, "10.0.0.1", 1) == 1, "the guest is gone")
    assert_conserved(a)


if __name__ == "__main__":
    main(idle_switch_sleeps)
