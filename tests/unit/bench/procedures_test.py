#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Searches on a rig, and calls of the fast path's program: with a switch of known capacity and programs that only print."""

import os
import tempfile
import types
import unittest

import benchlib  # noqa: F401
from lib import layer_b1, procedures, stats
from lib.process import BenchError

CAPACITY_PPS = 2_000_000
RING = 1000
LATENCY_NS = 7000


class Rig:
    """A switch that forwards so many packets a second and no more, with room for RING of a burst."""

    def __init__(self, method, late=(), waited_ms=0.0, generator_pps=50_000_000):
        self.case = types.SimpleNamespace(name="x", method=method, metric="mpps", trial_ms=100, warmup_ms=1, soak_s=4,
                                          traffic=[types.SimpleNamespace(load=0.5)])
        self.max_pps = CAPACITY_PPS
        self.engine = types.SimpleNamespace(trial=lambda *_, **__: {"streams": [{"tx_packets": generator_pps // 10, "tx_refused": 0}]})
        self.late, self.waited_ms, self.generator_pps = list(late), waited_ms, generator_pps
        self.n_trials = 0

    def measured_at(self, rate, duration_ms, packets=None):
        self.n_trials += 1
        due = int((rate or self.generator_pps) * duration_ms / 1000)
        offered = min(packets or due, self.generator_pps * duration_ms // 1000)
        missed = self.late.pop() if self.late else 0
        carried = min(offered - missed, RING if packets else CAPACITY_PPS * duration_ms // 1000)
        stream = {"id": 1, "tx_packets": offered - missed, "tx_refused": 0, "tx_missed": missed + due - offered if not packets else 0,
                  "rx_packets": carried, "lost": offered - missed - carried, "corrupted": 0, "duplicates": 0,
                  "latency": {"buckets": [[LATENCY_NS, carried]]}}
        raw = {"elapsed_ms": float(duration_ms), "steal_ms": 0.0, "waited_ms": self.waited_ms, "sending_ms": duration_ms, "streams": [stream]}
        return raw, types.SimpleNamespace(ports={"in": {"rx": stream["tx_packets"], "tx": 0, "drops": 0}})


class Procedures(unittest.TestCase):
    def run_method(self, method, metric, **more):
        rig = Rig(method, **more)
        rig.case.metric = metric
        values, raw, reason = procedures.run(rig, method)
        return rig, values, raw, reason

    def test_ndr_and_pdr_are_those_of_the_switch(self):
        _, values, raw, reason = self.run_method("ndr_pdr", "pdr_mpps")
        self.assertIsNone(reason)
        for value in values.values():
            self.assertAlmostEqual(value, CAPACITY_PPS / 1e6, delta=0.03)
        goal = raw["search"]["goals"]["NDR"]
        self.assertTrue(goal["regular"])
        self.assertLess(goal["relevant_upper_bound"], 2.1)  # in Mpps, as the report says
        self.assertEqual(goal["goal"]["duration_s"], 0.1)

    def test_a_generator_that_was_late_is_not_the_switchs_loss(self):
        rig, values, raw, _ = self.run_method("ndr_pdr", "pdr_mpps", late=[50_000] * 2)
        self.assertEqual(raw["n_void"], 2)
        self.assertAlmostEqual(values["ndr_mpps"], CAPACITY_PPS / 1e6, delta=0.03)
        self.assertEqual(raw["n_trials"], rig.n_trials)

    def test_a_generator_that_is_always_late_is_the_limit(self):
        _, values, _, _ = self.run_method("ndr_pdr", "pdr_mpps", generator_pps=1_000_000)
        self.assertAlmostEqual(values["ndr_mpps"], 1.0, delta=0.03)

    def test_a_core_that_others_have_makes_the_trial_void(self):
        for method, metric in (("max_receive", "mpps"), ("soak", "loss_ppm"), ("latency", "latency_us")):
            _, values, _, reason = self.run_method(method, metric, waited_ms=50.0)
            self.assertEqual(values, {metric: None})
            self.assertIsInstance(reason, str)

    def test_the_maximum_is_what_was_received(self):
        self.assertEqual(self.run_method("max_receive", "mpps")[1], {"mpps": 2.0})

    def test_the_longest_burst_is_what_the_ring_holds(self):
        _, values, raw, _ = self.run_method("back_to_back", "burst_packets")
        self.assertEqual(values["burst_packets"], RING)
        self.assertTrue(raw["back_to_back"]["regular"])

    def test_latency_is_that_of_the_packets(self):
        _, values, raw, _ = self.run_method("latency", "latency_us")
        self.assertEqual(values["latency_us"], LATENCY_NS / 1000)
        self.assertEqual([round(at["fraction"], 1) for at in raw["latency"]], [0.1, 0.5, 0.9])
        self.assertIsNone(stats.void_reason(values["latency_us"], raw))

    def test_a_soak_loses_nothing_at_half_the_load(self):
        _, values, raw, _ = self.run_method("soak", "loss_ppm")
        self.assertEqual(values["loss_ppm"], 0)
        self.assertEqual(len(raw["soak"]["series"]), 2)


class Calls(unittest.TestCase):
    """layer_b1 with a program of a line of shell."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def rig(self, script, **more):
        path = layer_b1.layer_b0.program_path(self.folder.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)
        case = types.SimpleNamespace(**{"name": "x", "call": ["hit", "--flows", "7"], "against": [], "figure": "cycles.median", "metric": "growth",
                                        "trial_ms": 5, **more})
        core = min(os.sched_getaffinity(0))
        return layer_b1.Rig(case, None, types.SimpleNamespace(build=self.folder.name, cores=types.SimpleNamespace(dut=core)))

    def test_a_value_is_the_figure_of_the_answer(self):
        rig = self.rig('echo "{\\"cycles\\":{\\"median\\":42}, \\"said\\":\\"$*\\"}"')
        values, raw, _ = rig.trial()
        self.assertEqual(values, {"growth": 42})
        self.assertEqual(raw["calls"][0]["answer"]["said"], "hit --flows 7 --time-ms 5")
        self.assertEqual(rig.parameters(), {"flows": 7})

    def test_a_ratio_is_of_two_calls_by_turns(self):
        rig = self.rig('echo $1 >> %s/order; [ $1 = hit ] && n=30 || n=20; echo "{\\"cycles\\":{\\"median\\":$n}}"' % self.folder.name,
                       against=["memory"])
        self.assertEqual([rig.trial()[0]["growth"] for _ in range(2)], [1.5, 1.5])
        with open(os.path.join(self.folder.name, "order"), encoding="utf-8") as f:
            self.assertEqual(f.read().split(), ["hit", "memory", "memory", "hit"])

    def test_a_program_that_fails_says_so(self):
        with self.assertRaisesRegex(BenchError, "ended with 3: boom"):
            self.rig("echo boom >&2; exit 3").trial()
        with self.assertRaisesRegex(BenchError, "does not say cycles.median"):
            self.rig("echo '{}'").trial()

    def test_time_that_others_had_the_core_makes_it_void(self):
        self.assertIn("taken by others", self.rig('sleep 0.3; echo "{\\"cycles\\":{\\"median\\":1}}"').trial()[2])


if __name__ == "__main__":
    unittest.main()
