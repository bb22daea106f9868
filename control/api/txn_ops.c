/* SPDX-License-Identifier: Apache-2.0 */
/* The ops of a transaction, as values or texts: what does not look into them. */
#include <string.h>

#include "control/api/json_digest.h"
#include "control/api/txn_build.h"

size_t txn_ops_count(const struct txn_ops *ops)
{
	return ops->list != NULL ? json_array_size(ops->list) : ops->raw.n;
}

void txn_ops_fini(struct txn_ops *ops)
{
	json_decref(ops->list);
	json_raw_fini(&ops->raw);
	*ops = (struct txn_ops){0};
}

uint64_t txn_ops_digest(const struct txn_ops *ops, const char *owner)
{
	uint64_t list = ops->list != NULL ? json_digest(ops->list) : ops->raw.digest;

	return json_digest_add(json_digest_string(owner, strlen(owner)), list);
}
