#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database's process dies at every write, sync, rename, link and unlink of a scripted load.

What was acknowledged is there afterwards, the rest as whole transactions or not at all. Three ways to die (crash_at.c): before the call,
in the middle of a write, and by a loss of power, where all is gone that was not synced. The child that compacts dies too.

    crash_test.py SUBJECT PRELOAD

A sample of the calls, or with TEST_LONG in the environment each.
"""
import os
import random
import subprocess
import sys
import tempfile

SUBJECT, PRELOAD = sys.argv[1:3]
# With a sanitizer the preloaded library is not the first; a killed process leaks.
ASAN = "verify_asan_link_order=0:detect_leaks=0"


def run(directory, *args, **env):
    preload = {"LD_PRELOAD": PRELOAD, **env} if env else {}
    return subprocess.run([SUBJECT, *args, os.path.join(directory, "db")], env={**os.environ, "ASAN_OPTIONS": ASAN, **preload},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def calls():
    """How many there are of the parent's and of the child's; the load itself must work."""
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "log")
        done = run(directory, "load", CRASH_LOG=log)
        assert done.returncode == 0 and done.stdout.endswith("ended 0\n"), done
        assert "compacted well\n" in done.stdout, done.stdout
        with open(log, encoding="utf-8") as f:
            lines = [line.split() for line in f]
    for who in ("parent", "child"):
        kinds = [call for process, _, call in lines if process == who]
        print("%-7s %3d calls: %s" % (who, len(kinds), ", ".join("%d %s" % (kinds.count(k), k) for k in sorted(set(kinds)))))
    return [sum(process == who for process, _, _ in lines) for who in ("parent", "child")]


def check(directory, said, where):
    """The file against what the process said before it died."""
    words = [line.split() for line in said.splitlines()]
    flushed = max([int(w[1]) for w in words if w[0] == "flushed"], default=0)
    added = max([int(w[1]) for w in words if w[0] == "added"], default=0)
    if not os.path.exists(os.path.join(directory, "db")):
        assert not words, "%s: the file is gone after %s" % (where, said)
        return
    shown = run(directory, "show")
    assert shown.returncode == 0, "%s: %s" % (where, shown)
    one, two = (line.split() for line in shown.stdout.splitlines())
    numbers = [int(n) for n in one[2:]]
    assert one[2:] == two[2:], "%s: half a transaction: %s" % (where, shown.stdout)
    assert numbers == list(range(1, len(numbers) + 1)), "%s: a hole: %s" % (where, shown.stdout)
    # What was written and not acknowledged may be there, as a whole.
    assert len(numbers) in (flushed, added), "%s: %d instead of %d or %d: %s" % (where, len(numbers), flushed, added, said)
    assert two[1] == "1.0.0" and one[1] in ("1.0.0", "2.0.0"), shown.stdout
    if ["converted", "0"] in words:
        assert one[1] == "2.0.0", "%s: the conversion is lost" % where


def crash(who, how, at):
    where = "%s dies at call %d (%s)" % (who, at, how)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as directory:
        died = run(directory, "load", CRASH_AT=str(at), CRASH_HOW=how, CRASH_IN=who)
        if who == "parent":
            assert died.returncode == -9, "%s: did not: %s" % (where, died)
        else:
            # The old file stays in force, and the load goes on.
            assert died.returncode == 0 and "compacted well" not in died.stdout and "compacted " in died.stdout, (where, died)
        check(directory, died.stdout, where)
        left = [n for n in os.listdir(directory) if n != "db" and ".crash-" not in n]
        # What the dead one left is gone after the next start.
        assert not left or not os.path.exists(os.path.join(directory, "db")), "%s: left behind: %s" % (where, left)


def main():
    n_parent, n_child = calls()
    deaths = [("parent", how, at) for how in ("before", "half", "power") for at in range(1, n_parent + 1)]
    deaths += [("child", how, at) for how in ("before", "half") for at in range(1, n_child + 1)]
    n_all = len(deaths)
    if "TEST_LONG" not in os.environ:
        deaths = random.sample(deaths, n_all // 4)
    for death in deaths:
        crash(*death)
    print("%d of %d deaths, nothing acknowledged was lost" % (len(deaths), n_all))


if __name__ == "__main__":
    main()
