# SPDX-License-Identifier: Apache-2.0
"""The procedures of search.py on a live switch: a rig of B3, whose engine makes the trials. What they return is one trial of a case, which is
of many trials of its own: (values, raw, reason why void), as every method of a rig.
"""

from lib import search, stats, void
from lib.process import BenchError

DRAIN_MS = 100
MAX_LOAD = 1.1  # times what comes through when as much as goes is sent
MIN_LOAD = 0.02
OFFERED_TOLERANCE = 0.001
LATE_AGAIN = 3  # trials of a load in which the generator came too late: then it is the generator's limit
MAX_TRIALS = 200
RECEIVE_TRIALS = 5
BURST_MAX = 1 << 17
BURST_REPETITIONS = 7
BURST_TRIES = 1
LATENCY_OF = (0.1, 0.5, 0.9)  # of PDR
LATENCY_TRIALS = 3
SOAK_STEP_S = 2.0
SUM_TRIALS = 21  # RFC 9971: the duration sum, in trials


def run(rig, method):
    """The trial of a case with this method."""
    try:
        return METHODS[method](rig)
    except search.SearchError as e:
        return {rig.case.metric: None}, {"elapsed_ms": 0.0}, str(e)


class Loads:
    """trial(rate, duration_s) of a rig's first stream, as search.py wants it; and what it has seen."""

    def __init__(self, rig):
        self.rig = rig
        self.late = {}
        self.n_trials, self.n_void, self.elapsed_ms = 0, 0, 0.0
        self.last = None  # raw of the last trial that counted
        self.why = None  # the last one did not

    def __call__(self, rate, duration_s):
        raw, delta = self.rig.measured_at(rate, max(1, round(duration_s * 1000)))
        self.n_trials += 1
        self.elapsed_ms += raw["elapsed_ms"]
        stream, intended = raw["streams"][0], rate * raw["sending_ms"] / 1000
        if self._is_void(raw, delta, stream, intended, rate):
            self.n_void += 1
            return None
        self.last = raw
        # A ring that was full has refused: the switch did not carry it. The rest is what the generator did not come to.
        lost = stream["lost"] + stream["corrupted"] + stream["tx_refused"]
        offered = stream["tx_packets"] + stream["tx_refused"]
        return search.loss_ratio(offered, min(lost, offered), intended)

    def _is_void(self, raw, delta, stream, intended, rate):
        reason = void.waited(raw) or void.handed_over(stream["tx_packets"], delta.ports) or stats.void_reason(0, {**raw, "counters": []})
        if reason:
            self.why = reason
            return True
        if stream["tx_missed"] <= OFFERED_TOLERANCE * intended:
            return False
        self.why = "the generator came too late for %d of %d packets" % (stream["tx_missed"], intended)
        self.late[rate] = self.late.get(rate, 0) + 1
        return self.late[rate] < LATE_AGAIN

    def as_json(self):
        return {"elapsed_ms": self.elapsed_ms, "n_trials": self.n_trials, "n_void": self.n_void, "last_void": self.why, "max_pps": self.rig.max_pps}


def goals(rig):
    """NDR and PDR with trials of the case's length. The report says how long they were."""
    trial_s = rig.case.trial_ms / 1000
    return [search.Goal(g.name, g.loss_ratio, g.exceed_ratio, g.width, SUM_TRIALS * trial_s, trial_s) for g in (search.NDR, search.PDR)]


def searched(rig, loads, wanted):
    return search.mlrsearch(loads, MIN_LOAD * rig.max_pps, MAX_LOAD * rig.max_pps, goals=wanted, max_trials=MAX_TRIALS)


def in_mpps(found):
    """Loads of a search's result in Mpps, as the report shows them; without its trials' list, which is as long as the search."""
    made = {**found, "trials": [[t["load"] / 1e6, t["loss_ratio"]] if isinstance(t, dict) else t for t in found["trials"]]}
    for key in ("min_load", "max_load"):
        made[key] = found[key] / 1e6
    made["goals"] = {name: {**goal, **{key: goal[key] / 1e6 for key in ("relevant_lower_bound", "relevant_upper_bound", "conditional_throughput")
                                       if goal[key] is not None}} for name, goal in found["goals"].items()}
    return made


def ndr_pdr(rig):
    loads = Loads(rig)
    found = in_mpps(searched(rig, loads, goals(rig)))
    values = {name.lower() + "_mpps": goal["conditional_throughput"] for name, goal in found["goals"].items()}
    reason = None if values[rig.case.metric] is not None else "the search found no bound: %s" % found["goals"]["PDR"]["irregular"]
    return values, {**loads.as_json(), "search": found}, reason


def max_receive(rig):
    """The rate received while as much is sent as the generator can make."""
    loads = Loads(rig)
    rates = []
    for _ in range(RECEIVE_TRIALS):
        raw, delta = rig.measured_at(0, rig.case.trial_ms)
        loads.n_trials += 1
        loads.elapsed_ms += raw["elapsed_ms"]
        if void.waited(raw) or void.handed_over(raw["streams"][0]["tx_packets"], delta.ports):
            loads.n_void += 1
            continue
        rates.append(raw["streams"][0]["rx_packets"] / raw["sending_ms"] / 1000)
    if not rates:
        raise search.SearchError("all %d trials were void" % RECEIVE_TRIALS)
    return {"mpps": stats.median(rates)}, {**loads.as_json(), "samples": rates}, None


def back_to_back(rig):
    """The longest burst, as fast as the generator sends, of which nothing is lost or refused."""
    sent = rig.engine.trial(rig.case.trial_ms, DRAIN_MS, only=[1])["streams"][0]
    frame_rate = (sent["tx_packets"] + sent["tx_refused"]) * 1000 / rig.case.trial_ms
    elapsed = []

    def burst(frames):
        raw, _ = rig.measured_at(0, 2 + round(2000 * frames / frame_rate), packets=frames)
        elapsed.append(raw["elapsed_ms"])
        stream = raw["streams"][0]
        missing = frames - stream["tx_packets"] + stream["lost"]
        return None if void.waited({**raw, "elapsed_ms": max(raw["elapsed_ms"], DRAIN_MS)}) else missing

    found = search.back_to_back(burst, BURST_MAX, frame_rate, rig.max_pps, BURST_REPETITIONS, BURST_TRIES)
    return {"burst_packets": found["median"]}, {"elapsed_ms": sum(elapsed), "n_trials": len(elapsed), "back_to_back": found}, None


def latency(rig):
    """Under shares of PDR, which is searched first. The value is the 99th percentile at half of PDR."""
    loads = Loads(rig)
    found = searched(rig, loads, goals(rig)[1:])
    pdr = found["goals"]["PDR"]["conditional_throughput"]
    if not pdr:
        raise search.SearchError("no PDR: %s (the last void one: %s)" % (found["goals"]["PDR"]["irregular"], loads.why))

    def histogram(rate, duration_s):
        return None if loads(rate, duration_s) is None else loads.last["streams"][0]["latency"]["buckets"]

    at = search.latency(histogram, pdr, LATENCY_OF, LATENCY_TRIALS, rig.case.trial_ms / 1000)
    half = at[LATENCY_OF.index(0.5)]
    if half["p99"] is None:
        raise search.SearchError("no packet arrived at half of PDR")
    # For the plot of percentiles: that of half the load.
    streams = [{"id": 1, "latency": {"unit": "ns", "buckets": half["buckets"], **{k: half[k] for k in ("max", "p50", "p90", "p99", "p99_9")}}}]
    return {"latency_us": half["p99"] / 1000}, {**loads.as_json(), "search": in_mpps(found), "latency": at, "streams": streams}, None


def soak(rig):
    """Loss over a long time at a share of the maximum."""
    loads = Loads(rig)
    rate = rig.case.traffic[0].load * rig.max_pps
    if not rate:
        raise BenchError("%s soaks at no load" % rig.case.name, 'traffic = { load = 0.5 }')
    found = search.soak(loads, rate, rig.case.soak_s, SOAK_STEP_S)
    return {"loss_ppm": found["loss_ratio"] * 1e6}, {**loads.as_json(), "soak": found}, None


METHODS = {"ndr_pdr": ndr_pdr, "max_receive": max_receive, "back_to_back": back_to_back, "latency": latency, "soak": soak}
