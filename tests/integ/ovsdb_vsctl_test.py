#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The switch driven with the distribution's ovs-vsctl, and nothing else.

   g1 ─ tap p1 ─┐
   10.0.0.1     ├ br0 ─ host a: sluice-switch, sluiced ─ db.sock ─ ovs-vsctl
   g2 ─ tap p2 ─┘
   10.0.0.2
"""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certs import make_keys  # noqa: E402
from harness import *  # noqa: E402,F403
from vsctl import Vsctl  # noqa: E402

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"


def set_up(lab):
    require("ovs-vsctl")
    host = lab.create()[0]
    lab.start(host)
    return host, Vsctl(host)


def two_guests(lab, host, vsctl):
    vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
    vsctl("add-port", "br0", "p1", "--", "set", "interface", "p1", "type=tap")
    vsctl("add-port", "br0", "p2", "--", "set", "interface", "p2", "type=internal")
    # No waiting for devices: ovs-vsctl has returned, so they are there.
    return lab.add_guest(host, "p1", MAC1, ["10.0.0.1/24"]), lab.add_guest(host, "p2", MAC2, ["10.0.0.2/24"])


def it_returns_when_packets_pass(lab):
    host, vsctl = set_up(lab)
    g1, _ = two_guests(lab, host, vsctl)
    wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
    # What follows has no device that comes up: only the switch's rules change, and are in force when ovs-vsctl returns.
    for _ in range(5):
        vsctl("set", "port", "p1", "tag=10")
        expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "p1 is in VLAN 10, and reaches p2 which is not")
        vsctl("set", "port", "p2", "tag=10")
        expect(ping(g1, "10.0.0.2", 2) == 2, "both are in VLAN 10 when ovs-vsctl has returned")
        vsctl("remove", "port", "p1", "tag", "10", "--", "clear", "port", "p2", "tag")
        expect(ping(g1, "10.0.0.2", 2) == 2, "neither is in a VLAN when ovs-vsctl has returned")
    vsctl("set-fail-mode", "br0", "secure")
    expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "a secure bridge without rules forwards")
    vsctl("del-fail-mode", "br0")
    expect(ping(g1, "10.0.0.2", 2) == 2, "a standalone bridge does not forward")
    vsctl("del-port", "p2")
    expect(ping(g1, "10.0.0.2", 2, deadline_s=1) == 0, "a deleted port still forwards")
    assert_conserved(host)


def commands_say_what_is(lab):
    host, vsctl = set_up(lab)
    two_guests(lab, host, vsctl)
    expect(vsctl("list-br").split() == ["br0"], "list-br")
    expect(sorted(vsctl("list-ports", "br0").split()) == ["p1", "p2"], "list-ports")
    expect(vsctl("port-to-br", "p1").strip() == "br0" and vsctl("iface-to-br", "p2").strip() == "br0", "port-to-br")
    show = vsctl("show")
    expect("Bridge br0" in show and "type: internal" in show and "ovs_version" in show, "show: " + show)
    expect(vsctl.get("interface", "br0", "ofport") == 65534, "the local port's number")
    numbers = [vsctl.get("interface", p, "ofport") for p in ("p1", "p2")]
    expect(sorted(numbers) == [1, 2], "numbers: %s" % numbers)
    vsctl("wait-until", "interface", "p1", "link_state=up", timeout_s=5)
    vsctl("set", "interface", "p1", "external_ids:iface-id=x", "mtu_request=1400")
    expect(vsctl("--bare", "--columns=name", "find", "interface", "external_ids:iface-id=x").strip() == "p1", "find")
    vsctl("wait-until", "interface", "p1", "mtu=1400", timeout_s=5)
    expect(vsctl.get("bridge", "br0", "datapath_id") != "[]", "datapath_id")
    types = vsctl("get", "Open_vSwitch", ".", "iface_types")
    expect("dpdkvhostuserclient" in types and "vxlan" in types, "iface_types: " + types)
    expect(vsctl.get("Open_vSwitch", ".", "dpdk_initialized") is True, "dpdk_initialized")
    wait_for("statistics", lambda: "rx_packets" in vsctl("get", "interface", "p1", "statistics"), 12)
    vsctl("--may-exist", "add-br", "br0", "--", "--may-exist", "add-port", "br0", "p1", "--", "--if-exists", "del-port", "none")
    # Several commands, one transaction, and a number that is asked for.
    vsctl("add-br", "br1", "--", "add-port", "br1", "p3", "--", "set", "interface", "p3", "type=tap", "ofport_request=33")
    expect(vsctl.get("interface", "p3", "ofport") == 33, "ofport_request")
    expect({p["name"] for p in host.api.call("stats.get", table="port")["ports"]} == {"br0", "p1", "p2", "br1", "p3"}, "ports of the API")


def a_device_of_the_kernel_is_a_port(lab):
    """add-port without a type, as everybody does first."""
    require("ethtool")
    host, vsctl = set_up(lab)
    vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=tap")
    g1 = lab.add_guest(host, "p1", MAC1, ["10.0.0.1/24"])
    g2 = lab.add_veth(host, "w0", "eth0")
    netns_exec(g2, "ip", "addr", "add", "10.0.0.2/24", "dev", "eth0")
    netns_exec(g2, "ethtool", "-K", "eth0", "tx", "off")
    vsctl("add-port", "br0", "w0")
    wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
    expect(ping(g1, "10.0.0.2") == 5, "pings are lost")
    expect(vsctl.get("interface", "w0", "link_state") == "up" and vsctl.get("interface", "w0", "ifindex") > 0, "state of w0")
    result = vsctl.run("add-port", "br0", "w1")
    expect("No such device" in result.stderr, "w1: " + result.stderr)
    lab.add_veth(host, "w1", "eth0")
    vsctl("wait-until", "interface", "w1", "ofport>0", timeout_s=15)
    assert_conserved(host)


def veth_guest(lab, host):
    netns = lab.add_veth(host, "w0", "eth0")
    netns_exec(netns, "ip", "addr", "add", "10.0.0.2/24", "dev", "eth0")
    netns_exec(netns, "ethtool", "-K", "eth0", "tx", "off")


def a_device_by_af_xdp_is_a_port(lab):
    """type=afxdp: the kernel's stack sees nothing of what comes in by the device any more."""
    require("ethtool")
    host, vsctl = set_up(lab)
    vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=tap")
    g1 = lab.add_guest(host, "p1", MAC1, ["10.0.0.1/24"])
    veth_guest(lab, host)
    expect("afxdp" in vsctl("get", "Open_vSwitch", ".", "iface_types"), "iface_types")
    vsctl("add-port", "br0", "w0", "--", "set", "interface", "w0", "type=afxdp")
    wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
    expect(ping(g1, "10.0.0.2", 20, interval_s=0.01) == 20, "pings are lost")
    link = netns_exec(host.netns, "ip", "-d", "link", "show", "dev", "w0")
    expect("xdp" in link, "no XDP program is on w0: " + link)
    expect(vsctl.get("interface", "w0", "ifindex") > 0 and vsctl.get("interface", "w0", "admin_state") == "up", "state of w0")
    vsctl("del-port", "w0")
    wait_for("the program is gone", lambda: "xdp" not in netns_exec(host.netns, "ip", "-d", "link", "show", "dev", "w0"))
    result = vsctl.run("add-port", "br0", "w1", "--", "set", "interface", "w1", "type=afxdp")
    expect("No such device" in result.stderr, "w1: " + result.stderr)
    assert_conserved(host)


def a_device_that_comes_back_is_the_port_again(lab):
    """A container is started anew: its end of the veth pair goes, and another of the same name comes."""
    require("ethtool")
    host, vsctl = set_up(lab)
    vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=tap")
    g1 = lab.add_guest(host, "p1", MAC1, ["10.0.0.1/24"])
    for kind in ("system", "afxdp"):
        veth_guest(lab, host)
        vsctl("add-port", "br0", "w0", "--", "set", "interface", "w0", "type=" + kind)
        netns_exec(g1, "ip", "neigh", "flush", "all")
        wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
        flood = lab.spawn(g1, "ping", "-qf", "-i", "0.002", "10.0.0.2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(3):
            lab.del_veth(host, "w0")
            vsctl("wait-until", "interface", "w0", "ofport=-1", timeout_s=15)
            expect("No such device" in vsctl("get", "interface", "w0", "error"), "error of w0")
            veth_guest(lab, host)
            vsctl("wait-until", "interface", "w0", "ofport>0", timeout_s=15)
            netns_exec(g1, "ip", "neigh", "flush", "all")
            wait_for("ping again", lambda: ping(g1, "10.0.0.2", 1))
        flood.kill()
        vsctl("del-port", "w0")
        lab.del_veth(host, "w0")
        assert_conserved(host)


def a_policed_interface(lab):
    """100 kbit/s and 8 packets at once, of a guest that sends ten times as much."""
    host, vsctl = set_up(lab)
    g1, _ = two_guests(lab, host, vsctl)
    wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
    vsctl("set", "interface", "p1", "ingress_policing_rate=100", "ingress_policing_burst=80")
    answered = ping(g1, "10.0.0.2", 100, size=972, interval_s=0.01, deadline_s=5)
    dropped = port_stats(host)["p1"]["drops"].get("policed", 0)
    expect(8 <= answered <= 90 and dropped + answered >= 100, "%d answers, %d policed" % (answered, dropped))
    vsctl("set", "interface", "p1", "ingress_policing_rate=0")
    expect(ping(g1, "10.0.0.2", 20, size=972, interval_s=0.01) == 20, "ping without a limit")
    assert_conserved(host)


def what_fails_says_why(lab):
    _, vsctl = set_up(lab)
    vsctl("add-br", "br0")
    result = vsctl.run("add-port", "br0", "nothere0")
    expect("Error detected while setting up 'nothere0'" in result.stderr and "No such device" in result.stderr, "system: " + result.stderr)
    expect(vsctl.get("interface", "nothere0", "ofport") == -1, "the failed port's number")
    result = vsctl.run("add-port", "br0", "t0", "--", "set", "interface", "t0", "type=vxlan")
    expect("Error detected" in result.stderr and "remote_ip" in result.stderr, "vxlan: " + result.stderr)
    result = vsctl.run("add-port", "br0", "g0", "--", "set", "interface", "g0", "type=geneve", "options:remote_ip=192.0.2.2")
    expect("Error detected" in result.stderr and "geneve" in result.stderr, "geneve: " + result.stderr)
    expect("geneve" in vsctl("get", "interface", "g0", "error"), "error of g0")
    vsctl("set", "interface", "g0", "type=vxlan")
    expect(vsctl.get("interface", "g0", "error") == "[]" or vsctl.get("interface", "g0", "error") == [], "g0 is mended")
    vsctl("--id=@m", "create", "mirror", "name=m", "select_all=true", "--", "set", "bridge", "br0", "mirrors=@m")
    expect("mirrors" in vsctl("get", "bridge", "br0", "status:unsupported"), "an unsupported table says so")
    vsctl("del-br", "br0")
    expect(vsctl("list-br") == "", "del-br with ports")


def all_of_it_can_be_reset(lab):
    host, vsctl = set_up(lab)
    two_guests(lab, host, vsctl)
    system_id = vsctl("get", "Open_vSwitch", ".", "external_ids:system-id")
    host.api.commit([host.api.put("bridge", "api0"), host.api.put("port", "av0", bridge="api0", kind="tap", device="av0")], owner="cloud")
    wait_for("the API's bridge is shown", lambda: "api0" in vsctl("list-br"))
    expect(vsctl("get", "bridge", "api0", "external_ids:sluice-owner").strip() == "cloud", "owner of api0")
    expect(vsctl("list-ports", "api0").split() == ["av0"], "ports of api0")
    vsctl("init")
    vsctl("emer-reset")
    expect(sorted(vsctl("list-br").split()) == ["api0", "br0"], "emer-reset leaves bridges: " + vsctl("list-br"))
    vsctl("set", "Open_vSwitch", ".", "external_ids={}")
    wait_for("system-id is back", lambda: vsctl("--if-exists", "get", "Open_vSwitch", ".", "external_ids:system-id") == system_id)
    vsctl("del-br", "br0")
    vsctl("--if-exists", "del-br", "api0")
    wait_for("the API's bridge comes back", lambda: vsctl("list-br").split() == ["api0"])
    expect({p["name"] for p in host.api.call("stats.get", table="port")["ports"]} == {"av0"}, "only the API's port is left")


def numbers_survive_restarts(lab):
    host, vsctl = set_up(lab)
    g1, _ = two_guests(lab, host, vsctl)
    wait_for("ping", lambda: ping(g1, "10.0.0.2", 1))
    numbers = [vsctl.get("interface", p, "ofport") for p in ("br0", "p1", "p2")]
    generation = host.api.call("sys.health")["generation"]
    os.killpg(host.daemon.pid, signal.SIGKILL)
    host.daemon.wait()
    expect(ping(g1, "10.0.0.2", 3) == 3, "packets pass without sluiced")
    host.api = None
    host.start_daemon()
    host.connect()
    vsctl("wait-until", "interface", "p1", "link_state=up", timeout_s=5)
    expect(numbers == [vsctl.get("interface", p, "ofport") for p in ("br0", "p1", "p2")], "numbers after a restart of sluiced")
    health = host.api.call("sys.health")
    expect(health["generation"] == generation and health["switch"]["repairs"] == 0, "a restart changed something: %s" % health)
    vsctl("set", "interface", "p1", "external_ids:a=b")
    os.killpg(host.switch.pid, signal.SIGKILL)
    host.switch.wait()
    # Nobody waits for a switch that is away; what is written is done when it is back.
    vsctl("--no-wait", "add-port", "br0", "p3", "--", "set", "interface", "p3", "type=tap")
    host.start_switch(0)
    vsctl("set", "interface", "p1", "external_ids:a=c", timeout_s=20)
    expect(numbers == [vsctl.get("interface", p, "ofport") for p in ("br0", "p1", "p2")], "numbers after a restart of the switch")
    expect(vsctl.get("interface", "p3", "ofport") == 3, "the port that was added meanwhile")


def managers_are_served(lab):
    host, vsctl = set_up(lab)
    base_path = os.path.join(host.rundir, "second.sock")
    vsctl("set-manager", "ptcp:6640:127.0.0.1", "punix:" + base_path)
    by_tcp, by_path = Vsctl(host, "tcp:127.0.0.1:6640"), Vsctl(host, "unix:" + base_path)
    wait_for("the manager's port", lambda: by_tcp.run("show", timeout_s=2).returncode == 0)
    by_tcp("add-br", "br0")
    expect(by_path("list-br").split() == ["br0"], "list-br over the other socket")
    vsctl("del-manager")
    wait_for("the port is closed", lambda: by_tcp.run("show", timeout_s=1).returncode != 0)
    locked = subprocess.run(["ovsdb-client", "-t", "1", "lock", "unix:%s/db.sock" % host.rundir, "ovs_vswitchd"], capture_output=True,
                            text=True, check=False).stdout
    expect('"locked":false' in locked.replace(" ", ""), "lock: " + locked)


def a_manager_by_tls(lab):
    """Certificates by ovs-vsctl set-ssl, and replaced in place while it runs."""
    require("openssl")
    host, vsctl = set_up(lab)
    directory = host.rundir
    path = lambda name: os.path.join(directory, name)  # noqa: E731
    make_keys(directory)

    def by_tls(name, ca="ca"):
        return subprocess.run(["ip", "netns", "exec", host.netns, "ovs-vsctl", "--db=ssl:127.0.0.1:6641", "--timeout=3", "-p", path(name + ".key"),
                               "-c", path(name + ".pem"), "-C", path(ca + ".pem"), "get", "Open_vSwitch", ".", "ovs_version"],
                              capture_output=True, text=True, check=False)
    vsctl("set-ssl", path("server.key"), path("server.pem"), path("ca.pem"), "--", "set-manager", "pssl:6641:127.0.0.1")
    wait_for("the manager's port", lambda: by_tls("client").returncode == 0)
    expect("sluice" in by_tls("client").stdout, "over TLS")
    expect(by_tls("stranger").returncode != 0, "a client of another authority is served")
    expect(by_tls("client", ca="other").returncode != 0, "a client takes a server of another authority")
    # Now all is of the other authority, under the same names.
    for name in ("other.pem", "stranger.pem", "stranger.key"):
        os.rename(path(name), path({"other.pem": "ca.pem", "stranger.pem": "server.pem", "stranger.key": "server.key"}[name]))
    wait_for("the new certificates are in force", lambda: by_tls("server").returncode == 0, 15)
    expect(by_tls("client").returncode != 0, "a client of the former authority is served")
    vsctl("del-manager", "--", "del-ssl")


if __name__ == "__main__":
    main(it_returns_when_packets_pass, commands_say_what_is, a_device_of_the_kernel_is_a_port, a_device_by_af_xdp_is_a_port,
         a_device_that_comes_back_is_the_port_again, a_policed_interface,
         what_fails_says_why, all_of_it_can_be_reset, numbers_survive_restarts, managers_are_served, a_manager_by_tls)
