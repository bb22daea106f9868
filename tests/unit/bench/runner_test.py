#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Order of trials, which configurations stay, what is void and how often it is repeated: with switches that only pretend."""

import types
import unittest

import benchlib  # noqa: F401
from lib import runner, void
from lib.peer import Counters

CASE = types.SimpleNamespace(name="x", metric="cycles_per_packet", better="lower")
GOOD = {"elapsed_ms": 100.0, "steal_ms": 0.0}


class Quiet:
    """Progress that nobody sees."""

    def __init__(self):
        self.notes = []

    def trial(self, *_args, **_more):
        pass

    def advance(self):
        pass

    def note(self, text):
        self.notes.append(text)


class Pretender:
    """A rig that writes down its turn and answers from a list: (value, reason)."""

    def __init__(self, log, name, config, answers):
        self.peer = types.SimpleNamespace(name=name, config=config)
        self.log, self.answers, self.at = log, answers, 0

    def trial(self):
        value, reason = self.answers[min(self.at, len(self.answers) - 1)]
        self.at += 1
        self.log.append((self.peer.name, self.peer.config))
        return {"cycles_per_packet": value}, dict(GOOD), reason


def run(rigs, pairs):
    tally = runner.Tally(len(rigs) * pairs)
    progress = Quiet()
    runner.run_trials(CASE, rigs, pairs, progress, tally)
    return tally.by_metric["cycles_per_packet"], progress.notes


class Order(unittest.TestCase):
    def test_passes_go_forth_and_back(self):
        log = []
        trials, _ = run([Pretender(log, n, "default", [(100.0, None)]) for n in ("sluice", "ovs")], 4)
        self.assertEqual("".join(n[0] for n, _ in log), "soossoos")
        self.assertEqual([t["pair"] for t in trials], [0, 0, 1, 1, 2, 2, 3, 3])
        self.assertEqual([t["order"] for t in trials[:2]], ["1/2", "2/2"])

    def test_only_configurations_near_the_best_go_on(self):
        log = []
        rigs = [Pretender(log, "sluice", "default", [(500.0, None)])]
        rigs += [Pretender(log, "ovs", c, [(v, None)]) for c, v in (("emc", 100.0), ("smc", 109.0), ("no-emc", 120.0))]
        trials, notes = run(rigs, 5)
        count = {c: sum(t["config"] == c for t in trials) for c in ("default", "emc", "smc", "no-emc")}
        self.assertEqual(count, {"default": 5, "emc": 5, "smc": 5, "no-emc": runner.PROBE_PASSES})
        self.assertEqual(len(notes), 1)

    def test_a_peer_whose_trials_are_all_void_stays(self):
        keep = runner.contenders([], "lower", [("ovs", "emc"), ("ovs", "smc")])
        self.assertEqual(sorted(keep), [("ovs", "emc"), ("ovs", "smc")])

    def test_higher_is_better_for_rates(self):
        trials = benchlib.trials_of({("ovs", "emc"): [5.0], ("ovs", "smc"): [9.0], ("ovs", "no-emc"): [8.5]})
        keep = runner.contenders(trials, "higher", [("ovs", c) for c in ("emc", "smc", "no-emc")])
        self.assertEqual(sorted(c for _, c in keep), ["no-emc", "smc"])


class Void(unittest.TestCase):
    def test_a_void_trial_is_kept_and_repeated(self):
        trials, _ = run([Pretender([], "sluice", "default", [(1.0, "stolen"), (2.0, None)])], 2)
        self.assertEqual([(t["void"], t["order"]) for t in trials], [("stolen", "1/1"), (None, "1/1 again"), (None, "1/1")])

    def test_repeats_are_bounded_for_a_trial_and_for_a_case(self):
        trials, _ = run([Pretender([], "sluice", "default", [(1.0, "stolen")])], 1)
        self.assertEqual(len(trials), 1)
        trials, _ = run([Pretender([], "sluice", "default", [(1.0, "stolen")])], 20)
        self.assertEqual(len(trials), 20 + int(20 * runner.REPEATS_SHARE))
        self.assertLessEqual(max(sum(t["pair"] == p for t in trials) for p in range(20)), 1 + runner.REPEATS)

    def test_the_rules_of_the_result_void_too(self):
        rig = Pretender([], "sluice", "default", [(1.0, None)])
        rig.trial = lambda: ({"cycles_per_packet": 1.0}, {"elapsed_ms": 100.0, "steal_ms": 10.0}, None)
        trials, _ = run([rig], 1)
        self.assertIn("stolen", trials[0]["void"])

    def test_a_core_that_others_took_is_void(self):
        self.assertIsNone(void.waited({"elapsed_ms": 1000.0, "waited_ms": 19.9}))
        self.assertIn("2.10 %", void.waited({"elapsed_ms": 1000.0, "waited_ms": 21.0}))

    def test_packets_that_vanish_are_void(self):
        ports = {"in": {"rx": 10_000_000, "tx": 0, "drops": 0}, "out": {"rx": 0, "tx": 9_990_000, "drops": 0}}
        self.assertIsNone(void.conservation(ports))
        ports["out"]["tx"] = 9_900_000
        self.assertIn("do not add up", void.conservation(ports))
        self.assertIsNone(void.conservation(ports, refused=100_000))
        ports["out"]["drops"] = 100_000
        self.assertIsNone(void.conservation(ports))
        ports["out"]["drops"] = 200_000
        self.assertIn("do not add up", void.conservation(ports, refused=100_000))

    def test_copies_are_packets_too(self):
        ports = {"in": {"rx": 1_000_000, "tx": 0, "drops": 0, "copies": 500_000}, "out": {"rx": 0, "tx": 1_500_000, "drops": 0}}
        self.assertIsNone(void.conservation(ports))

    def test_what_was_sent_must_have_been_taken(self):
        ports = {"in": {"rx": 990_000, "tx": 0, "drops": 0}}
        self.assertIn("do not add up", void.handed_over(1_000_000, ports))
        self.assertIsNone(void.handed_over(990_100, ports))

    def test_a_switch_must_account_for_its_cycles(self):
        self.assertIsNone(void.cycles(Counters(900, 60, 1, {}), 1000.0, 1000))
        self.assertIn("90.0 %", void.cycles(Counters(800, 100, 1, {}), 1000.0, 1000))
        self.assertIsNone(void.cycles(Counters(0, 0, 1, {}), 1000.0, 1000))


if __name__ == "__main__":
    unittest.main()
