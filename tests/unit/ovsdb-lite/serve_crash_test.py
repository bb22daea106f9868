#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server dies at every write, sync, rename, link and unlink while two clients change its database.

What a client was told is there after a restart, each transaction as a whole. The ways to die are those of crash_test.py.

    serve_crash_test.py OVSDB-LITE PRELOAD

A sample of the calls, or with TEST_LONG in the environment each.
"""
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM, PRELOAD = [os.path.abspath(p) for p in sys.argv[1:3]]
ASAN = "verify_asan_link_order=0:detect_leaks=0"
SCHEMA = {"name": "D", "version": "1.0.0", "tables": {t: {"columns": {"n": {"type": "integer"}}, "isRoot": True} for t in ("a", "b")}}
N_TXNS, COMPACT_AT = 12, 6


class Dead(Exception):
    pass


class Client:
    def __init__(self, path):
        self.socket, self.text, self.n = socket.socket(socket.AF_UNIX), "", 0
        self.socket.settimeout(20)
        self.socket.connect(path)

    def send(self, method, params):
        self.n += 1
        try:
            self.socket.sendall(json.dumps({"method": method, "params": params, "id": self.n}).encode())
        except OSError as e:
            raise Dead from e

    def receive(self):
        while True:
            try:
                message, end = json.JSONDecoder().raw_decode(self.text)
                self.text = self.text[end:].lstrip()
                return message
            except json.JSONDecodeError:
                pass
            try:
                data = self.socket.recv(65536)
            except ConnectionError as e:
                raise Dead from e
            if not data:
                raise Dead
            self.text += data.decode()


def start(directory, **env):
    words = [PROGRAM, "serve", "--schema", "schema", "--db", "db", "--listen", "punix:sock", "--unixctl", "ctl", "--log-file", "log"]
    with open(os.path.join(directory, "schema"), "w", encoding="ascii") as f:
        json.dump(SCHEMA, f)
    for name in ("sock", "ctl"):
        if os.path.exists(os.path.join(directory, name)):
            os.unlink(os.path.join(directory, name))
    preload = {"LD_PRELOAD": PRELOAD, **env} if env else {}
    return subprocess.Popen(words, cwd=directory, env={**os.environ, "ASAN_OPTIONS": ASAN, **preload}, stderr=subprocess.DEVNULL)


def connect(server, directory):
    """Clients, and the control socket. Raises Dead when it died before."""
    deadline = time.time() + 20
    while True:
        try:
            return [Client(os.path.join(directory, name)) for name in ("sock", "sock", "ctl")]
        except (FileNotFoundError, ConnectionRefusedError) as e:  # not yet, or bound and not yet listening
            if server.poll() is not None:
                raise Dead from e
            assert time.time() < deadline, "it does not come up"
            time.sleep(0.002)


def insert(n):
    return ["D"] + [{"op": "insert", "table": t, "row": {"n": n}} for t in ("a", "b")]


def load(clients, told):
    """Two transactions at a time; told: numbers whose reply came."""
    one, two, control = clients
    for n in range(0, N_TXNS, 2):
        if n == COMPACT_AT:
            control.send("ovsdb-server/compact", [])
        for client, i in ((one, n), (two, n + 1)):
            client.send("transact", insert(i))
        for client, i in ((one, n), (two, n + 1)):
            reply = client.receive()
            assert reply["error"] is None and all("uuid" in r for r in reply["result"]), reply
            told.append(i)
    assert control.receive()["error"] is None
    one.send("transact", insert(N_TXNS))
    assert one.receive()["error"] is None
    told.append(N_TXNS)


def content(directory):
    server = start(directory)
    try:
        client = connect(server, directory)[0]
        client.send("transact", ["D"] + [{"op": "select", "table": t, "where": [], "columns": ["n"]} for t in ("a", "b")])
        return [sorted(row["n"] for row in result["rows"]) for result in client.receive()["result"]]
    except Dead as e:
        with open(os.path.join(directory, "log"), encoding="utf-8") as f:
            raise AssertionError("it does not start again: " + f.read()) from e
    finally:
        server.terminate()
        server.wait(timeout=20)


def run(directory, **env):
    """What clients were told until the server died, or did not."""
    told = []
    server = start(directory, **env)
    try:
        load(connect(server, directory), told)
        server.terminate()
    except Dead:
        pass
    try:
        return told, server.wait(timeout=20)
    finally:
        server.kill()


def calls():
    with tempfile.TemporaryDirectory(dir=place()) as directory:
        told, code = run(directory, CRASH_LOG="calls")
        assert code == 0 and len(told) == N_TXNS + 1, (told, code)
        with open(os.path.join(directory, "calls"), encoding="utf-8") as f:
            lines = [line.split() for line in f]
    kinds = [call for who, _, call in lines if who == "parent"]
    print("%d calls: %s" % (len(kinds), ", ".join("%d %s" % (kinds.count(k), k) for k in sorted(set(kinds)))))
    return len(kinds)


def place():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def crash(how, at):
    where = "death at call %d (%s)" % (at, how)
    with tempfile.TemporaryDirectory(dir=place()) as directory:
        told, code = run(directory, CRASH_AT=str(at), CRASH_HOW=how)
        a, b = content(directory)
        assert a == b, "%s: half a transaction: %s %s" % (where, a, b)
        assert len(set(a)) == len(a) and set(told) <= set(a), "%s: told %s, there is %s" % (where, told, a)
        # Who got no reply does not know: at most what was in flight.
        assert len(set(a) - set(told)) <= 2, "%s: told %s, there is %s" % (where, told, a)
        return code


def main():
    n_calls = calls()
    deaths = [(how, at) for how in ("before", "half", "power") for at in range(1, n_calls + 1)]
    n_all = len(deaths)
    if "TEST_LONG" not in os.environ:
        deaths = random.sample(deaths, min(n_all, 24))
    # Groups form as they will, so that a run may have fewer calls than the one that was counted.
    n_died = sum(crash(*death) == -9 for death in deaths)
    print("%d of %d, %d died: nothing that a client was told was lost" % (len(deaths), n_all, n_died))
    assert n_died >= len(deaths) // 2, "hardly any death"


if __name__ == "__main__":
    main()
