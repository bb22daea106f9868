/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/api/json_line.h"
#include "tests/fuzz/fuzz.h"

/*
 * What decodes is what jansson alone decodes, but for the number ids; an id's raw text is JSON of the same value; limits hold.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_line_limits limits = {.memory = SIZE_MAX,
	    .string_size = 64,
	    .n_values = 64,
	    .n_containers = 16,
	    .depth = 6,
	    .n_batch = 4};
	struct json_line line;
	struct err err = {0};
	char *text = malloc(size + (size == 0));

	FUZZ_ASSERT(text != NULL);
	memcpy(text, data, size);
	int r = json_line_decode(&line, text, size, &limits, &err);
	if (r != 0) {
		FUZZ_ASSERT(err.code == ERR_PARSE || err.code == ERR_TOO_LARGE);
		FUZZ_ASSERT(err.what[0] != '\0' && line.root == NULL);
	} else {
		FUZZ_ASSERT(line.root != NULL && line.n_ids <= limits.n_batch + 1);
		for (size_t i = 0; i < line.n_ids; i++) {
			if (line.ids[i].state != JSON_ID_VALID)
				continue;
			FUZZ_ASSERT(
			    memmem(data, size, line.ids[i].text, strlen(line.ids[i].text)) != NULL);
			FUZZ_ASSERT(
			    strchr(line.ids[i].text, '\n') == NULL || line.ids[i].text[0] == '"');
		}
	}
	json_line_fini(&line);
	free(text);
	return 0;
}
