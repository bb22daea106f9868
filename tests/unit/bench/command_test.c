/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bench/stream_fixture.h"
#include "tools/bench/engine/command.h"

static struct command_context context = {
    .ports = &two_ports, .is_loaded = {[1] = true, [7] = true}, .n_loaded = 2};

/* ' stands for ". */
static int decode(const char *text, struct command *ret, struct err *err)
{
	char line[8192];
	snprintf(line, sizeof(line), "%s", text);
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	*err = (struct err){0};
	return command_decode(line, strlen(line), &context, ret, err);
}

static void a_full_stream_is_understood(void **)
{
	struct command c;
	struct err err;
	assert_int_equal(decode("{'cmd':'load','streams':[{'id':9,'tx':'a','rx':'b','kind':'udp','"
				"sizes':[[68,7],[570,4],[1518,1]],"
				"'eth_src':'02:00:00:00:00:0a','eth_dst':'02:00:00:00:00:0b','vlan'"
				":5,'src':'10.1.0.1','dst':'10.1.0.2',"
				"'sport':7,'dport':8,'flows':1000,'vary':['src','dport'],'"
				"distribution':'zipf','zipf_s':1.1,'seed':42,"
				"'vxlan':{'src':'192.0.2.1','dst':'192.0.2.2','vni':5},'expect_"
				"vxlan':true,'queue':1,'file':null}]}",
			     &c, &err),
	    0);
	const struct stream_conf *s = &c.streams[0];
	assert_int_equal(c.kind, COMMAND_LOAD);
	assert_int_equal(c.n_streams, 1);
	assert_int_equal(s->id, 9);
	assert_int_equal(s->tx_port, 0);
	assert_int_equal(s->rx_port, 1);
	assert_int_equal(s->n_sizes, 3);
	assert_int_equal(s->sizes[1].weight, 4);
	assert_int_equal(s->vlan, 5);
	assert_int_equal(s->vary, VARY_SRC | VARY_DPORT);
	assert_int_equal(s->distribution, CHOOSE_ZIPF);
	assert_true(s->zipf_s > 1.09 && s->zipf_s < 1.11);
	assert_true(s->has_vxlan && s->expect_vxlan);
	assert_int_equal(s->vxlan.eth_src.b[5], 0x0a);
	assert_int_equal(s->queue, 1);
	command_fini(&c);
}

static void what_is_left_out_has_defaults(void **)
{
	struct stream_conf c = make_stream("'kind': 'udp', 'vlan': null, 'vxlan': null");
	assert_int_equal(c.sizes[0].size, 64);
	assert_int_equal(c.n_flows, 1);
	assert_int_equal(c.vlan, VLAN_NONE);
	assert_int_equal(c.eth_src.b[5], 1); // the port's own
	assert_int_equal(c.eth_dst.b[5], 2);
	assert_true(c.udp_checksum && !c.has_vxlan);
	assert_int_equal(c.queue, 1); // id 1 of two queues
	c = make_stream("'kind': 'tcp', 'src': 'fd00::1', 'dst': 'fd00::2', 'vlan': 1");
	assert_int_equal(c.sizes[0].size, 100); // the least that holds headers and stamp
}

static void a_trial_names_streams_that_are_loaded(void **)
{
	struct command c;
	struct err err;
	assert_int_equal(
	    decode(
		"{'cmd':'trial','duration_ms':300,'drain_ms':0,'rates':{'1':2e6,'7':0}}", &c, &err),
	    0);
	assert_int_equal(c.duration_ms, 300);
	assert_int_equal(c.drain_ms, 0);
	assert_true(c.rates_pps[1] > 1.9e6 && c.rates_pps[7] == 0);
	assert_true(c.is_active[1] && c.is_active[7] && !c.is_active[2]);
	assert_int_equal(decode("{'cmd':'trial','only':[7]}", &c, &err), 0);
	assert_true(!c.is_active[1] && c.is_active[7]);
	assert_int_equal(c.duration_ms, TRIAL_MS);
	assert_int_equal(c.n_packets, 0);
	assert_int_equal(decode("{'cmd':'trial','packets':4096}", &c, &err), 0);
	assert_int_equal(c.n_packets, 4096);
}

/* Each with a part of what the answer must say and its place. */
static const struct {
	const char *line, *what, *where;
} hostile[] = {
    {"", "not JSON", ""},
    {"{", "not JSON", ""},
    {"[]", "object", ""},
    {"null", "not JSON", ""},
    {"{'cmd':'trial','cmd':'quit'}", "not JSON", ""},
    {"{}", "\"cmd\" is missing", ""},
    {"{'cmd':5}", "not a string", "/cmd"},
    {"{'cmd':'lod'}", "no cmd", "/cmd"},
    {"{'cmd':'quit','now':1}", "unknown member", "/now"},
    {"{'cmd':'load'}", "\"streams\" is missing", ""},
    {"{'cmd':'load','streams':[]}", "0 streams", "/streams"},
    {"{'cmd':'load','streams':[5]}", "a stream is an object", "/streams/0"},
    {"{'cmd':'load','streams':[{'id':1}]}", "\"kind\" is missing", "/streams/0"},
    {"{'cmd':'load','streams':[{'id':0,'tx':'a','kind':'udp'}]}", "id is 0", "/streams/0/id"},
    {"{'cmd':'load','streams':[{'id':256,'tx':'a','kind':'udp'}]}", "id is 256", "/streams/0/id"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'c','kind':'udp'}]}", "no port", "/streams/0/tx"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'upd'}]}", "no kind", "/streams/0/kind"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','queue':2}]}", "queue is 2",
	"/streams/0/queue"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp'},{'id':1,'tx':'b','kind':'udp'}]}",
	"two streams", "/streams/1"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','flows':1000001}]}", "flows is",
	"/streams/0/flows"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','flows':0}]}", "flows is",
	"/streams/0/flows"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','flows':1.5}]}", "flows is",
	"/streams/0/flows"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[]}]}", "0 entries",
	"/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[64]}]}", "an entry of sizes",
	"/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[[64,0]]}]}",
	"an entry of sizes", "/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[[-64,1]]}]}",
	"an entry of sizes", "/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[[64,4000],[65,4000]]}]}",
	"weights", "/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','sizes':[[9217,1]]}]}",
	"an entry of sizes", "/streams/0/sizes"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','src':'fd00::1'}]}", "IP versions",
	"/streams/0"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','src':'1.2.3'}]}", "not an IP",
	"/streams/0/src"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','vary':['mac']}]}", "vary lists",
	"/streams/0/vary"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','vary':[null]}]}", "vary lists",
	"/streams/0/vary"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','zipf_s':11}]}", "zipf_s",
	"/streams/0/zipf_s"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','vxlan':{'vni':1}}]}",
	"\"src\" is missing", "/streams/0/vxlan"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','vxlan':{'src':'1.1.1.1','dst':'fd00::"
     "1','vni':1}}]}",
	"IP versions", "/streams/0/vxlan"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'udp','file':'x'}]}", "means nothing",
	"/streams/0/file"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'pcap'}]}", "file and kind pcap",
	"/streams/0"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'pcap','file':'x','flows':3}]}",
	"means nothing", "/streams/0/flows"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'explosion','src':'fd00::1','dst':'fd00::2'}"
     "]}",
	"IPv4", "/streams/0"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'explosion','flows':3}]}", "means nothing",
	"/streams/0/flows"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','kind':'tcp_connections'}]}", "two ports",
	"/streams/0"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','rx':'b','kind':'tcp_connections','open':5,'flows':"
     "4}]}",
	"5 connections", "/streams/0"},
    {"{'cmd':'load','streams':[{'id':1,'tx':'a','rx':'b','kind':'pcap','file':'x'},{'id':2,'tx':'a'"
     ",'rx':'b','kind':'pcap','file':'x'}]}",
	"tell apart", "/streams/1"},
    {"{'cmd':'trial','duration_ms':0}", "duration_ms is 0", "/duration_ms"},
    {"{'cmd':'trial','packets':0}", "packets is 0", "/packets"},
    {"{'cmd':'trial','rates':{'2':1}}", "no stream \"2\"", "/rates"},
    {"{'cmd':'trial','rates':{'01':1}}", "no stream", "/rates"},
    {"{'cmd':'trial','rates':{'-1':1}}", "no stream", "/rates"},
    {"{'cmd':'trial','rates':{'99999999999999999999':1}}", "no stream", "/rates"},
    {"{'cmd':'trial','rates':{'1':-1}}", "a rate is", "/rates/1"},
    {"{'cmd':'trial','rates':{'1':2e9}}", "a rate is", "/rates/1"},
    {"{'cmd':'trial','rates':{'1':'fast'}}", "a rate is", "/rates/1"},
    {"{'cmd':'trial','only':[2]}", "no such stream", "/only/0"},
    {"{'cmd':'trial','only':['1']}", "no such stream", "/only/0"},
    {"{'cmd':'wait_link','timeout_ms':-1}", "timeout_ms is -1", "/timeout_ms"},
};

static void hostile_lines_are_refused_with_place_and_reason(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		struct command c = {.n_streams = 4711};
		struct err err;
		int rc = decode(hostile[i].line, &c, &err);
		if (rc >= 0 || strstr(err.what, hostile[i].what) == NULL ||
		    strcmp(err.path, hostile[i].where) != 0)
			fail_msg(
			    "%s: %d \"%s\" at \"%s\"", hostile[i].line, rc, err.what, err.path);
		assert_int_equal(c.n_streams, 4711); // nothing was touched
	}
}

static void limits_are_reached_and_not_passed(void **)
{
	for (unsigned int n = STREAM_MAX; n <= STREAM_MAX + 1; n++) {
		json_t *list = json_array();
		for (unsigned int i = 0; i < n; i++)
			json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "id", (int)i + 1,
							"tx", "a", "kind", "udp"));
		json_t *obj = json_pack("{s:s, s:o}", "cmd", "load", "streams", list);
		char *text = json_dumps(obj, 0);
		struct command c = {0};
		struct err err = {0};
		assert_int_equal(
		    command_decode(text, strlen(text), &context, &c, &err) == 0, n == STREAM_MAX);
		command_fini(&c);
		free(text);
		json_decref(obj);
	}
}

static void all_streams_together_have_a_limit_of_flows(void **)
{
	char line[2048] = "{'cmd':'load','streams':[";
	struct command c = {0};
	struct err err;
	for (unsigned int i = 1; i <= 5; i++) {
		size_t used = strlen(line);
		snprintf(line + used, sizeof(line) - used,
		    "%s{'id':%u,'tx':'a','kind':'udp','flows':1000000}", i > 1 ? "," : "", i);
		char closed[2048];
		snprintf(closed, sizeof(closed), "%s]}", line);
		assert_int_equal(decode(closed, &c, &err) == 0, i <= 4);
		command_fini(&c);
	}
	assert_non_null(strstr(err.what, "4000000"));
}

static void broken_bytes_do_no_harm(void **)
{
	static const char good[] = "{\"cmd\":\"load\",\"streams\":[{\"id\":1,\"tx\":\"a\",\"rx\":"
				   "\"b\",\"kind\":\"udp\",\"sizes\":[[64,1]],"
				   "\"flows\":10,\"vary\":[\"src\"],\"vxlan\":{\"src\":\"1.1.1.1\","
				   "\"dst\":\"1.1.1.2\",\"vni\":1}}]}";
	struct rng rng = {31337};
	for (unsigned int i = 0; i < 20000; i++) {
		char line[sizeof(good)];
		struct command c = {0};
		struct err err = {0};
		memcpy(line, good, sizeof(good));
		for (unsigned int k = 0; k < 1 + i % 3; k++)
			line[rng_below(&rng, sizeof(good) - 1)] = (char)rng_next(&rng);
		if (command_decode(line,
			rng_below(&rng, 20) == 0 ? rng_below(&rng, sizeof(good)) : sizeof(good) - 1,
			&context, &c, &err) < 0)
			assert_true(err.what[0] != '\0');
		command_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_stream_is_understood),
	    cmocka_unit_test(what_is_left_out_has_defaults),
	    cmocka_unit_test(a_trial_names_streams_that_are_loaded),
	    cmocka_unit_test(hostile_lines_are_refused_with_place_and_reason),
	    cmocka_unit_test(limits_are_reached_and_not_passed),
	    cmocka_unit_test(all_streams_together_have_a_limit_of_flows),
	    cmocka_unit_test(broken_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
