# SPDX-License-Identifier: Apache-2.0
"""B1: the fast path as a library, natively, on one core: sluice-bench-path, one call a trial. B0: the same under callgrind.

A case names the call and the figure of its answer that counts. With `against` it is how many times as much as that other call, both made
in turn in each trial, the second one first in every other.
"""

import json
import os
import resource
import shutil
import subprocess
import time

from lib import layer_b0, void
from lib.machine import parse_cpu_line
from lib.process import BenchError, prepare_child

TIMED = ("hit", "miss", "flood", "scan", "encap", "decap")  # calls that are told how long to measure
SWEPT = ("flows", "sessions", "tables", "rules", "masks")
SLACK_S = 120.0
SHARE_OF_STORED = 1 + layer_b0.LIMIT


class Rig:
    """Sluice alone. open → trial* → close, as the other layers."""

    def __init__(self, case, peer, bench):
        self.case, self.peer, self.bench = case, peer, bench
        self.memory_mb = 0
        self.n_trials = 0

    @classmethod
    def prepare(cls, case, bench):
        if not case.call:
            raise BenchError("%s does not say what to call" % case.name)

    @staticmethod
    def needed_mb(_case, _memory_mb):
        return 0

    def open(self):
        pass

    def trial(self):
        """({metric: value}, raw, reason why void)"""
        calls = [self.case.call] + ([self.case.against] if self.case.against else [])
        order = calls if self.n_trials % 2 == 0 else calls[::-1]
        self.n_trials += 1
        answers = {tuple(c): self._call(c) for c in order}
        values = [number_at(answers[tuple(c)]["answer"], self.case.figure) for c in calls]
        raw = {"calls": [answers[tuple(c)] for c in calls], "values": values,
               **{k: sum(a[k] for a in answers.values()) for k in ("elapsed_ms", "waited_ms", "steal_ms")}}
        value = values[0] / values[1] if len(values) == 2 else values[0]
        return {self.case.metric: value}, raw, void.waited(raw)

    def _call(self, call):
        """One run of the program on the switch's core. It never sleeps: what its time is longer than its CPU time, others had the core."""
        parent = os.getpid()
        words = list(call) + (["--time-ms", str(self.case.trial_ms)] if call[0] in TIMED else [])
        before, steal, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), self._steal_ticks(), time.monotonic()
        try:
            done = subprocess.run([layer_b0.program_path(self.bench.build), *words], capture_output=True, text=True, check=False,
                                  timeout=SLACK_S, stdin=subprocess.DEVNULL, preexec_fn=lambda: prepare_child({self.bench.cores.dut}, parent))
        except (OSError, subprocess.TimeoutExpired) as e:
            raise BenchError("sluice-bench-path %s: %s" % (" ".join(words), e)) from None
        elapsed_s, after = time.monotonic() - start_s, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise BenchError("sluice-bench-path %s ended with %d: %s" % (" ".join(words), done.returncode, done.stderr.strip()[-300:]))
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"call": words, "answer": json.loads(done.stdout), "elapsed_ms": elapsed_s * 1000, "waited_ms": max(0.0, elapsed_s - cpu_s) * 1000,
                "steal_ms": (self._steal_ticks() - steal) * 1000 / os.sysconf("SC_CLK_TCK")}

    def _steal_ticks(self):
        with open("/proc/stat", encoding="ascii") as f:
            return next(parse_cpu_line(line)[0] for line in f if line.startswith("cpu%d " % self.bench.cores.dut))

    def parameters(self):
        """What the plots draw it over: the numbers that the call was made with."""
        given = dict(zip(self.case.call[1::2], self.case.call[2::2]))
        return {} if self.case.against else {name: int(given["--" + name]) for name in SWEPT if "--" + name in given}

    def close(self):
        pass


class CountingRig(Rig):
    """B0: the call is a stage; what counts is instructions a packet. The stored figure and 2 % more is the target."""

    @classmethod
    def prepare(cls, case, bench):
        super().prepare(case, bench)
        if shutil.which("valgrind") is None:
            raise BenchError("valgrind is not installed", "tools/dev/packages --install bench")
        case.target = target_of(case.call[0], layer_b0.load(), None)

    def trial(self):
        stage = self.case.call[0]
        try:
            said = layer_b0.count_stage(layer_b0.program_path(self.bench.build), stage)
        except RuntimeError as e:
            raise BenchError("stage %s: %s" % (stage, e)) from None
        # Counts are stored for one compiler and C library; with others there is nothing to hold them against.
        self.case.target = target_of(stage, layer_b0.load(), said)
        return {self.case.metric: said["instructions"]}, said, None


def target_of(stage, stored, said):
    """None when there is no stored figure of such a build."""
    figure = stored["instructions_per_packet"].get(stage)
    if figure is None or (said is not None and any(stored[what] != said[what] for what in ("compiler", "libc"))):
        return None
    return {"must": round(figure * SHARE_OF_STORED, 1), "of": "value"}


def number_at(answer, path):
    """answer["a"]["b"] for "a.b"."""
    value = answer
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BenchError("sluice-bench-path does not say %s: %s" % (path, json.dumps(answer)[:200]))
    return value
