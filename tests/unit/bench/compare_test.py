# SPDX-License-Identifier: Apache-2.0
import argparse
import io
import os
import tempfile
import unittest

import benchlib
from lib import compare, result, text


def result_of(environment=None, **cases):
    """From {case: {(peer, config): values}}."""
    made = result.new({"name": "unit"}, environment or {"cpu": {"model": "Test"}})
    for case, values in cases.items():
        result.add_run(made, case, "cycles_per_packet", "lower", benchlib.trials_of(values), "run " + case, resamples=200)
    return made


def around(value, n=10):
    return [value * (1 + 0.001 * (i % 4)) for i in range(n)]


def ours(value, n=10):
    return {("sluice", "default"): around(value, n)}


class Cases(unittest.TestCase):
    def change(self, old, new):
        return {c["case"]: c for c in compare.compare(result_of(a=old), result_of(a=new))}["a"]

    def test_a_regression_is_a_ratio_below_one_beyond_noise(self):
        found = self.change(ours(100), ours(110))
        self.assertEqual(found["change"], "regression")
        self.assertAlmostEqual(found["ratio"], 1 / 1.1)
        self.assertTrue(found["low"] <= found["ratio"] <= found["high"] < 1)
        self.assertEqual(self.change(ours(110), ours(100))["change"], "better")

    def test_small_unclear_and_thin_changes_are_none(self):
        self.assertEqual(self.change(ours(100), ours(101))["change"], "same")
        wild = {("sluice", "default"): [60, 150, 90, 104, 106, 108, 200, 110]}
        self.assertEqual(self.change(wild, ours(100))["change"], "within noise")
        self.assertEqual(self.change(ours(100), ours(120, n=5))["change"], "too few trials")

    def test_rates_point_the_other_way(self):
        old, new = result_of(a=ours(5)), result_of(a=ours(4))
        for made in (old, new):
            made["runs"][0].update(metric="mpps", better="higher")
        self.assertEqual(compare.compare(old, new)[0]["change"], "regression")

    def test_drift_is_what_an_unchanged_peer_did(self):
        found = self.change({**ours(100), ("ovs", "emc"): around(200)}, {**ours(110), ("ovs", "emc"): around(220)})
        self.assertEqual(found["drift"][0], "ovs")
        self.assertAlmostEqual(found["drift"][1], 1 / 1.1)
        self.assertIsNone(self.change(ours(100), ours(110))["drift"])

    def test_cases_of_one_side_and_of_other_metrics_are_listed(self):
        old, new = result_of(a=ours(1), b=ours(1), c=ours(1)), result_of(b=ours(1), d=ours(1))
        new["runs"][0]["metric"] = "instructions_per_packet"
        self.assertEqual([(c["case"], c["change"]) for c in compare.compare(old, new)],
                         [("b", "other metric"), ("d", "only in the new"), ("a", "only in the old"), ("c", "only in the old")])

    def test_the_same_case_with_other_parameters_has_no_ratio(self):
        old, new = result_of(a=ours(100)), result_of(a=ours(200))
        old["runs"][0]["parameters"] = {"flows": 1, "hugepages": True}
        for parameters, change in (({"flows": 1, "hugepages": False}, "other parameters"), ({"flows": 1, "frame": 64}, "regression")):
            new["runs"][0]["parameters"] = parameters
            self.assertEqual(compare.compare(old, new)[0]["change"], change)


class Command(unittest.TestCase):
    def run_main(self, old, new, *options):
        parser = argparse.ArgumentParser()
        compare.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a.json", "b.json")]
            for path, made in zip(paths, (old, new)):
                if made is not None:
                    result.write(path, made)
            code = compare.main_compare(parser.parse_args([*paths, *options]), out, err)
        return code, out.getvalue(), err.getvalue()

    def test_exit_code_and_mark_of_a_regression(self):
        code, out, _ = self.run_main(result_of(a=ours(100), b=ours(50)), result_of(a=ours(120), b=ours(40)))
        self.assertEqual(code, compare.EXIT_REGRESSION)
        self.assertRegex(out, r"(?m)^! +a .*0\.83×.*regression")
        self.assertRegex(out, r"(?m)^ +b .*1\.25×.*better")
        self.assertIn("2 cases, 1 regressions: a", out)
        self.assertEqual(self.run_main(result_of(a=ours(100)), result_of(a=ours(100)))[0], 0)

    def test_unlike_environments_are_refused_unless_forced(self):
        other = result_of({"cpu": {"model": "Else\x1b[31m"}}, a=ours(100))
        code, out, err = self.run_main(result_of(a=ours(100)), other)
        self.assertEqual((code, out), (compare.EXIT_REFUSED, ""))
        self.assertIn("cpu.model: Test, Else?[31m", err)
        self.assertIn("--force", err)
        code, out, err = self.run_main(result_of(a=ours(100)), other, "--force")
        self.assertEqual(code, 0)
        self.assertIn("cpu.model", err)
        self.assertIn("same", out)

    def test_an_unreadable_file_is_refused(self):
        code, _, err = self.run_main(None, result_of(a=ours(1)))
        self.assertEqual(code, compare.EXIT_REFUSED)
        self.assertIn("a.json: No such file", err)


class Text(unittest.TestCase):
    def test_figures_keep_three_digits(self):
        self.assertEqual([text.figure(v) for v in (None, 0, 0.01234, 1.234, 12.34, 123.4, 1234.5, 1234567)],
                         ["–", "0", "0.0123", "1.23", "12.3", "123", "1,234", "1,234,567"])
        self.assertEqual([text.times(v) for v in (None, 1.8, 12.34, 123.4)], ["–", "1.80×", "12.3×", "123×"])

    def test_columns_are_aligned(self):
        self.assertEqual(text.table(["a", "n"], [["x", "1"], ["yy", "22"]], right={1}), ["a    n", "--  --", "x    1", "yy  22"])

    def test_no_control_character_reaches_the_terminal(self):
        self.assertTrue(all(line.isprintable() for line in text.table(["a"], [["\x1b[2J\r\n"]])))


if __name__ == "__main__":
    unittest.main()
