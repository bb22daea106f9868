#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same transactions to ovsdb-server and to the engine: same results, same error texts, same rows after each.

usage: diff_test.py TRANSACT [SEED [N]]
"""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77
UUID = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def ref(table, kind="strong"):
    return {"type": "uuid", "refTable": table, "refType": kind}


def many(key, **other):
    return {"type": {"key": key, "min": 0, "max": "unlimited", **other}}


SCHEMA = {
    "name": "D",
    "version": "1.2.3",
    "tables": {
        "Root": {
            "isRoot": True,
            "indexes": [["name"]],
            "columns": {
                "name": {"type": "string"},
                "i": {"type": {"key": {"type": "integer", "minInteger": -10, "maxInteger": 100}}},
                "oi": {"type": {"key": "integer", "min": 0}},
                "r": {"type": "real"},
                "orr": {"type": {"key": {"type": "real", "minReal": -2.5}, "min": 0}},
                "b": {"type": "boolean"},
                "s": {"type": {"key": {"type": "string", "maxLength": 5}}},
                "e": {"type": {"key": {"type": "string", "enum": ["set", ["red", "green", ""]]}}},
                "big": {"type": "integer"},
                "is": {"type": {"key": "integer", "min": 0, "max": 4}},
                "rs": many("real"),
                "ss": many("string"),
                "m": many("string", value="integer"),
                "mm": {"type": {"key": "integer", "value": {"type": "string", "minLength": 1}, "min": 0, "max": 3}},
                "kids": many(ref("Child")),
                "favs": many(ref("Child", "weak")),
                "eph": {"type": "string", "ephemeral": True},
                "fixed": {"type": "integer", "mutable": False},
            },
        },
        "Child": {
            "columns": {
                "name": {"type": "string"},
                "n": {"type": "integer"},
                "top": {"type": {"key": ref("Root", "weak"), "min": 0}},
                "friend": {"type": {"key": ref("Child"), "min": 0}},
                "weights": many(ref("Child", "weak"), value="string"),
                "named": many("string", value=ref("Child")),
                "both": many(ref("Root", "weak"), value=ref("Child")),
            }
        },
        "Uniq": {
            "isRoot": True,
            "maxRows": 4,
            "indexes": [["a"], ["b", "c"]],
            "columns": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": many("integer")},
        },
        "Must": {
            "isRoot": True,
            "columns": {
                "w": {"type": {"key": ref("Child", "weak"), "max": "unlimited"}},
                "p": {"type": {"key": {"type": "integer", "minInteger": 1}}},
                "child": {"type": {"key": ref("Child")}},
            },
        },
    },
}

POOL = ["%08x-1111-4111-8111-111111111111" % i for i in range(14)]
# Not one of another table's rows: ovsdb-server takes a reference to one with the row's own UUID for a reference to itself.
NOWHERE = ["%08x-2222-4222-8222-222222222222" % i for i in range(3)]
IDS = {"Root": POOL[0:4], "Child": POOL[4:9], "Uniq": POOL[9:12], "Must": POOL[12:14]}


class Gone(Exception):
    """ovsdb-server ended: 3.1.0 does now and then, on weak references in maps that hold strong ones too."""


class Server:
    """ovsdb-server on a database of its own."""

    def __init__(self, folder, schema):
        self.folder = folder
        env = dict(os.environ, OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder)
        subprocess.run(["ovsdb-tool", "create", folder + "/db", schema], env=env, check=True)
        self.process = subprocess.Popen(
            ["ovsdb-server", folder + "/db", "--remote=punix:" + folder + "/sock", "--unixctl=" + folder + "/ctl", "-vconsole:off", "-vsyslog:off"],
            env=env,
        )
        deadline = time.monotonic() + 20
        self.sock = socket.socket(socket.AF_UNIX)
        while self.sock.connect_ex(folder + "/sock") != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise RuntimeError("ovsdb-server did not start")
            time.sleep(0.01)
        self.decoder = json.JSONDecoder()
        self.text = ""
        self.n = 0

    def transact(self, params):
        self.n += 1
        self.sock.sendall(json.dumps({"method": "transact", "params": params, "id": self.n}).encode())
        while True:
            try:
                message, end = self.decoder.raw_decode(self.text)
                self.text = self.text[end:]
                if message.get("id") == self.n:
                    return message["result"] if message["error"] is None else message["error"]
            except ValueError:
                data = self.sock.recv(1 << 16)
                if not data:
                    raise Gone
                self.text += data.decode()

    def close(self):
        self.sock.close()
        self.process.terminate()
        self.process.wait()


class Engine:
    def __init__(self, program, schema):
        self.process = subprocess.Popen([program, schema], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def transact(self, params):
        self.process.stdin.write(json.dumps(params) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the engine ended: exit code %d" % self.process.wait())
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


class Same:
    """Equality up to the UUIDs that each side chose."""

    def __init__(self):
        self.ours = {}

    def uuid(self, a, b):
        return self.ours.setdefault(a, b) == b

    def text(self, a, b):
        x, y = UUID.split(a), UUID.split(b)
        return len(x) == len(y) and all(self.uuid(p, q) if i % 2 else p == q for i, (p, q) in enumerate(zip(x, y)))

    def __call__(self, a, b):
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(self.member(k, a[k], b[k]) for k in a)
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(self(x, y) for x, y in zip(a, b))
        if isinstance(a, str) and isinstance(b, str):
            return self.text(a, b)
        return a == b and isinstance(a, bool) == isinstance(b, bool)

    def member(self, key, a, b):
        if key == "rows":
            a, b = (sorted(x, key=lambda r: json.dumps(r, sort_keys=True)) for x in (a, b))
        if key == "syntax":
            a, b = json.dumps(json.loads(a), sort_keys=True), json.dumps(json.loads(b), sort_keys=True)
        return self(a, b)


class Random:
    """Transactions that run into everything: small ranges, few rows, many references."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = []

    def some(self, *choices):
        return self.r.choice(choices)

    def uuid(self, table):
        names = [n for n in self.names if n.startswith(table)]
        if names and self.r.random() < 0.2:
            return ["named-uuid", self.r.choice(names)]
        pool = IDS[table] if self.r.random() < 0.95 else NOWHERE
        return ["uuid", self.r.choice(pool)]

    def atom(self, base):
        if isinstance(base, str):
            base = {"type": base}
        kind = base["type"]
        if self.r.random() < 0.01:
            return self.some("x", 1, True, None, [], {}, ["uuid", "no"], ["set", [1]], 1.5)
        if kind == "integer":
            return self.some(0, 1, 2, 3, 4, -1, 7, -10, 100, 101, 5.0, 2**62)
        if kind == "real":
            return self.some(0, 0.5, 1, -2.5, 1e10, 3, -1e300, 0.1)
        if kind == "boolean":
            return self.some(True, False)
        if kind == "string":
            return self.some("", "a", "b", "red", "green", "dé", "longer", "x-y", "12")
        return self.uuid(base.get("refTable", "Root"))

    def value(self, type_, n=None):
        if isinstance(type_, str):
            return self.atom(type_)
        least, most = type_.get("min", 1), type_.get("max", 1)
        most = 5 if most == "unlimited" else most
        if n is None:
            n = self.r.randint(least, most) if self.r.random() < 0.95 else self.r.randint(0, 5)
        if "value" in type_:
            return ["map", [[self.atom(type_["key"]), self.atom(type_["value"])] for _ in range(n)]]
        if n == 1 and self.r.random() < 0.8:
            return self.atom(type_["key"])
        return ["set", [self.atom(type_["key"]) for _ in range(n)]]

    def columns(self, table):
        return SCHEMA["tables"][table]["columns"]

    def row(self, table, n):
        columns = self.columns(table)
        chosen = self.r.sample(sorted(columns), min(n, len(columns)))
        row = {c: self.value(columns[c]["type"]) for c in chosen}
        if table == "Must" and self.r.random() < 0.9:
            row["p"] = 1
        if self.r.random() < 0.01:
            row[self.some("nope", "_uuid", "_version")] = ["uuid", POOL[0]]
        return row

    def clause(self, table):
        if self.r.random() < 0.03:
            return self.some(True, False, [], ["name", "=="], "x", ["nope", "==", 1], ["_uuid", "~", 1])
        if self.r.random() < 0.5:
            return ["_uuid", self.some("==", "==", "!=", "includes", "excludes"), ["uuid", self.r.choice(IDS[table])]]
        columns = self.columns(table)
        column = self.r.choice(sorted(columns))
        function = self.some("==", "!=", "includes", "excludes", "<", "<=", ">", ">=")
        return [column, function, self.value(columns[column]["type"])]

    def where(self, table):
        return [self.clause(table) for _ in range(self.some(0, 1, 1, 1, 2))]

    def mutation(self, table):
        columns = self.columns(table)
        column = self.r.choice(sorted(columns))
        type_ = columns[column]["type"]
        mutator = self.some("+=", "-=", "*=", "/=", "%=", "insert", "delete", "insert", "delete")
        if mutator in ("insert", "delete"):
            if isinstance(type_, dict) and "value" in type_ and mutator == "delete" and self.r.random() < 0.5:
                return [column, mutator, ["set", [self.atom(type_["key"]) for _ in range(self.some(0, 1, 2))]]]
            return [column, mutator, self.value(type_)]
        # ovsdb-server takes 1 * 2^62 for an overflow.
        return [column, mutator, self.some(0, 1, 2, 3, -1, 0.5, 3 if mutator == "*=" else 2**62)]

    def operation(self):
        table = self.some("Root", "Root", "Child", "Child", "Child", "Uniq", "Must")
        op = self.some("insert", "insert", "insert", "update", "update", "mutate", "mutate", "delete", "select", "wait", "other")
        if op == "insert":
            o = {"op": op, "table": table, "row": self.row(table, self.some(0, 1, 2, 3, 6))}
            o["uuid"] = self.r.choice(IDS[table])
            if self.r.random() < 0.3:
                o["uuid-name"] = table + self.some("1", "2")
                self.names.append(o["uuid-name"])
            if table == "Root" and self.r.random() < 0.9:
                o["row"]["name"] = "n" + o["uuid"][:8]
            return o
        if op == "update":
            return {"op": op, "table": table, "where": self.where(table), "row": self.row(table, self.some(1, 1, 2, 3))}
        if op == "mutate":
            return {"op": op, "table": table, "where": self.where(table), "mutations": [self.mutation(table) for _ in range(self.some(1, 1, 2))]}
        if op == "delete":
            return {"op": op, "table": table, "where": self.where(table)}
        if op == "select":
            o = {"op": op, "table": table, "where": self.where(table)}
            if self.r.random() < 0.6:
                o["columns"] = self.r.sample(sorted(self.columns(table)) + ["_uuid"], self.some(0, 1, 2))
            else:
                o["columns"] = sorted(self.columns(table)) + ["_uuid"]
            return o
        if op == "wait":
            columns = self.r.sample(sorted(self.columns(table)), self.some(0, 1))
            rows = [{c: self.value(self.columns(table)[c]["type"]) for c in columns} for _ in range(self.some(0, 1, 2))]
            return {"op": op, "table": table, "timeout": 0, "where": self.where(table), "columns": columns, "until": self.some("==", "!="), "rows": rows}
        return self.some(
            {"op": "comment", "comment": "hé"},
            {"op": "commit", "durable": False},
            {"op": "assert", "lock": "nobody"},
            {"op": "abort"},
            {"op": "nothing"},
            {"op": "insert"},
            {"op": "select", "table": "Nope", "where": []},
            {"op": "select", "table": "Root", "where": [], "extra": 1},
            {"op": "update", "table": "Root", "where": [], "row": {"fixed": 3}},
            {},
            7,
        )

    def transaction(self):
        self.names = [self.some("Root1", "Child1", "Child2")] if self.r.random() < 0.3 else []
        return ["D"] + [self.operation() for _ in range(self.some(1, 1, 1, 2, 3, 5))]


def dump():
    return ["D"] + [{"op": "select", "table": t, "where": [], "columns": ["_uuid"] + sorted(v["columns"])} for t, v in SCHEMA["tables"].items()]


def blur(params, results):
    """Takes out what depends on the order in which a side looks at several faults."""
    for i, result in enumerate(results):
        if not isinstance(result, dict) or "error" not in result:
            continue
        operation = params[i + 1] if i + 1 < len(params) else {}
        details = result.get("details", "")
        if "references nonexistent row" in details:
            result["details"] = "dangling"
        if "remaining reference(s)" in details:
            result["details"] = "remaining"
        if isinstance(operation, dict) and max([0] + [len(r) for r in [operation.get("row", {})] + operation.get("rows", [])]) > 1:
            results[i] = {"error": "of a row"}
        if i + 1 >= len(params) and details.startswith(("Transaction causes multiple", "Deletion of", "Weak reference column")):
            results[i] = {"error": result["error"], "details": details.split(" ")[0]}
    return results


def compare(server, engine, params, same):
    theirs, ours = blur(params, server.transact(params)), blur(params, engine.transact(params))
    if same(theirs, ours):
        return True
    print("transaction: %s\novsdb-server: %s\nthe engine:   %s" % tuple(map(json.dumps, (params, theirs, ours))))
    return False


def atoms(value):
    """Every ["uuid", x] in a value."""
    if isinstance(value, list) and len(value) == 2 and value[0] == "uuid":
        yield value[1]
    elif isinstance(value, list):
        for element in value:
            yield from atoms(element)


def is_dangling(results):
    """ovsdb-server's rows refer to some that are not there: it forgets weak references when it looks at a row before another one goes."""
    tables = list(SCHEMA["tables"])
    there = {row["_uuid"][1] for result in results for row in result["rows"]}
    return any(u not in there for table, result in zip(tables, results) for row in result["rows"] for c in row for u in atoms(row[c]))


def run(server, engine, seed, n):
    same, source = Same(), Random(seed)
    for i in range(n):
        try:
            if all(compare(server, engine, params, same) for params in (source.transaction(), dump())):
                continue
            if is_dangling(server.transact(dump())):
                print("ovsdb-server has dangling references since transaction %d" % i)
                return 0
        except Gone:
            print("ovsdb-server ended in transaction %d" % i)
            return 0
        print("different at transaction %d of seed %d" % (i, seed))
        return 1
    return 0


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    if not shutil.which("ovsdb-server") or not shutil.which("ovsdb-tool"):
        print("ovsdb-server and ovsdb-tool are not installed")
        return SKIP
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 1500
    print("seed %d" % seed, flush=True)
    with tempfile.TemporaryDirectory(prefix="sluice-diff-") as folder:
        schema = folder + "/schema"
        with open(schema, "w", encoding="utf-8") as f:
            json.dump(SCHEMA, f)
        engine = Engine(sys.argv[1], schema)
        server = Server(folder, schema)
        try:
            result = run(server, engine, seed, n)
        finally:
            server.close()
            code = engine.close()
        return result or code


if __name__ == "__main__":
    sys.exit(main())
