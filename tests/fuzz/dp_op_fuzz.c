/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/dp_validate.h"
#include "tests/fuzz/fuzz.h"

static void check_rule(const struct dp_op *op);

/* A transaction's ops, one behind the other, as the switch walks them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = aligned_alloc(8, MAX_OF(ROUND_UP(size, 8), (size_t)8));
	char what[DP_WHAT_SIZE] = "";
	size_t pos = 0;

	FUZZ_ASSERT(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	// The last op ends where the allocation does, as far as 8-byte alignment lets it: ASan sees a step over.
	while (pos < size) {
		const struct dp_op *op = (const struct dp_op *)((uint8_t *)copy + pos);
		if (dp_validate_op(op, size - pos, what) < 0) {
			FUZZ_ASSERT(what[0] != '\0');
			break;
		}
		if (op->verb == DP_PUT && op->kind == DP_KIND_RULE)
			check_rule(op);
		pos += op->size;
	}
	free(copy);
	return 0;
}

/* A valid rule can be walked without a further check. */
static void check_rule(const struct dp_op *op)
{
	struct dp_rule_parts parts;
	char what[DP_WHAT_SIZE];
	size_t n = 0;

	FUZZ_ASSERT(dp_rule_decode(op + 1, op->size - sizeof(*op), &parts, what) == 0);
	action_foreach (a, parts.apply, parts.conf->apply_size) {
		FUZZ_ASSERT(a->len >= dp_action_size((enum dp_action_type)a->type));
		n++;
	}
	action_foreach (a, parts.write, parts.conf->write_size)
		n++;
	FUZZ_ASSERT(n <= 2 * DP_MAX_ACTIONS_SIZE / DP_ACTION_HDR_SIZE);
}
