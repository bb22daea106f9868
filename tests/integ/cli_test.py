#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a person and as a script use it.

   sluice ── api.sock ── host a: sluiced ── sluice-switch
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def run(host, words, code=0):
    """stdout and stderr of a command; its exit code must be as said."""
    command = [os.path.join(BUILD, "tools/cli/sluice"), "-s", os.path.join(host.rundir, "api.sock")] + words.split()
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    expect(result.returncode == code, "%s: exit code %d, not %d\n%s%s" % (words, result.returncode, code, result.stdout, result.stderr))
    return result.stdout, result.stderr


def objects_come_change_and_go(lab):
    a = lab.create()[0]
    lab.start(a)
    run(a, "network add red vni=5001")
    run(a, "port add vm1 network=red mac=02:00:00:00:00:01 addresses=10.0.0.1,fd00::1")
    run(a, "port add vm2 network=red kind=null mac=02:00:00:00:00:02 addresses=10.0.0.2")
    run(a, "tunnel_peer add b remote_ip=192.0.2.2 networks=red")
    run(a, "bridge add br0")
    run(a, "port add n1 kind=null bridge=br0")
    run(a, "port add n2 kind=null bridge=br0")
    run(a, "flow add f1 bridge=br0 match=in_port=n1,eth_type=0x800 actions=set_field:eth_dst=02:00:00:00:00:09,dec_ttl,output:n2")
    run(a, 'group add g1 bridge=br0 group_id=1 type=all buckets=[{"actions":[{"output":"n2"}]}]')
    for words, text in (("show", "network red"), ("status", "switch_connected"), ("port list", "vm1"), ("network show red", "5001"),
                        ("port show vm1", "waiting"), ("flow list", "f1"), ("group list", "g1"), ("tunnel_peer list", "192.0.2.2"),
                        ("stats", "vm2"), ("stats worker", "0"), ("stats table", "sluice-net"), ("drops list all=true", "spoof_mac"),
                        ("explain spoof_mac", "source MAC"), ("methods", "txn.commit"), ("help port", "guest-config"),
                        ("port guest-config vm1 --format qemu", "share=on"), ("port guest-config vm1 format=libvirt", "vhostuser")):
        expect(text in run(a, words)[0], "%s does not say %s:\n%s" % (words, text, run(a, words)[0]))
    run(a, "network set red unknown_unicast=flood")
    expect("flood" in run(a, "network show red")[0], "set did nothing")
    run(a, "network set red unknown_unicast=")
    expect("drop" in run(a, "network show red")[0], "reset did nothing")
    out = run(a, "trace n1 eth_src=02:00:00:00:00:05 eth_dst=02:00:00:00:00:06 eth_type=0x800 ipv4_src=10.1.0.1 ipv4_dst=10.1.0.2")[0]
    expect("f1" in out and "output n2" in out and "verdict: 1 output" in out, "trace says:\n" + out)
    out = run(a, "trace vm1 eth_src=02:00:00:00:00:05 eth_dst=02:00:00:00:00:02 eth_type=0x800 ipv4_src=10.0.0.1 ipv4_dst=10.0.0.2")[0]
    expect("wants eth_src=02:00:00:00:00:01" in out and "dropped, spoof_mac" in out, "trace says:\n" + out)
    run(a, "flow del f1")
    run(a, "group del g1")
    run(a, "port del n1 n2")
    run(a, "bridge del br0")
    expect(run(a, "bridge list")[0] == "", "the bridge is still there")


def mistakes_are_explained(lab):
    a = lab.create()[0]
    lab.start(a)
    run(a, "network add red vni=5001")
    for words, code, text in (("prot list", 2, 'did you mean "port"'), ("port frob", 2, "guest-config"), ("port add x nework=red", 2, "network"),
                              ("network add blue vni=5001", 1, "network \"red\""), ("port add p network=gren", 1, "gren"), ("port show nobody", 1, "no such"),
                              ("network add n vni=99999999", 1, "16777215"), ("network add n vni=x", 2, "a number"), ("-t 0 show", 2, "--timeout"),
                              ("drops samples reason=spof_mac", 1, "spoof_mac"), ("trace vm9 eth_type=0x800", 1, "vm9")):
        err = run(a, words, code)[1]
        expect("error: " in err and text in err, "%s says:\n%s" % (words, err))
        out = run(a, "-j " + words, code)[0]
        expect(json.loads(out)["error"]["message"], "%s as JSON says: %s" % (words, out))
    for words in ("show", "status", "port list", "stats", "drops list", "methods", "network show red"):
        json.loads(run(a, "-j " + words)[0])
    os.kill(a.daemon.pid, 15)
    a.daemon.wait()
    expect("cannot reach sluiced" in run(a, "show", 3)[1], "no word about the daemon")


def watch_prints_changes(lab):
    a = lab.create()[0]
    lab.start(a)
    watch = subprocess.Popen([os.path.join(BUILD, "tools/cli/sluice"), "-s", os.path.join(a.rundir, "api.sock"), "watch", "network"],
                             stdout=subprocess.PIPE, text=True)
    lab.record(watch.pid)
    wait_for("the watch is on", lambda: a.api.call("sys.health")["rpc"]["requests"] >= 2 and a.api.call("sys.health")["rpc"]["connections"] >= 2)
    run(a, "network add red vni=5001")
    expect("network red" in watch.stdout.readline(), "the watch says nothing of it")
    watch.terminate()
    watch.wait()


if __name__ == "__main__":
    main(objects_come_change_and_go, mistakes_are_explained, watch_prints_changes)
