# SPDX-License-Identifier: Apache-2.0
import copy
import json
import os
import random
import tempfile
import unittest
import unittest.mock

import benchlib
from lib import environment, result


def sample():
    made = result.new({"name": "unit"}, {"cpu": {"model": "Test"}})
    trials = benchlib.trials_of({("sluice", "default"): [100, 101, 99, 102, 100, 98], ("ovs", "emc"): [200, 202, 204, 206, 208, 210]})
    result.add_run(made, "b2-one-flow", "cycles_per_packet", "lower", trials, "sluice-bench run b2-one-flow",
                   target={"must": 1.4, "aim": 1.8}, parameters={"flows": 1}, resamples=100)
    return made


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "sub", "r.json")

    def fails(self, text, pattern):
        with open(os.path.join(self.folder.name, "hostile.json"), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        with self.assertRaisesRegex(result.ResultError, "hostile.json: .*" + pattern):
            result.read(f.name)

    def test_what_is_written_is_read_and_nothing_else_is_left(self):
        result.write(self.path, sample())
        self.assertEqual(result.read(self.path), sample())
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["r.json"])

    def test_an_invalid_result_is_not_written_and_the_old_file_stays(self):
        result.write(self.path, sample())
        bad = sample()
        bad["runs"][0]["better"] = "faster"
        with self.assertRaises(result.ResultError):
            result.write(self.path, bad)
        self.assertEqual(result.read(self.path), sample())

    def test_a_write_that_fails_leaves_the_old_file_and_no_other(self):
        result.write(self.path, sample())
        bad = sample()
        bad["environment"]["x"] = object()
        with self.assertRaises(TypeError):
            result.write(self.path, bad)
        self.assertEqual(result.read(self.path), sample())
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["r.json"])

    def test_a_missing_file_is_an_error_of_ours(self):
        with self.assertRaisesRegex(result.ResultError, "none.json: No such file"):
            result.read(os.path.join(self.folder.name, "none.json"))

    def test_hostile_text_is_refused_with_the_place(self):
        self.fails(b"\xff\xfe", "not UTF-8 at byte 0")
        self.fails("", "truncated")
        self.fails("[" * 200000, "nested too deeply")
        self.fails('{"format": 1, "format": 1}', "'format' twice")
        self.fails('{"format": NaN}', "NaN is not a number")
        self.fails('{"format": 1e999}', "too large")
        self.fails('{"format": %s}' % ("9" * 5000), "too large")
        self.fails("[]", "the file: must be an object")

    def test_limits_are_refused_with_the_place(self):
        text = json.dumps(sample())
        for limit, value, pattern in (("MAX_BYTES", len(text) - 1, "larger than"), ("MAX_RUNS", 0, r"runs: has 1 entries"),
                                      ("MAX_TRIALS", 11, r"runs\[0\]\.trials: has 12 entries.*at most 11")):
            with unittest.mock.patch.object(result, limit, value):
                self.fails(text, pattern)

    def test_every_truncation_is_refused(self):
        text = json.dumps(sample())
        seed = random.SystemRandom().randrange(1 << 32)
        print("seed %d" % seed)
        for cut in random.Random(seed).sample(range(len(text)), benchlib.test_size(40, 200)):
            self.fails(text[:cut], "")

    def test_mutated_bytes_are_read_or_refused_but_never_crash(self):
        text = bytearray(json.dumps(sample()).encode())
        seed = random.SystemRandom().randrange(1 << 32)
        print("seed %d" % seed)
        rng, refused = random.Random(seed), 0
        path = os.path.join(self.folder.name, "m.json")
        n = benchlib.test_size(100, 1000)
        for _ in range(n):
            mutated = bytearray(text)
            for _ in range(rng.randrange(1, 4)):
                mutated[rng.randrange(len(mutated))] = rng.choice(b'{}[]",:0123456789.eE-ntf\x00\xff')
            with open(path, "wb") as f:
                f.write(mutated)
            try:
                result.read(path)
            except result.ResultError:
                refused += 1
        self.assertGreater(refused, n // 2)


class Validation(unittest.TestCase):
    def refused(self, change, pattern):
        broken = copy.deepcopy(sample())
        change(broken)
        with self.assertRaisesRegex(result.ResultError, pattern):
            result.validate(broken)

    def test_names_the_path_of_what_is_wrong(self):
        cases = [
            (lambda r: r.pop("runs"), r"^runs: is missing"),
            (lambda r: r.update(format=2), r"^format: is 2, this program reads 1"),
            (lambda r: r.update(extra=1), r"^extra: is not a key of format 1"),
            (lambda r: r.update(environment=[]), r"^environment: must be an object"),
            (lambda r: r["runs"].append(r["runs"][0]), r"^runs\[1\]\.case: .* is also runs\[0\]"),
            (lambda r: r["runs"][0].update(better="faster"), r"^runs\[0\]\.better: .*faster"),
            (lambda r: r["runs"][0].update(case=""), r"^runs\[0\]\.case: is empty"),
            (lambda r: r["runs"][0].update(case="x" * 201), r"^runs\[0\]\.case: has 201"),
            (lambda r: r["runs"][0].update(target={"must": "1"}), r"^runs\[0\]\.target\.must: must be a number"),
            (lambda r: r["runs"][0].update(target={"must": 1, "of": "x"}), r"^runs\[0\]\.target\.of"),
            (lambda r: r["runs"][0].update(parameters={"flows": []}), r"^runs\[0\]\.parameters\.flows"),
            (lambda r: r["runs"][0]["trials"][3].update(value="7"), r"^runs\[0\]\.trials\[3\]\.value: must be a number"),
            (lambda r: r["runs"][0]["trials"][3].update(value=-7), r"^runs\[0\]\.trials\[3\]\.value: is negative"),
            (lambda r: r["runs"][0]["trials"][3].update(value=None), r"^runs\[0\]\.trials\[3\]\.value: must be a number"),
            (lambda r: r["runs"][0]["trials"][3].update(value=True), r"^runs\[0\]\.trials\[3\]\.value"),
            (lambda r: r["runs"][0]["trials"][3].update(pair=-1), r"^runs\[0\]\.trials\[3\]\.pair"),
            (lambda r: r["runs"][0]["trials"][3].update(void=""), r"^runs\[0\]\.trials\[3\]\.void"),
            (lambda r: r["runs"][0]["trials"][3].update(peer="ratios"), r"^runs\[0\]\.trials\[3\]\.peer"),
            (lambda r: r["runs"][0]["trials"][3].pop("raw"), r"^runs\[0\]\.trials\[3\]\.raw: is missing"),
            (lambda r: r["runs"][0]["trials"].append(7), r"^runs\[0\]\.trials\[12\]: must be an object"),
        ]
        for change, pattern in cases:
            with self.subTest(pattern):
                self.refused(change, pattern)

    def test_a_summary_that_its_trials_do_not_give_is_refused(self):
        summary = r"^runs\[0\]\.summary\."
        for change, pattern in (
                (lambda s: s["sluice"].update(median=50), r"sluice\.median: is 50, its trials give 100"),
                (lambda s: s["sluice"].update(n=7), r"sluice\.n"),
                (lambda s: s.pop("ovs"), r"ovs: is missing"),
                (lambda s: s.update(vpp=s["ovs"]), r"vpp: is not a key"),
                (lambda s: s["ratios"]["ovs"].update(median=3), r"ratios\.ovs\.median: is 3, its trials give 2\.0"),
                (lambda s: s["ratios"]["ovs"].update(low=3, high=2), r"ratios\.ovs: low and high are no interval"),
                (lambda s: s["ratios"]["ovs"].update(config="smc"), r"ratios\.ovs\.config"),
                (lambda s: s["ratios"].update(vpp=s["ratios"]["ovs"]), r"ratios\.vpp: no pairs")):
            with self.subTest(pattern):
                self.refused(lambda r, change=change: change(r["runs"][0]["summary"]), summary + pattern)

    def test_values_in_an_error_are_short_and_on_one_line(self):
        broken = sample()
        broken["runs"][0]["better"] = "\n\x1b[31m" * 1000
        with self.assertRaises(result.ResultError) as caught:
            result.validate(broken)
        self.assertLess(len(str(caught.exception)), 150)
        self.assertTrue(str(caught.exception).isprintable())

    def test_a_void_trial_may_lack_its_value(self):
        made = sample()
        trials = made["runs"][0]["trials"] + [result.trial("ovs", "emc", 6, "B", None, {}, "the switch died")]
        made["runs"] = []
        run = result.add_run(made, "x", "mpps", "higher", trials, "")
        self.assertEqual(run["summary"]["ovs"]["void"], 1)
        result.validate(made)


class Merge(unittest.TestCase):
    def merged(self, **changes):
        other = sample()
        other["runs"][0]["case"] = "b2-other"
        other["environment"] = {**other["environment"], **changes}
        return result.merge([sample(), other])

    def test_keeps_all_cases_and_every_unlike_environment(self):
        merged = self.merged(cpu={"model": "Else"})
        self.assertEqual([r["case"] for r in merged["runs"]], ["b2-one-flow", "b2-other"])
        self.assertEqual([e["cpu"]["model"] for e in merged["environment"]["merged"]], ["Test", "Else"])

    def test_two_runs_on_one_machine_are_like_any_other_run_on_it(self):
        merged = self.merged(started="later", sluice={"commit": "b"})
        self.assertNotIn("merged", merged["environment"])
        self.assertEqual([p["started"] for p in merged["environment"]["parts"]], [None, "later"])
        self.assertEqual(environment.unlike(merged["environment"], sample()["environment"]), [])

    def test_refuses_a_case_that_is_there_twice(self):
        with self.assertRaisesRegex(result.ResultError, "is also"):
            result.merge([sample(), sample()])


if __name__ == "__main__":
    unittest.main()
