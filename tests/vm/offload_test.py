#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest that leaves its checksums to the switch, against a Linux kernel VXLAN device.

   VM vm1 ═ vhost-user ═ host a: sluice-switch ─ underlay0 ═ veth ═ underlay0 ─ host b: kernel vxlan0 (VNI 5001)
   10.0.0.1, fd00::1, 2 queues     192.0.2.1                     192.0.2.2                   10.0.0.2, fd00::2
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integ"))
from harness import *  # noqa: E402,F403
import guest  # noqa: E402
import vxlan_kernel_test as kernel  # noqa: E402

MTU = 1450


def set_up(lab, queues):
    require("qemu-system-x86_64", "busybox", "cpio", "iperf3", "tcpdump", "tshark", "ethtool")
    a, b = lab.create(kernel.V4)
    lab.start(a)
    kernel.kernel_vtep(b, "192.0.2.2", "192.0.2.1")
    api = a.api
    api.commit([api.put("port", "uplink0", kind="uplink", interface=a.interface), api.put("network", "red", vni=5001),
                api.put("tunnel_peer", "host-b", remote_ip="192.0.2.2", networks=["red"]),
                api.put("port", "vm1", network="red", mac=kernel.MAC1, addresses=["10.0.0.1", "fd00::1"], queues=queues),
                api.put("port", "vm2", kind="remote", network="red", mac=kernel.MAC2, addresses=["10.0.0.2", "fd00::2"], peer="host-b")])
    image = os.path.join(lab.rundir, "guest.cpio.gz")
    image_kernel = guest.build_initramfs(image, ["iperf3", "ethtool"])
    vm = guest.Guest("vm1", image_kernel, image, os.path.join(a.rundir, "vm1.sock"), kernel.MAC1, ["10.0.0.1/24", "fd00::1/64"],
                     lab.rundir, mtu=MTU, queues=queues)
    vm.start()
    lab.record(vm.process.pid)
    vm.wait_ready()
    wait_for("the kernel's VTEP answers the VM", lambda: len(vm.ping("10.0.0.2", 3)) == 3)
    return a, b, vm


def tcp(b, vm, address, reverse, lab, amount="-t 2"):
    lab.spawn(b.netns, "iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
    wait_for("iperf3 server", lambda: ":5201" in netns_exec(b.netns, "ss", "-ltn"))
    code, out = vm.run("iperf3 -c %s %s -f m %s" % (address, amount, "-R" if reverse else ""), timeout_s=30)
    expect(code == 0, "iperf3: " + out)
    print(address, "to the VM" if reverse else "from the VM", out.strip().splitlines()[-3].strip())


def checksums_are_right_on_the_wire(lab):
    a, b, vm = set_up(lab, 1)
    _, features = vm.run("ethtool -k eth0")
    expect("tx-checksumming: on" in features, "the guest has no checksum offload to test: " + features)
    pcap = os.path.join(lab.rundir, "underlay.pcap")
    dump = kernel.capture(lab, b, pcap)
    for address in ("10.0.0.2", "fd00::2"):
        for reverse in (False, True):
            tcp(b, vm, address, reverse, lab, "-n 6M")  # every packet of it is decoded
    expect(len(vm.ping("10.0.0.2", 3, size=MTU - 28)) == 3, "largest ping")
    time.sleep(0.05)  # let tcpdump write; it has no event to wait for
    dump.terminate()
    dump.wait()
    kernel.assert_clean_capture(pcap)
    assert_conserved(a)


def queues_come_and_go(lab):
    a, b, vm = set_up(lab, 2)
    for n in (2, 1, 2):
        code, out = vm.run("ethtool -L eth0 combined %d" % n)
        expect(code == 0, "ethtool: " + out)
        tcp(b, vm, "10.0.0.2", n == 1, lab)
        expect(len(vm.ping("10.0.0.2", 3)) == 3, "ping with %d queues" % n)
    assert_conserved(a)


if __name__ == "__main__":
    main(checksums_are_right_on_the_wire, queues_come_and_go)
