/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/program_cache.h"
#include "datapath/worker.h"

enum { SMALL = 1000 };

struct env {
	struct hash_key secret;
	struct worker w;
	struct program_builder builder;
};

static struct session_key key_of(uint16_t port, uint32_t n)
{
	return (struct session_key){
	    .port = port, .eth_type = 0x0008, .ip4_src = n, .tp_src = (uint16_t)n, .ip_proto = 6};
}

static struct session_key ip6_key_of(uint16_t port, uint32_t n)
{
	struct session_key k = key_of(port, n);
	memcpy((uint8_t *)&k.ip6_dst + 12, &n, sizeof(n));
	k.vlan_tci[1] = 7;
	return k;
}

static struct session *add_key(struct worker *w, const struct session_key *k)
{
	return session_add(w->sessions, k, session_hash(w->sessions, k), w->now_ms);
}

static struct session *find_key(struct worker *w, const struct session_key *k)
{
	return session_find(w->sessions, k, session_hash(w->sessions, k));
}

static struct session *add(struct worker *w, uint16_t port, uint32_t n)
{
	struct session_key k = key_of(port, n);
	return add_key(w, &k);
}

static struct session *find(struct worker *w, uint16_t port, uint32_t n)
{
	struct session_key k = key_of(port, n);
	return find_key(w, &k);
}

/* A program that passed the rules of slots 1 and 2. */
static struct program *make_program(struct env *e, uint16_t port)
{
	program_begin(&e->builder);
	program_add_rule(&e->builder, 1);
	program_add_rule(&e->builder, 2);
	program_append_output(
	    &e->builder, &(struct prog_op){.type = PROG_OUTPUT, .output.port = port});
	struct program *p =
	    program_intern(e->w.programs, program_end(&e->builder, DP_DROP_RULE_DROP));
	assert_non_null(p);
	return p;
}

static int setup_size(void **state, uint32_t size)
{
	struct env *e = calloc(1, sizeof(*e));
	e->secret = (struct hash_key){{0x0123456789abcdef, 0xfedcba9876543210}};
	e->w.sessions = session_table_create(size, &e->secret);
	e->w.programs = program_cache_create(1 << 20, &e->secret);
	e->w.rules[0] = calloc(RULE_STATS_CHUNK, sizeof(struct rule_counters));
	e->w.now_ms = 1000000;
	assert_int_equal(program_builder_init(&e->builder), 0);
	*state = e;
	return 0;
}

static int setup(void **state)
{
	return setup_size(state, SMALL);
}

static int teardown(void **state)
{
	struct env *e = *state;
	session_table_destroy(e->w.sessions);
	program_cache_destroy(e->w.programs);
	program_builder_fini(&e->builder);
	free(e->w.rules[0]);
	free(e);
	return 0;
}

static void finds_what_was_added_and_nothing_else(void **state)
{
	struct env *e = *state;
	for (uint32_t i = 0; i < 500; i++)
		assert_non_null(add(&e->w, (uint16_t)(1 + i % 7), i));
	assert_int_equal(session_count(e->w.sessions), 500);
	for (uint32_t i = 0; i < 500; i++) {
		struct session *s = find(&e->w, (uint16_t)(1 + i % 7), i);
		struct session_key k;
		assert_non_null(s);
		session_read_key(e->w.sessions, s, &k);
		assert_int_equal(k.port, 1 + i % 7);
		assert_int_equal(k.ip4_src, i);
		assert_null(find(&e->w, 9, i));
	}
	assert_null(find(&e->w, 1, 500 * 7));
}

static void check_every_byte_counts(struct worker *w, const struct session_key *k)
{
	assert_non_null(add_key(w, k));
	for (size_t i = 0; i < sizeof(*k); i++) {
		struct session_key other = *k;
		((uint8_t *)&other)[i] ^= 0x10;
		uint32_t hash = session_hash(w->sessions, &other);
		assert_int_not_equal(hash, session_hash(w->sessions, k));
		assert_null(session_find(w->sessions, &other, hash));
		// Even with the right hash a wrong key is no hit.
		assert_null(session_find(w->sessions, &other, session_hash(w->sessions, k)));
	}
	assert_non_null(find_key(w, k));
}

static void every_byte_of_the_key_counts(void **state)
{
	struct env *e = *state;
	struct session_key ip4 = key_of(1, 1), ip6 = ip6_key_of(1, 2);
	check_every_byte_counts(&e->w, &ip4);
	check_every_byte_counts(&e->w, &ip6);
}

/* They have the first half of the key in common, and then an entry. */
static void ip4_and_ip6_are_not_mistaken_for_each_other(void **state)
{
	struct env *e = *state;
	for (uint32_t i = 0; i < 200; i++) {
		struct session_key ip4 = key_of(1, i), ip6 = ip6_key_of(1, i), k;
		struct session *s4 = add_key(&e->w, &ip4);
		assert_null(find_key(&e->w, &ip6));
		struct session *s6 = add_key(&e->w, &ip6);
		assert_ptr_not_equal(s4, s6);
		assert_ptr_equal(find_key(&e->w, &ip4), s4);
		assert_ptr_equal(find_key(&e->w, &ip6), s6);
		session_read_key(e->w.sessions, s6, &k);
		assert_memory_equal(&k, &ip6, sizeof(k));
		session_del(e->w.sessions, s6);
		assert_null(find_key(&e->w, &ip6));
		struct session_key next = key_of(2, i);
		assert_ptr_equal(add_key(&e->w, &next), s6);
		assert_ptr_equal(find_key(&e->w, &next), s6);
		session_read_key(e->w.sessions, s6, &k);
		assert_memory_equal(&k, &next, sizeof(k));
	}
}

static void look_up_of_a_burst_tells_ip4_from_ip6(void **state)
{
	struct env *e = *state;
	struct session_key parsed[BURST];
	const struct session_key *masks[BURST] = {NULL};
	struct session *expected[BURST];
	struct session_runs runs = {0};
	for (uint32_t i = 0; i < BURST; i++) {
		parsed[i] = i % 2 == 0 ? key_of(1, i / 4) : ip6_key_of(1, i / 4);
		expected[i] = NULL;
		if (i % 4 < 2 && i % 8 < 4)
			expected[i] = add_key(&e->w, &parsed[i]);
		else if (i % 8 < 4)
			expected[i] = expected[i - 2];
	}
	session_runs_add(e->w.sessions, parsed, masks, 0, 0, BURST, &runs);
	session_runs_guess(e->w.sessions, &runs, 0, runs.n);
	session_runs_find(e->w.sessions, &runs, 0, runs.n);
	assert_int_equal(runs.n, BURST);
	for (uint32_t i = 0; i < BURST; i++)
		assert_ptr_equal(runs.session[i], expected[i]);
}

static void hash_differs_from_boot_to_boot(void **state)
{
	struct env *e = *state;
	struct hash_key other = {{1, 2}};
	struct session_table *t = session_table_create(16, &other);
	unsigned int n_same = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		struct session_key k = key_of(1, i);
		n_same += session_hash(t, &k) == session_hash(e->w.sessions, &k);
	}
	assert_true(n_same < 3);
	session_table_destroy(t);
}

static void keys_that_differ_little_spread_over_buckets(void **state)
{
	struct env *e = *state;
	unsigned int n[64] = {0};
	for (uint32_t i = 0; i < 64 * 256; i++) {
		struct session_key k = key_of(1, i << 8);
		n[session_hash(e->w.sessions, &k) & 63]++;
	}
	for (unsigned int i = 0; i < 64; i++)
		assert_in_range(n[i], 150, 380);
}

static void deleted_session_is_gone_and_its_place_is_used_again(void **state)
{
	struct env *e = *state;
	for (int round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < SMALL / 2; i++)
			assert_non_null(add(&e->w, 1, i));
		for (uint32_t i = 0; i < SMALL / 2; i++)
			session_del(e->w.sessions, find(&e->w, 1, i));
		assert_int_equal(session_count(e->w.sessions), 0);
		assert_int_equal(session_count_of_port(e->w.sessions, 1), 0);
		assert_null(find(&e->w, 1, 3));
	}
}

static void two_choices_fill_the_whole_budget(void **state)
{
	struct env *e = *state;
	uint32_t n = 0;
	for (uint32_t i = 0; i < SMALL; i++)
		n += add(&e->w, (uint16_t)(1 + i % 3), i) != NULL;
	assert_in_range(n, SMALL * 98 / 100, SMALL);
	uint32_t n_found = 0;
	for (uint32_t i = 0; i < SMALL; i++)
		n_found += find(&e->w, (uint16_t)(1 + i % 3), i) != NULL;
	assert_int_equal(n_found, n);
	for (uint32_t i = SMALL; i < 2 * SMALL; i++)
		n += add(&e->w, (uint16_t)(1 + i % 3), i) != NULL;
	assert_true(n <= SMALL);
}

static void one_port_leaves_room_for_others_in_a_full_table(void **state)
{
	struct env *e = *state;
	uint32_t n_flood = 0;
	for (uint32_t i = 0; i < 4 * SMALL; i++)
		n_flood += add(&e->w, 1, i) != NULL;
	assert_in_range(n_flood, SMALL * 3 / 4, SMALL * 3 / 4 + 1);
	uint32_t n_other = 0;
	for (uint32_t i = 0; i < SMALL / 5; i++)
		n_other += add(&e->w, 2, i) != NULL;
	assert_int_equal(n_other, SMALL / 5);
}

static void creation_tokens_run_out_and_come_back_with_time(void **state)
{
	teardown(state);
	setup_size(state, 4 * SESSION_BURST);
	struct env *e = *state;
	e->w.now_ms = 5000;
	assert_non_null(add(&e->w, 3, UINT32_MAX)); // the clock of the bucket starts
	uint32_t n = 1;
	for (uint32_t i = 0; i < 2 * SESSION_BURST; i++)
		n += add(&e->w, 3, i) != NULL;
	assert_int_equal(n, SESSION_BURST);
	assert_non_null(add(&e->w, 4, 1));
	e->w.now_ms += 2;
	n = 0;
	for (uint32_t i = 0; i < 2 * SESSION_BURST; i++)
		n += add(&e->w, 3, 10000000 + i) != NULL;
	assert_int_equal(n, 2 * (SESSION_RATE / 1000));
}

static void settling_credits_every_rule_once(void **state)
{
	struct env *e = *state;
	struct session *s = add(&e->w, 1, 1);
	session_set_program(&e->w, s, make_program(e, 5));
	s->n_packets = 3;
	s->n_bytes = 300;
	s->used_ms = (uint32_t)e->w.now_ms - 7;
	session_settle(&e->w, s);
	session_settle(&e->w, s);
	const struct rule_counters *r = e->w.rules[0];
	assert_int_equal(r[0].n_packets, 0);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(r[i].n_packets, 3);
		assert_int_equal(r[i].n_bytes, 300);
		assert_int_equal(r[i].used_ms, e->w.now_ms - 7);
	}
}

static void bytes_beyond_32_bits_are_settled_on_the_way(void **state)
{
	struct env *e = *state;
	struct session *s = add(&e->w, 1, 1);
	const struct rule_counters *r = e->w.rules[0];
	session_set_program(&e->w, s, make_program(e, 5));
	for (unsigned int i = 0; i < 5; i++)
		session_count_packets(&e->w, s, 10, 1u << 30);
	assert_int_equal(r[1].n_packets, 30);
	assert_int_equal(r[1].n_bytes, 3ull << 30);
	session_settle(&e->w, s);
	assert_int_equal(r[1].n_packets, 50);
	assert_int_equal(r[1].n_bytes, 5ull << 30);
	assert_int_equal(r[1].used_ms, e->w.now_ms);
}

static void settling_knows_the_time_beyond_32_bits(void **state)
{
	struct env *e = *state;
	e->w.now_ms = (1ull << 32) + 5;
	struct session *s = add(&e->w, 1, 1);
	session_set_program(&e->w, s, make_program(e, 5));
	s->n_packets = 1;
	s->used_ms = UINT32_MAX - 1;
	session_settle(&e->w, s);
	assert_int_equal(e->w.rules[0][1].used_ms, (1ull << 32) - 2);
}

static void sweep_expires_idle_sessions_and_settles_the_rest(void **state)
{
	struct env *e = *state;
	for (uint32_t i = 0; i < 100; i++) {
		struct session *s = add(&e->w, 1, i);
		session_set_program(&e->w, s, make_program(e, 5));
		s->n_packets = 1;
	}
	e->w.now_ms += SESSION_IDLE_MS;
	for (uint32_t i = 0; i < 10; i++)
		find(&e->w, 1, i)->used_ms = (uint32_t)e->w.now_ms;
	unsigned int n_slices = 1;
	while (!session_sweep(&e->w, 7))
		n_slices++;
	assert_int_equal(n_slices, 15);
	assert_int_equal(session_count(e->w.sessions), 10);
	assert_int_equal(e->w.rules[0][2].n_packets, 100);
	assert_int_equal(program_cache_count(e->w.programs), 1);
	e->w.now_ms += SESSION_IDLE_MS;
	assert_true(session_sweep(&e->w, 1000));
	assert_int_equal(session_count(e->w.sessions), 0);
	assert_int_equal(program_cache_count(e->w.programs), 0);
}

static void sweep_takes_a_second_for_a_round(void **state)
{
	struct env *e = *state;
	for (uint32_t i = 0; i < 900; i++)
		session_set_program(
		    &e->w, add(&e->w, (uint16_t)(1 + i % 2), i), make_program(e, 5));
	unsigned int n_rounds = 0;
	(void)session_sweep_due(e->w.sessions, e->w.now_ms);
	for (unsigned int ms = 0; ms < 3000; ms++) {
		e->w.now_ms++;
		uint32_t n = session_sweep_due(e->w.sessions, e->w.now_ms);
		assert_in_range(n, 1, 2);
		n_rounds += session_sweep(&e->w, n);
		assert_int_equal(session_sweep_due(e->w.sessions, e->w.now_ms), 0);
	}
	assert_in_range(n_rounds, 3, 5);
}

static void volatile_fields_are_in_the_key_only_when_asked_for(void **state)
{
	(void)state;
	struct flow_key none = {0}, ttl = {.ip_ttl = 1},
			some = {.ip_tos = 4, .tcp_flags = 1, .ip6_label = 1};
	struct session_key mask;
	session_mask_from_rules(&none, &mask);
	assert_int_equal(mask.ip_ttl | mask.ip_tos | mask.tcp_flags | mask.ip6_label, 0);
	assert_int_equal(mask.tp_dst, 0xffff);
	assert_int_equal(mask.port, 0xffff);
	session_mask_from_rules(&ttl, &mask);
	assert_int_equal(mask.ip_ttl, 0xff);
	assert_int_equal(mask.ip_tos, 0);
	session_mask_from_rules(&some, &mask);
	assert_int_equal(mask.ip_tos, 0xff);
	assert_int_equal(mask.tcp_flags, 0xffff);
	assert_int_equal(mask.ip6_label, 0xffffffff);
	assert_int_equal(mask.ip_ttl, 0);
}

static void fields_that_actions_read_are_in_the_mask(void **state)
{
	(void)state;
	struct dp_action list[2] = {{.type = DP_ACTION_MOVE, .len = sizeof(list[0])},
	    {.type = DP_ACTION_SET_FIELD, .len = sizeof(list[0])}};
	list[0].move.src = FIELD_IP_TTL;
	list[0].move.dst = FIELD_REG0;
	list[0].move.n_bits = 8;
	list[1].set_field.field = FIELD_IPV6_LABEL;
	list[1].set_field.mask = flow_value_ones(20);
	struct flow_key mask = {0};
	session_mask_add_actions(list, sizeof(list), &mask);
	assert_int_equal(mask.ip_ttl, 0xff);
	assert_int_equal(mask.ip6_label, 0); // written whole: its old value does not matter
	list[1].set_field.mask = flow_value_ones(4);
	session_mask_add_actions(list, sizeof(list), &mask);
	assert_int_not_equal(mask.ip6_label, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(finds_what_was_added_and_nothing_else),
	    TEST(every_byte_of_the_key_counts),
	    TEST(ip4_and_ip6_are_not_mistaken_for_each_other),
	    TEST(look_up_of_a_burst_tells_ip4_from_ip6),
	    TEST(hash_differs_from_boot_to_boot),
	    TEST(keys_that_differ_little_spread_over_buckets),
	    TEST(deleted_session_is_gone_and_its_place_is_used_again),
	    TEST(two_choices_fill_the_whole_budget),
	    TEST(one_port_leaves_room_for_others_in_a_full_table),
	    TEST(creation_tokens_run_out_and_come_back_with_time),
	    TEST(settling_credits_every_rule_once),
	    TEST(bytes_beyond_32_bits_are_settled_on_the_way),
	    TEST(settling_knows_the_time_beyond_32_bits),
	    TEST(sweep_expires_idle_sessions_and_settles_the_rest),
	    TEST(sweep_takes_a_second_for_a_round),
	    TEST(volatile_fields_are_in_the_key_only_when_asked_for),
	    TEST(fields_that_actions_read_are_in_the_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
