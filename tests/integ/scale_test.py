#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many rules: how fast they are in, what they weigh, how a restart finds them.

   null n1 ─ bridge br0: 100,000 rules ─ null n2        (host a: sluice-switch, sluiced)
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from api import ApiError  # noqa: E402

STEP, TOTAL = 20000, 100000


def rss_mib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def flow_ops(api, first, n):
    return [api.put("flow", "f%d" % i, bridge="br0", priority=100, actions=[{"output": "n2"}],
                    match={"in_port": "n1", "eth_type": "0x0800", "ip_proto": 6, "tcp_dst": 80, "ipv4_dst": "192.0.2.1",
                           "ipv4_src": "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255)}) for i in range(first, first + n)]


def digest_line(host):
    with open(os.path.join(host.rundir, "sluiced.log"), encoding="utf-8") as f:
        return [line for line in f if "holds what it should" in line]


def many_rules(lab):
    a = lab.create()[0]
    lab.start(a)
    a.api.sock.settimeout(60)
    a.api.commit([a.api.put("bridge", "br0")] + [a.api.put("port", n, kind="null", bridge="br0") for n in ("n1", "n2")])
    before, daemon_before = rss_mib(a.switch.pid), rss_mib(a.daemon.pid)
    times = []
    for first in range(0, TOTAL, STEP):
        request = a.api.encode_commit(flow_ops(a.api, first, STEP))
        start = time.monotonic()
        reply = a.api.run(request)
        times.append(time.monotonic() - start)
        expect(reply["applied"] and reply["n_created"] == STEP, "not applied: %s" % reply)
    grown, daemon_grown = rss_mib(a.switch.pid) - before, rss_mib(a.daemon.pid) - daemon_before
    print("%d rules in one transaction: %s s, %d rules/s durable and applied at best; %d rules: %.1f MiB more in the switch, %d bytes a rule, "
          "%d bytes a rule in sluiced" % (STEP, " ".join("%.2f" % t for t in times), STEP / min(times), TOTAL, grown, grown * 1048576 / TOTAL,
                                          daemon_grown * 1048576 / TOTAL))
    expect(times[0] < 1, "the first %d rules took %.2f s" % (STEP, times[0]))
    expect(grown < 100, "%.1f MiB" % grown)

    os.killpg(a.daemon.pid, signal.SIGKILL)
    a.daemon.wait()
    a.api = None
    seen = len(digest_line(a))
    start = time.monotonic()
    a.start_daemon()
    a.connect(60)
    print("sluiced restarted with %d rules in %.2f s" % (TOTAL, time.monotonic() - start))
    expect(len(digest_line(a)) == seen + 1, "the restarted daemon changed the switch")
    a.api.sock.settimeout(60)
    ops = [{"op": "delete", "table": "flow", "name": "f%d" % i} for i in range(TOTAL)]
    try:
        a.api.commit(ops)
        raise Failure("everything could be deleted without force")
    except ApiError as e:
        expect(e.error["data"]["name"] == "unsafe_change", "refused with %s" % e.error)
    a.api.commit(ops, force=True)
    expect(a.api.call("stats.get", table="flow")["flows"] == [], "rules are left")


if __name__ == "__main__":
    main(many_rules)
