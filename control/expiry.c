/* SPDX-License-Identifier: Apache-2.0 */
#include "control/expiry.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/txn.h"
#include "control/daemon.h"
#include "control/model.h"
#include "datapath/base/hash.h"

#define LOG_MODULE "expiry"
#include "datapath/base/log.h"

struct expiry {
	struct daemon *daemon;
	struct txn_job job;
	struct dp_removed_event *events;
	size_t n, capacity;
};

static int make_room(struct expiry *x, size_t n);
static void delete_flows(void *arg);
static const char *find_flow(const struct daemon *d, const struct dp_removed_event *ev);

struct expiry *expiry_create(struct daemon *d)
{
	struct expiry *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return NULL;
	x->daemon = d;
	x->job = (struct txn_job){.run = delete_flows, .arg = x};
	return x;
}

void expiry_destroy(struct expiry *x)
{
	if (x == NULL)
		return;
	free(x->events);
	free(x);
}

void expiry_add(struct expiry *x, const struct dp_removed_event *events, size_t n)
{
	if (make_room(x, n) != 0) {
		log_warn("%zu flows that timed out stay until the switch repeats it", n);
		return;
	}
	memcpy(x->events + x->n, events, n * sizeof(*events));
	x->n += n;
	txn_when_idle(x->daemon->txn, &x->job);
}

static int make_room(struct expiry *x, size_t n)
{
	if (n > EXPIRY_MAX_WAITING || x->n > EXPIRY_MAX_WAITING - n)
		return -ENOSPC;
	if (x->n + n <= x->capacity)
		return 0;
	size_t capacity = MAX_OF(2 * x->capacity, x->n + n);
	struct dp_removed_event *events = realloc(x->events, capacity * sizeof(*events));
	if (events == NULL)
		return -ENOMEM;
	x->events = events;
	x->capacity = capacity;
	return 0;
}

static void delete_flows(void *arg)
{
	struct expiry *x = arg;
	json_t *ops = json_array();

	for (size_t i = 0; i < x->n; i++) {
		const char *name = find_flow(x->daemon, &x->events[i]);
		if (name == NULL)
			continue;
		log_info("flow %s removed: %s timeout", name,
		    x->events[i].reason == DP_REMOVED_IDLE ? "idle" : "hard");
		json_array_append_new(ops,
		    json_pack("{s:s, s:s, s:s}", "op", "delete", "table", "flow", "name", name));
	}
	x->n = 0;
	struct txn_spec spec = {.ops.list = ops, .force = true, .wait_applied = true};
	if (json_array_size(ops) > 0)
		txn_submit(x->daemon->txn, NULL, &spec);
	else
		json_decref(ops);
}

/* NULL: gone, or another rule is there by now. */
static const char *find_flow(const struct daemon *d, const struct dp_removed_event *ev)
{
	const struct dp_op *op = model_find(d->model, DP_KIND_RULE, ev->rule);
	if (op == NULL || hash_stable(op, op->size) != ev->digest)
		return NULL;
	const char *name = model_flow_name(d->model, ev->rule);
	return store_find(d->store, API_TABLE_FLOW, name) != NULL ? name : NULL;
}
