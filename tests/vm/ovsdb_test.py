#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VM plugged with nothing but ovs-vsctl, that pings across a VXLAN tunnel made with ovs-vsctl.

   VM ═ vhost-user ═ vhu0 ─ br-int ─ vx0 ─ host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 ─ host b: kernel vxlan0 (VNI 5001)
   10.0.0.1                                            192.0.2.1              192.0.2.2                 10.0.0.2
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integ"))
from harness import *  # noqa: E402,F403
from vsctl import Vsctl  # noqa: E402
from vxlan_kernel_test import MAC1, kernel_vtep  # noqa: E402
import guest  # noqa: E402
import lab as base  # noqa: E402


def a_vm_plugged_with_ovs_vsctl_pings_over_vxlan(lab):
    require("ovs-vsctl", "ethtool", "qemu-system-x86_64", "busybox", "cpio")
    a, b = lab.create()
    lab.start(a)
    kernel_vtep(b, "192.0.2.2", "192.0.2.1")
    base.sh("ip", "-n", b.netns, "link", "set", "vxlan0", "mtu", "1450")
    vsctl = Vsctl(a)
    socket_path = os.path.join(a.rundir, "vhu0.sock")
    vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev")
    vsctl("add-port", "br-int", "vhu0", "--", "set", "interface", "vhu0", "type=dpdkvhostuserclient", "options:vhost-server-path=" + socket_path,
          "external_ids:iface-id=vm1", "external_ids:attached-mac=" + MAC1)
    vsctl("add-port", "br-int", "vx0", "--", "set", "interface", "vx0", "type=vxlan", "options:remote_ip=192.0.2.2", "options:key=5001")
    expect(vsctl.get("interface", "vhu0", "link_state") == "down", "the port is up before its VM")
    image = os.path.join(lab.rundir, "guest.cpio.gz")
    kernel = guest.build_initramfs(image)
    vm = guest.Guest("vm1", kernel, image, socket_path, MAC1, ["10.0.0.1/24"], lab.rundir, mtu=1450)
    vm.start()
    lab.record(vm.process.pid)
    vm.wait_ready()
    vsctl("wait-until", "interface", "vhu0", "link_state=up", timeout_s=20)
    wait_for("the VM reaches the other host", lambda: len(vm.ping("10.0.0.2", 3)) == 3)
    expect(ping(b.netns, "10.0.0.1") == 5, "the other host reaches the VM")
    wait_for("statistics", lambda: "rx_packets" in vsctl("get", "interface", "vhu0", "statistics"), 12)
    print("ovs-vsctl show:\n" + vsctl("show"))
    vsctl("del-port", "br-int", "vhu0")
    expect(ping(b.netns, "10.0.0.1", 2, deadline_s=1) == 0, "an unplugged VM is reached")
    assert_conserved(a)


if __name__ == "__main__":
    main(a_vm_plugged_with_ovs_vsctl_pings_over_vxlan)
