# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: labs that clean up, evidence when a test fails, traffic whose losses are counted.

A test is a function run by main(); it gets a Lab and may raise Failure or Skip. Exit codes: 0 passed, 1 failed, 77 skipped.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tools", "demo"), os.path.join(TOP, "tests")]
import lab  # noqa: E402
from verdict import Failure, expect, wait_for  # noqa: E402, F401

BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))


class Skip(Exception):
    pass


def require(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip("%s is not installed" % program)


def netns_exec(netns, *cmd, check=True, timeout_s=60):
    result = subprocess.run(["ip", "netns", "exec", netns] + list(cmd), capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and result.returncode != 0:
        raise Failure("%s in %s: %s%s" % (" ".join(cmd), netns, result.stdout[-2000:], result.stderr[-2000:]))
    return result.stdout


class Lab(lab.Lab):
    """A lab of its own directory and names, with guests that are namespaces on tap ports: real TCP/IP stacks, no boot time."""

    def __init__(self):
        name = os.path.basename(sys.argv[0]).replace("_test.py", "").replace("_", "-")[:18]
        super().__init__(BUILD, prefix="t-%s-%d" % (name, os.getpid()), rundir=tempfile.mkdtemp(prefix="sluice-test-"))
        os.rmdir(self.rundir)  # create() makes it
        self.guests = []

    def start(self, host, core=0, memory_mb=192):
        host.start_switch(core, memory_mb)
        host.start_daemon()
        host.connect()

    def add_guest(self, host, name, mac, addresses, mtu=1450):
        """Gives the tap device of port name (created by the switch in the host's namespace) to a namespace of its own."""
        netns = "%s-%s" % (self.prefix, name)
        wait_for("tap device %s" % name, lambda: lab.sh("ip", "-n", host.netns, "link", "show", name, check=False))
        lab.sh("ip", "netns", "add", netns)
        self.guests.append(netns)
        lab.sh("ip", "-n", host.netns, "link", "set", name, "netns", netns)
        lab.sh("ip", "-n", netns, "link", "set", name, "address", mac, "mtu", str(mtu))
        for address in addresses:
            lab.sh("ip", "-n", netns, "addr", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        lab.sh("ip", "-n", netns, "link", "set", "lo", "up")
        lab.sh("ip", "-n", netns, "link", "set", name, "up")
        return netns

    def add_veth(self, host, name, device):
        """A veth pair from name in the host's namespace to device in a namespace of its own, both up and without IPv6."""
        netns = "%s-%s" % (self.prefix, name)
        lab.sh("ip", "netns", "add", netns)
        self.guests.append(netns)
        lab.sh("ip", "-n", host.netns, "link", "add", name, "type", "veth", "peer", "name", device, "netns", netns)
        for where, end in ((host.netns, name), (netns, device)):
            lab.sh("ip", "netns", "exec", where, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % end)
            lab.sh("ip", "-n", where, "link", "set", end, "up")
        return netns

    def del_veth(self, host, name):
        """Both ends, and the namespace of the other one."""
        netns = "%s-%s" % (self.prefix, name)
        lab.sh("ip", "-n", host.netns, "link", "del", name)
        lab.sh("ip", "netns", "del", netns)
        self.guests.remove(netns)

    def spawn(self, netns, *cmd, **popen):
        """A process in a namespace that remove() ends."""
        process = subprocess.Popen(["ip", "netns", "exec", netns] + list(cmd), start_new_session=True, **popen)
        self.record(process.pid)
        return process

    def remove(self):
        super().remove()
        for netns in self.guests:
            lab.sh("ip", "netns", "del", netns, check=False)
        self.guests = []

    def evidence(self):
        """Counters, drops and logs: printed when a test fails."""
        for host in self.hosts:
            sluice = [os.path.join(BUILD, "tools/cli/sluice"), "-t", "2", "-s", os.path.join(host.rundir, "api.sock")]
            for words in (["show"], ["stats"], ["drops", "list"], ["drops", "samples"]):
                if host.api is not None:
                    result = subprocess.run(sluice + words, capture_output=True, text=True, check=False)
                    print("--- %s: sluice %s\n%s%s" % (host.name, " ".join(words), result.stdout, result.stderr), file=sys.stderr)
            for log in ("switch.log", "sluiced.log"):
                print("--- %s %s\n%s" % (host.name, log, lab.tail(os.path.join(host.rundir, log), 25)), file=sys.stderr)


def port_stats(host):
    return {p["name"]: p for p in host.api.call("stats.get", table="port")["ports"]}


def assert_conserved(host):
    """rx + copies = sent + drops + held for every port, once the host is quiet."""
    def balanced():
        return all(p["rx_packets"] + p["copies"] == p["sent"] + sum(p["drops"].values()) + p["held"] for p in port_stats(host).values())
    wait_for("packets of host %s add up: %s" % (host.name, port_stats(host)), balanced, 5)


def ping(netns, address, count=5, size=56, dont_fragment=False, interval_s=0.05, deadline_s=10):
    """Number of answered probes."""
    cmd = ["ping", "-q", "-n", "-c", str(count), "-i", str(interval_s), "-W", "1", "-w", str(deadline_s), "-s", str(size)]
    cmd += ["-M", "do"] if dont_fragment else []
    out = netns_exec(netns, *cmd, address, check=False)
    for word in out.replace(",", "").split("\n"):
        if "received" in word:
            return int(word.split("transmitted")[1].split()[0])
    return 0


SENDER = """
import socket, struct, sys, time
address, port, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((address, port))
start, n = time.monotonic(), 0
while True:
    now = time.monotonic() - start
    if now >= seconds: break
    while n < now * rate:
        s.send(struct.pack('!QQ', n, time.monotonic_ns()) + bytes(48)); n += 1
    time.sleep(0.0005)
print(n)
"""

RECEIVER = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET6 if sys.argv[3] == '6' else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
s.bind(('', int(sys.argv[1]))); s.settimeout(float(sys.argv[2]))
print('ready', flush=True)
seen, last, gap, dup = set(), None, 0, 0
try:
    while True:
        data = s.recv(2048); now = time.monotonic_ns(); n = struct.unpack('!Q', data[:8])[0]
        if n == 0xffffffffffffffff: break
        dup += n in seen; seen.add(n)
        if last: gap = max(gap, now - last)
        last = now
except TimeoutError: pass
print(len(seen), dup, gap // 1000)
"""


class Stream:
    """Numbered datagrams at a steady rate between two guests; finish() says what arrived."""

    def __init__(self, the_lab, src, dst, address, rate_pps=2000, seconds=4.0, port=9999):
        family = "6" if ":" in address else "4"
        self.receiver = the_lab.spawn(dst, sys.executable, "-c", RECEIVER, str(port), "2.0", family, stdout=subprocess.PIPE, text=True)
        expect(self.receiver.stdout.readline().strip() == "ready", "receiver did not start")
        self.sender = the_lab.spawn(src, sys.executable, "-c", SENDER, address, str(port), str(rate_pps), str(seconds),
                                    stdout=subprocess.PIPE, text=True)

    def finish(self):
        """(sent, received, duplicates, longest silence in ms)"""
        sent = int(self.sender.communicate(timeout=60)[0])
        received, dup, gap_us = (int(v) for v in self.receiver.communicate(timeout=60)[0].split())
        return sent, received, dup, gap_us / 1000


def main(*tests):
    if os.geteuid() != 0:
        print("SKIP: needs root for network namespaces")
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for test in tests:
        the_lab = Lab()
        try:
            test(the_lab)
            print("ok %s" % test.__name__, flush=True)
        except Skip as e:
            print("SKIP: %s: %s" % (test.__name__, e), flush=True)
            sys.exit(77)
        except Exception:  # pylint: disable=broad-except
            print("FAILED %s" % test.__name__, flush=True)
            traceback.print_exc()
            the_lab.evidence()
            sys.exit(1)
        finally:
            the_lab.remove()
