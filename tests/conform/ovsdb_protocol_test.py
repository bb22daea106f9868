#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests as no client library makes them: what each server answers, word for word.

   this script ── db.sock ── ovsdb-lite serve │ ovsdb-server   (each scene is played to both and must look the same)
"""

import json
import os
import re
import select
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stage import Failure, expect, main, wait_for  # noqa: E402
from wire import ZERO_UUID, Wire  # noqa: E402

DB = "Open_vSwitch"
ROW = "5c3aba26-9a5c-4a3d-a1b2-0123456789ab"


def ordered(value):
    return re.sub(r"timed out after \d+ ms", "timed out after ... ms", json.dumps(value, sort_keys=True, ensure_ascii=False))


def ask(stage, wire, method, *params):
    reply = wire.call(method, *params)
    for result in reply.get("result") if method == "transact" and reply.get("result") else []:
        if result and "rows" in result:
            result["rows"].sort(key=ordered)
    stage.note("%s %s" % (method, ordered(params)), ordered({k: reply.get(k) for k in ("result", "error")}))
    for message in wire.taken():
        stage.note("before that reply", ordered(message))
    return reply


def methods_and_their_mistakes(stage):
    wire = Wire(stage.serve("vswitch").socket)
    for method, params in (
            ("echo", []), ("echo", ["a", 1, {"b": None}]), ("list_dbs", []), ("list_dbs", ["extra"]), ("none", []), ("get_schema", []), ("get_schema", [5]),
            ("get_schema", ["none"]), ("get_schema", ["_Server", "more"]), ("transact", []), ("transact", ["none"]), ("transact", [DB]), ("transact", [5]),
            ("transact", [DB, 5]), ("transact", [DB, {}]), ("transact", [DB, {"op": 5}]), ("transact", [DB, {"op": "none"}]), ("cancel", ["x"]),
            ("monitor", []), ("monitor", [DB, None, {"none": {}}]), ("monitor", [DB, None, {"Bridge": {"columns": ["none"]}}]),
            ("monitor", [DB, None, {"Bridge": 5}]), ("monitor", [DB, None, {"Bridge": {"select": {"initial": 5}}}]), ("monitor", ["none", None, {}]),
            ("monitor", [DB, "m", {"Bridge": {"columns": ["name"]}}]), ("monitor", [DB, "m", {"Port": {"columns": ["name"]}}]),
            ("monitor", [DB, {"an": ["object"]}, {"Bridge": {"columns": []}}]), ("monitor_cancel", ["m"]), ("monitor_cancel", ["m"]), ("monitor_cancel", []),
            ("monitor_cond", [DB, "c", {"Bridge": {"columns": ["name"], "where": [["none", "==", 1]]}}]),
            ("monitor_cond", [DB, "c", {"Bridge": {"columns": ["name"], "where": 5}}]),
            ("monitor_cond", [DB, "c", {"Bridge": {"columns": ["name"], "where": [["name", "==", "x"], True]}}]),
            ("monitor_cond_change", ["c", "c2", {"Bridge": {"where": [["name", "==", 5]]}}]), ("monitor_cond_change", ["none", "c2", {}]),
            ("monitor_cond_change", ["c", "c2", {"Port": {"where": [False]}}]), ("monitor_cond_change", ["c", "c2", {"Bridge": {"where": [False]}}]),
            ("monitor_cond_since", [DB, "s", {"Bridge": {"columns": ["name"]}}]), ("monitor_cond_since", [DB, "s", {"Bridge": {"columns": ["name"]}}, "x"]),
            ("lock", []), ("lock", [5]), ("lock", ["not an id"]), ("lock", ["l"]), ("lock", ["l"]), ("steal", ["l"]), ("unlock", ["l"]), ("unlock", ["l"]),
            ("steal", ["l"]), ("unlock", ["l"]), ("set_db_change_aware", []), ("set_db_change_aware", [5]), ("set_db_change_aware", [True]),
            ("convert", []), ("convert", ["none", {}]), ("convert", [DB, 5]), ("convert", [DB, {"name": "other", "tables": {}}])):
        ask(stage, wire, method, *params)
    if stage.kind == "ours":  # Debian's server dies of it
        reply = wire.call("monitor", DB, None)
        expect(reply["error"]["error"] == "syntax error", reply)
    reply = wire.call("get_server_id")
    expect(len(reply["result"]) == 36, "get_server_id: %s" % reply)


def operations_and_their_mistakes(stage):
    wire = Wire(stage.serve("vswitch").socket)
    ask(stage, wire, "transact", DB, {"op": "insert", "table": "Queue", "row": {"dscp": 5}, "uuid": ROW})
    by_uuid = [["_uuid", "==", ["uuid", ROW]]]
    for operation in (
            {"op": "insert"}, {"op": "insert", "table": "none", "row": {}}, {"op": "insert", "table": "Queue"}, {"op": "insert", "table": "Queue", "row": 5},
            {"op": "insert", "table": "Queue", "row": {"dscp": 64}}, {"op": "insert", "table": "Queue", "row": {"dscp": "5"}},
            {"op": "insert", "table": "Queue", "row": {"dscp": ["set", [1, 2]]}}, {"op": "insert", "table": "Queue", "row": {"_uuid": ["uuid", ROW]}},
            {"op": "insert", "table": "Queue", "row": {"external_ids": ["map", [["a", "1"], ["a", "2"]]]}},
            {"op": "insert", "table": "Queue", "row": {"external_ids": ["map", [["a"]]]}}, {"op": "insert", "table": "Queue", "row": {"external_ids": {"a": "b"}}},
            {"op": "insert", "table": "Queue", "row": {}, "uuid": ROW}, {"op": "insert", "table": "Queue", "row": {}, "uuid": "x"},
            {"op": "insert", "table": "Queue", "row": {}, "uuid-name": "1x"}, {"op": "insert", "table": "Queue", "row": {}, "more": 1},
            {"op": "insert", "table": "QoS", "row": {"type": "x", "queues": ["map", [[0, ["named-uuid", "none"]]]]}},
            {"op": "insert", "table": "QoS", "row": {"type": "x", "queues": ["map", [[0, ["uuid", ZERO_UUID]]]]}},
            {"op": "insert", "table": "Bridge", "row": {"name": "b", "fail_mode": "x"}}, {"op": "insert", "table": "Bridge", "row": {"name": "b"}},
            {"op": "select", "table": "Queue"}, {"op": "select", "table": "Queue", "where": 5}, {"op": "select", "table": "Queue", "where": [5]},
            {"op": "select", "table": "Queue", "where": [["dscp", "=="]]}, {"op": "select", "table": "Queue", "where": [["dscp", "=", 5]]},
            {"op": "select", "table": "Queue", "where": [["dscp", "==", "x"]]}, {"op": "select", "table": "Queue", "where": [["external_ids", "<", 5]]},
            {"op": "select", "table": "Queue", "where": [["dscp", ">", 4]], "columns": ["dscp"]}, {"op": "select", "table": "Queue", "where": [], "columns": 5},
            {"op": "select", "table": "Queue", "where": by_uuid, "columns": ["dscp", "_uuid", "dscp"]},
            {"op": "select", "table": "Queue", "where": [["dscp", "includes", ["set", []]]], "columns": ["dscp"]}, {"op": "update", "table": "Queue", "where": []},
            {"op": "update", "table": "Bridge", "where": [], "row": {"name": "x"}}, {"op": "update", "table": "Queue", "where": by_uuid, "row": {"_version": 5}},
            {"op": "mutate", "table": "Queue", "where": []}, {"op": "mutate", "table": "Queue", "where": [], "mutations": [["dscp", "+=", 1]]},
            {"op": "mutate", "table": "Queue", "where": [], "mutations": [["dscp", "+=", 100]]},
            {"op": "mutate", "table": "Queue", "where": [], "mutations": [["dscp", "=", 1]]}, {"op": "mutate", "table": "Queue", "where": [], "mutations": [5]},
            {"op": "mutate", "table": "Queue", "where": [], "mutations": [["dscp", "/=", 0]]},
            {"op": "mutate", "table": "Queue", "where": [], "mutations": [["external_ids", "+=", 1]]},
            {"op": "mutate", "table": "Queue", "where": [], "mutations": [["external_ids", "insert", ["map", [["k", "v"]]]], ["external_ids", "delete", "k"]]},
            {"op": "delete", "table": "Queue"}, {"op": "delete", "table": "Queue", "where": [["dscp", "==", 99]]}, {"op": "commit"}, {"op": "commit", "durable": 5},
            {"op": "comment"}, {"op": "comment", "comment": 5}, {"op": "abort"}, {"op": "assert"}, {"op": "assert", "lock": "x"}, {"op": "assert", "lock": 5},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["dscp"], "until": "x", "rows": [], "timeout": 0},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["dscp"], "until": "==", "rows": [], "timeout": 0},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["dscp"], "until": "==", "rows": [], "timeout": 20},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["none"], "until": "==", "rows": [], "timeout": 0},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["dscp"], "until": "==", "rows": [{"dscp": "x"}], "timeout": 0},
            {"op": "wait", "table": "Queue", "where": [], "columns": ["dscp"], "until": "==", "rows": 5, "timeout": 0},
            {"op": "wait", "table": "Queue", "where": by_uuid, "until": "!=", "rows": [], "timeout": 0}):
        ask(stage, wire, "transact", DB, operation)


def waiting_and_cancelling(stage):
    server = stage.serve("vswitch")
    one, two = Wire(server.socket), Wire(server.socket)
    wait = {"op": "wait", "table": "Queue", "where": [["dscp", "==", 7]], "columns": ["dscp"], "until": "==", "rows": [{"dscp": 7}]}
    for request_id in ("first", "second"):
        one.send({"method": "transact", "params": [DB, wait, {"op": "insert", "table": "Queue", "row": {"dscp": 8}, "uuid-name": "q"}], "id": request_id})
    stage.note("echo meanwhile", ordered(one.call("echo", 1)))
    one.send({"method": "cancel", "params": ["second"], "id": None})
    if stage.kind == "ours":  # Debian's server forgets it without the reply that RFC 7047 4.1.4 wants
        reply = one.receive()
        expect(reply["id"] == "second" and reply["error"] == "canceled", reply)
    stage.note("what it waits for", ordered(two.call("transact", DB, {"op": "insert", "table": "Queue", "row": {"dscp": 7}})))
    stage.note("it came", ordered(one.receive()))
    one.send({"method": "transact", "params": [DB, dict(wait, where=[["dscp", "==", 9]], timeout=100)], "id": "third"})
    reply = one.receive()
    while reply["id"] != "third":
        reply = one.receive()
    expect(reply["result"][0]["error"] == "timed out", reply)
    stage.note("it timed out", ordered(reply))


def bytes_one_by_one_and_all_at_once(stage):
    server = stage.serve("vswitch")
    wire = Wire(server.socket)
    text = json.dumps({"method": "echo", "params": ["é\u20ac\U0001f600 \"\\ {}[]"], "id": {"an": "object"}}, ensure_ascii=False).encode()
    for i in range(len(text)):
        wire.socket.sendall(text[i:i + 1])
    stage.note("one by one", ordered(wire.receive()))
    wire.socket.sendall(b" \n".join([text] * 500))
    replies = [wire.receive() for _ in range(500)]
    stage.note("all at once", ordered(replies[-1]))
    expect(all(r == replies[0] for r in replies), "replies differ")


def ends(server, data):
    """What a connection got until the server closed it; None when it did not."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(server.socket)
        s.sendall(data)
        got = b""
        while select.select([s], [], [], 3)[0]:
            try:
                more = s.recv(65536)
            except ConnectionError:
                return got
            if not more:
                return got
            got += more
    return None


def rubbish_ends_its_connection_alone(stage):
    server = stage.serve("vswitch")
    bystander = Wire(server.socket)
    for data in (b"rubbish\n", b"{]", b'{"method":"echo","params":[]', b"[]", b"5\n", b'"text"', b"{}", b'{"method":5,"params":[],"id":1}',
                 b'{"method":"echo","params":5,"id":1}', b'{"id":1,"result":5,"error":null}', b'{"method":"none","params":[],"id":null}',
                 b'{"method":"echo","params":["\\ud800"],"id":1}', b'{"method":"echo","params":[1e999],"id":1}',
                 b'{"method":"echo","params":[01],"id":1}', b"\0", b"[" * 2000 + b"]" * 2000):
        try:
            got = ends(server, data)
        except BrokenPipeError:
            got = b""
        stage.note("%r" % data[:60], "stays" if got is None else "closed")
        stage.note("a bystander", ordered(bystander.call("echo", 1)["result"]))
    if stage.kind == "ours":  # Debian's server takes any bytes for text
        expect(ends(server, b'{"method":"echo","params":["\xff"],"id":1}') == b"", "text that is not UTF-8 was taken")
    expect(wait_for("the server answers", lambda: Wire(server.socket).call("list_dbs"))["error"] is None, "it does not")


def a_slow_reader_gets_the_last_state(stage):
    """Updates that nobody reads are held back, merged, and the reader who comes back has what is true then."""
    server = stage.serve("vswitch")
    slow, writer = Wire(server.socket), Wire(server.socket)
    writer.call("transact", DB, {"op": "insert", "table": "Queue", "row": {"dscp": 1}, "uuid": ROW})
    slow.call("monitor_cond", DB, "m", {"Queue": {"columns": ["external_ids", "dscp"]}})
    text = "x" * 20000
    for i in range(600):
        reply = writer.call("transact", DB, {"op": "update", "table": "Queue", "where": [["_uuid", "==", ["uuid", ROW]]],
                                             "row": {"dscp": i % 64, "external_ids": ["map", [["n%d" % i, text]]]}})
        expect(reply["result"] == [{"count": 1}], reply)
    state, n = {}, 0
    while "n599" not in state:
        try:
            message = slow.receive()
        except EOFError:
            raise Failure("the slow reader was cut off after %d updates" % n) from None
        n += 1
        change = message["params"][1]["Queue"][ROW]["modify"].get("external_ids", ["map", []])
        for key, value in change[1]:
            if state.get(key) == value:
                del state[key]
            else:
                state[key] = value
    expect(list(state) == ["n599"], "it has: %s" % list(state)[:5])
    expect(n < 600, "%d updates: none were merged" % n)


if __name__ == "__main__":
    main(methods_and_their_mistakes, operations_and_their_mistakes, waiting_and_cancelling, bytes_one_by_one_and_all_at_once,
         rubbish_ends_its_connection_alone, a_slow_reader_gets_the_last_state)
