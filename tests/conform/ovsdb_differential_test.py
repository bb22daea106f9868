#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random transactions and monitors, the same ones to ovsdb-lite and to Debian's ovsdb-server: replies, updates and contents must be the same.

   generator ──┬── db.sock ── ovsdb-lite serve
               └── db.sock ── ovsdb-server

Rows are inserted under UUIDs that the generator chose, so that both sides name them alike. Of an error its word is compared, not its details:
which of several broken rules is found first is nobody's promise. Servers are ended and started again in between.
SEED=N repeats a run; SECONDS=N says how long.
"""

import json
import os
import random
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402
from stage import expect  # noqa: E402
from wire import ZERO_UUID, Wire  # noqa: E402


def ref(table, weak=False):
    return {"type": "uuid", "refTable": table, **({"refType": "weak"} if weak else {})}


def many(key, value=None, low=0, high="unlimited"):
    return {"type": {"key": key, **({"value": value} if value else {}), "min": low, "max": high}}


COLUMNS = {
    "root": {
        "name": {"type": "string"}, "number": {"type": {"key": {"type": "integer", "minInteger": -10, "maxInteger": 10}}}, "ratio": {"type": "real"},
        "flag": {"type": "boolean"}, "color": many({"type": "string", "enum": ["set", ["red", "green", "blue"]]}, low=0, high=1),
        "numbers": many("integer"), "three": many({"type": "integer", "minInteger": 0, "maxInteger": 20}, high=3), "texts": many("string", low=1, high=4),
        "reals": many({"type": "real", "minReal": -2.0, "maxReal": 2.0}), "flags": many("boolean", high=2), "any": {"type": "uuid"}, "anys": many("uuid"),
        "words": many("string", "string"), "counts": many("integer", "real", high=5), "short": {"type": {"key": {"type": "string", "minLength": 0, "maxLength": 3}}},
        "leaves": many(ref("leaf")), "first": many(ref("leaf"), high=1), "friends": many(ref("root", True)), "named": many("string", ref("leaf")),
        "weak_named": many("string", ref("root", True)), "keyed": many(ref("root", True), "integer"), "gone": {"type": "integer", "ephemeral": True},
    },
    "leaf": {"name": {"type": "string"}, "label": {"type": "string", "mutable": False}, "next": many(ref("leaf"), high=1), "peers": many(ref("leaf", True)),
             "needs": many(ref("root", True), low=1, high=2)},
    "keyed": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": many("integer", high=2)},
    "few": {"x": {"type": "integer"}},
}
SCHEMA = {"name": "fuzz", "version": "1.0.0", "tables": {
    "root": {"columns": COLUMNS["root"], "isRoot": True}, "leaf": {"columns": COLUMNS["leaf"]},
    "keyed": {"columns": COLUMNS["keyed"], "isRoot": True, "indexes": [["a", "b"], ["c"]]}, "few": {"columns": COLUMNS["few"], "isRoot": True, "maxRows": 3}}}
DIFFERENT_WORDS = []  # requests whose errors had other words, and both results
FUNCTIONS = ("==", "!=", "<", "<=", ">", ">=", "includes", "excludes")
MUTATORS = ("+=", "-=", "*=", "/=", "%=", "insert", "delete")


class Generator:
    def __init__(self, seed):
        self.rng, self.uuids = random.Random(seed), {table: [] for table in COLUMNS}

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def new_uuid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def some_uuid(self, table):
        known = self.uuids[table] if table else [u for t in self.uuids.values() for u in t]
        return self.rng.choice(known[-30:]) if known and not self.chance(4) else self.new_uuid()

    def atom(self, base, names):
        base = {"type": base} if isinstance(base, str) else base
        kind = base["type"]
        if self.chance(1):
            return self.rng.choice([1, "x", True, 1.5, None, ["uuid", "x"], ["set", []], {}, 99, "much too long"])
        if "enum" in base:
            return self.rng.choice(base["enum"][1])
        if kind == "integer":
            return self.rng.randint(max(-12, base.get("minInteger", -12)), min(12, base.get("maxInteger", 12))) if not self.chance(3) else self.rng.choice(
                [0, 2**31, -2**31, 2**53 + 1])
        if kind == "real":
            return self.rng.choice([0, 1, -1, 0.5, -1.25, 1.5, 2, 0.125])
        if kind == "boolean":
            return self.chance(50)
        if kind == "string":
            return self.rng.choice(["", "a", "b", "ab", "é", "\"\\", "c", "\n", "zz"])
        names = [n for n, table in names if table == base.get("refTable", table)]
        if names and self.chance(40):
            return ["named-uuid", self.rng.choice(names)]
        return ["uuid", self.some_uuid(base.get("refTable"))]

    def datum(self, column, names, n_max=3):
        kind = column["type"]
        if isinstance(kind, str) or "min" not in kind and "max" not in kind and "value" not in kind:
            return self.atom(kind if isinstance(kind, str) else kind["key"], names)
        low, high = kind.get("min", 1), kind.get("max", 1)
        n = self.rng.randint(low, n_max if high == "unlimited" else min(high, n_max)) + (1 if self.chance(1) else 0)
        if "value" in kind:
            return ["map", self.distinct([[self.atom(kind["key"], names), self.atom(kind["value"], names)] for _ in range(n)], lambda p: p[0])]
        atoms = self.distinct([self.atom(kind["key"], names) for _ in range(n)], lambda a: a)
        return atoms[0] if len(atoms) == 1 and self.chance(50) else ["set", atoms]

    def distinct(self, items, key):
        if self.chance(2):
            return items
        return list({json.dumps(key(i)): i for i in items}.values())

    def table(self):
        return self.rng.choice(["root"] * 5 + ["leaf"] * 4 + ["keyed"] * 3 + ["few"])

    def column(self, table):
        return self.rng.choice(list(COLUMNS[table])) if not self.chance(1) else self.rng.choice(["none", "_uuid", "_version"])

    def row(self, table, names, mutable_only=False):
        row = {}
        for name, column in COLUMNS[table].items():
            wanted = 90 if name in ("needs", "texts", "label") or table in ("keyed", "few") else 25
            if self.chance(wanted) and not (mutable_only and column.get("mutable") is False and not self.chance(5)):
                row[name] = self.datum(column, names)
        if self.chance(1):
            row["none"] = 1
        return row

    def where(self, table, names):
        if self.chance(8):
            return []
        if self.chance(45) and self.uuids[table]:
            return [["_uuid", "==", ["uuid", self.some_uuid(table)]]]
        clauses = []
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            name = self.column(table)
            column = COLUMNS[table].get(name, {"type": "uuid"})
            function = self.rng.choice(FUNCTIONS)
            if function[0] in "<>" and not self.chance(5):
                ordered = [n for n, c in COLUMNS[table].items() if "integer" in json.dumps(c) or "real" in json.dumps(c)]
                ordered = [n for n in ordered if n in ("number", "ratio", "gone", "a", "x")]
                if not ordered:
                    continue
                name = self.rng.choice(ordered)
                column = COLUMNS[table][name]
            clauses.append([name, function, self.datum(column, names)] if not self.chance(1) else self.rng.choice([True, False, 5, []]))
        return clauses

    def mutations(self, table, names):
        result = []
        for _ in range(self.rng.choice([1, 1, 2])):
            name = self.column(table)
            column = COLUMNS[table].get(name, {"type": "uuid"})
            text = json.dumps(column)
            is_set = '"max"' in text
            mutator = self.rng.choice(MUTATORS if self.chance(5) else ["insert", "delete"] if is_set and self.chance(75) else MUTATORS[:5])
            if mutator in ("insert", "delete"):
                value = self.datum(column, names)
                if mutator == "delete" and '"value"' in text and isinstance(value, list) and value[0] == "map" and self.chance(50):
                    value = ["set", [pair[0] for pair in value[1]]]
            else:
                # Debian's server dies of a multiplication by 0, and of -2^63 divided by -1.
                value = self.rng.choice([1, 2, 3, 7, 0.5, 1.5, 2**40] + ([] if mutator == "*=" else [0]) + ([] if mutator in ("/=", "%=") else [-1]))
                if '"real"' in text and mutator in ("*=", "/=", "%="):  # 15 digits are what Debian's server prints and stores
                    value = self.rng.choice([1, 2, 0.5, 0] if mutator == "/=" else [1, 0.5, -1])
            result.append([name, mutator, value])
        return result

    def operation(self, names):
        table = self.table()
        kind = self.rng.choices(["insert", "update", "mutate", "delete", "select", "wait", "comment", "assert", "abort", "commit", "none"],
                                [40, 16, 20, 7, 8, 4, 1, 1, 0.5, 1, 0.5])[0]
        operation = {"op": kind, "table": table}
        if kind == "insert":
            name = "n%d" % len(names)
            operation.update(row=self.row(table, names), uuid=self.new_uuid() if not self.chance(2) else self.some_uuid(table))
            if self.chance(60):
                operation["uuid-name"] = name
                names.append((name, table))
            self.uuids[table].append(operation["uuid"])
        elif kind in ("update", "mutate", "delete", "select", "wait"):
            operation["where"] = self.where(table, names)
        if kind == "update":
            operation["row"] = self.row(table, names, True)
        elif kind == "mutate":
            operation["mutations"] = self.mutations(table, names)
        elif kind == "select" and self.chance(50):
            operation["columns"] = list({self.column(table) for _ in range(3)} - {"_version"})
        elif kind == "wait":
            columns = sorted(self.rng.sample(sorted(COLUMNS[table]), 1))
            operation.update(timeout=0, columns=columns, until=self.rng.choice(["==", "!="]),
                             rows=[{c: self.datum(COLUMNS[table][c], names) for c in columns} for _ in range(self.rng.choice([0, 1, 2]))])
        elif kind in ("comment", "assert", "commit", "abort", "none"):
            operation = {"comment": {"op": "comment", "comment": "why"}, "assert": {"op": "assert", "lock": "l"}, "abort": {"op": "abort"},
                         "commit": {"op": "commit", "durable": self.chance(20)}, "none": {"op": self.rng.choice(["x", 5])}}[kind]
        return operation

    def transaction(self):
        # A name is used after the insert that gives it: before, Debian's server makes up a UUID for it, and only then sees the chosen one.
        names = []
        return [self.operation(names) for _ in range(self.rng.choice([1, 1, 2, 3, 3, 5, 8]))]

    def monitor(self):
        """A monitor request: kind, params without database and id."""
        kind = self.rng.choice(["monitor", "monitor_cond", "monitor_cond_since"])
        tables = {}
        for table in self.rng.sample(sorted(COLUMNS), self.rng.randint(1, 3)):
            request = {"columns": self.rng.sample(sorted(COLUMNS[table]), self.rng.randint(0, len(COLUMNS[table])))}
            if self.chance(20):
                del request["columns"]
            if self.chance(25):
                request["select"] = {word: self.chance(60) for word in ("initial", "insert", "delete", "modify")}
            if kind != "monitor" and self.chance(60):
                request["where"] = self.condition(table)
            tables[table] = request if self.chance(50) else [request]
        return kind, tables

    def condition(self, table):
        clauses = [c for c in self.where(table, []) if isinstance(c, list)] or [self.chance(50)]
        return clauses


def normal(value):
    """Without what may differ: versions, order of rows."""
    if isinstance(value, dict):
        if "error" in value and isinstance(value["error"], str):
            return {"error": value["error"]}
        result = {k: normal(v) for k, v in value.items() if k != "_version"}
        if isinstance(result.get("rows"), list):
            result["rows"].sort(key=lambda row: json.dumps(row, sort_keys=True))
        return result
    return [normal(v) for v in value] if isinstance(value, list) else value


def without_empty(tables):
    """Debian's server sends modifications of nothing: of a row whose other columns changed, or that was changed and changed back."""
    tables = {t: {u: row for u, row in rows.items() if row != {"modify": {}} and row.get("old") != {}} for t, rows in tables.items()}
    return {t: rows for t, rows in tables.items() if rows}


class Side:
    def __init__(self, stage):
        self.stage = stage
        # The format that Debian's server writes by itself cannot hold every change of a set, and what follows in the file is lost with it.
        self.server = stage.serve(stage.write("fuzz.ovsschema", json.dumps(SCHEMA)), real_words=["--disable-file-column-diff"])
        self.wire = Wire(self.server.socket)

    def restart(self, sig):
        self.wire.close()
        self.server.stop(sig)
        self.server.start()
        self.wire = Wire(self.server.socket)

    def call(self, method, params):
        try:
            return self.wire.call(method, *params)
        except (EOFError, OSError) as e:
            raise EOFError(self.server.kind) from e

    def updates(self):
        """What came before the reply, by monitor."""
        result = {}
        for message in self.wire.taken():
            params = message["params"]
            tables = without_empty(normal(params[-1]))
            if tables:
                result.setdefault("%s %s" % (message["method"], params[0]), []).append(tables)
        return result

    def contents(self):
        reply = self.wire.call("transact", "fuzz", *[{"op": "select", "table": t, "where": []} for t in sorted(COLUMNS)])
        return normal(reply["result"])


def differences(path, one, two):
    """Lines that say where two values differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        return [line for key in sorted(one.keys() | two.keys()) for line in differences(path + "/" + key, one.get(key), two.get(key))]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two) and one[:1] not in (["set"], ["map"], ["uuid"]):
        return [line for i, (a, b) in enumerate(zip(one, two)) for line in differences("%s/%d" % (path, i), a, b)]
    return [] if one == two else ["%s:\n    %s\n    %s" % (path, json.dumps(one, sort_keys=True), json.dumps(two, sort_keys=True))]


def words_apart(values):
    """The same but for the words of an error: an operation with two faults has the error of the one that is found first."""
    flat = [[{"error": True} if isinstance(r, dict) and "error" in r else r for r in v] if isinstance(v, list) else v for v in values]
    return flat[0] == flat[1]


def same(sides, what, request, values):
    if values[0] == values[1]:
        return
    if what == "transact" and words_apart(values):
        DIFFERENT_WORDS.append((request, values))
        return
    raise st.Failure("%s\nrequest: %s\n%s, then %s:\n%s" % (what, json.dumps(request), sides[0].stage.kind, sides[1].stage.kind,
                                                         "\n".join(differences("", values[0], values[1])[:20])))


def step(generator, sides, state):
    rng = generator.rng
    if generator.chance(4) and len(state["monitors"]) < 12:
        kind, tables = generator.monitor()
        params = ["fuzz", "m%d" % state["n"], tables] + ([ZERO_UUID] if kind == "monitor_cond_since" else [])
        replies = [side.call(kind, params) for side in sides]
        initial = [r.get("result") and (r["result"][2] if kind == "monitor_cond_since" else r["result"]) for r in replies]
        same(sides, kind, params, [normal(i) for i in initial])
        same(sides, kind + ": error", params, [normal(r.get("error")) for r in replies])
        if replies[0].get("error") is None:
            state["monitors"].append((params[1], kind, tables))
    elif generator.chance(2) and state["monitors"]:
        name, kind, tables = rng.choice(state["monitors"])
        if kind != "monitor" and generator.chance(70):
            table = rng.choice(sorted(t for t in tables if " " not in t))
            params = [name, name, {table: {"where": generator.condition(table)}}]
            replies = [side.call("monitor_cond_change", params) for side in sides]
            tables[table + " changed"] = params[2][table]["where"]
            same(sides, "monitor_cond_change", params, [normal(r.get("error") or {}) for r in replies])
        else:
            same(sides, "monitor_cancel", name, [normal(side.call("monitor_cancel", [name]).get("error")) for side in sides])
            state["monitors"] = [m for m in state["monitors"] if m[0] != name]
    operations = generator.transaction()
    state["last"] = operations
    replies = [side.call("transact", ["fuzz"] + operations) for side in sides]
    same(sides, "transact", operations, [normal(r.get("result")) for r in replies])
    same(sides, "transact: error", operations, [normal(r.get("error")) for r in replies])
    # An update of a condition may come a moment later: a second round trip has them all.
    for side in sides:
        side.call("echo", [])
    updates = [side.updates() for side in sides]
    names = {n.split()[1] for n in updates[0].keys() | updates[1].keys() if updates[0].get(n) != updates[1].get(n)}
    same(sides, "updates of monitors %s" % json.dumps([m for m in state["monitors"] if m[0] in names]), operations, updates)
    results = replies[0].get("result") or []
    state["good"] += all(r is not None and "error" not in r for r in results)
    if generator.chance(1) or "DEEP" in os.environ:
        same(sides, "contents", operations, [side.contents() for side in sides])
    if generator.chance(0.3):
        sig = rng.choice([15, 9])
        for side in sides:
            side.restart(sig)
        state["monitors"] = []
        same(sides, "contents after signal %d" % sig, operations, [side.contents() for side in sides])


def import_of_the_real_file(sides, state):
    """What the real server has on its disk is what ovsdb-lite has after an import."""
    real = next(side for side in sides if side.server.kind == "real")
    if sides[0].server.kind == "real" or dangling(real):
        return
    real.server.stop()
    theirs, path = real.server.pairs[0][1], sides[0].stage.path("imported")
    result = subprocess.run([st.LITE, "import", path, theirs], capture_output=True, text=True, check=False, timeout=60)
    expect(result.returncode == 0, "import: %s%s" % (result.stdout, result.stderr))
    real.server.start()
    ours = st.Server("ours", sides[0].stage.folder, [real.server.pairs[0][0]], "imported")
    ours.pairs = [(ours.pairs[0][0], path)]
    sides[0].stage.servers.append(ours)
    ours.start()
    side = Side.__new__(Side)
    side.stage, side.server, side.wire, real.wire = sides[0].stage, ours, Wire(ours.socket), Wire(real.server.socket)
    same([side, real], "contents after an import", None, [side.contents(), real.contents()])
    state["imported"] = True


def dangling(side):
    """A weak reference to a row that is not there, if there is one."""
    rows = {t: r["rows"] for t, r in zip(sorted(COLUMNS), side.contents())}
    known = {row["_uuid"][1] for table in rows.values() for row in table}
    for table, name, column in [(t, n, c) for t in COLUMNS for n, c in COLUMNS[t].items() if '"refTable"' in json.dumps(c)]:
        for row in rows[table]:
            lost = [u for u in st.UUID.findall(json.dumps(row[name])) if u not in known]
            if lost:
                return "%s of %s %s refers to %s" % (name, table, row["_uuid"][1], lost)
    return None


def is_peers_fault(sides, state, seed):
    """Debian's server does not always take weak references away with the row; from there on nothing can be the same."""
    found = [dangling(side) for side in sides]
    by_kind = [f for f, side in zip(found, sides) if side.server.kind == "ours"]
    expect(not any(by_kind), "ours: %s" % by_kind)
    if any(found):
        print("seed %d, step %d: Debian's server: %s; %d transactions before that were the same" % (seed, state["n"], found[-1] or found[0], state["n"]))
    return any(found)


def died(side, state, seed):
    """Debian's server has faults that random transactions find. What is left to compare then is nothing: another seed."""
    code = side.server.process.wait(10)
    side.server.process = None
    print("seed %d, step %d: Debian's server died of signal %d; %d transactions before that were the same" % (seed, state["n"], -code, state["n"]))


def run(kinds, seed, deadline):
    """Number of transactions compared."""
    generator, stages, state = Generator(seed), [st.Stage(k) for k in kinds], {"n": 0, "good": 0, "monitors": [], "last": None}
    try:
        sides = [Side(s) for s in stages]
        while time.monotonic() < deadline and state["n"] < 20000:
            step(generator, sides, state)
            state["n"] += 1
        same(sides, "contents at the end", None, [side.contents() for side in sides])
        import_of_the_real_file(sides, state)
        print("seed %d: %d transactions, %d of them committed, are the same%s" % (seed, state["n"], state["good"],
                                                                                  ", and so is the imported file" if "imported" in state else ""))
        expect(state["good"] > state["n"] / 10, "hardly a transaction went through: the generator tests nothing")
    except EOFError as e:
        if e.args[0] != "real":
            raise
        died(next(s for s in sides if s.server.kind == "real" and s.server.process.wait(10) is not None), state, seed)
    except Exception as e:
        if isinstance(e, st.Failure) and is_peers_fault(sides, state, seed):
            return state["n"]
        print("seed %d, step %d" % (seed, state["n"]))
        for s in stages:
            for server in s.servers:
                print("--- %s\n%s" % (server.kind, server.tail()))
        raise
    finally:
        for s in stages:
            s.close()
    return state["n"]


def main():
    kinds = {"twice": ["real", "real"]}.get((sys.argv[1:] + ["both"])[0], ["ours", "real"])
    if not os.path.exists("/usr/sbin/ovsdb-server"):
        print("SKIP: not installed: openvswitch-common")
        sys.exit(77)
    n, deadline, seed = 0, time.monotonic() + float(os.environ.get("SECONDS", "20")), int(os.environ.get("SEED", "0"))
    while time.monotonic() < deadline:
        n += run(kinds, seed or random.SystemRandom().randrange(1, 1 << 31), deadline)
        if seed:
            break
    for request, values in DIFFERENT_WORDS[:int(os.environ.get("EXAMPLES", "0"))]:
        print("other words: %s\n%s: %s\n%s: %s" % (json.dumps(request), kinds[0], json.dumps(values[0]), kinds[1], json.dumps(values[1])))
    print("%d of %d transactions had errors of other words" % (len(DIFFERENT_WORDS), n))
    expect(n > 100, "%d transactions are no test" % n)
    expect(len(DIFFERENT_WORDS) <= n / 50, "that is more than transactions with two faults explain")


if __name__ == "__main__":
    main()
