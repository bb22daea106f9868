# SPDX-License-Identifier: Apache-2.0
"""Searches and repeated measurements over an abstract trial: MLRsearch (RFC 9971), maximum receive rate, back-to-back (RFC 9004),
latency at fractions of a rate, soak.

trial(rate, duration_s) sends at the intended load and returns the trial loss ratio, 0..1, or None for a void trial, which is
repeated; loss_ratio() makes it of packet counts. The words are RFC 9971's: a load is a lower bound of a goal when it achieves
the goal, an upper bound when it fails it, undecided while too little is measured. A result that lacks a bound, or whose
bounds are too far apart, is irregular and says why.
"""

import dataclasses
import math

from lib import stats

MAX_VOID_IN_ROW = 10
OFFERED_TOLERANCE = 0.001  # an offered load this much below the intended one is rounding, not a generator at its limit


class SearchError(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Goal:
    name: str
    loss_ratio: float
    exceed_ratio: float = 0.5
    width: float = 0.005
    duration_sum_s: float = 21.0
    duration_s: float = 1.0  # initial and final trial duration: every trial is full-length

    def __post_init__(self):
        if not 0 <= self.loss_ratio < 1 or not 0 <= self.exceed_ratio < 1:
            raise SearchError("%s: loss ratio and exceed ratio must be in 0..1" % self.name)
        if not 0 < self.width < 1 or not 0 < self.duration_s <= self.duration_sum_s:
            raise SearchError("%s: goal width must be in 0..1, the trial duration at most the duration sum" % self.name)


NDR = Goal("NDR", 0.0)
PDR = Goal("PDR", 0.005)


def classify(losses, goal, duration_sum_s=None):
    """A load's class by its trials' loss ratios (RFC 9971, appendix A, without short trials): "lower", "upper", "undecided".

    Pessimistic: all that is missing of the duration sum would be high-loss. Optimistic: none of it."""
    high_s = goal.duration_s * sum(1 for loss in losses if loss > goal.loss_ratio)
    low_s = goal.duration_s * len(losses) - high_s
    whole_s = max(high_s + low_s, duration_sum_s or goal.duration_sum_s)
    allowed_s = whole_s * goal.exceed_ratio
    pessimistic_is_lower, optimistic_is_lower = whole_s - low_s <= allowed_s, high_s <= allowed_s
    if pessimistic_is_lower != optimistic_is_lower:
        return "undecided"
    return "lower" if pessimistic_is_lower else "upper"


def conditional_throughput(load, losses, goal):
    """RFC 9971, appendix B: the load times the forwarding ratio at the quantile that the exceed ratio leaves. What is missing of
    the duration sum counts as forwarding nothing."""
    remaining_s = max(goal.duration_sum_s, goal.duration_s * len(losses)) * (1 - goal.exceed_ratio)
    loss = 1.0
    for loss in sorted(losses):
        remaining_s -= goal.duration_s
        if remaining_s <= 0:
            return load * (1 - loss)
    return 0.0


def loss_ratio(sent, lost, intended):
    """The trial loss ratio of packet counts. What a generator at its limit did not send is lost too: else its limit would pass for the
    system's throughput."""
    if intended <= 0 or not 0 <= lost <= sent:
        raise SearchError("%g sent, %g lost of %g intended is no trial" % (sent, lost, intended))
    if sent >= intended * (1 - OFFERED_TOLERANCE):
        return lost / sent
    return 1 - (sent - lost) / intended


class Search:
    """One MLRsearch: all goals share the trials. Loads are measured coarsely first (few trials, wide intervals), then refined."""

    # (share of the duration sum, factor of the width): one trial a load, a few, and the goal itself.
    PHASES = ((0.0, 4), (0.25, 2), (1.0, 1))

    def __init__(self, trial, min_load, max_load, goals=(NDR, PDR), max_trials=600, on_trial=None):
        if not 0 < min_load < max_load or not math.isfinite(max_load):
            raise SearchError("loads must be 0 < min < max, not %g and %g" % (min_load, max_load))
        if len({g.duration_s for g in goals}) != 1 or len({g.name for g in goals}) != len(goals):
            raise SearchError("goals of one search need one trial duration and different names")
        self.trial, self.min_load, self.max_load, self.goals = trial, min_load, max_load, tuple(goals)
        self.max_trials, self.on_trial = max_trials, on_trial
        self.losses = {}  # by load
        self.trials, self.n_void, self.stopped = [], 0, None

    def run(self):
        """Searches, and returns what Search.result() gives."""
        for share, factor in self.PHASES:
            for goal in self.goals:
                sum_s = max(goal.duration_s, share * goal.duration_sum_s)
                self._achieve(goal, sum_s, goal.width * factor)
                if self.stopped:
                    return self.result()
        return self.result()

    def result(self):
        return {"min_load": self.min_load, "max_load": self.max_load, "n_trials": len(self.trials), "n_void": self.n_void,
                "goals": {goal.name: self._goal_result(goal) for goal in self.goals}, "trials": self.trials}

    def _goal_result(self, goal):
        lower, upper = self._bounds(goal, goal.duration_sum_s)
        made = {"goal": dataclasses.asdict(goal), "relevant_lower_bound": lower, "relevant_upper_bound": upper,
                "conditional_throughput": None, "width": None, "loss_inversion": self._inverted(goal, upper)}
        if lower is not None:
            made["conditional_throughput"] = conditional_throughput(lower, self.losses[lower], goal)
        if lower is not None and upper is not None:
            made["width"] = 1 - lower / upper
        made["irregular"] = self._irregular(goal, lower, upper, made["width"])
        made["regular"] = made["irregular"] is None
        return made

    def _irregular(self, goal, lower, upper, width):
        if width is not None and width <= goal.width * (1 + 1e-9):
            return None
        if upper is None and lower == self.max_load:
            return "the maximum load achieves the goal: the system was not loaded to its limit"
        if lower is None and upper == self.min_load:
            return "the minimum load fails the goal"
        return self.stopped or "no trials decided the goal"

    def _inverted(self, goal, upper):
        return upper is not None and any(load > upper and self._class(load, goal, goal.duration_sum_s) == "lower" for load in self.losses)

    def _class(self, load, goal, sum_s):
        return classify(self.losses.get(load, ()), goal, sum_s)

    def _bounds(self, goal, sum_s):
        """The relevant bounds: the smallest load that fails, and the largest one below it that achieves."""
        classes = {load: self._class(load, goal, sum_s) for load in self.losses}
        upper = min((load for load, c in classes.items() if c == "upper"), default=None)
        lower = max((load for load, c in classes.items() if c == "lower" and (upper is None or load < upper)), default=None)
        return lower, upper

    def _achieve(self, goal, sum_s, width):
        """Measures until the relevant bounds are within width, or a limit of the search shows that there are none."""
        hints = self._bounds(goal, goal.duration_s)  # what a single trial's worth of evidence says
        step = width
        while not self.stopped:
            lower, upper = self._bounds(goal, sum_s)
            load, step = self._next_load(lower, upper, hints, width, step)
            if load is None:
                return
            while not self.stopped and self._class(load, goal, sum_s) == "undecided":
                self._measure(load, goal.duration_s)

    def _next_load(self, lower, upper, hints, width, step):
        """(the load to decide next or None, the step after it). Every answer is a load that is not yet decided."""
        if lower is None and upper is None:
            low, high = hints
            if low is not None and high is not None:
                return (math.sqrt(low * high) if 1 - low / high > width else low), step
            return self.max_load, step
        if upper is None:
            if lower >= self.max_load:
                return None, step
            hint = hints[1] if hints[1] is not None and hints[1] > lower else None
            return min(hint or lower / (1 - step), self.max_load), min(2 * step, 0.5)
        if lower is None:
            if upper <= self.min_load:
                return None, step
            # What was forwarded at too high a load is the best guess of what can be; below it, growing steps.
            forwarded = upper * (1 - stats.median(self.losses[upper]))
            hint = hints[0] if hints[0] is not None and hints[0] < upper else None
            guess = hint or (forwarded if forwarded < upper * (1 - step) else upper * (1 - step))
            return max(guess, self.min_load), min(2 * step, 0.5)
        if 1 - lower / upper <= width * (1 + 1e-9):
            return None, step
        return math.sqrt(lower * upper), step

    def _measure(self, load, duration_s):
        loss = None
        for _ in range(MAX_VOID_IN_ROW):
            if len(self.trials) + self.n_void >= self.max_trials:
                self.stopped = "stopped after %d trials" % self.max_trials
                return
            loss = self.trial(load, duration_s)
            if loss is not None:
                break
            self.n_void += 1
        if loss is None:
            self.stopped = "stopped after %d void trials in a row" % MAX_VOID_IN_ROW
            return
        if not 0 <= loss <= 1:
            raise SearchError("a trial's loss ratio must be in 0..1, not %r" % (loss,))
        self.losses.setdefault(load, []).append(loss)
        self.trials.append({"load": load, "loss_ratio": loss})
        if self.on_trial:
            self.on_trial(load, loss)


def mlrsearch(trial, min_load, max_load, **options):
    """NDR and PDR in one search, unless goals= says otherwise. See Search."""
    return Search(trial, min_load, max_load, **options).run()


def maximum_receive_rate(trial, max_load, trials=10, duration_s=1.0):
    """The rate received while the maximum load is offered, several times."""
    rates = [max_load * (1 - loss) for loss in (_valid(trial, max_load, duration_s) for _ in range(trials))]
    return {**stats.describe(rates), "samples": rates, "max_load": max_load}


def back_to_back(burst, max_frames, frame_rate, throughput=None, repetitions=50, tries=3):
    """RFC 9004: the longest burst at frame_rate without loss, over repetitions, and the buffer that it implies.

    burst(frames) returns the number of frames lost, or None when void. A burst passes only when tries of it in a row lose
    nothing. With the throughput (frames/s) known, the buffer time is corrected for what is forwarded meanwhile."""
    lengths = [_longest_burst(burst, max_frames, tries) for _ in range(repetitions)]
    mean = sum(lengths) / len(lengths)  # RFC 9004 asks for the mean; the median stands beside it
    deviation = math.sqrt(sum((n - mean) ** 2 for n in lengths) / (len(lengths) - 1)) if len(lengths) > 1 else 0.0
    implied_s = mean / frame_rate
    corrected_s = None if throughput is None else implied_s * (1 - min(throughput / frame_rate, 1))
    at_limit = sum(1 for n in lengths if n == max_frames)
    return {**stats.describe(lengths), "mean": mean, "deviation": deviation, "samples": lengths, "frame_rate": frame_rate,
            "implied_buffer_s": implied_s, "corrected_buffer_s": corrected_s, "regular": at_limit == 0,
            "irregular": "%d of %d repetitions passed the longest burst, %d frames" % (at_limit, repetitions, max_frames) if at_limit else None}


def _longest_burst(burst, max_frames, tries):
    def passes(frames):
        return all(_valid(burst, frames) == 0 for _ in range(tries))

    if passes(max_frames):
        return max_frames
    low, high = 0, max_frames
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def latency(latency_trial, rate, fractions=(0.1, 0.5, 0.9), trials=5, duration_s=1.0):
    """Latency under shares of a rate, usually PDR. latency_trial(rate, duration_s) returns a histogram, [[low_ns, count], …], or
    None when void. The trials of a load are one histogram."""
    made = []
    for fraction in fractions:
        merged = merge_histograms([_valid(latency_trial, rate * fraction, duration_s) for _ in range(trials)])
        made.append({"fraction": fraction, "rate": rate * fraction, "buckets": merged,
                     **{name: histogram_percentile(merged, q) for name, q in
                        (("p50", 50), ("p90", 90), ("p99", 99), ("p99_9", 99.9), ("max", 100))}})
    return made


def merge_histograms(histograms):
    merged = {}
    for low, count in (bucket for histogram in histograms for bucket in histogram):
        merged[low] = merged.get(low, 0) + count
    return [[low, merged[low]] for low in sorted(merged)]


def histogram_percentile(buckets, q):
    """The lower edge of the bucket that holds the q-th percentile, so at most that value's bucket too low; None when empty."""
    filled = [(low, count) for low, count in buckets if count > 0]
    rank = max(1, math.ceil(sum(count for _, count in filled) * q / 100))
    for low, count in filled:
        rank -= count
        if rank <= 0:
            return low
    return None


def soak(trial, rate, duration_s, step_s=10.0, on_step=None):
    """Sends at a rate for a long time; loss over time, in steps. Void steps stay in the series, without a loss."""
    series, at_s = [], 0.0
    while at_s < duration_s - 1e-9:
        length_s = min(step_s, duration_s - at_s)
        series.append({"at_s": at_s, "duration_s": length_s, "loss_ratio": trial(rate, length_s)})
        at_s += length_s
        if on_step:
            on_step(series[-1])
    valid = [s for s in series if s["loss_ratio"] is not None]
    if not valid:
        raise SearchError("all %d steps of the soak were void" % len(series))
    measured_s = sum(s["duration_s"] for s in valid)
    return {"rate": rate, "series": series, "n_void": len(series) - len(valid), "worst": max(s["loss_ratio"] for s in valid),
            "lossy_steps": sum(1 for s in valid if s["loss_ratio"] > 0),
            "loss_ratio": sum(s["loss_ratio"] * s["duration_s"] for s in valid) / measured_s}


def _valid(measure, *args):
    """The first measurement that is not void."""
    for _ in range(MAX_VOID_IN_ROW):
        found = measure(*args)
        if found is not None:
            return found
    raise SearchError("%d void trials in a row" % MAX_VOID_IN_ROW)
