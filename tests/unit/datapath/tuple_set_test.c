/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/tuple_set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/table_group.h"
#include "tests/unit/datapath/table_fixture.h"
#include "tests/unit/test.h"

enum { N_MASKS = 40 };

/* A set of the masks "source /i, destination port or not", and its rules. */
static struct {
	struct table_seed seed;
	struct hmap masks;
	struct table_mask *of[N_MASKS];
	struct tuple_set set;
	struct rule *rules[1024];
	unsigned int n_rules;
} f;

static struct flow_match match_of(unsigned int mask, uint32_t src, uint16_t port)
{
	struct flow_match m = {0};

	m.mask.eth_type = UINT16_MAX;
	m.mask.ip4_src = htonl(mask % 20 == 0 ? 0 : UINT32_MAX << (32 - mask % 20));
	m.mask.tp_dst = mask >= 20 ? UINT16_MAX : 0;
	m.key.eth_type = htons(0x0800);
	m.key.ip4_src = htonl(src);
	m.key.tp_dst = htons(port);
	flow_match_canonicalise(&m);
	return m;
}

static int set_up(void **)
{
	memset(&f, 0, sizeof(f));
	for (unsigned int i = 0; i < ARRAY_SIZE(f.seed.k); i++)
		f.seed.k[i] = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
	hmap_init(&f.masks);
	for (unsigned int i = 0; i < N_MASKS; i++) {
		struct flow_match m = match_of(i, 0, 0);
		struct mask_words w;
		size_t n = mask_words_init(&w, &m.mask);
		f.of[i] = malloc(sizeof(*f.of[i]) + n * sizeof(uint64_t));
		*f.of[i] = (struct table_mask){.map = w.map, .n_rules = 10};
		memcpy(f.of[i]->words, w.words, n * sizeof(uint64_t));
		hmap_add(&f.masks, &f.of[i]->node, i);
	}
	tuple_set_init(&f.set, &f.masks, &f.seed);
	return 0;
}

static int tear_down(void **)
{
	tuple_set_fini(&f.set);
	(void)rcu_run();
	for (unsigned int i = 0; i < f.n_rules; i++)
		rule_free(f.rules[i]);
	hmap_fini(&f.masks);
	for (unsigned int i = 0; i < N_MASKS; i++)
		free(f.of[i]);
	return 0;
}

static struct rule *new_rule(const struct flow_match *m)
{
	struct rule *r = make_rule(f.n_rules + 1, m, 7, 1);
	f.rules[f.n_rules++] = r;
	return r;
}

static int add(unsigned int mask, uint32_t src)
{
	struct flow_match m = match_of(mask, src, 80);
	struct tuple_place *p = tuple_place_get(&f.set, f.of[mask]);

	return tuple_place_add(&f.set, p, &m.key, new_rule(&m));
}

static struct tuple *tuple_of(unsigned int mask)
{
	return tuple_place_get(&f.set, f.of[mask])->tuple;
}

static bool count(struct rule *, void *arg)
{
	++*(unsigned int *)arg;
	return true;
}

static unsigned int n_chains_found(void)
{
	unsigned int n = 0;
	hmap_foreach (t, &f.set.map, struct tuple, node)
		tuple_foreach(t, count, &n);
	return n;
}

static void few_masks_are_not_relaxed(void **)
{
	struct relaxer r;
	struct hmap few;
	hmap_init(&few);
	relaxer_init(&r, &few);
	assert_int_equal(r.first_level, RELAX_EXACT);
	assert_true(relaxer_is_outgrown(&r, &f.masks));
	relaxer_init(&r, &f.masks);
	assert_int_equal(r.first_level, RELAX_PAIRS);
	assert_false(relaxer_is_outgrown(&r, &f.masks));
	assert_true(relaxer_is_outgrown(&r, &few));
}

static void a_level_drops_nothing_that_a_coarser_one_keeps(void **)
{
	struct rng rng = {.state = test_seed()};
	for (unsigned int i = 0; i < 1000; i++) {
		struct flow_match m;
		uint16_t priority;
		struct flow_key relaxed[RELAX_EXACT + 1], again;
		shape_match(
		    &rng, rng_below(&rng, 2) != 0 ? SHAPE_OPENFLOW : SHAPE_ACL, &m, &priority);
		for (unsigned int level = RELAX_PAIRS; level <= RELAX_EXACT; level++)
			relaxer_relax(&f.set.relaxer, level, &m.mask, &relaxed[level]);
		assert_memory_equal(&relaxed[RELAX_EXACT], &m.mask, sizeof(m.mask));
		for (unsigned int level = RELAX_PAIRS; level < RELAX_EXACT; level++) {
			relaxer_relax(&f.set.relaxer, level, &relaxed[level + 1], &again);
			assert_memory_equal(&again, &relaxed[level], sizeof(again));
		}
	}
}

static void alike_masks_share_a_tuple(void **)
{
	for (unsigned int i = 1; i < 16; i++)
		assert_ptr_equal(tuple_of(0), tuple_of(i));
	assert_ptr_equal(tuple_of(16), tuple_of(19));
	assert_ptr_not_equal(tuple_of(0), tuple_of(16));
	assert_ptr_not_equal(tuple_of(0), tuple_of(20));
}

static void a_full_group_is_split_into_parts_that_hold_all(void **)
{
	for (unsigned int i = 0; i < GROUP_MAX; i++)
		assert_int_equal(add(8 + i % 8, i << 16 | i << 24), 0);
	struct tuple *full = tuple_of(8);
	assert_int_equal(add(9, 0xff000000), -E2BIG);
	assert_int_equal(full->n_chains, GROUP_MAX);

	assert_int_equal(tuple_split_begin(&f.set, full), 0);
	assert_int_equal(n_chains_found(), 2 * GROUP_MAX);
	tuple_split_end(&f.set, full);
	assert_null(full->hash);
	assert_int_equal(n_chains_found(), GROUP_MAX);
	assert_int_equal(tuple_of(8)->level, RELAX_BYTES);
	assert_true(tuple_is_part(&f.set, tuple_of(8), full));
	assert_int_equal(tuple_of(8)->bound, 7);
	assert_int_equal(add(9, 0xff000000), 0);
	// A mask that comes later goes to the parts as well.
	assert_true(tuple_is_part(&f.set, tuple_of(3), full));
}

static void a_split_can_be_undone(void **)
{
	for (unsigned int i = 0; i < GROUP_MAX; i++)
		assert_int_equal(add(8 + i % 8, i << 16 | i << 24), 0);
	struct tuple *full = tuple_of(8);
	size_t n_tuples = f.set.map.n;
	assert_int_equal(tuple_split_begin(&f.set, full), 0);
	tuple_split_undo(&f.set, full);
	assert_int_equal(f.set.map.n, n_tuples);
	assert_ptr_equal(tuple_of(8), full);
	assert_int_equal(n_chains_found(), GROUP_MAX);
}

static void sweep_forgets_masks_and_tuples_without_chains(void **)
{
	assert_int_equal(add(8, 0x0a000000), 0);
	assert_int_equal(add(9, 0x0a000000), 0);
	assert_int_equal(add(30, 0x0a000000), 0);
	size_t memory = tuple_set_memory(&f.set);
	struct flow_match m = match_of(30, 0x0a000000, 80);
	tuple_place_del(&f.set, tuple_place_find(&f.set, f.of[30]), f.of[30], &m.key);
	assert_int_equal(f.set.n_empty, 1);
	tuple_set_sweep(&f.set);
	assert_null(tuple_place_find(&f.set, f.of[30]));
	assert_non_null(tuple_place_find(&f.set, f.of[8]));
	assert_int_equal(f.set.map.n, 1);
	assert_true(tuple_set_memory(&f.set) < memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(few_masks_are_not_relaxed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_level_drops_nothing_that_a_coarser_one_keeps, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(alike_masks_share_a_tuple, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_full_group_is_split_into_parts_that_hold_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_split_can_be_undone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		sweep_forgets_masks_and_tuples_without_chains, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
