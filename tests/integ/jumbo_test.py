#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets of 9000 bytes over an underlay of 9100.

   guest g1 ─ tap vm1 ─ host a: switch ─ underlay0 ═ veth, MTU 9100 ═ underlay0 ─ host b: kernel vxlan0, or switch ─ tap vm2 ─ guest g2
   10.0.0.1                                                                                 10.0.0.2
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import lab as base  # noqa: E402
from vxlan_kernel_test import V4, set_up  # noqa: E402

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
MTU = 9000
LARGEST = MTU - 20 - 8  # IPv4 and ICMP headers


def both_ways(one, other):
    wait_for("first ping", lambda: ping(one, "10.0.0.2", 1))
    for src, dst in ((one, "10.0.0.2"), (other, "10.0.0.1")):
        for size in (LARGEST, LARGEST - 1, 8000, 4000, 2000):
            expect(ping(src, dst, size=size, dont_fragment=True) == 5, "ping of %d bytes from %s was lost" % (size, src))


def kernel_peer(lab):
    a, b, g1, _ = set_up(lab, V4, 24, underlay_mtu=9100, network_mtu=MTU)
    both_ways(g1, b.netns)
    assert_conserved(a)


def sluice_peer(lab):
    hosts = lab.create(mtu=9100)
    guests = []
    for i, host in enumerate(hosts):
        lab.start(host, core=i)
        peer, api = "host-" + "ab"[1 - i], host.api
        api.commit([api.put("port", "uplink0", kind="uplink", interface=host.interface), api.put("network", "red", vni=5001, mtu=MTU),
                    api.put("tunnel_peer", peer, remote_ip=hosts[1 - i].underlay, networks=["red"]),
                    api.put("port", "vm%d" % (i + 1), kind="tap", device="vm%d" % (i + 1), network="red", mac=MACS[i],
                            addresses=["10.0.0.%d" % (i + 1)]),
                    api.put("port", "vm%d" % (2 - i), kind="remote", network="red", mac=MACS[1 - i], addresses=["10.0.0.%d" % (2 - i)],
                            peer=peer)])
        guests.append(lab.add_guest(host, "vm%d" % (i + 1), MACS[i], ["10.0.0.%d/24" % (i + 1)], mtu=MTU))
    both_ways(*guests)
    for host in hosts:
        assert_conserved(host)


def one_byte_too_long_is_not_sent(lab):
    """The guest's device is larger than its network: counted as rx_too_long, nothing truncated arrives."""
    a, b, g1, _ = set_up(lab, V4, 24, underlay_mtu=9100, network_mtu=1500)
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))
    base.sh("ip", "-n", g1, "link", "set", "vm1", "mtu", "3000")
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", "3000")
    expect(ping(g1, "10.0.0.2", 3, size=1473, dont_fragment=True, deadline_s=3) == 0, "1501 bytes passed a network of 1500")
    expect(ping(g1, "10.0.0.2", 3, size=1472, dont_fragment=True) == 3, "1500 bytes did not pass")
    assert_conserved(a)


if __name__ == "__main__":
    main(kernel_peer, sluice_peer, one_byte_too_long_is_not_sent)
