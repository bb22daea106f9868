# SPDX-License-Identifier: Apache-2.0
"""Layer B0: instructions per packet of each stage of the fast path, counted by callgrind, against the stored figures.

The count does not depend on the machine, only on the code and what compiled it; so it can be a test. More than 2 % over the stored
figure fails. `--update` stores what is counted now: commit it together with the change that explains it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
STORED = os.path.join(TOP, "tools/bench/results/b0.json")
LIMIT = 0.02
PROGRAM = "tools/bench/path/sluice-bench-path"
SKIP = 77


class Unmeasurable(Exception):
    """Why there is nothing to compare."""


def program_path(build):
    return os.path.join(build, PROGRAM)


def program(build):
    path = program_path(build)
    if not os.path.exists(path):
        raise Unmeasurable("%s is not built" % path)
    if shutil.which("valgrind") is None:
        raise Unmeasurable("valgrind is not installed")
    return path


def count_stage(path, stage):
    """What the program says of the stage, with instructions per packet."""
    with tempfile.TemporaryDirectory() as tmp:
        cmd = ["valgrind", "--tool=callgrind", "--callgrind-out-file=%s/out" % tmp, "--collect-atstart=no",
               "--toggle-collect=b0_measured*", path, "b0", "--stage", stage]
        r = subprocess.run(cmd, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", r.stderr)
    if r.returncode != 0 or collected is None or int(collected.group(1)) == 0:
        raise RuntimeError("%s: exit code %d\n%s" % (" ".join(cmd), r.returncode, r.stderr))
    said = json.loads(r.stdout)
    said["instructions"] = round(int(collected.group(1)) / said["packets"], 1)
    return said


def count(build):
    """{"compiler": …, "libc": …, "instructions_per_packet": {stage: n}} of the build."""
    path = program(build)
    stages = subprocess.run([path, "b0"], capture_output=True, text=True, check=True).stdout.split()
    counted = [count_stage(path, s) for s in stages]
    return {"compiler": counted[0]["compiler"], "libc": counted[0]["libc"],
            "instructions_per_packet": {c["stage"]: c["instructions"] for c in counted}}


def load():
    with open(STORED, encoding="utf-8") as f:
        return json.load(f)


def store(counted):
    with open(STORED, "w", encoding="utf-8") as f:
        json.dump(counted, f, indent=1)
        f.write("\n")


def compare(stored, counted):
    """Lines for people, and the stages that are over the limit. Raises Unmeasurable when the builds are not alike."""
    for what in ("compiler", "libc"):
        if stored[what] != counted[what]:
            raise Unmeasurable("instruction counts are stored for %s %s, this build has %s: nothing was compared" %
                               (what, stored[what], counted[what]))
    was, now = stored["instructions_per_packet"], counted["instructions_per_packet"]
    lines, over = ["%-12s %10s %10s" % ("stage", "stored", "now")], []
    for stage in sorted(set(was) | set(now)):
        if stage not in was or stage not in now:
            lines.append("%-12s is only in the %s figures" % (stage, "new" if stage in now else "stored"))
            over.append(stage)
            continue
        change = now[stage] / was[stage] - 1
        lines.append("%-12s %10.1f %10.1f  %+.1f %%" % (stage, was[stage], now[stage], 100 * change))
        if change > LIMIT:
            over.append(stage)
    return lines, over


def main(argv):
    parser = argparse.ArgumentParser(prog="sluice-bench-b0", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("BUILD", os.path.join(TOP, "build")), help="optimised build directory")
    parser.add_argument("--update", action="store_true", help="store the counts of this build")
    args = parser.parse_args(argv)
    try:
        counted = count(args.build)
        if args.update:
            store(counted)
            print("stored in", os.path.relpath(STORED, TOP))
            return 0
        lines, over = compare(load(), counted)
    except Unmeasurable as e:
        print("SKIPPED:", e)
        return SKIP
    print("\n".join(lines))
    if not over:
        return 0
    print("more than %d %% over the stored figure: %s\nIf this is meant, run tools/bench/sluice-bench-b0 --update, and say why in the commit."
          % (100 * LIMIT, ", ".join(over)))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
