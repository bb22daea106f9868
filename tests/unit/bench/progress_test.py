# SPDX-License-Identifier: Apache-2.0
import io
import unittest

import benchlib  # noqa: F401
from lib import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Shown(unittest.TestCase):
    def setUp(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def work(self, shown, trials, seconds_each):
        for i in range(trials):
            shown.trial(i, trials, "sluice")
            self.now += seconds_each
            shown.advance()

    def test_a_terminal_has_one_line_that_is_rewritten(self):
        stream = Terminal()
        shown = progress.Progress(4, stream, self.clock)
        shown.case("b2-1-flow")
        self.work(shown, 3, 10)
        shown.trial(3, 4, "ovs", "12 Mpps")
        self.assertNotIn("\n", stream.getvalue())
        self.assertEqual(stream.getvalue().rsplit("\x1b[K", 1)[1], "[3/4] b2-1-flow · pair 4/4 · ovs · 12 Mpps · 10 s left")
        shown.finish("done")
        self.assertTrue(stream.getvalue().endswith("\r\x1b[Kdone\n"))

    def test_a_note_stays_and_the_line_comes_back_below(self):
        stream = Terminal()
        shown = progress.Progress(4, stream, self.clock)
        shown.case("a")
        shown.note("void: \x1b[31mstolen")
        shown.case("b")
        self.assertTrue(stream.getvalue().endswith("\r\x1b[Kvoid: ?[31mstolen\n\r\x1b[K[0/4] b"))

    def test_a_log_has_plain_lines_and_few_of_them(self):
        stream = io.StringIO()
        shown = progress.Progress(100, stream, self.clock)
        shown.case("a")
        self.work(shown, 100, 1)
        lines = stream.getvalue().splitlines()
        self.assertNotIn("\x1b", stream.getvalue())
        self.assertTrue(3 <= len(lines) <= 5, lines)
        self.assertRegex(lines[1], r"^\[30/100\] a · pair 31/100 · sluice · 1:10 min left$")

    def test_nothing_is_promised_before_something_is_done(self):
        shown = progress.Progress(10, io.StringIO(), self.clock)
        self.assertIsNone(shown.eta_s())
        shown.case("a")
        self.assertIsNone(shown.eta_s())
        self.assertIsNone(progress.Progress(None, io.StringIO(), self.clock).eta_s())

    def test_a_long_line_is_cut_to_the_terminal(self):
        stream = Terminal()
        progress.Progress(1, stream, self.clock).case("x" * 1000)
        self.assertLess(len(stream.getvalue()), 300)

    def test_durations(self):
        self.assertEqual([progress.duration(s) for s in (0.4, 59.4, 60, 3599, 3600, 7260)], ["0 s", "59 s", "1:00 min", "59:59 min", "1:00 h", "2:01 h"])


if __name__ == "__main__":
    unittest.main()
