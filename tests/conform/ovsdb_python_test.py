#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python3-openvswitch's IDL and python3-ovsdbapp: clients that keep a copy of the database and write against it.

   ovs.db.idl, ovsdbapp ── db.sock ── ovsdb-lite serve │ ovsdb-server   (each scene is played to both and must look the same)
"""

import os
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stage import Failure, expect, main  # noqa: E402

try:
    import ovs.db.idl
    import ovs.poller
    import ovs.reconnect
    from ovsdbapp.backend.ovs_idl import connection
    from ovsdbapp.schema.open_vswitch import impl_idl
except ImportError:
    pass  # main() says which package is missing

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface")


class Copy:
    """An IDL with its own loop. Its events are recorded."""

    def __init__(self, server, tables=TABLES, lock=None):
        helper = ovs.db.idl.SchemaHelper(SCHEMA)
        for table in tables:
            helper.register_table(table)
        self.events = []
        self.idl = ovs.db.idl.Idl(server.remote, helper)
        self.idl.notify = lambda event, row, updates=None: self.events.append((event, row._table.name))  # pylint: disable=protected-access
        if lock:
            self.idl.set_lock(lock)

    def run_until(self, what, condition, timeout_s=15.0):
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise Failure("did not happen in %g s: %s" % (timeout_s, what))
            self.idl.run()
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            poller.timer_wait(100)
            poller.block()
        return self

    def synced(self):
        return self.run_until("first copy", self.idl.has_ever_connected)

    def rows(self, table):
        return list(self.idl.tables[table].rows.values())

    def find(self, table, name):
        return next((r for r in self.rows(table) if r.name == name), None)

    def commit(self, edit):
        """Status of a transaction that edit(txn) fills."""
        txn, self.seqno = ovs.db.idl.Transaction(self.idl), self.idl.change_seqno
        edit(txn)
        status = txn.commit()
        deadline = time.monotonic() + 15
        while status == ovs.db.idl.Transaction.INCOMPLETE and time.monotonic() < deadline:
            self.idl.run()
            status = txn.commit()
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            txn.wait(poller)
            poller.timer_wait(50)
            poller.block()
        self.error, self.txn = txn.get_error(), txn
        return status


class Switch(threading.Thread):
    """Does a switch's part: gives ports numbers, and says when it has taken a configuration in."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.copy, self.ending = Copy(server), threading.Event()

    def run(self):
        while not self.ending.is_set():
            self.copy.idl.run()
            root = next(iter(self.copy.rows("Open_vSwitch")), None)
            if root and root.cur_cfg != root.next_cfg:
                self.copy.commit(lambda _, row=root: self.configure(row))
            poller = ovs.poller.Poller()
            self.copy.idl.wait(poller)
            poller.timer_wait(50)
            poller.block()

    def configure(self, root):
        for number, interface in enumerate(self.copy.rows("Interface")):
            if not interface.ofport:
                interface.ofport = [number + 1]
        root.cur_cfg = root.next_cfg

    def stop(self):
        self.ending.set()
        self.join(10)


def init(copy):
    def edit(txn):
        txn.insert(copy.idl.tables["Open_vSwitch"]).ovs_version = ["3.1.0"]
    status = copy.commit(edit)
    if status == "try again":  # a lock that has just been granted comes with a new copy
        copy.run_until("a copy", lambda: copy.idl.change_seqno > copy.seqno)
        status = copy.commit(edit)
    expect(status == "success", "init: %s, %s" % (status, copy.error))
    copy.run_until("the root row", lambda: copy.rows("Open_vSwitch"))


def add_bridge(copy, name, n_ports=1):
    def edit(txn):
        tables = copy.idl.tables
        bridge = txn.insert(tables["Bridge"])
        bridge.name = name
        ports = []
        for i in range(n_ports):
            interface = txn.insert(tables["Interface"])
            interface.name = "%s-%d" % (name, i)
            port = txn.insert(tables["Port"])
            port.name, port.interfaces = interface.name, [interface]
            ports.append(port)
        bridge.ports = ports
        root = copy.rows("Open_vSwitch")[0]
        root.addvalue("bridges", bridge)
        txn.add_comment("adds " + name)
    return copy.commit(edit)


def sum_up(stage, copy, what):
    stage.note(what, "\n".join(
        "%s %s %s" % (b.name, b.external_ids, [(p.name, p.tag, [(i.name, i.type, i.options) for i in p.interfaces]) for p in sorted(b.ports, key=lambda p: p.name)])
        for b in sorted(copy.rows("Bridge"), key=lambda b: b.name)))


def two_copies_stay_the_same(stage):
    server = stage.serve("vswitch")
    one, two = Copy(server).synced(), Copy(server).synced()
    init(one)
    for i in range(3):
        expect(add_bridge(one, "br%d" % i, 4) == "success", one.error)
    two.run_until("three bridges", lambda: len(two.rows("Bridge")) == 3)

    def change(_):
        bridge, port, interface = two.find("Bridge", "br1"), two.find("Port", "br1-1"), two.find("Interface", "br1-2")
        bridge.setkey("external_ids", "k", "v")
        bridge.fail_mode = ["secure"]
        port.tag, port.trunks = [77], [1, 2, 3]
        interface.options = {"a": "b", "c": "d"}
        interface.type = "vxlan"
    expect(two.commit(change) == "success", two.error)
    one.run_until("the change", lambda: one.find("Bridge", "br1").external_ids == {"k": "v"})
    expect(two.commit(lambda _: two.find("Bridge", "br1").delkey("external_ids", "k")) == "success", two.error)
    expect(two.commit(lambda _: two.rows("Open_vSwitch")[0].delvalue("bridges", two.find("Bridge", "br2"))) == "success", two.error)
    for copy in (one, two):
        copy.run_until("br2 is gone, and what it held", lambda c=copy: len(c.rows("Bridge")) == 2 and len(c.rows("Interface")) == 8)
        copy.run_until("k is gone", lambda c=copy: c.find("Bridge", "br1").external_ids == {})
        sum_up(stage, copy, "a copy")
    stage.note("events", "\n".join("%s %s" % e for e in one.events), is_sorted=True)


def a_row_that_changed_meanwhile_is_noticed(stage):
    server = stage.serve("vswitch")
    one, two = Copy(server).synced(), Copy(server).synced()
    init(one)
    expect(add_bridge(one, "br0") == "success", one.error)
    two.run_until("the bridge", lambda: two.find("Bridge", "br0"))

    def late(_):
        bridge = two.find("Bridge", "br0")
        bridge.verify("external_ids")
        bridge.setkey("other_config", "late", "yes")
        expect(one.commit(lambda _: one.find("Bridge", "br0").setkey("external_ids", "first", "yes")) == "success", one.error)
    status = two.commit(late)
    expect(status == "try again", "a stale verify ended as %s" % status)
    two.run_until("the first's change", lambda: two.find("Bridge", "br0").external_ids == {"first": "yes"})
    expect(two.find("Bridge", "br0").other_config == {}, "the late change went through")

    def increment(_):
        root = two.rows("Open_vSwitch")[0]
        root.setkey("other_config", "k", "v")
        root.increment("next_cfg")
    expect(two.commit(increment) == "success" and two.txn.get_increment_new_value() == 1, "increment: %s" % two.error)
    expect(add_bridge(one, "br0") == "error", "two bridges of one name")
    expect('"error":"constraint violation"' in one.error and "identical values (br0) for index" in one.error, one.error)
    expect(two.commit(lambda _: setattr(two.find("Port", "br0-0"), "vlan_mode", ["access"])) == "success", two.error)
    status = two.commit(lambda txn: txn.abort())
    expect(status == "aborted", "an aborted transaction ended as %s" % status)
    expect(two.commit(lambda txn: None) == "unchanged", "nothing changed")


def conditions_choose_rows(stage):
    server = stage.serve("vswitch")
    one = Copy(server).synced()
    init(one)
    for name in ("red", "green", "blue"):
        expect(add_bridge(one, name) == "success", one.error)
    two = Copy(server)
    two.idl.cond_change("Bridge", [["name", "==", "red"]])
    two.run_until("red alone", lambda: [b.name for b in two.rows("Bridge")] == ["red"])
    two.idl.cond_change("Bridge", [["name", "==", "green"], ["name", "==", "blue"]])
    two.run_until("green and blue", lambda: sorted(b.name for b in two.rows("Bridge")) == ["blue", "green"])
    two.idl.cond_change("Bridge", [["external_ids", "includes", ["map", [["k", "v"]]]]])
    two.run_until("none", lambda: not two.rows("Bridge"))
    expect(one.commit(lambda _: one.find("Bridge", "red").setkey("external_ids", "k", "v")) == "success", one.error)
    two.run_until("red comes in", lambda: [b.name for b in two.rows("Bridge")] == ["red"])
    expect(one.commit(lambda _: one.find("Bridge", "red").setkey("external_ids", "k", "other")) == "success", one.error)
    two.run_until("red goes", lambda: not two.rows("Bridge"))
    two.idl.cond_change("Bridge", [True])
    two.run_until("all", lambda: len(two.rows("Bridge")) == 3)
    two.idl.cond_change("Bridge", [False])
    two.run_until("none again", lambda: not two.rows("Bridge"))
    stage.note("events", "\n".join("%s %s" % e for e in two.events if e[1] == "Bridge"), is_sorted=True)


def a_restart_is_survived(stage):
    server = stage.serve("vswitch")
    one = Copy(server).synced()
    init(one)
    expect(add_bridge(one, "before") == "success", one.error)
    for sig, name in ((15, "after-term"), (9, "after-kill")):
        seqno = one.idl.change_seqno
        session = one.idl._session  # pylint: disable=protected-access
        server.stop(sig)
        server.start()
        connections = session.reconnect.seqno
        one.run_until("connected again", lambda: session.reconnect.seqno > connections and session.is_connected() and one.idl.change_seqno >= seqno)
        one.run_until("its copy is whole", lambda: one.find("Bridge", "before") is not None and one.idl.state == one.idl.IDL_S_MONITORING)
        expect(add_bridge(one, name) == "success", one.error)
    two = Copy(server).synced()
    for copy in (one, two):
        copy.run_until("three", lambda c=copy: len(c.rows("Bridge")) == 3)
        sum_up(stage, copy, "a copy")


def a_lock_lets_one_write(stage):
    server = stage.serve("vswitch")
    one = Copy(server, lock="l").synced()
    one.run_until("the first has the lock", lambda: one.idl.has_lock)
    init(one)
    two = Copy(server, lock="l").synced()
    two.run_until("the second waits", lambda: two.idl.is_lock_contended)
    expect(not two.idl.has_lock, "both have it")
    expect(add_bridge(two, "refused") == "not locked", "a write without the lock")
    one.idl.close()
    two.run_until("the second gets it", lambda: two.idl.has_lock)
    expect(add_bridge(two, "granted") == "success", two.error)
    sum_up(stage, two, "a copy")


def large_rows_and_odd_text(stage):
    server = stage.serve("vswitch")
    one, two = Copy(server).synced(), Copy(server).synced()
    init(one)
    text = "".join(chr(c) for c in list(range(1, 0x250)) + [0x20ac, 0x1f600]) + "\\\"\u2028"
    many = {"key%05d" % i: "v" * 50 for i in range(3000)}

    # Not in one: the client gives up a connection when a read ends inside a character.
    for column, value in (("external_ids", many), ("other_config", {"odd": text})):
        expect(one.commit(lambda _, c=column, v=value: setattr(one.rows("Open_vSwitch")[0], c, v)) == "success", one.error)
        two.run_until(column, lambda c=column, v=value: two.rows("Open_vSwitch") and getattr(two.rows("Open_vSwitch")[0], c) == v)
    expect(add_bridge(one, "wide", 300) == "success", one.error)
    two.run_until("300 ports", lambda: len(two.rows("Port")) == 300 and len(two.find("Bridge", "wide").ports) == 300)


def ovsdbapp_does_what_openstack_does(stage):
    server = stage.serve("vswitch")
    init(Copy(server).synced())
    switch = Switch(server)
    switch.start()
    idl = connection.OvsdbIdl.from_server(server.remote, "Open_vSwitch")
    backend = type("Backend", (impl_idl.OvsdbIdl,), {"_ovsdb_connection": None})  # a class keeps one connection for ever
    api = backend(connection.Connection(idl=idl, timeout=10))
    try:
        api.add_br("br-int", datapath_type="netdev").execute(check_error=True)
        with api.transaction(check_error=True) as txn:
            txn.add(api.add_port("br-int", "vhu1"))
            txn.add(api.db_set("Interface", "vhu1", ("type", "dpdkvhostuserclient"), ("options", {"vhost-server-path": "/tmp/vhu1"}),
                               ("external_ids", {"iface-id": "i", "iface-status": "active", "attached-mac": "02:00:00:00:00:01"})))
            txn.add(api.db_set("Port", "vhu1", ("tag", 5)))
            txn.add(api.set_fail_mode("br-int", "secure"))
            txn.add(api.set_controller("br-int", ["tcp:127.0.0.1:6633"]))
        row = api.db_list("Interface", ["vhu1"], columns=["name", "type", "options", "external_ids"]).execute(check_error=True)
        stage.note("interface", str(row))
        stage.note("ports", str(sorted(api.list_ports("br-int").execute(check_error=True))))
        stage.note("controller", str(api.get_controller("br-int").execute(check_error=True)))
        expect(api.db_get("Port", "vhu1", "tag").execute(check_error=True) == 5, "tag")
        expect(api.port_to_br("vhu1").execute(check_error=True) == "br-int", "port_to_br")
        found = api.db_find("Port", ("tag", "=", 5), columns=["name"]).execute(check_error=True)
        expect(found == [{"name": "vhu1"}], "found %s" % found)
        qos = api.db_create("QoS", type="linux-htb", other_config={"max-rate": "1"}).execute(check_error=True)
        expect(isinstance(qos, uuid.UUID), "create gives %r" % qos)
        api.db_set("Port", "vhu1", ("qos", qos)).execute(check_error=True)
        api.db_clear("Port", "vhu1", "qos").execute(check_error=True)
        api.db_destroy("QoS", qos).execute(check_error=True)
        api.db_add("Interface", "vhu1", "external_ids", {"more": "1"}).execute(check_error=True)
        api.db_remove("Interface", "vhu1", "external_ids", "iface-status", "more").execute(check_error=True)
        stage.note("external_ids", str(sorted(api.db_get("Interface", "vhu1", "external_ids").execute(check_error=True).items())))
        api.del_port("vhu1", "br-int").execute(check_error=True)
        expect(not api.db_find("Interface", ("name", "=", "vhu1")).execute(check_error=True), "the interface is still there")
        api.del_br("br-int").execute(check_error=True)
        expect(api.list_br().execute(check_error=True) == [], "the bridge is still there")
    finally:
        api.ovsdb_connection.stop(10)
        switch.stop()


if __name__ == "__main__":
    main(two_copies_stay_the_same, a_row_that_changed_meanwhile_is_noticed, conditions_choose_rows, a_restart_is_survived, a_lock_lets_one_write,
         large_rows_and_odd_text, ovsdbapp_does_what_openstack_does)
