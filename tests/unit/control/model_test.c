/* SPDX-License-Identifier: Apache-2.0 */
/* The model: what is refused and why, what a change touches, and that history leaves no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/base/clock.h"
#include "tests/unit/control/model_fixture.h"
#include "tests/unit/test.h"

#define NET    API_TABLE_NETWORK
#define PORT   API_TABLE_PORT
#define PEER   API_TABLE_TUNNEL_PEER
#define BRIDGE API_TABLE_BRIDGE
#define FLOW   API_TABLE_FLOW
#define GROUP  API_TABLE_GROUP

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	fx_init(fx);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	fx_fini(*state);
	free(*state);
	return 0;
}

static void blue_network(struct fixture *fx)
{
	fx_must(fx, NET, "blue", "{'vni':10}");
	fx_must(fx, PORT, "vm1",
	    "{'network':'blue','mac':'02:00:00:00:00:01','addresses':['10.0.0.1']}");
}

static void raw_bridge(struct fixture *fx)
{
	fx_must(fx, BRIDGE, "br1", "{}");
	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1'}");
	fx_must(fx, PORT, "p2", "{'kind':'null','bridge':'br1'}");
}

static void empty_model_has_no_objects(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(model_n_objects(fx->model), 0);
	assert_int_equal(model_digest(fx->model), 0);
	assert_true(fx_commit(fx));
	assert_int_equal(fx->n_ops, 0);
}

static void deleting_everything_leaves_nothing(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	raw_bridge(fx);
	fx_must(fx, FLOW, "f1",
	    "{'bridge':'br1','match':{'in_port':'p1'},'actions':[{'output':'p2'}]}");
	assert_true(model_n_objects(fx->model) > 10);
	fx_del(fx, FLOW, "f1");
	fx_del(fx, PORT, "p1");
	fx_del(fx, PORT, "p2");
	fx_del(fx, BRIDGE, "br1");
	fx_del(fx, NET, "blue");
	fx_del(fx, PORT, "vm1");
	assert_true(fx_commit(fx));
	assert_int_equal(model_n_objects(fx->model), 0);
	assert_int_equal(fx->n_dp, 0);
}

static void dry_run_and_refusal_change_nothing(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	uint64_t digest = model_digest(fx->model), n = model_n_objects(fx->model);
	fx_put(fx, PORT, "vm2", "{'network':'blue','mac':'02:00:00:00:00:02'}");
	assert_true(fx_dry_run(fx));
	assert_int_equal(model_port_id(fx->model, "vm2"), 0);
	fx_put(fx, PORT, "vm2", "{'network':'blue','mac':'02:00:00:00:00:02'}");
	fx_put(fx, PORT, "vm3", "{'network':'red','mac':'02:00:00:00:00:02'}");
	assert_false(fx_commit(fx));
	assert_int_equal(model_digest(fx->model), digest);
	assert_int_equal(model_n_objects(fx->model), n);
}

static void dangling_references_are_refused(void **state)
{
	struct fixture *fx = *state;

	fx_refused(fx, PORT, "vm1", "{'network':'blue','mac':'02:00:00:00:00:01'}", ERR_DANGLING,
	    "/network");
	fx_refused(fx, PORT, "p", "{'kind':'null','bridge':'nix'}", ERR_DANGLING, "/bridge");
	fx_refused(fx, FLOW, "f", "{'bridge':'nix'}", ERR_DANGLING, "/bridge");
	fx_refused(fx, PEER, "h2", "{'remote_ip':'192.0.2.2','networks':['blue']}", ERR_DANGLING,
	    "/networks/0");
	blue_network(fx);
	fx_refused(fx, PORT, "vm9",
	    "{'kind':'remote','network':'blue','peer':'h9','mac':'02:00:00:00:00:09'}",
	    ERR_DANGLING, "/peer");
	raw_bridge(fx);
	fx_refused(fx, FLOW, "f", "{'bridge':'br1','actions':[{'output':'p3'}]}", ERR_DANGLING,
	    "/actions/0/output");
	fx_refused(
	    fx, FLOW, "f", "{'bridge':'br1','actions':[{'group':7}]}", ERR_DANGLING, "/actions");
	fx_refused(fx, FLOW, "f", "{'bridge':'br1','match':{'in_port':'vm1'}}", ERR_DANGLING,
	    "/match/in_port");
}

static void an_object_in_use_cannot_be_deleted(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	fx_del(fx, NET, "blue");
	assert_false(fx_commit(fx));
	assert_int_equal(fx->errs.errs[0].code, ERR_DANGLING);
	assert_string_equal(fx->errs.errs[0].object, "network/blue");
	assert_non_null(strstr(fx->errs.errs[0].what, "port \"vm1\""));

	raw_bridge(fx);
	fx_must(fx, GROUP, "g",
	    "{'bridge':'br1','group_id':7,'type':'all','buckets':[{'actions':[{'output':'p1'}]}]}");
	fx_must(fx, FLOW, "f", "{'bridge':'br1','actions':[{'group':7}]}");
	fx_del(fx, GROUP, "g");
	assert_false(fx_commit(fx));
	assert_int_equal(fx->errs.errs[0].code, ERR_DANGLING);
	fx_del(fx, PORT, "p1");
	assert_false(fx_commit(fx));
	assert_non_null(strstr(fx->errs.errs[0].what, "group \"g\""));
}

static void collisions_are_refused(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	fx_must(fx, NET, "red", "{'vni':11}");
	fx_must(fx, PEER, "h2", "{'remote_ip':'192.0.2.2'}");
	fx_refused(fx, NET, "green", "{'vni':10}", ERR_CONFLICT, "/vni");
	fx_refused(
	    fx, PORT, "vm2", "{'network':'blue','mac':'02:00:00:00:00:01'}", ERR_CONFLICT, "/mac");
	fx_refused(fx, PORT, "vm2",
	    "{'network':'blue','mac':'02:00:00:00:00:02','addresses':['10.0.0.9','10.0.0.1']}",
	    ERR_CONFLICT, "/addresses/1");
	fx_refused(fx, PEER, "h3", "{'remote_ip':'192.0.2.2'}", ERR_CONFLICT, "/remote_ip");
	fx_refused(fx, PORT, "vm2",
	    "{'network':'blue','mac':'02:00:00:00:00:02','socket':'/run/sluice/vm1.sock'}",
	    ERR_CONFLICT, "/socket");
	// Another tenant may use the same addresses.
	fx_must(fx, PORT, "vm2",
	    "{'network':'red','mac':'02:00:00:00:00:01','addresses':['10.0.0.1']}");
	raw_bridge(fx);
	fx_refused(
	    fx, PORT, "p3", "{'kind':'null','bridge':'br1','ofport':1}", ERR_CONFLICT, "/ofport");
	// The switch numbers null devices; every other device there is once.
	const char *many = "{'kind':'ethdev','bridge':'br1','device':'net_null,no-rx=1'}",
		   *numbered = "{'kind':'ethdev','bridge':'br1','device':'net_null7,no-rx=1'}",
		   *one = "{'kind':'ethdev','bridge':'br1','device':'net_af_packet,iface=x'}";
	fx_must(fx, PORT, "n1", many);
	fx_must(fx, PORT, "n2", many);
	fx_must(fx, PORT, "n3", numbered);
	fx_refused(fx, PORT, "n4", numbered, ERR_CONFLICT, "/device");
	fx_must(fx, PORT, "n5", one);
	fx_refused(fx, PORT, "n6", one, ERR_CONFLICT, "/device");
	fx_must(fx, FLOW, "f1", "{'bridge':'br1','priority':5,'match':{'eth_type':'0x0800'}}");
	fx_refused(fx, FLOW, "f2",
	    "{'bridge':'br1','priority':5,'match':{'eth_type':2048},'actions':['drop']}",
	    ERR_EXISTS, "/match");
	fx_must(fx, FLOW, "f2", "{'bridge':'br1','priority':6,'match':{'eth_type':'0x0800'}}");
	fx_must(fx, GROUP, "g", "{'bridge':'br1','group_id':7,'type':'all','buckets':[]}");
	fx_refused(fx, GROUP, "g2", "{'bridge':'br1','group_id':7,'type':'all','buckets':[]}",
	    ERR_EXISTS, "/group_id");
}

static void a_name_can_be_taken_over_in_one_transaction(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	fx_del(fx, PORT, "vm1");
	fx_put(fx, PORT, "vm2",
	    "{'network':'blue','mac':'02:00:00:00:00:01','addresses':['10.0.0.1']}");
	assert_true(fx_commit(fx));
	raw_bridge(fx);
	fx_must(fx, FLOW, "f1", "{'bridge':'br1','match':{'eth_type':'0x0800'}}");
	fx_del(fx, FLOW, "f1");
	fx_put(fx, FLOW, "f2", "{'bridge':'br1','match':{'eth_type':'0x0800'}}");
	assert_true(fx_commit(fx));
	assert_int_equal(fx->n_ops, 0); // the same rule under another name
}

static void members_of_another_kind_are_refused(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	raw_bridge(fx);
	fx_refused(fx, PORT, "x", "{'network':'blue'}", ERR_PARAMS, "/mac");
	fx_refused(
	    fx, PORT, "x", "{'network':'blue','mac':'03:00:00:00:00:01'}", ERR_PARAMS, "/mac");
	fx_refused(fx, PORT, "x", "{'network':'blue','bridge':'br1','mac':'02:00:00:00:00:03'}",
	    ERR_PARAMS, "/bridge");
	fx_refused(fx, PORT, "x", "{'kind':'null'}", ERR_PARAMS, "");
	fx_refused(
	    fx, PORT, "x", "{'kind':'tap','bridge':'br1','socket':'/s'}", ERR_PARAMS, "/socket");
	fx_refused(fx, PORT, "x", "{'kind':'uplink'}", ERR_PARAMS, "/interface");
	fx_refused(fx, PORT, "x", "{'kind':'uplink','interface':'eth0','bridge':'br1'}", ERR_PARAMS,
	    "/bridge");
	fx_refused(fx, PORT, "x", "{'kind':'vxlan','bridge':'br1','remote_ip':'flow'}", ERR_PARAMS,
	    "/vni");
	fx_refused(fx, PORT, "x",
	    "{'kind':'vxlan','bridge':'br1','remote_ip':'flow','vni':'16777216'}", ERR_PARAMS,
	    "/vni");
	fx_refused(fx, PORT, "x", "{'kind':'vxlan','bridge':'br1','remote_ip':'flaw','vni':'1'}",
	    ERR_PARAMS, "/remote_ip");
	fx_refused(fx, PORT, "x", "{'kind':'null','bridge':'br1','addresses':['10.0.0.7']}",
	    ERR_PARAMS, "/addresses");
	fx_refused(fx, PORT, "x",
	    "{'network':'blue','mac':'02:00:00:00:00:03','addresses':['10.0.0.7','10.0.0.7']}",
	    ERR_PARAMS, "/addresses/1");
	fx_refused(fx, PORT, "sluice-vxlan", "{'kind':'null','bridge':'br1'}", ERR_EXISTS, "/name");
	fx_refused(fx, BRIDGE, "sluice-net", "{}", ERR_EXISTS, "/name");
}

static void patch_ports_need_each_other(void **state)
{
	struct fixture *fx = *state;

	fx_must(fx, BRIDGE, "br1", "{}");
	fx_must(fx, BRIDGE, "br2", "{}");
	fx_refused(
	    fx, PORT, "a", "{'kind':'patch','bridge':'br1','peer':'b'}", ERR_DANGLING, "/peer");
	fx_put(fx, PORT, "a", "{'kind':'patch','bridge':'br1','peer':'b'}");
	fx_put(fx, PORT, "b", "{'kind':'patch','bridge':'br2','peer':'a'}");
	assert_true(fx_commit(fx));
	const struct dp_op *op = model_find(fx->model, DP_KIND_PORT, model_port_id(fx->model, "a"));
	assert_int_equal(
	    ((const struct dp_port_conf *)(op + 1))->peer, model_port_id(fx->model, "b"));
	fx_refused(
	    fx, PORT, "c", "{'kind':'patch','bridge':'br1','peer':'b'}", ERR_CONFLICT, "/peer");
	fx_refused(
	    fx, PORT, "d", "{'kind':'patch','bridge':'br1','peer':'d'}", ERR_CONFLICT, "/peer");
}

static void mtu_over_the_underlay_is_refused_with_the_largest(void **state)
{
	struct fixture *fx = *state;
	struct model_underlay underlay = {.mtu = 1500};

	fx_must(fx, NET, "big", "{'vni':9,'mtu':8000}"); // nothing known yet
	model_set_underlay(fx->model, &underlay);
	fx_refused(fx, NET, "blue", "{'vni':10,'mtu':1451}", ERR_CONFLICT, "/mtu");
	assert_non_null(strstr(fx->errs.errs[0].hint, "1450"));
	fx_must(fx, NET, "blue", "{'vni':10,'mtu':1450}");
	fx_refused(fx, PORT, "vm1", "{'network':'blue','mac':'02:00:00:00:00:01','mtu':1451}",
	    ERR_CONFLICT, "/mtu");
	fx_refused(fx, PEER, "h6", "{'remote_ip':'2001:db8::2','networks':['blue']}", ERR_CONFLICT,
	    "/networks/0");
	assert_non_null(strstr(fx->errs.errs[0].hint, "1430"));
	fx_must(fx, PEER, "h6", "{'remote_ip':'2001:db8::2'}");
	fx_refused(fx, NET, "blue", "{'vni':10,'mtu':1440}", ERR_CONFLICT, "/mtu");
	assert_non_null(strstr(fx->errs.errs[0].hint, "1430"));
}

static uint16_t dp_mtu(struct fixture *fx, const char *port)
{
	const struct dp_op *op =
	    model_find(fx->model, DP_KIND_PORT, model_port_id(fx->model, port));

	assert_non_null(op);
	return ((const struct dp_port_conf *)(op + 1))->mtu;
}

static void default_mtu_follows_the_underlay(void **state)
{
	struct fixture *fx = *state;
	struct model_underlay underlay = {.mtu = 9000};
	struct buf_writer ops;

	blue_network(fx);
	assert_int_equal(dp_mtu(fx, "vm1"), 1450);
	model_set_underlay(fx->model, &underlay);
	buf_writer_init(&ops, DP_BODY_MAX);
	assert_int_equal(model_put_underlay(fx->model, NULL, 0, NULL, 0, &ops), 1);
	fx_apply(fx, &ops);
	buf_writer_fini(&ops);
	assert_int_equal(fx->dp_digest, model_digest(fx->model));
	assert_int_equal(dp_mtu(fx, "vm1"), 8950);
	fx_must(fx, PEER, "h6", "{'remote_ip':'2001:db8::2'}");
	assert_int_equal(dp_mtu(fx, "vm1"), 8930);
}

static void underlay_is_put_as_a_difference(void **state)
{
	struct fixture *fx = *state;
	struct dp_route_conf routes[2] = {{.mtu = 1500, .uplink = 1}, {.mtu = 1500, .uplink = 1}};
	struct dp_local_conf local = {.udp_port = 4789};
	struct buf_writer ops;

	assert_int_equal(ip_parse("192.0.2.2", &routes[0].remote), 0);
	assert_int_equal(ip_parse("192.0.2.3", &routes[1].remote), 0);
	assert_int_equal(ip_parse("192.0.2.1", &local.addr), 0);
	routes[0].local = routes[1].local = local.addr;
	routes[0].src_mac = routes[1].src_mac = (struct mac_addr){{2, 0, 0, 0, 0, 1}};
	routes[0].dst_mac = routes[1].dst_mac = (struct mac_addr){{2, 0, 0, 0, 0, 2}};
	buf_writer_init(&ops, DP_BODY_MAX);
	assert_int_equal(model_put_underlay(fx->model, routes, 2, &local, 1, &ops), 3);
	assert_int_equal(model_put_underlay(fx->model, routes, 2, &local, 1, &ops), 0);
	routes[1].state = DP_ROUTE_NO_NEIGHBOUR;
	assert_int_equal(model_put_underlay(fx->model, routes, 2, &local, 1, &ops), 1);
	assert_int_equal(model_put_underlay(fx->model, routes, 1, &local, 1, &ops), 1);
	fx_apply(fx, &ops);
	buf_writer_fini(&ops);
	assert_int_equal(fx->dp_digest, model_digest(fx->model));
	assert_int_equal(model_n_objects(fx->model), 2);
}

static void remotes_and_uplinks_are_listed(void **state)
{
	struct fixture *fx = *state;
	const struct ip_addr *remotes;
	const struct underlay_uplink *uplinks;

	fx_must(fx, BRIDGE, "br1", "{}");
	fx_must(fx, PORT, "up", "{'kind':'uplink','interface':'eth0'}");
	fx_must(fx, PEER, "h2", "{'remote_ip':'192.0.2.2'}");
	fx_must(fx, PORT, "t", "{'kind':'vxlan','bridge':'br1','remote_ip':'192.0.2.3','vni':'7'}");
	fx_must(fx, PORT, "tf", "{'kind':'vxlan','bridge':'br1','remote_ip':'flow','vni':'flow'}");
	assert_int_equal(model_remotes(fx->model, &remotes), 2);
	assert_int_equal(model_uplinks(fx->model, &uplinks), 1);
	assert_string_equal(uplinks[0].interface, "eth0");
	assert_int_equal(uplinks[0].dp_port, model_port_id(fx->model, "up"));
	fx_del(fx, PEER, "h2");
	assert_true(fx_commit(fx));
	assert_int_equal(model_remotes(fx->model, &remotes), 1);
}

static void udp_ports_of_tunnels_are_listed_and_few(void **state)
{
	struct fixture *fx = *state;
	const uint16_t *udp_ports;
	char name[8], json[160];

	assert_int_equal(model_udp_ports(fx->model, &udp_ports), 1);
	assert_int_equal(udp_ports[0], 4789);
	fx_must(fx, BRIDGE, "br1", "{}");
	for (unsigned int i = MODEL_MAX_UDP_PORTS; i-- > 0;) {
		snprintf(name, sizeof(name), "t%u", i);
		snprintf(json, sizeof(json),
		    "{'kind':'vxlan','bridge':'br1','remote_ip':'192.0.2.3','vni':'%u','dst_port':%"
		    "u}",
		    i, i == 0 ? 4789 : 1000 + i);
		fx_must(fx, PORT, name, json);
	}
	assert_int_equal(model_udp_ports(fx->model, &udp_ports), MODEL_MAX_UDP_PORTS);
	assert_int_equal(udp_ports[0], 4789);
	for (unsigned int i = 1; i < MODEL_MAX_UDP_PORTS; i++)
		assert_int_equal(udp_ports[i], 1000 + i);
	fx_refused(fx, PORT, "more",
	    "{'kind':'vxlan','bridge':'br1','remote_ip':'192.0.2.3','vni':'9','dst_port':9999}",
	    ERR_TABLE_FULL, "/dst_port");
	fx_must(fx, PORT, "same",
	    "{'kind':'vxlan','bridge':'br1','remote_ip':'192.0.2.3','vni':'9','dst_port':1001}");
	fx_del(fx, PORT, "same");
	fx_del(fx, PORT, "t2");
	assert_true(fx_commit(fx));
	assert_int_equal(model_udp_ports(fx->model, &udp_ports), MODEL_MAX_UDP_PORTS - 1);
	assert_int_equal(udp_ports[1], 1001);
	assert_int_equal(udp_ports[2], 1003);
}

static void group_loops_are_refused(void **state)
{
	struct fixture *fx = *state;

	raw_bridge(fx);
	fx_put(fx, GROUP, "a",
	    "{'bridge':'br1','group_id':1,'type':'all','buckets':[{'actions':[{'group':2}]}]}");
	fx_put(fx, GROUP, "b",
	    "{'bridge':'br1','group_id':2,'type':'all','buckets':[{'actions':[{'group':1}]}]}");
	assert_false(fx_commit(fx));
	assert_int_equal(fx->errs.n_total, 2);
	fx_put(fx, GROUP, "a",
	    "{'bridge':'br1','group_id':1,'type':'all','buckets':[{'actions':[{'group':2}]}]}");
	fx_put(fx, GROUP, "b",
	    "{'bridge':'br1','group_id':2,'type':'all','buckets':[{'actions':[{'output':'p1'}]}]}");
	assert_true(fx_commit(fx));
	fx_refused(fx, GROUP, "c",
	    "{'bridge':'br1','group_id':3,'type':'all','buckets':[{'actions':[{'group':3}]}]}",
	    ERR_PARAMS, "/buckets");
	fx_refused(fx, GROUP, "c",
	    "{'bridge':'br1','group_id':3,'type':'fast_failover','buckets':[{'watch_port':'p9'}]}",
	    ERR_DANGLING, "/buckets/0/watch_port");
	fx_refused(fx, GROUP, "c", "{'bridge':'br1','group_id':3,'type':'indirect','buckets':[]}",
	    ERR_PARAMS, "/buckets");
	fx_refused(fx, GROUP, "c",
	    "{'bridge':'br1','group_id':3,'type':'select','buckets':[{'wait':1}]}", ERR_PARAMS,
	    "/buckets/0/wait");
}

static void all_failing_ops_are_reported(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 40; i++)
		fx_put(fx, PORT, (char[]){'p', (char)('A' + i), 0}, "{'kind':'null'}");
	assert_false(fx_commit(fx));
	assert_int_equal(fx->errs.n_total, 40);
	assert_int_equal(fx->errs.n, 32);
	assert_int_equal(fx->errs.ops[31], 31);
}

static void flows_follow_the_number_of_a_port(void **state)
{
	struct fixture *fx = *state;

	raw_bridge(fx);
	fx_must(fx, FLOW, "f1",
	    "{'bridge':'br1','match':{'in_port':'p1'},'actions':[{'output':'p2'}]}");
	fx_must(fx, GROUP, "g",
	    "{'bridge':'br1','group_id':7,'type':'all','buckets':[{'actions':[{'output':'p1'}]}]}");
	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1','ofport':77}");
	assert_int_equal(
	    fx->n_kind[DP_KIND_RULE], 2); // the old number's rule goes, the new one's comes
	assert_int_equal(fx->n_kind[DP_KIND_GROUP], 1);
	assert_string_equal(
	    model_ofport_name(fx->model, model_bridge_id(fx->model, "br1"), 77), "p1");
}

static void numbers_survive_a_put_without_them_and_a_restart(void **state)
{
	struct fixture *fx = *state;

	raw_bridge(fx);
	blue_network(fx);
	uint32_t id = model_port_id(fx->model, "p2");
	fx_del(fx, PORT, "p1");
	assert_true(fx_commit(fx));
	fx_must(fx, PORT, "p2", "{'kind':'null','bridge':'br1','max_macs':5}");
	assert_int_equal(model_port_id(fx->model, "p2"), id);
	assert_int_equal(
	    json_integer_value(json_object_get(fx_find(fx, PORT, "p2")->data, "ofport")), 2);
	struct model *m = fx_rebuild(fx);
	assert_int_equal(model_port_id(m, "p2"), id);
	assert_int_equal(model_digest(m), model_digest(fx->model));
	model_destroy(m);
}

static void an_unchanged_put_sends_nothing(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	fx_must(fx, PORT, "vm1",
	    "{'network':'blue','mac':'02:00:00:00:00:01','addresses':['10.0.0.1']}");
	assert_int_equal(fx->n_ops, 0);
}

static void a_port_of_a_large_network_costs_its_own_rules_and_one_group(void **state)
{
	struct fixture *fx = *state;

	blue_network(fx);
	for (int i = 2; i < 200; i++) {
		char name[16], json[128];
		snprintf(name, sizeof(name), "vm%d", i);
		snprintf(json, sizeof(json),
		    "{'network':'blue','mac':'02:00:00:00:01:%02x','addresses':['10.0.0.%d']}", i,
		    i);
		fx_must(fx, PORT, name, json);
	}
	assert_int_equal(fx->n_kind[DP_KIND_PORT], 1);
	assert_int_equal(fx->n_kind[DP_KIND_GROUP], 1); // LOCAL
	assert_true(fx->n_kind[DP_KIND_RULE] < 30);
	fx_must(fx, PEER, "h2", "{'remote_ip':'192.0.2.2','networks':['blue']}");
	assert_int_equal(fx->n_kind[DP_KIND_GROUP], 1); // FLOOD
	assert_int_equal(fx->n_kind[DP_KIND_PEER], 1);
	fx_must(fx, PORT, "r1",
	    "{'kind':'remote','network':'blue','peer':'h2','mac':'02:00:00:00:02:01','addresses':['"
	    "10.0.1.1']}");
	assert_int_equal(fx->n_kind[DP_KIND_GROUP], 0);
	assert_int_equal(fx->n_kind[DP_KIND_PORT], 0);
	assert_string_equal(model_port_name(fx->model, 4095), "sluice-vxlan");
}

static void rules_know_what_they_come_from(void **state)
{
	struct fixture *fx = *state;
	size_t n_port_rules = 0;

	blue_network(fx);
	for (size_t i = 0; i < fx->n_dp; i++) {
		if (fx->dp[i].kind != DP_KIND_RULE)
			continue;
		const char *name = model_flow_name(fx->model, fx->dp[i].id);
		assert_non_null(name);
		n_port_rules += strcmp(name, "port/vm1") == 0;
	}
	assert_true(n_port_rules > 5);
	assert_null(model_flow_name(fx->model, 12345));
}

/* A random object of a small world, so that references and collisions are frequent. */
static void random_change(struct fixture *fx)
{
	char name[16], json[512];
	int a = rand() % 4, b = rand() % 6, c = rand() % 8;

	switch (rand() % 6) {
	case 0:
		snprintf(name, sizeof(name), "net%d", a);
		snprintf(json, sizeof(json), "{'vni':%d,'unknown_unicast':'%s','arp_suppress':%s}",
		    a + rand() % 2, rand() % 2 ? "drop" : "flood", rand() % 2 ? "true" : "false");
		fx_put(fx, NET, name, json);
		break;
	case 1:
		snprintf(name, sizeof(name), "vm%d", c);
		snprintf(json, sizeof(json),
		    "{'network':'net%d','mac':'02:00:00:00:00:%02x','addresses':['10.0.0.%d','2001:"
		    "db8::%d'],'security':%s}",
		    a, c, b, c, rand() % 3 ? "true" : "false");
		if (rand() % 3 == 0)
			snprintf(json, sizeof(json),
			    "{'kind':'remote','network':'net%d','peer':'h%d','mac':'02:00:00:00:00:"
			    "%02x'}",
			    a, b % 3, c);
		fx_put(fx, PORT, name, json);
		break;
	case 2:
		snprintf(name, sizeof(name), "h%d", b % 3);
		snprintf(json, sizeof(json), "{'remote_ip':'%s%d','networks':['net%d']}",
		    rand() % 8 ? "192.0.2." : "2001:db8::", b, a);
		fx_put(fx, PEER, name, json);
		break;
	case 3:
		snprintf(name, sizeof(name), "br%d", a % 2);
		fx_put(fx, BRIDGE, name, rand() % 2 ? "{}" : "{'miss':'normal'}");
		snprintf(name, sizeof(name), "p%d", b);
		snprintf(json, sizeof(json), "{'kind':'null','bridge':'br%d'%s}", a % 2,
		    rand() % 4 ? "" : ",'ofport':9");
		fx_put(fx, PORT, name, json);
		break;
	case 4:
		snprintf(name, sizeof(name), "f%d", c);
		snprintf(json, sizeof(json),
		    "{'bridge':'br%d','priority':%d,'match':{'in_port':'p%d'},'actions':[{'%s':%d}]"
		    "}",
		    a % 2, a, b, rand() % 3 ? "output" : "group", a + 1);
		fx_put(fx, FLOW, name, json);
		snprintf(name, sizeof(name), "g%d", b % 3);
		snprintf(json, sizeof(json),
		    "{'bridge':'br%d','group_id':%d,'type':'all','buckets':[{'actions':[{'output':'"
		    "p%d'}]}]}",
		    a % 2, b % 3, b);
		if (rand() % 2)
			fx_put(fx, GROUP, name, json);
		break;
	default:
		if (fx->n_objects > 0) {
			const struct api_object *o = fx->objects[(size_t)rand() % fx->n_objects];
			fx_del(fx, o->table, o->name);
		}
	}
}

/* Says what differs: the digest alone does not. */
static void compare_object(const struct dp_op *op, uint64_t digest, void *arg)
{
	const struct model *other = arg;
	const struct dp_op *theirs = model_find(other, (enum dp_kind)op->kind, op->id);

	if (theirs == NULL || theirs->size != op->size || memcmp(theirs, op, op->size) != 0)
		fail_msg("kind %u id %llx (digest %llx) %s", op->kind, (unsigned long long)op->id,
		    (unsigned long long)digest, theirs == NULL ? "is missing" : "differs");
}

static void history_leaves_no_trace(void **state)
{
	struct fixture *fx = *state;
	const char *text = getenv("SEED");
	unsigned int seed =
	    text != NULL ? (unsigned int)strtoul(text, NULL, 0) : (unsigned int)time(NULL);
	size_t n_accepted = 0;

	printf("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 1500; round++) {
		int n = 1 + rand() % 3;
		for (int i = 0; i < n; i++)
			random_change(fx);
		n_accepted += fx_commit(fx);
		if (round % 10 != 0)
			continue;
		struct model *m = fx_rebuild(fx);
		model_foreach(fx->model, compare_object, m);
		assert_int_equal(model_n_objects(m), model_n_objects(fx->model));
		assert_int_equal(model_digest(m), model_digest(fx->model));
		model_destroy(m);
	}
	assert_true(n_accepted > 100);
}

static void many_flows_in_one_transaction(void **state)
{
	struct fixture *fx = *state;

	unsigned int n = test_size(4000, 20000);

	raw_bridge(fx);
	fx->no_apply = true;
	for (unsigned int i = 0; i < n; i++) {
		char name[16], json[256];
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(json, sizeof(json),
		    "{'bridge':'br1','match':{'eth_type':'0x0800','ipv4_dst':'10.0.%u.%u'},'"
		    "actions':[{'output':'p2'}]}",
		    i / 250, i % 250);
		fx_put(fx, FLOW, name, json);
	}
	uint64_t start_ms = clock_ms();
	assert_true(fx_commit(fx));
	printf("%u flows: %u ms\n", n, (unsigned int)(clock_ms() - start_ms));
	assert_int_equal(fx->n_kind[DP_KIND_RULE], n);
	for (unsigned int i = 0; i < n; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", i);
		fx_del(fx, FLOW, name);
	}
	start_ms = clock_ms();
	assert_true(fx_commit(fx));
	printf("and their deletion: %u ms\n", (unsigned int)(clock_ms() - start_ms));
	assert_int_equal(model_n_objects(fx->model), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(empty_model_has_no_objects),
	    T(deleting_everything_leaves_nothing),
	    T(dry_run_and_refusal_change_nothing),
	    T(dangling_references_are_refused),
	    T(an_object_in_use_cannot_be_deleted),
	    T(collisions_are_refused),
	    T(a_name_can_be_taken_over_in_one_transaction),
	    T(members_of_another_kind_are_refused),
	    T(patch_ports_need_each_other),
	    T(mtu_over_the_underlay_is_refused_with_the_largest),
	    T(default_mtu_follows_the_underlay),
	    T(underlay_is_put_as_a_difference),
	    T(remotes_and_uplinks_are_listed),
	    T(udp_ports_of_tunnels_are_listed_and_few),
	    T(group_loops_are_refused),
	    T(all_failing_ops_are_reported),
	    T(flows_follow_the_number_of_a_port),
	    T(numbers_survive_a_put_without_them_and_a_restart),
	    T(an_unchanged_put_sends_nothing),
	    T(a_port_of_a_large_network_costs_its_own_rules_and_one_group),
	    T(rules_know_what_they_come_from),
	    T(history_leaves_no_trace),
	    T(many_flows_in_one_transaction),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
