#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VLANs of ports as OVS users know them, with the kernel's own stack on VLAN devices as the judge.

   a1 ─ access 10 ─┐                 ┌─ access 10 ─ b1
   a2 ─ access 20 ─┤  br0 ══ patch ══ br1 (trunk of both)
   tr ─ trunk ─────┤                 └─ native-untagged 10, trunks 20 ─ b2
        .10 .20    │
   raw ─ a tap whose bytes are looked at
"""
import contextlib
import fcntl
import os
import select
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from wire import Wire, frame, in_netns, udp4  # noqa: E402

IPV4, VLAN = 0x0800, 0x8100
PAYLOAD = bytes(range(64))
INNER = udp4("10.0.99.1", "10.0.99.2", 5555, 7777, PAYLOAD)
BROADCAST = "ff:ff:ff:ff:ff:ff"


def tap(host, name, bridge, **columns):
    return host.api.put("port", name, kind="tap", bridge=bridge, device=name, **columns)


def patches(host):
    return [host.api.put("port", "p0", kind="patch", bridge="br0", peer="p1"), host.api.put("port", "p1", kind="patch", bridge="br1", peer="p0")]


class VlanDevices:
    """VLAN devices on a guest's tap, one for each VLAN, as `ip link add link DEV type vlan` makes them where the kernel has those: what the
    stack sends by DEV.VLAN leaves DEV with that tag, what comes with it is DEV.VLAN's."""

    def __init__(self, netns, device, addresses):
        self.wire = Wire(netns, device)
        self.taps = {}
        for vlan, address in addresses.items():
            name = "%s.%d" % (device, vlan)
            self.taps[vlan] = self._tap(netns, name)
            mac = netns_exec(netns, "cat", "/sys/class/net/%s/address" % device).strip()
            netns_exec(netns, "ip", "link", "set", name, "address", mac, "up")
            netns_exec(netns, "ip", "addr", "add", address, "dev", name)
        threading.Thread(target=self._run, daemon=True).start()

    @staticmethod
    def _tap(netns, name):
        with in_netns(netns):
            fd = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))  # TUNSETIFF: TAP, no packet information
        return fd

    def _run(self):
        fds = {fd: vlan for vlan, fd in self.taps.items()}
        with contextlib.suppress(OSError):  # the guest went
            while True:
                self._turn(fds)

    def _turn(self, fds):
        for fd in select.select(list(fds) + [self.wire.sock], [], [])[0]:
            if fd is self.wire.sock:
                self._receive(self.wire.receive())
            else:
                data = os.read(fd, 4096)
                self.wire.send(data[:12] + struct.pack("!HH", VLAN, fds[fd]) + data[12:])

    def _receive(self, data):
        if data is None or data[12:14] != b"\x81\x00":
            return
        tap = self.taps.get(struct.unpack("!H", data[14:16])[0] & 0xfff)
        if tap is not None:
            os.write(tap, data[:12] + data[16:])


def is_ours(data):
    return PAYLOAD in data


def drops(host, port, reason):
    return port_stats(host)[port]["drops"].get(reason, 0)


def reach(pairs):
    for netns, address, want in pairs:
        netns_exec(netns, "ip", "neigh", "flush", "all")  # an address that was asked for in vain
        got = ping(netns, address, count=3, deadline_s=3)
        expect((got == 3) if want else (got == 0), "%s pings %s: %d answers of 3, wanted %s" % (netns, address, got, "all" if want else "none"))


def trunks_and_access_ports_over_two_bridges(lab):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0", miss="normal"), a.api.put("bridge", "br1", miss="normal")] + patches(a) + [
        tap(a, "a1", "br0", tag=10), tap(a, "a2", "br0", tag=20), tap(a, "tr", "br0", trunks=[10, 20]),
        tap(a, "b1", "br1", vlan_mode="access", tag=10), tap(a, "b2", "br1", vlan_mode="native-untagged", tag=10, trunks=[20])])
    # The same addresses in both VLANs: only one of them may answer.
    n = {name: lab.add_guest(a, name, "02:00:00:00:00:%02x" % i, addresses) for i, (name, addresses) in enumerate(
        [("a1", ["10.0.0.1/24"]), ("a2", ["10.0.0.2/24"]), ("tr", []), ("b1", ["10.0.0.4/24"]), ("b2", ["10.0.0.5/24"])], 1)}
    VlanDevices(n["tr"], "tr", {10: "10.0.0.31/24", 20: "10.0.20.32/24"})
    VlanDevices(n["b2"], "b2", {20: "10.0.20.52/24"})
    netns_exec(n["a2"], "ip", "addr", "add", "10.0.20.2/24", "dev", "a2")
    reach([(n["a1"], "10.0.0.31", True), (n["a1"], "10.0.0.4", True), (n["a1"], "10.0.0.5", True),
           (n["tr"], "10.0.0.4", True), (n["tr"], "10.0.20.2", True), (n["tr"], "10.0.20.52", True), (n["a2"], "10.0.20.52", True),
           (n["a1"], "10.0.0.2", False), (n["a2"], "10.0.0.4", False), (n["b1"], "10.0.0.2", False)])
    learned = {(e["mac"], e["vlan"]): e["port"] for e in a.api.call("fdb.list", bridge="br0")["entries"]}
    expect(learned.get(("02:00:00:00:00:03", 10)) == "tr" and learned.get(("02:00:00:00:00:03", 20)) == "tr", "learned: %s" % learned)
    expect(learned.get(("02:00:00:00:00:01", 10)) == "a1" and learned.get(("02:00:00:00:00:05", 20)) == "p0", "learned: %s" % learned)
    assert_conserved(a)


def a_changed_port_moves_at_once(lab):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0", miss="normal"), tap(a, "a1", "br0", tag=10), tap(a, "a2", "br0", tag=20)])
    n1 = lab.add_guest(a, "a1", "02:00:00:00:00:01", ["10.0.0.1/24"])
    lab.add_guest(a, "a2", "02:00:00:00:00:02", ["10.0.0.2/24"])
    reach([(n1, "10.0.0.2", False)])
    a.api.commit([tap(a, "a2", "br0", tag=10)])
    reach([(n1, "10.0.0.2", True)])
    a.api.commit([tap(a, "a1", "br0", tag=20)])
    reach([(n1, "10.0.0.2", False)])
    a.api.commit([tap(a, "a1", "br0"), tap(a, "a2", "br0", vlan_mode="native-untagged", tag=5)])
    reach([(n1, "10.0.0.2", False)])  # VLAN 0 is not VLAN 5
    a.api.commit([tap(a, "a1", "br0", tag=5)])
    reach([(n1, "10.0.0.2", True)])
    assert_conserved(a)


def tags_on_the_wire(lab):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0", miss="normal"), tap(a, "t1", "br0", tag=10), tap(a, "t2", "br0", trunks=[10, 30])])
    w1, w2 = [Wire(lab.add_guest(a, t, m, [], mtu=1508), t) for t, m in (("t1", "02:00:00:00:00:01"), ("t2", "02:00:00:00:00:02"))]

    def sent(tags, src="02:00:00:00:00:11"):
        return frame(BROADCAST, src, INNER, IPV4, tags)

    def crosses(src, dst, came, left):
        for _ in range(3):  # rules, then sessions
            src.send(sent(came))
            seen = dst.receive(is_ours)
            expect(seen == sent(left), "%s left as %s" % (came, seen and seen[:24].hex()))

    def refused(src, port, came):
        before = drops(a, port, "vlan_not_carried")
        src.send(sent(came))
        wait_for("vlan_not_carried of %s from %s" % (came, port), lambda: drops(a, port, "vlan_not_carried") == before + 1)
    crosses(w1, w2, [], [(VLAN, 10)])
    crosses(w1, w2, [(VLAN, 5 << 13)], [(VLAN, 5 << 13 | 10)])  # priority-tagged
    crosses(w2, w1, [(VLAN, 3 << 13 | 10)], [])
    for came in ([(VLAN, 10)], [(VLAN, 11)], [(VLAN, 0), (VLAN, 30)]):
        refused(w1, "t1", came)
    for came in ([], [(VLAN, 11)], [(VLAN, 5 << 13)]):
        refused(w2, "t2", came)
    expect(w1.drain(is_ours) == [] and w2.drain(is_ours) == [], "a frame of another VLAN arrived")
    # The inner tag would come out of the access port as a VLAN of its own.
    w2.send(sent([(VLAN, 10), (VLAN, 30)]))
    # The priority stays with the frame where the port wants it.
    a.api.commit([tap(a, "t1", "br0", tag=10, priority_tags="if-nonzero")])
    crosses(w2, w1, [(VLAN, 3 << 13 | 10)], [(VLAN, 3 << 13)])
    crosses(w2, w1, [(VLAN, 10)], [])
    a.api.commit([tap(a, "t1", "br0", tag=10, priority_tags="always")])
    crosses(w2, w1, [(VLAN, 10)], [(VLAN, 0)])
    expect(w1.drain(is_ours) == [], "a frame with a second tag arrived")
    assert_conserved(a)


if __name__ == "__main__":
    main(trunks_and_access_ports_over_two_bridges, a_changed_port_moves_at_once, tags_on_the_wire)
