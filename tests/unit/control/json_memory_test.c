/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/json_memory.h"
#include "datapath/base/json_util.h"

enum { N = 4000, MAX = 12000 };

static uint8_t *objects[N];
static size_t sizes[N];

static void fill(size_t i, size_t size)
{
	objects[i] = json_memory_alloc(size);
	sizes[i] = size;
	assert_non_null(objects[i]);
	assert_int_equal((uintptr_t)objects[i] % 16, 0);
	memset(objects[i], (int)(i & 0xff), size);
}

static void empty(size_t i)
{
	for (size_t k = 0; k < sizes[i]; k++)
		assert_int_equal(objects[i][k], i & 0xff);
	json_memory_free(objects[i]);
	objects[i] = NULL;
}

/* Each keeps its bytes while others come and go, at every boundary of sizes. */
static void objects_do_not_overlap(void **)
{
	static const size_t edges[] = {0, 1, 15, 16, 17, 511, 512, 513, 640, 641, 1024, 1025, 8191,
	    8192, 8193, 65472, 65473, 200000};
	unsigned int seed = 7;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		fill(i, edges[i]);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		empty(i);
	for (int round = 0; round < 60000; round++) {
		size_t i = (size_t)rand_r(&seed) % N;
		if (objects[i] != NULL)
			empty(i);
		else
			fill(i, (size_t)rand_r(&seed) % (rand_r(&seed) % 8 == 0 ? MAX : 200));
	}
	for (size_t i = 0; i < N; i++)
		if (objects[i] != NULL)
			empty(i);
	json_memory_free(NULL);
}

static void what_is_free_serves_other_sizes_and_goes_back_beyond_the_limit(void **)
{
	enum { N_SLABS = 2 * JSON_MEMORY_MAX_EMPTY / 65536, PER_SLAB = 8000 / 1000 };
	static void *held[N_SLABS * PER_SLAB * 8];
	size_t n = sizeof(held) / sizeof(held[0]);

	for (size_t i = 0; i < n; i++)
		held[i] = json_memory_alloc(1000);
	size_t most = json_memory_n_slabs();
	assert_true(most > N_SLABS);
	for (size_t i = 0; i < n; i++)
		json_memory_free(held[i]);
	size_t least = json_memory_n_slabs();
	assert_true(least <= JSON_MEMORY_MAX_EMPTY / 65536 + 48);
	for (size_t i = 0; i < 1000; i++)
		held[i] = json_memory_alloc(64);
	assert_int_equal(json_memory_n_slabs(), least);
	for (size_t i = 0; i < 1000; i++)
		json_memory_free(held[i]);
}

static void the_impossible_is_refused(void **)
{
	assert_null(json_memory_alloc(SIZE_MAX));
}

/* Who asks for a text frees it as any other: it comes from malloc, wherever the values live. */
static void texts_are_for_free(void **)
{
	json_set_alloc_funcs(json_memory_alloc, json_memory_free);
	json_t *value = json_pack("{s:[i, s]}", "list", 1, "two");
	char *text = json_text(value, JSON_COMPACT);

	assert_string_equal(text, "{\"list\":[1,\"two\"]}");
	free(text);
	json_decref(value);
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(objects_do_not_overlap),
	    cmocka_unit_test(what_is_free_serves_other_sizes_and_goes_back_beyond_the_limit),
	    cmocka_unit_test(the_impossible_is_refused),
	    cmocka_unit_test(texts_are_for_free),
	};
	json_memory_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
