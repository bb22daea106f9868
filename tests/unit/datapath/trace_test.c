/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/trace.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/datapath/pipeline_env.h"

/* Broadcast from 02::1, an EtherType nobody knows. */
static const uint8_t packet[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

static struct env *e;
static struct tracer *t;
static struct buf_writer out;

static int setup(void **state)
{
	(void)state;
	e = env_create();
	for (uint16_t id = 1; id <= 3; id++)
		env_port(e, id, 1, id * 10);
	t = tracer_create(e->dp);
	assert_non_null(t);
	buf_writer_init(&out, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_writer_fini(&out);
	tracer_destroy(t);
	env_destroy(e);
	return 0;
}

static int trace(uint32_t port, uint16_t len)
{
	struct dp_trace_req req = {.port = port, .len = len};
	buf_writer_fini(&out);
	buf_writer_init(&out, 1 << 20);
	return trace_packet(t, &req, packet, &out);
}

/* The n-th record of the type, whose body is at least size bytes; checks that all records are well formed. */
static const void *record(enum dp_trace_type type, unsigned int n, size_t size)
{
	const void *found = NULL;
	struct buf b = buf_from(out.data, out.size);
	while (buf_left(&b) > 0) {
		struct dp_trace_rec rec;
		buf_bytes(&b, &rec, sizeof(rec));
		assert_int_equal(rec.size % 8, 0);
		assert_true(rec.size >= sizeof(rec));
		const void *body = buf_take(&b, rec.size - sizeof(rec));
		assert_non_null(body);
		if (rec.type == type && n-- == 0) {
			assert_true(rec.size - sizeof(rec) >= size);
			found = body;
		}
	}
	assert_false(b.bad);
	return found;
}

static void unknown_port_and_long_packet_are_refused(void **state)
{
	(void)state;
	assert_int_equal(trace(0, 60), -ENOENT);
	assert_int_equal(trace(9, 60), -ENOENT);
	assert_int_equal(trace(UINT32_MAX, 60), -ENOENT);
	assert_int_equal(trace(1, UINT16_MAX), -EINVAL);
}

static void runt_gets_a_verdict(void **state)
{
	(void)state;
	assert_int_equal(trace(1, 5), 0);
	const struct dp_trace_verdict *v = record(DP_TRACE_VERDICT, 0, sizeof(*v));
	assert_non_null(v);
	assert_int_equal(v->drop, DP_DROP_RX_RUNT);
	assert_null(record(DP_TRACE_BRIDGE, 0, 0));
}

static void says_which_rule_and_why_not_the_higher_ones(void **state)
{
	(void)state;
	struct actions a = {0};
	add_output(&a, 20);
	env_rule(e, 1, 0, 40, "in_port=20", &a);
	env_rule(e, 1, 0, 30, "eth_type=0x0800,ip_proto=6", &a);
	env_rule(e, 1, 0, 20, "eth_src=02:00:00:00:00:99", &a);
	env_rule(e, 1, 0, 15, "eth_src=02:00:00:00:00:98", &a);
	struct rule *r = env_rule(e, 1, 0, 10, "", &a);
	env_rule(e, 1, 0, 5, "eth_type=0x0806", &a);
	env_commit(e);
	assert_int_equal(trace(1, sizeof(packet)), 0);
	const uint32_t *bridge = record(DP_TRACE_BRIDGE, 0, 8 + sizeof(struct flow_key));
	assert_non_null(bridge);
	assert_int_equal(bridge[0], 1);
	assert_int_equal(bridge[1], 10);
	const struct dp_trace_table *table = record(DP_TRACE_TABLE, 0, sizeof(*table));
	assert_non_null(table);
	assert_int_equal(table->rule, r->id);
	assert_int_equal(table->priority, 10);
	assert_int_equal(table->n_whynot, TRACE_MAX_WHYNOT);
	const struct dp_trace_whynot *w = (const void *)(table + 1);
	assert_int_equal(w[0].priority, 40);
	assert_int_equal(w[0].field, FIELD_IN_PORT);
	assert_int_equal(flow_value_to_u64(&w[0].want), 20);
	assert_int_equal(flow_value_to_u64(&w[0].have), 10);
	assert_int_equal(w[1].field, FIELD_ETH_TYPE);
	assert_int_equal(w[2].field, FIELD_ETH_SRC);
	const struct dp_action *action =
	    record(DP_TRACE_ACTION, 0, sizeof(*action) - sizeof(action->set_field));
	assert_int_equal(action->type, DP_ACTION_OUTPUT);
	assert_string_equal(record(DP_TRACE_PROGRAM, 0, 1), "output port 2\n");
	const struct dp_trace_verdict *v = record(DP_TRACE_VERDICT, 0, sizeof(*v));
	assert_int_equal(v->n_outputs, 1);
	assert_int_equal(v->drop, DP_DROP__COUNT);
	assert_int_equal(v->rule, r->id);
	assert_int_equal(v->cached, 1);
}

static void rules_of_other_versions_are_not_in_the_way(void **state)
{
	(void)state;
	struct rule *dead = env_rule(e, 1, 0, 40, "in_port=20", NULL);
	env_commit(e);
	env_rule_del(e, dead);
	env_commit(e);
	assert_int_equal(trace(1, sizeof(packet)), 0);
	const struct dp_trace_table *table = record(DP_TRACE_TABLE, 0, sizeof(*table));
	assert_int_equal(table->rule, 0);
	assert_int_equal(table->n_whynot, 0);
	const struct dp_trace_verdict *v = record(DP_TRACE_VERDICT, 0, sizeof(*v));
	assert_int_equal(v->drop, DP_DROP_TABLE_MISS);
	assert_int_equal(v->cached, 0);
}

static void normal_explains_itself_and_learns_nothing(void **state)
{
	(void)state;
	struct actions a = {0};
	add_output(&a, DP_OFPORT_NORMAL);
	env_rule(e, 1, 0, 0, "", &a);
	env_commit(e);
	assert_int_equal(trace(1, sizeof(packet)), 0);
	assert_string_equal(record(DP_TRACE_NOTE, 0, 1), "multicast: floods VLAN 0");
	struct dp_fdb_entry entry;
	assert_int_equal(fdb_dump(e->bridges[1].fdb, 0, &entry, 1), 0);
}

static void small_writer_is_an_error_not_a_cut_answer(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 0, "", NULL);
	env_commit(e);
	struct dp_trace_req req = {.port = 1, .len = sizeof(packet)};
	buf_writer_fini(&out);
	buf_writer_init(&out, 64);
	assert_int_equal(trace_packet(t, &req, packet, &out), -EMSGSIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(unknown_port_and_long_packet_are_refused),
	    TEST(runt_gets_a_verdict),
	    TEST(says_which_rule_and_why_not_the_higher_ones),
	    TEST(rules_of_other_versions_are_not_in_the_way),
	    TEST(normal_explains_itself_and_learns_nothing),
	    TEST(small_writer_is_an_error_not_a_cut_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
