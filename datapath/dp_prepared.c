/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction between its two phases. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp_state_priv.h"

#define LOG_MODULE "dp"
#include "datapath/base/log.h"

struct prepared {
	struct txn *txn;
	uint64_t generation;
	uint64_t since_ms;
	uint8_t ops[]; // txn points into them
};

int dp_state_prepare(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *ret_error)
{
	struct prepared *p = malloc(sizeof(*p) + size);

	if (p == NULL) {
		*ret_error = (struct dp_error){.errno_value = ENOMEM, .op_index = DP_OP_NONE};
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(p->ops, ops, size);
	p->generation = txn->generation;
	p->since_ms = clock_ms();
	int r = txn_create(st, txn, p->ops, size, ret_error, &p->txn);
	if (r == 0)
		st->prepared = p;
	else
		free(p);
	return r;
}

int dp_state_commit_prepared(
    struct dp_state *st, uint64_t generation, struct dp_txn_reply *ret, struct dp_error *ret_error)
{
	struct prepared *p = st->prepared;

	if (p == NULL || p->generation != generation) {
		*ret_error = (struct dp_error){.errno_value = ESTALE, .op_index = DP_OP_NONE};
		snprintf(ret_error->what, sizeof(ret_error->what),
		    "no transaction of generation %llu is prepared",
		    (unsigned long long)generation);
		return -ESTALE;
	}
	st->prepared = NULL;
	txn_apply(p->txn, generation);
	free(p);
	*ret = (struct dp_txn_reply){
	    .generation = st->generation, .digest = st->digest, .n_workers = st->dp->n_workers};
	return 0;
}

void dp_state_abort(struct dp_state *st)
{
	struct prepared *p = st->prepared;

	if (p == NULL)
		return;
	st->prepared = NULL;
	txn_drop(p->txn);
	free(p);
}

bool dp_state_is_prepared(const struct dp_state *st)
{
	return st->prepared != NULL;
}

bool state_wait_prepared(struct dp_state *st, uint64_t now_ms)
{
	if (st->prepared == NULL || now_ms < st->prepared->since_ms + DP_PREPARED_MS)
		return st->prepared != NULL;
	log_warn("a prepared transaction was neither committed nor aborted: it is dropped");
	dp_state_abort(st);
	return false;
}
