# SPDX-License-Identifier: Apache-2.0
"""OVS from Debian's openvswitch-source, compiled for this very CPU as Sluice is: kept in a cache outside the repository."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

from lib.process import BenchError, run, tail

SOURCE = "/usr/src/openvswitch/openvswitch.tar.gz"
CFLAGS = "-O3 -march=native"
CONFIGURE = ["--with-dpdk=shared", "--disable-ssl", "CFLAGS=" + CFLAGS]
# `make all` would build its tests and documents too; the sources that make generates are needed all the same.
SOURCES_MK = "include Makefile\nbench-sources: $(BUILT_SOURCES)\n"


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or ("/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache"))
    return os.path.join(base, "sluice-bench")


def key():
    """Another source, compiler or CPU is another build."""
    if not os.path.exists(SOURCE):
        raise BenchError("the source of OVS is not installed", "tools/dev/packages --install bench")
    with open(SOURCE, "rb") as f:
        digest = hashlib.file_digest(f, "sha256")
    target = run("gcc", "-march=native", "-Q", "--help=target")
    digest.update((" ".join(CONFIGURE) + run("gcc", "--version") + target + run("pkg-config", "--modversion", "libdpdk")).encode())
    return digest.hexdigest()[:16]


def binary(note=None):
    """The path of ovs-vswitchd; builds it when it is not there, which takes some minutes."""
    top = os.path.join(cache_dir(), "ovs-native-" + key())
    path = os.path.join(top, "ovs-vswitchd")
    os.makedirs(cache_dir(), exist_ok=True)
    with open(top + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once build once
        if not os.path.exists(path):
            build(top, path, note or (lambda text: print(text, file=sys.stderr, flush=True)))
    return path


def build(top, path, note):
    work, log = top + ".build", top + ".log"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    note("building OVS for this CPU (%s): some minutes, once; log: %s" % (CFLAGS, log))
    with tarfile.open(SOURCE) as tar:
        tar.extractall(work, filter="data")
    source = os.path.join(work, "openvswitch")
    with open(os.path.join(source, "bench.mk"), "w", encoding="ascii") as f:
        f.write(SOURCES_MK)
    jobs = "-j%d" % len(os.sched_getaffinity(0))
    steps = [("configuring", ["./configure", *CONFIGURE]), ("generating", ["make", jobs, "-f", "bench.mk", "bench-sources"]),
             ("compiling", ["make", jobs, "vswitchd/ovs-vswitchd"])]
    with open(log, "wb") as out:
        for what, cmd in steps:
            note("  OVS for this CPU: " + what)
            if subprocess.run(["nice"] + cmd, cwd=source, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode != 0:
                raise BenchError("%s OVS failed:\n%s" % (what, tail(log)), "tools/dev/packages --install bench, then read " + log)
    built = os.path.join(source, "vswitchd", ".libs", "ovs-vswitchd")
    if not os.path.exists(built):
        built = os.path.join(source, "vswitchd", "ovs-vswitchd")
    os.makedirs(top, exist_ok=True)
    shutil.copy2(built, path + ".new")
    os.rename(path + ".new", path)
    shutil.rmtree(work)
