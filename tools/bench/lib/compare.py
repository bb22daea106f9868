# SPDX-License-Identifier: Apache-2.0
"""Compares two results case by case and marks regressions. Refuses results of unlike environments unless forced.

The two were not interleaved, so the interval is of two independent sets of trials; what a peer that is in both did
meanwhile is shown as the machine's drift.
"""

import random
import sys

from lib import environment, result, stats, text

NOISE = 0.02  # a smaller change is "same", however narrow the interval
MIN_TRIALS = 6
EXIT_REGRESSION = 1
EXIT_REFUSED = 2


def add_arguments(parser):
    parser.add_argument("old", metavar="A.json", help="the older result")
    parser.add_argument("new", metavar="B.json", help="the newer result")
    parser.add_argument("--force", action="store_true", help="compare although the environments are unlike")


def main_compare(args, out=sys.stdout, err=sys.stderr):
    """0: no regression, 1: at least one, 2: refused or unreadable."""
    try:
        old, new = result.read(args.old), result.read(args.new)
    except result.ResultError as e:
        print("sluice-bench: %s" % text.clean(e), file=err)
        return EXIT_REFUSED
    differences = environment.unlike(old["environment"], new["environment"])
    if differences:
        print("The environments are unlike:\n%s" % "\n".join("  " + text.clean(d) for d in differences), file=err)
        if not args.force:
            print("Figures of unlike machines do not compare two switches. To see them all the same: --force", file=err)
            return EXIT_REFUSED
        print("Compared all the same (--force): a change may be the machine's.\n", file=err)
    compared = compare(old, new)
    print("\n".join(lines(compared, args.old, args.new)), file=out)
    return EXIT_REGRESSION if any(c["change"] == "regression" for c in compared) else 0


def compare(old, new):
    """One entry a case of either result, in the newer one's order."""
    before = {run["case"]: run for run in old["runs"]}
    entries = [_case(before.pop(run["case"], None), run) for run in new["runs"]]
    return entries + [_case(run, None) for run in before.values()]


def _case(old, new):
    run = new or old
    entry = {"case": run["case"], "unit": text.unit_of(run), "old": _median(old), "new": _median(new), "ratio": None, "low": None,
             "high": None, "drift": None}
    if old is None or new is None:
        return {**entry, "change": "only in the %s" % ("new" if old is None else "old")}
    if (old["metric"], old["better"], text.unit_of(old)) != (new["metric"], new["better"], text.unit_of(new)):
        return {**entry, "change": "other metric"}
    if _other_parameters(old.get("parameters", {}), new.get("parameters", {})):
        return {**entry, "change": "other parameters"}
    ours = [_values(r, stats.SLUICE) for r in (old, new)]
    if not all(ours) or not entry["old"] or not entry["new"]:
        return {**entry, "change": "no figure"}
    entry["ratio"] = stats.times_better(entry["new"], entry["old"], run["better"])
    entry["low"], entry["high"] = unpaired_interval(ours[0], ours[1], run["better"])
    entry["drift"] = _drift(old, new)
    entry["change"] = _change(entry)
    return entry


def _other_parameters(old, new):
    """Of those that both have: a parameter may be new."""
    return any(old[key] != new[key] for key in old.keys() & new.keys())


def _median(run):
    return run["summary"].get(stats.SLUICE, {}).get("median") if run else None


def _values(run, peer):
    figures = run["summary"].get(peer)
    return [t["value"] for t in stats.valid(run["trials"], peer, figures["config"])] if figures and figures["config"] is not None else []


def _drift(old, new):
    """(peer, how many times better it got): it did not change, so the machine did. The floor is as good a witness as a switch."""
    for peer in sorted(set(old["summary"]) & set(new["summary"]) - {"ratios", stats.SLUICE}):
        was, now = old["summary"][peer], new["summary"][peer]
        if was["config"] == now["config"] and was["median"] and now["median"]:
            return peer, stats.times_better(now["median"], was["median"], new["better"])
    return None


def unpaired_interval(old, new, better, seed=stats.SEED, resamples=stats.RESAMPLES):
    """Bootstrap interval of the ratio of two medians, each side resampled by itself; (None, None) with too few trials or zeros."""
    if min(len(old), len(new)) < MIN_TRIALS or min(old + new) <= 0:
        return None, None
    rng = random.Random(seed)
    ratios = [stats.times_better(stats.median(rng.choices(new, k=len(new))), stats.median(rng.choices(old, k=len(old))), better)
              for _ in range(resamples)]
    tail = (1 - stats.CONFIDENCE) / 2 * 100
    return stats.percentile(ratios, tail), stats.percentile(ratios, 100 - tail)


def _change(entry):
    if abs(entry["ratio"] - 1) <= NOISE:
        return "same"
    if entry["low"] is None:
        return "too few trials"
    if entry["low"] <= 1 <= entry["high"]:
        return "within noise"
    return "regression" if entry["ratio"] < 1 else "better"


def lines(compared, old_name, new_name):
    rows = [["!" if c["change"] == "regression" else "", c["case"], text.figure(c["old"]), text.figure(c["new"]), c["unit"],
             text.times(c["ratio"]), "%.2f–%.2f" % (c["low"], c["high"]) if c["low"] is not None else "–", c["change"],
             "%s %s" % (text.peer_name(c["drift"][0]), text.times(c["drift"][1])) if c["drift"] else "–"] for c in compared]
    made = ["old: %s" % text.clean(old_name), "new: %s" % text.clean(new_name), ""]
    made += text.table(["", "case", "old", "new", "unit", "better", "95 % interval", "change", "drift of"], rows, right={2, 3, 5, 6})
    regressions = [c["case"] for c in compared if c["change"] == "regression"]
    names = ": " + ", ".join(map(text.clean, regressions)) if regressions else ""
    made += ["", "%d cases, %d regressions%s" % (len(compared), len(regressions), names)]
    if any(c["drift"] and abs(c["drift"][1] - 1) > NOISE for c in compared):
        made.append("A peer that did not change moved by more than %d %% between the two: read \"better\" against its drift." % (100 * NOISE))
    return made
