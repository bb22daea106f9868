# SPDX-License-Identifier: Apache-2.0
"""What sluice-bench concludes from trials: medians, paired ratios with intervals, the best configuration of a peer, void rules.

Never a mean: a machine with noise has a tail on one side, and a mean reports the tail. A ratio is always "how many times
better is Sluice", whichever way the metric points.
"""

import math
import random

SLUICE = "sluice"
FLOOR_PEERS = ("testpmd",)  # they switch nothing: shown beside the others, never part of a target
RESAMPLES = 10000
SEED = 9971
CONFIDENCE = 0.95
# The range of n pairs holds the median with probability 1 - 2^(1-n): with fewer than 6 no interval can reach 95 %.
MIN_PAIRS = 6
STEAL_LIMIT_PERCENT = 0.5
# The kernel counts steal in ticks: one of them says "up to 10 ms". In a trial of less than 2 s that would be over the limit by itself.
STEAL_TICK_MS = 10.0
STEAL_TICK_LIMIT_PERCENT = 2.0
CLOCK_LIMIT = 0.05


def percentile(values, q):
    """The q-th percentile (0..100), linear between the two samples around it."""
    if not values:
        raise ValueError("percentile of no values")
    if not 0 <= q <= 100:
        raise ValueError("percentile %g is not in 0..100" % q)
    ordered = sorted(values)
    position = (len(ordered) - 1) * q / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values):
    return percentile(values, 50)


def describe(values):
    return {"median": median(values), "min": min(values), "max": max(values), "n": len(values)}


def times_better(ours, theirs, better):
    """How many times better is ours: 2.0 for half the cycles, and for twice the rate."""
    if ours <= 0 or theirs <= 0:
        raise ValueError("a ratio needs positive values, not %g and %g" % (ours, theirs))
    return theirs / ours if better == "lower" else ours / theirs


def valid(trials, peer, config=None):
    return [t for t in trials if t["peer"] == peer and config in (None, t["config"]) and t["void"] is None]


def paired_ratios(trials, peer, config, better, sluice_config):
    """One ratio for each pair in which both sides have a valid trial, by pair number; None where a side measured 0, which has
    no ratio. A side's several trials of a pair count as their median."""
    ours, theirs = {}, {}
    for side, found in ((ours, valid(trials, SLUICE, sluice_config)), (theirs, valid(trials, peer, config))):
        for trial in found:
            side.setdefault(trial["pair"], []).append(trial["value"])
    pairs = {pair: (median(ours[pair]), median(theirs[pair])) for pair in sorted(ours.keys() & theirs.keys())}
    return {pair: times_better(*values, better) if all(values) else None for pair, values in pairs.items()}


def bootstrap_interval(values, seed=SEED, resamples=RESAMPLES, confidence=CONFIDENCE):
    """Percentile bootstrap of the median: (low, high), or (None, None) when there are too few values for any interval."""
    if len(values) < MIN_PAIRS:
        return None, None
    rng = random.Random(seed)
    ordered = sorted(values)  # the same values in another order give the same interval
    medians = [median(rng.choices(ordered, k=len(ordered))) for _ in range(resamples)]
    tail = (1 - confidence) / 2 * 100
    return percentile(medians, tail), percentile(medians, 100 - tail)


def ratio_summary(pairs, seed=SEED, resamples=RESAMPLES):
    """Of paired_ratios(), at least one of them not None. low and high are None below MIN_PAIRS; min and max are always the
    plain range; zero_pairs counts the pairs that have no ratio."""
    ratios = [ratio for ratio in pairs.values() if ratio is not None]
    low, high = bootstrap_interval(ratios, seed, resamples)
    return {"median": median(ratios), "low": low, "high": high, "min": min(ratios), "max": max(ratios), "pairs": len(ratios),
            "zero_pairs": len(pairs) - len(ratios), "seed": seed, "resamples": resamples}


def best_config(values_by_config, better):
    """The configuration with the best median; the first by name among equals. None when no configuration has a value."""
    medians = {config: median(values) for config, values in values_by_config.items() if values}
    if not medians:
        return None
    sign = 1 if better == "lower" else -1
    return min(sorted(medians), key=lambda config: sign * medians[config])


def summarise(trials, better, seed=SEED, resamples=RESAMPLES):
    """The summary of a run: {PEER: {"config", "median", "min", "max", "n", "void"}, …, "ratios": {PEER: …}}.

    Every peer, Sluice included, is represented by its best configuration. A peer whose trials are all void has None
    for figures; a peer without a complete pair has no ratio."""
    summary, ratios = {}, {}
    for peer in sorted({t["peer"] for t in trials}, key=lambda p: (p != SLUICE, p)):
        by_config = {}
        for trial in valid(trials, peer):
            by_config.setdefault(trial["config"], []).append(trial["value"])
        config = best_config(by_config, better)
        figures = describe(by_config[config]) if config is not None else {"median": None, "min": None, "max": None, "n": 0}
        void = sum(1 for t in trials if t["peer"] == peer and t["void"] is not None)
        summary[peer] = {"config": config, **figures, "void": void}
    ours = summary.get(SLUICE, {}).get("config")
    for peer in [p for p in summary if p != SLUICE and ours is not None and summary[p]["config"] is not None]:
        pairs = paired_ratios(trials, peer, summary[peer]["config"], better, ours)
        if any(pairs.values()):
            ratios[peer] = {"config": summary[peer]["config"], **ratio_summary(pairs, seed, resamples)}
    summary["ratios"] = ratios
    return summary


def verdict(run):
    """Whether a run reaches its target: {"reached": "aim"|"must"|"missed"|"unknown", "figure", "against", "certain"}.

    A target of the ratio is measured against the strongest peer (or those the target names), floors left out. certain is
    true when the whole interval is on the same side of the target as the median. None when the run has no target."""
    target = run.get("target")
    if target is None:
        return None
    unknown = {"reached": "unknown", "figure": None, "against": None, "certain": False}
    if target.get("of", "ratio") == "value":
        ours = run["summary"].get(SLUICE, {"median": None})
        figure, lower = ours["median"], run["better"] == "lower"
        interval, against = (ours.get("min"), ours.get("max")), None
    else:
        peers = target.get("against") or [p for p in run["summary"]["ratios"] if p not in FLOOR_PEERS]
        ratios = {p: run["summary"]["ratios"][p] for p in peers if p in run["summary"]["ratios"]}
        if not ratios or len(ratios) < len(peers):
            return unknown
        against = min(sorted(ratios), key=lambda p: ratios[p]["median"])
        figure, lower = ratios[against]["median"], False
        interval = (ratios[against]["low"], ratios[against]["high"])
    if figure is None:
        return unknown

    def reaches(value, goal):
        return value <= goal if lower else value >= goal

    aim = target.get("aim")
    reached = "aim" if aim is not None and reaches(figure, aim) else "must" if reaches(figure, target["must"]) else "missed"
    goal = aim if reached == "aim" else target["must"]
    certain = None not in interval and all(reaches(end, goal) == (reached != "missed") for end in interval)
    return {"reached": reached, "figure": figure, "against": against, "certain": certain}


def void_reason(value, raw):
    """Why a trial must not count, or None. raw may hold: elapsed_ms and steal_ms, or steal_percent; core_ghz_before and
    core_ghz_after; counters, a list of {"where", "sent", "forwarded", "dropped"}; streams, as the engine reports them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return "no usable value: %r" % (value,)
    for rule in (_steal, _clock, _counters, _streams):
        reason = rule(raw)
        if reason:
            return reason
    return None


def _steal(raw):
    shares = [raw.get("steal_percent") or 0.0]
    if raw.get("steal_ms") is not None and raw.get("elapsed_ms"):
        share = 100 * raw["steal_ms"] / raw["elapsed_ms"]
        one_tick = raw["steal_ms"] == STEAL_TICK_MS and share <= STEAL_TICK_LIMIT_PERCENT
        shares.append(0.0 if one_tick else share)
    if max(shares) <= STEAL_LIMIT_PERCENT:
        return None
    return "%.2f %% of the time was stolen (limit %.1f %%)" % (max(shares), STEAL_LIMIT_PERCENT)


def _clock(raw):
    before, after = raw.get("core_ghz_before"), raw.get("core_ghz_after")
    if not before or not after or abs(after - before) <= CLOCK_LIMIT * before:
        return None
    return "the core's clock moved from %.2f to %.2f GHz (limit %.0f %%)" % (before, after, 100 * CLOCK_LIMIT)


def _counters(raw):
    for counter in raw.get("counters", []):
        missing = counter["sent"] - counter["forwarded"] - counter["dropped"]
        if missing:
            return "counters do not add up at %s: %d sent, %d forwarded, %d dropped, %+d unexplained" % (
                counter["where"], counter["sent"], counter["forwarded"], counter["dropped"], missing)
    return None


def _streams(raw):
    for stream in raw.get("streams", []):
        name = "stream %s" % stream.get("id")
        if stream.get("corrupted"):
            return "%s: %d packets arrived corrupted" % (name, stream["corrupted"])
        if stream.get("foreign"):
            return "%s: %d packets arrived at a wrong port or in a wrong encapsulation" % (name, stream["foreign"])
        if None in (stream.get("tx_packets"), stream.get("rx_packets"), stream.get("lost")):
            continue
        # The engine does not know duplicates of a capture, and not whether what came very late was one: null, or not there.
        repeated, late = stream.get("duplicates") or 0, stream.get("too_late") or 0
        if stream["tx_packets"] + repeated + late != stream["rx_packets"] + stream["lost"]:
            return "%s does not add up: %d sent, %d received, %d lost, %d duplicates, %d too late to tell" % (
                name, stream["tx_packets"], stream["rx_packets"], stream["lost"], repeated, late)
    return None
