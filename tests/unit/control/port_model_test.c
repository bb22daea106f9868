/* SPDX-License-Identifier: Apache-2.0 */
/* Ports on bridges: what the columns that OVS users know become for the switch, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/control/model_fixture.h"

#define NET    API_TABLE_NETWORK
#define PORT   API_TABLE_PORT
#define BRIDGE API_TABLE_BRIDGE
#define FLOW   API_TABLE_FLOW

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	fx_init(fx);
	fx_must(fx, BRIDGE, "br1", "{}");
	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1'}");
	fx_must(fx, PORT, "p2", "{'kind':'null','bridge':'br1'}");
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	fx_fini(*state);
	free(*state);
	return 0;
}

/* What the switch is told of a port. */
static const struct dp_port_conf *port_conf(struct fixture *fx, const char *name)
{
	const struct dp_op *op =
	    model_find(fx->model, DP_KIND_PORT, model_port_id(fx->model, name));

	assert_non_null(op);
	return (const struct dp_port_conf *)(const void *)(op + 1);
}

static void vlans_of_ports_are_as_in_ovs(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(port_conf(fx, "p1")->vlan_mode, DP_VLAN_TRUNK);
	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1','tag':7,'priority_tags':'always'}");
	assert_int_equal(port_conf(fx, "p1")->vlan_mode, DP_VLAN_ACCESS);
	assert_int_equal(port_conf(fx, "p1")->vlan_tag, 7);
	assert_int_equal(port_conf(fx, "p1")->priority_tags, DP_PRIORITY_TAGS_ALWAYS);
	assert_int_equal(fx->n_ops, 1);
	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1','trunks':[0,1,64,4095]}");
	assert_int_equal(port_conf(fx, "p1")->vlan_mode, DP_VLAN_TRUNK);
	assert_int_equal(port_conf(fx, "p1")->flags, DP_PORT_F_TRUNKS);
	assert_int_equal(port_conf(fx, "p1")->trunks[0], 3);
	assert_int_equal(port_conf(fx, "p1")->trunks[1], 1);
	assert_int_equal(port_conf(fx, "p1")->trunks[63], 1ULL << 63);
	fx_must(fx, PORT, "p1",
	    "{'kind':'null','bridge':'br1','vlan_mode':'native-untagged','tag':9,'trunks':[]}");
	assert_int_equal(port_conf(fx, "p1")->vlan_mode, DP_VLAN_NATIVE_UNTAGGED);
	assert_int_equal(port_conf(fx, "p1")->flags, 0);
	static const struct {
		const char *more, *path;
	} bad[] = {
	    {"'vlan_mode':'trunk','tag':7", "/tag"},
	    {"'vlan_mode':'native-tagged'", "/tag"},
	    {"'vlan_mode':'access'", "/tag"},
	    {"'tag':7,'trunks':[8]", "/trunks"},
	    {"'trunks':[1,4096]", "/trunks/1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char json[160];
		snprintf(json, sizeof(json), "{'kind':'null','bridge':'br1',%s}", bad[i].more);
		fx_refused(fx, PORT, "p2", json, ERR_PARAMS, bad[i].path);
	}
	fx_must(fx, NET, "blue", "{'vni':10}");
	fx_refused(fx, PORT, "vm1", "{'network':'blue','mac':'02:00:00:00:00:01','tag':5}",
	    ERR_PARAMS, "/tag");
	fx_refused(
	    fx, PORT, "up", "{'kind':'uplink','interface':'eth0','tag':5}", ERR_PARAMS, "/tag");
}

static void a_bridge_has_a_port_of_its_own(void **state)
{
	struct fixture *fx = *state;

	fx_must(fx, PORT, "br1", "{'kind':'tap','bridge':'br1','ofport':65534}");
	assert_int_equal(port_conf(fx, "br1")->ofport, DP_OFPORT_LOCAL);
	assert_string_equal(port_conf(fx, "br1")->arg, "br1");
	assert_string_equal(
	    model_ofport_name(fx->model, model_bridge_id(fx->model, "br1"), DP_OFPORT_LOCAL),
	    "br1");
	assert_int_equal(
	    json_integer_value(json_object_get(fx_find(fx, PORT, "br1")->data, "ofport")), 65534);
	fx_must(fx, FLOW, "f1", "{'bridge':'br1','match':{'in_port':'local'},'actions':['drop']}");
	// The same match by its number and by its name.
	fx_refused(fx, FLOW, "f2", "{'bridge':'br1','match':{'in_port':65534},'actions':['drop']}",
	    ERR_EXISTS, "/match");
	fx_refused(fx, FLOW, "f2", "{'bridge':'br1','match':{'in_port':'br1'},'actions':['drop']}",
	    ERR_EXISTS, "/match");
	fx_refused(fx, PORT, "p3", "{'kind':'null','bridge':'br1','ofport':65534}", ERR_CONFLICT,
	    "/ofport");
	fx_refused(
	    fx, PORT, "p3", "{'kind':'null','bridge':'br1','ofport':65280}", ERR_PARAMS, "/ofport");
	// Those after it get plain numbers.
	fx_must(fx, PORT, "p3", "{'kind':'null','bridge':'br1'}");
	assert_int_equal(port_conf(fx, "p3")->ofport, 3);
}

#define TUNNEL "'kind':'vxlan','bridge':'br1','remote_ip':'192.0.2.1'"

static void tunnel_options_are_as_in_ovs(void **state)
{
	struct fixture *fx = *state;

	fx_must(fx, PORT, "t", "{" TUNNEL ",'vni':'7'}");
	assert_int_equal(port_conf(fx, "t")->flags, 0);
	assert_int_equal(port_conf(fx, "t")->tnl_vni, 7);
	assert_int_equal(port_conf(fx, "t")->tnl_ttl, 0);
	fx_must(fx, PORT, "t",
	    "{" TUNNEL ",'vni':'7','out_vni':'8','local_ip':'192.0.2.9','ttl':'33','dscp':'46',"
	    "'df':false,'csum':true,'inner_vlan':true}");
	const struct dp_port_conf *c = port_conf(fx, "t");
	assert_int_equal(
	    c->flags, DP_PORT_F_OUT_VNI | DP_PORT_F_NO_DF | DP_PORT_F_CSUM | DP_PORT_F_INNER_VLAN);
	assert_int_equal(c->tnl_vni, 7);
	assert_int_equal(c->tnl_out_vni, 8);
	assert_int_equal(c->tnl_ttl, 33);
	assert_int_equal(c->tnl_tos, 46 << 2);
	assert_true(ip_is_v4(&c->tnl_local));
	fx_must(fx, PORT, "t",
	    "{" TUNNEL ",'vni':'0','in_vni':'flow','ttl':'inherit','dscp':'inherit',"
	    "'local_ip':'flow'}");
	c = port_conf(fx, "t");
	assert_int_equal(c->flags, DP_PORT_F_VNI_FLOW | DP_PORT_F_OUT_VNI | DP_PORT_F_TTL_INHERIT |
				       DP_PORT_F_TOS_INHERIT | DP_PORT_F_LOCAL_FLOW);
	fx_must(fx, PORT, "t", "{" TUNNEL ",'vni':'flow','in_vni':'3'}");
	assert_int_equal(port_conf(fx, "t")->flags, DP_PORT_F_OUT_VNI_FLOW);
	static const struct {
		const char *more, *path;
	} bad[] = {
	    {"'vni':'x'", "/vni"},
	    {"'vni':'1','in_vni':'16777216'", "/in_vni"},
	    {"'vni':'1','out_vni':'-1'", "/out_vni"},
	    {"'vni':'1','ttl':'0'", "/ttl"},
	    {"'vni':'1','ttl':'256'", "/ttl"},
	    {"'vni':'1','dscp':'64'", "/dscp"},
	    {"'vni':'1','local_ip':'224.0.0.1'", "/local_ip"},
	    {"'vni':'1','local_ip':'2001:db8::1'", "/local_ip"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char json[200];
		snprintf(json, sizeof(json), "{" TUNNEL ",%s}", bad[i].more);
		fx_refused(fx, PORT, "t2", json, ERR_PARAMS, bad[i].path);
	}
	// Another for the same packets; what it sends does not matter.
	fx_refused(
	    fx, PORT, "t2", "{" TUNNEL ",'vni':'3','csum':true}", ERR_CONFLICT, "/remote_ip");
	fx_must(fx, PORT, "t2", "{" TUNNEL ",'vni':'3','local_ip':'192.0.2.9'}");
	fx_refused(
	    fx, PORT, "p1", "{'kind':'null','bridge':'br1','csum':true}", ERR_PARAMS, "/csum");
}

static void policing_is_for_ports_that_packets_come_in_by(void **state)
{
	struct fixture *fx = *state;

	fx_must(fx, PORT, "p1", "{'kind':'null','bridge':'br1','policing_kbps':1000}");
	assert_int_equal(port_conf(fx, "p1")->policing_kbps, 1000);
	assert_int_equal(port_conf(fx, "p1")->policing_burst_kbit, 0);
	fx_must(fx, PORT, "p1",
	    "{'kind':'null','bridge':'br1','policing_kbps':1000,'policing_burst_kbit':80}");
	assert_int_equal(port_conf(fx, "p1")->policing_burst_kbit, 80);
	fx_refused(fx, PORT, "t", "{" TUNNEL ",'vni':'1','policing_kbps':1}", ERR_PARAMS,
	    "/policing_kbps");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(vlans_of_ports_are_as_in_ovs),
	    T(a_bridge_has_a_port_of_its_own),
	    T(tunnel_options_are_as_in_ovs),
	    T(policing_is_for_ports_that_packets_come_in_by),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
