# SPDX-License-Identifier: Apache-2.0
"""Sluice itself: the real sluice-switch and sluiced of the build, programmed over JSON-RPC as a controller does."""

import os
import sys

from lib.peer import UNDERLAY_MAC, UNDERLAY_MTU, UNDERLAY_PREFIX_LEN, Counters, Peer
from lib.process import BenchError, run, wait_for
from lib.rules import TUNNEL, WIRE

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.append(os.path.join(TOP, "tools", "demo"))
import api  # noqa: E402

BRIDGE = "br0"
UNDERLAY = "underlay0"
OWNER = "bench"
SESSIONS_MIN = 65536
RULES_A_COMMIT = 20000


class Sluice(Peer):
    name = "sluice"
    program = "switch"

    def __init__(self, build, config="default"):
        super().__init__(config)
        self.build = build
        self.api = None
        self.n_added = 0

    def clone(self):
        return Sluice(self.build, self.config)

    def start(self, cores, huge, memory_mb, n_flows):
        self.prepare("sluice")
        self.group.spawn("switch", [os.path.join(self.build, "datapath/sluice-switch"), "--rundir", self.group.dir, "--cores", str(cores.dut),
                                    "--memory", str(memory_mb), "--huge" if huge else "--no-huge",
                                    "--sessions", str(max(SESSIONS_MIN, 2 * n_flows))], {cores.other}, netns=self.netns)
        self.group.spawn("sluiced", [os.path.join(self.build, "control/sluiced"), "--rundir", self.group.dir,
                                     "--state", self.group.path("state")], {cores.other}, netns=self.netns)
        self.api = wait_for("sluiced answers", self._connect, log=self.group.log("sluiced"))
        wait_for("the switch connects to sluiced", lambda: self.check() or self.api.call("sys.health")["switch_connected"],
                 log=self.group.log("switch"))
        self._put([self.api.put("bridge", BRIDGE)])

    def _connect(self):
        self.check()
        try:
            return api.Api(self.group.path("api.sock"), timeout_s=120)
        except OSError:
            return None

    def _put(self, ops, **more):
        return self._run(self.api.encode_commit(ops, owner=OWNER, **more))

    def _run(self, request):
        try:
            return self.api.run(request)
        except (api.ApiError, OSError) as e:
            raise BenchError("sluiced refused: %s" % e, log=self.group.log("sluiced")) from None

    def _add_port(self, name, **columns):
        self._put([self.api.put("port", name, bridge=BRIDGE, **columns)])
        self.ports.append(name)

    def add_source(self, name, pcap):
        self._add_port(name, kind="pcap", device="rx=%s,loop" % pcap)
        self._wait_up(name)

    def add_sink(self, name):
        # The same DPDK device as everybody else's, not Sluice's own null port.
        self._add_port(name, kind="ethdev", device="net_null%d,no-rx=1" % len(self.ports))
        self._wait_up(name)

    def add_vhost(self, name):
        path = self.group.path(name + ".sock")
        self._add_port(name, kind="vhost-user", socket=path)
        return path

    def add_servers(self, names):
        paths = {name: self.group.path(name + ".sock") for name in names}
        self._put([self.api.put("port", name, bridge=BRIDGE, kind="vhost-user", socket=path, mode="server") for name, path in paths.items()])
        return paths

    def add_uplink(self, name, overlay):
        # sluiced takes the underlay's address, MTU, route and neighbour from a kernel interface; the packets take the device.
        ip = ("ip", "-n", self.netns)
        run(*ip, "link", "add", UNDERLAY, "address", UNDERLAY_MAC, "mtu", str(UNDERLAY_MTU), "type", "veth", "peer", "name", UNDERLAY + "p")
        for interface in (UNDERLAY, UNDERLAY + "p"):
            run(*ip, "link", "set", interface, "up")
        run(*ip, "addr", "add", "%s/%d" % (overlay["local"], UNDERLAY_PREFIX_LEN), "dev", UNDERLAY)
        run(*ip, "neigh", "replace", overlay["remote"], "lladdr", overlay["mac"], "nud", "permanent", "dev", UNDERLAY)
        path = self.group.path(name + ".sock")
        self._put([self.api.put("port", name, kind="uplink", interface=UNDERLAY, device="net_vhost,iface=%s,client=1,queues=1" % path)])
        self.ports.append(name)
        return path

    def add_tunnel(self, name, remote, vni):
        self._add_port(name, kind="vxlan", remote_ip=remote, vni=str(vni))

    def _wait_up(self, name):
        def up():
            row = next((p for p in self.api.call("stats.get", table="port")["ports"] if p["name"] == name), None)
            if row and row["state"] == "failed":
                raise BenchError("port %s of sluice failed: %s" % (name, row.get("error")), log=self.group.log("switch"))
            return row and row["state"] == "up"
        wait_for("port %s of sluice is up" % name, up, 60, log=self.group.log("switch"))

    def set_rules(self, rules):
        self.add_encoded(self._encode("r", rules))

    def encode_rules(self, rules):
        self.n_added = len(rules)
        return self._encode("more", rules)

    def add_encoded(self, request):
        for commit in request:
            self._run(commit)

    def remove_rules(self):
        ops = [{"op": "delete", "table": "flow", "name": "more%d" % i} for i in range(self.n_added)]
        for at in range(0, len(ops), RULES_A_COMMIT):
            self._put(ops[at:at + RULES_A_COMMIT], force=True)

    def _encode(self, prefix, rules):
        ops = [self.api.put("flow", "%s%d" % (prefix, i), **rule.for_sluice(BRIDGE)) for i, rule in enumerate(rules)]
        return [self.api.encode_commit(ops[at:at + RULES_A_COMMIT], owner=OWNER) for at in range(0, len(ops), RULES_A_COMMIT)]

    def counters(self):
        worker = self.api.call("stats.get", table="worker")["workers"][0]
        rows = {p["name"]: p for p in self.api.call("stats.get", table="port")["ports"]}
        ports = {name: {"rx": p["rx_packets"], "tx": p["tx_packets"], "drops": sum(p["drops"].values()), "copies": p["copies"]}
                 for name, p in rows.items() if name != TUNNEL}
        if TUNNEL in rows:
            # No device: what it counts as received and sent, the wire has counted already; what it drops, nobody else has.
            ports[WIRE]["drops"] += sum(rows[TUNNEL]["drops"].values())
        more = {k: worker[k] for k in ("bursts", "session_hits", "session_misses", "session_stale", "session_refused")}
        return Counters(worker["busy_cycles"], worker["idle_cycles"], worker["packets"], ports, more)

    def version(self):
        return run(os.path.join(self.build, "datapath/sluice-switch"), "--version").strip()

    def stop(self):
        if self.api is not None:
            self.api.close()
            self.api = None
        super().stop()
