/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/of_switch.h"

#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

#define LOG_MODULE "openflow"
#include "datapath/base/log.h"

enum {
	MAX_REMOVED = 1 << 20,
	RESTORE_TICKS = 5, // seconds that a switch is waited for which may have kept rules
};

static void keep_rules(struct of_switch *s, uint32_t bridge);
static bool restore(struct of_switch *s, const struct dp_op *op);
static void restored(struct of_switch *s);
static bool want_bridge(const struct api_object *o, void *arg);
static struct of_bridge *find_bridge(const struct of_switch *s, const char *name);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_reap(evutil_socket_t fd, short what, void *arg);
static void block(struct of_switch *s, struct of_session *session, enum of_block why);
static void on_applied(int error, const void *body, size_t size, const char *what, void *arg);
static void resume_model(void *arg);
static void resume(struct of_switch *s, enum of_block why);
static void unblock(struct of_session *session);
static void settle(void *arg);
static void remove_flows(void *arg);
static void remove_flow(struct of_switch *s, const struct dp_removed_event *ev);

struct of_switch *of_switch_create(struct daemon *d)
{
	struct of_switch *s = mem_alloc(sizeof(*s));
	const struct timeval second = {.tv_sec = 1};

	*s = (struct of_switch){.d = d};
	list_init(&s->bridges);
	list_init(&s->blocked);
	list_init(&s->removals);
	list_init(&s->notes);
	hash_key_init(&s->secret);
	s->resume = (struct txn_job){.run = resume_model, .arg = s};
	s->settle = (struct txn_job){.run = settle, .arg = s};
	s->remove = (struct txn_job){.run = remove_flows, .arg = s};
	buf_writer_init(&s->ops, DP_BODY_MAX);
	buf_writer_init(&s->scratch, OFP_MAX_ACTIONS_SIZE * 2);
	buf_writer_init(&s->body, DP_BODY_MAX);
	buf_writer_init(&s->group_actions, OF_GROUP_SIZE);
	buf_writer_init(&s->buckets, OF_GROUP_SIZE);
	s->reap = event_new(d->base, -1, 0, on_reap, s);
	s->tick = event_new(d->base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick, &second);
	of_switch_on_commit(s);
	return s;
}

void of_switch_destroy(struct of_switch *s)
{
	if (s == NULL)
		return;
	list_foreach_safe (b, &s->bridges, struct of_bridge, node)
		of_bridge_destroy(b);
	event_free(s->tick);
	event_free(s->reap);
	buf_writer_fini(&s->ops);
	buf_writer_fini(&s->scratch);
	buf_writer_fini(&s->body);
	buf_writer_fini(&s->group_actions);
	buf_writer_fini(&s->buckets);
	of_removed_fini(s);
	free(s->removed);
	free(s);
}

void of_switch_restore(struct of_switch *s, const uint8_t *ops, size_t size)
{
	struct buf b = buf_from(ops, size);
	size_t n = 0;

	while (buf_left(&b) >= sizeof(struct dp_op)) {
		const struct dp_op *op = (const struct dp_op *)(const void *)(b.data + b.pos);
		if (op->size < sizeof(*op) || op->size > buf_left(&b))
			break;
		n += restore(s, op);
		buf_skip(&b, op->size);
	}
	if (n > 0)
		log_info("sluice-switch has kept %zu rules or groups of OpenFlow", n);
}

void of_switch_restored(struct of_switch *s, const struct dp_dump_entry *held, size_t n_held)
{
	for (size_t i = 0; i < n_held; i++)
		if (held[i].kind == DP_KIND_BRIDGE)
			keep_rules(s, (uint32_t)held[i].id);
	restored(s);
}

void of_switch_on_commit(struct of_switch *s)
{
	if (s == NULL)
		return;
	list_foreach (b, &s->bridges, struct of_bridge, node)
		b->is_wanted = false;
	store_foreach(s->d->store, API_TABLE_BRIDGE, want_bridge, s);
	list_foreach_safe (b, &s->bridges, struct of_bridge, node)
		if (!b->is_wanted)
			of_bridge_destroy(b);
}

void of_switch_on_switch(struct of_switch *s, bool is_connected)
{
	if (s != NULL && is_connected)
		resume(s, OF_WAITS_FOR_APPLIED);
}

/* Beyond the limit they are not noted: the switch remembers them, and repeats them when it is connected again. */
void of_switch_on_removed(struct of_switch *s, const struct dp_removed_event *ev, size_t n)
{
	for (size_t i = 0; s != NULL && i < n; i++) {
		if (!(ev[i].rule & OPENFLOW_RULE) || s->n_removed == MAX_REMOVED)
			continue;
		s->removed = mem_grow(s->removed, s->n_removed, &s->removed_capacity, sizeof(*ev));
		s->removed[s->n_removed++] = ev[i];
	}
	if (s != NULL && s->n_removed > 0)
		txn_when_idle(s->d->txn, &s->remove);
}

bool of_switch_controller(
    const struct of_switch *s, const char *target, struct of_controller_status *ret)
{
	if (s == NULL)
		return false;
	list_foreach (b, &s->bridges, struct of_bridge, node)
		list_foreach (c, &b->controllers, struct of_controller, node)
			if (strcmp(of_remote_target(c->remote), target) == 0) {
				of_controller_get_status(c, ret);
				return true;
			}
	return false;
}

json_t *of_switch_to_json(const struct of_switch *s)
{
	json_t *bridges = json_object();

	if (s == NULL)
		return json_pack("{s:o}", "bridges", bridges);
	list_foreach (b, &s->bridges, struct of_bridge, node)
		json_object_set_new(bridges, b->name,
		    json_pack("{s:I, s:I, s:I, s:I}", "sessions", (json_int_t)b->n_sessions,
			"flows", (json_int_t)b->flows.n, "groups", (json_int_t)b->groups.n,
			"unsupported_flows", (json_int_t)of_flows_count_unsupported(b)));
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "bridges", bridges, "refused",
	    (json_int_t)s->n_refused, "packet_ins", (json_int_t)s->n_packet_ins, "packet_ins_lost",
	    (json_int_t)s->n_packet_ins_lost, "packet_outs", (json_int_t)s->n_packet_outs,
	    "packet_outs_lost", (json_int_t)s->n_packet_outs_lost);
}

struct of_bridge *of_switch_bridge(const struct of_switch *s, uint32_t id)
{
	list_foreach (b, &s->bridges, struct of_bridge, node)
		if (b->id == id)
			return b;
	return NULL;
}

bool of_switch_may_change(struct of_switch *s, struct of_session *session)
{
	if (txn_is_idle(s->d->txn) && s->is_restored)
		return true;
	block(s, session, OF_WAITS_FOR_MODEL);
	if (s->is_restored)
		txn_when_idle(s->d->txn, &s->resume);
	return false;
}

bool of_switch_may_ask(struct of_switch *s, struct of_session *session)
{
	if (session->n_queries < OF_MAX_QUERIES)
		return true;
	block(s, session, OF_WAITS_FOR_ANSWERS);
	return false;
}

/* Not for what others send meanwhile: they might never stop. */
bool of_switch_is_applied(struct of_switch *s, struct of_session *session)
{
	of_switch_flush(s);
	if (session->wait_for == 0)
		session->wait_for = s->n_sent;
	if (s->n_done >= session->wait_for && session->n_queries == 0) {
		session->wait_for = 0;
		return true;
	}
	block(s, session, OF_WAITS_FOR_APPLIED);
	return false;
}

void of_switch_answered(struct of_switch *, struct of_session *session)
{
	if (session->block == OF_WAITS_FOR_ANSWERS || session->block == OF_WAITS_FOR_APPLIED)
		unblock(session); // it looks for itself whether that is all
}

struct buf_writer *of_switch_ops(struct of_switch *s)
{
	if (s->ops.size > OF_BATCH_SIZE && !s->is_noting)
		of_switch_flush(s);
	s->n_ops++;
	return &s->ops;
}

void of_switch_flush(struct of_switch *s)
{
	if (s->n_ops == 0)
		return;
	uint32_t n_ops = s->n_ops;
	of_removed_ask(s);
	s->n_ops = 0;
	s->n_sent++;
	dp_client_apply(s->d->dp, &s->ops, n_ops, on_applied, s);
	s->ops.size = 0;
}

/* It is no new bridge: what rules it has, or has not, was somebody's will. */
static void keep_rules(struct of_switch *s, uint32_t bridge)
{
	list_foreach (b, &s->bridges, struct of_bridge, node)
		if (b->id == bridge)
			b->rules_are_due = false;
}

/* What cannot be taken up is not in the model, and the repair deletes it. */
static bool restore(struct of_switch *s, const struct dp_op *op)
{
	// Both bodies begin with the bridge.
	const uint32_t *bridge = (const uint32_t *)(const void *)(op + 1);
	struct of_bridge *b =
	    op->size >= sizeof(*op) + sizeof(*bridge) ? of_switch_bridge(s, *bridge) : NULL;

	if (b == NULL || (op->kind == DP_KIND_RULE && !(op->id & OPENFLOW_RULE)) ||
	    model_find(s->d->model, (enum dp_kind)op->kind, op->id) != NULL)
		return false;
	return (op->kind == DP_KIND_RULE ? of_flow_restore(b, op) : of_group_restore(b, op)) == 0;
}

static void restored(struct of_switch *s)
{
	s->is_restored = true;
	txn_when_idle(s->d->txn, &s->settle);
	txn_when_idle(s->d->txn, &s->resume);
}

static bool want_bridge(const struct api_object *o, void *arg)
{
	struct of_switch *s = arg;
	uint32_t id = model_bridge_id(s->d->model, o->name);
	struct of_bridge *b = find_bridge(s, o->name);

	if (b != NULL && b->id != id) { // another of that name
		of_bridge_destroy(b);
		b = NULL;
	}
	if (b == NULL && id != 0)
		b = of_bridge_create(s, o->name, id);
	if (b == NULL)
		return true;
	b->is_wanted = true;
	b->part = model_part_add(s->d->model, o->name);
	of_bridge_configure(b, o);
	return true;
}

static struct of_bridge *find_bridge(const struct of_switch *s, const char *name)
{
	list_foreach (b, &s->bridges, struct of_bridge, node)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

static void on_tick(evutil_socket_t, short, void *arg)
{
	struct of_switch *s = arg;
	uint64_t now_ms = clock_ms();

	if (!s->is_restored && ++s->n_ticks >= RESTORE_TICKS && dp_client_is_away(s->d->dp)) {
		log_warn("sluice-switch is not there: the rules of OpenFlow begin anew");
		restored(s);
	}
	list_foreach (b, &s->bridges, struct of_bridge, node)
		of_bridge_tick(b, now_ms);
}

/* Not in their own callbacks. */
static void on_reap(evutil_socket_t, short, void *arg)
{
	struct of_switch *s = arg;

	list_foreach (b, &s->bridges, struct of_bridge, node)
		list_foreach_safe (session, &b->sessions, struct of_session, node)
			if (session->is_over)
				of_session_destroy(session);
}

static void block(struct of_switch *s, struct of_session *session, enum of_block why)
{
	session->block = why;
	of_conn_pause(session->conn);
	list_add(&s->blocked, &session->block_node);
}

static void on_applied(int, const void *, size_t, const char *, void *arg)
{
	struct of_switch *s = arg;

	s->n_done++;
	resume(s, OF_WAITS_FOR_APPLIED);
}

/* At once: the next transaction waits already. */
static void resume_model(void *arg)
{
	struct of_switch *s = arg;

	list_foreach_safe (session, &s->blocked, struct of_session, block_node) {
		if (session->block != OF_WAITS_FOR_MODEL)
			continue;
		unblock(session);
		of_conn_run(session->conn);
	}
}

/* They look for themselves whether it is so, when their turn comes. */
static void resume(struct of_switch *s, enum of_block why)
{
	list_foreach_safe (session, &s->blocked, struct of_session, block_node) {
		if (session->block == why)
			unblock(session);
	}
}

static void unblock(struct of_session *session)
{
	session->block = OF_FREE;
	list_del(&session->block_node);
	of_conn_resume(session->conn);
}

static void settle(void *arg)
{
	struct of_switch *s = arg;

	if (!s->is_restored)
		return; // then
	list_foreach (b, &s->bridges, struct of_bridge, node)
		of_bridge_settle(b);
	of_switch_flush(s);
}

static void remove_flows(void *arg)
{
	struct of_switch *s = arg;

	for (size_t i = 0; i < s->n_removed; i++)
		remove_flow(s, &s->removed[i]);
	s->n_removed = 0;
	of_switch_flush(s);
}

/* The switch has let go of it already; that its id is named tells the switch that this is known. */
static void remove_flow(struct of_switch *s, const struct dp_removed_event *ev)
{
	list_foreach (b, &s->bridges, struct of_bridge, node) {
		struct of_flow *f = of_flow_by_id(b, ev->rule);
		if (f == NULL)
			continue;
		if (hash_stable(f->op, f->op->size) != ev->digest)
			return; // it was changed since
		of_removed_timed(b, f, ev);
		of_flow_del(b, f);
		return;
	}
}
