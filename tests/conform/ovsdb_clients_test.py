#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ovs-vsctl, ovsdb-client and vtep-ctl as people use them.

   ovs-vsctl, ovsdb-client, vtep-ctl ── db.sock ── ovsdb-lite serve │ ovsdb-server   (each scene is played to both and must look the same)
"""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stage import LITE, UUID, Server, expect, main, wait_for  # noqa: E402


def vsctl(stage, words, code=0, is_sorted=False, wait=False):
    words = words.split() if isinstance(words, str) else list(words)
    return stage.run(["ovs-vsctl", "--timeout=10", "--db=" + stage.servers[0].remote] + ([] if wait else ["--no-wait"]) + words, code, is_sorted)


def client(stage, *words, code=0, is_sorted=False, noted=True):
    """A verb of ovsdb-client, the server put where it takes it."""
    return stage.run(["ovsdb-client", "--timeout=10", words[0], stage.servers[0].remote] + list(words[1:]), code, is_sorted, noted)


def transact(stage, *operations, db="Open_vSwitch", code=0, noted=True):
    return json.loads(client(stage, "transact", json.dumps([db] + list(operations)), code=code, noted=noted) or "null")


def bridges_and_ports(stage):
    stage.serve("vswitch")
    vsctl(stage, "init")
    vsctl(stage, "add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure")
    vsctl(stage, "add-port br0 vm1 tag=100 -- set interface vm1 type=dpdkvhostuserclient options:vhost-server-path=/tmp/vm1.sock "
                 "external_ids:iface-id=i1 external_ids:attached-mac=02:00:00:00:00:01 mtu_request=1450")
    vsctl(stage, "add-port br0 vx1 -- set interface vx1 type=vxlan options:remote_ip=192.0.2.2 options:key=flow ofport_request=10")
    vsctl(stage, "add-port br0 t1 trunks=1,2,4095 vlan_mode=trunk -- add-port br0 t2 tag=7 -- del-port br0 t1")
    vsctl(stage, "--may-exist add-port br0 vm1")
    vsctl(stage, "add-port br0 vm1", code=1)
    vsctl(stage, "--if-exists del-port br0 none -- --if-exists del-br none")
    vsctl(stage, "del-port br0 none", code=1)
    vsctl(stage, "add-br br1 -- add-br fake br1 9 -- add-port fake in-fake -- add-bond br1 bond0 b1 b2 bond_mode=balance-slb lacp=active")
    show = vsctl(stage, "show", is_sorted=True)
    expect("dpdkvhostuserclient" in show and 'remote_ip="192.0.2.2"' in show, "show says:\n" + show)
    for words in ("list-br", "list-ports br0", "list-ifaces br1", "port-to-br vm1", "iface-to-br b2", "br-to-parent fake", "br-to-vlan fake",
                  "br-exists br0", "get interface vm1 options:vhost-server-path mtu_request external_ids:iface-id"):
        vsctl(stage, words)
    vsctl(stage, "br-exists none", code=2)
    for table in ("Open_vSwitch", "Bridge", "Port", "Interface"):
        for form in ("list", "csv"):
            vsctl(stage, ["--format=" + form, "list", table], is_sorted=True)
    vsctl(stage, "--columns=name,tag,trunks find port tag=100")
    vsctl(stage, "--no-headings --columns=name find Interface options:vhost-server-path=/tmp/vm1.sock")
    vsctl(stage, "--columns=name,options find interface type=vxlan options:key=flow")
    vsctl(stage, "del-br br1")
    expect(vsctl(stage, "list-br") == "br0\n", "br1 or its fake bridge is still there")
    expect("b1" not in vsctl(stage, "--columns=name list interface", is_sorted=True), "rows without references are still there")


def columns_of_all_kinds(stage):
    stage.serve("vswitch")
    vsctl(stage, "init -- add-br br0")
    for words in ("set bridge br0 other_config:a=1 other_config:b=2 external_ids={x=y,z=w}", "add bridge br0 external_ids k=v",
                  "remove bridge br0 external_ids x", "remove bridge br0 other_config a=1", "set port br0 trunks=5,3,1", "add port br0 trunks 4",
                  "remove port br0 trunks 5 1", "set bridge br0 flood_vlans=[1,2]", "clear bridge br0 flood_vlans",
                  "set interface br0 ingress_policing_rate=1000 ingress_policing_burst=100", "set port br0 tag=4095",
                  "set bridge br0 stp_enable=true mcast_snooping_enable=false", "set bridge br0 protocols=OpenFlow10,OpenFlow13",
                  "get bridge br0 external_ids other_config stp_enable protocols", "--if-exists get bridge br0 external_ids:none",
                  'set bridge br0 external_ids:quote="a\\"b"', "get bridge br0 external_ids:quote", "list port br0"):
        vsctl(stage, words)
    for words in ("set port br0 tag=4096", "set bridge br0 fail_mode=x", "set bridge br0 protocols=OpenFlow99", "get bridge br0 none",
                  "set bridge br0 _uuid=x", "get bridge br0 external_ids:none", "list none", "set bridge br0 name=br1", "add port br0 tag 1 2"):
        vsctl(stage, words, code=1)
    vsctl(stage, "-- --id=@p get port br0 -- --id=@m create mirror name=m1 select-all=true output-port=@p -- set bridge br0 mirrors=@m")
    vsctl(stage, "-- set port br0 qos=@q -- --id=@q create qos type=linux-htb other-config:max-rate=1000000 queues:0=@q0 queues:1=@q1 "
                 "-- --id=@q0 create queue other-config:min-rate=1 -- --id=@q1 create queue dscp=10")
    vsctl(stage, "set-controller br0 tcp:127.0.0.1:6653 ptcp:6654 -- set-fail-mode br0 standalone")
    vsctl(stage, "set-manager ptcp:6640:127.0.0.1 -- set-ssl key cert ca")
    for words in ("get-controller br0", "get-fail-mode br0", "get-manager", "get-ssl"):
        vsctl(stage, words)
    for table in ("mirror", "qos", "queue", "controller", "manager", "ssl", "bridge"):
        vsctl(stage, ["--format=csv", "--columns=" + {"mirror": "name,select_all", "qos": "type,other_config", "queue": "dscp,other_config",
                                                       "controller": "target", "manager": "target", "ssl": "private_key",
                                                       "bridge": "name,fail_mode"}[table], "list", table], is_sorted=True)
    vsctl(stage, "emer-reset")
    vsctl(stage, "--format=json --columns=name,controller,mirrors,fail_mode list bridge")
    expect(vsctl(stage, "get-manager") == "", "emer-reset left the manager")
    vsctl(stage, "clear port br0 qos -- --all destroy qos -- --all destroy queue")


def several_writers_and_a_switch(stage):
    """The handshake without --no-wait, and wait-until, with somebody else who does the switch's part."""
    server = stage.serve("vswitch")
    vsctl(stage, "init -- add-br br0")
    waiter = stage.spawn(["ovs-vsctl", "--db=" + server.remote, "--no-wait", "wait-until", "interface", "br0", "ofport=65534"])
    writer = stage.spawn(["ovs-vsctl", "--db=" + server.remote, "add-port", "br0", "p1"])

    def counters():
        return [int(v) for v in vsctl_quiet(stage, "get open_vswitch . next_cfg cur_cfg").split()]
    wait_for("next_cfg goes up", lambda: counters()[0] > counters()[1])
    expect(writer.poll() is None and waiter.poll() is None, "a client did not wait")
    vsctl_quiet(stage, "set interface br0 ofport=65534 -- set interface p1 ofport=1 -- set open_vswitch . cur_cfg=%d" % counters()[0])
    expect(waiter.wait(10) == 0 and writer.wait(10) == 0, "a client failed")
    racers = [stage.spawn(["ovs-vsctl", "--db=" + server.remote, "--no-wait", "add-br", "r%d" % i]) for i in range(8)]
    expect([r.wait(20) for r in racers] == [0] * 8, "one of eight clients at once failed")
    vsctl(stage, "list-br")


def vsctl_quiet(stage, words):
    return stage.run(["ovs-vsctl", "--timeout=10", "--db=" + stage.servers[0].remote, "--no-wait"] + words.split(), noted=False)


def what_a_server_tells(stage):
    stage.serve("vswitch", "vtep")
    for words in (["list-dbs"], ["list-tables", "Open_vSwitch"], ["list-columns", "Open_vSwitch"], ["list-columns", "hardware_vtep", "Tunnel"],
                  ["get-schema-version", "Open_vSwitch"], ["get-schema-cksum", "Open_vSwitch"], ["list-columns", "_Server"],
                  ["get-schema-version", "hardware_vtep"]):
        client(stage, *words, is_sorted=True)
    for db in ("Open_vSwitch", "hardware_vtep", "_Server"):
        schema = json.loads(client(stage, "get-schema", db, noted=False))
        stage.note("schema of " + db, json.dumps(schema, indent=1, sort_keys=True))
    client(stage, "get-schema", "none", code=1)
    client(stage, "dump", "_Server", "Database", "name", "model", "connected", "leader", is_sorted=True)
    client(stage, "needs-conversion", "/usr/share/openvswitch/vswitch.ovsschema")
    client(stage, "wait", "Open_vSwitch", "connected")


def transactions(stage):
    stage.serve("vswitch")
    uuid = "5c3aba26-9a5c-4a3d-a1b2-0123456789ab"
    transact(stage, {"op": "insert", "table": "Open_vSwitch", "row": {"external_ids": ["map", [["b", "2"], ["a", "1"]]]}, "uuid": uuid})
    transact(stage, {"op": "insert", "table": "Open_vSwitch", "row": {}})  # one row is all there may be
    transact(stage, {"op": "mutate", "table": "Open_vSwitch", "where": [["_uuid", "==", ["uuid", uuid]]],
                     "mutations": [["next_cfg", "+=", 5], ["external_ids", "insert", ["map", [["c", "3"], ["a", "9"]]]], ["external_ids", "delete", "b"]]},
             {"op": "select", "table": "Open_vSwitch", "where": [["next_cfg", ">=", 5]], "columns": ["next_cfg", "external_ids"]})
    insert = {"op": "insert", "table": "QoS", "row": {"type": "x"}, "uuid-name": "q"}
    for operations in (
            [insert, {"op": "insert", "table": "Port", "row": {"name": "p", "qos": ["named-uuid", "q"], "interfaces": ["named-uuid", "i"]}}],
            [insert, {"op": "abort"}],
            [insert, {"op": "comment", "comment": "why"}, {"op": "commit", "durable": True}],
            [{"op": "assert", "lock": "nobody's"}],
            [{"op": "wait", "timeout": 0, "table": "QoS", "where": [["type", "==", "none"]], "columns": ["type"], "until": "==", "rows": [{"type": "x"}]}],
            [{"op": "wait", "timeout": 0, "table": "QoS", "where": [["type", "==", "x"]], "columns": ["type"], "until": "==", "rows": [{"type": "x"}]}],
            [{"op": "delete", "table": "QoS", "where": [["type", "!=", "none"]]}], [{"op": "select", "table": "None", "where": []}],
            [{"op": "select", "table": "QoS", "where": [], "columns": ["none"]}], [{"op": "select", "table": "QoS"}], [{"op": "none"}], [{}], [[]], [5],
            [{"op": "insert", "table": "QoS", "row": {"type": 5}}], [{"op": "insert", "table": "QoS", "row": {"none": 5}}],
            [{"op": "insert", "table": "Port", "row": {"name": "x", "tag": 5000}}],
            [{"op": "insert", "table": "QoS", "row": {}, "uuid-name": "not-an-id"}], [dict(insert), dict(insert)],
            [{"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "/=", 0]]}],
            [{"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["ovs_version", "+=", 1]]}],
            [{"op": "update", "table": "QoS", "where": [["type", "<", "x"]], "row": {}}]):
        transact(stage, *operations)
    client(stage, "transact", '["none"]', code=1)
    client(stage, "transact", '["Open_vSwitch"', code=1)
    client(stage, "query", json.dumps(["Open_vSwitch", insert, {"op": "select", "table": "QoS", "where": [], "columns": ["type"]}]))
    expect(transact(stage, {"op": "select", "table": "QoS", "where": []}) == [{"rows": []}], "a query changed something")


def monitors_see_every_change(stage):
    server = stage.serve("vswitch")
    vsctl(stage, "init -- add-br zero")
    names = []
    for kind, extra in (("monitor", []), ("monitor-cond", ['[["name","!=","hidden"]]']), ("monitor-cond-since", ['[["name","!=","hidden"]]'])):
        path = stage.path(kind)
        out = open(path, "wb")  # pylint: disable=consider-using-with
        stage.spawn(["ovsdb-client", "--no-headings", kind, server.remote, "Open_vSwitch"] + extra + ["Bridge", "name,fail_mode,external_ids,flood_vlans"],
                    stdout=out, stderr=subprocess.STDOUT)
        names.append(path)

    def contents():
        return [open(n, encoding="utf-8").read() for n in names]  # pylint: disable=consider-using-with

    def change(text, words):
        vsctl(stage, words)
        for path in names:
            wait_for("%s after %s in:\n%s" % (text, words, contents()), lambda p=path: text in open(p, encoding="utf-8").read())
    for path in names:
        wait_for("zero in " + path, lambda p=path: "zero" in open(p, encoding="utf-8").read())
    change("one", "add-br one")
    change("secure", "set-fail-mode one secure")
    change("k=v", "set bridge one external_ids:k=v flood_vlans=1,2,3")
    vsctl(stage, "add-br hidden -- set bridge hidden external_ids:is=hidden")
    change("two", "add-br two -- del-br one")
    change("three", "add-br three -- add-br unseen -- del-br unseen")
    for path, text in zip(names, contents()):
        expect("unseen" not in text and ("hidden" in text) == (path == names[0]), "%s:\n%s" % (path, text))
        stage.note(path, text, is_sorted=True)


def backup_and_restore(stage):
    server = stage.serve("vswitch")

    def restore(text, code=0):
        with open(stage.write("backup", text), encoding="utf-8") as file:
            result = subprocess.run(["ovsdb-client", "restore", server.remote, "Open_vSwitch"], stdin=file, capture_output=True, text=True, env=stage.env,
                                    timeout=30, check=False)
        expect(result.returncode == code, "restore: exit code %d\n%s" % (result.returncode, result.stderr))
    vsctl(stage, "init -- add-br br0 -- add-port br0 p1 tag=3 -- set interface p1 options:a=b -- set-controller br0 tcp:127.0.0.1")
    before = client(stage, "dump", "Open_vSwitch", is_sorted=True)
    for form in ("csv", "json", "html"):
        client(stage, "dump", "--format=" + form, "Open_vSwitch", "Bridge", "name", "fail_mode", is_sorted=True)
    saved = client(stage, "backup", "Open_vSwitch", noted=False)
    vsctl(stage, "del-br br0 -- add-br other")
    restore(saved)
    after = client(stage, "dump", "Open_vSwitch", is_sorted=True)
    expect(UUID.sub("", before) == UUID.sub("", after), "restored is:\n%s\nnot:\n%s" % (after, before))
    restore("not a backup\n", code=1)
    expect(client(stage, "dump", "Open_vSwitch", is_sorted=True) == after, "a failed restore changed something")


def a_restart_keeps_all_that_was_said(stage):
    server = stage.serve("vswitch", "vtep")
    vsctl(stage, "init -- add-br br0 -- add-port br0 p1 tag=3")
    before = client(stage, "dump", "Open_vSwitch", noted=False)
    for how, end in (("signal 15", lambda: server.stop(15)), ("signal 9", lambda: server.stop(9)), ("the command exit", server.exit)):
        end()
        server.start()
        expect(client(stage, "dump", "Open_vSwitch", noted=False) == before, "the dump changed over " + how)
        vsctl(stage, "list-br")
    client(stage, "list-dbs")


def a_database_of_ovsdb_server_moves(stage):
    """Its file, with all the ways in which it writes a change, becomes one of ovsdb-lite."""
    theirs = Server("real", stage.folder, ["/usr/share/openvswitch/vswitch.ovsschema"], "theirs")
    stage.servers.append(theirs)
    theirs.start()
    vsctl(stage, "init -- add-br br0 -- add-port br0 p1 trunks=1,2,3 -- set bridge br0 external_ids:a=1 external_ids:b=2 flood_vlans=5,6")
    vsctl(stage, "set bridge br0 external_ids:a=9 -- remove bridge br0 external_ids b -- remove port p1 trunks 2 -- add port p1 trunks 7")
    vsctl(stage, "set-controller br0 tcp:127.0.0.1 -- add-br br1 -- add-port br1 p2 tag=8 -- set interface p2 options:k=v type=vxlan")
    vsctl(stage, "del-br br1 -- clear bridge br0 flood_vlans -- set-manager ptcp:6640:127.0.0.1")
    before = client(stage, "dump", "Open_vSwitch", noted=False)
    theirs.stop()
    if stage.kind == "ours":
        ours = Server("ours", stage.folder, [theirs.pairs[0][0]], "theirs")
        ours.pairs = [(theirs.pairs[0][0], stage.path("imported"))]
        stage.run([LITE, "import", ours.pairs[0][1], theirs.pairs[0][1]], noted=False)
        stage.servers.insert(0, ours)
    stage.servers[0].start()
    after = client(stage, "dump", "Open_vSwitch", is_sorted=True)
    expect(sorted(after.splitlines()) == sorted(before.splitlines()), "it holds:\n%s\nnot:\n%s" % (after, before))
    vsctl(stage, "add-br br2 -- list-br")


def converting_while_in_use(stage):
    with open("/usr/share/openvswitch/vtep.ovsschema", encoding="utf-8") as file:
        schema = json.load(file)
    stage.serve("vtep")
    transact(stage, {"op": "insert", "table": "Global", "row": {}},
             {"op": "insert", "table": "Logical_Switch", "row": {"name": "ls", "description": "of old"}}, db="hardware_vtep")
    del schema["tables"]["Logical_Switch"]["columns"]["description"]
    schema["tables"]["Logical_Switch"]["columns"]["color"] = {"type": {"key": "string", "min": 0, "max": 2}}
    schema["version"] = "9.9.9"
    new = stage.write("new.ovsschema", json.dumps(schema))
    client(stage, "needs-conversion", new)
    client(stage, "convert", new)
    client(stage, "needs-conversion", new)
    client(stage, "get-schema-version", "hardware_vtep")
    client(stage, "dump", "hardware_vtep", "Logical_Switch")
    transact(stage, {"op": "update", "table": "Logical_Switch", "where": [], "row": {"color": ["set", ["red", "blue"]]}}, db="hardware_vtep")
    stage.servers[0].stop()
    stage.servers[0].pairs = [(new, db) for _, db in stage.servers[0].pairs]
    stage.servers[0].start()
    client(stage, "dump", "hardware_vtep", "Logical_Switch")
    schema["tables"]["Logical_Switch"]["columns"]["name"]["type"] = "integer"
    client(stage, "convert", stage.write("bad.ovsschema", json.dumps(schema)), code=1)
    client(stage, "dump", "hardware_vtep", "Logical_Switch")


def locks_pass_from_one_to_the_next(stage):
    server = stage.serve("vswitch")
    files = {n: open(stage.path(n), "w+", encoding="utf-8") for n in ("first", "second", "thief")}

    def say(name, verb):
        return stage.spawn(["ovsdb-client", verb, server.remote, "l0"], stdout=files[name], stderr=subprocess.STDOUT)

    def said(name):
        with open(stage.path(name), encoding="utf-8") as file:
            return file.read()
    first = say("first", "lock")
    wait_for("the first has it", lambda: "true" in said("first"))
    second = say("second", "lock")
    wait_for("the second waits", lambda: "false" in said("second"))
    say("thief", "steal")
    wait_for("stolen", lambda: "stolen" in said("first") and "true" in said("thief"))
    expect("locked" not in said("second").replace('{"locked"', ""), "the second has it as well")
    stage.processes[-1].kill()
    stage.processes[-1].wait()
    wait_for("the first has it back", lambda: "\nlocked" in said("first"))
    first.kill()
    first.wait()
    wait_for("the second has it at last", lambda: "\nlocked" in said("second"))
    second.kill()
    for name in files:
        stage.note(name, said(name))


def vtep_has_its_own_schema(stage):
    server = stage.serve("vtep")
    transact(stage, {"op": "insert", "table": "Global", "row": {}}, db="hardware_vtep")

    def ctl(words, code=0):
        return stage.run(["vtep-ctl", "--timeout=10", "--db=" + server.remote] + words.split(), code, is_sorted=True)
    for words in ("add-ps ps1 -- set physical_switch ps1 tunnel_ips=192.0.2.1", "add-port ps1 p1 -- add-port ps1 p2", "add-ls ls1 -- add-ls ls2",
                  "bind-ls ps1 p1 100 ls1 -- bind-ls ps1 p1 200 ls2", "list-bindings ps1 p1", "add-ucast-remote ls1 02:00:00:00:00:01 192.0.2.9",
                  "add-mcast-remote ls1 unknown-dst 192.0.2.9 -- add-mcast-remote ls1 unknown-dst 192.0.2.10", "add-ucast-local ls1 02:00:00:00:00:02 192.0.2.1",
                  "list-remote-macs ls1", "list-local-macs ls1", "set-replication-mode ls1 source_node", "get-replication-mode ls1",
                  "add-lr lr1", "show", "list-ps", "list-ls", "del-mcast-remote ls1 unknown-dst 192.0.2.9", "clear-local-macs ls1",
                  "list-local-macs ls1", "unbind-ls ps1 p1 100", "set-manager tcp:127.0.0.1:6640", "get-manager", "list physical_port"):
        ctl(words)
    ctl("add-ps ps1", code=1)
    ctl("del-ls none", code=1)
    ctl("del-ps ps1")
    expect(ctl("list-ps") == "" and "p1" not in ctl("list physical_port"), "rows of the switch are still there")


if __name__ == "__main__":
    main(bridges_and_ports, columns_of_all_kinds, several_writers_and_a_switch, what_a_server_tells, transactions, monitors_see_every_change,
         backup_and_restore, a_restart_keeps_all_that_was_said, a_database_of_ovsdb_server_moves, converting_while_in_use,
         locks_pass_from_one_to_the_next, vtep_has_its_own_schema)
