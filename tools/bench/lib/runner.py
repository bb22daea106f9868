# SPDX-License-Identifier: Apache-2.0
"""Runs a case: every switch in turn, forth and back (A B C, C B A, …), so that whatever drifts on the machine meets all alike.

All switches of a case are up at once. Those that do not have their turn are stopped by SIGSTOP: a poll-mode thread never
sleeps by itself, and starting a switch anew for each trial would measure cold memory.
"""

from lib import result, scenario, stats

PROBE_PASSES = 3  # after these, configurations far behind the best of the same switch are left out
FAR_BEHIND = 1.10
REPEATS = 3  # of a void trial
REPEATS_SHARE = 0.5  # of all trials that are planned: a machine that is never quiet must not run for ever


def order(subjects, number):
    """Of one pass over the subjects: forth and back by turns."""
    return list(subjects) if number % 2 == 0 else list(reversed(subjects))


def contenders(trials, better, configs):
    """Which (peer, config) stay: the best of each peer so far, and those within FAR_BEHIND of it. configs: those that take part."""
    keep = []
    for peer in sorted({p for p, _ in configs}):
        values = {c: [t["value"] for t in stats.valid(trials, peer, c)] for p, c in configs if p == peer}
        best = stats.best_config(values, better)
        for config, found in values.items():
            if best is None or config == best:
                keep.append((peer, config))
            elif found and stats.times_better(stats.median(values[best]), stats.median(found), better) <= FAR_BEHIND:
                keep.append((peer, config))
    return keep


class Tally:
    """Trials of a case by metric, and how many void ones may still be repeated."""

    def __init__(self, planned=0):
        self.by_metric = {}
        self.repeats_left = int(planned * REPEATS_SHARE)

    def add(self, peer, pair, position, values, raw, reason):
        for metric, value in values.items():
            self.by_metric.setdefault(metric, []).append(result.trial(peer.name, peer.config, pair, position, value, raw, reason))
        first = next(iter(values))
        return self.by_metric[first][-1]


def run_trials(case, rigs, pairs, progress, tally):
    """rigs: opened and paused, one for each switch and configuration. Fills tally."""
    active = list(rigs)
    for number in range(pairs):
        if number == PROBE_PASSES:
            active = without_far_behind(case, active, tally, progress)
        this_pass = order(active, number)
        for position, rig in enumerate(this_pass):
            progress.trial(number, pairs, str(rig.peer))
            repeat_void(rig, number, "%d/%d" % (position + 1, len(this_pass)), tally)
            progress.advance()


def repeat_void(rig, number, position, tally):
    """One trial that counts, or REPEATS more attempts; all of them are kept."""
    for attempt in range(1 + REPEATS):
        values, raw, reason = rig.trial()
        record = tally.add(rig.peer, number, position + " again" * (attempt > 0), values, raw, reason)
        if record["void"] is None or tally.repeats_left == 0 or attempt == REPEATS:
            return
        tally.repeats_left -= 1


def without_far_behind(case, active, tally, progress):
    # What is best by one metric need not be by another, and which one is shown first is not known yet.
    configs = [(r.peer.name, r.peer.config) for r in active]
    keep = {c for metric in {case.metric, *tally.by_metric} for c in
            contenders(tally.by_metric.get(metric, []), scenario.METRICS[metric][0], configs)}
    for rig in active:
        if (rig.peer.name, rig.peer.config) not in keep:
            progress.note("%s: %s is measured no more, another configuration is far ahead" % (case.name, rig.peer))
    return [r for r in active if (r.peer.name, r.peer.config) in keep]
