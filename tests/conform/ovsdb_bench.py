#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ovsdb-lite beside Debian's ovsdb-server, in one run, by turns: A B, B A, and so on.

  txn-1, txn-50         transactions a second that are on disk when they are acknowledged, of 1 and 50 clients with one outstanding each. To the real
                        server this is a "commit" operation with "durable"; ovsdb-lite always does it. txn-1-lazy, txn-50-lazy: the real one without
  fan-out               updates a second that arrive at 100 monitoring clients, of one writer with 16 outstanding
  load-one, load-many   rows a second into an empty database, on disk likewise: all in one transaction; 100 in each, 8 outstanding. load-many-lazy:
                        the real one does not wait for the disk
  memory                bytes of resident memory that a row adds (after load-many)
  restart               seconds until a database of those rows answers

Every ratio is the median of pairs. The generator (ovsdb_load.c; for loads this script) sends requests that are encoded beforehand and counts
replies without decoding them; each line says how much of a core it took: close to 1, it is the generator that is measured.
"""

import argparse
import json
import os
import resource
import select
import signal
import statistics
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402
from wire import Wire  # noqa: E402

DB = "Open_vSwitch"
TICKS = os.sysconf("SC_CLK_TCK")
UNITS = {"txn-1": "txn/s", "txn-50": "txn/s", "txn-1-lazy": "txn/s", "txn-50-lazy": "txn/s", "fan-out": "updates/s", "load-one": "rows/s",
         "load-many": "rows/s", "load-many-lazy": "rows/s", "memory": "B/row", "restart": "s"}
LESS_IS_BETTER = ("memory", "restart")


def cpu_s(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_bytes(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def encode(request_id, operations):
    return json.dumps({"method": "transact", "params": [DB] + operations, "id": request_id}, separators=(",", ":")).encode()


def queue_row(number):
    return {"dscp": number % 64, "external_ids": ["map", [["iface-id", str(uuid.UUID(int=number + 1))], ["name", "vm%d" % number]]],
            "other_config": ["map", [["max-rate", str(1000 * number)]]]}


def insert(number, row_uuid=None):
    return {"op": "insert", "table": "Queue", "row": queue_row(number), **({"uuid": row_uuid} if row_uuid else {})}


class Client:
    """One connection that keeps some requests outstanding."""

    MARK = b'"id":'

    def __init__(self, server, requests):
        self.wire = Wire(server.socket, timeout_s=None)
        self.socket, self.requests = self.wire.socket, requests
        self.socket.setblocking(False)
        self.n_sent = self.n_replies = 0
        self.tail, self.rest = b"", b""

    def send(self, n):
        data = self.rest + b"".join(self.requests[i % len(self.requests)] for i in range(self.n_sent, self.n_sent + n))
        self.n_sent += n
        try:
            self.rest = data[self.socket.send(data):]
        except BlockingIOError:
            self.rest = data

    def receive(self):
        """Number of replies that came."""
        data = self.tail + self.socket.recv(1 << 20)
        if len(data) == len(self.tail):
            raise EOFError("the server closed a connection")
        # A reply has its id after its result or before: its mark stands once in each, and requests' rows do not hold it.
        n = data.count(self.MARK)
        self.tail = data[-(len(self.MARK) - 1):] if not data.endswith(self.MARK) else b""
        self.n_replies += n
        return n


class Trial:
    """What one server did in one turn: value, and the core time of both sides for each second."""

    def __init__(self, server):
        self.server, self.start, self.server_cpu, self.own_cpu = server, time.monotonic(), cpu_s(server.process.pid), own_cpu_s()

    def end(self, amount, seconds=None):
        wall, server_cpu = time.monotonic() - self.start, cpu_s(self.server.process.pid) - self.server_cpu
        return {"value": amount / (seconds or wall), "server_cores": server_cpu / wall, "generator_cores": (own_cpu_s() - self.own_cpu) / wall,
                "server_us_each": server_cpu / amount * 1e6}


def own_cpu_s():
    """Of this process and of those that it has waited for."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(t.ru_utime + t.ru_stime for t in times)


def generate(program, server, words, lines):
    """What ovsdb_load printed: amount, seconds, updates seen."""
    result = subprocess.run([program, server.socket] + words, input="".join(line + "\n" for line in lines), capture_output=True, text=True, timeout=300,
                            check=False)
    st.expect(result.returncode == 0, "ovsdb_load %s: %s" % (" ".join(words), result.stderr))
    amount, seconds, n_seen = result.stdout.split()
    return int(amount), float(seconds), int(n_seen)


def template(operations):
    """A request as text; its number goes where 424242 stands."""
    return encode(1, operations).decode().replace("424242", "%u")


def transactions(program, server, n_clients, seconds, durable):
    rows, lines = [], []
    with_commit = [{"op": "commit", "durable": True}] if durable and server.kind == "real" else []
    setup = Wire(server.socket)
    for i in range(n_clients):
        rows.append(str(uuid.uuid4()))
        reply = setup.call("transact", DB, insert(i, rows[i]))
        st.expect(reply.get("error") is None and "error" not in reply["result"][0], "insert: %s" % reply)
    for row in rows:
        where = [["_uuid", "==", ["uuid", row]]]
        lines.append(template([{"op": "update", "table": "Queue", "where": where, "row": {"dscp": 424242}}] + with_commit))
    trial = Trial(server)
    n, took_s, _ = generate(program, server, ["transact", str(seconds)], lines)
    result = trial.end(n, took_s)
    setup.call("transact", DB, {"op": "delete", "table": "Queue", "where": []})
    setup.close()
    return result


def fan_out(program, server, n_readers, n_updates):
    row = str(uuid.uuid4())
    setup = Wire(server.socket)
    setup.call("transact", DB, insert(0, row))
    monitor = json.dumps({"method": "monitor_cond", "params": [DB, "m", {"Queue": [{"columns": ["dscp", "external_ids"]}]}], "id": 1}, separators=(",", ":"))
    update = {"op": "update", "table": "Queue", "where": [["_uuid", "==", ["uuid", row]]], "row": {"external_ids": ["map", [["number", "n424242"]]]}}
    trial = Trial(server)
    n, took_s, n_seen = generate(program, server, ["fan-out", str(n_updates), str(n_readers)], [monitor, template([update])])
    # A server may send several transactions as one update to a reader that is behind: what arrives is the number of transactions times readers.
    result = trial.end(n, took_s)
    result["merged"] = 1 - n_seen / n
    setup.call("transact", DB, {"op": "delete", "table": "Queue", "where": []})
    setup.close()
    return result


def load(server, n_rows, each, depth, durable):
    with_commit = [{"op": "commit", "durable": True}] if durable and server.kind == "real" else []
    requests = [encode(1, [insert(i) for i in range(first, min(n_rows, first + each))] + with_commit) for first in range(0, n_rows, each)]
    client = Client(server, requests)
    trial = Trial(server)
    client.send(min(depth, len(requests)))
    poll = select.epoll()
    poll.register(client.socket, select.EPOLLIN | select.EPOLLOUT)
    while client.n_replies < len(requests):
        for _, events in poll.poll(1):
            if events & select.EPOLLIN:
                client.send(min(client.receive(), len(requests) - client.n_sent))
            elif client.rest:
                client.send(0)
            poll.modify(client.socket, select.EPOLLIN | (select.EPOLLOUT if client.rest else 0))
    result = trial.end(n_rows)
    client.wire.close()
    return result


def count_rows(server):
    wire = Wire(server.socket, timeout_s=120)
    reply = wire.call("transact", DB, {"op": "select", "table": "Queue", "where": [], "columns": ["_uuid"]})
    wire.close()
    return len(reply["result"][0]["rows"])


def load_and_restart(kind, args):
    """A server of its own: load-many, memory, restart; others: load-one, load-many-lazy."""
    stage, results = st.Stage(kind), {}
    try:
        server = stage.serve("vswitch")
        before = rss_bytes(server.process.pid)
        results["load-many"] = load(server, args.rows, 100, 8, True)
        results["memory"] = {"value": (rss_bytes(server.process.pid) - before) / args.rows}
        st.expect(count_rows(server) == args.rows, "rows are missing")
        server.stop(signal.SIGTERM)
        start = time.monotonic()
        server.start()
        wire = Wire(server.socket, timeout_s=120)
        wire.call("transact", DB, {"op": "select", "table": "Open_vSwitch", "where": []})
        results["restart"] = {"value": time.monotonic() - start, "server_cpu_s": cpu_s(server.process.pid)}
        wire.close()
        st.expect(count_rows(server) == args.rows, "rows are missing after the restart")
        server.stop()
        results["load-one"] = load(stage.serve("vswitch", name="one"), args.rows, args.rows, 1, True)
        results["load-many-lazy"] = load(stage.serve("vswitch", name="lazy"), args.rows, 100, 8, False)
    finally:
        stage.close()
    return results


def build_load(folder):
    program = os.path.join(folder, "ovsdb_load")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu2x", "-o", program, os.path.join(os.path.dirname(os.path.abspath(__file__)), "ovsdb_load.c")],
                   check=True)
    return program


def run_pairs(args, results):
    wanted = [n for n in UNITS if not args.scenario or n in args.scenario]
    stages = {kind: st.Stage(kind) for kind in args.kinds}
    try:
        servers, program = {kind: stage.serve("vswitch") for kind, stage in stages.items()}, build_load(stages[args.kinds[0]].folder)
        for pair in range(args.pairs):
            order = list(args.kinds) if pair % 2 == 0 else list(reversed(args.kinds))
            for name in ("txn-1", "txn-50", "txn-1-lazy", "txn-50-lazy"):
                for kind in order if name in wanted else []:
                    results[name][kind].append(transactions(program, servers[kind], int(name.split("-")[1]), args.seconds, "lazy" not in name))
            for kind in order if "fan-out" in wanted else []:
                results["fan-out"][kind].append(fan_out(program, servers[kind], 100, args.updates))
            print("pair %d of %d" % (pair + 1, args.pairs), file=sys.stderr)
    finally:
        for stage in stages.values():
            stage.close()
    if not set(wanted) & {"load-one", "load-many", "load-many-lazy", "memory", "restart"}:
        return
    for pair in range(args.load_pairs):
        for kind in list(args.kinds) if pair % 2 == 0 else list(reversed(args.kinds)):
            for name, result in load_and_restart(kind, args).items():
                results[name][kind].append(result)
        print("load %d of %d" % (pair + 1, args.load_pairs), file=sys.stderr)


def table(results, kinds):
    """A line for each scenario; a ratio above 1 means that the first kind is better."""
    print("%-14s %-10s" % ("scenario", "unit") + "".join("%14s" % k for k in kinds) + "    ratio   (spread)          generator")
    for name, by_kind in results.items():
        if not by_kind[kinds[0]]:
            continue
        medians = [statistics.median(t["value"] for t in by_kind[k]) for k in kinds]
        ratios = sorted(a["value"] / b["value"] for a, b in zip(by_kind[kinds[0]], by_kind[kinds[-1]]))
        if name in LESS_IS_BETTER:
            ratios = sorted(1 / r for r in ratios)
        cores = max(t.get("generator_cores", 0) for k in kinds for t in by_kind[k])
        print("%-14s %-10s" % (name, UNITS[name]) + "".join("%14.6g" % m for m in medians) +
              "   x%-6.2f (%.2f to %.2f)    %.2f cores" % (statistics.median(ratios), ratios[0], ratios[-1], cores))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--load-pairs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn of transactions")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--updates", type=int, default=1000, help="of the fan-out")
    parser.add_argument("--server", choices=["both", "ours", "real"], default="both")
    parser.add_argument("--out", help="file for the results as JSON")
    parser.add_argument("scenario", nargs="*", choices=list(UNITS) + [[]])
    args = parser.parse_args()
    args.kinds = {"both": ["ours", "real"]}.get(args.server, [args.server])
    results = {name: {kind: [] for kind in args.kinds} for name in UNITS}
    run_pairs(args, results)
    table(results, args.kinds)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump({"kinds": args.kinds, "rows": args.rows, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
