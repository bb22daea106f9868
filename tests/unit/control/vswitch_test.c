/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "control/model.h"
#include "datapath/base/clock.h"
#include "tests/unit/control/vswitch_fixture.h"
#include "tests/unit/test.h"

enum { N_PORTS = 32 };

static struct dp_port_stats stats[N_PORTS];

static int setup(void **state)
{
	memset(stats, 0, sizeof(stats));
	for (uint32_t i = 0; i < N_PORTS; i++)
		stats[i] = (struct dp_port_stats){.id = i + 1,
		    .link_up = 1,
		    .state = DP_PORT_UP,
		    .rx_packets = 10 + i,
		    .rx_bytes = 1000,
		    .tx_packets = 5,
		    .tx_drops = 3};
	int rc = vs_setup(state);
	struct vs *vs = *state;
	vs->fake->stats = stats;
	vs->fake->n_stats = N_PORTS;
	return rc;
}

#define ADD_BR(br)                                                                                 \
	"{'op':'insert','table':'Interface','uuid-name':'i" br "','row':{'name':'" br              \
	"','type':'internal'}}, {'op':'insert','table':'Port','uuid-name':'p" br                   \
	"','row':{'name':'" br "','interfaces':['named-uuid','i" br                                \
	"']}}, {'op':'insert','table':'Bridge','uuid-name':'b" br "','row':{'name':'" br           \
	"','ports':['named-uuid','p" br                                                            \
	"']}}, {'op':'mutate','table':'Open_vSwitch','where':[],'mutations':[['bridges','insert'," \
	"['set',[['named-uuid','b" br "']]]]]}"

#define ADD_PORT(br, port, columns, port_columns)                                         \
	"{'op':'insert','table':'Interface','uuid-name':'i" port "','row':{'name':'" port \
	"'," columns "}}, {'op':'insert','table':'Port','uuid-name':'p" port              \
	"','row':{'name':'" port "'" port_columns ",'interfaces':['named-uuid','i" port   \
	"']}}, {'op':'mutate','table':'Bridge','where':[['name','==','" br                \
	"']],'mutations':[['ports','insert',['set',[['named-uuid','p" port "']]]]]}"

#define VXLAN(remote) "'type':'vxlan','options':['map',[['remote_ip','" remote "'],['key','7']]]"
#define TAP           "'type':'tap'"

static void assert_member(
    struct vs *vs, enum api_table table, const char *name, const char *member, const char *text)
{
	const struct api_object *o = vs_object(vs, table, name);
	assert_non_null(o);
	const char *value = json_string_value(json_object_get(o->data, member));
	assert_non_null(value);
	assert_string_equal(value, text);
}

static void rows_become_objects_and_get_their_numbers(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") "]");
	assert_string_equal(vs_object(vs, API_TABLE_BRIDGE, "br0")->owner, "ovsdb");
	assert_member(vs, API_TABLE_BRIDGE, "br0", "fail_mode", "standalone");
	assert_member(vs, API_TABLE_PORT, "br0", "kind", "tap");
	assert_column(vs, "Interface", "br0", "ofport", "65534");
	vs_must(vs, "[" ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") ", " ADD_PORT("br0", "vhu0",
			"'type':'dpdkvhostuserclient','options':['map',[['vhost-server-path','/tmp/"
			"v.sock']]]",
			"") "]");
	assert_member(vs, API_TABLE_PORT, "t0", "remote_ip", "192.0.2.9");
	assert_member(vs, API_TABLE_PORT, "t0", "vni", "7");
	assert_member(vs, API_TABLE_PORT, "vhu0", "socket", "/tmp/v.sock");
	assert_column(vs, "Interface", "t0", "error", "['set',[]]");
	assert_column(vs, "Interface", "vhu0", "link_state", "'up'");
	json_t *a = vs_get(vs, "Interface", "t0", "ofport"),
	       *b = vs_get(vs, "Interface", "vhu0", "ofport");
	assert_in_range(json_integer_value(a), 1, 2);
	assert_in_range(json_integer_value(b), 1, 2);
	json_decref(a);
	json_decref(b);
	json_t *id = vs_get(vs, "Bridge", "br0", "datapath_id");
	assert_int_equal(json_string_length(id), 16);
	json_decref(id);
}

static void a_batch_of_rows_is_one_transaction(void **state)
{
	struct vs *vs = *state;
	uint64_t before = store_generation(vs->d.store);

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"),
			"") ", " ADD_PORT("br0", "t1", VXLAN("192.0.2.10"), "") "]");
	assert_int_equal(store_generation(vs->d.store), before + 1);
	/* What changes nothing that is wanted makes none. */
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','t0']],'row':{"
		    "'external_ids':['map',[['iface-id','x']]]}}]");
	assert_int_equal(store_generation(vs->d.store), before + 1);
}

static void assert_error_has(struct vs *vs, const char *interface, const char *part)
{
	json_t *error = vs_get(vs, "Interface", interface, "error");

	if (!json_is_string(error) || strstr(json_string_value(error), part) == NULL)
		fail_msg("error of %s is %s: it lacks \"%s\"", interface,
		    json_dumps(error, JSON_ENCODE_ANY), part);
	json_decref(error);
	assert_column(vs, "Interface", interface, "ofport", "-1");
}

static void a_refused_row_has_the_reason_and_the_rest_is_there(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "bad", "'type':'geneve'",
			"") ", " ADD_PORT("br0", "none", "'type':'vxlan'", "") ", " ADD_PORT("br0",
			"mtu", TAP ",'mtu_request':10",
			"") ", " ADD_PORT("br0", "ok", VXLAN("192.0.2.9"), "") "]");
	assert_error_has(vs, "bad", "geneve");
	assert_error_has(vs, "none", "remote_ip");
	assert_error_has(vs, "mtu", "mtu");
	assert_column(vs, "Interface", "ok", "error", "['set',[]]");
	json_t *health = vswitch_to_json(vs->d.vswitch);
	assert_true(json_is_false(json_object_get(health, "ok")));
	assert_int_equal(json_array_size(json_object_get(health, "refused")), 3);
	json_decref(health);
	/* Mended, it is there. */
	vs_must(
	    vs, "[{'op':'update','table':'Interface','where':[['name','==','bad']],'row':{" VXLAN(
		    "192.0.2.10") "}}]");
	assert_column(vs, "Interface", "bad", "error", "['set',[]]");
	assert_non_null(vs_object(vs, API_TABLE_PORT, "bad"));
}

static void what_model_or_switch_refuse_keeps_nobody_else_out(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") "]");
	/* The next port's number, whoever of the two gets it. */
	vs->fake->refuse_kind = DP_KIND_PORT;
	vs->fake->refuse_id = 2;
	vs_must(vs, "[" ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") ", " ADD_PORT(
			"br0", "t1", VXLAN("192.0.2.10"), "") "]");
	assert_error_has(vs, "t0", "not this one");
	assert_error_has(vs, "t1", "not this one"); // it comes next, and gets that number too
	vs->fake->refuse_id = 0;
	vs_must(vs, "[{'op':'comment','comment':'again'}]");
	assert_column(vs, "Interface", "t0", "error", "['set',[]]");
	assert_column(vs, "Interface", "t1", "error", "['set',[]]");
}

static void a_device_that_is_not_there_is_named(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "nothere0", "'type':''",
			"") ", " ADD_PORT("br0", "lo", "'type':'system'", "") "]");
	assert_error_has(vs, "nothere0", "could not open network device nothere0 (No such device)");
	assert_member(vs, API_TABLE_PORT, "lo", "device", "net_af_packet_lo,iface=lo");
	json_t *index = vs_get(vs, "Interface", "lo", "ifindex");
	assert_int_equal(json_integer_value(index), 1);
	json_decref(index);
}

static void keys_of_a_tunnel_are_its_vni(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "flow",
			"'type':'vxlan','options':['map',[['remote_ip','192.0.2.8'],['in_key','"
			"flow'],['out_key','flow']]]",
			"") ", " ADD_PORT("br0", "none",
			"'type':'vxlan','options':['map',[['remote_ip','192.0.2.9']]]", "") "]");
	assert_member(vs, API_TABLE_PORT, "flow", "vni", "flow");
	assert_member(vs, API_TABLE_PORT, "none", "vni", "0");
}

static void a_port_that_failed_has_no_number(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") "]");
	struct dp_port_stats *s = &stats[model_port_id(vs->d.model, "t0") - 1];
	s->state = DP_PORT_FAILED;
	snprintf(s->error, sizeof(s->error), "could not open network device t0 (No such device)");
	vswitch_on_port(vs->d.vswitch);
	vs_run(vs);
	assert_error_has(vs, "t0", "No such device");
	s->state = DP_PORT_UP;
	vswitch_on_port(vs->d.vswitch);
	vs_run(vs);
	assert_column(vs, "Interface", "t0", "error", "['set',[]]");
	assert_column(vs, "Interface", "t0", "ofport", "1");
}

static void deleted_rows_take_their_objects_along(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") "]");
	vs_must(vs, "[{'op':'delete','table':'Interface','where':[['name','==','none']]}, "
		    "{'op':'update','table':'Bridge','where':[['name','==','br0']],'row':{'ports':["
		    "'set',[]]}}]");
	assert_null(vs_object(vs, API_TABLE_PORT, "t0"));
	assert_null(vs_object(vs, API_TABLE_PORT, "br0"));
	assert_non_null(vs_object(vs, API_TABLE_BRIDGE, "br0"));
	/* And with a bridge goes what others have put on it. */
	vs_api(vs, "cloud",
	    "[{'op':'put','table':'flow','name':'f','object':{'bridge':'br0','actions':[{'output':'"
	    "normal'}]}}]");
	vs_must(
	    vs, "[{'op':'update','table':'Open_vSwitch','where':[],'row':{'bridges':['set',[]]}}]");
	assert_null(vs_object(vs, API_TABLE_BRIDGE, "br0"));
	assert_null(vs_object(vs, API_TABLE_FLOW, "f"));
}

static void fail_mode_is_the_bridges(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") "]");
	vs_must(vs, "[{'op':'update','table':'Bridge','where':[],'row':{'fail_mode':'secure'}}]");
	assert_member(vs, API_TABLE_BRIDGE, "br0", "fail_mode", "secure");
	vs_must(vs, "[{'op':'update','table':'Bridge','where':[],'row':{'fail_mode':['set',[]]}}]");
	assert_member(vs, API_TABLE_BRIDGE, "br0", "fail_mode", "standalone");
}

static void vlans_are_the_ports(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"),
			",'tag':10,'vlan_mode':'native-untagged','trunks':['set',[20,21]]") "]");
	const struct api_object *o = vs_object(vs, API_TABLE_PORT, "t0");
	assert_int_equal(json_integer_value(json_object_get(o->data, "tag")), 10);
	assert_int_equal(json_array_size(json_object_get(o->data, "trunks")), 2);
	assert_member(vs, API_TABLE_PORT, "t0", "vlan_mode", "native-untagged");
	vs_must(vs, "[{'op':'update','table':'Port','where':[['name','==','t0']],'row':{"
		    "'tag':['set',[]],'trunks':['set',[]],'vlan_mode':['set',[]]}}]");
	o = vs_object(vs, API_TABLE_PORT, "t0");
	assert_null(json_object_get(o->data, "tag"));
}

static void a_number_is_kept_and_another_is_given_when_asked_for(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT(
			"br0", "t0", VXLAN("192.0.2.9") ",'ofport_request':77", "") "]");
	assert_column(vs, "Interface", "t0", "ofport", "77");
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','t0']],'row':{'"
		    "ofport_request':['set',[]]}}]");
	assert_column(vs, "Interface", "t0", "ofport", "77");
	/* Somebody else's: the next free one. */
	vs_must(vs, "[" ADD_PORT("br0", "t1", VXLAN("192.0.2.10") ",'ofport_request':77", "") "]");
	assert_column(vs, "Interface", "t1", "ofport", "1");
	assert_column(vs, "Interface", "t1", "error", "['set',[]]");
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','t1']],'row':{'"
		    "ofport_request':9}}]");
	assert_column(vs, "Interface", "t1", "ofport", "9");
}

static void a_patch_waits_for_its_peer_with_a_number(void **state)
{
	struct vs *vs = *state;
	json_t *before, *after;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_BR("br1") ", " ADD_PORT(
			"br0", "pa", "'type':'patch','options':['map',[['peer','pb']]]", "") "]");
	assert_column(vs, "Interface", "pa", "error", "['set',[]]");
	assert_member(vs, API_TABLE_PORT, "pa", "kind", "null");
	before = vs_get(vs, "Interface", "pa", "ofport");
	vs_must(vs,
	    "[" ADD_PORT("br1", "pb", "'type':'patch','options':['map',[['peer','pa']]]", "") "]");
	assert_member(vs, API_TABLE_PORT, "pa", "kind", "patch");
	assert_member(vs, API_TABLE_PORT, "pa", "peer", "pb");
	assert_member(vs, API_TABLE_PORT, "pb", "peer", "pa");
	after = vs_get(vs, "Interface", "pa", "ofport");
	assert_true(json_is_integer(before) && json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void policing_is_the_ports(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "p0",
			TAP ",'ingress_policing_rate':1000,'ingress_policing_burst':100", "") "]");
	json_t *object = api_object_json(vs_object(vs, API_TABLE_PORT, "p0"));
	assert_int_equal(json_integer_value(json_object_get(object, "policing_kbps")), 1000);
	assert_int_equal(json_integer_value(json_object_get(object, "policing_burst_kbit")), 100);
	json_decref(object);
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','p0']],'row':{"
		    "'ingress_policing_rate':0}}]");
	object = api_object_json(vs_object(vs, API_TABLE_PORT, "p0"));
	assert_null(json_object_get(object, "policing_kbps"));
	assert_null(json_object_get(object, "policing_burst_kbit"));
	json_decref(object);
	assert_column(vs, "Interface", "p0", "error", "['set',[]]");
}

static void what_nothing_acts_on_is_named(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0",
			VXLAN("192.0.2.9") ",'ingress_policing_rate':1000",
			"") ", "
			    "{'op':'insert','table':'Mirror','uuid-name':'m','row':{'name':'m'}}, "
			    "{'op':'update','table':'Bridge','where':[],'row':{'mirrors':['named-"
			    "uuid','m'],'stp_enable':true}}]");
	assert_column(vs, "Bridge", "br0", "status",
	    "['map',[['unsupported','stored, not acted on: mirrors, stp_enable']]]");
	assert_column(vs, "Interface", "t0", "status",
	    "['map',[['unsupported','stored, not acted on: ingress_policing_rate']]]");
	vs_must(vs, "[" ADD_PORT("br0", "b", TAP, "") "]");
	vs_must(vs, "[{'op':'insert','table':'Interface','uuid-name':'i2','row':{'name':'b2','type'"
		    ":'tap'}}, "
		    "{'op':'mutate','table':'Port','where':[['name','==','b']],'mutations':[['"
		    "interfaces','insert',['named-uuid','i2']]]}]");
	json_t *error = vs_get(vs, "Interface", "b2", "error");
	assert_non_null(strstr(json_string_value(error), "bonds"));
	json_decref(error);
}

static void objects_of_others_are_rows(void **state)
{
	struct vs *vs = *state;

	vs_api(vs, "cloud",
	    "[{'op':'put','table':'bridge','name':'api0','object':{}}, "
	    "{'op':'put','table':'port','name':'av0','object':{'bridge':'api0','kind':'vhost-user',"
	    "'socket':'/tmp/a.sock'}}, "
	    "{'op':'put','table':'network','name':'red','object':{'vni':5}}, "
	    "{'op':'put','table':'port','name':'nv0','object':{'network':'red','mac':'02:00:00:00:"
	    "00:01'}}]");
	assert_column(vs, "Bridge", "api0", "external_ids", "['map',[['sluice-owner','cloud']]]");
	assert_column(vs, "Bridge", "api0", "fail_mode", "'secure'");
	assert_column(vs, "Interface", "av0", "type", "'dpdkvhostuserclient'");
	assert_column(vs, "Interface", "av0", "link_state", "'up'");
	assert_column(
	    vs, "Bridge", "sluice-net", "external_ids", "['map',[['sluice-owner','sluiced']]]");
	assert_column(vs, "Port", "nv0", "external_ids", "['map',[['sluice-owner','cloud']]]");
	uint64_t generation = store_generation(vs->d.store);
	vs_api(vs, "cloud",
	    "[{'op':'delete','table':'port','name':'av0'}, "
	    "{'op':'delete','table':'port','name':'nv0'}]");
	assert_int_equal(store_generation(vs->d.store), generation + 1);
	assert_null(vs_get(vs, "Port", "av0", "name"));
	assert_null(vs_get(vs, "Interface", "av0", "name"));
	assert_null(vs_get(vs, "Bridge", "sluice-net", "name"));
	assert_column(vs, "Bridge", "api0", "ports", "['set',[]]");
	vs_api(vs, "cloud", "[{'op':'delete','table':'bridge','name':'api0'}]");
	assert_null(vs_get(vs, "Bridge", "api0", "name"));
}

static void rows_of_others_are_put_back_with_a_word(void **state)
{
	struct vs *vs = *state;

	vs_api(vs, "cloud",
	    "[{'op':'put','table':'bridge','name':'api0','object':{}}, "
	    "{'op':'put','table':'port','name':'av0','object':{'bridge':'api0','kind':'vhost-user',"
	    "'socket':'/tmp/a.sock'}}]");
	uint64_t generation = store_generation(vs->d.store);
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','av0']],'row':{'"
		    "type':'tap'}}]");
	assert_column(vs, "Interface", "av0", "type", "'dpdkvhostuserclient'");
	json_t *error = vs_get(vs, "Interface", "av0", "error");
	assert_non_null(strstr(json_string_value(error), "cloud"));
	json_decref(error);
	vs_must(vs, "[{'op':'update','table':'Interface','where':[['name','==','av0']],'row':{'"
		    "external_ids':['map',[['iface-id','x']]]}}]");
	assert_column(vs, "Interface", "av0", "external_ids",
	    "['map',[['iface-id','x'],['sluice-owner','cloud']]]");
	/* Nor does it go. */
	vs_must(
	    vs, "[{'op':'update','table':'Open_vSwitch','where':[],'row':{'bridges':['set',[]]}}]");
	assert_column(vs, "Bridge", "api0", "external_ids", "['map',[['sluice-owner','cloud']]]");
	assert_column(vs, "Port", "av0", "external_ids", "['map',[['sluice-owner','cloud']]]");
	assert_int_equal(store_generation(vs->d.store), generation);
}

static void a_name_that_another_owner_has_is_refused(void **state)
{
	struct vs *vs = *state;

	vs_api(vs, "cloud", "[{'op':'put','table':'bridge','name':'api0','object':{}}]");
	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "p", VXLAN("192.0.2.9"), "") "]");
	vs_must(vs, "[" ADD_PORT("api0", "q", VXLAN("192.0.2.10"), "") "]");
	assert_column(vs, "Interface", "q", "error", "['set',[]]");
	assert_member(vs, API_TABLE_PORT, "q", "bridge", "api0");
}

static void a_restart_changes_nothing(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") "]");
	vs_api(vs, "cloud", "[{'op':'put','table':'bridge','name':'api0','object':{}}]");
	json_t *row = vs_get(vs, "Interface", "t0", "_uuid"),
	       *api = vs_get(vs, "Bridge", "api0", "_uuid"),
	       *id = vs_get(vs, "Open_vSwitch", NULL, "external_ids");
	uint64_t generation = store_generation(vs->d.store);
	unsigned int n_prepared = vs->fake->n_msgs[DP_MSG_PREPARE],
		     n_txn = vs->fake->n_msgs[DP_MSG_TXN];
	vs_stop(vs);
	vs_start(vs);
	assert_int_equal(store_generation(vs->d.store), generation);
	assert_int_equal(vs->fake->n_msgs[DP_MSG_PREPARE], n_prepared);
	assert_int_equal(vs->fake->n_msgs[DP_MSG_TXN], n_txn);
	assert_column(vs, "Interface", "t0", "ofport", "1");
	json_t *row2 = vs_get(vs, "Interface", "t0", "_uuid"),
	       *api2 = vs_get(vs, "Bridge", "api0", "_uuid"),
	       *id2 = vs_get(vs, "Open_vSwitch", NULL, "external_ids");
	assert_true(json_equal(row, row2) && json_equal(api, api2) && json_equal(id, id2));
	json_t *all[] = {row, api, id, row2, api2, id2};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		json_decref(all[i]);
}

static void cur_cfg_waits_for_the_switch(void **state)
{
	struct vs *vs = *state;

	fake_kill(vs->fake);
	vs_run(vs);
	json_decref(
	    vs_transact(vs, "[" ADD_BR("br0") ", "
					      "{'op':'mutate','table':'Open_vSwitch','where':[],'"
					      "mutations':[['next_cfg','+=',1]]}]"));
	vs_run(vs);
	assert_non_null(vs_object(vs, API_TABLE_BRIDGE, "br0"));
	assert_column(vs, "Open_vSwitch", NULL, "cur_cfg", "0");
	fake_listen(vs->fake);
	uint64_t end_ms = clock_ms() + 4000;
	json_t *cur_cfg = NULL;
	while (json_integer_value(cur_cfg) != 1 && clock_ms() < end_ms) {
		json_decref(cur_cfg);
		vs_run(vs);
		cur_cfg = vs_get(vs, "Open_vSwitch", NULL, "cur_cfg");
	}
	assert_int_equal(json_integer_value(cur_cfg), 1);
	json_decref(cur_cfg);
	assert_column(vs, "Interface", "br0", "ofport", "65534");
}

static void what_a_switch_that_is_back_refuses_has_the_reason(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") "]");
	fake_kill(vs->fake);
	vs_run(vs);
	vs->fake->refuse_kind = DP_KIND_PORT;
	vs->fake->refuse_id = model_port_id(vs->d.model, "t0");
	vs->fake->n_stats = 0; // it has no such port
	unsigned int n = vs->fake->n_msgs[DP_MSG_STATS];
	fake_listen(vs->fake);
	fake_until(vs->fake, &vs->fake->n_msgs[DP_MSG_STATS], n + 1);
	vs_run(vs);
	assert_error_has(vs, "t0", "not this one");
	assert_column(vs, "Interface", "br0", "error", "['set',[]]");
}

static void what_has_not_changed_is_not_written(void **state)
{
	struct vs *vs = *state;

	vs_must(vs, "[" ADD_BR("br0") ", " ADD_PORT("br0", "t0", VXLAN("192.0.2.9"), "") "]");
	json_t *before = vs_get(vs, "Interface", "t0", "_version");
	vswitch_on_switch(vs->d.vswitch, true);
	vs_run(vs);
	json_t *counted = vs_get(vs, "Interface", "t0", "_version");
	assert_false(json_equal(before, counted)); // its statistics came
	vswitch_on_switch(vs->d.vswitch, true);
	vs_run(vs);
	json_t *after = vs_get(vs, "Interface", "t0", "_version");
	assert_true(json_equal(counted, after));
	json_decref(before);
	json_decref(counted);
	json_decref(after);
	json_t *statistics = vs_get(vs, "Interface", "t0", "statistics");
	char *text = json_dumps(statistics, 0);
	assert_non_null(strstr(text, "[\"tx_dropped\", 3]"));
	free(text);
	json_decref(statistics);
}

static void the_root_row_and_its_id_come_back(void **state)
{
	struct vs *vs = *state;
	json_t *before = vs_get(vs, "Open_vSwitch", NULL, "external_ids");

	vs_must(vs, "[{'op':'update','table':'Open_vSwitch','where':[],'row':{'external_ids':['map'"
		    ",[]],'bridges':['set',[]]}}]");
	json_t *after = vs_get(vs, "Open_vSwitch", NULL, "external_ids");
	assert_true(json_equal(before, after));
	json_decref(after);
	json_decref(vs_transact(vs, "[{'op':'delete','table':'Open_vSwitch','where':[]}]"));
	vs_run(vs);
	after = vs_get(vs, "Open_vSwitch", NULL, "external_ids");
	assert_true(json_equal(before, after));
	json_decref(after);
	json_decref(before);
	assert_column(vs, "Open_vSwitch", NULL, "db_version", "'8.3.1'");
}

static void the_schema_and_the_lock_are_the_daemons(void **state)
{
	struct vs *vs = *state;
	json_t *reply = vs_request(vs, "get_schema", json_pack("[s]", "Open_vSwitch"));
	json_t *schema = json_incref(json_object_get(reply, "result"));

	assert_string_equal(json_string_value(json_object_get(schema, "version")), "8.3.1");
	json_decref(reply);
	reply = vs_request(vs, "convert", json_pack("[s, o]", "Open_vSwitch", schema));
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(reply, "error"), "error")),
	    "not supported");
	json_decref(reply);
	reply = vs_request(vs, "lock", json_pack("[s]", "ovs_vswitchd"));
	assert_true(json_is_false(json_object_get(json_object_get(reply, "result"), "locked")));
	json_decref(reply);
	vs_must(vs, "[" ADD_BR("br0") "]");
}

static void rows_over_the_limit_have_an_error(void **state)
{
	struct vs *vs = *state;
	enum { N = 260, LIMIT = 254 };
	json_t *ops = json_array(), *names = json_array();
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		json_array_append_new(names, json_pack("[s, s]", "named-uuid", name));
		json_array_append_new(
		    ops, json_pack("{s:s, s:s, s:s, s:{s:s}}", "op", "insert", "table", "Bridge",
			     "uuid-name", name, "row", "name", name));
	}
	json_array_append_new(
	    ops, json_pack("{s:s, s:s, s:[], s:{s:[s, o]}}", "op", "update", "table",
		     "Open_vSwitch", "where", "row", "bridges", "set", names));
	char *text = json_dumps(ops, 0);
	vs_must(vs, text);
	free(text);
	json_decref(ops);
	assert_int_equal(store_count(vs->d.store, API_TABLE_BRIDGE), LIMIT);
	int n_errors = 0;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		json_t *status = vs_get(vs, "Bridge", name, "status");
		n_errors += json_array_size(json_array_get(status, 1)) == 1;
		json_decref(status);
	}
	assert_int_equal(n_errors, N - LIMIT);
}

static void texts_that_quote_clients_are_utf8(void **state)
{
	struct vs *vs = *state;

	/* 63 bytes, then a character that the error's quote cuts. */
	vs_must(vs,
	    "[" ADD_BR("br0") ", " ADD_PORT("br0", "p",
		"'type':'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\u00e9'",
		"") "]");
	assert_error_has(vs, "p", "xxx?");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, vs_teardown)
	const struct CMUnitTest tests[] = {
	    T(rows_become_objects_and_get_their_numbers),
	    T(a_batch_of_rows_is_one_transaction),
	    T(a_refused_row_has_the_reason_and_the_rest_is_there),
	    T(what_model_or_switch_refuse_keeps_nobody_else_out),
	    T(a_device_that_is_not_there_is_named),
	    T(keys_of_a_tunnel_are_its_vni),
	    T(a_port_that_failed_has_no_number),
	    T(deleted_rows_take_their_objects_along),
	    T(fail_mode_is_the_bridges),
	    T(vlans_are_the_ports),
	    T(a_number_is_kept_and_another_is_given_when_asked_for),
	    T(a_patch_waits_for_its_peer_with_a_number),
	    T(policing_is_the_ports),
	    T(what_nothing_acts_on_is_named),
	    T(objects_of_others_are_rows),
	    T(rows_of_others_are_put_back_with_a_word),
	    T(a_name_that_another_owner_has_is_refused),
	    T(a_restart_changes_nothing),
	    T(cur_cfg_waits_for_the_switch),
	    T(what_a_switch_that_is_back_refuses_has_the_reason),
	    T(what_has_not_changed_is_not_written),
	    T(the_root_row_and_its_id_come_back),
	    T(rows_over_the_limit_have_an_error),
	    T(texts_that_quote_clients_are_utf8),
	    T(the_schema_and_the_lock_are_the_daemons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
