# SPDX-License-Identifier: Apache-2.0
"""The command line of sluice-bench: list, run, quick, full, compare, report. Exit codes: 0 done, 1 a case failed or a regression,
2 wrong usage or refused, 130 interrupted."""

import argparse
import os
import signal
import sys
import time

from lib import bench, compare, headline, install, progress, report, result, scenario, text
from lib.peer_sluice import TOP
from lib.process import BenchError

QUICK = ("b2-1-flow", "b2-1000-flows", "b2-50k-flows", "b3-64", "b3-100k-flows")
QUICK_PAIRS = 6
FULL_PEERS = ("ovs", "ovs-native", "testpmd")
FULL_OUT = os.path.join(TOP, "tools", "bench", "results", "full")
DEFAULT_PEERS = ("ovs",)
EPILOG = """A scenario is a file of tools/bench/scenarios or one of its cases; a path to a .toml file works too.
Try `sluice-bench quick` first. Cycles and ratios are of this machine; see tools/bench/README.md for what they can prove."""


def main(argv):
    args = parser().parse_args(argv)
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return args.run(args)
    except BenchError as e:
        print("sluice-bench: " + e.text(), file=sys.stderr)
        return 2 if isinstance(e, Usage) else 1
    except KeyboardInterrupt:
        print("sluice-bench: interrupted; everything it started is gone", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def interrupted(*_):
    """Once: what follows is cleaning up, which a second Ctrl-C must not cut short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


class Usage(BenchError):
    """Asked for in a way that cannot be done."""


def parser():
    top = argparse.ArgumentParser(prog="sluice-bench", description="Measures Sluice side by side with other switches.", epilog=EPILOG)
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="the scenarios, what they show, how long they take")
    one.set_defaults(run=run_list)
    one = commands.add_parser("run", help="runs scenarios and writes a result", epilog=EPILOG)
    one.add_argument("scenarios", metavar="SCENARIO", nargs="+")
    one.add_argument("--peer", action="append", choices=sorted(set(bench.PEERS) - {"sluice"}), metavar="PEER", default=None,
                     help="beside Sluice: ovs (Debian's, the default), ovs-native (built for this CPU), testpmd (the I/O floor); may be repeated")
    one.add_argument("--no-peer", action="store_true", help="Sluice alone")
    one.add_argument("--pairs", type=positive, metavar="N", help="passes over all switches (default: the scenario's, 10)")
    add_run_options(one)
    one.set_defaults(run=run_run)
    one = commands.add_parser("quick", help="a table and a plot against OVS in a few minutes")
    add_run_options(one)
    one.set_defaults(run=run_quick)
    one = commands.add_parser("full", help="every scenario against every peer: what is committed in tools/bench/results (about 80 minutes)")
    one.add_argument("--pairs", type=positive, metavar="N", help="passes over all switches (default: each scenario's)")
    add_run_options(one)
    one.set_defaults(run=run_full)
    one = commands.add_parser("compare", help="two results, case by case")
    compare.add_arguments(one)
    one.set_defaults(run=compare.main_compare)
    one = commands.add_parser("report", help="a result as a table, or as a page with plots")
    report.add_arguments(one)
    one.add_argument("--html", dest="output", metavar="FILE.html", help="the same as --output")
    one.set_defaults(run=report.main_report)
    return top


def add_run_options(one):
    one.add_argument("--out", metavar="F.json", help="where the result goes (default: sluice-bench-TIME.json here)")
    one.add_argument("--html", metavar="F.html", help="also a page with plots (quick and full write one in any case)")
    one.add_argument("--build", metavar="DIR", help="build directory (default: build, made when missing)")
    one.add_argument("--switch-core", type=int, metavar="N", help="core of the switch (default: the last)")
    one.add_argument("--other-core", type=int, metavar="N", help="core of generator and control (default: the first other)")
    one.add_argument("--no-huge", action="store_true", help="do not reserve hugepages")


def positive(word):
    value = int(word)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def run_list(_args):
    rows = []
    for case in scenario.load_all():
        target = headline.target_text({"target": case.target, "better": case.better}) or "–"
        rows.append([case.file, case.name, case.title, case.unit, target, progress.duration(case.seconds(4, case.pairs))])
    print("\n".join(text.table(["scenario", "case", "what is measured", "unit", "target", "takes about"], rows, right={5})))
    print("\nA case is run against each peer (--peer) in one go. Time: against ovs, whose configurations are three.")
    return 0


def run_run(args):
    cases = scenario.find(args.scenarios)
    peers = [] if args.no_peer else list(dict.fromkeys(args.peer or DEFAULT_PEERS))
    return measure(args, cases, peers, args.pairs)


def run_quick(args):
    args.out = args.out or "sluice-bench-quick.json"
    args.html = args.html or html_beside(args.out)
    return measure(args, scenario.find(QUICK), ["ovs"], QUICK_PAIRS, "quick, beside Debian's OVS-DPDK")


def run_full(args):
    args.out = args.out or FULL_OUT + ".json"
    args.html = args.html or html_beside(args.out)
    return measure(args, scenario.find(scenario.names()), list(FULL_PEERS), args.pairs, "the full set, beside OVS-DPDK")


def html_beside(out):
    return (out[:-5] if out.endswith(".json") else out) + ".html"


def measure(args, cases, peers, pairs, title=None):
    if os.geteuid() != 0:
        raise Usage("needs root: network namespaces, hugepages, cores", "sudo tools/bench/sluice-bench …")
    shown = progress.Progress()
    out = args.out or "sluice-bench-%s.json" % time.strftime("%Y%m%d-%H%M%S")
    if args.html and os.path.dirname(args.html) and not os.path.isdir(os.path.dirname(args.html)):
        raise Usage("there is no directory %s" % os.path.dirname(args.html))
    if peers:
        install.need_packages(shown.note, "peers " + ", ".join(peers))
    the_bench = bench.Bench(install.build_of(args.build, shown.note), peers, shown, bench.Cores(args.switch_core, args.other_core),
                            not args.no_huge)
    outcome = the_bench.run(cases, pairs, lambda r: result.write(out, r), title)
    shown.finish()
    print("\n".join(headline.text_table(outcome)))
    print("\nresult: %s" % out)
    for command in dict.fromkeys(run["command"] for run in outcome["runs"]):
        print("again:  %s" % command)
    for name, why in the_bench.failed:
        print("\nFAILED %s: %s" % (name, why))
    if args.html:
        missing = report.write_html(args.html, outcome)
        if missing:
            print(missing)
        print("page:   %s" % args.html)
    return 1 if the_bench.failed else 0
