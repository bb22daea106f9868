# SPDX-License-Identifier: Apache-2.0
"""B2: one core. A capture is played without end by net_pcap, the switch forwards by its rules, net_null swallows.

   net_pcap (infinite_rx) ─▶ switch under test, one polling core ─▶ net_null

No generator and no second core are in the way, and both devices cost every switch the same; bare testpmd says how much.
"""

import os
import time

from lib import traffic, void
from lib.machine import Watch
from lib.process import BenchError
from lib.rules import looks_above_l2


class Rig:
    """One switch in this set-up. open → trial* → close; paused between trials."""

    def __init__(self, case, peer, bench):
        self.case, self.peer, self.bench = case, peer, bench
        self.memory_mb = case.memory_mb

    @classmethod
    def prepare(cls, case, bench):
        """What all switches share: the capture."""
        if not looks_above_l2(case.rules):
            raise BenchError("%s: a rule forwards by port or MAC alone, which OVS has a short cut for" % case.name,
                             "match addresses, protocol or ports too")
        path = os.path.join(bench.dir, case.name + ".pcap")
        traffic.write_pcap(path, case.traffic)
        bench.files[case.name] = path

    @staticmethod
    def needed_mb(_case, memory_mb):
        """Of hugepages."""
        return memory_mb

    def open(self):
        case = self.case
        self.peer.start(self.bench.cores, self.bench.huge, self.memory_mb, case.flows)
        self.peer.add_source(case.traffic[0].tx, self.bench.files[case.name])
        self.peer.add_sink(case.traffic[0].rx)
        self.peer.set_rules(case.rules)
        self.peer.prefer(self.bench.cores.dut)
        self.peer.pause()

    def trial(self):
        """({metric: value}, raw, reason why void)"""
        self.peer.resume()
        try:
            time.sleep(self.case.warmup_ms / 1000)
            watch = Watch(self.bench.cores.dut, self.peer.pid())
            before = self.peer.counters()
            time.sleep(self.case.trial_ms / 1000)
            delta = self.peer.counters().since(before)
            raw = watch.end()
        finally:
            self.peer.pause()
        self.peer.check()
        raw.update(delta.as_json())
        if delta.packets <= 0:
            return {self.case.metric: None}, raw, "no packet was forwarded"
        reason = void.waited(raw) or void.conservation(delta.ports)
        if reason is None and self.peer.switches:
            reason = no_drops(delta.ports)
        return {"cycles_per_packet": delta.busy_cycles / delta.packets, "mpps": delta.packets / raw["elapsed_ms"] / 1000}, raw, reason

    def close(self):
        self.peer.stop()


def no_drops(ports):
    """Every frame of the capture matches a rule that forwards: a switch that drops some does less."""
    drops = sum(p["drops"] for p in ports.values())
    return "the switch dropped %d packets that its rules forward" % drops if drops else None
