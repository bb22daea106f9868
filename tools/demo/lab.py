# SPDX-License-Identifier: Apache-2.0
"""Two hosts on one machine: network namespaces joined by a veth underlay, a switch and a daemon in each.

Everything a lab makes is under one run directory and in namespaces of its own; remove() takes all of it away, also what an
earlier, killed run has left there.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import api


class LabError(Exception):
    pass


def sh(*cmd, check=True):
    result = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        raise LabError("%s: %s" % (" ".join(cmd), (result.stderr or result.stdout).strip()))
    return result.stdout


def tail(path, lines=15):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError:
        return ""


class Host:
    """One host: a namespace, sluice-switch and sluiced in it, and the API's connection."""

    def __init__(self, lab, name, underlay):
        self.lab, self.name, self.underlay = lab, name, underlay
        self.netns = "%s-%s" % (lab.prefix, name)
        self.rundir = os.path.join(lab.rundir, name)
        self.interface = "underlay0"
        self.switch = self.daemon = self.api = None

    def _spawn(self, program, args, log):
        with open(os.path.join(self.rundir, log), "ab") as f:
            process = subprocess.Popen(["ip", "netns", "exec", self.netns, program] + args, stdin=subprocess.DEVNULL,
                                       stdout=f, stderr=f, start_new_session=True)
        self.lab.record(process.pid)
        return process

    def start_switch(self, core, memory_mb=192, rundir=None):
        self.switch = self._spawn(os.path.join(self.lab.build, "datapath/sluice-switch"),
                                  ["--rundir", rundir or self.rundir, "--cores", str(core), "--memory", str(memory_mb), "--no-huge"],
                                  "switch.log")

    def start_daemon(self):
        self.daemon = self._spawn(os.path.join(self.lab.build, "control/sluiced"),
                                  ["--rundir", self.rundir, "--state", os.path.join(self.rundir, "state")], "sluiced.log")

    def connect(self, timeout_s=20):
        """Waits until sluiced answers and its switch is connected."""
        deadline = time.monotonic() + timeout_s
        while self.api is None:
            self.check()
            try:
                self.api = api.Api(os.path.join(self.rundir, "api.sock"))
            except OSError:
                if time.monotonic() > deadline:
                    raise LabError("%s: sluiced does not answer\n%s" % (self.name, tail(self.rundir + "/sluiced.log"))) from None
                time.sleep(0.02)
        while not self.api.call("sys.health")["switch_connected"]:
            self.check()
            if time.monotonic() > deadline:
                raise LabError("%s: the switch did not connect\n%s" % (self.name, tail(self.rundir + "/switch.log")))
            time.sleep(0.02)

    def check(self):
        for process, log in ((self.switch, "switch.log"), (self.daemon, "sluiced.log")):
            if process is not None and process.poll() is not None:
                raise LabError("%s ended with %d:\n%s" % (log, process.returncode, tail(os.path.join(self.rundir, log))))


class Lab:
    def __init__(self, build, prefix="sluice", rundir="/run/sluice-demo"):
        self.build, self.prefix, self.rundir = build, prefix, rundir
        self.pids_file = os.path.join(rundir, "pids")
        self.hosts = []

    def record(self, pid):
        """Remembers a process for remove(), with its start time so that a reused pid is not mistaken for it."""
        with open(self.pids_file, "a", encoding="ascii") as f:
            f.write(json.dumps([pid, start_time(pid)]) + "\n")

    def create(self, underlay=("192.0.2.1", "192.0.2.2"), prefix_len=24, mtu=1500):
        os.makedirs(self.rundir, mode=0o750)
        self.hosts = [Host(self, name, address) for name, address in zip("ab", underlay)]
        for host in self.hosts:
            os.makedirs(host.rundir, mode=0o750)
            sh("ip", "netns", "add", host.netns)
        a, b = self.hosts
        sh("ip", "link", "add", a.interface, "netns", a.netns, "mtu", str(mtu), "type", "veth",
           "peer", "name", b.interface, "netns", b.netns, "mtu", str(mtu))
        for host in self.hosts:
            ip = ["ip", "-n", host.netns]
            more = ["nodad"] if ":" in host.underlay else []
            sh(*ip, "addr", "add", "%s/%d" % (host.underlay, prefix_len), "dev", host.interface, *more)
            sh(*ip, "link", "set", "lo", "up")
            sh(*ip, "link", "set", host.interface, "up")
        return self.hosts

    def remove(self):
        """Ends every process and removes every namespace and file of this lab. Safe to call at any time, twice too."""
        try:
            with open(self.pids_file, encoding="ascii") as f:
                processes = [json.loads(line) for line in f if line.strip()]
        except (OSError, ValueError):
            processes = []
        for pid, started in reversed(processes):
            if start_time(pid) == started:
                try:
                    os.killpg(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        deadline = time.monotonic() + 5
        while any(start_time(pid) == started for pid, started in processes) and time.monotonic() < deadline:
            for pid, _ in processes:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            time.sleep(0.01)
        for line in sh("ip", "netns", "list", check=False).splitlines():
            name = line.split()[0] if line.split() else ""
            if name in (self.prefix + "-a", self.prefix + "-b"):
                sh("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.rundir, ignore_errors=True)


def start_time(pid):
    """Clock ticks since boot at which the process started; None when there is no such process (or a zombie)."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
