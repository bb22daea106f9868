#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sluice-bench from end to end, tiny: real switches, real results, nothing left behind. What it measures on a busy machine is not
looked at; that it adds up is.

   capture ─▶ sluice-switch ─▶ null        engine ═ vhost ═ sluice-switch ═ vhost ═ engine
   capture ─▶ testpmd ─▶ null
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

sys.path.insert(0, os.path.join(TOP, "tools", "bench"))
from lib import layer_b3, result, scenario  # noqa: E402
from lib.engine import Engine  # noqa: E402

BENCH = os.path.join(TOP, "tools/bench/sluice-bench")
SCENARIO = """
name = "tiny"
layer = "%(layer)s"
metric = "cycles_per_packet"
warmup_ms = 50
trial_ms = 100
memory_mb = 192
[[rule]]
match = { eth_type = "0x0800", ipv4_src = "10.0.0.0/8", ip_proto = 17, udp_dst = 80 }
to = "out"
[[case]]
name = "tiny-%(layer)s"
traffic = %(traffic)s
"""


def bench(lab, *words, timeout_s=50):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=timeout_s, check=False, cwd=lab.rundir,
                          env=dict(os.environ, SLUICE_BUILD=BUILD))


def scenario_file(lab, layer, traffic):
    path = os.path.join(lab.rundir, layer + ".toml")
    with open(path, "w", encoding="ascii") as f:
        f.write(SCENARIO % {"layer": layer, "traffic": traffic})
    return path


def netns():
    lines = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[0] for line in lines if line.startswith("sluice-bench-")}


def hugepages():
    with open("/proc/sys/vm/nr_hugepages", encoding="ascii") as f:
        return int(f.read())


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""  # the process has ended


def expect_nothing_left(before, pid):
    expect(netns() <= before, "namespaces are left: %s" % (netns() - before))
    left = glob.glob(os.path.join(tempfile.gettempdir(), "sluice-bench-%d-*" % pid))
    left += [path for path in glob.glob("/proc/[0-9]*/cmdline") if b"/sluice-bench-%d-" % pid in read(path)]
    expect(not left, "left behind: %s" % left)


def check_result(lab, done, out, peers):
    expect(done.returncode == 0, "exit code %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    found = result.read(out)  # validates
    trials = found["runs"][0]["trials"]
    expect({t["peer"] for t in trials} == peers, "peers %s" % {t["peer"] for t in trials})
    for t in trials:
        # The core is shared with whatever else runs here: such trials are void, and say so. All else is a fault.
        expect(t["void"] is None or "taken by others" in t["void"] or "stolen" in t["void"], "%s: %s\n%s" % (t["peer"], t["void"], t["raw"]))
        expect(t["value"] > 0, "no cycles: %s" % t)
    expect(found["runs"][0]["command"] in done.stdout, "the command is not printed:\n" + done.stdout)


def one_core_beside_testpmd(lab):
    lab.create()
    before = netns()
    peers = ["--peer", "testpmd"] if shutil.which("dpdk-testpmd") else ["--no-peer"]
    out = os.path.join(lab.rundir, "b2.json")
    done = bench(lab, "run", scenario_file(lab, "b2", "{ flows = 300 }"), "--pairs", "1", "--no-huge", "--out", out, *peers)
    check_result(lab, done, out, {"sluice"} | ({"testpmd"} if "--peer" in peers else set()))
    expect(netns() <= before, "namespaces are left: %s" % (netns() - before))


def guest_to_guest(lab):
    if not os.path.exists(os.path.join(BUILD, "tools/bench/engine/sluice-bench-engine")):
        raise Skip("sluice-bench-engine is not built")
    lab.create()
    out = os.path.join(lab.rundir, "b3.json")
    done = bench(lab, "run", scenario_file(lab, "b3", "{ flows = 10, rate = 20000.0 }"), "--pairs", "1", "--no-huge", "--no-peer", "--out", out)
    check_result(lab, done, out, {"sluice"})
    with open(out, encoding="utf-8") as f:
        streams = json.load(f)["runs"][0]["trials"][0]["raw"]["streams"]
    expect(streams[0]["rx_packets"] > 0 and streams[0]["corrupted"] == 0, "%s" % streams)


def an_interrupt_leaves_nothing(lab):
    lab.create()
    before, pages = netns(), hugepages()
    process = subprocess.Popen([BENCH, "run", scenario_file(lab, "b2", "{ flows = 300 }"), "--no-peer", "--pairs", "1000"],
                               cwd=lab.rundir, env=dict(os.environ, SLUICE_BUILD=BUILD), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for("the run has its namespace", lambda: netns() - before, 20)
    time.sleep(0.5)  # somewhere in the middle of starting or measuring
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    expect(process.returncode == 130, "exit code %d\n%s" % (process.returncode, output))
    expect_nothing_left(before, process.pid)
    expect(hugepages() == pages, "%d hugepages, before %d" % (hugepages(), pages))


def a_killed_run_is_cleaned_up_after_by_the_next(lab):
    lab.create()
    before = netns()
    path = scenario_file(lab, "b2", "{ flows = 300 }")
    process = subprocess.Popen([BENCH, "run", path, "--no-peer", "--pairs", "1000", "--no-huge"], cwd=lab.rundir,
                               env=dict(os.environ, SLUICE_BUILD=BUILD), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names = wait_for("the run has its namespace", lambda: netns() - before, 20)
    process.kill()
    process.wait()
    pids = subprocess.run(["ip", "netns", "pids", next(iter(names))], capture_output=True, text=True, check=False).stdout
    wait_for("its switch is gone with it: %s" % pids, lambda: not any(os.path.exists("/proc/%s/exe" % p) and alive(p) for p in pids.split()), 5)
    expect(netns() & names, "nothing was left to clean up")
    out = os.path.join(lab.rundir, "again.json")
    done = bench(lab, "run", path, "--no-peer", "--pairs", "1", "--no-huge", "--out", out)
    check_result(lab, done, out, {"sluice"})
    expect_nothing_left(before, process.pid)


def alive(pid):
    try:
        with open("/proc/%s/stat" % pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def every_shipped_stream_is_sent(lab):
    """The engine refuses what means nothing to it: no scenario must say that. A burst is as long as was asked."""
    lab.create()
    core = min(os.sched_getaffinity(0))
    engine = Engine(BUILD, core, {"null": "net_null0,no-rx=1"}, False, 192)
    try:
        for case in (c for c in scenario.load_all() if c.layer == "b3"):
            streams = [{**layer_b3.stream_of(i + 1, t), "tx": "null", "rx": None} for i, t in enumerate(case.traffic)]
            engine.load([{k: v for k, v in s.items() if v is not None} for s in streams])
            sent = engine.trial(20, 0, packets=100)["streams"]
            counts = [s["tx_packets"] for s in sent]
            expect(counts == [100] * len(streams), "%s: sent %s" % (case.name, counts))
    finally:
        engine.stop()


def the_fast_path_by_itself(lab):
    lab.create()
    out = os.path.join(lab.rundir, "b1.json")
    done = bench(lab, "run", "b1-bytes-per-session", "b1-hit-1000-masks", "--pairs", "1", "--out", out, "--build", BUILD)
    expect(done.returncode == 0, "exit code %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    runs = {r["case"]: r for r in result.read(out)["runs"]}
    expect(runs["b1-bytes-per-session"]["trials"][0]["value"] > 16, "bytes: %s" % runs)
    expect(len(runs["b1-hit-1000-masks"]["trials"][0]["raw"]["values"]) == 2, "no two calls: %s" % runs)


def a_search_between_guests(lab):
    lab.create()
    path, out = os.path.join(lab.rundir, "burst.toml"), os.path.join(lab.rundir, "burst.json")
    with open(path, "w", encoding="ascii") as f:
        f.write(SCENARIO.replace("cycles_per_packet", "mpps") % {"layer": "b3", "traffic": "{ flows = 1 }"} + 'method = "max_receive"\n')
    done = bench(lab, "run", path, "--no-peer", "--pairs", "1", "--out", out, "--build", BUILD)
    expect(done.returncode in (0, 1), "exit code %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    trial = result.read(out)["runs"][0]["trials"][0]
    expect(trial["void"] == "all 5 trials were void" or len(trial["raw"]["samples"]) > 0, "%s" % trial)


def mistakes_are_explained(lab):
    lab.create()
    for words, code, text in ((["run", "b2-1-flows"], 1, "did you mean b2-1-flow?"), (["run", "b2-1-flow", "--peer", "vpp"], 2, "invalid choice"),
                              (["compare", "nothing.json", "nothing.json"], 2, "nothing.json"), (["report", "nothing.json"], 2, "nothing.json")):
        done = bench(lab, *words)
        expect(done.returncode == code and text in done.stderr, "%s: exit code %d, %s" % (words, done.returncode, done.stderr))
    done = bench(lab, "list")
    expect(done.returncode == 0 and "b2-1000-flows" in done.stdout, "list: %s" % done.stderr)


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) < 2:
        print("SKIP: needs two cores")
        sys.exit(77)
    main(one_core_beside_testpmd, guest_to_guest, an_interrupt_leaves_nothing, a_killed_run_is_cleaned_up_after_by_the_next,
         every_shipped_stream_is_sent, the_fast_path_by_itself, a_search_between_guests, mistakes_are_explained)
