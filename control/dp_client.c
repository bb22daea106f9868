/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/dp_diff.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/list.h"

#define LOG_MODULE "switch"
#include "datapath/base/log.h"

/*
 * States of the switch (enum state), and what each is for:
 *   AWAY       no connection; dp_link tries again.
 *   GREETING   HELLO is sent. Its answer says what the switch holds: generation, digest, number of objects.
 *   FILLING    the digest differs from the model's: it is repaired.
 *   CONNECTED  current. Transactions go out as they are committed.
 * A commit that happens before CONNECTED is not queued: the model has it, so the repair carries it.
 *
 * A repair, also of a switch that is CONNECTED: it lists {kind, id, digest}, then the rules that timed out (in this order: one
 * that goes in between is seen, and not installed again). The difference is sent as one transaction, whose answer must bear the
 * digest that was foreseen. What it refuses is left out and the rest repaired again, at once.
 * When a reply is late or malformed the connection is dropped: after reconnecting, digests tell what is true.
 */
enum state { AWAY, GREETING, FILLING, CONNECTED };

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 60000 };

/* A prepare that waits for a repair to end: between the two phases nothing else may be sent. */
struct waiting {
	struct buf_writer body;
	dp_reply_cb *cb; // NULL: none
	void *arg;
};

/* A change of the model that was applied: with a message of its own, or by the repair that goes on. */
struct applied {
	struct list node; // in repaired_with
	struct dp_client *client;
	dp_reply_cb *cb; // may be NULL
	void *arg;
};

struct refusals {
	struct dp_refusal list[DP_MAX_REFUSALS];
	size_t n;
};

struct dp_client {
	struct model *model;
	struct dp_client_events events;
	struct dp_link *link;
	struct event *on_retry;
	enum state state;
	struct dp_hello_reply hello;
	uint64_t generation; // last that was sent
	uint64_t prepared;   // generation of what the switch was told to prepare; 0: nothing
	struct waiting waiting;
	struct list repaired_with; // struct applied: answered when the switch is current
	bool is_restored;          // what the switch alone knew is in the model
	bool is_repairing, repair_due;
	uint64_t repair_digest; // of the model when the difference was sent
	struct dp_diff diff;
	struct dp_dump_entry *held; // the last dump
	size_t n_held;
	dp_reply_cb *prepare_cb, *commit_cb; // of the transaction that was told to
	void *prepare_arg, *commit_arg;
	struct refusals refused, offered; // as the last repair ended; as this one goes
	uint64_t n_repairs;
	unsigned int retry_ms;
	uint64_t retry_at_ms;
};

static void on_open(void *arg);
static void on_close(void *arg);
static void on_hello(int error, const void *body, size_t size, const char *what, void *arg);
static void on_read_groups(int error, const void *body, size_t size, const char *what, void *arg);
static void on_read_rules(int error, const void *body, size_t size, const char *what, void *arg);
static void compare(struct dp_client *c);
static void repair_begin(struct dp_client *c);
static void repair_ask(struct dp_client *c);
static void on_dump(int error, const void *body, size_t size, const char *what, void *arg);
static void on_removed_list(int error, const void *body, size_t size, const char *what, void *arg);
static void repair_send(struct dp_client *c, struct dp_removed_event *removed, size_t n_removed);
static void on_repaired(int error, const void *body, size_t size, const char *what, void *arg);
static void leave_out(struct dp_client *c, const struct dp_error *error);
static void repair_end(struct dp_client *c);
static void say_refusals(const struct dp_client *c);
static void schedule_retry(struct dp_client *c);
static void on_retry(evutil_socket_t fd, short what, void *arg);
static void become_connected(struct dp_client *c);
static void send_prepare(struct dp_client *c, struct buf_writer *body, dp_reply_cb *cb, void *arg);
static void on_prepared(int error, const void *body, size_t size, const char *what, void *arg);
static void end_prepared(struct dp_client *c);
static void on_committed(int error, const void *body, size_t size, const char *what, void *arg);
static void on_aborted(int error, const void *body, size_t size, const char *what, void *arg);
static void on_applied(int error, const void *body, size_t size, const char *what, void *arg);
static void answer_applied(struct applied *a, int error, const char *what);
static void answer_repaired(struct dp_client *c, int error, const char *what);
static struct buf_writer make_txn(
    uint64_t generation, const struct buf_writer *ops, uint32_t n_ops);
static int send_txn(struct dp_client *c, enum dp_msg_type type, struct buf_writer *body,
    dp_reply_cb *cb, void *arg);
static void on_event(const struct dp_msg *msg, const uint8_t *body, void *arg);
static void on_removed_event(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body);

struct dp_client *dp_client_create(struct event_base *base, const char *socket_path,
    struct model *model, const struct dp_client_events *events)
{
	struct dp_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	const struct dp_link_events link_events = {on_open, on_close, on_event, c};
	c->model = model;
	list_init(&c->repaired_with);
	c->events = *events;
	c->retry_ms = RETRY_MIN_MS;
	c->on_retry = event_new(base, -1, 0, on_retry, c);
	c->link = dp_link_create(base, socket_path, &link_events);
	if (c->on_retry == NULL || c->link == NULL) {
		dp_client_destroy(c);
		return NULL;
	}
	return c;
}

void dp_client_destroy(struct dp_client *c)
{
	if (c == NULL)
		return;
	c->events = (struct dp_client_events){0};
	dp_link_destroy(c->link);
	if (c->on_retry != NULL)
		event_free(c->on_retry);
	dp_diff_fini(&c->diff);
	free(c->held);
	free(c);
}

bool dp_client_is_connected(const struct dp_client *c)
{
	return c->state == CONNECTED;
}

bool dp_client_is_away(const struct dp_client *c)
{
	return c->state == AWAY;
}

void dp_client_status(const struct dp_client *c, struct dp_client_status *ret)
{
	uint64_t now_ms = clock_ms();

	*ret = (struct dp_client_status){.is_connected = c->state == CONNECTED,
	    .last_error = dp_link_last_error(c->link),
	    .refusals = c->refused.list,
	    .n_refusals = c->refused.n,
	    .n_repairs = c->n_repairs};
	if (c->refused.n > 0)
		ret->retry_ms = (unsigned int)(c->retry_at_ms - MIN_OF(now_ms, c->retry_at_ms));
}

const struct dp_hello_reply *dp_client_hello(const struct dp_client *c)
{
	return &c->hello;
}

void dp_client_prepare(struct dp_client *c, uint64_t generation, const struct buf_writer *ops,
    uint32_t n_ops, dp_reply_cb *cb, void *arg)
{
	assert(c->prepared == 0 && c->waiting.cb == NULL);
	if (c->state != CONNECTED) {
		cb(-ENOTCONN, NULL, 0, "sluice-switch is not connected", arg);
		return;
	}
	struct buf_writer body = make_txn(generation, ops, n_ops);
	if (c->is_repairing) {
		c->waiting = (struct waiting){body, cb, arg};
		return;
	}
	send_prepare(c, &body, cb, arg);
	buf_writer_fini(&body);
}

void dp_client_commit(struct dp_client *c, dp_reply_cb *cb, void *arg)
{
	const struct dp_commit commit = {.generation = c->prepared};
	int rc = c->prepared == 0 ? -ENOTCONN
				  : dp_link_send(c->link, DP_MSG_COMMIT, &commit, sizeof(commit),
					on_committed, c);
	if (rc == 0) {
		c->commit_cb = cb;
		c->commit_arg = arg;
	}
	end_prepared(c);
	if (rc != 0)
		cb(rc, NULL, 0, "the connection to sluice-switch was lost", arg);
}

void dp_client_abort(struct dp_client *c)
{
	if (c->prepared != 0 && dp_link_send(c->link, DP_MSG_ABORT, NULL, 0, on_aborted, c) != 0)
		dp_link_drop(c->link, "it does not take a message");
	end_prepared(c);
}

void dp_client_apply(
    struct dp_client *c, const struct buf_writer *ops, uint32_t n_ops, dp_reply_cb *cb, void *arg)
{
	assert(c->prepared == 0);
	if (c->state == AWAY) {
		if (cb != NULL)
			cb(-ENOTCONN, NULL, 0, "sluice-switch is not connected", arg);
		return;
	}
	struct applied *a = mem_alloc(sizeof(*a));
	*a = (struct applied){.client = c, .cb = cb, .arg = arg};
	if (c->state != CONNECTED || c->is_repairing) { // the repair carries it
		list_add(&c->repaired_with, &a->node);
		return;
	}
	struct buf_writer body = make_txn(0, ops, n_ops);
	int rc = send_txn(c, DP_MSG_TXN, &body, on_applied, a);
	buf_writer_fini(&body);
	if (rc == 0)
		return;
	answer_applied(a, rc, "a change could not be sent to sluice-switch");
	dp_link_drop(c->link, "a change could not be sent");
}

void dp_client_request(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg)
{
	int rc =
	    c->state == CONNECTED ? dp_link_send(c->link, type, body, size, cb, arg) : -ENOTCONN;
	if (rc != 0)
		cb(rc, NULL, 0,
		    rc == -ENOTCONN ? "sluice-switch is not connected"
				    : "sluice-switch does not answer fast enough",
		    arg);
}

static void on_open(void *arg)
{
	struct dp_client *c = arg;
	struct dp_hello hello = {.version = DP_PROTO_VERSION, .client = "sluiced"};

	c->state = GREETING;
	if (dp_link_send(c->link, DP_MSG_HELLO, &hello, sizeof(hello), on_hello, c) != 0)
		dp_link_drop(c->link, "it does not take a message");
}

static void on_close(void *arg)
{
	struct dp_client *c = arg;
	struct waiting waiting = c->waiting;
	bool was_connected = c->state == CONNECTED;

	c->state = AWAY;
	c->prepared = 0;
	c->is_repairing = c->repair_due = false;
	c->waiting = (struct waiting){0};
	event_del(c->on_retry);
	answer_repaired(c, -ENOTCONN, "the connection to sluice-switch was lost");
	if (was_connected && c->events.on_state != NULL)
		c->events.on_state(false, c->events.arg);
	if (waiting.cb == NULL)
		return;
	buf_writer_fini(&waiting.body);
	waiting.cb(-ENOTCONN, NULL, 0, "the connection to sluice-switch was lost", waiting.arg);
}

static void on_hello(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0 || size != sizeof(c->hello)) {
		dp_link_drop(c->link, error != 0 ? what : "it speaks another version");
		return;
	}
	memcpy(&c->hello, body, sizeof(c->hello));
	if (c->hello.version != DP_PROTO_VERSION) {
		dp_link_drop(c->link, "it speaks another version");
		return;
	}
	c->generation = c->hello.generation;
	if (c->is_restored || c->events.on_restore == NULL) {
		compare(c);
		return;
	}
	const struct dp_read_req rules = {
	    .kind = DP_KIND_RULE, .first = OPENFLOW_RULE, .last = UINT64_MAX};
	const struct dp_read_req groups = {.kind = DP_KIND_GROUP, .last = UINT64_MAX};
	if (dp_link_send(c->link, DP_MSG_DUMP, NULL, 0, on_dump, c) != 0 ||
	    dp_link_send(c->link, DP_MSG_READ, &groups, sizeof(groups), on_read_groups, c) != 0 ||
	    dp_link_send(c->link, DP_MSG_READ, &rules, sizeof(rules), on_read_rules, c) != 0)
		dp_link_drop(c->link, "it does not take a message");
}

static void on_read_groups(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0)
		dp_link_drop(c->link, what);
	else
		c->events.on_restore(body, size, c->events.arg);
}

static void on_read_rules(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0) {
		dp_link_drop(c->link, what);
		return;
	}
	c->events.on_restore(body, size, c->events.arg);
	c->is_restored = true;
	c->events.on_restored(c->held, c->n_held, c->events.arg);
	compare(c);
}

static void compare(struct dp_client *c)
{
	if (c->hello.n_removed_lost > 0)
		log_warn(
		    "sluice-switch could not remember %lu rules that timed out: they come back",
		    c->hello.n_removed_lost);
	if (c->hello.digest == model_digest(c->model) &&
	    c->hello.n_objects == model_n_objects(c->model) && c->hello.n_removed == 0) {
		log_info("sluice-switch holds what it should: %lu objects, generation %lu",
		    c->hello.n_objects, c->hello.generation);
		c->refused.n = 0;
		become_connected(c);
		answer_repaired(c, 0, "");
		return;
	}
	c->state = FILLING;
	repair_begin(c);
}

static void repair_begin(struct dp_client *c)
{
	c->repair_due = c->prepared != 0;
	if (c->repair_due || c->is_repairing)
		return;
	c->is_repairing = true;
	c->offered.n = 0;
	repair_ask(c);
}

static void repair_ask(struct dp_client *c)
{
	if (dp_link_send(c->link, DP_MSG_DUMP, NULL, 0, on_dump, c) != 0 ||
	    dp_link_send(c->link, DP_MSG_REMOVED, NULL, 0, on_removed_list, c) != 0)
		dp_link_drop(c->link, "it does not take a message");
}

static void on_dump(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0 || size % sizeof(*c->held) != 0) {
		dp_link_drop(c->link, error != 0 ? what : "its dump is malformed");
		return;
	}
	free(c->held);
	c->held = malloc(size + 1);
	if (c->held == NULL) {
		dp_link_drop(c->link, "out of memory");
		return;
	}
	if (size > 0)
		memcpy(c->held, body, size);
	c->n_held = size / sizeof(*c->held);
}

static void on_removed_list(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;
	struct dp_removed_event *removed;

	if (error != 0 || size % sizeof(*removed) != 0) {
		dp_link_drop(c->link, error != 0 ? what : "its list of removed rules is malformed");
		return;
	}
	removed = malloc(size + 1);
	if (removed == NULL) {
		dp_link_drop(c->link, "out of memory");
		return;
	}
	if (size > 0)
		memcpy(removed, body, size);
	repair_send(c, removed, size / sizeof(*removed));
	free(removed);
}

static void repair_send(struct dp_client *c, struct dp_removed_event *removed, size_t n_removed)
{
	struct dp_diff *d = &c->diff;
	struct dp_diff_input in = {.model = c->model,
	    .held = c->held,
	    .n_held = c->n_held,
	    .refusals = c->offered.list,
	    .n_refusals = c->offered.n,
	    .removed = removed,
	    .n_removed = n_removed,
	    .now_wall_ms = clock_wall_ms()};

	dp_removed_sort(removed, n_removed);
	dp_diff_fini(d);
	dp_diff_make(&in, d);
	log_info("sluice-switch holds %zu objects of %lu: sending %u changes", in.n_held,
	    model_n_objects(c->model), d->n_ops);
	c->repair_digest = model_digest(c->model);
	c->n_repairs++;
	if (send_txn(c, DP_MSG_TXN, &d->txn, on_repaired, c) != 0)
		dp_link_drop(c->link, "the difference could not be sent");
}

static void on_repaired(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;
	struct dp_txn_reply reply;

	if (error != 0 && size == sizeof(struct dp_error)) {
		leave_out(c, body);
		return;
	}
	if (error != 0 || size != sizeof(reply)) {
		dp_link_drop(c->link, error != 0 ? what : "its answer is malformed");
		return;
	}
	memcpy(&reply, body, sizeof(reply));
	c->hello.generation = reply.generation;
	if (reply.digest != c->diff.digest) { // not again at once: that would be a loop
		dp_link_drop(c->link, "its digest is not that of what it was sent");
		return;
	}
	// The model has changed meanwhile, and that was not sent: it is the difference now.
	if (c->repair_digest != model_digest(c->model))
		repair_ask(c);
	else
		repair_end(c);
}

static void leave_out(struct dp_client *c, const struct dp_error *error)
{
	const struct dp_op *op = dp_diff_op(&c->diff, error->op_index);

	if (op == NULL || c->offered.n == DP_MAX_REFUSALS) {
		dp_link_drop(c->link, op == NULL ? error->what : "it refuses too much");
		return;
	}
	struct dp_refusal *r = &c->offered.list[c->offered.n++];
	r->kind = op->kind;
	r->id = op->id;
	snprintf(r->what, sizeof(r->what), "%s", error->what);
	repair_ask(c);
}

static void repair_end(struct dp_client *c)
{
	const struct buf_writer *expired = &c->diff.expired;
	struct waiting waiting = c->waiting;

	say_refusals(c);
	c->refused = c->offered;
	c->is_repairing = false;
	if (c->state != CONNECTED)
		become_connected(c);
	answer_repaired(c, 0, "");
	if (c->refused.n > 0)
		schedule_retry(c);
	else
		c->retry_ms = RETRY_MIN_MS;
	c->waiting = (struct waiting){0};
	if (waiting.cb != NULL) {
		send_prepare(c, &waiting.body, waiting.cb, waiting.arg);
		buf_writer_fini(&waiting.body);
	}
	if (expired->size > 0 && c->events.on_removed != NULL)
		c->events.on_removed((const struct dp_removed_event *)(const void *)expired->data,
		    expired->size / sizeof(struct dp_removed_event), c->events.arg);
}

/* Only what is new: it is offered again for ever. */
static void say_refusals(const struct dp_client *c)
{
	for (size_t i = 0; i < c->offered.n; i++) {
		const struct dp_refusal *r = &c->offered.list[i];
		bool was_said = false;
		for (size_t k = 0; k < c->refused.n; k++)
			was_said |= c->refused.list[k].kind == r->kind &&
				    c->refused.list[k].id == r->id &&
				    strcmp(c->refused.list[k].what, r->what) == 0;
		if (!was_said)
			log_warn("sluice-switch does not take %s: %s",
			    model_object_name(c->model, r->kind, r->id), r->what);
	}
	if (c->offered.n == 0 && c->refused.n > 0)
		log_info("sluice-switch has taken what it refused before");
}

static void schedule_retry(struct dp_client *c)
{
	const struct timeval wait = {
	    .tv_sec = c->retry_ms / 1000, .tv_usec = (c->retry_ms % 1000) * 1000};

	event_add(c->on_retry, &wait);
	c->retry_at_ms = clock_ms() + c->retry_ms;
	c->retry_ms = MIN_OF(c->retry_ms * 2, (unsigned int)RETRY_MAX_MS);
}

static void on_retry(evutil_socket_t, short, void *arg)
{
	struct dp_client *c = arg;

	if (c->state == CONNECTED)
		repair_begin(c);
}

static void become_connected(struct dp_client *c)
{
	c->state = CONNECTED;
	dp_link_settle(c->link);
	if (c->events.on_state != NULL)
		c->events.on_state(true, c->events.arg);
}

static void send_prepare(struct dp_client *c, struct buf_writer *body, dp_reply_cb *cb, void *arg)
{
	int rc = send_txn(c, DP_MSG_PREPARE, body, on_prepared, c);

	if (rc != 0) {
		cb(rc, NULL, 0, "the transaction could not be sent to sluice-switch", arg);
		return;
	}
	c->prepared = c->generation;
	c->prepare_cb = cb;
	c->prepare_arg = arg;
}

/* What was refused is not prepared: nobody will commit or abort it, and the next one may come. */
static void on_prepared(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0)
		end_prepared(c);
	c->prepare_cb(error, body, size, what, c->prepare_arg);
}

static void end_prepared(struct dp_client *c)
{
	c->prepared = 0;
	if (c->repair_due)
		repair_begin(c);
}

/* It cannot be refused, but it can be late: then the switch has dropped it, and gets it as a difference. */
static void on_committed(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0 && c->state == CONNECTED) {
		log_warn("sluice-switch did not keep a transaction: %s", what);
		repair_begin(c);
	}
	c->commit_cb(error, body, size, what, c->commit_arg);
}

static void on_aborted(int error, const void *, size_t, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0)
		dp_link_drop(c->link, what);
}

/* What exactly is refused, and whether it still is, the repair finds out. */
static void on_applied(int error, const void *, size_t, const char *what, void *arg)
{
	struct applied *a = arg;
	struct dp_client *c = a->client;

	answer_applied(a, error, what);
	if (error == 0 || c->state != CONNECTED)
		return;
	log_warn("sluice-switch did not take a change: %s", what);
	repair_begin(c);
}

static void answer_applied(struct applied *a, int error, const char *what)
{
	dp_reply_cb *cb = a->cb;
	void *arg = a->arg;

	free(a);
	if (cb != NULL)
		cb(error, NULL, 0, what, arg);
}

/* What they ask to be applied in turn is for the next time. */
static void answer_repaired(struct dp_client *c, int error, const char *what)
{
	struct list now;

	list_init(&now);
	while (!list_is_empty(&c->repaired_with)) {
		struct list *first = c->repaired_with.next;
		list_del(first);
		list_add(&now, first);
	}
	while (!list_is_empty(&now)) {
		struct applied *a = list_entry(now.next, struct applied, node);
		list_del(&a->node);
		answer_applied(a, error, what);
	}
}

/* bad when it is too large. */
static struct buf_writer make_txn(uint64_t generation, const struct buf_writer *ops, uint32_t n_ops)
{
	struct buf_writer w;
	const struct dp_txn txn = {.generation = generation, .n_ops = n_ops};

	buf_writer_init(&w, DP_BODY_MAX);
	buf_put(&w, &txn, sizeof(txn));
	buf_put(&w, ops->data, ops->size);
	return w;
}

/* Under the next generation, or the one that it asks for when that is later. */
static int send_txn(
    struct dp_client *c, enum dp_msg_type type, struct buf_writer *body, dp_reply_cb *cb, void *arg)
{
	if (body->bad)
		return -E2BIG;
	struct dp_txn *txn = (struct dp_txn *)(void *)body->data;
	txn->generation = c->generation = MAX_OF(c->generation + 1, txn->generation);
	return dp_link_send(c->link, type, body->data, body->size, cb, arg);
}

static void on_event(const struct dp_msg *msg, const uint8_t *body, void *arg)
{
	struct dp_client *c = arg;
	struct dp_port_event port;
	struct dp_punt_event punt;

	switch (msg->type) {
	case DP_MSG_EV_PORT:
		if (msg->size != sizeof(port) || c->events.on_port == NULL)
			return;
		memcpy(&port, body, sizeof(port));
		port.error[sizeof(port.error) - 1] = '\0';
		c->events.on_port(&port, c->events.arg);
		return;
	case DP_MSG_EV_PUNT:
		if (msg->size < sizeof(punt) || c->events.on_punt == NULL)
			return;
		memcpy(&punt, body, sizeof(punt));
		if (punt.snap <= msg->size - sizeof(punt))
			c->events.on_punt(&punt, body + sizeof(punt), c->events.arg);
		return;
	case DP_MSG_EV_REMOVED: on_removed_event(c, msg, body); return;
	default: log_debug("event of unknown type %u", msg->type);
	}
}

static void on_removed_event(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body)
{
	size_t n = msg->size / sizeof(struct dp_removed_event);

	if (msg->size % sizeof(struct dp_removed_event) == 0 && c->events.on_removed != NULL)
		c->events.on_removed(
		    (const struct dp_removed_event *)(const void *)body, n, c->events.arg);
}
