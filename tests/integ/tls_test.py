#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API over TLS, as an operator sets it up: openssl makes a CA, sluiced listens, sluice connects.

   sluice ── tls:127.0.0.1:PORT ── sluiced (no switch: the state is enough)
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def openssl(directory, *words):
    result = subprocess.run(["openssl"] + list(words), cwd=directory, capture_output=True, text=True, check=False)
    expect(result.returncode == 0, "openssl %s: %s" % (" ".join(words), result.stderr))


def issue(directory, name, names, ca="ca"):
    with open(os.path.join(directory, name + ".ext"), "w", encoding="ascii") as f:
        f.write("subjectAltName=%s\n" % names)
    openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-subj", "/CN=" + name,
            "-out", name + ".csr")
    openssl(directory, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-days", "2",
            "-extfile", name + ".ext", "-out", name + ".pem")


def make_ca(directory, name):
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-days", "2",
            "-subj", "/CN=" + name, "-out", name + ".pem")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        self.log = os.path.join(directory, "sluiced.log")
        with open(self.log, "wb") as f:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "control/sluiced"), "--rundir", directory, "--state", os.path.join(directory, "state"),
                 "--listen-tls", "127.0.0.1:%d" % self.port, "--tls-cert", self.path("server.pem"), "--tls-key", self.path("server.key"),
                 "--tls-ca", self.path("ca.pem"), "--role", "cert:DNS:admin.test=admin", "--role", "cert:DNS:red.test=owner:cli"],
                stdout=f, stderr=f)
        wait_for("sluiced serves TLS", lambda: "serving TLS" in self.text())

    def path(self, name):
        return os.path.join(self.directory, name)

    def text(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def sluice(self, who, words, code=0, ca="ca"):
        environment = dict(os.environ, SLUICE_CONNECT="tls:127.0.0.1:%d" % self.port, SLUICE_CERT=self.path(who + ".pem"),
                           SLUICE_KEY=self.path(who + ".key"), SLUICE_CA=self.path(ca + ".pem"))
        result = subprocess.run([os.path.join(BUILD, "tools/cli/sluice")] + words.split(), capture_output=True, text=True, timeout=20, check=False,
                                env=environment)
        expect(result.returncode == code, "%s: %s: exit code %d, not %d\n%s%s\n%s" %
               (who, words, result.returncode, code, result.stdout, result.stderr, self.text()))
        return result.stdout + result.stderr


def roles_over_tls(_lab):
    require("openssl")
    directory = tempfile.mkdtemp(prefix="sluice-tls-")
    daemon = None
    try:
        make_ca(directory, "ca")
        make_ca(directory, "other")
        issue(directory, "server", "IP:127.0.0.1")
        issue(directory, "admin", "DNS:admin.test")
        issue(directory, "red", "DNS:red.test")
        issue(directory, "nobody", "DNS:nobody.test")
        issue(directory, "stranger", "DNS:admin.test", ca="other")
        daemon = Daemon(directory)
        daemon.sluice("admin", "network add blue vni=5002")
        expect("owner:cli" in daemon.sluice("red", "call sys.hello"), "another role")
        ops = '{"txn_id":"x1","owner":"%s","ops":[{"op":"put","table":"network","name":"n","object":{"vni":7}}]}'
        out = daemon.sluice("red", "call txn.commit " + ops % "blue", 1)
        expect("owner:cli" in out and "/owner" in out, "says: " + out)
        daemon.sluice("red", "call txn.commit " + ops % "cli")
        expect("nobody has given a role" in daemon.sluice("nobody", "network list", 1), "no word about the role")
        daemon.sluice("stranger", "network list", 3)
        expect("certificate" in daemon.sluice("admin", "network list", 3, ca="other"), "another server is trusted")
        health = json.loads(daemon.sluice("admin", "-j call sys.health"))["rpc"]
        expect(health["tls_unknown"] == 1 and health["tls_failed"] == 2 and health["connections"] == 1, "counters: %s" % health)
        audit = [line for line in daemon.text().split("\n") if " audit: " in line]
        expect(any("DNS:red.test from 127.0.0.1 (owner:cli) owner cli txn x1: 1 changes" in line for line in audit) and
               any("owner blue txn x1: refused" in line for line in audit), "audit: %s" % audit)

        shutil.copy(daemon.path("ca.pem"), daemon.path("first.pem"))
        shutil.copy(daemon.path("other.pem"), daemon.path("ca.pem"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("the files are read again", lambda: "read again" in daemon.text())
        daemon.sluice("admin", "network list", 3, ca="first")
        daemon.sluice("stranger", "network list", ca="first")
    finally:
        if daemon is not None:
            daemon.process.terminate()
            daemon.process.wait()
        shutil.rmtree(directory)


def plain_bytes_on_the_port_are_refused(_lab):
    require("openssl")
    directory = tempfile.mkdtemp(prefix="sluice-tls-")
    daemon = None
    try:
        make_ca(directory, "ca")
        issue(directory, "server", "IP:127.0.0.1")
        issue(directory, "admin", "DNS:admin.test")
        daemon = Daemon(directory)
        with socket.create_connection(("127.0.0.1", daemon.port)) as s:
            s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"sys.hello"}\n')
            s.settimeout(10)
            try:
                answer = s.recv(4096)
            except ConnectionResetError:
                answer = b""
            expect(b"jsonrpc" not in answer, "answered without TLS")
        old = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % daemon.port, "-tls1_2", "-cert", daemon.path("admin.pem"), "-key",
                              daemon.path("admin.key")], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        expect(old.returncode != 0, "TLS 1.2 is served:\n" + old.stdout)
        daemon.sluice("admin", "network list")
    finally:
        if daemon is not None:
            daemon.process.terminate()
            daemon.process.wait()
        shutil.rmtree(directory)


def half_a_tls_set_up_is_refused(_lab):
    for words, text in (("--listen-tls 127.0.0.1:9443", "go together"), ("--role uid:0=king", "no role"), ("--client-memory 1", "MiB")):
        result = subprocess.run([os.path.join(BUILD, "control/sluiced")] + words.split(), capture_output=True, text=True, timeout=20, check=False)
        expect(result.returncode == 2 and text in result.stderr, "%s: %s" % (words, result.stderr))


if __name__ == "__main__":
    main(roles_over_tls, plain_bytes_on_the_port_are_refused, half_a_tls_set_up_is_refused)
