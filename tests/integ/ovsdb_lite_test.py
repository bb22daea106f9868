#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ovsdb-lite serve on every kind of socket, with the clients that everybody has.

   ovsdb-client, ovs-vsctl ── punix, ptcp (IPv4, IPv6), pssl ──► ovsdb-lite serve ──► unix: a socket of ours that it calls
   ovs-appctl ── control socket ──────────────────────────────────────┘
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certs import make_keys  # noqa: E402
from harness import *  # noqa: E402,F403

SCHEMA = {"name": "box", "version": "1.0.0", "tables": {
    "Root": {"isRoot": True, "columns": {
        "name": {"type": "string"},
        "managers": {"type": {"key": {"type": "uuid", "refTable": "Manager"}, "min": 0, "max": "unlimited"}},
        "ssl": {"type": {"key": {"type": "uuid", "refTable": "SSL"}, "min": 0, "max": 1}}}},
    "Manager": {"indexes": [["target"]], "columns": {
        "target": {"type": "string"},
        "role": {"type": {"key": "string", "min": 0, "max": 1}},
        "inactivity_probe": {"type": {"key": "integer", "min": 0, "max": 1}},
        "max_backoff": {"type": {"key": "integer", "min": 0, "max": 1}},
        "is_connected": {"type": "boolean", "ephemeral": True},
        "status": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}, "ephemeral": True}}},
    "SSL": {"columns": {"private_key": {"type": "string"}, "certificate": {"type": "string"}, "ca_cert": {"type": "string"}}}}}


class Server:
    """Its files are in a directory of its own, removed by close()."""

    def __init__(self, *options):
        self.directory, self.options, self.process = tempfile.mkdtemp(prefix="ovsdb-lite-"), options, None
        with open(self.path("schema"), "w", encoding="ascii") as f:
            json.dump(SCHEMA, f)

    def start(self):
        words = [os.path.join(BUILD, "ovsdb-lite/ovsdb-lite"), "serve", "--schema", "schema", "--db", "db", "--listen", "punix:sock", "--unixctl", "ctl",
                 "--pidfile", "pid", "--log-file", "log"] + list(self.options)
        self.process = subprocess.Popen(words, cwd=self.directory)
        wait_for("the control socket", lambda: os.path.exists(self.path("ctl")) or self.process.poll() is not None)
        expect(self.process.poll() is None, "it ended: " + self.log())

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        expect(code == (0 if number == signal.SIGTERM else -number), "exit code %s: %s" % (code, self.log()))

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def unix(self, name):
        """The clients look for relative names elsewhere."""
        return "unix:" + self.path(name)

    def log(self):
        with open(self.path("log"), encoding="utf-8") as f:
            return f.read()

    def port(self, remote):
        """Of a listener with port 0."""
        line = wait_for(remote + " listens", lambda: [x for x in self.log().split("\n") if remote + ": listening on port " in x])[0]
        return int(line.rsplit(" ", 1)[1])

    def run(self, *words, code=0):
        result = subprocess.run(list(words), cwd=self.directory, capture_output=True, text=True, timeout=20, check=False)
        expect(result.returncode == code, "%s: %d\n%s%s\n%s" % (" ".join(words), result.returncode, result.stdout, result.stderr, self.log()))
        return result.stdout + result.stderr

    def transact(self, *operations, remote=None):
        return json.loads(self.run("ovsdb-client", "transact", remote or self.unix("sock"), json.dumps(["box"] + list(operations))))

    def control(self, *words, code=0):
        return self.run("ovs-appctl", "-t", self.path("ctl"), *words, code=code)


def with_server(*options):
    def wrap(test):
        def run(_lab):
            require("ovsdb-client", "ovs-vsctl", "ovs-appctl", "openssl")
            server = Server(*options)
            try:
                test(server)
            finally:
                server.close()
        run.__name__ = test.__name__
        return run
    return wrap


@with_server("--listen", "ptcp:0:127.0.0.1", "--listen", "ptcp:0:[::1]")
def one_database_on_every_socket(server):
    server.start()
    remotes = [server.unix("sock"), "tcp:127.0.0.1:%d" % server.port("ptcp:0:127.0.0.1"), "tcp:[::1]:%d" % server.port("ptcp:0:[::1]")]
    for i, remote in enumerate(remotes):
        expect(server.run("ovsdb-client", "list-dbs", remote) == "_Server\nbox\n", "databases on " + remote)
        server.transact({"op": "insert", "table": "Root", "row": {"name": "r%d" % i}}, remote=remote)
    for remote in remotes:
        names = server.run("ovsdb-client", "--no-headings", "--format=list", "dump", remote, "box", "Root", "name")
        expect(all("r%d" % i in names for i in range(3)), "rows on %s: %s" % (remote, names))
    server.stop()
    expect(not any(os.path.exists(server.path(name)) for name in ("sock", "ctl", "pid")), "files are left: %s" % os.listdir(server.directory))
    server.start()
    expect(len(server.transact({"op": "select", "table": "Root", "where": []})[0]["rows"]) == 3, "the rows after a restart")
    server.stop(signal.SIGKILL)
    os.unlink(server.path("ctl"))
    server.start()
    expect(len(server.transact({"op": "select", "table": "Root", "where": []})[0]["rows"]) == 3, "the rows after it was killed")


@with_server("--listen", "pssl:0:127.0.0.1", "--private-key", "server.key", "--certificate", "server.pem", "--ca-cert", "ca.pem")
def both_sides_of_tls_show_certificates(server):
    make_keys(server.directory)
    server.start()
    port = server.port("pssl:0:127.0.0.1")
    keys = lambda name, ca="ca": ["-p", name + ".key", "-c", name + ".pem", "-C", ca + ".pem"]  # noqa: E731
    words = ["list-dbs", "ssl:127.0.0.1:%d" % port]
    expect("box" in server.run("ovsdb-client", *keys("client"), *words), "over TLS")
    server.run("ovsdb-client", *keys("stranger"), *words, code=1)
    expect("unable to get local issuer certificate" in server.log() or "self-signed" in server.log() or "certificate verify failed" in server.log(),
           "no word of the stranger: " + server.log())
    server.run("ovsdb-client", *keys("client", ca="other"), *words, code=1)
    # Handshakes that do not go on are bounded, and leave room for others.
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(7)]
    expect("box" in server.run("ovsdb-client", *keys("client"), *words), "beside idle handshakes")
    idle += [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    wait_for("one is closed", lambda: closed(idle))
    for s in idle:
        s.close()


def closed(sockets):
    for s in sockets:
        s.setblocking(False)
        try:
            if s.recv(1) == b"":
                return True
        except (BlockingIOError, ConnectionResetError):
            pass
    return False


@with_server("--listen", "db:box,Root,managers", "--private-key", "db:box,SSL,private_key", "--certificate", "db:box,SSL,certificate", "--ca-cert", "db:box,SSL,ca_cert")
def remotes_and_keys_come_from_the_database(server):
    make_keys(server.directory)
    server.start()
    server.transact({"op": "insert", "table": "Root", "row": {"managers": ["set", [["named-uuid", "a"], ["named-uuid", "b"], ["named-uuid", "c"]]], "ssl": ["named-uuid", "s"]}},
                    {"op": "insert", "table": "Manager", "uuid-name": "a", "row": {"target": "ptcp:0:127.0.0.1"}},
                    {"op": "insert", "table": "Manager", "uuid-name": "b", "row": {"target": "pssl:0:127.0.0.1"}},
                    {"op": "insert", "table": "Manager", "uuid-name": "c", "row": {"target": "punix:restricted", "role": "reader"}},
                    {"op": "insert", "table": "SSL", "uuid-name": "s", "row": {"private_key": "server.key", "certificate": "server.pem", "ca_cert": "ca.pem"}})
    tcp, tls = server.port("ptcp:0:127.0.0.1"), server.port("pssl:0:127.0.0.1")
    expect("box" in server.run("ovsdb-client", "list-dbs", "tcp:127.0.0.1:%d" % tcp), "the manager's socket")
    expect("box" in server.run("ovsdb-client", "-p", "client.key", "-c", "client.pem", "-C", "ca.pem", "list-dbs", "ssl:127.0.0.1:%d" % tls), "with keys of the database")
    expect(not os.path.exists(server.path("restricted")), "what is for a role is not open to all")
    with socket.create_connection(("127.0.0.1", tcp)):
        wait_for("the row says so", lambda: status(server, "ptcp:0:127.0.0.1") == (True, str(tcp)))
    wait_for("and when nobody is there", lambda: status(server, "ptcp:0:127.0.0.1") == (False, str(tcp)))
    server.transact({"op": "update", "table": "Root", "where": [], "row": {"managers": ["set", []]}})
    wait_for("the socket is gone", lambda: "Connection refused" in server.run("ovsdb-client", "list-dbs", "tcp:127.0.0.1:%d" % tcp, code=1))


def status(server, target):
    rows = server.transact({"op": "select", "table": "Manager", "where": [["target", "==", target]], "columns": ["is_connected", "status"]})[0]["rows"]
    return rows[0]["is_connected"], dict(rows[0]["status"][1]).get("bound_port")


@with_server("--listen", "unix:manager")
def it_calls_its_manager_again_and_again(server):
    """The manager is ours: it answers probes and asks for the databases."""
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(20)
    server.start()
    listener.bind(server.path("manager"))
    listener.listen(1)
    for _ in range(2):
        session, _address = listener.accept()
        session.settimeout(20)
        session.sendall(b'{"id":1,"method":"list_dbs","params":[]}')
        expect(json.loads(session.recv(4096))["result"] == ["_Server", "box"], "the answer")
        session.close()
    listener.close()


@with_server()
def the_control_socket_does_as_it_is_told(server):
    server.start()
    expect("ovsdb-server/add-remote" in server.control("list-commands"), "commands")
    expect(server.control("ovsdb-server/list-remotes") == "punix:sock\n", "remotes")
    server.control("ovsdb-server/add-remote", "punix:second")
    expect("box" in server.run("ovsdb-client", "list-dbs", server.unix("second")), "the second socket")
    server.control("ovsdb-server/remove-remote", "punix:second")
    expect(not os.path.exists(server.path("second")), "its file is left")
    expect("no such remote" in server.control("ovsdb-server/remove-remote", "x", code=2), "an error")
    expect('"db:a,b,c": no database named a' in server.control("ovsdb-server/add-remote", "db:a,b,c", code=2), "an error")
    expect("is not a valid command" in server.control("nope", code=2), "an error")
    expect("takes at most" in server.control("exit", "now", code=2), "an error")
    server.control("ovsdb-server/compact")
    expect("already open" in server.control("ovsdb-server/add-db", "db", code=2), "an error")
    server.control("ovsdb-server/remove-db", "box")
    expect(server.control("ovsdb-server/list-dbs") == "_Server\n", "databases")
    server.control("ovsdb-server/add-db", "db")
    expect("sessions:" in server.control("memory/show") and "sessions " in server.control("ovsdb-server/limits"), "numbers")
    server.control("vlog/set", "ANY:ANY:dbg")
    expect("one level" in server.control("vlog/set", "jsonrpc:dbg", code=2), "an error")
    server.control("exit")
    expect(server.process.wait(timeout=20) == 0, "exit code")


@with_server()
def many_writers_and_watchers_agree(server):
    """Eight ovsdb-clients write while one watches: it sees each change once."""
    server.start()
    watcher = subprocess.Popen(["ovsdb-client", "--format=json", "monitor-cond", server.unix("sock"), "box", "[]", "Root", "name"], cwd=server.directory,
                               stdout=subprocess.PIPE, text=True)
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(watcher.stdout), daemon=True)
    reader.start()
    wait_for("the watcher watches", lambda: "monitors:1" in server.control("memory/show"))
    writers = [threading.Thread(target=lambda i=i: [server.transact({"op": "insert", "table": "Root", "row": {"name": "w%d.%d" % (i, k)}}) for k in range(10)])
               for i in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wait_for("all were seen", lambda: sum(line.count('"insert","w') for line in seen) >= 80)
    watcher.terminate()
    watcher.wait()
    text = "".join(seen)
    expect(all(text.count('"w%d.%d"' % (i, k)) == 1 for i in range(8) for k in range(10)), "not each once: " + text[:2000])


if __name__ == "__main__":
    main(one_database_on_every_socket, both_sides_of_tls_show_certificates, remotes_and_keys_come_from_the_database, it_calls_its_manager_again_and_again,
         the_control_socket_does_as_it_is_told, many_writers_and_watchers_agree)
