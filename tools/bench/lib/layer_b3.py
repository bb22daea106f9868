# SPDX-License-Identifier: Apache-2.0
"""B3: two cores. The engine is every guest at once, on one core; the switch polls on the other; vhost-user is between them.

   sluice-bench-engine (virtio-user, generator and sink) ═ vhost-user ═ switch under test, one polling core

What was sent, lost, doubled or broken is known from stamps in the packets, and must agree with what the switch counted.
"""

import threading
import time

from lib import void
from lib.engine import Engine
from lib.machine import Watch
from lib.process import BenchError
from lib.rules import TUNNEL, WIRE, Rule

DRAIN_MS = 100
ENGINE_MB = 512
LINK_MS = 20000
STREAM_KEYS = ("tx", "rx", "kind", "sizes", "eth_src", "eth_dst", "src", "dst", "sport", "dport", "flows", "vary", "distribution", "zipf_s",
               "seed", "vxlan", "expect_vxlan")
# Only some kinds of stream have flows that are counted out; the others take their variety from their kind.
NO_FLOWS = ("random_tuples", "explosion")


class Rig:
    """One switch, with an engine of its own. open → trial* → close; both paused between trials."""

    extra_mb = ENGINE_MB

    def __init__(self, case, peer, bench):
        self.case, self.peer, self.bench = case, peer, bench
        self.memory_mb = case.memory_mb
        self.engine = None
        self.max_pps = None  # of the main stream alone, for rates that are shares of it

    @classmethod
    def prepare(cls, case, bench):
        if not case.traffic:
            raise BenchError("%s has no traffic" % case.name)

    def open(self):
        case = self.case
        self.peer.start(self.bench.cores, self.bench.huge, self.memory_mb, case.flows)
        paths = {name: self.peer.add_uplink(name, case.overlay) if case.overlay and name == WIRE else self.peer.add_vhost(name)
                 for name in case.ports}
        if case.overlay:
            self.peer.add_tunnel(TUNNEL, case.overlay["remote"], case.overlay["vni"])
        self.peer.set_rules(case.rules)
        self._start_engine(paths)
        self.engine.wait_link(LINK_MS)
        self.engine.load([self._stream(i + 1, t) for i, t in enumerate(case.traffic)])
        if any(t.load for t in case.traffic):
            self._find_maximum()
        self.pause()

    def _start_engine(self, paths):
        ports = {name: "net_virtio_user%d,path=%s,server=1,queues=1" % (i, path) for i, (name, path) in enumerate(paths.items())}
        self.engine = Engine(self.bench.build, self.bench.cores.other, ports, self.bench.huge, ENGINE_MB)

    def _stream(self, number, traffic):
        stream = {"id": number, **{k: getattr(traffic, k) for k in STREAM_KEYS}}
        if traffic.kind in NO_FLOWS:
            for key in ("flows", "vary", "distribution", "zipf_s"):
                del stream[key]
        if self.case.overlay and traffic.vxlan:
            # To the switch's own address of the underlay, whichever it has given its interface.
            stream["vxlan"] = {**traffic.vxlan, "eth_dst": self.peer.underlay_mac()}
        return {k: v for k, v in stream.items() if v is not None}

    def _find_maximum(self):
        first = [1]
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, only=first)
        stream = self.engine.trial(self.case.trial_ms, DRAIN_MS, only=first)["streams"][0]
        self.max_pps = stream["rx_packets"] * 1000 / self.case.trial_ms
        if self.max_pps <= 0:
            raise BenchError("nothing came through %s: %s" % (self.peer, stream))

    def rates(self):
        rates = {i + 1: t.rate or (t.load * self.max_pps if t.load else 0) for i, t in enumerate(self.case.traffic)}
        return {i: rate for i, rate in rates.items() if rate}

    def pause(self):
        self.peer.pause()
        self.engine.pause()

    def resume(self):
        self.peer.resume()
        self.engine.resume()

    def trial(self):
        """({metric: value}, raw, reason why void)"""
        self.resume()
        try:
            return getattr(self, "_" + self.case.method)()
        finally:
            self.pause()
            self.peer.check()
            self.engine.group.check()

    def _measured(self, only=None, duration_ms=None, during=None):
        """One engine trial and what the switch counted meanwhile: (raw, difference of counters)."""
        duration_ms = duration_ms or self.case.trial_ms
        watch = Watch(self.bench.cores.dut, self.peer.pid())
        before = self.peer.counters()
        report = self._while_sending(duration_ms, only, during)
        delta = self.peer.counters().since(before)
        raw = watch.end()
        raw["engine"] = {k: v for k, v in report.items() if k != "streams"}
        raw["streams"] = [slim(s) for s in report["streams"] if s.get("active", True)]
        raw["switch"] = delta.as_json()
        raw["sending_ms"] = duration_ms
        raw["switch_busy"] = delta.busy_cycles / (self.engine.ready["tsc_hz"] * duration_ms / 1000)
        return raw, delta

    def _while_sending(self, duration_ms, only, during):
        if during is None:
            return self.engine.trial(duration_ms, DRAIN_MS, self.rates(), only)
        outcome = []
        sender = threading.Thread(target=lambda: outcome.append(self.engine.trial(duration_ms, DRAIN_MS, self.rates(), only)))
        sender.start()
        try:
            during()
        finally:
            sender.join()
        if not outcome:
            raise BenchError("the engine did not finish its trial", log=self.engine.group.log("engine"))
        return outcome[0]

    def _reason(self, raw, delta):
        sent = sum(s["tx_packets"] for s in raw["streams"])
        if not sent or delta.packets <= 0:
            return "nothing was sent"
        return void.waited(raw) or void.handed_over(sent, delta.ports) or void.conservation(delta.ports)

    def _throughput(self):
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, self.rates())
        raw, delta = self._measured()
        received = sum(s["rx_packets"] for s in raw["streams"])
        values = {"mpps": received / raw["sending_ms"] / 1000, "cycles_per_packet": delta.busy_cycles / max(delta.packets, 1)}
        return values, raw, self._reason(raw, delta)

    def _victim(self):
        """The first stream before, and beside, the others. What the attack needs to take hold is sent first."""
        self.engine.trial(min(self.case.warmup_ms, 500), DRAIN_MS, self.rates(), [1])
        before, before_delta = self._measured([1])
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, self.rates())
        during, during_delta = self._measured()
        clean, left = (raw["streams"][0]["rx_packets"] / raw["sending_ms"] / 1000 for raw in (before, during))
        raw = {"elapsed_ms": during["elapsed_ms"], "steal_ms": during["steal_ms"], "victim": {"before": clean, "during": left, "unit": "Mpps"},
               "clean": before, "attacked": during}
        return {"share": left / clean if clean else None}, raw, self._reason(before, before_delta) or self._reason(during, during_delta)

    def _updates(self):
        """How long forwarding would have had to stand still to lose as much as was lost while rules were committed."""
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, self.rates())
        took = []

        def commit():
            time.sleep(0.2)
            start = time.monotonic()
            self.peer.add_rules(filler_rules(self.case.commit_rules, self.case.ports[-1]))
            took.append(time.monotonic() - start)
        raw, delta = self._measured(during=commit)
        self.peer.remove_rules()
        reason = self._reason(raw, delta)
        raw["commit_s"] = took[0]
        if reason is None and took[0] * 1000 + 200 > raw["sending_ms"]:
            reason = "the rules took %.1f s, longer than the traffic (%.1f s)" % (took[0], raw["sending_ms"] / 1000)
        stream = raw["streams"][0]
        rate = stream["tx_packets"] / raw["sending_ms"]  # per ms
        return {"blocked_ms": stream["lost"] / rate if rate else None}, raw, reason

    def close(self):
        if self.engine is not None:
            self.engine.stop()
            self.engine = None
        self.peer.stop()


def slim(stream):
    """Without what repeats: a trial's buckets are kept, they are the latency."""
    return {k: v for k, v in stream.items() if v is not None}


def filler_rules(n, to):
    """Rules that no packet of the traffic matches, each with a source of its own."""
    return [Rule({"eth_type": "0x0800", "ip_proto": 17, "ipv4_src": "172.%d.%d.%d" % (16 + (i >> 16), i >> 8 & 255, i & 255), "udp_dst": 9}, to,
                 priority=200) for i in range(n)]
