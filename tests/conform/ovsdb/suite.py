# SPDX-License-Identifier: Apache-2.0
"""The OVSDB tests of Debian's openvswitch-source: unpacked for a run, listed, named, run against a server, gone again.

The package carries its Autotest script ready made. Nothing of it is kept in this tree but the names of tests.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TARBALL = "/usr/src/openvswitch/openvswitch.tar.gz"
PARTS = ("tests/", "vswitchd/vswitch.ovsschema", "vtep/vtep.ovsschema", "ovsdb/_server.ovsschema")
FILES = ("ovsdb-execution", "ovsdb-trigger", "ovsdb-tool", "ovsdb-server", "ovsdb-client", "ovsdb-monitor", "ovsdb-idl", "ovsdb-lock",
         "ovsdb-rbac", "ovs-vsctl", "vtep-ctl")
VARIANTS = ("relay", "replication", "transient", "ssl6", "ssl", "tcp6", "tcp", "unix")
ATLOCAL = """
HAVE_OPENSSL=yes OPENSSL_SUPPORTS_SNI=yes HAVE_UNBOUND=yes HAVE_IPV6=yes HAVE_PYTEST=no
EGREP='grep -E' PYTHON3=/usr/bin/python3 CFLAGS= TESTS_WITH_UBSAN=no
IS_WIN32=no IS_BSD=no IS_ARM64=no non_ascii_cwd=false LOOPBACK_INTERFACE=lo DIFF_SUPPORTS_NORMAL_FORMAT=yes
PYTHONDONTWRITEBYTECODE=yes PYTHONIOENCODING=utf_8 PYTHONCOERCECLOCALE=0 OVS_SYSLOG_METHOD=null OVS_CTL_TIMEOUT=30
export PYTHON3 PYTHONDONTWRITEBYTECODE PYTHONIOENCODING PYTHONCOERCECLOCALE OVS_SYSLOG_METHOD OVS_CTL_TIMEOUT
unset http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY
"""
RESULT = re.compile(r"^\s*(\d+): .*?\s(ok|FAILED|skipped|expected failure|UNEXPECTED PASS)\b[^)]*\)?\s*$")


class Suite:
    """Unpacked until close()."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="ovs-")  # short: a socket's address has 108 bytes
        self.top = os.path.join(self.root, "src")
        with tarfile.open(TARBALL) as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                if path.startswith(PARTS) and (member.isreg() or member.isdir()) and ".." not in path:
                    member.name = path
                    tar.extract(member, self.top)
        os.makedirs(os.path.join(self.top, "utilities"))
        os.symlink(shutil.which("ovs-pki"), os.path.join(self.top, "utilities", "ovs-pki.in"))
        self.make_keys()
        self.numbers = self.list()

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def make_keys(self):
        tests, pki = os.path.join(self.top, "tests"), os.path.join(self.root, "pki")
        ovs_pki = ["ovs-pki", "--dir=" + pki, "--log=" + os.path.join(self.root, "pki.log")]
        for words in (["init"], ["req+sign", "test"], ["req+sign", "test2"]):
            subprocess.run(ovs_pki + words, cwd=self.root, check=True, capture_output=True)
        shutil.copy(os.path.join(pki, "switchca", "cacert.pem"), os.path.join(tests, "testpki-cacert.pem"))
        for name, number in (("test", ""), ("test2", "2")):
            for kind in ("cert", "req", "privkey"):
                shutil.copy(os.path.join(self.root, "%s-%s.pem" % (name, kind)), os.path.join(tests, "testpki-%s%s.pem" % (kind, number)))

    def list(self):
        """Number of each test of FILES by name: group, colon, title."""
        out = subprocess.run(["/bin/bash", "./testsuite", "--list"], cwd=os.path.join(self.top, "tests"), capture_output=True, text=True,
                             check=True).stdout
        tests = []
        for line in out.splitlines():
            match = re.match(r"\s*(\d+): (\S+)\.at:\d+\s+(.*\S)", line)
            if match:
                tests.append([int(match[1]), match[2], match[3], ""])
            elif tests and line.startswith("      "):
                tests[-1][3] += " " + line
        numbers = {}
        for number, file, title, keywords in tests:
            if file in FILES:
                name = "%s: %s" % (group_of(file, keywords), title)
                copies = sum(1 for known in numbers if known == name or known.startswith(name + " #"))
                numbers["%s #%d" % (name, copies + 1) if copies else name] = number
        return numbers

    def run(self, label, path, names, n_jobs, env):
        """Runs tests with a directory before PATH. Result of each by name: ok, FAILED or skipped; and the folder of what failed left."""
        folder = os.path.join(self.root, label)
        os.makedirs(folder, exist_ok=True)
        tests = os.path.join(self.top, "tests")
        with open(os.path.join(folder, "atconfig"), "w", encoding="utf-8") as file:
            file.write("at_testdir=tests\nSHELL=/bin/bash\nEXEEXT=\nAUTOTEST_PATH='%s'\n" % ":".join(path))
            for where, value in (("builddir", tests), ("srcdir", tests), ("top_srcdir", self.top), ("top_builddir", self.top)):
                file.write("abs_%s='%s'\nat_%s='%s'\n" % (where, value, where, value))
            file.write("at_top_build_prefix='%s/'\n" % self.top)
        with open(os.path.join(folder, "atlocal"), "w", encoding="utf-8") as file:
            file.write(ATLOCAL)
        command = ["/bin/bash", os.path.join(tests, "testsuite"), "-C", folder, "-j%d" % n_jobs] + [str(self.numbers[n]) for n in names]
        try:
            out = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                 env={**os.environ, **env, "SLUICE_SUITE": self.top, "LC_ALL": "C"})
        finally:
            self.end_leftovers()
        by_number = {self.numbers[n]: n for n in names}
        results = {}
        for line in out.stdout.splitlines():
            match = RESULT.match(line)
            if match and int(match[1]) in by_number:
                results[by_number[int(match[1])]] = match[2]
        missing = [n for n in names if n not in results]
        if missing:
            sys.stderr.write(out.stdout[-3000:] + out.stderr[-3000:])
        results.update({n: "no result" for n in missing})
        return results

    def log(self, label, name):
        """What a failed test left behind."""
        path = os.path.join(self.root, label, "testsuite.dir", "%d" % self.numbers[name], "testsuite.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return "no log\n"

    def end_leftovers(self):
        """A failed test may leave daemons: those whose OVS_RUNDIR is in our folder are ours."""
        mark = b"OVS_RUNDIR=%s/" % self.root.encode()
        for sig in (signal.SIGTERM, signal.SIGKILL):
            left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != os.getpid() and mark in environ(pid)]
            for pid in left:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            if not left:
                return
            time.sleep(0.5)


def environ(pid):
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return file.read()
    except OSError:
        return b""


def group_of(file, keywords):
    """The same titles stand in several places: over each kind of socket, for instance."""
    words = keywords.split()
    if file == "ovsdb-server":
        variant = next((v for v in VARIANTS if v in words), None)
        return "ovsdb-server" + ("/" + variant if variant else "")
    return file


def read_rows(name, n_fields):
    """Rows of a list, fields between bars; # begins a comment."""
    rows = []
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            fields = [f.strip() for f in line.split(" | ")]
            if len(fields) != n_fields or not all(fields):
                raise ValueError("%s: %s: expected %d fields" % (name, line.strip(), n_fields))
            rows.append(fields)
    return rows
