# SPDX-License-Identifier: Apache-2.0
"""One run of sluice-bench: the cases in turn, with what they share of the machine. Whatever happens, it is given back."""

import os
import shutil
import tempfile

from lib import environment, layer_api, layer_b1, layer_b2, layer_b3, result, runner, scenario, stats
from lib.engine import Engine
from lib.machine import Cores, Hugepages, QuietCore, clean_up_after_the_dead
from lib.peer_ovs import Ovs, OvsNative
from lib.peer_sluice import TOP, Sluice
from lib.peer_testpmd import Testpmd
from lib.process import BenchError, base_dir

LAYERS = {"b0": layer_b1.CountingRig, "b1": layer_b1.Rig, "b2": layer_b2.Rig, "b3": layer_b3.Rig, "api": layer_api.Rig}
PEERS = {p.name: p for p in (Sluice, Ovs, OvsNative, Testpmd)}
# A switch needs its packet buffers twice over (the capture, and what moves), and some for itself.
BUFFER_BYTES = 2560
SPARE_MB = 320
CREDIBLE = 1.3  # times the best switch: from here on a rate is the switch's, not the generator's
SATURATED = 0.9  # of the time that it was sent to
GENERATOR_MS = 300
CLOCK_MB = 64
SUFFIXES = {"mpps": "-mpps", "cycles_per_packet": "-cycles", "ndr_mpps": "-ndr", "pdr_mpps": "-pdr"}
SHOWN_BESIDE = ("ndr_pdr",)  # methods of which every metric is a line


class Bench:
    def __init__(self, build, peers, progress, cores=None, use_huge=True):
        self.build, self.peer_names, self.progress = build, peers, progress
        self.cores = cores or Cores()
        self.use_huge, self.huge = use_huge, False
        self.dir = None
        self.files = {}
        self.versions = {}
        self.failed = []  # (case, why)

    def run(self, cases, pairs=None, save=None, title=None):
        """A result with the cases that could be run. save(result) is called after each, so that an interrupted run keeps what it has."""
        clean_up_after_the_dead(self.progress.note)
        self.dir = tempfile.mkdtemp(prefix="captures-", dir=base_dir())
        # This program and the commands it runs stay off the switch's core.
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.cores.other})
        quiet_core = None
        try:
            outcome = result.new({**({"title": title} if title else {}), "cases": {c.name: c.raw for c in cases}}, self._environment())
            quiet_core = QuietCore(self.cores, self.progress.note)
            for case in cases:
                self.progress.case(case.name)
                try:
                    self._run_case(case, pairs or case.pairs, outcome)
                except BenchError as e:
                    # The others may well work; the exit code says that one did not.
                    self.failed.append((case.name, e.text()))
                    self.progress.note("%s failed: %s" % (case.name, e.what))
                outcome["environment"]["versions"].update(self.versions)
                if save:
                    save(outcome)
        finally:
            if quiet_core is not None:
                quiet_core.restore()
            os.sched_setaffinity(0, allowed)
            shutil.rmtree(self.dir, ignore_errors=True)
        environment.finish(outcome["environment"])
        if save:
            save(outcome)
        return outcome

    def _environment(self):
        clock = core_clock(self)
        found = environment.collect(TOP, {"switch": self.cores.dut, "rest": self.cores.other}, clock["tsc_hz"], clock["ghz_dependent_add"])
        return {**found, "smt_test": environment.smt_test(self.cores.dut, self.cores.other)}

    def subjects(self, case):
        """A new peer object for each switch and configuration of the case."""
        if case.alone:
            return [Sluice(self.build)]
        names = [n for n in self.peer_names if (not case.peers or n in case.peers) and (PEERS[n].switches or only_moves(case))]
        configs = {n: PEERS[n].configs[:1] if case.one_config else PEERS[n].configs for n in names}
        return [Sluice(self.build)] + [PEERS[n](config) for n in names for config in configs[n]]

    def _run_case(self, case, pairs, outcome):
        layer = LAYERS[case.layer]
        layer.prepare(case, self)
        rigs = [layer(case, peer, self) for peer in self.subjects(case)]
        memory_mb = needed_mb(case)
        needed = layer.needed_mb(case, memory_mb) * len(rigs)
        pages = Hugepages(needed, self.progress.note) if self.use_huge and needed else None
        self.huge = pages is not None and pages.mb > 0
        outcome["environment"].setdefault("hugepages_mb", {})[case.name] = pages.mb if self.huge else 0
        tally = runner.Tally(len(rigs) * pairs)
        try:
            for rig in rigs:
                self.progress.trial(what="starting %s" % rig.peer)
                self.versions.setdefault(rig.peer.name, rig.peer.version())
                rig.memory_mb = memory_mb
                rig.open()
            runner.run_trials(case, rigs, pairs, self.progress, tally)
        finally:
            for rig in rigs:
                rig.close()
            if pages is not None:
                pages.restore()
        own = rigs[0].parameters() if case.alone else {"flows": case.flows, "hugepages": self.huge}
        self._add_runs(case, pairs, tally, outcome, own)

    def _add_runs(self, case, pairs, tally, outcome, own):
        peers = "" if case.alone else "".join(" --peer " + p for p in self.peer_names) or " --no-peer"
        command = "tools/bench/sluice-bench run %s%s%s" % (case.word, peers, " --pairs %d" % pairs if pairs != case.pairs else "")
        if case.metric not in tally.by_metric:
            raise BenchError("%s: no trial gave a figure of %s" % (case.name, case.metric))
        metrics, why = self._metrics(case, tally)
        for i, metric in enumerate(metrics):
            better, unit = scenario.METRICS[metric]
            parameters = {"layer": case.layer.upper(), **own, **why}
            result.add_run(outcome, case.name + (SUFFIXES[metric] if i else ""), metric, better, tally.by_metric[metric], command,
                           target=None if i else case.target, title=case.title, unit=unit, parameters=parameters)

    def _metrics(self, case, tally):
        """The metric that the case is judged by first, then others worth showing. A rate is only shown first when the generator could
        have gone faster: else it would be the generator's."""
        if case.metric != "mpps" or case.alone or case.method != "throughput":
            return [case.metric] + [m for m in tally.by_metric if m != case.metric and case.method in SHOWN_BESIDE], {}
        medians = [m for m in (best_median(tally.by_metric["mpps"], p) for p in self.switch_names()) if m]
        generator = generator_mpps(self, case)
        busy = [t["raw"].get("switch_busy", 1) for t in tally.by_metric["mpps"] if t["void"] is None and t["peer"] in self.switch_names()]
        credible = bool(medians) and generator >= CREDIBLE * max(medians) and stats.median(busy) >= SATURATED
        why = {"generator_mpps": round(generator, 3), "switch_busy": round(stats.median(busy), 3) if busy else 0.0}
        return (["mpps", "cycles_per_packet"] if credible else ["cycles_per_packet", "mpps"]), why

    def switch_names(self):
        return ["sluice"] + [n for n in self.peer_names if PEERS[n].switches]


def only_moves(case):
    """Whether moving packets from the one port to the other is all that there is to do: then a floor says something."""
    return case.method == "throughput" and case.layer in ("b2", "b3") and len(case.ports) == 2 and case.overlay is None and not case.one_config


def best_median(trials, peer):
    configs = {c: [t["value"] for t in stats.valid(trials, peer, c)] for c in {t["config"] for t in trials if t["peer"] == peer}}
    best = stats.best_config(configs, "higher")
    return stats.median(configs[best]) if best is not None else None


def core_clock(the_bench):
    """Of the switch's core: {"ghz_dependent_add", "tsc_hz"}."""
    engine = Engine(the_bench.build, the_bench.cores.dut, {"null": "net_null0,no-rx=1"}, False, CLOCK_MB)
    try:
        return engine.call("calibrate")
    finally:
        engine.stop()


def generator_mpps(the_bench, case):
    """What the engine sends of this case's frames when a device takes all of them."""
    engine = Engine(the_bench.build, the_bench.cores.other, {"null": "net_null0,no-rx=1"}, False)
    try:
        streams = [{**layer_b3.stream_of(i + 1, t), "tx": "null"} for i, t in enumerate(case.traffic)]
        for stream in streams:
            stream.pop("rx", None)
        engine.load(streams)
        sent = engine.trial(GENERATOR_MS, 0)["streams"]
        return sum(s["tx_packets"] for s in sent) / GENERATOR_MS / 1000
    finally:
        engine.stop()


def needed_mb(case):
    """Memory of one switch: a capture is kept whole in packet buffers."""
    return max(case.memory_mb, SPARE_MB + 2 * BUFFER_BYTES * case.flows // 1048576 if case.layer == "b2" else 0)
