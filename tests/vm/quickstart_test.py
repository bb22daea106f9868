#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quick start as a newcomer runs it: it succeeds, and leaves nothing behind, also when interrupted."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integ"))
from harness import *  # noqa: E402,F403

QUICKSTART = [sys.executable, os.path.join(TOP, "tools/demo/quickstart.py"), "--build", BUILD]
RUNDIR = "/run/sluice-demo"


def leftovers():
    netns = [n for n in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split("\n")
             if n.startswith("sluice-")]
    processes = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if RUNDIR.encode() in f.read():
                    processes.append(pid)
        except OSError:
            pass
    return netns + processes + ([RUNDIR] if os.path.exists(RUNDIR) else [])


def quickstart_succeeds(_):
    start = time.monotonic()
    result = subprocess.run(QUICKSTART, capture_output=True, text=True, timeout=400, check=False)
    print(result.stdout)
    expect(result.returncode == 0, "exit code %d: %s" % (result.returncode, result.stderr[-4000:]))
    expect("WRONG" not in result.stdout and result.stdout.count(" ms") >= 4, "the matrix is not as it should be")
    expect(time.monotonic() - start < 240, "it took %.0f s" % (time.monotonic() - start))
    expect(leftovers() == [], "left behind: %s" % leftovers())


def interrupted_leaves_nothing(_):
    process = subprocess.Popen(QUICKSTART, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if "booting" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    expect(process.returncode != 0, "an interrupted run must not claim success")
    wait_for("nothing is left behind", lambda: leftovers() == [])


if __name__ == "__main__":
    main(quickstart_succeeds, interrupted_leaves_nothing)
