#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that a rule sends to the controller arrive there, within the port's budget.

   guest g1 ─ tap t1 ─ bridge br0 ─ sluice-switch ─ punts ─ sluiced ─ watch "punt"
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
import api  # noqa: E402
import lab as base  # noqa: E402
from wire import TEST_TYPE, Wire, frame, udp4  # noqa: E402

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
PPS, BURST = 20, 32  # the port's punt_pps; what the switch lets pass at once


class Punts:
    """A controller that watches punts."""

    def __init__(self, host):
        self.api = api.Api(os.path.join(host.rundir, "api.sock"))
        self.api.call("watch.start", tables=["punt"])

    def take(self, n, timeout_s=5.0):
        """At least n punts, in order."""
        punts = []
        deadline = time.monotonic() + timeout_s
        while len(punts) < n:
            expect(time.monotonic() < deadline, "%d of %d punts came" % (len(punts), n))
            self.api.call("sys.health")  # collects notifications on its way
            for note in self.api.notifications:
                punts += [c for c in note["params"]["changes"] if note["method"] == "watch.event"]
            self.api.notifications.clear()
        return punts


def set_up(lab, actions, match):
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0"), a.api.put("port", "t1", kind="tap", bridge="br0", device="t1", punt_pps=PPS),
                  a.api.put("flow", "ask", bridge="br0", match=dict(match, in_port="t1"), actions=actions)])
    g1 = lab.add_guest(a, "t1", MAC1, ["10.0.0.1/24"], mtu=1500)
    return a, g1, Punts(a)


def drops(host, reason):
    return port_stats(host)["t1"]["drops"].get(reason, 0)


def bytes_arrive(lab):
    """The head of the packet as far as max_len, and everything that is known of it."""
    a, g1, punts = set_up(lab, [{"controller": {"max_len": 100}}], {"eth_type": "0x%04x" % TEST_TYPE})
    wire = Wire(g1, "t1")
    for size in (60, 100, 101, 1514):
        sent = frame(MAC2, MAC1, bytes(i * 7 % 256 for i in range(size - 14)))
        wire.send(sent)
        punt = punts.take(1)[0]
        seen = punt["object"]
        expect(punt["table"] == "punt" and punt["name"] == "t1", "not t1's punt: %s" % punt)
        expect(bytes.fromhex(seen["packet"]) == sent[:100], "other bytes than the sent ones: %s" % seen)
        expect(seen["length"] == size and seen["port"] == "t1" and seen["bridge"] == "br0" and seen["table"] == 0 and
               seen["rule"] == "ask" and seen["reason"] == "action" and seen["tun_id"] == 0, "described as %s" % seen)
    wire.close()
    assert_conserved(a)


def whole_packet_with_its_checksum(lab):
    """As a bare word: all of the packet. The guest's kernel leaves the UDP checksum to the device; the controller sees it made."""
    a, g1, punts = set_up(lab, ["controller"], {"eth_type": "0x0800", "ip_proto": 17, "udp_dst": 7777})
    netns_exec(g1, "ip", "neigh", "replace", "10.0.0.2", "lladdr", MAC2, "dev", "t1")
    payload = bytes(range(256)) * 4
    netns_exec(g1, sys.executable, "-c", "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               "s.setsockopt(0, 10, 2)\ns.bind(('', 5555))\ns.sendto(bytes(range(256)) * 4, ('10.0.0.2', 7777))")
    packet = bytes.fromhex(punts.take(1)[0]["object"]["packet"])
    want = frame(MAC2, MAC1, udp4("10.0.0.1", "10.0.0.2", 5555, 7777, payload), ether_type=0x0800)
    # The kernel chose the IP id, and so the header's checksum.
    expect(packet[:18] == want[:18] and packet[20:24] == want[20:24] and packet[26:] == want[26:], "punted %s" % packet.hex())
    assert_conserved(a)


def the_meter_limits_and_counts(lab):
    a, g1, punts = set_up(lab, ["controller"], {"eth_type": "0x%04x" % TEST_TYPE})
    wire = Wire(g1, "t1")
    n = 500
    start = time.monotonic()
    for i in range(n):
        wire.send(frame(MAC2, MAC1, i.to_bytes(46, "big")))
        if i % 50 == 49:  # a tap drops what its queue cannot hold
            wait_for("packets are in", lambda i=i: port_stats(a)["t1"]["rx_packets"] > i)
    wait_for("all packets are in", lambda: sum(port_stats(a)["t1"]["drops"].values()) + port_stats(a)["t1"]["sent"] >= n)
    budget = BURST + PPS * (time.monotonic() - start) + 1
    n_over = drops(a, "punt_rate")
    seen = [int.from_bytes(bytes.fromhex(p["object"]["packet"])[14:], "big") for p in punts.take(n - n_over)]
    print("%d packets at %d/s: %d punted, %d over the meter" % (n, PPS, len(seen), n_over))
    expect(BURST <= len(seen) <= budget and len(seen) + n_over == n, "%d punted, %d dropped, budget %d" % (len(seen), n_over, budget))
    expect(seen[:BURST] == list(range(BURST)) and seen == sorted(set(seen)), "punts came as %s" % seen)
    wait_for("the budget comes back", lambda: (wire.send(frame(MAC2, MAC1, b"again".ljust(46))), port_stats(a)["t1"]["sent"] > len(seen))[1])
    wire.close()
    assert_conserved(a)


def without_a_controller_they_are_counted(lab):
    a, g1, _ = set_up(lab, ["controller"], {"eth_type": "0x%04x" % TEST_TYPE})
    wire = Wire(g1, "t1")
    os.killpg(a.daemon.pid, signal.SIGKILL)
    a.daemon.wait()
    a.api = None
    wait_for("the switch notices", lambda: "client gone" in base.tail(os.path.join(a.rundir, "switch.log")))
    for i in range(10):
        wire.send(frame(MAC2, MAC1, i.to_bytes(46, "big")))
    a.start_daemon()
    a.connect()
    wait_for("all packets are counted", lambda: drops(a, "punt_none") == 10)
    wire.close()
    assert_conserved(a)


if __name__ == "__main__":
    main(bytes_arrive, whole_packet_with_its_checksum, the_meter_limits_and_counts, without_a_controller_they_are_counted)
