/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/fake_model.h"

#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_switch.h"
#include "control/ovsdb/vswitch.h"

struct model_plan {
	struct buf_writer ops;
	uint32_t n_ops;
};

struct fake fake;
static struct dp_hello_reply hello = {.n_workers = 2};

void fake_reset(void)
{
	fake = (struct fake){.is_connected = true};
}

void fake_answer(void)
{
	const struct dp_txn_reply reply = {.generation = fake.last_generation, .n_workers = 2};
	dp_reply_cb *cb = fake.held_cb;
	fake.held_cb = NULL;
	const struct dp_error refusal = {.errno_value = -fake.switch_error};
	if (fake.switch_error == 0) {
		cb(0, &reply, sizeof(reply), "", fake.held_arg);
		return;
	}
	fake.prepared = 0;
	if (fake.switch_error == -ENOTCONN)
		cb(-ENOTCONN, NULL, 0, "it ended", fake.held_arg);
	else
		cb(fake.switch_error, &refusal, sizeof(refusal), "rule table is full",
		    fake.held_arg);
}

struct err *err_list_add(struct err_list *l, uint32_t op)
{
	static struct err scratch;
	if (l->n_total++ >= ARRAY_SIZE(l->errs))
		return &scratch;
	l->ops[l->n] = op;
	return &l->errs[l->n++];
}

struct model_plan *model_plan(
    struct model *, const struct api_change *changes, size_t n, struct err_list *errs)
{
	for (size_t i = 0; i < n; i++) {
		if (fake.refuse_name == NULL || strcmp(changes[i].name, fake.refuse_name) != 0)
			continue;
		struct err *err = err_list_add(errs, changes[i].op);
		err_path(err, "/vni");
		err_set(err, ERR_CONFLICT, "another network has this VNI");
	}
	if (errs->n_total > 0)
		return NULL;
	struct model_plan *plan = calloc(1, sizeof(*plan));
	buf_writer_init(&plan->ops, 1 << 20);
	plan->n_ops = (uint32_t)n;
	return plan;
}

const struct buf_writer *model_plan_ops(const struct model_plan *plan, uint32_t *ret_n_ops)
{
	*ret_n_ops = plan->n_ops;
	return &plan->ops;
}

void model_commit(struct model *, struct model_plan *plan)
{
	fake.n_commits++;
	buf_writer_fini(&plan->ops);
	free(plan);
}

void model_discard(struct model_plan *plan)
{
	fake.n_discards++;
	buf_writer_fini(&plan->ops);
	free(plan);
}

bool dp_client_is_connected(const struct dp_client *)
{
	return fake.is_connected;
}

const struct dp_hello_reply *dp_client_hello(const struct dp_client *)
{
	return &hello;
}

const char *model_object_name(const struct model *, enum dp_kind, uint64_t)
{
	return "port/vm1";
}

void dp_client_status(const struct dp_client *, struct dp_client_status *ret)
{
	static const struct dp_refusal refusal = {.kind = DP_KIND_PORT, .what = "no such device"};
	*ret = (struct dp_client_status){.is_connected = fake.is_connected,
	    .last_error = fake.is_connected ? "" : "it ended",
	    .refusals = &refusal,
	    .n_refusals = fake.n_refusals,
	    .retry_ms = 500};
}

void dp_client_prepare(struct dp_client *, uint64_t generation, const struct buf_writer *, uint32_t,
    dp_reply_cb *cb, void *arg)
{
	assert(fake.is_connected && fake.prepared == 0);
	fake.prepared = generation;
	fake.held_cb = cb;
	fake.held_arg = arg;
	if (fake.hold != HOLD_PREPARE)
		fake_answer();
}

void dp_client_commit(struct dp_client *, dp_reply_cb *cb, void *arg)
{
	if (fake.prepared == 0) {
		cb(-ENOTCONN, NULL, 0, "the connection to sluice-switch was lost", arg);
		return;
	}
	fake.last_generation = fake.prepared;
	fake.prepared = 0;
	fake.held_cb = cb;
	fake.held_arg = arg;
	if (fake.hold != HOLD_COMMIT)
		fake_answer();
}

void dp_client_abort(struct dp_client *)
{
	fake.prepared = 0;
	fake.n_aborts++;
}

json_t *of_switch_to_json(const struct of_switch *)
{
	return json_null();
}

json_t *vswitch_to_json(const struct vswitch *)
{
	return json_null();
}
