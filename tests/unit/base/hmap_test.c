/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "datapath/base/hmap.h"
#include "tests/unit/test.h"

struct item {
	struct hmap_node node;
	int value;
	int n_seen;
};

enum { N_ITEMS = 1000 };

static struct item *find(const struct hmap *map, uint64_t hash, int value)
{
	hmap_foreach_with_hash (it, map, hash, struct item, node) {
		if (it->value == value)
			return it;
	}
	return NULL;
}

static void empty_map_has_nothing(void **)
{
	struct hmap map;

	hmap_init(&map);
	assert_null(hmap_first(&map));
	assert_null(hmap_first_with_hash(&map, 0));
	hmap_foreach (it, &map, struct item, node)
		fail();
	hmap_foreach_safe (it, &map, struct item, node)
		fail();
	hmap_fini(&map);
}

static void map_finds_all_it_was_given_while_it_grows(void **)
{
	static struct item items[N_ITEMS];
	struct hmap map;

	hmap_init(&map);
	for (int i = 0; i < N_ITEMS; i++) {
		items[i].value = i;
		hmap_add(&map, &items[i].node, (uint64_t)i * 7 / 3);
		assert_int_equal(map.n, i + 1);
		for (int j = 0; j <= i; j += 97)
			assert_ptr_equal(find(&map, (uint64_t)j * 7 / 3, j), &items[j]);
	}
	hmap_foreach (it, &map, struct item, node)
		it->n_seen++;
	for (int i = 0; i < N_ITEMS; i++)
		assert_int_equal(items[i].n_seen, 1);
	assert_null(find(&map, 1, N_ITEMS));
	hmap_fini(&map);
}

static void equal_hashes_live_together(void **)
{
	static struct item items[20];
	struct hmap map;
	int n = 0;

	hmap_init(&map);
	for (int i = 0; i < 20; i++) {
		items[i].value = i;
		hmap_add(
		    &map, &items[i].node, i % 2 == 0 ? 5 : 5 + (UINT64_C(1) << 32)); // same bucket
	}
	hmap_foreach_with_hash (it, &map, 5, struct item, node) {
		assert_int_equal(it->value % 2, 0);
		n++;
	}
	assert_int_equal(n, 10);
	hmap_del(&map, &items[4].node);
	assert_null(find(&map, 5, 4));
	assert_non_null(find(&map, 5, 6));
	hmap_fini(&map);
}

static void safe_loop_may_delete_and_free(void **)
{
	struct hmap map;

	hmap_init(&map);
	for (int i = 0; i < N_ITEMS; i++) {
		struct item *item = calloc(1, sizeof(*item));
		assert_non_null(item);
		item->value = i;
		hmap_add(&map, &item->node, (uint64_t)i);
	}
	hmap_foreach_safe (it, &map, struct item, node) {
		if (it->value % 2 == 0) {
			hmap_del(&map, &it->node);
			free(it);
		}
	}
	assert_int_equal(map.n, N_ITEMS / 2);
	hmap_foreach_safe (it, &map, struct item, node) {
		assert_int_equal(it->value % 2, 1);
		hmap_del(&map, &it->node);
		free(it);
	}
	assert_int_equal(map.n, 0);
	assert_null(hmap_first(&map));
	hmap_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty_map_has_nothing),
	    cmocka_unit_test(map_finds_all_it_was_given_while_it_grows),
	    cmocka_unit_test(equal_hashes_live_together),
	    cmocka_unit_test(safe_loop_may_delete_and_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
