# SPDX-License-Identifier: Apache-2.0
"""Runs tests and counts them: steps of tools/dev/check, programs of a meson build, scripts of tests/. Called by tools/check.

A test is a command. Exit code 0: passed, 77: skipped (its last line says what is missing), else failed.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT_TIMEOUT_S = {"integ": 300, "vm": 900, "conform": 600}
LOG_LINES = 200


class Test:
    def __init__(self, name, cmd, timeout_s, env=None, parallel=True, directory=TOP):
        self.name, self.cmd, self.timeout_s, self.env, self.parallel, self.directory = name, cmd, timeout_s, env or {}, parallel, directory


class Runner:
    def __init__(self):
        self.lock = threading.Lock()  # around counts, running and stdout
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.running = set()
        self.stopping = False

    def run(self, test):
        start = time.monotonic()
        with self.lock:
            if self.stopping:
                return
            if not os.access(test.cmd[0], os.X_OK):
                self.report(test, 126, "%s is not executable: chmod +x it" % test.cmd[0], 0)
                return
            # A session of its own: a timeout ends the test and all it has started, and nothing else.
            process = subprocess.Popen(test.cmd, cwd=test.directory, env={**os.environ, **test.env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            self.running.add(process)
        try:
            output = process.communicate(timeout=test.timeout_s)[0]
        except subprocess.TimeoutExpired:
            output = end(process) + b"\ntimed out after %d s\n" % test.timeout_s
        with self.lock:
            self.running.discard(process)
            self.report(test, process.returncode, output.decode(errors="replace"), time.monotonic() - start)

    def report(self, test, code, output, seconds):
        result = {0: "passed", 77: "skipped"}.get(code, "failed")
        self.counts[result] += 1
        last = (output.strip().splitlines() or ["no reason given"])[-1]
        print("%-7s %6.1f s  %s%s" % (result.upper() if result != "passed" else "ok", seconds, test.name,
                                      ": " + last if result == "skipped" else ""))
        if result == "failed":
            print("---- %s: exit code %d, %s\n%s\n----" % (test.name, code, " ".join(test.cmd),
                                                       "\n".join(output.splitlines()[-LOG_LINES:])))
        sys.stdout.flush()

    def stop(self):
        self.stopping = True
        for process in list(self.running):
            end(process)


def end(process):
    """Ends the test's session: first politely, so that it can clean up. Returns the rest of its output."""
    for sig, patience_s in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            pass
        try:
            return process.communicate(timeout=patience_s)[0] or b""
        except subprocess.TimeoutExpired:
            continue
    return b""


def style_tests(build):
    check = os.path.join(TOP, "tools/dev/check")
    steps = subprocess.run([check, "--list"], capture_output=True, text=True, check=True).stdout.split()
    return [Test("style/" + step, [check, "--build", build, step], 900) for step in steps]


def meson_tests(build, suites):
    env = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    tests = subprocess.run(["meson", "introspect", "--tests", build], capture_output=True, text=True, check=True).stdout
    # In the build directory, as `meson test` does: arguments that are built files are relative to it.
    return [Test(t["name"], t["cmd"], t["timeout"], {**t["env"], **env}, t["is_parallel"], t["workdir"] or build) for t in json.loads(tests)
            if any(s.split(":")[-1] in suites for s in t["suite"])]


def scripts(folder, build):
    found = sorted(glob.glob(os.path.join(TOP, "tests", folder, "*_test.*")))
    # They share the machine's cores and time its packets: one at a time.
    return [Test(os.path.relpath(f, os.path.join(TOP, "tests")), [f], SCRIPT_TIMEOUT_S[folder], {"BUILD": build}, parallel=False)
            for f in found if f.endswith((".sh", ".py"))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--test-build", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("suites", nargs="+", choices=["style", "unit", "long", "integ", "conform", "vm"])
    args = parser.parse_args()
    tests = []
    if "unit" in args.suites:
        tests += meson_tests(args.test_build, ("unit", "fuzz"))
    if "long" in args.suites:
        tests += meson_tests(args.test_build, ("long",))
    if "style" in args.suites:
        tests += style_tests(args.test_build)
    if "integ" in args.suites:
        tests += scripts("integ", args.build)
    if "conform" in args.suites:
        tests += scripts("conform", args.build)
    if "vm" in args.suites:
        tests += scripts("vm", args.build)
    tests = [t for t in tests if args.only in t.name]

    runner = Runner()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for parallel, n_at_once in ((True, os.cpu_count()), (False, 1)):
        with concurrent.futures.ThreadPoolExecutor(n_at_once) as pool:
            try:
                list(pool.map(runner.run, [t for t in tests if t.parallel == parallel]))
            except KeyboardInterrupt:
                print("interrupted: ending what runs", flush=True)
                runner.stop()
                sys.exit(130)
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % runner.counts)
    sys.exit(1 if runner.counts["failed"] or not runner.counts["passed"] else 0)


if __name__ == "__main__":
    main()
