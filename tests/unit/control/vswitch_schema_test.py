#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our schema of Open_vSwitch against the one that the distribution's clients come with: every table and column of it, of the same type.

Exit code 77 is a skip: the package openvswitch-common is not installed.
"""
import json
import os
import subprocess
import sys

OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../control/ovsdb/vswitch.ovsschema")
THEIRS = "/usr/share/openvswitch/vswitch.ovsschema"


def base(b):
    """A base type in one form: members at their default left out."""
    b = {"type": b} if isinstance(b, str) else dict(b)
    if b.get("refType") == "strong":
        del b["refType"]
    if isinstance(b.get("enum"), list):
        b["enum"] = sorted(b["enum"][1], key=str)
    return b


def column_type(t):
    t = {"key": t} if isinstance(t, str) else t
    return {"key": base(t["key"]), "value": base(t["value"]) if "value" in t else None, "min": t.get("min", 1), "max": t.get("max", 1)}


def table(t):
    columns = {name: (column_type(c["type"]), c.get("ephemeral", False), c.get("mutable", True)) for name, c in t["columns"].items()}
    return {"root": t.get("isRoot", False), "max": t.get("maxRows"), "indexes": t.get("indexes", []), "columns": columns}


def main():
    if not os.path.exists(THEIRS):
        print("%s is missing: install openvswitch-common" % THEIRS)
        return 77
    with open(OURS, encoding="utf-8") as f:
        text = f.read()
    with open(THEIRS, encoding="utf-8") as f:
        theirs = json.load(f)
    ours = json.loads(text)
    faults = []
    for name, t in theirs["tables"].items():
        if name not in ours["tables"]:
            faults.append("table %s is missing" % name)
            continue
        a, b = table(t), table(ours["tables"][name])
        faults += ["%s.%s: %s, not %s" % (name, c, b["columns"].get(c), a["columns"][c])
                   for c in a["columns"] if a["columns"][c] != b["columns"].get(c)]
        faults += ["%s: %s is %s, not %s" % (name, k, b[k], a[k]) for k in ("root", "max", "indexes") if a[k] != b[k]]
    cksum = subprocess.run(["cksum"], input="".join(line for line in text.splitlines(True) if '"cksum"' not in line), text=True,
                           capture_output=True, check=True).stdout.split()
    if ours["cksum"] != " ".join(cksum[:2]):
        faults.append("cksum is \"%s\" of the text without that line, not \"%s\"" % (" ".join(cksum[:2]), ours["cksum"]))
    if ours["version"] != theirs["version"]:
        print("note: version %s, theirs is %s" % (ours["version"], theirs["version"]))
    print("\n".join(faults) or "%d tables are the same" % len(theirs["tables"]))
    return 1 if faults else 0


sys.exit(main())
