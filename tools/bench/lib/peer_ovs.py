# SPDX-License-Identifier: Apache-2.0
"""OVS-DPDK, private: own database, sockets, logs and network namespace. An OVS that runs on this machine is never touched."""

import os
import re

from lib import ovs_native, ovs_text
from lib.peer import UNDERLAY_MAC, UNDERLAY_MTU, UNDERLAY_PREFIX_LEN, Counters, Peer
from lib.process import BenchError, run, wait_for

VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE, WIRE_BRIDGE = "br0", "br-wire"
ADDED_COOKIE = "0xbe"
NO_HUGE_MEMORY_MB = 1024
# Upstream's documentation of each: the cache for few flows, none, the one for many.
CONFIGS = {
    "emc": {},
    "no-emc": {"emc-insert-inv-prob": "0"},
    "smc": {"emc-insert-inv-prob": "0", "smc-enable": "true"},
}


class Ovs(Peer):
    name = "ovs"
    program = "vswitchd"
    configs = tuple(CONFIGS)

    def __init__(self, config="emc"):
        super().__init__(config)
        self.cores = None
        self.env = None
        self.ofports = {}

    def binary(self):
        if not os.path.exists(VSWITCHD):
            raise BenchError("OVS with DPDK is not installed", "tools/dev/packages --install bench")
        return VSWITCHD

    def start(self, cores, huge, memory_mb, n_flows):
        binary = self.binary()
        self.prepare(self.name)
        self.cores = cores
        self.env = dict(os.environ, **{name: self.group.dir for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")})
        run("ovsdb-tool", "create", self.group.path("conf.db"), SCHEMA, env=self.env)
        self.group.spawn("ovsdb-server", ["ovsdb-server", self.group.path("conf.db"), "--remote=punix:" + self._db(),
                                          "--unixctl=" + self.group.path("ovsdb.ctl"), "--no-chdir", "-vconsole:warn"],
                         {cores.other}, env=self.env, netns=self.netns)
        wait_for("ovsdb-server answers", lambda: self.check() or os.path.exists(self._db()), log=self.group.log("ovsdb-server"))
        self._vsctl("--no-wait", "init")
        # No memory limit with hugepages: OVS takes what its ports need.
        extra = "--file-prefix=%s --no-telemetry" % os.path.basename(self.group.dir)
        extra += " --huge-unlink=always" if huge else " --no-huge --legacy-mem -m %d" % max(memory_mb, NO_HUGE_MEMORY_MB)
        config = {"dpdk-init": "true", "pmd-cpu-mask": hex(1 << cores.dut), "dpdk-lcore-mask": hex(1 << cores.other), "dpdk-extra": extra,
                  # More flows than its default of 200,000 must not be what is measured.
                  "flow-limit": str(max(200000, 2 * n_flows)), **CONFIGS[self.config]}
        self._vsctl("--no-wait", "set", "Open_vSwitch", ".", *('other_config:%s="%s"' % kv for kv in config.items()))
        self.group.spawn("vswitchd", [binary, "unix:" + self._db(), "--unixctl=" + self.group.path("vswitchd.ctl"), "--no-chdir",
                                      "-vconsole:info", "-vsyslog:off"],
                         {cores.other}, env=dict(self.env, RUNTIME_DIRECTORY=self.group.dir), netns=self.netns)
        wait_for("ovs-vswitchd answers", lambda: self.check() or os.path.exists(self.group.path("vswitchd.ctl")), 30,
                 log=self.group.log("vswitchd"))
        wait_for("DPDK starts in OVS", self._dpdk_up, 30, log=self.group.log("vswitchd"))
        self._vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev", "fail-mode=secure")

    def _dpdk_up(self):
        self.check()
        return self._vsctl("get", "Open_vSwitch", ".", "dpdk_initialized").strip() == "true"

    def _db(self):
        return self.group.path("db.sock")

    def _vsctl(self, *words):
        return run("ovs-vsctl", "--db=unix:" + self._db(), "--timeout=60", *words, env=self.env)

    def appctl(self, *words):
        return run("ovs-appctl", "-t", self.group.path("vswitchd.ctl"), *words, env=self.env)

    def ofctl(self, command, *words, stdin=None, timeout_s=120):
        # Our own sockets live in our own directory, where ovs-ofctl looks for a bridge by name.
        return run("ovs-ofctl", "-O", "OpenFlow14", command, BRIDGE, *words, env=self.env, stdin=stdin, timeout_s=timeout_s)

    def _add_port(self, name, *settings):
        self._vsctl("add-port", BRIDGE, name, "--", "set", "interface", name, *settings)
        ofport = self._vsctl("get", "interface", name, "ofport").strip()
        error = self._vsctl("get", "interface", name, "error").strip()
        if not ofport.isdigit() or error not in ("[]", ""):
            raise BenchError("OVS did not open port %s: %s" % (name, error), log=self.group.log("vswitchd"))
        self.ofports[name] = int(ofport)
        self.ports.append(name)

    def add_source(self, name, pcap):
        self._add_port(name, "type=dpdk", 'options:dpdk-devargs="net_pcap_%s,rx_pcap=%s,infinite_rx=1"' % (name, pcap))

    def add_sink(self, name):
        self._add_port(name, "type=dpdk", 'options:dpdk-devargs="net_null_%s,no-rx=1"' % name)

    def add_vhost(self, name):
        path = self.group.path(name + ".sock")
        self._add_port(name, "type=dpdkvhostuserclient", "options:vhost-server-path=" + path)
        return path

    def add_servers(self, names):
        words = []
        for name in names:
            words += ["--", "add-port", BRIDGE, name, "--", "set", "interface", name, "type=dpdkvhostuser"]
        self._vsctl(*words[1:])
        # OVS puts such sockets into its run directory by itself.
        return {name: self.group.path(name) for name in names}

    def add_uplink(self, name, overlay):
        # The bridge of the wire, whose local port has the tunnel's address; OVS learns the route from the kernel of this namespace.
        path = self.group.path(name + ".sock")
        self._vsctl("add-br", WIRE_BRIDGE, "--", "set", "bridge", WIRE_BRIDGE, "datapath_type=netdev", 'other-config:hwaddr="%s"' % UNDERLAY_MAC,
                    "--", "set", "interface", WIRE_BRIDGE, "mtu_request=%d" % UNDERLAY_MTU, "--", "add-port", WIRE_BRIDGE, name,
                    "--", "set", "interface", name, "type=dpdkvhostuserclient", "options:vhost-server-path=" + path)
        ip = ("ip", "-n", self.netns)
        run(*ip, "addr", "add", "%s/%d" % (overlay["local"], UNDERLAY_PREFIX_LEN), "dev", WIRE_BRIDGE)
        run(*ip, "link", "set", WIRE_BRIDGE, "up")
        self.appctl("tnl/neigh/set", WIRE_BRIDGE, overlay["remote"], overlay["mac"])
        wait_for("OVS has the route to %s" % overlay["remote"], lambda: WIRE_BRIDGE in self.appctl("ovs/route/lookup", overlay["remote"]),
                 log=self.group.log("vswitchd"))
        self.ports.append(name)
        return path

    def add_tunnel(self, name, remote, vni):
        self._add_port(name, "type=vxlan", "options:remote_ip=" + remote, "options:key=%d" % vni)

    def set_rules(self, rules):
        # A file replaces what was there in one bundle.
        self.ofctl("replace-flows", "--bundle", "-", stdin="\n".join(rule.for_ovs(self.ofports) for rule in rules) + "\n")

    def encode_rules(self, rules):
        return "".join("cookie=%s,%s\n" % (ADDED_COOKIE, rule.for_ovs(self.ofports)) for rule in rules)

    def add_encoded(self, request):
        self.ofctl("add-flows", "--bundle", "-", stdin=request)

    def remove_rules(self):
        self.ofctl("del-flows", "cookie=%s/-1" % ADDED_COOKIE)

    def forget_flows(self):
        self.appctl("dpctl/del-flows", "netdev@ovs-netdev")

    def counters(self):
        ports = ovs_text.dpctl_ports(self.appctl("dpctl/show", "-s", "netdev@ovs-netdev"))
        pmd = ovs_text.pmd_stats(self.appctl("dpif-netdev/pmd-stats-show"), self.cores.dut)
        more = {k: v for k, v in pmd.items() if k not in ("busy_cycles", "idle_cycles", "packets")}
        return Counters(pmd["busy_cycles"], pmd["idle_cycles"], pmd["packets"], {n: ports[n] for n in self.ports if n in ports}, more)

    def version(self):
        text = run(self.binary(), "--version")
        return "; ".join(re.sub(r"\s+", " ", line) for line in text.splitlines() if line.startswith(("ovs-vswitchd", "DPDK")))


class OvsNative(Ovs):
    name = "ovs-native"

    def binary(self):
        return ovs_native.binary()
