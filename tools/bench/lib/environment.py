# SPDX-License-Identifier: Apache-2.0
"""What a result was measured on: collected from the machine, and compared, because figures of unlike machines say nothing of a
switch.

Reading never fails: what a machine does not tell is null. FIELDS is the list of what makes two environments unlike.
"""

import glob
import os
import platform
import re
import subprocess
import sys
import time

CLOCK_TOLERANCE = 0.05
SMT_DROP = 0.15
SMT_LOOP_S = 0.15
SMT_ROUNDS = 5


def collect(top, core_map=None, tsc_hz=None, core_ghz=None, versions=None):
    """The environment of a run that starts now; finish() completes it. top: the checkout. core_map: {"switch": 1, …}. tsc_hz and
    core_ghz: as the engine measured them. versions: of peers that are not the installed ones."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": cpu(),
        "kernel": {"release": platform.release(), "version": platform.version(), "cmdline": cmdline()},
        "memory": memory(),
        "numa_nodes": len(glob.glob("/sys/devices/system/node/node[0-9]*")) or None,
        "cores": {"online": _text("/sys/devices/system/cpu/online"), "isolated": _text("/sys/devices/system/cpu/isolated"),
                  "siblings": siblings(), "map": core_map},
        "clock": {"tsc_ghz": tsc_hz / 1e9 if tsc_hz else None, "core_ghz": core_ghz,
                  "source": _text("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
        "versions": {**installed_versions(), **(versions or {})},
        "sluice": git(top),
        "steal_ticks": steal_ticks(),
        "steal_percent": None,
    }


def finish(environment, ended=None):
    """Adds what the hypervisor took since collect(), of all cores together."""
    stolen, total = (ended or steal_ticks())
    before_stolen, before_total = environment.pop("steal_ticks")
    elapsed = total - before_total
    environment["steal_percent"] = round(100 * (stolen - before_stolen) / elapsed, 3) if elapsed > 0 else None
    environment["ended"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return environment


def cpu(path="/proc/cpuinfo"):
    """The first CPU's rows; the machines that are benchmarked have one kind."""
    rows = {}
    for line in (_text(path) or "").splitlines():
        key, _, value = line.partition(":")
        rows.setdefault(key.strip(), value.strip())
    governors = {_text(p) for p in glob.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")}
    flags = sorted(rows["flags"].split()) if "flags" in rows else None
    return {"model": rows.get("model name"), "family": rows.get("cpu family"), "number": rows.get("model"),
            "stepping": rows.get("stepping"), "microcode": rows.get("microcode"), "cache": rows.get("cache size"),
            "flags": flags, "hypervisor": "hypervisor" in flags if flags else None,
            "governor": ",".join(sorted(g for g in governors if g)) or None,
            "boost": _text("/sys/devices/system/cpu/cpufreq/boost"), "smt": _text("/sys/devices/system/cpu/smt/control")}


def cmdline(path="/proc/cmdline"):
    """Of the kernel: without what names this machine's disks and programs, and without init's own arguments (after --)."""
    words = (_text(path) or "").split(" -- ")[0].split()
    return " ".join(w for w in words if not re.match(r"(root|init|rdinit|initrd|resume|cryptdevice|BOOT_IMAGE|hostname|ip)=", w)) or None


def memory():
    rows = dict(re.findall(r"^(\w+):\s*(\d+)", _text("/proc/meminfo") or "", re.M))

    def number(key):
        return int(rows[key]) if key in rows else None

    thp = re.search(r"\[(\w+)\]", _text("/sys/kernel/mm/transparent_hugepage/enabled") or "")
    return {"total_kb": number("MemTotal"), "hugepages": number("HugePages_Total"), "hugepage_kb": number("Hugepagesize"),
            "transparent_hugepages": thp.group(1) if thp else None}


def siblings():
    """What the topology says, {"0": "0,2"}; virtual machines are often not told the truth, hence smt_test()."""
    found = {}
    for path in sorted(glob.glob("/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list")):
        found[re.search(r"cpu(\d+)/", path).group(1)] = _text(path)
    return found or None


def smt_test(core, other, speed=None):
    """Whether two cores share one core's execution units: the speed of a loop on core, alone and while other is busy. A drop of more
    than SMT_DROP says so. The best of some rounds on both sides, so that a passing disturbance does not decide."""
    speed = speed or _loop_speed
    alone, beside = 0.0, 0.0
    for _ in range(SMT_ROUNDS):
        alone = max(alone, speed(core))
        busy = subprocess.Popen([sys.executable, "-c", "import os,time\nos.sched_setaffinity(0, {%d})\nprint(flush=True)\n"
                                 "end = time.monotonic() + 5\nwhile time.monotonic() < end: pass" % other], stdout=subprocess.PIPE)
        try:
            busy.stdout.readline()
            beside = max(beside, speed(core))
        finally:
            busy.kill()
            busy.wait()
            busy.stdout.close()
    drop = 1 - beside / alone
    return {"core": core, "other": other, "drop": round(drop, 3), "siblings": drop > SMT_DROP}


def _loop_speed(core):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        rounds, end = 0, time.perf_counter() + SMT_LOOP_S
        start = time.perf_counter()
        while time.perf_counter() < end:
            rounds += 1
        return rounds / (time.perf_counter() - start)
    finally:
        os.sched_setaffinity(0, allowed)


def installed_versions():
    return {"dpdk": _output("pkg-config", "--modversion", "libdpdk"),
            "ovs": _first(r"([\d.]+\S*)$", _output("ovs-vswitchd", "--version")),
            "qemu": _first(r"version (\S+)", _output("qemu-system-x86_64", "--version")),
            "compiler": _output(os.environ.get("CC", "cc"), "--version"),
            "python": platform.python_version()}


def git(top):
    commit = _output("git", "-c", "safe.directory=" + top, "-C", top, "rev-parse", "HEAD")
    status = _output("git", "-c", "safe.directory=" + top, "-C", top, "status", "--porcelain", "-uno", all_lines=True) if commit else None
    return {"commit": commit, "dirty": None if status is None else status != ""}


def steal_ticks():
    """(stolen, all) in clock ticks since boot, over all cores."""
    values = [int(v) for v in (_text("/proc/stat") or "cpu " + "0 " * 8).splitlines()[0].split()[1:9]]
    return [values[7] if len(values) > 7 else 0, sum(values)]


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return None


def _output(*cmd, all_lines=False):
    try:
        done = subprocess.run(cmd, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    text = done.stdout.strip()
    return text if all_lines else (text.splitlines() or [None])[0]


def _first(pattern, text):
    found = re.search(pattern, text or "")
    return found.group(1) if found else None


# What makes two environments unlike: (path, how it is compared). Not here: what is under test (sluice), what differs from run to
# run by nature (times, steal, free memory) and what only identifies (total memory).
FIELDS = (
    ("cpu.model", "same"), ("cpu.family", "same"), ("cpu.number", "same"), ("cpu.stepping", "same"), ("cpu.microcode", "same"),
    ("cpu.cache", "same"), ("cpu.flags", "set"), ("cpu.hypervisor", "same"), ("cpu.governor", "same"), ("cpu.boost", "same"),
    ("cpu.smt", "same"),
    ("kernel.release", "same"), ("kernel.cmdline", "same"),
    ("memory.hugepages", "some"), ("memory.hugepage_kb", "same"), ("memory.transparent_hugepages", "same"),
    ("numa_nodes", "same"), ("cores.online", "same"), ("cores.isolated", "same"), ("cores.map", "same"), ("smt_test.siblings", "same"),
    ("clock.tsc_ghz", "close"), ("clock.core_ghz", "close"), ("clock.source", "same"),
    ("versions.dpdk", "same"), ("versions.ovs", "same"), ("versions.ovs-native", "same"), ("versions.qemu", "same"),
    ("versions.compiler", "same"),
)


def unlike(a, b):
    """What makes two environments unlike, a line each; empty when their figures may be compared."""
    lines = []
    for path, how in FIELDS:
        left, right = _get(a, path), _get(b, path)
        if not _alike(left, right, how):
            lines.append("%s: %s" % (path, _difference(left, right, how)))
    for name, environment in (("first", a), ("second", b)):
        if isinstance(environment, dict) and "merged" in environment:
            lines.append("merged: the %s result is merged of unlike environments" % name)
    return lines


def _get(environment, path):
    for key in path.split("."):
        environment = environment.get(key) if isinstance(environment, dict) else None
    return environment


def _alike(left, right, how):
    if left is None or right is None:
        return left is right
    if how == "some":
        return bool(left) == bool(right)
    if how == "close" and _is_number(left) and _is_number(right) and left > 0:
        return abs(left - right) <= CLOCK_TOLERANCE * left
    return left == right


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _difference(left, right, how):
    if how == "set" and all(isinstance(v, list) and all(isinstance(w, str) for w in v) for v in (left, right)):
        gone, new = sorted(set(left) - set(right)), sorted(set(right) - set(left))
        return "; ".join("only in the %s: %s" % (name, _short(" ".join(words))) for name, words in (("first", gone), ("second", new)) if words) \
            or "in another order"
    return "%s, %s" % tuple("not recorded" if v is None else _short(str(v)) for v in (left, right))


def _short(text):
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 160 else text[:157] + "..."
