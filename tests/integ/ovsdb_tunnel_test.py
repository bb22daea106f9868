#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VXLAN tunnel made with ovs-vsctl, to a Linux kernel VXLAN device.

   guest g1 ─ tap vm1 ─ br0 ─ vx0 ─ host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 ─ host b: kernel vxlan0 (VNI 5001)
   10.0.0.1                                   192.0.2.1              192.0.2.2                 10.0.0.2
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from vsctl import Vsctl  # noqa: E402
from vxlan_kernel_test import MAC1, kernel_vtep  # noqa: E402
import lab as base  # noqa: E402


def set_up(lab):
    require("ovs-vsctl", "ethtool")
    a, b = lab.create()
    lab.start(a)
    kernel_vtep(b, "192.0.2.2", "192.0.2.1")
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", "1450")
    vsctl = Vsctl(a)
    vsctl("add-br", "br0", "--", "add-port", "br0", "vm1", "--", "set", "interface", "vm1", "type=tap")
    return a, b, vsctl, lab.add_guest(a, "vm1", MAC1, ["10.0.0.1/24"])


def a_tunnel_reaches_the_kernel(lab):
    a, b, vsctl, g1 = set_up(lab)
    vsctl("add-port", "br0", "vx0", "--", "set", "interface", "vx0", "type=vxlan", "options:remote_ip=192.0.2.2", "options:key=5001")
    wait_for("first ping", lambda: ping(g1, "10.0.0.2", 1))
    expect(ping(g1, "10.0.0.2") == 5 and ping(b.netns, "10.0.0.1") == 5, "pings are lost")
    expect(ping(g1, "10.0.0.2", size=1422, dont_fragment=True) == 5, "largest ping")
    vsctl("set", "interface", "vx0", "options:key=5002")
    expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "another VNI reaches the peer")
    vsctl("set", "interface", "vx0", "options:key=5001", "options:local_ip=192.0.2.1", "options:df_default=false", "options:tos=inherit")
    expect(ping(g1, "10.0.0.2") == 5, "pings are lost with more options: " + vsctl("get", "interface", "vx0", "error"))
    result = vsctl.run("set", "interface", "vx0", "options:dst_port=none")
    expect(result.returncode == 0 and "dst_port" in vsctl("get", "interface", "vx0", "error"), "a wrong option has no error")
    expect(ping(g1, "10.0.0.2") == 5, "a refused change has broken the tunnel")
    vsctl("remove", "interface", "vx0", "options", "dst_port")
    assert_conserved(a)


if __name__ == "__main__":
    main(a_tunnel_reaches_the_kernel)
