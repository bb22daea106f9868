#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Daemons die under traffic.

   guest g1 ─ tap vm1 ─ host a: switch, sluiced ═ veth ═ host b: switch, sluiced ─ tap vm2 ─ guest g2
   10.0.0.1                                                                              10.0.0.2
"""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def set_up(lab):
    hosts = lab.create()
    guests = []
    for i, host in enumerate(hosts):
        lab.start(host, core=i)
        peer, other = "host-" + "ab"[1 - i], "vm%d" % (2 - i)
        api = host.api
        api.commit([api.put("port", "uplink0", kind="uplink", interface=host.interface), api.put("network", "red", vni=5001),
                    api.put("tunnel_peer", peer, remote_ip=hosts[1 - i].underlay, networks=["red"]),
                    api.put("port", "vm%d" % (i + 1), kind="tap", device="vm%d" % (i + 1), network="red", mac=MACS[i],
                            addresses=["10.0.0.%d" % (i + 1)]),
                    api.put("port", other, kind="remote", network="red", mac=MACS[1 - i], addresses=["10.0.0.%d" % (2 - i)], peer=peer)])
        guests.append(lab.add_guest(host, "vm%d" % (i + 1), MACS[i], ["10.0.0.%d/24" % (i + 1)]))
    wait_for("first ping", lambda: ping(guests[0], "10.0.0.2", 1))
    return hosts, guests


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def daemon_killed_loses_nothing(lab):
    hosts, guests = set_up(lab)
    before = hosts[0].api.call("sys.hello", client="test")["generation"]
    stream = Stream(lab, guests[0], guests[1], "10.0.0.2", rate_pps=5000, seconds=4)
    for host in hosts:
        kill(host.daemon)
        host.api = None
        host.start_daemon()
        host.connect()
    sent, received, dup, gap_ms = stream.finish()
    print("sluiced killed on both hosts: %d sent, %d received, %d twice, longest silence %.1f ms" % (sent, received, dup, gap_ms))
    expect(sent > 10000 and received == sent and dup == 0, "packets were lost: %d of %d" % (sent - received, sent))
    after = hosts[0].api.call("sys.hello", client="test")["generation"]
    expect(after == before, "generation %d became %d" % (before, after))
    expect(hosts[0].api.call("state.get", table="port", name="vm1")["object"]["mac"] == MACS[0], "vm1 is not restored")
    for host in hosts:
        assert_conserved(host)


if __name__ == "__main__":
    main(daemon_killed_loses_nothing)
