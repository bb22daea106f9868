# SPDX-License-Identifier: Apache-2.0
"""B3: two cores. The engine is every guest at once, on one core; the switch polls on the other; vhost-user is between them.

   sluice-bench-engine (virtio-user, generator and sink) ═ vhost-user ═ switch under test, one polling core

What was sent, lost, doubled or broken is known from stamps in the packets, and must agree with what the switch counted.
"""

import dataclasses
import threading
import time

from lib import procedures, void
from lib.engine import Engine
from lib.machine import Watch
from lib.process import BenchError
from lib.rules import TUNNEL, WIRE, Rule

DRAIN_MS = 100
ENGINE_MB = 192
LINK_MS = 20000
PORTS_OF_ENGINE = 30  # DPDK as Debian builds it has 32 devices in a process
IDLE_ENGINE_MB = 192
OWN_PACKETS = 8
FIRST_TRIALS = 20
STREAM_KEYS = ("tx", "rx", "kind", "sizes", "eth_src", "eth_dst", "src", "dst", "sport", "dport", "flows", "vary", "distribution", "zipf_s",
               "seed", "vxlan", "expect_vxlan")
# What some kinds of stream have no use for, and the engine refuses: they take their variety from their kind.
USELESS = {"random_tuples": ("flows", "vary", "distribution", "zipf_s", "sport", "dport"), "explosion": ("flows", "vary", "distribution", "zipf_s")}


class Rig:
    """One switch, with an engine of its own. open → trial* → close; both paused between trials."""

    def __init__(self, case, peer, bench):
        self.case, self.peer, self.bench = case, peer, bench
        self.memory_mb = case.memory_mb
        self.engine = None
        self.idle_guests = []  # engines that are stopped for good: their rings are there, and silent
        self.without = None  # method idle: the same without the idle ports
        self.max_pps = None  # of the main stream alone, for rates that are shares of it

    @classmethod
    def prepare(cls, case, bench):
        if not case.traffic:
            raise BenchError("%s has no traffic" % case.name)

    @staticmethod
    def needed_mb(case, memory_mb):
        """Of hugepages."""
        return (memory_mb + ENGINE_MB) * (2 if case.method == "idle" else 1)

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
        self.peer.prefer(self.bench.cores.dut)
        self.engine.load([self._stream(i + 1, t) for i, t in enumerate(case.traffic)])
        if any(t.load for t in case.traffic) or case.method in procedures.METHODS:
            self._find_maximum()
        if case.idle_ports:
            self._add_idle_guests()
        self.pause()
        if case.method == "idle":
            self.without = Rig(dataclasses.replace(case, method="throughput", idle_ports=0), self.peer.clone(), self.bench)
            self.without.memory_mb = self.memory_mb
            self.without.open()

    def _add_idle_guests(self):
        names = ["idle%d" % i for i in range(self.case.idle_ports)]
        paths = self.peer.add_servers(names)
        for at in range(0, len(names), PORTS_OF_ENGINE):
            ports = {n: "net_virtio_user%d,path=%s,queues=1,queue_size=256" % (i, paths[n])
                     for i, n in enumerate(names[at:at + PORTS_OF_ENGINE])}
            guests = Engine(self.bench.build, self.bench.cores.other, ports, False, IDLE_ENGINE_MB)
            self.idle_guests.append(guests)
            guests.wait_link(LINK_MS)
            guests.pause()

    def _start_engine(self, paths):
        ports = {name: "net_virtio_user%d,path=%s,server=1,queues=1" % (i, path) for i, (name, path) in enumerate(paths.items())}
        self.engine = Engine(self.bench.build, self.bench.cores.other, ports, self.bench.huge, ENGINE_MB)

    def _stream(self, number, traffic):
        stream = stream_of(number, traffic)
        if "vxlan" in stream:
            # To the switch's own address of the underlay.
            stream["vxlan"] = {**stream["vxlan"], "eth_dst": self.peer.underlay_mac()}
        return stream

    def _find_maximum(self):
        first = [1]
        # A switch may still be giving the new queues to its core: until then rings only fill up.
        for _ in range(FIRST_TRIALS):
            if self.engine.trial(self.case.warmup_ms, DRAIN_MS, only=first)["streams"][0]["rx_packets"]:
                break
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
            if self.case.method in procedures.METHODS:
                self.engine.trial(self.case.warmup_ms, DRAIN_MS, only=[1])
                return procedures.run(self, self.case.method)
            return getattr(self, "_" + self.case.method)()
        finally:
            self.pause()
            self.peer.check()
            self.engine.group.check()

    def measured_at(self, rate, duration_ms, packets=None):
        """The first stream alone at a rate (0: as fast as it goes), at most so many packets."""
        return self._measured([1], duration_ms, rates={1: rate} if rate else {}, packets=packets)

    def _measured(self, only=None, duration_ms=None, during=None, rates=None, packets=None):
        """One engine trial and what the switch counted meanwhile: (raw, difference of counters)."""
        duration_ms = duration_ms or self.case.trial_ms
        watch = Watch(self.bench.cores.dut, self.peer.pid())
        before = self.peer.counters()
        rates = self.rates() if rates is None else rates
        report = self._while_sending(during, lambda: self.engine.trial(duration_ms, DRAIN_MS, rates, only, packets))
        delta = self.peer.counters().since(before)
        raw = watch.end()
        raw["engine"] = {k: v for k, v in report.items() if k != "streams"}
        raw["streams"] = [slim(s) for s in report["streams"] if s.get("active", True)]
        raw["switch"] = delta.as_json()
        raw["sending_ms"] = duration_ms
        raw["switch_busy"] = delta.busy_cycles / (self.engine.ready["tsc_hz"] * duration_ms / 1000)
        return raw, delta

    def _while_sending(self, during, send):
        if during is None:
            return send()
        outcome = []
        sender = threading.Thread(target=lambda: outcome.append(send()))
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
        # Rules refuse most of an attack.
        refused = sum(s["tx_packets"] for s in raw["streams"][1:]) if self.case.method == "victim" else 0
        return void.waited(raw) or void.handed_over(sent, delta.ports) or void.conservation(delta.ports, refused)

    def _throughput(self):
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, self.rates())
        raw, delta = self._measured()
        received = sum(s["rx_packets"] for s in raw["streams"])
        # Nothing moves now: to the packet.
        dropped = sum(p["drops"] for p in delta.ports.values()) + delta.more.get("upcalls_failed", 0)
        # A switch with an address of its own sends neighbour discovery, and may drop that.
        own = received + dropped - sum(s["tx_packets"] for s in raw["streams"])
        if self.case.overlay and 0 < own <= OWN_PACKETS:
            raw["own_dropped"], dropped = own, dropped - own
        raw["counters"] = [{"where": "the switch", "sent": sum(s["tx_packets"] for s in raw["streams"]), "forwarded": received, "dropped": dropped}]
        values = {"mpps": received / raw["sending_ms"] / 1000, "cycles_per_packet": delta.busy_cycles / max(delta.packets, 1)}
        return values, raw, self._reason(raw, delta)

    def _victim(self):
        """The first stream before, and beside, the others. What the attack needs to take hold is sent first."""
        # The attack of the last trial must not be what "before" is measured under.
        self.peer.forget_flows()
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
        rules = filler_rules(self.case.commit_rules, self.case.ports[-1])

        def commit():
            start = time.monotonic()
            self.peer.add_rules(rules)
            took.append(time.monotonic() - start)
        raw, delta = self._measured(during=commit)
        self.peer.remove_rules()
        reason = self._reason(raw, delta)
        raw["commit_s"] = took[0]
        if reason is None and took[0] * 1000 > raw["sending_ms"]:
            reason = "the rules took %.1f s, longer than the traffic (%.1f s)" % (took[0], raw["sending_ms"] / 1000)
        missing, offered = missing_of(raw["streams"][0])
        # While other processes had the switch's core, its rings filled up too: that is not the switch's doing.
        raw["silent_ms"] = missing / offered * raw["sending_ms"] if offered else None
        return {"blocked_ms": max(0.0, raw["silent_ms"] - raw["waited_ms"]) if offered else None}, raw, reason

    def _neighbour(self):
        """The first stream's share of what it offers while the others offer many times more."""
        self.engine.trial(self.case.warmup_ms, DRAIN_MS, self.rates())
        raw, delta = self._measured()
        missing, offered = missing_of(raw["streams"][0])
        return {"share": 1 - missing / offered if offered else None}, raw, self._reason(raw, delta)

    def _idle(self):
        """Throughput of the busy two with all the idle ones there, against another switch of the same kind without them."""
        self.pause()
        few = self.without
        few.resume()
        try:
            alone, alone_raw, alone_reason = few._throughput()
        finally:
            few.pause()
        self.resume()
        beside, raw, reason = self._throughput()
        share = beside["mpps"] / alone["mpps"] if alone["mpps"] else None
        return {"share": share}, {**raw, "without": alone_raw}, alone_reason or reason

    def close(self):
        if self.without is not None:
            self.without.close()
        for guests in self.idle_guests:
            guests.stop()
        if self.engine is not None:
            self.engine.stop()
            self.engine = None
        self.peer.stop()


def stream_of(number, traffic):
    """As the engine wants it."""
    left_out = USELESS.get(traffic.kind, ())
    stream = {"id": number, **{k: getattr(traffic, k) for k in STREAM_KEYS if k not in left_out}}
    return {k: v for k, v in stream.items() if v is not None}


def slim(stream):
    """Without what repeats: a trial's buckets are kept, they are the latency."""
    return {k: v for k, v in stream.items() if v is not None}


def missing_of(stream):
    """(offered and not received, offered). What the generator itself came too late for was not offered; what a full ring refused was."""
    offered = stream["tx_packets"] + stream["tx_refused"]
    return offered - stream["rx_packets"] + stream.get("duplicates", 0), offered


def filler_rules(n, to):
    """Rules that no packet of the traffic matches, each with a source of its own."""
    return [Rule({"eth_type": "0x0800", "ip_proto": 17, "ipv4_src": "172.%d.%d.%d" % (16 + (i >> 16), i >> 8 & 255, i & 255), "udp_dst": 9}, to,
                 priority=200) for i in range(n)]
