#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool's commands on files: what they print, what they leave, and that ovsdb-tool reads a dump.

    tool_test.py TOOL
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
SCHEMA = {
    "name": "D", "version": "1.2.3", "cksum": "77 88",
    "tables": {
        "a": {"columns": {
            "n": {"type": "integer"},
            "tags": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            "map": {"type": {"key": "string", "value": "real", "min": 0, "max": "unlimited"}},
            "b": {"type": {"key": {"type": "uuid", "refTable": "b"}, "min": 0, "max": 1}},
            "now": {"type": "integer", "ephemeral": True}}, "isRoot": True},
        "b": {"columns": {"on": {"type": "boolean"}, "name": {"type": "string"}}}}}


class Failed(Exception):
    pass


def tool(*args, code=0, program=None):
    done = subprocess.run([program or TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    if done.returncode != code:
        raise Failed("%s: %s" % (args, done))
    return done.stdout if code == 0 else done.stderr


def insert(n, **more):
    return {"op": "insert", "table": "a", "row": {"n": n, **more}}


def transact(*ops, db="D"):
    return json.loads(tool("transact", "db", json.dumps([db, *ops])))


def numbers():
    rows = json.loads(tool("query", "db", json.dumps(["D", {"op": "select", "table": "a", "where": [], "columns": ["n"]}])))[0]["rows"]
    return sorted(row["n"] for row in rows)


def write_schema(path="schema", **more):
    with open(path, "w", encoding="utf-8") as f:
        json.dump({**SCHEMA, **more}, f)
    return path


def create():
    tool("create", "db", write_schema())


def test_new_file_says_what_its_schema_is():
    create()
    assert tool("db-name", "db") == "D\n" == tool("schema-name", "schema")
    assert tool("db-version", "db") == "1.2.3\n" == tool("schema-version", "schema")
    assert tool("db-cksum", "db") == "77 88\n" == tool("schema-cksum", "schema")
    assert json.loads(tool("get-schema", "db"))["tables"].keys() == SCHEMA["tables"].keys()
    assert "I/O error: db: create failed (File exists)" in tool("create", "db", "schema", code=1)
    os.symlink("there", "link")
    tool("create", "link", "schema")
    assert os.path.islink("link") and os.path.isfile("there")
    assert "No such file" in tool("db-name", "absent", code=1)
    tool("create", "db", code=2)
    tool("nonsense", code=2)


def test_transaction_is_kept_and_a_query_is_not():
    create()
    result = transact(insert(1, tags=["set", ["x", "y"]]), {"op": "comment", "comment": "hello"})
    assert result[0]["uuid"][0] == "uuid" and result[1] == {}
    assert transact(insert("no number"))[0]["error"] == "syntax error"
    assert numbers() == [1]
    assert "error" in tool("query", "db", json.dumps(["D", insert(2)]))
    assert numbers() == [1]
    assert "not JSON" in tool("transact", "db", "{", code=1)
    assert "no database X" in tool("transact", "db", '["X"]', code=1)
    tool("transact", "db", '[]', code=1)
    log = tool("show-log", "db").splitlines()
    assert log[0] == 'record 0: "D" schema, version="1.2.3", cksum="77 88"'
    assert re.fullmatch(r'record 1: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} "hello"', log[2]), log


def wait(until, **more):
    return transact({"op": "wait", "table": "a", "where": [], "columns": ["n"], "rows": [{"n": 7}], "until": until, **more})


def test_nobody_is_waited_for():
    create()
    assert wait("!=") == [{}]
    assert wait("==", timeout=0)[0] == {"error": "timed out", "details": '"where" clause test failed'}
    assert wait("==")[0]["error"] == "not supported"


def test_check_says_what_is_there():
    create()
    for n in range(3):
        transact(insert(n))
    said = tool("check", "db")
    assert said.startswith("db: sound\n") and re.search(r"transactions +3 in 3", said) and re.search(r"database +D 1.2.3: 3 rows", said), said
    with open("db", "ab") as f:
        f.write(b"\xf5OVJ")
    said = tool("check", "db")
    assert re.search(r"torn tail +4 bytes", said), said
    size = os.path.getsize("db")
    assert "torn tail" in tool("repair", "db") and os.path.getsize("db") == size - 4
    assert "torn tail" not in tool("check", "db")


def damage(at):
    with open("db", "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 4]))


def test_repair_keeps_what_comes_before_the_damage():
    create()
    sizes = [os.path.getsize("db")]
    for n in range(4):
        transact(insert(n))
        sizes.append(os.path.getsize("db"))
    tool("repair", "db")
    damage(sizes[2] + 70)
    shutil.copy("db", "was")
    for command in ("check", "repair"):
        assert "damaged at byte %d," % sizes[2] in tool("query", "db", '["D"]', code=1)
        if command == "check":
            said = tool("check", "db", code=1)
            assert "repair" in said
            continue
        said = tool("repair", "db")
        assert "db.damaged-1" in said and re.search(r"lost +%d bytes from byte %d" % (sizes[4] - sizes[2], sizes[2]), said), said
        assert re.search(r"transactions +2 ", said), said
    assert numbers() == [0, 1]
    with open("db.damaged-1", "rb") as kept, open("was", "rb") as was:
        assert kept.read() == was.read()
    transact(insert(9))
    damage(os.path.getsize("db") - 50)
    tool("repair", "db")
    assert numbers() == [0, 1] and os.path.exists("db.damaged-2")
    assert "nothing to repair" in tool("repair", "db")


def test_damaged_snapshot_is_not_repaired_by_leaving_half_of_it_out():
    create()
    for n in range(4):
        transact(insert(n))
    tool("compact", "db")
    damage(os.path.getsize("db") - 150)
    before = os.listdir()
    assert "backup" in tool("repair", "db", code=1)
    assert os.listdir() == before


def test_compaction_drops_the_past_and_nothing_else():
    create()
    for n in range(20):
        transact(insert(n), {"op": "delete", "table": "a", "where": [["n", "<", n]]})
    size = os.path.getsize("db")
    tool("compact", "db", "other")
    assert os.path.getsize("db") == size > os.path.getsize("other")
    tool("compact", "db", "other", code=1)
    tool("compact", "db")
    assert os.path.getsize("db") == os.path.getsize("other")
    assert numbers() == [19]


def test_conversion_keeps_rows():
    create()
    transact(insert(5, tags="t"))
    more = json.loads(json.dumps(SCHEMA["tables"]))
    more["a"]["columns"]["added"] = {"type": "string"}
    write_schema("new", version="2.0.0", tables=more)
    assert tool("needs-conversion", "db", "schema") == "no\n" and tool("needs-conversion", "db", "new") == "yes\n"
    tool("convert", "db", "new", "target")
    assert tool("db-version", "db") == "1.2.3\n" and tool("db-version", "target") == "2.0.0\n"
    tool("convert", "db", "new")
    assert tool("db-version", "db") == "2.0.0\n" and numbers() == [5]
    write_schema("foreign", name="X")
    assert "no database X" in tool("convert", "db", "foreign", code=1)


def fill():
    transact({"op": "insert", "table": "b", "uuid-name": "it", "row": {"on": True, "name": "h\u00e9llo \"q\" \\ \n"}},
             insert(-3, b=["named-uuid", "it"], tags=["set", ["", "z"]], map=["map", [["k", 0.1], ["l", 1e300]]], now=4))
    transact(insert(4))


def test_dump_is_what_ovsdb_programs_read():
    create()
    fill()
    table = json.loads(tool("dump", "db", "D", "a"))
    assert table["caption"] == "a table" and table["headings"] == ["_uuid", "b", "map", "n", "now", "tags"] and len(table["data"]) == 2
    assert "no table x" in tool("dump", "db", "D", "x", code=1)
    if shutil.which("ovsdb-tool") is None:
        print("  without ovsdb-tool: a dump is not read by others")
        return
    with open("theirs", "w", encoding="utf-8") as f:
        f.write(tool("dump", "db"))
    assert tool("db-name", "theirs", program="ovsdb-tool") == "D\n"
    select = json.dumps(["D", *({"op": "select", "table": t, "where": [], "columns": c} for t, c in (("a", ["_uuid", "n", "tags", "map", "b"]), ("b", ["_uuid", "on", "name"])))])

    def sort(text):
        return [sorted(r["rows"], key=lambda row: row["_uuid"]) for r in json.loads(text)]
    assert sort(tool("query", "theirs", select, program="ovsdb-tool")) == sort(tool("query", "db", select))
    # And the other way.
    assert "import" in tool("check", "theirs", code=1)
    tool("import", "again", "theirs")
    assert sort(tool("query", "again", select)) == sort(tool("query", "db", select))
    tool("import", "again", "theirs", code=1)


def test_file_of_ovsdb_server_is_imported():
    if shutil.which("ovsdb-tool") is None:
        print("  without ovsdb-tool: there is no file to import")
        return
    write_schema()
    tool("create", "theirs", "schema", program="ovsdb-tool")

    def theirs(*ops):
        return json.loads(tool("transact", "theirs", json.dumps(["D", *ops]), program="ovsdb-tool"))
    theirs({"op": "insert", "table": "b", "uuid-name": "it", "row": {"on": True, "name": "x"}},
           insert(1, b=["named-uuid", "it"], tags=["set", ["p", "q"]], map=["map", [["k", 1.5], ["l", 2]]]), insert(2))
    theirs({"op": "mutate", "table": "a", "where": [["n", "==", 1]], "mutations": [["tags", "insert", ["set", ["r"]]], ["tags", "delete", ["set", ["p"]]],
                                                                              ["map", "delete", ["set", ["k"]]], ["map", "insert", ["map", [["m", 3]]]]]})
    theirs({"op": "update", "table": "a", "where": [["n", "==", 1]], "row": {"n": -1, "map": ["map", [["l", 5], ["m", 3]]]}})
    theirs({"op": "delete", "table": "a", "where": [["n", "==", 2]]}, insert(3, tags="only"))
    theirs({"op": "update", "table": "a", "where": [["n", "==", -1]], "row": {"b": ["set", []]}})  # and the row of b is garbage
    select = json.dumps(["D", *({"op": "select", "table": t, "where": [], "columns": c} for t, c in (("a", ["_uuid", "n", "tags", "map", "b"]), ("b", ["name"])))])

    def result(*command, **more):
        return [sorted(r["rows"], key=str) for r in json.loads(tool("query", *command, select, **more))]
    tool("import", "db", "theirs")
    assert result("db") == result("theirs", program="ovsdb-tool") and len(result("db")[0]) == 2
    for text in ("", "{}", "OVSDB CLUSTER 5 0\n"):
        with open("other", "w", encoding="utf-8") as f:
            f.write(text)
        tool("import", "db3", "other", code=1)
        assert not os.path.exists("db3")


def their_record(content):
    text = (json.dumps(content) + "\n").encode()
    return b"OVSDB JSON %d %s\n" % (len(text), hashlib.sha1(text).hexdigest().encode()) + text


def their_file(*records):
    with open("theirs", "wb") as f:
        f.write(b"".join(records))


def test_import_leaves_out_what_the_end_of_the_file_cuts_and_nothing_else():
    records = [their_record(SCHEMA)] + [their_record({"a": {"00000000-0000-4000-8000-%012d" % n: {"n": n}}}) for n in range(3)]
    whole, last = sum(len(r) for r in records[:-1]), len(records[-1])
    select = json.dumps(["D", {"op": "select", "table": "a", "where": [], "columns": ["n"]}])

    def count():
        tool_path = "db%d" % whole
        if os.path.exists(tool_path):
            os.unlink(tool_path)
        done = subprocess.run([TOOL, "import", tool_path, "theirs"], stderr=subprocess.PIPE, text=True, check=True)
        return len(json.loads(tool("query", tool_path, select))[0]["rows"]), done.stderr
    for left in range(1, last, 7):
        their_file(*records[:-1], records[-1][:left])
        rows, warning = count()
        assert rows == 2 and "what follows byte %d" % whole in warning, (left, rows, warning)
    their_file(*records)
    assert count() == (3, "")
    for number, record in enumerate(records):
        for at in (0, 12, 20, record.index(b"\n"), len(record) - 5):
            bad = record[:at] + bytes([record[at] ^ 1]) + record[at + 1:]
            their_file(*records[:number], bad, *records[number + 1:])
            tool("import", "bad", "theirs", code=1)
            assert not os.path.exists("bad"), (number, at)
    their_file(*records, b"xxx\n")
    assert "no record" in tool("import", "bad", "theirs", code=1)


def test_import_refuses_a_row_that_a_record_has_twice():
    low, high = ("aaaaaaaa-0000-4000-8000-000000000001", "AAAAAAAA-0000-4000-8000-000000000001")
    there = their_record({"a": {low: {"n": 1}}})
    for first, second in (({"n": 1}, {"n": 2}), (None, None), ({"n": 1}, None)):
        twice = their_record({"a": {low: first, high: second}})
        for records in ((twice,), (there, twice)):
            their_file(their_record(SCHEMA), *records)
            tool("import", "bad", "theirs", code=1)
            assert not os.path.exists("bad")


def main():
    names = [name for name in globals() if name.startswith("test_")]
    for name in names:
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            globals()[name]()
            os.chdir(here)
        print("ok", name)


if __name__ == "__main__":
    main()
