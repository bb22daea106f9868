# SPDX-License-Identifier: Apache-2.0
"""Progress of a run: one line that is rewritten on a terminal, plain lines in a log."""

import shutil
import sys
import time

from lib import text

LOG_INTERVAL_S = 30.0
REDRAW_INTERVAL_S = 0.1


class Progress:
    """total: units of work (trials) that are expected; may be raised or lowered while it runs, a search knows only at its end."""

    def __init__(self, total=None, stream=None, clock=time.monotonic):
        self.stream, self.clock = stream or sys.stderr, clock
        self.terminal = hasattr(self.stream, "isatty") and self.stream.isatty()
        self.total, self.done = total, 0
        self.start_s = self.last_s = None
        self.where, self.drawn = "", False

    def case(self, name):
        """A new case begins. A log says it at once."""
        self.where = name
        self._show(force=True)

    def trial(self, pair=None, pairs=None, peer=None, what=None):
        """A trial begins."""
        parts = [self.where, "pair %d/%d" % (pair + 1, pairs) if pair is not None and pairs else None, peer, what]
        self._show(" · ".join(p for p in parts if p))

    def advance(self, n=1):
        """n trials are done."""
        self.done += n

    def note(self, line):
        """A line that stays."""
        self._erase()
        self._write(text.clean(line) + "\n")

    def finish(self, line=None):
        self._erase()
        if line:
            self._write(text.clean(line) + "\n")

    def eta_s(self):
        """Seconds to go, or None while nothing is known."""
        if not self.total or not self.done or self.start_s is None:
            return None
        return max(0.0, (self.clock() - self.start_s) / self.done * (self.total - self.done))

    def _show(self, what=None, force=False):
        if self.start_s is None:
            self.start_s = self.clock()
        now, interval_s = self.clock(), REDRAW_INTERVAL_S if self.terminal else LOG_INTERVAL_S
        if not force and self.last_s is not None and now - self.last_s < interval_s:
            return
        self.last_s = now
        line = self._line(what or self.where)
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[K" + line[:width])
            self.drawn = True
        else:
            self._write(line + "\n")

    def _line(self, what):
        count = "%d/%d" % (min(self.done, self.total), self.total) if self.total else str(self.done)
        eta = self.eta_s()
        left = "" if eta is None else " · %s left" % duration(eta)
        return text.clean("[%s] %s%s" % (count, what, left))

    def _erase(self):
        if self.terminal and self.drawn:
            self._write("\r\x1b[K")
            self.drawn = False

    def _write(self, what):
        self.stream.write(what)
        self.stream.flush()


def duration(seconds):
    seconds = int(round(seconds))
    if seconds < 60:
        return "%d s" % seconds
    if seconds < 3600:
        return "%d:%02d min" % divmod(seconds, 60)
    return "%d:%02d h" % divmod(seconds // 60, 60)
