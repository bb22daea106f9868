# SPDX-License-Identifier: Apache-2.0
"""dpdk-testpmd: moves packets from device to device and looks at none. The floor under every switch in the same set-up."""

import os
import subprocess

from lib import ovs_text
from lib.peer import Counters, Peer
from lib.process import BenchError, run, wait_for


class Testpmd(Peer):
    name = "testpmd"
    program = "testpmd"
    switches = False

    def __init__(self, config="default"):
        super().__init__(config)
        self.process = None
        self.vdevs = []
        self.begin = None

    def start(self, cores, huge, memory_mb, n_flows):
        """Its devices are on its command line: it starts with set_rules."""
        self.prepare(self.name)
        memory = ["--socket-mem=%d" % memory_mb, "--huge-unlink=always"] if huge else ["--no-huge", "-m", str(memory_mb)]
        # stdbuf: it would keep what it prints in a block buffer, for nobody to read.
        # One buffer for each packet of the capture, and some to move them in.
        buffers = max(16384, 2 * n_flows + 8192)
        self.begin = lambda: self.group.spawn(
            "testpmd", ["stdbuf", "-oL", "dpdk-testpmd", "--lcores=0@%d,1@%d" % (cores.other, cores.dut), "--main-lcore=0", "--no-pci", "--no-telemetry",
                        "--file-prefix=" + os.path.basename(self.group.dir), *memory, *("--vdev=" + v for v in self.vdevs),
                        "--", "-i", "--nb-cores=1", "--forward-mode=io", "--record-core-cycles", "--total-num-mbufs=%d" % buffers,
                        "--no-lsc-interrupt"],
            {cores.other}, env=dict(os.environ, RUNTIME_DIRECTORY=self.group.dir), stdin=subprocess.PIPE, netns=self.netns)

    def _add(self, name, vdev):
        self.vdevs.append(vdev)
        self.ports.append(name)

    def add_source(self, name, pcap):
        self._add(name, "net_pcap%d,rx_pcap=%s,infinite_rx=1" % (len(self.vdevs), pcap))

    def add_sink(self, name):
        self._add(name, "net_null%d,no-rx=1" % len(self.vdevs))

    def add_vhost(self, name):
        path = self.group.path(name + ".sock")
        self._add(name, "net_vhost%d,iface=%s,client=1,queues=1" % (len(self.vdevs), path))
        return path

    def set_rules(self, rules):
        if len(self.vdevs) != 2:
            raise BenchError("testpmd joins two ports, the scenario has %d" % len(self.vdevs), "leave --peer testpmd out")
        self.process = self.begin()
        self._say("start")
        wait_for("testpmd forwards", lambda: self.check() or "io packet forwarding" in self._output(), 60, log=self.group.log("testpmd"))

    def _say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def _output(self, start=0):
        with open(self.group.log("testpmd"), encoding="utf-8", errors="replace") as f:
            f.seek(start)
            return f.read()

    def counters(self):
        start = os.path.getsize(self.group.log("testpmd"))
        self._say("show fwd stats all")
        stats = wait_for("testpmd shows its counters", lambda: self.check() or ovs_text.testpmd_stats(self._output(start)),
                         log=self.group.log("testpmd"), step_s=0.002)
        ports = {name: stats["ports"].get(i, {"rx": 0, "tx": 0, "drops": 0}) for i, name in enumerate(self.ports)}
        return Counters(stats["busy_cycles"], 0, stats["packets"], ports)

    def version(self):
        return "DPDK " + run("pkg-config", "--modversion", "libdpdk").strip()
