# SPDX-License-Identifier: Apache-2.0
"""What a result says, in words and rows: the lines of the headline table, the verdicts, the honest notes. Shown by page and report."""

from lib import stats, text

REACHED = {"aim": "aim reached", "must": "reached", "missed": "missed", "unknown": "not measured"}
# A peer's floor is subtracted from both sides only while it leaves something to divide by.
MIN_NET_SHARE = 0.1


def peers_of(result):
    """Every peer but Sluice, switches first."""
    peers = {t["peer"] for run in result["runs"] for t in run["trials"]} - {stats.SLUICE}
    return sorted(peers, key=lambda p: (p in stats.FLOOR_PEERS, p))


def rows(result):
    return [row(run) for run in result["runs"]]


def row(run):
    """A line of the headline table: {"case", "title", "command", "unit", "better", "ours", "peers", "target", "verdict"}."""
    summary = run["summary"]
    peers = {}
    for peer in summary:
        if peer not in ("ratios", stats.SLUICE):
            peers[peer] = {"figures": summary[peer], "ratio": summary["ratios"].get(peer), "net": net_of_floor(run, peer),
                           "floor": peer in stats.FLOOR_PEERS}
    return {"case": run["case"], "title": run.get("title") or run["case"], "command": run["command"], "unit": text.unit_of(run),
            "better": run["better"], "ours": summary.get(stats.SLUICE), "peers": peers, "target": target_text(run),
            "verdict": verdict(run)}


def net_of_floor(run, peer):
    """How many times better with the I/O floor taken off both sides; None where there is no floor or too little above it."""
    floors = [run["summary"][f]["median"] for f in stats.FLOOR_PEERS if f in run["summary"]]
    ours, theirs = run["summary"].get(stats.SLUICE, {}).get("median"), run["summary"][peer]["median"]
    if run["metric"] != "cycles_per_packet" or peer in stats.FLOOR_PEERS or None in [*floors, ours, theirs] or not floors:
        return None
    if min(ours, theirs) - floors[0] < MIN_NET_SHARE * floors[0]:
        return None
    return (theirs - floors[0]) / (ours - floors[0])


def target_text(run):
    target = run["target"]
    if target is None:
        return None
    of_value = target.get("of", "ratio") == "value"
    sign = "≤" if of_value and run["better"] == "lower" else "≥"
    unit, aim = "" if of_value else "×", target.get("aim")
    return "%s %s%s%s" % (sign, text.goal(target["must"]), unit, " (aim %s%s)" % (text.goal(aim), unit) if aim is not None else "")


def verdict(run):
    """{"reached": aim|must|missed|unknown, "text", "against": peer or None}, or None without a target."""
    found = stats.verdict(run)
    if found is None:
        return None
    words = REACHED[found["reached"]]
    if found["reached"] == "missed":
        must = run["target"]["must"]
        off = abs(found["figure"] - must) / must if must else abs(found["figure"])
        words = "missed by %s" % ("%.0f %%" % (100 * off) if off >= 0.01 else "less than 1 %")
    if found["reached"] != "unknown" and not found["certain"]:
        words += ", not certain"
    return {"reached": found["reached"], "text": words, "against": found["against"]}


def tally(result):
    """How many cases reached what, and how many trials are void."""
    counts = {"aim": 0, "must": 0, "missed": 0, "unknown": 0, "none": 0}
    for run in result["runs"]:
        found = stats.verdict(run)
        counts[found["reached"] if found else "none"] += 1
    trials = [t for run in result["runs"] for t in run["trials"]]
    return {**counts, "cases": len(result["runs"]), "trials": len(trials), "void": sum(1 for t in trials if t["void"] is not None)}


def void_trials(result):
    return [(run["case"], t) for run in result["runs"] for t in run["trials"] if t["void"] is not None]


def searches(result):
    """Goal results of RFC 9971 searches, of the trials that hold one in raw.search: {"case", "peer", "config", "pair", "goal", "unit",
    "lower", "upper", "throughput", "n_trials", "irregular", "attributes"}. raw is free-form: what is no search is passed over."""
    found = []
    for run in result["runs"]:
        for trial in run["trials"]:
            made = trial["raw"].get("search")
            goals = made.get("goals") if isinstance(made, dict) else None
            for name, goal in goals.items() if isinstance(goals, dict) else ():
                if isinstance(goal, dict) and trial["void"] is None:
                    number = {key: goal.get(key) if _is_number(goal.get(key)) else None for key in
                              ("relevant_lower_bound", "relevant_upper_bound", "conditional_throughput")}
                    found.append({"case": run["case"], "peer": trial["peer"], "config": trial["config"], "pair": trial["pair"], "goal": name,
                                  "lower": number["relevant_lower_bound"], "upper": number["relevant_upper_bound"],
                                  "throughput": number["conditional_throughput"], "n_trials": made.get("n_trials"),
                                  "attributes": goal_text(goal.get("goal")),
                                  "irregular": None if goal.get("regular") is True else str(goal.get("irregular") or "not regular")})
    return found


def goal_text(goal):
    """The attributes of a search goal, all of which a report must show."""
    keys = ("loss_ratio", "exceed_ratio", "width", "duration_s", "duration_sum_s")
    if not isinstance(goal, dict) or not all(_is_number(goal.get(key)) for key in keys):
        return "attributes not recorded"
    loss, exceed, width, trial_s, sum_s = (goal[key] for key in keys)
    return "loss ratio %g %%, exceed ratio %g %%, width %g %%, trials of %g s, duration sum %g s" % (100 * loss, 100 * exceed, 100 * width, trial_s, sum_s)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def notes(result):
    """What a careful reader wants to be told: about the method where it matters here, and about this machine."""
    made = []
    environment = result["environment"]

    def get(*path):
        value = environment
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    few = [run["case"] for run in result["runs"] for r in run["summary"]["ratios"].values() if r["low"] is None]
    if few:
        made.append("Too few pairs for a 95 %% interval (fewer than %d): the range is shown instead. Cases: %s." % (
            stats.MIN_PAIRS, ", ".join(dict.fromkeys(few))))
    zeros = [run["case"] for run in result["runs"] for r in run["summary"]["ratios"].values() if r["zero_pairs"]]
    if zeros:
        made.append("Pairs in which a side measured 0 have no ratio and are left out: %s." % ", ".join(dict.fromkeys(zeros)))
    irregular = [s for s in searches(result) if s["irregular"]]
    if irregular:
        made.append("Irregular search results (RFC 9971), to be read as bounds only: %s." % "; ".join(dict.fromkeys(
            "%s %s of %s (%s)" % (s["case"], s["goal"], text.peer_name(s["peer"], s["config"]), s["irregular"]) for s in irregular)))
    if get("cpu", "hypervisor"):
        made.append("Measured in a virtual machine: neighbours on the host are not under control. Read the ratios of interleaved pairs, "
                    "not the absolute figures.")
    if get("smt_test", "siblings"):
        made.append("The two cores are siblings of one physical core: ratios of two-core cases hold, absolute figures are roughly halved.")
    # A run reserves its pages case by case; what was there before it is all that is known of a result that does not say.
    said = {run["case"]: run["parameters"]["hugepages"] for run in result["runs"] if "hugepages" in run.get("parameters", {})}
    without = [case for case, used in said.items() if not used] if said else ["all"] if get("memory", "hugepages") == 0 else []
    if without:
        made.append("Without hugepages, so that cycles are higher for every switch alike: %s." % ("all cases" if without in (list(said), ["all"]) else
                                                                                            ", ".join(without)))
    if not get("cores", "isolated"):
        made.append("No cores are isolated from the kernel's scheduler.")
    if isinstance(get("steal_percent"), (int, float)) and get("steal_percent") > stats.STEAL_LIMIT_PERCENT:
        made.append("%.2f %% of the machine's time was stolen during the run." % get("steal_percent"))
    if get("sluice", "dirty"):
        made.append("Sluice was built from a checkout with uncommitted changes.")
    if isinstance(get("merged"), list):
        made.append("Merged from results of unlike environments; the first one is shown.")
    parts = get("parts")
    commits = {str(p.get("sluice")) for p in parts if isinstance(p, dict)} if isinstance(parts, list) else ()
    if len(commits) > 1:
        made.append("The cases were measured with different commits of Sluice.")
    return made


METHOD = (
    "Trials of Sluice and of each peer are interleaved (A B B A) in one run; a ratio is the median of paired ratios, always “how many "
    "times better is Sluice”, with a 95 % bootstrap interval of that median.",
    "A peer is shown in its best configuration for the case, chosen after the fact and so in the peer's favour.",
    "testpmd forwards without looking at packets: it is the floor of packet I/O, not a competitor. “Net of I/O” takes it off both sides.",
    "Figures are medians, in brackets the range of the valid trials. “Not certain”: the interval (or, for a value, the range) crosses the "
    "target.",
    "A trial is void, and shown below, when time was stolen, when the clock moved, or when its counters do not add up.",
)


def text_table(result):
    """The headline table for a terminal."""
    peers = peers_of(result)
    header = ["case", "Sluice", "unit"] + [text.peer_name(p) for p in peers] + ["target", "verdict"]
    lines = []
    for entry in rows(result):
        cells = [entry["case"], text.figure(entry["ours"]["median"]) if entry["ours"] else "–", entry["unit"]]
        for peer in peers:
            cells.append(_peer_cell(entry["peers"].get(peer)))
        cells += [entry["target"] or "–", entry["verdict"]["text"] if entry["verdict"] else "–"]
        lines.append(cells)
    counts = tally(result)
    made = text.table(header, lines, right={1})
    made += ["", "%(cases)d cases: %(aim)d reach the aim, %(must)d the target, %(missed)d miss it, %(unknown)d not measured, %(none)d without a "
             "target. %(void)d of %(trials)d trials void." % counts]
    return made


def _peer_cell(peer):
    if peer is None or peer["figures"]["median"] is None:
        return "–"
    cell = text.figure(peer["figures"]["median"])
    if peer["figures"]["config"] != "default":
        cell += " (%s)" % peer["figures"]["config"]
    if peer["ratio"] and not peer["floor"]:
        cell += " %s [%s]" % (text.times(peer["ratio"]["median"]), text.interval(peer["ratio"]))
    if peer["net"] is not None:
        cell += " net %s" % text.times(peer["net"])
    return cell
