/* SPDX-License-Identifier: Apache-2.0 */
#include "control/query/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/mem.h"
#include "datapath/base/json_util.h"

static void replied(int error, const void *body, size_t size, const char *what, void *arg);

void query_start(
    struct rpc_request *req, enum dp_msg_type type, const void *body, size_t size, query_done *done)
{
	struct query *q = mem_alloc(sizeof(*q));
	*q = (struct query){
	    .req = req, .d = rpc_daemon(req), .done = done, .params = rpc_params(req)};
	dp_client_request(q->d->dp, type, body, size, replied, q);
}

static void replied(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct query *q = arg;
	struct err err = {0};
	json_t *result = NULL;

	if (error == -ENOTCONN) {
		err_set(&err, ERR_STATE, "%s", what);
		err_hint(&err, "is it running? sys.health tells when it is connected");
	} else if (error != 0) {
		err_set(&err, ERR_DATAPLANE, "%s", what);
	} else {
		result = q->done(q, body, size, &err);
	}
	if (result != NULL)
		rpc_reply(q->req, result);
	else
		rpc_fail(q->req, &err);
	free(q);
}

int query_string(json_t *params, const char *name, const char **ret, struct err *err)
{
	*ret = NULL;
	int rc = json_get_string(params, name, ret, err);
	return rc == -ENOENT ? 0 : rc;
}

static int required_name(json_t *params, const char *name, const char **ret, struct err *err)
{
	int rc = query_string(params, name, ret, err);
	if (rc == 0 && *ret == NULL) {
		err_path(err, "/%s", name);
		rc = err_set(err, ERR_PARAMS, "%s is missing", name);
	}
	return rc;
}

int query_port(
    struct daemon *d, json_t *params, const char *name, uint32_t *ret_id, struct err *err)
{
	const char *port;
	int rc = required_name(params, name, &port, err);
	if (rc != 0)
		return rc;
	*ret_id = model_port_id(d->model, port);
	if (*ret_id != 0)
		return 0;
	err_path(err, "/%s", name);
	err_set(err, ERR_NOT_FOUND, "there is no port \"%s\" in the switch", port);
	return err_hint(
	    err, "state.list lists the table port; ports of kind remote are on other hosts");
}

int query_bridge(
    struct daemon *d, json_t *params, const char *name, uint32_t *ret_id, struct err *err)
{
	const char *bridge;
	int rc = required_name(params, name, &bridge, err);
	if (rc != 0)
		return rc;
	*ret_id = model_bridge_id(d->model, bridge);
	if (*ret_id != 0)
		return 0;
	err_path(err, "/%s", name);
	return err_set(err, ERR_NOT_FOUND, "there is no bridge \"%s\"", bridge);
}

const char *query_port_name(const struct daemon *d, uint32_t id, char buf[80])
{
	const char *name = model_port_name(d->model, id);
	if (name == NULL)
		snprintf(buf, 80, "#%" PRIu32, id);
	return name != NULL ? name : buf;
}

const char *query_rule_name(const struct daemon *d, uint64_t id, char buf[80])
{
	const char *name = id != 0 ? model_flow_name(d->model, id) : "";
	if (name == NULL)
		snprintf(buf, 80, "#%016" PRIx64, id);
	return name != NULL ? name : buf;
}
