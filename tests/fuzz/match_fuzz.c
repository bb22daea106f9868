/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "datapath/base/flow_field.h"
#include "tests/fuzz/fuzz.h"

static void check_decode(const uint8_t *data, size_t size);
static void check_text(const uint8_t *data, size_t size);

/* First byte: wire form of a match, or the text of one field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 0)
		check_decode(data + 1, size - 1);
	else
		check_text(data, size);
	return 0;
}

/* What decodes is canonical: it encodes to the same bytes, and matches its own key. */
static void check_decode(const uint8_t *data, size_t size)
{
	uint8_t again[FLOW_MATCH_MAX_SIZE];
	struct flow_match m;
	char text[512];

	int used = flow_match_decode(data, size, &m);
	if (used < 0)
		return;
	FUZZ_ASSERT(flow_match_encode(&m, again) == (size_t)used);
	FUZZ_ASSERT(memcmp(again, data, (size_t)used) == 0);
	FUZZ_ASSERT(flow_match_covers(&m, &m.key));
	FUZZ_ASSERT(flow_match_is_subset(&m, &m) && flow_match_overlaps(&m, &m));
	FUZZ_ASSERT(strlen(flow_match_format(&m, text, sizeof(text))) < sizeof(text));
}

/* What parses is formatted to a text that parses to the same. */
static void check_text(const uint8_t *data, size_t size)
{
	const struct flow_field *f = &flow_fields[data[0] % FIELD__COUNT];
	struct flow_value v, mask, v2, mask2;
	char buf[FIELD_STR_SIZE];
	struct err err = {0};
	char *s = strndup((const char *)data + 1, size - 1);

	FUZZ_ASSERT(s != NULL);
	if (flow_field_parse(f, s, &v, &mask, &err) == 0) {
		flow_field_format(f, &v, &mask, buf);
		FUZZ_ASSERT(flow_field_parse(f, buf, &v2, &mask2, &err) == 0);
		FUZZ_ASSERT(
		    memcmp(&v, &v2, sizeof(v)) == 0 && memcmp(&mask, &mask2, sizeof(mask)) == 0);
	} else {
		FUZZ_ASSERT(err.what[0] != '\0');
	}
	free(s);
}
