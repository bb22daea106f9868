/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp_state.h"
#include "datapath/dp_validate.h"
#include "datapath/packet_out.h"
#include "datapath/removed_rules.h"
#include "datapath/trace.h"

#define LOG_MODULE "dp"
#include "datapath/base/log.h"

struct request {
	struct dp *dp;
	struct tracer *tracer;
	const void *body;
	size_t size;
	struct buf_writer *ret;
	struct dp_error *error;
};

/* min_size of the body; max_size is the same unless more may follow. */
struct request_def {
	size_t min_size;
	bool more;
	int (*run)(const struct request *r);
};

static int refuse(const struct request *r, int errno_value, const char *what);
static int run_hello(const struct request *r);
static void log_client(const struct dp_hello *hello);
static int run_txn(const struct request *r);
static int run_prepare(const struct request *r);
static int run_commit(const struct request *r);
static int run_abort(const struct request *r);
static int run_removed(const struct request *r);
static int run_read(const struct request *r);
static void read_rule(const struct rule *rule, void *arg);
static void read_group(const struct group *g, void *arg);
static size_t begin_op(struct buf_writer *w, enum dp_kind kind, uint64_t id);
static void end_op(struct buf_writer *w, size_t start);
static int run_dump(const struct request *r);
static void dump_entry(const struct dp_dump_entry *e, void *arg);
static int run_stats(const struct request *r);
static int run_samples(const struct request *r);
static int run_trace(const struct request *r);
static int run_packet_out(const struct request *r);
static int run_fdb(const struct request *r);
static int run_log(const struct request *r);

static const struct request_def requests[] = {
    [DP_MSG_HELLO] = {sizeof(struct dp_hello), false, run_hello},
    [DP_MSG_TXN] = {sizeof(struct dp_txn), true, run_txn},
    [DP_MSG_PREPARE] = {sizeof(struct dp_txn), true, run_prepare},
    [DP_MSG_COMMIT] = {sizeof(struct dp_commit), false, run_commit},
    [DP_MSG_ABORT] = {0, false, run_abort},
    [DP_MSG_REMOVED] = {0, false, run_removed},
    [DP_MSG_READ] = {sizeof(struct dp_read_req), false, run_read},
    [DP_MSG_DUMP] = {0, false, run_dump},
    [DP_MSG_STATS] = {sizeof(struct dp_stats_req), false, run_stats},
    [DP_MSG_SAMPLES] = {0, false, run_samples},
    [DP_MSG_TRACE] = {sizeof(struct dp_trace_req), true, run_trace},
    [DP_MSG_PACKET_OUT] = {sizeof(struct dp_packet_out), true, run_packet_out},
    [DP_MSG_FDB] = {sizeof(struct dp_fdb_req), false, run_fdb},
    [DP_MSG_LOG] = {sizeof(struct dp_log_req), false, run_log},
};

int dp_request_run(struct dp *dp, struct tracer *tracer, uint32_t type, const void *body,
    size_t size, struct buf_writer *ret, struct dp_error *error)
{
	struct request r = {dp, tracer, body, size, ret, error};

	*error = (struct dp_error){.op_index = DP_OP_NONE};
	if (type >= ARRAY_SIZE(requests) || requests[type].run == NULL)
		return refuse(&r, ENOSYS, "unknown request");
	const struct request_def *def = &requests[type];
	if (size < def->min_size || (size > def->min_size && !def->more))
		return refuse(&r, EINVAL, "the request's body has the wrong size");
	int rc = def->run(&r);
	if (rc == 0 && ret->bad)
		return refuse(&r, EMSGSIZE, "the reply is too large");
	return rc;
}

static int refuse(const struct request *r, int errno_value, const char *what)
{
	*r->error = (struct dp_error){.errno_value = errno_value, .op_index = DP_OP_NONE};
	snprintf(r->error->what, sizeof(r->error->what), "%s", what);
	return -errno_value;
}

static int run_hello(const struct request *r)
{
	const struct dp_hello *hello = r->body;
	const struct dp_state *st = r->dp->state;

	if (hello->version != DP_PROTO_VERSION)
		return refuse(r, EPROTONOSUPPORT, "protocol version is not served");
	struct dp_hello_reply reply = {.version = DP_PROTO_VERSION,
	    .n_workers = r->dp->n_workers,
	    .boot_id = r->dp->boot_id,
	    .generation = dp_state_generation(st),
	    .digest = dp_state_digest(st),
	    .n_objects = dp_state_n_objects(st),
	    .n_removed = removed_rules_count(dp_state_removed(st)),
	    .n_removed_lost = removed_rules_n_lost(dp_state_removed(st))};
	snprintf(reply.build, sizeof(reply.build), "%s", SLUICE_VERSION);
	log_client(hello);
	buf_put(r->ret, &reply, sizeof(reply));
	return 0;
}

/* It names itself: nothing that could end the log's line, or paint the terminal. */
static void log_client(const struct dp_hello *hello)
{
	char name[sizeof(hello->client) + 1] = "";

	for (size_t i = 0; i < sizeof(hello->client) && hello->client[i] != '\0'; i++)
		name[i] =
		    hello->client[i] > ' ' && hello->client[i] < 0x7f ? hello->client[i] : '?';
	log_info("client %s", name);
}

static int run_txn(const struct request *r)
{
	const struct dp_txn *txn = r->body;
	struct dp_txn_reply reply;

	int rc = dp_state_commit(r->dp->state, txn, (const uint8_t *)(txn + 1),
	    r->size - sizeof(*txn), &reply, r->error);
	if (rc < 0)
		return rc;
	buf_put(r->ret, &reply, sizeof(reply));
	return 0;
}

static int run_prepare(const struct request *r)
{
	const struct dp_txn *txn = r->body;

	return dp_state_prepare(
	    r->dp->state, txn, (const uint8_t *)(txn + 1), r->size - sizeof(*txn), r->error);
}

static int run_commit(const struct request *r)
{
	const struct dp_commit *commit = r->body;
	struct dp_txn_reply reply;

	int rc = dp_state_commit_prepared(r->dp->state, commit->generation, &reply, r->error);
	if (rc < 0)
		return rc;
	buf_put(r->ret, &reply, sizeof(reply));
	return 0;
}

static int run_abort(const struct request *r)
{
	dp_state_abort(r->dp->state);
	return 0;
}

static int run_removed(const struct request *r)
{
	removed_rules_encode(dp_state_removed(r->dp->state), r->ret);
	return 0;
}

/* Of a request for rules, while they are visited. */
struct reading {
	const struct dp_read_req *req;
	struct buf_writer *ret;
	uint64_t now_ms, now_wall_ms;
};

static int run_read(const struct request *r)
{
	struct reading reading = {r->body, r->ret, clock_ms(), clock_wall_ms()};

	if (reading.req->kind == DP_KIND_RULE)
		dp_state_foreach_rule(r->dp->state, 0, read_rule, &reading);
	else if (reading.req->kind == DP_KIND_GROUP)
		dp_state_foreach_group(r->dp->state, read_group, &reading);
	else
		return refuse(r, EINVAL, "read: only rules and groups are read");
	return 0;
}

static void read_rule(const struct rule *rule, void *arg)
{
	struct reading *reading = arg;

	if (rule->id < reading->req->first || rule->id > reading->req->last)
		return;
	size_t start = begin_op(reading->ret, DP_KIND_RULE, rule->id);
	rule_encode(rule, reading->now_ms, reading->now_wall_ms, reading->ret);
	end_op(reading->ret, start);
}

static void read_group(const struct group *g, void *arg)
{
	struct reading *reading = arg;
	const struct dp_group_conf conf = {.bridge = (uint32_t)(g->id >> 32),
	    .group_id = g->group_id,
	    .type = g->type,
	    .n_buckets = g->n_buckets,
	    .opaque = g->opaque};

	if (g->id < reading->req->first || g->id > reading->req->last)
		return;
	size_t start = begin_op(reading->ret, DP_KIND_GROUP, g->id);
	buf_put(reading->ret, &conf, sizeof(conf));
	buf_put(reading->ret, g->wire, g->wire_size);
	end_op(reading->ret, start);
}

static size_t begin_op(struct buf_writer *w, enum dp_kind kind, uint64_t id)
{
	const struct dp_op op = {.verb = DP_PUT, .kind = (uint16_t)kind, .id = id};
	size_t start = w->size;

	buf_put(w, &op, sizeof(op));
	return start;
}

static void end_op(struct buf_writer *w, size_t start)
{
	if (!w->bad)
		((struct dp_op *)(void *)(w->data + start))->size = (uint32_t)(w->size - start);
}

static int run_dump(const struct request *r)
{
	dp_state_foreach(r->dp->state, dump_entry, r->ret);
	return 0;
}

static void dump_entry(const struct dp_dump_entry *e, void *arg)
{
	buf_put(arg, e, sizeof(*e));
}

static int run_stats(const struct request *r)
{
	const struct dp_stats_req *req = r->body;

	if (req->kind > DP_STATS_TABLES)
		return refuse(r, EINVAL, "unknown kind of statistics");
	if (req->bridge > DP_MAX_BRIDGES)
		return refuse(r, EINVAL, "bridge is not in 0..255");
	dp_stats_write(r->dp, req, r->ret);
	return 0;
}

static int run_samples(const struct request *r)
{
	dp_samples_write(r->dp, r->ret);
	return 0;
}

static int run_trace(const struct request *r)
{
	const struct dp_trace_req *req = r->body;

	size_t left = r->size - sizeof(*req);
	if (left != req->len && left != ROUND_UP((size_t)req->len, 8))
		return refuse(r, EINVAL, "trace: the packet is not len bytes, padded to 8 or not");
	if (r->tracer == NULL)
		return refuse(r, ENOMEM, "trace: no memory");
	int rc = trace_packet(r->tracer, req, req + 1, r->ret);
	if (rc == -ENOENT)
		return refuse(r, ENOENT, "trace: no such port, or it is on no bridge");
	return rc < 0 ? refuse(r, -rc, "trace: the packet or the answer is too long") : 0;
}

static int run_packet_out(const struct request *r)
{
	const struct dp_packet_out *req = r->body;
	const uint8_t *actions = (const uint8_t *)(req + 1);
	size_t left = r->size - sizeof(*req);

	if (req->bridge == 0 || req->bridge > DP_MAX_BRIDGES || req->pad != 0)
		return refuse(
		    r, EINVAL, "packet-out: bridge is not in 1..255, or padding is not zero");
	if (req->actions_size > left || left - req->actions_size != req->packet_size)
		return refuse(
		    r, EINVAL, "packet-out: actions and packet are not what its sizes say");
	if (dp_actions_validate(actions, req->actions_size, r->error->what) < 0) {
		r->error->errno_value = EINVAL;
		return -EINVAL;
	}
	int rc = packet_out_submit(r->dp, req, actions, actions + req->actions_size);
	if (rc == -ENOENT)
		return refuse(r, ENOENT, "packet-out: no such bridge");
	return rc < 0 ? refuse(r, -rc, "packet-out: the packet is too long, or too many wait") : 0;
}

static int run_fdb(const struct request *r)
{
	const struct dp_fdb_req *req = r->body;

	if (req->bridge == 0 || req->bridge > DP_MAX_BRIDGES || req->flush > 1)
		return refuse(r, EINVAL, "fdb: bridge is not in 1..255, or flush not 0 or 1");
	const struct bridge *br = r->dp->bridges[req->bridge];
	if (br == NULL)
		return refuse(r, ENOENT, "fdb: no such bridge");
	if (req->flush == 1) {
		fdb_flush(br->fdb);
		return 0;
	}
	uint64_t now_ms = clock_ms();
	size_t n = fdb_dump(br->fdb, now_ms, NULL, 0);
	if (n == 0)
		return 0;
	struct dp_fdb_entry *entries = calloc(n, sizeof(*entries));
	if (entries == NULL)
		return refuse(r, ENOMEM, "fdb: out of memory");
	// Workers learn meanwhile: what came after the count is left out.
	size_t n_now = fdb_dump(br->fdb, now_ms, entries, n);
	buf_put(r->ret, entries, MIN_OF(n, n_now) * sizeof(*entries));
	free(entries);
	return 0;
}

static int run_log(const struct request *r)
{
	const struct dp_log_req *req = r->body;

	if (req->level > LOG_LVL_DEBUG)
		return refuse(r, EINVAL, "log: unknown level");
	log_set_level(req->level);
	return 0;
}
