/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as JSON: every action there and back, and what is refused, where, with which advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/flow_json.h"
#include "control/flow_text.h"

static uint32_t port_number(void *, const char *name)
{
	return strcmp(name, "vm1") == 0 ? 1 : strcmp(name, "vm2") == 0 ? 2 : 0;
}

static const char *port_name(void *, uint32_t ofport)
{
	return ofport == 1 ? "vm1" : ofport == 2 ? "vm2" : NULL;
}

static const char *port_nearest(void *, const char *name)
{
	return strncmp(name, "vm", 2) == 0 ? "vm1" : NULL;
}

static const struct flow_names names = {
    .port_number = port_number, .port_name = port_name, .port_nearest = port_nearest};

/* ' for ", to keep JSON readable in C. */
static json_t *json_of(const char *text)
{
	char buf[1024];
	size_t n = 0;

	for (; text[n] != '\0' && n < sizeof(buf) - 1; n++)
		buf[n] = text[n] == '\'' ? '"' : text[n];
	buf[n] = '\0';
	json_t *j = json_loads(buf, JSON_DECODE_ANY, NULL);
	if (j == NULL)
		fail_msg("not JSON: %s", buf);
	return j;
}

static void assert_json(json_t *have, const char *want)
{
	json_t *w = json_of(want);

	if (!json_equal(have, w)) {
		char *text = json_dumps(have, JSON_ENCODE_ANY);
		fail_msg("%s instead of %s", text, want);
	}
	json_decref(have);
	json_decref(w);
}

static int read_actions(const char *text, struct buf_writer *w, struct err *err)
{
	json_t *j = json_of(text);

	memset(err, 0, sizeof(*err));
	err_path(err, "/actions");
	buf_writer_init(w, DP_MAX_ACTIONS_SIZE);
	int r = flow_actions_from_json(j, &names, w, err);
	json_decref(j);
	return r;
}

static void actions_come_back(const char *text, const char *canonical)
{
	struct buf_writer w;
	struct err err;

	if (read_actions(text, &w, &err) < 0)
		fail_msg("%s: %s %s", text, err.path, err.what);
	assert_json(flow_actions_to_json(w.data, w.size, &names), canonical);
	buf_writer_fini(&w);
}

static void actions_refused(const char *text, int code, const char *path)
{
	struct buf_writer w;
	struct err err;

	if (read_actions(text, &w, &err) == 0)
		fail_msg("%s was accepted", text);
	assert_int_equal(err.code, code);
	assert_string_equal(err.path, path);
	assert_true(err.what[0] != '\0');
	buf_writer_fini(&w);
}

static void match_comes_back(const char *text, const char *canonical)
{
	struct flow_match m;
	struct err err = {0};
	json_t *j = json_of(text);

	if (flow_match_from_json(j, &names, &m, &err) < 0)
		fail_msg("%s: %s %s", text, err.path, err.what);
	json_decref(j);
	assert_json(flow_match_to_json(&m, &names), canonical);
}

static void match_refused(const char *text, int code, const char *path, const char *advice)
{
	struct flow_match m;
	struct err err = {0};
	json_t *j = json_of(text);

	err_path(&err, "/match");
	if (flow_match_from_json(j, &names, &m, &err) == 0)
		fail_msg("%s was accepted", text);
	json_decref(j);
	assert_int_equal(err.code, code);
	assert_string_equal(err.path, path);
	if (advice != NULL && strstr(err.hint, advice) == NULL && strstr(err.what, advice) == NULL)
		fail_msg("\"%s\" is neither in \"%s\" nor in \"%s\"", advice, err.what, err.hint);
}

static void every_action_comes_back_as_it_went(void **)
{
	actions_come_back("[]", "[]");
	actions_come_back("[{'output':'vm2'},{'output':1},{'output':7}]",
	    "[{'output':'vm2'},{'output':'vm1'},{'output':7}]");
	actions_come_back("[{'output':'normal'},{'output':'flood'},{'output':'all'},{'output':'in_"
			  "port'},{'output':'controller'}]",
	    "[{'output':'normal'},{'output':'flood'},{'output':'all'},{'output':'in_port'},{'"
	    "output':'controller'}]");
	actions_come_back("[{'group':1}]", "[{'group':1}]");
	actions_come_back("[{'set_field':{'eth_dst':'02:00:00:00:00:09'}}]",
	    "[{'set_field':{'eth_dst':'02:00:00:00:00:09'}}]");
	actions_come_back("[{'set_field':{'reg3':5}}]", "[{'set_field':{'reg3':'0x5'}}]");
	actions_come_back(
	    "[{'set_field':{'reg3':'0x5/0xff'}}]", "[{'set_field':{'reg3':'0x5/0xff'}}]");
	actions_come_back("[{'move':{'src':'eth_src','dst':'eth_dst'}}]",
	    "[{'move':{'src':'eth_src','src_ofs':0,'dst':'eth_dst','dst_ofs':0,'n_bits':48}}]");
	actions_come_back(
	    "[{'move':{'src':'reg0','dst':'reg1','src_ofs':4,'dst_ofs':8,'n_bits':3}}]",
	    "[{'move':{'src':'reg0','src_ofs':4,'dst':'reg1','dst_ofs':8,'n_bits':3}}]");
	actions_come_back("['pop_vlan','dec_ttl',{'push_vlan':'0x88a8'}]",
	    "[{'pop_vlan':{}},{'dec_ttl':{}},{'push_vlan':'0x88a8'}]");
	actions_come_back("[{'resubmit':3},{'resubmit':{'table':4,'in_port':'vm1'}}]",
	    "[{'resubmit':{'table':3}},{'resubmit':{'table':4,'in_port':'vm1'}}]");
	actions_come_back("[{'controller':{'reason':1}},{'controller':{'reason':0}}]",
	    "[{'controller':{}},{'controller':{'reason':0}}]");
	actions_come_back("[{'controller':{'max_len':128}},'controller']",
	    "[{'controller':{'max_len':128}},{'controller':{}}]");
	actions_come_back("[{'arp_reply':'02:00:00:00:00:09'},{'nd_reply':{'mac':'02:00:00:00:00:"
			  "09','router':true}}]",
	    "[{'arp_reply':'02:00:00:00:00:09'},{'nd_reply':{'mac':'02:00:00:00:00:09','router':"
	    "true}}]");
	actions_come_back("['drop',{'drop':{}},{'drop':'spoof_ip'}]",
	    "[{'drop':'rule_drop'},{'drop':'rule_drop'},{'drop':'spoof_ip'}]");
}

static void bad_actions_name_their_place(void **)
{
	actions_refused("{}", ERR_PARAMS, "/actions");
	actions_refused("[7]", ERR_PARAMS, "/actions/0");
	actions_refused("['drop',{'output':'vm1','group':1}]", ERR_PARAMS, "/actions/1");
	actions_refused("[{'outptu':'vm1'}]", ERR_PARAMS, "/actions/0");
	actions_refused("['output']", ERR_PARAMS, "/actions/0");
	actions_refused("[{'output':'vm9'}]", ERR_DANGLING, "/actions/0/output");
	actions_refused("[{'output':0}]", ERR_PARAMS, "/actions/0/output");
	actions_refused("[{'output':4294967295}]", ERR_PARAMS, "/actions/0/output");
	actions_refused("[{'output':-1}]", ERR_PARAMS, "/actions/0/output");
	actions_refused("[{'output':null}]", ERR_PARAMS, "/actions/0/output");
	actions_refused("[{'group':'x'}]", ERR_PARAMS, "/actions/0/group");
	actions_refused("[{'group':'12x'}]", ERR_PARAMS, "/actions/0/group");
	actions_refused("[{'group':4294967295}]", ERR_PARAMS, "/actions/0/group");
	actions_refused("[{'set_field':{}}]", ERR_PARAMS, "/actions/0/set_field");
	actions_refused(
	    "[{'set_field':{'eth_type':'0x0800'}}]", ERR_PARAMS, "/actions/0/set_field/eth_type");
	actions_refused(
	    "[{'set_field':{'eth_dts':'0x0800'}}]", ERR_PARAMS, "/actions/0/set_field/eth_dts");
	actions_refused(
	    "[{'set_field':{'eth_dst':'zz'}}]", ERR_PARAMS, "/actions/0/set_field/eth_dst");
	actions_refused(
	    "[{'set_field':{'ip_dscp':64}}]", ERR_PARAMS, "/actions/0/set_field/ip_dscp");
	actions_refused("[{'move':{'src':'eth_src'}}]", ERR_PARAMS, "/actions/0/move");
	actions_refused(
	    "[{'move':{'src':'eth_src','dst':'eth_type'}}]", ERR_PARAMS, "/actions/0/move");
	actions_refused("[{'move':{'src':'reg0','dst':'reg1','src_ofs':30,'n_bits':3}}]",
	    ERR_PARAMS, "/actions/0/move/n_bits");
	actions_refused("[{'move':{'src':'reg0','dst':'reg1','dst_ofs':32}}]", ERR_PARAMS,
	    "/actions/0/move/dst_ofs");
	actions_refused("[{'push_vlan':'0x9100'}]", ERR_PARAMS, "/actions/0/push_vlan");
	actions_refused("[{'pop_vlan':1}]", ERR_PARAMS, "/actions/0/pop_vlan");
	actions_refused("[{'resubmit':254}]", ERR_PARAMS, "/actions/0/resubmit");
	actions_refused("[{'resubmit':{'table':254}}]", ERR_PARAMS, "/actions/0/resubmit/table");
	actions_refused("[{'resubmit':{'tabel':1}}]", ERR_PARAMS, "/actions/0/resubmit/tabel");
	actions_refused(
	    "[{'controller':{'max_len':70000}}]", ERR_PARAMS, "/actions/0/controller/max_len");
	actions_refused("[{'arp_reply':'02:00'}]", ERR_PARAMS, "/actions/0/arp_reply");
	actions_refused("[{'nd_reply':{}}]", ERR_PARAMS, "/actions/0/nd_reply");
	actions_refused("[{'drop':'because'}]", ERR_PARAMS, "/actions/0/drop");
}

static void a_list_longer_than_the_switch_takes_is_refused(void **)
{
	struct buf_writer w;
	struct err err = {0};
	json_t *list = json_array();

	for (int i = 0; i < 1025; i++)
		json_array_append_new(list, json_pack("{s:i}", "output", 1));
	buf_writer_init(&w, DP_MAX_ACTIONS_SIZE);
	assert_true(flow_actions_from_json(list, &names, &w, &err) < 0);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	buf_writer_fini(&w);
	json_decref(list);
}

/* What a match must say for fields of each prerequisite. */
static const char *const sufficient[] = {
    [FP_NONE] = "{}",
    [FP_VLAN] = "{'vlan_tci':'0x1000/0x1000'}",
    [FP_VLAN2] = "{'vlan_tci2':'0x1000/0x1000'}",
    [FP_ARP] = "{'eth_type':'0x0806'}",
    [FP_IP4] = "{'eth_type':'0x0800'}",
    [FP_IP6] = "{'eth_type':'0x86dd'}",
    [FP_IP] = "{'eth_type':'0x86dd'}",
    [FP_TCP] = "{'eth_type':'0x0800','ip_proto':6}",
    [FP_UDP] = "{'eth_type':'0x86dd','ip_proto':17}",
    [FP_SCTP] = "{'eth_type':'0x0800','ip_proto':132}",
    [FP_TP] = "{'eth_type':'0x0800','ip_proto':6}",
    [FP_ICMP4] = "{'eth_type':'0x0800','ip_proto':1}",
    [FP_ICMP6] = "{'eth_type':'0x86dd','ip_proto':58}",
    [FP_ND] = "{'eth_type':'0x86dd','ip_proto':58,'icmpv6_type':136}",
    [FP_NS] = "{'eth_type':'0x86dd','ip_proto':58,'icmpv6_type':135}",
    [FP_NA] = "{'eth_type':'0x86dd','ip_proto':58,'icmpv6_type':136}",
    [FP_MPLS] = "{'eth_type':'0x8847'}",
    [FP_CT] = "{'ct_state':'0x20/0x30'}",
};

/* Both kinds of list, with path and hint of what is refused. */
static int check(const char *match, const char *actions, bool is_set, struct err *err)
{
	struct flow_match m;
	struct buf_writer w;
	json_t *json = json_of(match);

	*err = (struct err){0};
	assert_int_equal(flow_match_from_json(json, &names, &m, err), 0);
	assert_int_equal(read_actions(actions, &w, err), 0);
	err_path(err, "/actions");
	int r = is_set ? flow_action_set_check(&m, &w, err) : flow_actions_check(&m, &w, err);
	buf_writer_fini(&w);
	json_decref(json);
	return r;
}

static void every_field_that_is_set_needs_its_protocol_matched(void **)
{
	struct err err;
	unsigned int n = 0;

	for (unsigned int i = 0; i < FIELD__COUNT; i++) {
		const struct flow_field *f = &flow_fields[i];
		struct flow_value one = flow_value_from_u64(1);
		char value[FIELD_STR_SIZE], actions[256], path[64];
		if ((f->flags & (FW_SET | FW_ABSENT)) != FW_SET)
			continue;
		flow_field_format(f, &one, NULL, value);
		snprintf(actions, sizeof(actions), "['dec_ttl',{'set_field':{'%s':'%s'}}]", f->name,
		    value);
		snprintf(path, sizeof(path), "/actions/1/set_field/%s", f->name);
		for (int is_set = 0; is_set < 2; is_set++) {
			assert_int_equal(check(sufficient[f->prereq], actions, is_set, &err), 0);
			if (f->prereq == FP_NONE)
				continue;
			assert_int_equal(check("{}", actions, is_set, &err), -EINVAL);
			assert_int_equal(err.code, ERR_PARAMS);
			assert_string_equal(err.path, path);
			assert_non_null(strstr(err.what, flow_prereq_describe(f->prereq)));
			assert_true(err.hint[0] != '\0');
			n++;
		}
	}
	assert_true(n > 40);
}

static void the_packet_is_followed_through_the_actions(void **)
{
	static const struct {
		const char *match, *actions, *path; // NULL: good
		bool is_set;
	} rows[] = {
	    {"{'eth_type':'0x0800','ip_proto':17}", "[{'set_field':{'tcp_dst':80}}]",
		"/actions/0/set_field/tcp_dst", false},
	    {"{}", "[{'push_vlan':'0x8100'},{'set_field':{'vlan_vid':5}}]", NULL, false},
	    {"{}", "[{'set_field':{'vlan_vid':5}},{'push_vlan':'0x8100'}]",
		"/actions/0/set_field/vlan_vid", false},
	    // An action set pushes first, wherever that stands.
	    {"{}", "[{'set_field':{'vlan_vid':5}},{'push_vlan':'0x8100'}]", NULL, true},
	    {"{}", "[{'push_vlan':'0x8100'},'pop_vlan',{'set_field':{'vlan_vid':5}}]",
		"/actions/2/set_field/vlan_vid", false},
	    {"{}", "[{'push_vlan':'0x8100'},'pop_vlan',{'set_field':{'vlan_vid':5}}]", NULL, true},
	    {"{'vlan_tci':'0x1000/0x1000'}", "['pop_vlan',{'set_field':{'vlan_vid':5}}]",
		"/actions/1/set_field/vlan_vid", false},
	    {"{'vlan_tci':'0x1000/0x1000'}",
		"[{'push_vlan':'0x88a8'},'pop_vlan',{'set_field':{'vlan_vid':5}}]", NULL, false},
	    {"{'vlan_tci':'0x1000/0x1000','vlan_tci2':'0x1000/0x1000'}",
		"['pop_vlan',{'set_field':{'vlan_vid':5}}]", NULL, false},
	    {"{'vlan_tci':0}", "[{'set_field':{'vlan_pcp':5}}]", "/actions/0/set_field/vlan_pcp",
		false},
	    {"{'vlan_tci':'0x1000/0x1000'}",
		"[{'move':{'src':'reg0','dst':'vlan_vid'}},{'set_field':{'vlan_pcp':5}}]", NULL,
		false},
	    {"{'eth_type':'0x86dd','ip_proto':58}",
		"[{'set_field':{'icmpv6_type':136}},{'set_field':{'nd_tll':'02:00:00:00:00:01'}}]",
		NULL, false},
	    {"{'eth_type':'0x86dd','ip_proto':58,'icmpv6_type':136}",
		"[{'move':{'src':'reg0','dst':'icmpv6_type'}},{'set_field':{'nd_tll':'02:00:00:00:"
		"00:"
		"01'}}]",
		"/actions/1/set_field/nd_tll", false},
	    {"{}", "[{'move':{'src':'ipv4_src','dst':'reg0'}}]", "/actions/0/move/src", false},
	    {"{}", "[{'move':{'src':'reg0','dst':'arp_spa'}}]", "/actions/0/move/dst", false},
	    {"{'eth_type':'0x0806'}", "[{'move':{'src':'arp_tpa','dst':'arp_spa'}}]", NULL, false},
	    {"{'eth_type':'0x0800','ip_frag':'later','ip_proto':6}",
		"[{'set_field':{'tcp_dst':1}}]", NULL,
		false}, // a fragment without the port keeps its bytes
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = check(rows[i].match, rows[i].actions, rows[i].is_set, &err);
		if (r != (rows[i].path != NULL ? -EINVAL : 0))
			fail_msg("row %zu: %s %s", i, err.path, err.what);
		assert_string_equal(err.path, rows[i].path != NULL ? rows[i].path : "/actions");
	}
}

static void matches_come_back_in_canonical_form(void **)
{
	match_comes_back("{}", "{}");
	match_comes_back(
	    "{'in_port':'vm1','eth_type':2048,'ip_proto':6,'ipv4_dst':'10.0.0.0/8','tcp_dst':80}",
	    "{'in_port':'vm1','eth_type':'0x800','ip_proto':'6','ipv4_dst':'10.0.0.0/"
	    "8','tcp_dst':'80'}");
	match_comes_back("{'in_port':9}", "{'in_port':9}");
	match_comes_back("{'tcp_dst':80,'ip_proto':6,'eth_type':'0x86dd'}", // order does not matter
	    "{'eth_type':'0x86dd','ip_proto':'6','tcp_dst':'80'}");
}

static void bad_matches_name_field_and_cure(void **)
{
	match_refused("[]", ERR_PARAMS, "/match", NULL);
	match_refused("{'eth_tpye':1}", ERR_PARAMS, "/match/eth_tpye", "eth_type");
	match_refused("{'eth_type':true}", ERR_PARAMS, "/match/eth_type", NULL);
	match_refused("{'eth_type':-1}", ERR_PARAMS, "/match/eth_type", NULL);
	match_refused("{'eth_type':65536}", ERR_PARAMS, "/match/eth_type", NULL);
	match_refused("{'eth_type':'0x0800/0xff00'}", ERR_PARAMS, "/match/eth_type", NULL);
	match_refused("{'in_port':'vm9'}", ERR_DANGLING, "/match/in_port", "vm1");
	match_refused("{'in_port':'normal'}", ERR_DANGLING, "/match/in_port", NULL);
	match_refused("{'tcp_dst':80}", ERR_PARAMS, "/match/tcp_dst", "eth_type");
	match_refused(
	    "{'eth_type':'0x0806','ipv4_dst':'10.0.0.1'}", ERR_PARAMS, "/match/ipv4_dst", "0x0800");
	match_refused("{'eth_type':2048,'ip_proto':17,'udp_dst':1,'tcp_dst':2}", ERR_PARAMS,
	    "/match/tcp_dst", NULL);
}

/* The text with quotes of JSON, and its values; NULL when a name is in it twice. */
static json_t *json_of_or_null(const char *text, char json[2048])
{
	size_t n = 0;

	for (; text[n] != '\0' && n < 2047; n++)
		json[n] = text[n] == '\'' ? '"' : text[n];
	json[n] = '\0';
	return json_loads(json, JSON_REJECT_DUPLICATES, NULL);
}

/* What a flow's text becomes, against what its values become. Whether the quick way took it. */
static bool assert_read_alike(const char *text)
{
	static struct flow_rule rule; // with the hints of the text before
	struct buf_writer apply, write;
	struct flow_match match = {0};
	struct err err = {0};
	json_t *data = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (data == NULL)
		return false;
	buf_writer_init(&apply, DP_MAX_ACTIONS_SIZE);
	buf_writer_init(&write, DP_MAX_ACTIONS_SIZE);
	buf_writer_init(&rule.apply, DP_MAX_ACTIONS_SIZE);
	buf_writer_init(&rule.write, DP_MAX_ACTIONS_SIZE);
	flow_rule_reset(&rule);
	bool taken = flow_rule_from_text(&rule, (struct json_span){text, strlen(text)}, &names);
	json_t *m = json_object_get(data, "match"), *a = json_object_get(data, "actions"),
	       *w = json_object_get(data, "write_actions");
	int rc = m != NULL ? flow_match_from_json(m, &names, &match, &err) : 0;
	if (rc == 0 && a != NULL)
		rc = flow_actions_from_json(a, &names, &apply, &err);
	if (rc == 0 && w != NULL)
		rc = flow_actions_from_json(w, &names, &write, &err);
	struct flow_match packet = match;
	if (rc == 0)
		rc = flow_actions_check(&packet, &apply, &err);
	if (rc == 0)
		rc = flow_action_set_check(&packet, &write, &err);
	if (taken && rc != 0)
		fail_msg("%s is to be refused: %s", text, err.what);
	if (taken) {
		assert_memory_equal(&rule.match, &match, sizeof(match));
		assert_int_equal(rule.apply.size, apply.size);
		assert_int_equal(rule.write.size, write.size);
		if (apply.size > 0)
			assert_memory_equal(rule.apply.data, apply.data, apply.size);
		if (write.size > 0)
			assert_memory_equal(rule.write.data, write.data, write.size);
	}
	buf_writer_fini(&apply);
	buf_writer_fini(&write);
	flow_rule_fini(&rule);
	json_decref(data);
	return taken;
}

static const char *const values[] = {"0", "1", "80", "65535", "65536", "'0x0800'", "'0x86dd'",
    "'0x806'", "'0X800'", "'0x'", "6", "17", "58", "'6'", "'06'", "'10.0.0.1'", "'10.0.0.0/8'",
    "'10.0.0.1/8'", "'0.0.0.0/0'", "'10.0.0.0/32'", "'10.0.0.0/33'", "'10.0.0.0/08'",
    "'10.0.0.0/255.0.0.0'", "'10.0.0'", "'10.0.0.01'", "'256.0.0.0'", "'1.2.3.4.'", "'vm1'",
    "'vm2'", "'vm3'", "'normal'", "'02:00:00:00:00:01'", "'02:00:00:00:00:0G'",
    "'02:00:00:00:00:@1'", "'2:0:0:0:0:1'", "'02:00:00:00:00:00/ff:00:00:00:00:00'",
    "'0x1000/0x1000'", "'fd00::1'", "'fd00::/16'", "'later'", "'+syn-ack'", "18446744073709551615",
    "'18446744073709551615'", "'0xffffffffffffffff'", "4294967039", "4294967040", "-1", "1.5",
    "true", "null", "{}", "[]", "''"};

static const char *const actions[] = {"'drop'", "'dec_ttl'", "'output'", "{'output':'vm1'}",
    "{'output':'normal'}", "{'output':'in_port'}", "{'output':7}", "{'output':0}",
    "{'output':'vm3'}", "{'output':'vm1','output2':1}", "{'group':3}",
    "{'set_field':{'eth_dst':'02:00:00:00:00:02'}}", "{'set_field':{'tcp_dst':80}}",
    "{'move':{'src':'reg0','dst':'reg1'}}", "'push_vlan'", "'pop_vlan'", "{'resubmit':5}",
    "'controller'", "{'drop':'no_such'}", "{}", "7", "'no_such'"};

/* Every field with every value; a random few of them together; with random actions. */
static void texts_of_flows_are_read_as_values_are(void **)
{
	char text[2048], json[2048];
	size_t n = 0, n_taken = 0;
	unsigned int seed = 5;

	for (size_t f = 0; f < FIELD__COUNT; f++) {
		for (size_t v = 0; v < ARRAY_SIZE(values); v++, n++) {
			snprintf(text, sizeof(text),
			    "{'bridge':'b','match':{'eth_type':'%s','ip_proto':%d,'%s':%s}}",
			    rand_r(&seed) % 2 ? "0x0800" : "0x86dd", rand_r(&seed) % 3 ? 6 : 58,
			    flow_fields[f].name, values[v]);
			json_t *j = json_of_or_null(text, json);
			n_taken += j != NULL && assert_read_alike(json);
			json_decref(j);
		}
	}
	for (size_t i = 0; i < 20000; i++, n++) {
		int size = snprintf(text, sizeof(text), "{'bridge':'b','match':{");
		for (unsigned int k = rand_r(&seed) % 4; k > 0; k--)
			size += snprintf(text + size, sizeof(text) - (size_t)size, "'%s':%s,",
			    flow_fields[rand_r(&seed) % FIELD__COUNT].name,
			    values[rand_r(&seed) % ARRAY_SIZE(values)]);
		size += snprintf(text + size, sizeof(text) - (size_t)size,
		    "'eth_type':'0x0800','ip_proto':6},'%s':[",
		    rand_r(&seed) % 3 ? "actions" : "write_actions");
		for (unsigned int k = rand_r(&seed) % 4; k > 0; k--)
			size += snprintf(text + size, sizeof(text) - (size_t)size, "%s,",
			    actions[rand_r(&seed) % ARRAY_SIZE(actions)]);
		snprintf(text + size, sizeof(text) - (size_t)size, "%s]}",
		    actions[rand_r(&seed) % ARRAY_SIZE(actions)]);
		json_t *j = json_of_or_null(text, json);
		n_taken += j != NULL && assert_read_alike(json);
		json_decref(j);
	}
	assert_true(n_taken > n / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_of_flows_are_read_as_values_are),
	    cmocka_unit_test(every_action_comes_back_as_it_went),
	    cmocka_unit_test(bad_actions_name_their_place),
	    cmocka_unit_test(a_list_longer_than_the_switch_takes_is_refused),
	    cmocka_unit_test(matches_come_back_in_canonical_form),
	    cmocka_unit_test(every_field_that_is_set_needs_its_protocol_matched),
	    cmocka_unit_test(the_packet_is_followed_through_the_actions),
	    cmocka_unit_test(bad_matches_name_field_and_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
