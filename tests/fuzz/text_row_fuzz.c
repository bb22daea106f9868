/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "control/api/json_digest.h"
#include "control/api/json_read.h"
#include "control/api/object.h"
#include "control/api/schema_text.h"
#include "tests/fuzz/fuzz.h"

static void check_row(const char *text, size_t size);

/* A text: what is read of it in place is JSON, and the same as values; as a flow, its row is that of its values. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); // at the end of an allocation
	json_error_t fault;

	FUZZ_ASSERT(text != NULL);
	memcpy(text, data, size);
	struct json_plain p = {.at = text, .end = text + size};
	uint64_t digest = json_plain_digest(&p);
	json_plain_next(&p);
	if (!p.bad && p.at == p.end) {
		json_t *value =
		    json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
		FUZZ_ASSERT(value != NULL && json_digest(value) == digest);
		json_decref(value);
		check_row(text, size);
	}
	free(text);
	return 0;
}

static void check_row(const char *text, size_t size)
{
	struct schema_text_hints hints = {0};
	struct json_plain p = {.at = text, .end = text + size};
	struct buf_writer quick, slow;
	struct err err = {0};
	json_error_t fault;

	buf_writer_init(&quick, 1 << 20);
	buf_writer_init(&slow, 1 << 20);
	if (schema_text_normalise(API_TABLE_FLOW, &p, &hints, &quick)) {
		json_t *value = json_read(text, size, &fault);
		json_t *row = schema_normalise(API_TABLE_FLOW, value, NULL, &err);
		FUZZ_ASSERT(row != NULL);
		api_object_text_write(API_TABLE_FLOW, row, &slow);
		FUZZ_ASSERT(
		    quick.size == slow.size && memcmp(quick.data, slow.data, slow.size) == 0);
		json_decref(row);
		json_decref(value);
	}
	buf_writer_fini(&quick);
	buf_writer_fini(&slow);
}
