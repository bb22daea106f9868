# SPDX-License-Identifier: Apache-2.0
"""ovs-vsctl, as operators call it, against a host of a lab."""
import json
import subprocess

from harness import Failure


class Vsctl:
    """vsctl("add-br", "br0") → its output. Waits as operators do, for the data plane, unless told otherwise."""

    def __init__(self, host, db=None):
        self.host = host
        self.db = db or "unix:%s/db.sock" % host.rundir
        self.stderr = ""

    def run(self, *words, timeout_s=15):
        cmd = ["ip", "netns", "exec", self.host.netns, "ovs-vsctl", "--db=" + self.db, "--timeout=%d" % timeout_s] + list(words)
        result = subprocess.run(cmd, capture_output=True, text=True, timeout=timeout_s + 10, check=False)
        self.stderr = result.stderr
        return result

    def __call__(self, *words, timeout_s=15):
        result = self.run(*words, timeout_s=timeout_s)
        if result.returncode != 0 or "Error detected" in result.stderr:
            raise Failure("ovs-vsctl %s: %s%s" % (" ".join(words), result.stdout[-1000:], result.stderr[-2000:]))
        return result.stdout

    def get(self, table, row, column):
        """A column's value: as Python has it when it is JSON too, else its text."""
        text = self("get", table, row, column).strip()
        try:
            return json.loads(text)
        except ValueError:
            return text
