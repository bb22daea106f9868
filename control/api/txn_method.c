/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/api/method.h"
#include "control/api/txn.h"
#include "control/daemon.h"
#include "datapath/base/json_util.h"

static int decode(json_t *params, struct txn_spec *spec, struct err *err);
static int decode_ops(struct rpc_request *req, struct txn_ops *ops, struct err *err);
static int decode_wait(json_t *params, struct txn_spec *spec, struct err *err);

void txn_commit(struct rpc_request *req)
{
	struct txn_spec spec = {0};
	struct err err = {0};
	if (decode(rpc_params(req), &spec, &err) != 0 || decode_ops(req, &spec.ops, &err) != 0) {
		txn_ops_fini(&spec.ops);
		rpc_fail(req, &err);
		return;
	}
	txn_submit(rpc_daemon(req)->txn, req, &spec);
}

int txn_get_name(json_t *params, const char *member, char ret[TXN_ID_SIZE], struct err *err)
{
	const char *s;
	int r = json_get_string(params, member, &s, err);
	if (r == -ENOENT) {
		err_path(err, "/%s", member);
		return err_set(err, ERR_PARAMS, "%s is missing", member);
	}
	if (r != 0)
		return r;
	if (!json_name_is_valid(s)) {
		err_path(err, "/%s", member);
		return err_set(err, ERR_PARAMS, "%s has 1 to 64 of A-Z a-z 0-9 . _ : -", member);
	}
	snprintf(ret, TXN_ID_SIZE, "%s", s);
	return 0;
}

int txn_get_flag(json_t *params, const char *member, bool *ret, struct err *err)
{
	int r = json_get_bool(params, member, ret, err);
	return r == -ENOENT ? 0 : r;
}

static int decode(json_t *params, struct txn_spec *spec, struct err *err)
{
	int r = txn_get_name(params, "txn_id", spec->txn_id, err);
	if (r == 0)
		r = txn_get_name(params, "owner", spec->owner, err);
	if (r == 0)
		r = txn_get_flag(params, "dry_run", &spec->dry_run, err);
	if (r == 0)
		r = txn_get_flag(params, "force", &spec->force, err);
	if (r == 0)
		r = decode_wait(params, spec, err);
	if (r != 0)
		return r;
	r = json_get_u64(params, "if_generation", 0, INT64_MAX, &spec->if_generation, err);
	if (r != 0 && r != -ENOENT)
		return r;
	spec->has_if_generation = r == 0;
	return 0;
}

static int decode_ops(struct rpc_request *req, struct txn_ops *ops, struct err *err)
{
	ops->raw = rpc_take_ops(req);
	if (!ops->raw.is_there) {
		int r = json_get_array(rpc_params(req), "ops", &ops->list, err);
		if (r == -ENOENT) {
			err_path(err, "/ops");
			return err_set(err, ERR_PARAMS, "ops is missing");
		}
		if (r != 0)
			return r;
		json_incref(ops->list);
	}
	if (txn_ops_count(ops) <= TXN_MAX_OPS)
		return 0;
	err_path(err, "/ops");
	return err_set(err, ERR_TOO_LARGE, "a transaction has at most %d ops", TXN_MAX_OPS);
}

static int decode_wait(json_t *params, struct txn_spec *spec, struct err *err)
{
	const char *wait = "applied";
	int r = json_get_string(params, "wait", &wait, err);
	if (r != 0 && r != -ENOENT)
		return r;
	spec->wait_applied = strcmp(wait, "applied") == 0;
	if (spec->wait_applied || strcmp(wait, "durable") == 0)
		return 0;
	err_path(err, "/wait");
	return err_set(err, ERR_PARAMS, "wait is durable or applied");
}
