#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DPDK's testpmd as a guest: a virtio-user driver that nobody here wrote, on the switch's vhost-user ports.

   g1 ─ tap t1 ─┐          ┌─ vhost v1 ═ virtio-user ─┐
                ├─ switch ─┤                          testpmd, io forwarding between the two
   g2 ─ tap t2 ─┘          └─ vhost v2 ═ virtio-user ─┘

Rules: t1 ↔ v1, v2 ↔ t2. What g1 and g2 say to each other passes testpmd, and its counters must agree with the switch's.
"""
import os
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from wire import Wire, frame  # noqa: E402

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
PROMPT = "testpmd> "
LOAD = 20000  # frames each way
AT_ONCE = 250  # of them: a tap device drops what is over its queue of 500


class Testpmd:
    """A testpmd that takes commands. Counters are the driver's: what it put into its rings and took out of them."""

    def __init__(self, the_lab, host, name, ports, n_queues, *words, options=""):
        vdevs = []
        for i, port in enumerate(ports):
            path = os.path.join(host.rundir, port + ".sock")
            vdevs += ["--vdev", "net_virtio_user%d,path=%s,server=1,queues=%d,queue_size=512%s" % (i, path, n_queues, options)]
        self.process = the_lab.spawn(
            host.netns, "stdbuf", "-o0", "dpdk-testpmd", "--no-huge", "-m", "192", "--no-pci", "--single-file-segments", "--no-telemetry",
            "--file-prefix", "%s-%s" % (the_lab.prefix, name), "--lcores", "0@0,1@1", *vdevs, "--", "-i", "--total-num-mbufs=16384",
            "--rxq=%d" % n_queues, "--txq=%d" % n_queues, *words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = ""
        self._until_prompt()

    def _until_prompt(self, timeout_s=30):
        start, deadline = len(self.output), time.monotonic() + timeout_s
        fd = self.process.stdout.fileno()
        while not self.output[start:].endswith(PROMPT):
            left = deadline - time.monotonic()
            data = os.read(fd, 65536) if left > 0 and select.select([fd], [], [], left)[0] else b""
            expect(data, "testpmd said nothing more after:\n" + self.output[-2000:])
            self.output += data.decode(errors="replace")
        return self.output[start:]

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return self._until_prompt()

    def counters(self):
        """(packets received, packets sent) by port."""
        text = self.command("show port stats all")
        return list(zip((int(n) for n in re.findall(r"RX-packets: (\d+)", text)), (int(n) for n in re.findall(r"TX-packets: (\d+)", text))))

    def forwarded(self):
        """(packets taken in, packets given to the driver, packets the driver's ring had no room for) by port."""
        text = self.command("show fwd stats all")
        port = r"Forward statistics for port \d.*?RX-packets: +(\d+).*?TX-packets: +(\d+) +TX-dropped: +(\d+)"
        return [tuple(int(n) for n in counts) for counts in re.findall(port, text, re.DOTALL)]

    def quit(self):
        self.process.stdin.write(b"quit\n")
        self.process.stdin.close()
        while os.read(self.process.stdout.fileno(), 65536):
            pass
        expect(self.process.wait(timeout=20) == 0, "testpmd ended with %d" % self.process.returncode)


def flow(host, src, dst):
    return host.api.put("flow", "%s-%s" % (src, dst), bridge="br0", match={"in_port": src}, actions=[{"output": dst}])


def vhost_ports(host, n_queues):
    return [host.api.put("port", v, kind="vhost-user", bridge="br0", queues=n_queues) for v in ("v1", "v2")]


def wait_for_ports(host):
    wait_for("ports are up", lambda: all(p["state"] == "up" and p["link_up"] for p in port_stats(host).values()))


def agrees(host, testpmd):
    """What the switch has put into the rings is what testpmd has taken out, and the other way round."""
    stats = port_stats(host)
    return testpmd.counters() == [(stats[v]["tx_packets"], stats[v]["rx_packets"]) for v in ("v1", "v2")]


def adds_up(testpmd):
    """Inside testpmd: what came in by one port left by the other or was dropped there."""
    (rx1, tx1, lost1), (rx2, tx2, lost2) = testpmd.forwarded()
    return rx1 == tx2 + lost2 and rx2 == tx1 + lost1


def forwarded_through_a_guest(lab, n_queues, options):
    """With two queues there are two workers, so that each tap's packets go by another queue."""
    require("dpdk-testpmd", "stdbuf")
    a = lab.create()[0]
    lab.start(a, core="0" if n_queues == 1 else "0,1")
    a.api.commit([a.api.put("bridge", "br0")] + [a.api.put("port", t, kind="tap", bridge="br0", device=t) for t in ("t1", "t2")] +
                 vhost_ports(a, n_queues) + [flow(a, *f) for f in (("t1", "v1"), ("v1", "t1"), ("t2", "v2"), ("v2", "t2"))])
    guests = [lab.add_guest(a, t, m, ["10.0.0.%d/24" % i], mtu=1500) for i, t, m in ((1, "t1", MAC1), (2, "t2", MAC2))]
    testpmd = Testpmd(lab, a, "io", ["v1", "v2"], n_queues, "--forward-mode=io", options=options)
    testpmd.command("start")
    wait_for_ports(a)
    wait_for("ping through the guest", lambda: ping(guests[0], "10.0.0.2", 1))
    expect(ping(guests[0], "10.0.0.2", 5, size=1472, dont_fragment=True) == 5, "large pings were lost")
    wires = [Wire(guests[0], "t1"), Wire(guests[1], "t2")]
    before = {t: port_stats(a)[t]["rx_packets"] for t in ("t1", "t2")}
    for n in range(0, LOAD, AT_ONCE):
        for i in range(n, n + AT_ONCE):
            wires[0].send(frame(MAC2, MAC1, i.to_bytes(50 + i % 1400, "big")))
            wires[1].send(frame(MAC1, MAC2, i.to_bytes(50 + i % 1400, "big")))
        wait_for("what was sent is in", lambda n=n: all(port_stats(a)[t]["rx_packets"] - before[t] >= n + AT_ONCE for t in before))
    wait_for("counters of testpmd and switch agree", lambda: agrees(a, testpmd) and adds_up(testpmd))
    assert_conserved(a)
    arrived = [len(wire.drain(lambda data: data[12:14] == b"\x88\xb5")) for wire in wires]
    print("queues %d%s: %d frames each way, %s arrived" % (n_queues, options, LOAD, arrived))
    # Full rings may have cost some, which the counters above account for.
    expect(min(arrived) > LOAD / 2, "only %s of %d arrived" % (arrived, LOAD))
    testpmd.quit()
    wait_for("the ports wait for another guest", lambda: not any(port_stats(a)[v]["link_up"] for v in ("v1", "v2")))


def split_ring(lab):
    forwarded_through_a_guest(lab, 1, ",packed_vq=0,mrg_rxbuf=1")


def split_ring_not_mergeable(lab):
    forwarded_through_a_guest(lab, 1, ",packed_vq=0,mrg_rxbuf=0")


def split_ring_two_queues(lab):
    forwarded_through_a_guest(lab, 2, ",packed_vq=0,mrg_rxbuf=1")


def packed_ring(lab):
    forwarded_through_a_guest(lab, 1, ",packed_vq=1,mrg_rxbuf=1")


def packed_ring_not_mergeable(lab):
    forwarded_through_a_guest(lab, 1, ",packed_vq=1,mrg_rxbuf=0")


def packed_ring_two_queues(lab):
    forwarded_through_a_guest(lab, 2, ",packed_vq=1,mrg_rxbuf=1")


def full_rate(lab):
    """One guest sends as fast as it can, another counts: every packet is sent on or dropped for a reason that is a full ring."""
    require("dpdk-testpmd", "stdbuf")
    a = lab.create()[0]
    lab.start(a)
    a.api.commit([a.api.put("bridge", "br0")] + vhost_ports(a, 2) + [flow(a, "v1", "v2")])
    sink = Testpmd(lab, a, "rx", ["v2"], 2, "--forward-mode=rxonly")
    source = Testpmd(lab, a, "tx", ["v1"], 2, "--forward-mode=txonly", options=",packed_vq=1")
    wait_for_ports(a)
    sink.command("start")
    source.command("start")
    wait_for("half a million packets", lambda: port_stats(a)["v1"]["rx_packets"] > 500000, 30)
    source.command("stop")
    wait_for("source and switch agree", lambda: source.counters()[0][1] == port_stats(a)["v1"]["rx_packets"])
    wait_for("sink and switch agree", lambda: sink.counters()[0][0] == port_stats(a)["v2"]["tx_packets"])
    v1 = port_stats(a)["v1"]
    print("%d sent, %d received, drops %s" % (v1["rx_packets"], sink.counters()[0][0], v1["drops"]))
    expect(set(k for k, n in v1["drops"].items() if n) <= {"guest_full"}, "drops: %s" % v1["drops"])
    expect(v1["rx_packets"] == v1["sent"] + sum(v1["drops"].values()) and v1["sent"] == sink.counters()[0][0], "packets are lost: %s" % v1)
    assert_conserved(a)
    source.quit()
    sink.quit()


if __name__ == "__main__":
    main(split_ring, split_ring_not_mergeable, split_ring_two_queues, packed_ring, packed_ring_not_mergeable, packed_ring_two_queues, full_rate)
