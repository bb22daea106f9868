# SPDX-License-Identifier: Apache-2.0
"""Processes that a bench run starts: pinned, logged, paused and ended by their pids, in a directory that goes away with them."""

import atexit
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time


PR_SET_PDEATHSIG = 1
PREFIX = "sluice-bench-"  # of all that a run makes, with its pid after it: a later run knows what nobody needs any more
base = None


class BenchError(Exception):
    """What went wrong, and what to do next."""

    def __init__(self, what, hint=None, log=None):
        super().__init__(what)
        # Read now: the log goes away with the process's directory.
        self.what, self.hint, self.log = what, hint, tail(log) if log else None

    def text(self):
        lines = [self.what]
        if self.hint:
            lines.append("  try: " + self.hint)
        if self.log:
            lines.append("  its last lines:\n" + "\n".join("    " + line for line in self.log.splitlines()))
        return "\n".join(lines)


def tail(path, n=12):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return "\n".join(f.read().splitlines()[-n:])
    except OSError as e:
        return "(%s)" % e


def run(*cmd, timeout_s=60, env=None, check=True, stdin=None):
    """Runs a short command to its end; its standard output. Fails with what it said."""
    try:
        done = subprocess.run(list(cmd), input=stdin, capture_output=True, text=True, timeout=timeout_s, env=env, check=False)
    except FileNotFoundError:
        raise BenchError("%s is not installed" % cmd[0], "tools/dev/packages --install bench") from None
    except subprocess.TimeoutExpired:
        raise BenchError("%s did not end in %d s" % (" ".join(cmd[:3]), timeout_s)) from None
    if check and done.returncode != 0:
        raise BenchError("%s failed: %s" % (" ".join(cmd)[:300], (done.stderr or done.stdout).strip()[-600:]))
    return done.stdout


def wait_for(what, condition, timeout_s=15.0, log=None, step_s=0.02):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError("did not happen in %g s: %s" % (timeout_s, what), log=log)
        time.sleep(step_s)


def base_dir():
    """The directory of everything that this program makes; removed at exit, or by the next run."""
    global base  # pylint: disable=global-statement
    if base is None:
        base = tempfile.mkdtemp(prefix="%s%d-" % (PREFIX, os.getpid()))
        atexit.register(shutil.rmtree, base, ignore_errors=True)
    return base


def prepare_child(cores, parent):
    """Pinned, and gone when this program is gone, even killed: a poll-mode thread would spin for ever."""
    os.sched_setaffinity(0, cores)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # a vhost port takes some
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before it could be asked for
        os._exit(1)


class Group:
    """Processes that belong together. stop() may be called at any time, twice too, and leaves nothing behind."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix=name + "-", dir=base_dir())
        self.processes = []  # (name, Popen)
        self.paused = False

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def log(self, name):
        return self.path(name + ".log")

    def spawn(self, name, cmd, cores, env=None, netns=None, **popen):
        """A process on the given cores, its output in its log unless piped."""
        prefix = ["ip", "netns", "exec", netns] if netns else []
        parent = os.getpid()
        with open(self.log(name), "ab") as log:
            popen.setdefault("stdin", subprocess.DEVNULL)
            popen.setdefault("stdout", log)
            try:
                process = subprocess.Popen(prefix + list(cmd), stderr=log, env=env, start_new_session=True,
                                           preexec_fn=lambda: prepare_child(cores, parent), **popen)
            except FileNotFoundError as e:
                raise BenchError("cannot start %s: %s" % (name, e), "tools/dev/packages --install bench") from None
        self.processes.append((name, process))
        return process

    def check(self):
        """Fails when a process has ended by itself."""
        for name, process in self.processes:
            if process.poll() is not None:
                raise BenchError("%s of %s ended with %d" % (name, self.name, process.returncode), log=self.log(name))

    def pause(self):
        if not self.paused:
            self._signal(signal.SIGSTOP)
            self.paused = True

    def resume(self):
        if self.paused:
            self._signal(signal.SIGCONT)
            self.paused = False

    def _signal(self, sig):
        for _, process in self.processes:
            if process.poll() is None:
                process.send_signal(sig)

    def stop(self):
        """Asks all, insists after a while, removes the directory."""
        self.resume()
        self._signal(signal.SIGTERM)
        for _, process in reversed(self.processes):
            end(process)
        self.processes = []
        shutil.rmtree(self.dir, ignore_errors=True)


def end(process, patience_s=1.0):
    for sig, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            break
        process.send_signal(sig)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            pass
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
