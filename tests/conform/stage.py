# SPDX-License-Identifier: Apache-2.0
"""What the tests with stock clients share: a database server, ovsdb-lite or Debian's, and the same scenes played to both.

A scene gets a Stage: a folder, a server in it, the clients. What clients print is noted; main() plays each scene to both servers, and
the notes must be the same, for the real server is the definition of what clients expect. A scene also says itself what must hold
(expect), so that it can be played to one server alone: --server ours, --server real.
"""

import argparse
import difflib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from verdict import Failure, expect, wait_for  # noqa: E402, F401

BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
LITE = os.path.join(BUILD, "ovsdb-lite", "ovsdb-lite")
SCHEMAS = "/usr/share/openvswitch"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PACKAGES = {"/usr/sbin/ovsdb-server": "openvswitch-common", "/usr/bin/ovs-vsctl": "openvswitch-switch", "/usr/bin/vtep-ctl": "openvswitch-vtep",
            "/usr/lib/python3/dist-packages/ovs": "python3-openvswitch", "/usr/lib/python3/dist-packages/ovsdbapp": "python3-ovsdbapp"}


def accepts(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
            return True
        except OSError:
            return False


class Server:
    """One process of either kind over the same files, as often as it is started. kind: ours or real."""

    def __init__(self, kind, folder, schemas, name="db", real_words=()):
        self.kind, self.folder, self.process, self.real_words = kind, folder, None, list(real_words)
        self.socket, self.ctl = os.path.join(folder, name + ".sock"), os.path.join(folder, name + ".ctl")
        self.remote, self.log = "unix:" + self.socket, os.path.join(folder, name + ".log")
        self.pairs = [(schema, os.path.join(folder, "%s.%d" % (name, i))) for i, schema in enumerate(schemas)]

    def command(self):
        if self.kind == "ours":
            pairs = [word for schema, db in self.pairs for word in ("--schema", schema, "--db", db)]
            return [LITE, "serve"] + pairs + ["--listen", "p" + self.remote, "--unixctl", self.ctl]
        for schema, db in self.pairs:
            if not os.path.exists(db):
                subprocess.run(["ovsdb-tool", "create", db, schema], check=True)
        return ["/usr/sbin/ovsdb-server", "--no-chdir", "--remote=p" + self.remote, "--unixctl=" + self.ctl] + self.real_words + [db for _, db in self.pairs]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("%s serves\n%s" % (self.kind, self.tail()), lambda: accepts(self.socket) or self.process.poll() is not None)
        expect(self.process.poll() is None, "%s did not start:\n%s" % (" ".join(self.command()), self.tail()))

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(sig)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("%s does not end on signal %d" % (self.kind, sig)) from None
        finally:
            self.process = None
        if sig == signal.SIGTERM:
            expect(code in (0, -signal.SIGTERM), "%s ended with code %d:\n%s" % (self.kind, code, self.tail()))

    def exit(self):
        """Ended by its control socket, which answers first."""
        result = subprocess.run(["ovs-appctl", "-t", self.ctl, "exit"], capture_output=True, text=True, timeout=20, check=False)
        expect(result.returncode == 0 and not result.stdout, "exit: code %d, %s%s" % (result.returncode, result.stdout, result.stderr))
        expect(self.process.wait(10) == 0, "%s ended with code %d:\n%s" % (self.kind, self.process.returncode, self.tail()))
        self.process = None

    def tail(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-8:])


class Stage:
    def __init__(self, kind):
        self.kind, self.notes, self.servers, self.processes = kind, [], [], []
        self.folder = tempfile.mkdtemp(prefix="ovsdb-%s-" % kind)
        self.env = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder, "OVS_DBDIR": self.folder, "OVS_SYSLOG_METHOD": "null",
                    "LC_ALL": "C.UTF-8"}
        os.environ["OVS_RUNDIR"] = self.folder

    def serve(self, *schemas, name="db", real_words=()):
        paths = [s if os.path.isabs(s) else os.path.join(SCHEMAS, s + ".ovsschema") for s in schemas]
        server = Server(self.kind, self.folder, paths, name, real_words)
        self.servers.append(server)
        server.start()
        return server

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def note(self, what, text, is_sorted=False):
        """Notes a text for the comparison; names of rows and folders differ from run to run."""
        text = UUID.sub("<uuid>", text.replace(self.folder, "<folder>"))
        lines = [line.rstrip() for line in text.splitlines()]
        self.notes += ["--- " + UUID.sub("<uuid>", what.replace(self.folder, "<folder>"))] + (sorted(lines) if is_sorted else lines)

    def run(self, words, code=0, is_sorted=False, noted=True):
        """A client's standard output; its exit code must be as said. All is noted."""
        result = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, env=self.env, cwd=self.folder)
        text = "%s: exit code %d\n%s%s" % (" ".join(words), result.returncode, result.stdout, result.stderr)
        expect(result.returncode == code, text + "\n(not %d)" % code)
        if noted:
            self.note(" ".join(words), "exit code %d\n%s%s" % (result.returncode, result.stdout, no_clock(result.stderr)), is_sorted)
        return result.stdout

    def spawn(self, words, **popen):
        process = subprocess.Popen(words, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, **popen)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        try:
            for server in self.servers:
                server.stop()
        finally:
            for server in self.servers:
                if server.process is not None:
                    server.process.kill()
                    server.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


def no_clock(text):
    return re.sub(r"^\d{4}-\d\d-\d\dT[0-9:]+Z\|\d+\|", "", text, flags=re.M)


def play(scene, kind):
    """The notes of a scene."""
    stage = Stage(kind)
    try:
        scene(stage)
        return stage.notes
    except Exception:
        for server in stage.servers:
            print("--- %s\n%s" % (server.log, server.tail()))
        raise
    finally:
        stage.close()


def compare(scene, kinds):
    notes = [play(scene, kind) for kind in kinds]
    if len(notes) == 2:
        diff = list(difflib.unified_diff(notes[1], notes[0], "real", "ours", lineterm="", n=8))
        expect(not diff, "the clients said different things:\n" + "\n".join(diff[:120]))


def main(*scenes):
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["ours", "real", "both", "twice"], default="both",
                        help="twice: the real one against itself, which tests the scenes")
    parser.add_argument("scene", nargs="*")
    args = parser.parse_args()
    missing = [package for path, package in PACKAGES.items() if not os.path.exists(path)]
    if missing:
        print("SKIP: not installed: " + " ".join(missing))
        sys.exit(77)
    kinds = {"both": ["ours", "real"], "twice": ["real", "real"]}.get(args.server, [args.server])
    expect("ours" not in kinds or os.path.exists(LITE), LITE + " is not built")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    n_failed = 0
    for scene in scenes:
        if args.scene and scene.__name__ not in args.scene:
            continue
        try:
            compare(scene, kinds)
            print("ok %s" % scene.__name__, flush=True)
        except Exception:  # pylint: disable=broad-except
            n_failed += 1
            print("FAILED %s" % scene.__name__)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
    sys.exit(1 if n_failed else 0)
