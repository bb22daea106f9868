/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ovsdb-lite/json_read.h"
#include "ovsdb-lite/json_stream.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte says how the rest is cut. Messages are the same whether they come whole or in pieces, and are what jansson alone reads
 * of the same bytes; what is refused in one way is refused in the other; limits and the budget hold.
 */

enum { MAX_MESSAGES = 64 };

static const struct ovsdb_json_limits limits = {.size = 512, .n_values = 64, .depth = 12};

struct outcome {
	size_t n;
	bool refused;
	json_t *messages[MAX_MESSAGES];
};

static void run(const char *data, size_t size, size_t piece, struct outcome *o);
static void check_reader(const char *data, size_t size);
static void check_message(const json_t *message);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = {0}, cut = {0};
	if (size < 1)
		return 0;
	check_reader((const char *)data + 1, size - 1);
	run((const char *)data + 1, size - 1, size, &whole);
	run((const char *)data + 1, size - 1, data[0] % 32 + 1, &cut);
	FUZZ_ASSERT(whole.n == cut.n && whole.refused == cut.refused);
	for (size_t i = 0; i < whole.n; i++) {
		FUZZ_ASSERT(json_equal(whole.messages[i], cut.messages[i]));
		check_message(whole.messages[i]);
		json_decref(whole.messages[i]);
		json_decref(cut.messages[i]);
	}
	return 0;
}

static void run(const char *data, size_t size, size_t piece, struct outcome *o)
{
	struct ovsdb_input_budget budget = {.limit = 1 << 20};
	struct ovsdb_json_stream s;
	struct err err = {0};
	ovsdb_json_stream_init(&s, &limits, &budget);
	for (size_t at = 0; at < size && o->n < MAX_MESSAGES && !o->refused;) {
		size_t left = MIN_OF(piece, size - at), used = 0;
		json_t *message = NULL;
		/* Memory of its own size: a read past it is found. */
		char *bytes = malloc(left);
		FUZZ_ASSERT(bytes != NULL);
		memcpy(bytes, data + at, left);
		int r = ovsdb_json_stream_feed(&s, bytes, left, &used, &message, &err);
		free(bytes);
		FUZZ_ASSERT(used <= left && (r != 0 || used == left));
		FUZZ_ASSERT((r == 1) == (message != NULL));
		at += used;
		o->refused = r < 0;
		if (r == 1)
			o->messages[o->n++] = message;
		FUZZ_ASSERT(budget.used <= budget.limit && s.capacity <= 4096);
	}
	ovsdb_json_stream_fini(&s);
	FUZZ_ASSERT(budget.used == 0);
}

/* Bytes of its own size: a read past them is found. */
static void check_reader(const char *data, size_t size)
{
	json_error_t why;
	if (memchr(data, '[', size) != NULL && size > 4096)
		return; // nesting is the stream's to bound
	char *bytes = malloc(size + (size == 0));
	FUZZ_ASSERT(bytes != NULL);
	memcpy(bytes, data, size);
	json_t *ours = ovsdb_json_read(bytes, size, &why);
	json_t *theirs = json_loadb(bytes, size, 0, &why);
	FUZZ_ASSERT(theirs == NULL || (ours != NULL && json_equal(ours, theirs)));
	FUZZ_ASSERT(
	    theirs != NULL || ours == NULL || json_error_code(&why) == json_error_numeric_overflow);
	json_decref(ours);
	json_decref(theirs);
	free(bytes);
}

static void check_message(const json_t *message)
{
	FUZZ_ASSERT(json_is_object(message));
	char *text = json_dumps(message, 0);
	FUZZ_ASSERT(text != NULL);
	json_t *again = json_loads(text, 0, NULL);
	FUZZ_ASSERT(again != NULL && json_is_object(again));
	json_decref(again);
	free(text);
}
