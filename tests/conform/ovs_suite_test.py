#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch's own OVSDB tests, as Debian packages them, against ovsdb-lite; the genuine clients stay genuine.

   ovs-vsctl, vtep-ctl, ovsdb-client, ovs-appctl, python3-openvswitch ── ovsdb-server: ovsdb/bin/ovsdb-server ── ovsdb-lite serve
                                                                         ovsdb-tool:   ovsdb/bin/ovsdb-tool   ── ovsdb-lite VERB

Which tests run stands in ovsdb/allowed.txt, which of them fail and why in ovsdb/expected_fail.txt, which do not run and why in
ovsdb/dropped.txt. A test that is in no list, an unexpected failure and an unexpected pass all fail the run.
With --server real or both, the same tests run against Debian's ovsdb-server: the score to reach.
"""

import argparse
import fnmatch
import os
import shutil
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "ovsdb"))
import suite  # noqa: E402

LOG_LINES = 60
# What tools/check leaves out to be done in minutes: the same tests of the IDL again, over each kind of socket and with columns registered by name.
NOT_IN_A_SHORT_RUN = ("ovsdb-idl: * - tcp*", "ovsdb-idl: * - SSL", "ovsdb-idl: *register_columns")
PROGRAMS = {"ovsdb-client": "openvswitch-common", "ovsdb-server": "openvswitch-common", "ovs-vsctl": "openvswitch-switch",
            "vtep-ctl": "openvswitch-vtep", "ovs-pki": "openvswitch-common"}


class Server:
    def __init__(self, label, lite):
        self.label = label
        self.path = {"ours": [os.path.join(HERE, "ovsdb", "bin")], "real": [os.path.join(HERE, "ovsdb", "bin-real")]}[label] + ["/usr/sbin"]
        self.env = {"SLUICE_OVSDB_LITE": lite}


def missing():
    if not os.path.exists(suite.TARBALL):
        return "openvswitch-source"
    if not os.path.isdir("/usr/lib/python3/dist-packages/ovs"):
        return "python3-openvswitch"
    return next((package for program, package in PROGRAMS.items() if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None), None)


def check_lists(names, allowed, dropped):
    """Every test of the files has its place, every row its test."""
    faults = ["allowed.txt: no such test: " + n for n in allowed if n not in names]
    faults += ["dropped.txt: no such test: " + pattern for pattern, _ in dropped if not fnmatch.filter(names, pattern)]
    faults += ["in no list: " + n for n in names if n not in allowed and not any(fnmatch.fnmatchcase(n, p) for p, _ in dropped)]
    return faults


def reason(who, name, expected):
    return next((why for for_whom, pattern, why in expected if for_whom in who and fnmatch.fnmatchcase(name, pattern)), None)


def judge(the_suite, server, results, expected):
    """Prints what is not as expected; returns how many."""
    n_bad = 0
    for name, result in results.items():
        why = reason((server.label, "both"), name, expected)
        chance = reason(("chance",), name, expected) if server.label == "ours" else None
        if (result == "ok") == (why is None) or chance or (result == "skipped" and reason(("skip",), name, expected)):
            continue
        n_bad += 1
        print("UNEXPECTED %s, %s: %s%s" % (server.label, name, result, "" if why is None else " (listed: %s)" % why))
        if result != "ok":
            print("    " + "\n    ".join(the_suite.log(server.label, name).splitlines()[-LOG_LINES:]))
    sys.stdout.flush()
    return n_bad


def table(servers, groups, results):
    rows = [(g, [("%d/%d" % (sum(results[s.label].get(n) == "ok" for n in names), len(names))) for s in servers]) for g, names in groups.items()]
    every = [n for names in groups.values() for n in names]
    rows.append(("all", ["%d/%d" % (sum(results[s.label].get(n) == "ok" for n in every), len(every)) for s in servers]))
    for group, scores in rows:
        print("%-24s %s" % (group + ":", ", ".join("%s %s" % (s.label, score) for s, score in zip(servers, scores))))


def is_wanted(name, only):
    if only:
        return fnmatch.fnmatchcase(name, only)
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in NOT_IN_A_SHORT_RUN)


def run(args, the_suite):
    allowed = [row[0] for row in suite.read_rows("allowed.txt", 1)]
    faults = check_lists(the_suite.numbers, allowed, suite.read_rows("dropped.txt", 2))
    if faults:
        print("\n".join(faults))
        return 1
    expected = suite.read_rows("expected_fail.txt", 3)
    groups = {}
    for name in allowed:
        if is_wanted(name, args.only):
            groups.setdefault(name.partition(":")[0], []).append(name)
    servers = [Server(label, args.ovsdb_lite) for label in ("ours", "real") if args.server in (label, "both")]
    results = {s.label: {} for s in servers}
    n_bad = 0
    for group, names in groups.items():
        for server in servers:
            start = time.monotonic()
            got = the_suite.run(server.label, server.path, names, args.jobs, server.env)
            print("%s, %s: %d of %d in %.0f s" % (server.label, group, list(got.values()).count("ok"), len(names), time.monotonic() - start), flush=True)
            n_bad += judge(the_suite, server, got, expected)
            results[server.label].update(got)
    table(servers, groups, results)
    print("%d unexpected" % n_bad)
    return 1 if n_bad or not groups else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["ours", "real", "both"], default="ours")
    parser.add_argument("--only", help="tests whose name matches, such as 'ovsdb-monitor:*'; '*' for all (default: a short run)")
    parser.add_argument("--jobs", type=int, default=3, help="tests at a time; they mostly wait")
    parser.add_argument("--list", action="store_true", help="print the names of all tests of the files that the groups come from")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs of failed tests")
    parser.add_argument("--ovsdb-lite", default=os.path.join(os.environ.get("BUILD", os.path.join(TOP, "build")), "ovsdb-lite", "ovsdb-lite"))
    args = parser.parse_args()
    package = missing()
    if package is None and args.server != "real" and not args.list and not os.access(args.ovsdb_lite, os.X_OK):
        package = args.ovsdb_lite
    if package:
        print("SKIP: %s is missing" % package)
        return 77
    the_suite = suite.Suite()
    try:
        if args.list:
            print("\n".join(the_suite.numbers))
            return 0
        return run(args, the_suite)
    finally:
        if args.keep:
            print("kept: " + the_suite.root)
        else:
            the_suite.close()


if __name__ == "__main__":
    sys.exit(main())
