# SPDX-License-Identifier: Apache-2.0
import argparse
import copy
import html.parser
import io
import os
import shutil
import stat
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

import benchlib
import sample_result
from lib import headline, page, plots, report, result, search

VOID_TAGS = {"meta", "br"}
HAVE_GNUPLOT = shutil.which("gnuplot") is not None
SAMPLE = sample_result.make(pairs=6)


class Page(html.parser.HTMLParser):
    """Reads a page; collects what must not be there, and its text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.bad, self.words, self.tags = [], [], [], []
        self.feed(text)
        self.close()
        self.bad += ["not closed: %s" % tag for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID_TAGS:
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "form"):
            self.bad.append(tag)
        for key, value in attrs:
            if key.startswith("on") or (key in ("href", "src", "xlink:href") and not value.startswith("#")):
                self.bad.append("%s %s=%s" % (tag, key, value))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID_TAGS:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append("closed without being open: %s" % tag)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


class Html(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.drawn, cls.missing = plots.draw(SAMPLE)
        cls.source = page.page(SAMPLE, cls.drawn, cls.missing, "2026-03-02")
        cls.page = Page(cls.source)

    def test_is_one_well_formed_file_that_fetches_nothing(self):
        self.assertEqual(self.page.bad, [])
        for word in ("url(http", "@import", "javascript:"):
            self.assertNotIn(word, self.source)

    def test_has_the_line_the_command_and_the_interval_of_each_case(self):
        for run in SAMPLE["runs"]:
            self.assertIn(run["title"], self.page.text)
            self.assertIn(run["command"], self.page.text)
        ratio = SAMPLE["runs"][0]["summary"]["ratios"]["ovs"]
        self.assertIn("%.2f× (%.2f–%.2f)" % (ratio["median"], ratio["low"], ratio["high"]), self.page.text)

    def test_has_every_sample_and_every_void_trial(self):
        n = sum(len(run["trials"]) for run in SAMPLE["runs"])
        n_void = sum(t["void"] is not None for run in SAMPLE["runs"] for t in run["trials"])
        self.assertGreater(n_void, 0)
        # A row for each: header rows, headline and void tables beside.
        self.assertEqual(self.page.tags.count("tr"), n + 2 * len(SAMPLE["runs"]) + 1 + 1 + n_void)

    def test_has_the_environment_and_what_is_not_known(self):
        for words in ("0xa0011d5", "6.1.0-18-cloud-amd64", "clflushopt", "governor not known", "22.11.11", "3.21 GHz, calibrated"):
            self.assertIn(words, self.page.text)

    @unittest.skipUnless(HAVE_GNUPLOT, "gnuplot is not installed")
    def test_has_a_plot_of_each_kind_with_ids_of_its_own(self):
        self.assertEqual([p.error for p in self.drawn], [None] * 6)
        self.assertEqual([p.title.split(" ")[0] for p in self.drawn], ["Cost", "Cost", "How", "Latency:", "Latency:", "Victim's"])
        ids = set()
        for plot in self.drawn:
            tree = xml.etree.ElementTree.fromstring(plot.svg)
            own = {e.get("id") for e in tree.iter() if e.get("id")}
            self.assertFalse(ids & own)
            ids |= own
            links = {v for e in tree.iter() for k, v in e.attrib.items() if k.endswith("href")}
            self.assertLessEqual({link[1:] for link in links}, own)
            self.assertNotIn("rgb(", plot.svg.replace("rgb(0,0,0)", ""))
            self.assertIn("var(--sluice)" if plot.title[0] != "H" else "var(--ovs)", plot.svg)


class Broken(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "r.html")

    def written(self):
        with open(self.path, encoding="utf-8") as f:
            return Page(f.read())

    def test_without_gnuplot_there_is_a_message_and_the_rest(self):
        missing = report.write_html(self.path, SAMPLE, gnuplot="/none/gnuplot")
        self.assertIn("gnuplot is not installed", missing)
        found = self.written()
        self.assertEqual(found.bad, [])
        self.assertNotIn("svg", found.tags)
        self.assertIn("gnuplot is not installed", found.text)
        self.assertIn("b2-1m-flows", found.text)

    @unittest.skipUnless(HAVE_GNUPLOT, "gnuplot is not installed")
    def test_more_plots_and_bars_than_a_page_holds_are_left_out_and_counted(self):
        with unittest.mock.patch.multiple(plots, MAX_PLOTS=3, MAX_BARS=5):
            self.assertEqual(report.write_html(self.path, SAMPLE), "3 more plots are left out.")
        found = self.written()
        self.assertEqual(found.tags.count("svg"), 3)
        self.assertIn("3 more plots are left out.", found.text)
        self.assertIn("12 more are left out.", found.text)

    def test_a_gnuplot_that_fails_leaves_its_words_in_the_place_of_the_plot(self):
        fake = os.path.join(self.folder.name, "gnuplot")
        with open(fake, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho 'line 3: <b>broken' >&2\nexit 1\n")
        os.chmod(fake, stat.S_IRWXU)
        self.assertIn("broken", report.write_html(self.path, SAMPLE, gnuplot=fake))
        found = self.written()
        self.assertEqual(found.bad, [])
        self.assertIn("line 3: <b>broken", found.text)

    def test_hostile_text_is_shown_and_does_nothing(self):
        marker = os.path.join(self.folder.name, "pwned")
        hostile = "'; system('touch %s') # `touch %s` \\ \"><script>alert(1)</script><img src=x onerror=y>" % (marker, marker)
        made = copy.deepcopy(SAMPLE)
        made["scenario"]["title"] = hostile
        made["environment"]["cpu"]["model"] = made["environment"]["cpu"]["flags"] = hostile
        made["environment"]["versions"][hostile] = hostile
        made["environment"]["merged"] = [hostile]
        for i, run in enumerate(made["runs"]):
            run["case"] = "%d %s" % (i, hostile)
            run["title"] = run["command"] = run["unit"] = hostile
            run["parameters"]["layer"] = hostile
            for trial in run["trials"]:
                trial["raw"][hostile] = hostile
                trial["void"] = trial["void"] and hostile
                trial["peer"] = {"testpmd": hostile}.get(trial["peer"], trial["peer"])
                trial["config"] = hostile if trial["peer"] == hostile else trial["config"]
            for where in (run["summary"], run["summary"]["ratios"]):
                if "testpmd" in where:
                    where[hostile] = {**where.pop("testpmd"), "config": hostile}
        result.validate(made)
        report.write_html(self.path, made)
        found = self.written()
        self.assertEqual(found.bad, [])
        self.assertIn(hostile, found.text)
        self.assertFalse(os.path.exists(marker))
        if HAVE_GNUPLOT:
            self.assertGreaterEqual(found.tags.count("svg"), 5)

    def test_an_environment_of_nonsense_and_odd_numbers_is_shown_all_the_same(self):
        made = copy.deepcopy(SAMPLE)
        made["environment"] = {"cpu": 7, "clock": [1], "versions": "x", "merged": 3, "started": {"a": 1}, "memory": {"hugepages": []}, "steal_percent": "x"}
        for run in made["runs"]:
            run["parameters"] = {"flows": 1e300, "masks": True}
            for trial in run["trials"]:
                trial["raw"] = {"search": {"goals": {"NDR": 7, "PDR": {"regular": 3}}}, "streams": [7, {"latency": {"p50": "x"}}], "victim": {"timeline": [[1], "x", [1, None]]}}
        result.validate(made)
        report.write_html(self.path, made)
        self.assertEqual(self.written().bad, [])

    def test_a_result_without_cases_and_one_without_trials(self):
        made = result.new({}, {})
        result.add_run(made, "empty", "mpps", "higher", [], "", target={"must": 2})
        for shown in (result.new({}, {}), made):
            report.write_html(self.path, shown)
            self.assertEqual(self.written().bad, [])
        self.assertIn("not measured", self.written().text)

    def test_text_that_is_no_unicode_is_shown_as_well_as_it_can_be(self):
        half = "\ud800"
        made = result.new({"title": half}, {"cpu": {"model": half}})
        trials = benchlib.trials_of({("sluice", "d"): [1] * 6, ("o" + half, half): [2] * 6})
        result.add_run(made, "c" + half, "m", "lower", trials, half, title="t" + half, parameters={"flows": 1, half: half})
        report.write_html(self.path, made)
        self.assertEqual(self.written().bad, [])
        self.assertIn("t?", self.written().text)
        self.assertTrue(all(line.isprintable() for line in headline.text_table(made)))

    def test_void_trials_only(self):
        made = result.new({}, {})
        trials = benchlib.trials_of({("sluice", "d"): [1, 2], ("ovs", "emc"): [1, 2]}, pairs_void=(0, 1))
        for flows in (1, 2):
            result.add_run(made, "x%d" % flows, "cycles_per_packet", "lower", trials, "", parameters={"flows": flows}, target={"must": 2})
        report.write_html(self.path, made)
        self.assertIn("all trials void", self.written().text)


class Words(unittest.TestCase):
    def rows(self, **options):
        made = result.new({}, {})
        values = {("sluice", "default"): [100] * 6, ("ovs", "smc"): [230] * 6, ("testpmd", "io"): [70] * 6}
        result.add_run(made, "x", "cycles_per_packet", "lower", benchlib.trials_of(values), "", resamples=50, **options)
        return made, headline.rows(made)[0]

    def test_verdicts(self):
        for target, words, shown in (({"must": 1.5, "aim": 2}, "aim reached", "≥ 1.5× (aim 2×)"), ({"must": 1.5}, "reached", "≥ 1.5×"),
                                     ({"must": 4.6}, "missed by 50 %", "≥ 4.6×"), ({"must": 2.301}, "missed by less than 1 %", "≥ 2.301×"),
                                     ({"must": 80, "of": "value"}, "missed by 25 %", "≤ 80"), ({"must": 2, "against": ["vpp"]}, "not measured", "≥ 2×")):
            row = self.rows(target=target)[1]
            self.assertEqual((row["verdict"]["text"], row["target"]), (words, shown))

    def test_net_of_the_floor(self):
        row = self.rows()[1]
        self.assertAlmostEqual(row["peers"]["ovs"]["net"], (230 - 70) / (100 - 70))
        self.assertIsNone(row["peers"]["testpmd"]["net"])

    def test_the_terminal_table_names_the_best_configuration(self):
        table = headline.text_table(self.rows(target={"must": 2})[0])
        self.assertRegex(table[2], r"x +100 +cycles/packet +230 \(smc\) 2\.30× \[2\.30–2\.30\] net 5\.33× +70\.0 \(io\) +≥ 2× +reached")
        self.assertIn("1 cases: 0 reach the aim, 1 the target", table[-1])

    def test_irregular_searches_are_marked_in_the_table_and_in_the_notes(self):
        made = result.new({}, {})
        found = [search.mlrsearch(lambda rate, s, c=c: max(0.0, 1 - c / rate), 0.01, 1.0) for c in (0.5, 2.0)]
        trials = [result.trial(peer, "default", 0, "A", f["goals"]["PDR"]["conditional_throughput"], {"search": f})
                  for peer, f in zip(("sluice", "ovs"), found)]
        result.add_run(made, "pdr", "mpps", "higher", trials, "")
        result.validate(made)
        rows = headline.searches(made)
        self.assertEqual([(r["peer"], r["goal"], bool(r["irregular"])) for r in rows],
                         [("sluice", "NDR", False), ("sluice", "PDR", False), ("ovs", "NDR", True), ("ovs", "PDR", True)])
        self.assertRegex("\n".join(headline.notes(made)), "Irregular.*pdr NDR of OVS .the maximum load achieves")
        shown = Page(page.page(made, [], None, "2026-03-02"))
        self.assertEqual(shown.bad, [])
        self.assertEqual(shown.text.count("irregular: the maximum load achieves the goal"), 2)
        self.assertIn("PDR: loss ratio 0.5 %, exceed ratio 50 %, width 0.5 %, trials of 1 s, duration sum 21 s.", shown.text)

    def test_notes_say_what_weakens_the_run(self):
        made = result.new({}, {"cpu": {"hypervisor": True}, "smt_test": {"siblings": True}, "sluice": {"dirty": True}, "steal_percent": 1.2,
                               "memory": {"hugepages": 0}, "cores": {"isolated": "1"}})
        result.add_run(made, "thin", "mpps", "higher", benchlib.trials_of({("sluice", "d"): [1, 2, 3], ("ovs", "e"): [0, 1, 1]}), "")
        notes = "\n".join(headline.notes(made))
        for words in ("Too few pairs.*thin", "measured 0.*thin", "virtual machine", "siblings", "uncommitted", "1.20 %", "Without hugepages.*all cases"):
            self.assertRegex(notes, words)
        self.assertNotIn("isolated", notes)

    def test_a_case_that_had_hugepages_is_not_said_to_have_none(self):
        made = self.rows(parameters={"hugepages": True})[0]
        made["environment"] = {"memory": {"hugepages": 0}}  # before the run reserved its own
        self.assertNotIn("hugepages", "\n".join(headline.notes(made)))
        result.add_run(made, "small", "mpps", "higher", [], "", parameters={"hugepages": False})
        self.assertRegex("\n".join(headline.notes(made)), "Without hugepages.*: small")

    def test_latency_is_the_median_over_trials(self):
        def raw(p50):
            return {"streams": [{"latency": {"p50": p50, "p90": 2, "p99": 3, "p99_9": 4, "max": 5}}]}
        self.assertEqual(plots.latency_points([raw(1), raw(9), raw(3), {}]), [3, 2, 3, 4, 5])
        self.assertIsNone(plots.latency_points([{}, {"streams": 3}]))

    def test_a_victim_without_a_timeline_has_two_levels(self):
        self.assertEqual(plots.timeline([{"before": 2, "during": 1}, {"before": 4, "during": 1}, None]), [[-1, 3], [0, 3], [0.1, 1], [1, 1]])

    def test_labels_cannot_end_their_string(self):
        shown = plots.label("a'b`c\\d\n@e")
        self.assertEqual((shown[0], shown[-1]), ("'", "'"))
        self.assertFalse(set(shown[1:-1]) & set("'`\\\n@"))


class Command(unittest.TestCase):
    def run_main(self, results, *options):
        parser = argparse.ArgumentParser()
        report.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, "%d.json" % i) for i in range(len(results))]
            for path, made in zip(paths, results):
                if made is not None:
                    result.write(path, made)
            code = report.main_report(parser.parse_args([*paths, *options]), out, err)
            return code, out.getvalue(), err.getvalue(), sorted(f for f in os.listdir(folder) if not f.endswith(".json"))

    def other(self, model):
        made = result.new({}, copy.deepcopy(SAMPLE["environment"]))
        made["environment"]["cpu"]["model"] = model
        result.add_run(made, "other", "mpps", "higher", benchlib.trials_of({("sluice", "d"): [1]}), "")
        return made

    def test_writes_beside_the_result_and_prints_the_table(self):
        code, out, _, files = self.run_main([SAMPLE])
        self.assertEqual((code, files), (0, ["0.html"]))
        self.assertIn("b2-1m-flows", out)
        self.assertIn("0.html", out)

    def test_text_only(self):
        self.assertEqual(self.run_main([SAMPLE], "--text")[3], [])

    def test_several_of_one_machine_are_one_report_and_of_two_are_refused(self):
        like, unlike = self.other(SAMPLE["environment"]["cpu"]["model"]), self.other("Else")
        self.assertRegex(self.run_main([SAMPLE, like], "--text")[1], "(?m)^other ")
        code, _, err, _ = self.run_main([SAMPLE, unlike], "--text")
        self.assertEqual(code, report.EXIT_REFUSED)
        self.assertIn("cpu.model", err)
        self.assertEqual(self.run_main([SAMPLE, unlike], "--text", "--force")[0], 0)

    def test_what_cannot_be_read_or_written_is_said(self):
        code, _, err, _ = self.run_main([None])
        self.assertEqual(code, report.EXIT_REFUSED)
        self.assertIn("No such file", err)
        code, _, err, _ = self.run_main([SAMPLE], "-o", "/none/r.html")
        self.assertEqual(code, report.EXIT_REFUSED)
        self.assertIn("/none/r.html: No such file", err)


if __name__ == "__main__":
    unittest.main()
