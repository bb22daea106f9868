#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients on the Python IDL: what os-vif writes when Nova plugs a vhost-user port, through ovsdbapp, and what Neutron's agent reads.

   ovsdbapp ─ tcp:127.0.0.1:6640 or db.sock ─ host a: sluiced, sluice-switch
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

CLIENT = r"""
import sys
from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch import impl_idl

idl = connection.OvsdbIdl.from_server(sys.argv[1], 'Open_vSwitch')
ovs = impl_idl.OvsdbIdl(connection.Connection(idl=idl, timeout=10))
socket = sys.argv[2]


def plug(name, kind, options, ids):
    with ovs.transaction(check_error=True) as txn:
        txn.add(ovs.add_br('br-int', may_exist=True, datapath_type='netdev'))
        txn.add(ovs.add_port('br-int', name))
        txn.add(ovs.db_set('Port', name, ('tag', 5)))
        txn.add(ovs.db_set('Interface', name, ('type', kind), ('options', options), ('external_ids', ids), ('mtu_request', 1450)))


ids = {'iface-id': 'u-1', 'iface-status': 'active', 'attached-mac': '02:00:00:00:00:01', 'vm-uuid': 'v-1'}
plug('vhu1', 'dpdkvhostuserclient', {'vhost-server-path': socket}, ids)
plug('vhu2', 'dpdkvhostuser', {}, dict(ids, **{'iface-id': 'u-2'}))
for name in ('vhu1', 'vhu2'):
    ofport = ovs.db_get('Interface', name, 'ofport').execute(check_error=True)
    assert ofport > 0, (name, ofport, ovs.db_get('Interface', name, 'error').execute())
assert ovs.db_find('Interface', ('external_ids', '=', {'iface-id': 'u-2'}), columns=['name']).execute()[0]['name'] == 'vhu2'
types = ovs.db_get('Open_vSwitch', '.', 'iface_types').execute(check_error=True)
assert 'dpdkvhostuserclient' in types, types
assert len(ovs.db_get('Bridge', 'br-int', 'datapath_id').execute(check_error=True)) == 16
ovs.set_fail_mode('br-int', 'secure').execute(check_error=True)
# Neutron's two ends of a patch, the first without its other.
ovs.add_br('br-tun', may_exist=True, datapath_type='netdev').execute(check_error=True)
for br, name, peer in (('br-int', 'patch-tun', 'patch-int'), ('br-tun', 'patch-int', 'patch-tun')):
    with ovs.transaction(check_error=True) as txn:
        txn.add(ovs.add_port(br, name))
        txn.add(ovs.db_set('Interface', name, ('type', 'patch'), ('options', {'peer': peer})))
    assert ovs.db_get('Interface', name, 'ofport').execute(check_error=True) > 0
for name in ('vhu1', 'vhu2'):
    ovs.del_port(name, 'br-int').execute(check_error=True)
assert sorted(ovs.list_ports('br-int').execute(check_error=True)) == ['patch-tun']
ovs.del_br('br-tun').execute(check_error=True)
print('well')
"""


def plug_and_unplug(lab):
    pythons = [p for p in (sys.executable, "/usr/bin/python3")
               if subprocess.run([p, "-c", "import ovsdbapp"], capture_output=True, check=False).returncode == 0]
    if not pythons:
        raise Skip("python3-ovsdbapp is not installed")
    host = lab.create()[0]
    lab.start(host)
    remote = "unix:%s/db.sock" % host.rundir
    out = netns_exec(host.netns, pythons[0], "-c", CLIENT, remote, os.path.join(host.rundir, "vhu1.sock"))
    expect(out.strip().endswith("well"), "the client: " + out)
    expect({p["name"] for p in host.api.call("stats.get", table="port")["ports"]} == {"br-int", "patch-tun"}, "ports that are left")


if __name__ == "__main__":
    main(plug_and_unplug)
