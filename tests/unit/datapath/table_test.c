/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/rcu.h"
#include "tests/unit/datapath/rcu_stub.h"
#include "tests/unit/datapath/table_fixture.h"
#include "tests/unit/test.h"

enum { NOW = 10 }; // the version look-ups are made at

static struct table *table;
static uint64_t next_id;

static int setup(void **)
{
	table = table_create();
	next_id = 1;
	return table != NULL ? 0 : -1;
}

static int teardown(void **)
{
	table_destroy(table);
	(void)rcu_run();
	return 0;
}

static struct rule *add_match(const struct flow_match *m, uint16_t priority)
{
	struct rule *r = make_rule(next_id++, m, priority, NOW);

	assert_int_equal(table_add(table, r), 0);
	return r;
}

static void del(struct rule *r)
{
	r->del_version = NOW;
	table_del(table, r);
	rcu_defer(rule_free, r);
}

static struct rule *add_port(uint32_t in_port, uint16_t priority)
{
	struct flow_match m = {.key.in_port = htonl(in_port), .mask.in_port = UINT32_MAX};

	return add_match(&m, priority);
}

static struct rule *add_any(uint16_t priority)
{
	return add_match(&(struct flow_match){0}, priority);
}

static struct flow_match route_match(uint32_t addr, unsigned int len)
{
	struct flow_match m = {.key.eth_type = htons(0x0800), .mask.eth_type = UINT16_MAX};

	m.mask.ip4_dst = len == 0 ? 0 : htonl(UINT32_MAX << (32 - len));
	m.key.ip4_dst = htonl(addr) & m.mask.ip4_dst;
	return m;
}

static struct rule *add_route(uint32_t addr, unsigned int len, uint16_t priority)
{
	struct flow_match m = route_match(addr, len);

	return add_match(&m, priority);
}

static const struct rule *look_up_route(uint32_t addr)
{
	struct flow_match m = route_match(addr, 32);

	return table_lookup(table, &m.key, NOW);
}

static const struct rule *look_up_port(uint32_t in_port)
{
	struct flow_key k = {.in_port = htonl(in_port)};

	return table_lookup(table, &k, NOW);
}

static void compile_to(const char *structure)
{
	assert_int_equal(table_compile(table), 0);
	assert_string_equal(table_structure(table), structure);
}

static bool free_rule(const struct rule *r, void *)
{
	rcu_defer(rule_free, (void *)(uintptr_t)r);
	return true;
}

static void free_all(void)
{
	table_foreach(table, free_rule, NULL);
}

static void empty_table_misses(void **)
{
	compile_to("exact");
	assert_null(look_up_port(1));
	assert_int_equal(table_n_rules(table), 0);
	assert_int_equal(table_n_masks(table), 0);
	assert_true(table_memory(table) < 1024);
	table_destroy(NULL);
}

static void winner_has_highest_priority_then_smallest_id(void **)
{
	struct rule *low = add_port(1, 5), *first = add_port(1, 7), *second = add_port(1, 7);
	struct rule *any = add_any(7);

	assert_ptr_equal(look_up_port(1), first);
	assert_ptr_equal(look_up_port(2), any);
	del(first);
	assert_ptr_equal(look_up_port(1), second);
	del(second);
	assert_ptr_equal(look_up_port(1), any);
	del(any);
	assert_ptr_equal(look_up_port(1), low);
	del(low);
	assert_null(look_up_port(1));
}

static void smaller_id_wins_across_masks_in_tuples(void **)
{
	struct flow_match vlan = {.mask.vlan_tci[0] = UINT16_MAX},
			  arp = {.mask.arp_op = UINT16_MAX};
	struct rule *first = add_match(&vlan, 9);
	struct rule *second = add_match(&arp, 9);

	add_port(1, 9);
	compile_to("tuple");
	assert_ptr_equal(look_up_port(1), first);
	del(first);
	assert_ptr_equal(look_up_port(1), second);
	free_all();
}

static void rules_are_visible_from_their_version_to_their_end(void **)
{
	struct flow_key k = {.in_port = htonl(1)};
	struct rule *r = add_port(1, 5), *next = add_port(1, 5);

	next->add_version = NOW + 1;
	r->del_version = NOW + 1;
	assert_null(table_lookup(table, &k, NOW - 1));
	assert_ptr_equal(table_lookup(table, &k, NOW), r);
	assert_ptr_equal(table_lookup(table, &k, NOW + 1), next);
	free_all();
}

static void one_mask_compiles_to_exact(void **)
{
	for (uint32_t i = 0; i < 50; i++)
		add_port(i, (uint16_t)i);
	compile_to("exact");
	add_any(60000); // above all: still exact, and it wins
	compile_to("exact");
	assert_int_equal(look_up_port(3)->priority, 60000);
	assert_int_equal(table_n_masks(table), 2);
	free_all();
}

static void routes_compile_to_lpm(void **)
{
	struct rule *r8 = add_route(0x0a000000, 8, 108), *r32 = add_route(0x0a010203, 32, 132);
	struct rule *r16 = add_route(0x0a010000, 16, 116), *r0 = add_route(0, 0, 100);
	struct rule *any = add_any(0);

	compile_to("lpm");
	assert_ptr_equal(look_up_route(0x0a010203), r32);
	assert_ptr_equal(look_up_route(0x0a010204), r16);
	assert_ptr_equal(look_up_route(0x0a020000), r8);
	assert_ptr_equal(look_up_route(0x0b000000), r0);
	assert_ptr_equal(look_up_port(1), any);
	del(r16);
	assert_ptr_equal(look_up_route(0x0a010204), r8);
	free_all();
}

static void shorter_prefix_of_higher_priority_wins_in_lpm(void **)
{
	add_route(0x0a000000, 8, 108);
	add_route(0x0a010203, 32, 132);
	add_route(0x0a010200, 24, 124);
	compile_to("lpm");
	struct rule *loud = add_route(0x0a010000, 16, 200);
	assert_string_equal(table_structure(table), "lpm");
	assert_ptr_equal(look_up_route(0x0a010203), loud);
	free_all();
}

static void smaller_id_wins_across_prefix_lengths_in_lpm(void **)
{
	for (unsigned int len = 28; len <= 32; len += 2)
		add_route(0x0b000000, len, (uint16_t)len);
	compile_to("lpm");
	struct rule *r8 = add_route(0x0a000000, 8, 5);
	add_route(0x0a010000, 16, 5);
	assert_ptr_equal(look_up_route(0x0a010203), r8);
	struct rule *r24 = add_route(0x0c000000, 24, 6);
	add_route(0x0c000000, 20, 6);
	assert_ptr_equal(look_up_route(0x0c000001), r24);
	assert_string_equal(table_structure(table), "lpm");
	free_all();
}

static void holes_in_the_address_mask_are_not_lpm(void **)
{
	struct flow_match m = route_match(0x0a000000, 24);

	add_route(0x0a000000, 8, 108);
	add_route(0x0a000000, 16, 116);
	add_route(0x0a000000, 24, 124);
	compile_to("lpm");
	m.mask.ip4_dst = m.key.ip4_dst = htonl(0xff00ff00) & htonl(0x0a000000);
	m.mask.ip4_dst = htonl(0xff00ff00);
	struct rule *r = add_match(&m, 500);
	assert_string_equal(table_structure(table), "tuple");
	compile_to("tuple");
	assert_ptr_equal(look_up_route(0x0a630017), r);
	free_all();
}

static void other_fields_must_be_alike_for_lpm(void **)
{
	struct flow_match m = route_match(0x0a000000, 24);

	add_route(0x0a000000, 8, 108);
	add_route(0x0a000000, 16, 116);
	m.mask.in_port = UINT32_MAX;
	m.key.in_port = htonl(1);
	add_match(&m, 124);
	compile_to("tuple");
	free_all();
}

static void a_rule_of_another_shape_moves_the_table_to_tuples_at_once(void **)
{
	struct rule *a = add_port(1, 5);
	struct flow_match m = {.key.vlan_tci[0] = htons(0x1005), .mask.vlan_tci[0] = UINT16_MAX};
	struct flow_key k = {.in_port = htonl(1), .vlan_tci[0] = htons(0x1005)};

	compile_to("exact");
	struct rule *b = add_match(&m, 6);
	assert_string_equal(table_structure(table), "tuple");
	assert_ptr_equal(table_lookup(table, &k, NOW), b);
	assert_ptr_equal(look_up_port(1), a);
	del(b);
	compile_to("exact");
	assert_ptr_equal(table_lookup(table, &k, NOW), a);
	del(a);
}

/* Else a controller that toggles one odd rule would have 10,000 rules rebuilt each time. */
static void a_large_table_is_not_rebuilt_for_a_few_changes(void **)
{
	struct flow_match m = {.mask.vlan_tci[0] = UINT16_MAX};

	for (uint32_t i = 0; i < 10000; i++)
		add_port(i, 5);
	compile_to("exact");
	struct rule *odd = add_match(&m, 6);
	assert_string_equal(table_structure(table), "tuple");
	del(odd);
	compile_to("tuple");
	for (uint32_t i = 0; i < 10000 / 32; i++)
		add_port(20000 + i, 5);
	compile_to("exact");
	free_all();
}

static void tuples_forget_masks_that_no_rule_has(void **)
{
	struct rule *rules[1000];

	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++) {
		struct flow_match m = {.mask.metadata = i + 1};
		rules[i] = add_match(&m, (uint16_t)i);
	}
	compile_to("tuple");
	assert_int_equal(table_n_masks(table), 1000);
	size_t full = table_memory(table);
	for (unsigned int i = 0; i < ARRAY_SIZE(rules) - 1; i++)
		del(rules[i]);
	assert_int_equal(table_n_masks(table), 1);
	assert_true(table_memory(table) < full / 100);
	assert_ptr_equal(look_up_port(1), rules[999]);
	free_all();
}

/* What falls out of a tuple must let the search stop early again; seen here only as a right winner. */
static void winner_is_right_after_the_highest_rule_of_a_mask_has_gone(void **)
{
	struct flow_match vlan = {.mask.vlan_tci[0] = UINT16_MAX};
	struct rule *top = add_match(&vlan, 900), *mid = add_port(1, 500), *low;

	vlan.mask.arp_op = UINT16_MAX;
	add_match(&vlan, 1);
	vlan.mask.arp_op = 0;
	low = add_match(&vlan, 100);
	compile_to("tuple");
	assert_ptr_equal(look_up_port(1), top);
	del(top);
	assert_ptr_equal(look_up_port(1), mid);
	compile_to("tuple");
	assert_ptr_equal(look_up_port(1), mid);
	struct rule *back = add_match(&vlan, 800);
	assert_ptr_equal(look_up_port(1), back);
	del(back);
	del(mid);
	assert_ptr_equal(look_up_port(1), low);
	free_all();
}

static bool stop_at_third(const struct rule *, void *arg)
{
	return ++*(unsigned int *)arg < 3;
}

static void foreach_stops_when_told(void **)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < 10; i++)
		add_port(i, 5);
	table_foreach(table, stop_at_third, &n);
	assert_int_equal(n, 3);
	free_all();
}

static void find_strict_takes_match_and_priority_of_an_alive_rule(void **)
{
	struct flow_match m = {.key.in_port = htonl(1), .mask.in_port = UINT32_MAX};
	struct rule *r = add_port(1, 5);

	assert_ptr_equal(table_find_strict(table, &m, 5), r);
	assert_null(table_find_strict(table, &m, 6));
	m.key.in_port = htonl(2);
	assert_null(table_find_strict(table, &m, 5));
	m = (struct flow_match){.mask.arp_op = UINT16_MAX};
	assert_null(table_find_strict(table, &m, 5));
	assert_null(table_find_strict(table, &(struct flow_match){0}, 5));
	m = (struct flow_match){.key.in_port = htonl(1), .mask.in_port = UINT32_MAX};
	r->del_version = NOW + 1;
	assert_null(table_find_strict(table, &m, 5));
	struct rule *again = add_port(1, 5);
	assert_ptr_equal(table_find_strict(table, &m, 5), again);
	free_all();
}

/* Nothing that was unlinked may be freed before its grace period. */
static void replaced_arrays_wait_for_a_grace_period(void **)
{
	(void)rcu_run();
	for (uint32_t i = 0; i < 100; i++)
		add_port(i, 5);
	assert_true(rcu_stub_n_deferred() > 0);
	free_all();
}

static double seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

enum { MALLOC_OVERHEAD = 16 };

static unsigned int n_bulk; // rules

static size_t bulk_load(void (*fill)(struct rng *rng, struct flow_match *m, uint16_t *priority))
{
	struct rule **rules = malloc(n_bulk * sizeof(*rules));
	struct rng rng = {.state = 1};
	struct timespec from;
	size_t size = 0;

	assert_non_null(rules);
	for (uint32_t i = 0; i < n_bulk; i++) {
		struct flow_match m = {0};
		uint16_t priority;
		fill(&rng, &m, &priority);
		flow_match_canonicalise(&m);
		rules[i] = make_rule(i + 1, &m, priority, NOW);
		size += rule_size(rules[i]) + MALLOC_OVERHEAD;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < n_bulk; i++)
		assert_int_equal(table_add(table, rules[i]), 0);
	assert_int_equal(table_compile(table), 0);
	double s = seconds_since(&from);
	(void)rcu_run(); // as the switch does after a transaction
	size += table_memory(table);
	printf("%u rules in %s, %zu masks: %.0f ms, %zu bytes each\n", n_bulk,
	    table_structure(table), table_n_masks(table), s * 1e3, size / n_bulk);
	free_all();
	free(rules);
	return size / n_bulk;
}

static void fill_five_tuple(struct rng *rng, struct flow_match *m, uint16_t *priority)
{
	m->key.eth_type = htons(0x0800);
	m->key.ip4_src = (uint32_t)rng_next(rng);
	m->key.ip4_dst = (uint32_t)rng_next(rng);
	m->key.ip_proto = 6;
	m->key.tp_src = (uint16_t)rng_next(rng);
	m->key.tp_dst = (uint16_t)rng_next(rng);
	m->mask.eth_type = m->mask.tp_src = m->mask.tp_dst = UINT16_MAX;
	m->mask.ip4_src = m->mask.ip4_dst = UINT32_MAX;
	m->mask.ip_proto = UINT8_MAX;
	*priority = 100;
}

static void fill_acl(struct rng *rng, struct flow_match *m, uint16_t *priority)
{
	fill_five_tuple(rng, m, priority);
	m->mask.ip4_src = htonl(UINT32_MAX << rng_below(rng, 25));
	m->mask.ip4_dst = htonl(UINT32_MAX << rng_below(rng, 25));
	m->mask.tp_src = rng_below(rng, 2) != 0 ? UINT16_MAX : 0;
	*priority = (uint16_t)rng_next(rng);
}

static void fill_route4(struct rng *rng, struct flow_match *m, uint16_t *priority)
{
	unsigned int len = 17 + rng_below(rng, 16);

	*m = route_match((uint32_t)rng_next(rng), len);
	*priority = (uint16_t)len;
}

static void fill_route6(struct rng *rng, struct flow_match *m, uint16_t *priority)
{
	unsigned int n = 8 + rng_below(rng, 9);

	m->key.eth_type = htons(0x86dd);
	m->mask.eth_type = UINT16_MAX;
	for (unsigned int i = 0; i < n; i++) {
		m->key.ip6_dst.b[i] = (uint8_t)rng_next(rng);
		m->mask.ip6_dst.b[i] = UINT8_MAX;
	}
	*priority = (uint16_t)n;
}

static void fill_any_mask(struct rng *rng, struct flow_match *m, uint16_t *priority)
{
	m->key.metadata = rng_next(rng);
	m->mask.metadata = rng_next(rng);
	*priority = (uint16_t)rng_next(rng);
}

static void many_rules_fit_their_budget(void **state)
{
	n_bulk = test_size(20000, 100000);
	void (*const fills[])(struct rng *, struct flow_match *, uint16_t *) = {
	    fill_five_tuple, fill_acl, fill_route4, fill_route6};

	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		assert_true(bulk_load(fills[i]) < 384);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
	// A mask of its own for every rule: no budget, but it must not take long either.
	(void)bulk_load(fill_any_mask);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(empty_table_misses),
	    TEST(winner_has_highest_priority_then_smallest_id),
	    TEST(smaller_id_wins_across_masks_in_tuples),
	    TEST(rules_are_visible_from_their_version_to_their_end),
	    TEST(one_mask_compiles_to_exact),
	    TEST(routes_compile_to_lpm),
	    TEST(shorter_prefix_of_higher_priority_wins_in_lpm),
	    TEST(smaller_id_wins_across_prefix_lengths_in_lpm),
	    TEST(holes_in_the_address_mask_are_not_lpm),
	    TEST(other_fields_must_be_alike_for_lpm),
	    TEST(a_rule_of_another_shape_moves_the_table_to_tuples_at_once),
	    TEST(a_large_table_is_not_rebuilt_for_a_few_changes),
	    TEST(tuples_forget_masks_that_no_rule_has),
	    TEST(winner_is_right_after_the_highest_rule_of_a_mask_has_gone),
	    TEST(foreach_stops_when_told),
	    TEST(find_strict_takes_match_and_priority_of_an_alive_rule),
	    TEST(replaced_arrays_wait_for_a_grace_period),
	    TEST(many_rules_fit_their_budget),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
