# SPDX-License-Identifier: Apache-2.0
"""Makes a result as a full run would, from invented numbers, for tests and to look at a report. As a program: sample_result.py FILE."""

import random
import sys

import benchlib  # noqa: F401
from lib import result

ENVIRONMENT = {
    "started": "2026-03-01T10:00:00Z", "ended": "2026-03-01T10:41:12Z",
    "cpu": {"model": "AMD EPYC 7B13 (invented sample)", "family": "25", "number": "1", "stepping": "0", "microcode": "0xa0011d5",
            "cache": "512 KB", "flags": sorted(["sse4_2", "avx", "avx2", "bmi2", "clflushopt", "rdtscp", "constant_tsc"]), "hypervisor": True,
            "governor": None, "boost": None, "smt": "notsupported"},
    "kernel": {"release": "6.1.0-18-cloud-amd64", "version": "#1 SMP", "cmdline": "mitigations=auto quiet"},
    "memory": {"total_kb": 24684096, "hugepages": 1024, "hugepage_kb": 2048, "transparent_hugepages": "madvise"}, "numa_nodes": 1,
    "cores": {"online": "0-1", "isolated": "", "siblings": {"0": "0", "1": "1"}, "map": {"switch": 1, "generator": 0}},
    "clock": {"tsc_ghz": 2.45, "core_ghz": 3.21, "source": "tsc"},
    "versions": {"dpdk": "22.11.11", "ovs": "3.1.0", "ovs-native": "3.1.0 -O3 -march=native", "qemu": "7.2.22",
                 "compiler": "cc (Debian 12.2.0-14) 12.2.0", "python": "3.11.2"},
    "smt_test": {"core": 1, "other": 0, "drop": 0.03, "siblings": False},
    "sluice": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}, "steal_percent": 0.04}

# case, title, parameters, Sluice, {OVS configuration: figure}, what native saves, target
B2 = [
    ("b2-1-flow", "64 B, 1 flow, L3/L4 rules", {"flows": 1}, 128, {"emc": 232, "emc-off": 268, "smc": 259}, 0.93, (1.4, 1.8)),
    ("b2-1k-flows", "64 B, 1,000 flows", {"flows": 1000}, 141, {"emc": 301, "emc-off": 310, "smc": 322}, 0.98, (1.8, 2.5)),
    ("b2-50k-flows", "64 B, 50,000 flows", {"flows": 50000}, 183, {"emc": 742, "emc-off": 655, "smc": 610}, 0.85, (3, 6)),
    ("b2-1m-flows", "64 B, 1,000,000 flows", {"flows": 1000000}, 232, {"emc": 1010, "emc-off": 835, "smc": 874}, 0.8, (3, 6)),
    ("b2-masks-1", "1 mask, hit", {"masks": 1}, 150, {"emc": 330, "emc-off": 320, "smc": 341}, 0.95, None),
    ("b2-masks-32", "32 masks, hit", {"masks": 32}, 152, {"emc": 1450, "emc-off": 1300, "smc": 1380}, 0.9, None),
    ("b2-masks-1000", "1,000 masks, hit", {"masks": 1000}, 158, {"emc": 31500, "emc-off": 30100, "smc": 30900}, 0.9, (10, 100)),
]


def noisy(rng, value, n, spread=0.02):
    return [value * (1 + abs(rng.gauss(0, spread))) for _ in range(n)]


def raw(rng, steal_ms=0.0):
    sent = rng.randrange(9 * 10 ** 6, 10 ** 7)
    return {"elapsed_ms": 1000.0, "steal_ms": steal_ms, "core_ghz_before": 3.21, "core_ghz_after": 3.2,
            "counters": [{"where": "switch", "sent": sent, "forwarded": sent, "dropped": 0}], "packets_per_burst": 32.0}


def latency(rng, p50_us, tail):
    return {"unit": "ns", "buckets": [], "min": p50_us * 800, "p50": p50_us * 1000 * rng.uniform(0.97, 1.03),
            "p90": p50_us * 1300, "p99": p50_us * 1000 * tail, "p99_9": p50_us * 1000 * tail * 1.8, "max": p50_us * 1000 * tail * rng.uniform(3, 6)}


def make(pairs=10, seed=1):
    rng = random.Random(seed)
    made = result.new({"name": "sample", "title": "Invented sample, not a measurement"}, ENVIRONMENT)
    for case, title, parameters, ours, ovs, native, target in B2:
        values = {("sluice", "default"): noisy(rng, ours, pairs), ("testpmd", "io"): noisy(rng, 69, pairs)}
        for config, value in ovs.items():
            values["ovs", config] = noisy(rng, value, pairs)
            values["ovs-native", config] = noisy(rng, value * native, pairs)
        trials = [result.trial(peer, config, i, "ABBA"[i % 2 * 2 + (peer != "sluice")], value, raw(rng, steal_ms=12.0 if rng.random() < 0.01 else 0))
                  for (peer, config), row in values.items() for i, value in enumerate(row)]
        result.add_run(made, case, "cycles_per_packet", "lower", trials, "tools/bench/sluice-bench run " + case, title=title,
                       parameters={"layer": "B2", "frame": 64, **parameters},
                       target={"must": target[0], "aim": target[1]} if target else None, resamples=1000)
    vm_to_vm(made, rng, pairs)
    victim(made, rng, pairs)
    own_figures(made, rng, pairs)
    return made


def vm_to_vm(made, rng, pairs):
    for case, title, flows, ours, ovs in (("b3-64", "VM to VM, 64 B, 1 flow", 1, 6.9, 6.1), ("b3-64-100k", "VM to VM, 64 B, 100,000 flows", 100000, 6.1, 2.9)):
        trials = []
        for i in range(pairs):
            for peer, config, rate, p50, tail in (("sluice", "default", ours, 9, 3), ("ovs", "emc", ovs, 14, 6), ("ovs", "smc", ovs * 0.95, 15, 6)):
                value = rate * rng.uniform(0.97, 1.0)
                sent = int(value * 1e6)
                stream = {"id": 1, "tx_packets": sent, "rx_packets": sent, "lost": 0, "duplicates": 0, "reordered": 0, "corrupted": 0,
                          "foreign": 0, "latency": latency(rng, p50, tail)}
                trials.append(result.trial(peer, config, i, "AB"[peer == "ovs"], value, {**raw(rng), "streams": [stream]}))
        result.add_run(made, case, "mpps", "higher", trials, "tools/bench/sluice-bench run " + case, title=title,
                       parameters={"layer": "B3", "frame": 64, "flows": flows}, target={"must": 1.1 if flows == 1 else 1.5, "aim": 1.6 if flows == 1 else 3},
                       resamples=1000)


def victim(made, rng, pairs):
    trials = []
    for i in range(pairs):
        for peer, share in (("sluice", 0.985), ("ovs", 0.11)):
            before = 2.0 * rng.uniform(0.98, 1.0)
            during = before * share * rng.uniform(0.98, 1.0)
            line = [[s, before if s < 5 else before + (during - before) * min(1.0, (s - 4) / 4)] for s in range(20)]
            trials.append(result.trial(peer, "default" if peer == "sluice" else "emc", i, "AB"[peer == "ovs"], 100 * during / before,
                                       {**raw(rng), "victim": {"unit": "Mpps", "before": before, "during": during, "timeline": line}}))
    result.add_run(made, "victim-explosion", "percent", "higher", trials, "tools/bench/sluice-bench run victim-explosion",
                   title="Victim's throughput under the explosion trace", unit="% of clean", parameters={"layer": "B3"},
                   target={"must": 90, "aim": 100, "of": "value"}, resamples=1000)


def own_figures(made, rng, pairs):
    for case, title, metric, better, value, must, aim in (
            ("b1-hit", "Session hit, warm, no I/O", "cycles_per_packet", "lower", 96, 150, 80),
            ("b1-miss-10-tables", "Miss through 10 tables", "cycles_per_packet", "lower", 2240, 2000, 800)):
        trials = [result.trial("sluice", "default", i, "A", v, raw(rng)) for i, v in enumerate(noisy(rng, value, pairs))]
        result.add_run(made, case, metric, better, trials, "tools/bench/sluice-bench run " + case, title=title, parameters={"layer": "B1"},
                       target={"must": must, "aim": aim, "of": "value"}, resamples=1000)


if __name__ == "__main__":
    result.write(sys.argv[1], make())
