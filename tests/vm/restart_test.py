#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The switch and a VM die and come back; nobody repairs anything by hand.

   VM red-a ═ vhost-user ═ host a: switch, sluiced ═ vhost-user ═ VM red-b
   10.0.0.1                                                       10.0.0.2
"""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integ"))
from harness import *  # noqa: E402,F403
import guest  # noqa: E402

VMS = (("red-a", "02:00:00:00:00:01", "10.0.0.1"), ("red-b", "02:00:00:00:00:02", "10.0.0.2"))


def set_up(lab):
    require("qemu-system-x86_64", "busybox", "cpio")
    host = lab.create()[0]
    lab.start(host)
    api = host.api
    api.commit([api.put("network", "red", vni=5001)] +
               [api.put("port", name, network="red", mac=mac, addresses=[address]) for name, mac, address in VMS])
    image = os.path.join(lab.rundir, "guest.cpio.gz")
    kernel = guest.build_initramfs(image)
    vms = [guest.Guest(name, kernel, image, os.path.join(host.rundir, name + ".sock"), mac, [address + "/24"], lab.rundir, mtu=1450)
           for name, mac, address in VMS]
    for vm in vms:
        start_vm(lab, vm)
    for vm in vms:
        vm.wait_ready()
    wait_for("the VMs reach each other", lambda: len(vms[0].ping("10.0.0.2", 3)) == 3)
    return host, vms


def start_vm(lab, vm):
    vm.start()
    lab.record(vm.process.pid)


def state_of(host, name):
    return port_stats(host)[name]["state"]


def vm_killed_comes_back(lab):
    host, vms = set_up(lab)
    os.killpg(vms[1].process.pid, signal.SIGKILL)
    vms[1].process.wait()
    vms[1].conn = None
    wait_for("port red-b waits for its guest", lambda: state_of(host, "red-b") == "waiting")
    expect(vms[0].ping("10.0.0.2", 2) == [], "a dead VM answered")
    start_vm(lab, vms[1])
    vms[1].wait_ready()
    wait_for("port red-b is up", lambda: state_of(host, "red-b") == "up")
    wait_for("the restarted VM is reached", lambda: len(vms[0].ping("10.0.0.2", 3)) == 3)
    reasons = {r["reason"]: r["count"] for r in host.api.call("drop.list")["reasons"]}
    expect(reasons.get("port_down", 0) > 0, "packets to the dead VM have no reason: %s" % reasons)
    assert_conserved(host)


def switch_killed_resumes_within_a_second(lab):
    host, vms = set_up(lab)
    # A probe every 20 ms with its number; the gap in the numbers is the outage as the guest sees it.
    vms[0].run("(ping -i 0.02 -W 1 -c 400 10.0.0.2 > /tmp/ping.log 2>&1) &")
    time.sleep(1)  # traffic must be flowing for a while: the outage is measured from the probes, not from here
    os.killpg(host.switch.pid, signal.SIGKILL)
    host.switch.wait()
    host.start_switch(0)  # what a service manager does
    wait_for("probes are done", lambda: "packets transmitted" in vms[0].run("cat /tmp/ping.log")[1], 60)
    log = vms[0].run("cat /tmp/ping.log")[1]
    seen = [int(n) for n in re.findall(r"seq=(\d+)", log)]
    gap_ms = max((b - a - 1) * 20 for a, b in zip(seen, seen[1:]))
    print("switch killed: %d probes of 400 answered, longest outage %d ms" % (len(seen), gap_ms))
    expect(gap_ms < 1000, "the outage lasted %d ms" % gap_ms)
    expect(seen[-1] > 380, "traffic did not resume")


if __name__ == "__main__":
    main(vm_killed_comes_back, switch_killed_resumes_within_a_second)
