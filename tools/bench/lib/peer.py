# SPDX-License-Identifier: Apache-2.0
"""What a switch under test must be able to do. One class per switch; a run only knows this interface.

Life: start → add ports → set_rules → (resume → trial → pause)* → stop. stop() leaves nothing behind, whatever happened before.
"""

import itertools
import os

from lib.machine import prefer
from lib.process import PREFIX, BenchError, Group, run

UNDERLAY_MAC = "02:00:00:00:01:01"
UNDERLAY_MTU = 1600
UNDERLAY_PREFIX_LEN = 24
SERIAL = itertools.count()


WRAP = 1 << 64  # OVS prints a difference of two counters that it reads one after the other: below zero, it wraps


class Counters:
    """What a switch says of itself at one moment. Differences of two make a trial."""

    def __init__(self, busy_cycles, idle_cycles, packets, ports, more=None):
        self.busy_cycles, self.idle_cycles, self.packets = busy_cycles, idle_cycles, packets
        self.ports = ports  # {name: {"rx": packets, "tx": packets, "drops": packets}}
        self.more = more or {}

    def since(self, before):
        ports = {name: {k: v - before.ports.get(name, {}).get(k, 0) for k, v in row.items()} for name, row in self.ports.items()}
        more = {k: v - before.more.get(k, 0) for k, v in self.more.items()}
        return Counters((self.busy_cycles - before.busy_cycles) % WRAP, (self.idle_cycles - before.idle_cycles) % WRAP,
                        self.packets - before.packets, ports, more)

    def as_json(self):
        return {"busy_cycles": self.busy_cycles, "idle_cycles": self.idle_cycles, "packets": self.packets, "ports": self.ports, **self.more}


class Peer:
    name = None
    program = None  # the process of its group that forwards
    configs = ("default",)
    switches = True  # False: only moves packets, a floor for the others

    def __init__(self, config="default"):
        if config not in self.configs:
            raise ValueError("%s has no configuration %s" % (self.name, config))
        self.config = config
        self.group = None
        self.netns = None
        self.ports = []  # names in order of addition

    def __str__(self):
        return self.name if self.config == "default" else "%s (%s)" % (self.name, self.config)

    # What each switch says in its own words.
    def start(self, cores, huge, memory_mb, n_flows):
        raise NotImplementedError

    def add_source(self, name, pcap):
        """A port that plays a capture without end."""
        raise NotImplementedError

    def add_sink(self, name):
        """A port that drops what it is sent."""
        raise NotImplementedError

    def add_vhost(self, name):
        """A vhost-user port; returns the path of the socket that the guest listens at."""
        raise NotImplementedError

    def add_servers(self, names):
        """vhost-user ports at whose sockets the switch listens: {name: path}. Many guests come faster than a client looks for them."""
        raise self.cannot("listens for no guests")

    def add_uplink(self, name, overlay):
        """A vhost-user port that carries VXLAN from and to overlay["remote"]; returns as add_vhost."""
        raise self.cannot("carries no VXLAN")

    def add_tunnel(self, name, remote, vni):
        """The port at which rules see what comes out of the uplink, and what they send into it."""
        raise self.cannot("carries no VXLAN")

    def underlay_mac(self):
        """Of its own address below the overlay."""
        return UNDERLAY_MAC

    def set_rules(self, rules):
        raise NotImplementedError

    def add_rules(self, rules):
        """Beside those that are there, in as few transactions as it can take."""
        self.add_encoded(self.encode_rules(rules))

    def encode_rules(self, rules):
        """What add_encoded says to the switch, so that only the saying is timed."""
        raise self.cannot("takes no rules")

    def add_encoded(self, request):
        raise self.cannot("takes no rules")

    def remove_rules(self):
        """Those of add_rules."""
        raise self.cannot("takes no rules")

    def forget_flows(self):
        """What it has cached of past traffic, where that could weigh on what comes; rules stay."""

    def cannot(self, what):
        return BenchError("%s %s" % (self.name, what), "leave --peer %s out" % self.name)

    def counters(self):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    # What all have in common.
    def clone(self):
        """Another of the same kind and configuration, not started."""
        return type(self)(self.config)

    def prepare(self, kind):
        """A directory and a network namespace: two switches may want the same interface names."""
        self.group = Group(kind)
        self.netns = "%s%d-%d" % (PREFIX, os.getpid(), next(SERIAL))
        run("ip", "netns", "add", self.netns)
        run("ip", "-n", self.netns, "link", "set", "lo", "up")

    def pid(self):
        return next(process.pid for name, process in self.group.processes if name == self.program)

    def prefer(self, core):
        """Its polling threads run before whatever else wakes up on their core."""
        prefer(self.pid(), core)

    def pause(self):
        self.group.pause()

    def resume(self):
        self.group.resume()

    def check(self):
        self.group.check()

    def stop(self):
        if self.group is not None:
            self.group.stop()
            self.group = None
        if self.netns is not None:
            run("ip", "netns", "del", self.netns, check=False)
            self.netns = None
