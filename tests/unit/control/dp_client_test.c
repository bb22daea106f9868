/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dp client against a fake switch in the same event loop: a socket and a list of objects that answers as told, also wrongly.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/dp_body.h"
#include "control/dp_client.h"
#include "datapath/base/clock.h"
#include "datapath/base/hash.h"
#include "tests/unit/control/model_fixture.h"

enum lie {
	HONEST,
	SHORT_HEADER,
	WRONG_SEQ,
	WRONG_SIZE,    // inline body shorter than the header says
	ODD_SIZE,      // well-framed body of a size that is no structure
	OPEN_MEMFD,    // not sealed
	SHORT_MEMFD,   // smaller than the header says
	MISSING_MEMFD, // announced, not there
	WRONG_VERSION,
	WRONG_DIGEST,
	REFUSE, // DP_MSG_ERROR
	SILENT,
};

struct fake {
	struct event_base *base;
	char dir[32], path[64];
	int listener, fd;
	struct event *on_accept, *on_read;
	/* What it holds. */
	struct dp_dump_entry *objs;
	size_t n_objs;
	uint64_t generation, digest;
	enum lie lie;
	enum dp_msg_type lie_about; // 0: every message
	unsigned int n_connections, n_msgs[32];
	uint32_t n_ops;  // of the last transaction
	bool last_memfd; // it came in one
	/* Puts of this object are refused, with its number in the transaction; 0: none. */
	enum dp_kind refuse_kind;
	uint64_t refuse_id;
	bool refuse_all_rules;
	uint8_t *prepared; // the body, or NULL
	size_t prepared_size;
	bool forgets; // what it has prepared
	struct dp_removed_event removed[4];
	size_t n_removed;
	/* The client and what it said. */
	struct fixture fx;
	struct dp_client *client;
	unsigned int n_up, n_down, n_ports, n_expired;
	uint64_t expired; // last rule that on_removed named
	int reply_error;
	unsigned int n_replies;
	char reply_what[256];
};

static void send_packet(struct fake *f, const struct dp_msg *msg, size_t msg_size, const void *body,
    size_t size, int memfd)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)msg, msg_size}, {(void *)(uintptr_t)body, size}};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};

	if (memfd >= 0) {
		mh.msg_control = control.space;
		mh.msg_controllen = sizeof(control.space);
		struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
		*cm = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cm), &memfd, sizeof(int));
	}
	sendmsg(f->fd, &mh, MSG_NOSIGNAL);
}

static void answer(struct fake *f, const struct dp_msg *req, const void *body, size_t size)
{
	struct dp_msg msg = {.type = req->type, .seq = req->seq, .size = (uint32_t)size};
	struct dp_error error = {
	    .errno_value = ENOSPC, .op_index = DP_OP_NONE, .what = "too many of them"};
	enum lie lie = f->lie_about == 0 || f->lie_about == req->type ? f->lie : HONEST;
	int memfd = -1;

	switch (lie) {
	case SHORT_HEADER: send_packet(f, &msg, 7, NULL, 0, -1); return;
	case WRONG_SEQ: msg.seq += 7; break;
	case WRONG_SIZE: msg.size += 8; break;
	case ODD_SIZE:
		msg.size = 3;
		size = 3;
		break;
	case MISSING_MEMFD:
		msg.flags = DP_MSG_F_MEMFD;
		size = 0;
		break;
	case OPEN_MEMFD:
	case SHORT_MEMFD:
		memfd = memfd_create("fake", MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(memfd, 64), 0);
		if (lie == SHORT_MEMFD)
			assert_int_equal(
			    fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW),
			    0);
		msg.flags = DP_MSG_F_MEMFD;
		msg.size = lie == OPEN_MEMFD ? 64 : 1 << 20;
		size = 0;
		break;
	case REFUSE:
		msg.type = DP_MSG_ERROR;
		msg.size = sizeof(error);
		send_packet(f, &msg, sizeof(msg), &error, sizeof(error), -1);
		return;
	case SILENT: return;
	default: break;
	}
	struct dp_body b;
	assert_int_equal(dp_body_init(&b, body, size), 0);
	if (b.memfd >= 0) {
		msg.flags = DP_MSG_F_MEMFD;
		send_packet(f, &msg, sizeof(msg), NULL, 0, b.memfd);
	} else {
		send_packet(f, &msg, sizeof(msg), body, size, memfd);
	}
	dp_body_fini(&b);
	if (memfd >= 0)
		close(memfd);
}

static void apply(struct fake *f, const struct dp_op *op)
{
	size_t i = 0;

	while (i < f->n_objs && (f->objs[i].kind != op->kind || f->objs[i].id != op->id))
		i++;
	if (i < f->n_objs)
		f->digest ^= f->objs[i].digest;
	for (size_t k = 0; k < f->n_removed && op->kind == DP_KIND_RULE; k++) {
		if (f->removed[k].rule == op->id)
			f->removed[k] = f->removed[--f->n_removed];
	}
	if (op->verb == DP_DEL) {
		if (i < f->n_objs)
			f->objs[i] = f->objs[--f->n_objs];
		return;
	}
	f->objs[i] = (struct dp_dump_entry){
	    .kind = op->kind, .id = op->id, .digest = hash_stable(op, op->size)};
	f->digest ^= f->objs[i].digest;
	f->n_objs += i == f->n_objs;
}

static void refuse(struct fake *f, const struct dp_msg *req, int errno_value, uint32_t op_index)
{
	struct dp_error error = {
	    .errno_value = errno_value, .op_index = op_index, .what = "not this one"};
	struct dp_msg msg = {.type = DP_MSG_ERROR, .seq = req->seq, .size = sizeof(error)};

	send_packet(f, &msg, sizeof(msg), &error, sizeof(error), -1);
}

/* Whether it was refused. */
static bool refuses(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	uint32_t i = 0;

	for (size_t pos = sizeof(struct dp_txn); pos < msg->size; i++) {
		const struct dp_op *op = (const struct dp_op *)(const void *)(body + pos);
		if ((op->verb == DP_PUT && op->kind == f->refuse_kind && op->id == f->refuse_id) ||
		    (op->kind == DP_KIND_RULE && f->refuse_all_rules)) {
			refuse(f, msg, EINVAL, i);
			return true;
		}
		pos += op->size;
	}
	return false;
}

static void on_txn(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	const struct dp_txn *txn = (const struct dp_txn *)(const void *)body;

	assert_true(msg->size >= sizeof(*txn));
	assert_null(f->prepared);
	if (refuses(f, msg, body))
		return;
	assert_true(txn->generation > f->generation);
	f->generation = txn->generation;
	f->n_ops = 0;
	for (size_t pos = sizeof(*txn); pos < msg->size;) {
		const struct dp_op *op = (const struct dp_op *)(const void *)(body + pos);
		apply(f, op);
		pos += op->size;
		f->n_ops++;
	}
	assert_int_equal(f->n_ops, txn->n_ops);
	struct dp_txn_reply reply = {
	    .generation = f->generation, .digest = f->digest, .n_workers = 1};
	if (f->lie == WRONG_DIGEST)
		reply.digest ^= 1;
	answer(f, msg, &reply, sizeof(reply));
}

static void on_prepare(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	assert_null(f->prepared);
	if (refuses(f, msg, body))
		return;
	f->prepared = malloc(msg->size);
	memcpy(f->prepared, body, msg->size);
	f->prepared_size = msg->size;
	answer(f, msg, NULL, 0);
}

static void on_commit(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	const struct dp_commit *commit = (const struct dp_commit *)(const void *)body;
	struct dp_msg txn = {
	    .type = msg->type, .seq = msg->seq, .size = (uint32_t)f->prepared_size};
	uint8_t *prepared = f->prepared;

	assert_non_null(prepared);
	f->prepared = NULL;
	assert_int_equal(((struct dp_txn *)(void *)prepared)->generation, commit->generation);
	if (f->forgets)
		refuse(f, msg, ESTALE, DP_OP_NONE);
	else
		on_txn(f, &txn, prepared);
	free(prepared);
}

static void forget_prepared(struct fake *f)
{
	free(f->prepared);
	f->prepared = NULL;
}

static void on_message(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	struct dp_hello_reply hello = {.version = DP_PROTO_VERSION,
	    .n_workers = 1,
	    .boot_id = 7,
	    .generation = f->generation,
	    .digest = f->digest,
	    .n_objects = f->n_objs,
	    .n_removed = f->n_removed};

	assert_true(msg->type < 32);
	f->n_msgs[msg->type]++;
	switch (msg->type) {
	case DP_MSG_HELLO:
		hello.version += f->lie == WRONG_VERSION;
		hello.digest ^= f->lie == WRONG_DIGEST;
		answer(f, msg, &hello, sizeof(hello));
		break;
	case DP_MSG_DUMP: answer(f, msg, f->objs, f->n_objs * sizeof(*f->objs)); break;
	case DP_MSG_TXN: on_txn(f, msg, body); break;
	case DP_MSG_PREPARE: on_prepare(f, msg, body); break;
	case DP_MSG_COMMIT: on_commit(f, msg, body); break;
	case DP_MSG_ABORT:
		forget_prepared(f);
		answer(f, msg, NULL, 0);
		break;
	case DP_MSG_REMOVED:
		answer(f, msg, f->removed, f->n_removed * sizeof(f->removed[0]));
		break;
	default: answer(f, msg, body, msg->size);
	}
}

static void fake_hang_up(struct fake *f)
{
	if (f->fd < 0)
		return;
	event_free(f->on_read);
	close(f->fd);
	f->fd = -1;
	forget_prepared(f);
}

static void on_read(evutil_socket_t, short, void *arg)
{
	struct fake *f = arg;
	static uint8_t in[sizeof(struct dp_msg) + DP_INLINE_MAX];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {in, sizeof(in)};
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = sizeof(control)};
	int memfd = -1;
	ssize_t n = recvmsg(f->fd, &mh, 0);

	if (n <= 0) {
		fake_hang_up(f);
		return;
	}
	if (CMSG_FIRSTHDR(&mh) != NULL)
		memcpy(&memfd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(int));
	struct dp_msg msg;
	struct dp_body body;
	memcpy(&msg, in, sizeof(msg));
	f->last_memfd = memfd >= 0;
	assert_int_equal(
	    dp_body_receive(&body, &msg, in + sizeof(msg), (size_t)n - sizeof(msg), memfd), 0);
	on_message(f, &msg, body.data);
	dp_body_fini(&body);
}

static void on_accept(evutil_socket_t fd, short, void *arg)
{
	struct fake *f = arg;

	fake_hang_up(f);
	f->fd = accept(fd, NULL, NULL);
	assert_true(f->fd >= 0);
	f->n_connections++;
	f->on_read = event_new(f->base, f->fd, EV_READ | EV_PERSIST, on_read, f);
	event_add(f->on_read, NULL);
}

static void fake_listen(struct fake *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->path);
	unlink(f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	f->on_accept = event_new(f->base, f->listener, EV_READ | EV_PERSIST, on_accept, f);
	event_add(f->on_accept, NULL);
}

/* As if killed: everything is gone, what it held too. */
static void fake_kill(struct fake *f)
{
	fake_hang_up(f);
	event_free(f->on_accept);
	close(f->listener);
	unlink(f->path);
	f->listener = -1;
	f->n_objs = 0;
	f->digest = f->generation = 0;
}

static void on_state(bool connected, void *arg)
{
	struct fake *f = arg;

	f->n_up += connected;
	f->n_down += !connected;
}

static void on_removed(const struct dp_removed_event *ev, size_t n, void *arg)
{
	struct fake *f = arg;

	f->n_expired += (unsigned int)n;
	f->expired = ev[n - 1].rule;
}

static void on_port(const struct dp_port_event *, void *arg)
{
	((struct fake *)arg)->n_ports++;
}

static void on_reply(int error, const void *, size_t, const char *what, void *arg)
{
	struct fake *f = arg;

	f->reply_error = error;
	f->n_replies++;
	snprintf(f->reply_what, sizeof(f->reply_what), "%s", what);
}

/* Runs the loop until *counter reaches n, two seconds at most. */
static void until(struct fake *f, const unsigned int *counter, unsigned int n)
{
	uint64_t end_ms = clock_ms() + 2000;

	while (*counter < n && clock_ms() < end_ms) {
		struct timeval slice = {.tv_usec = 1000};
		event_base_loopexit(f->base, &slice);
		event_base_dispatch(f->base);
	}
	assert_true(*counter >= n);
}

static void run_ms(struct fake *f, unsigned int ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(f->base, &t);
	event_base_dispatch(f->base);
}

static void client_start(struct fake *f)
{
	struct dp_client_events events = {
	    .on_state = on_state, .on_port = on_port, .on_removed = on_removed, .arg = f};

	f->client = dp_client_create(f->base, f->path, f->fx.model, &events);
	assert_non_null(f->client);
}

static int setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));

	*state = f;
	f->base = event_base_new();
	f->fd = f->listener = -1;
	f->objs = calloc(20000, sizeof(*f->objs));
	snprintf(f->dir, sizeof(f->dir), "/tmp/dp_client_XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/switch.sock", f->dir);
	fx_init(&f->fx);
	fx_must(&f->fx, API_TABLE_NETWORK, "blue", "{'vni':10}");
	fx_must(&f->fx, API_TABLE_PORT, "vm1",
	    "{'network':'blue','mac':'02:00:00:00:00:01','addresses':['10.0.0.1']}");
	return 0;
}

static int teardown(void **state)
{
	struct fake *f = *state;

	dp_client_destroy(f->client);
	if (f->listener >= 0)
		fake_kill(f);
	rmdir(f->dir);
	event_base_free(f->base);
	fx_fini(&f->fx);
	free(f->objs);
	free(f);
	return 0;
}

static void keep(const struct dp_op *op, uint64_t, void *arg)
{
	apply(arg, op);
}

static void an_equal_switch_is_sent_nothing(void **state)
{
	struct fake *f = *state;

	model_foreach(f->fx.model, keep, f);
	f->generation = 41;
	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	run_ms(f, 30);
	assert_int_equal(f->n_msgs[DP_MSG_HELLO], 1);
	assert_int_equal(f->n_msgs[DP_MSG_DUMP] + f->n_msgs[DP_MSG_TXN], 0);
	assert_int_equal(dp_client_hello(f->client)->generation, 41);
}

static void an_empty_switch_is_sent_everything(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	assert_int_equal(f->n_ops, model_n_objects(f->fx.model));
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void only_the_difference_is_sent(void **state)
{
	struct fake *f = *state;
	struct dp_op stray = {
	    .verb = DP_PUT, .kind = DP_KIND_RULE, .size = sizeof(stray), .id = 99};

	model_foreach(f->fx.model, keep, f);
	f->digest ^= f->objs[3].digest; // one is missing
	f->objs[3] = f->objs[--f->n_objs];
	apply(f, &stray);
	f->digest ^= f->objs[0].digest ^ 5; // one differs
	f->objs[0].digest = 5;
	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	assert_int_equal(f->n_ops, 3);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void large_bodies_travel_in_a_sealed_memfd(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (int i = 0; i < 1500; i++) {
		char name[16], json[128];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(json, sizeof(json),
		    "{'bridge':'br1','match':{'reg0':%d},'actions':['drop']}", i);
		fx_put(&f->fx, API_TABLE_FLOW, name, json);
	}
	assert_true(fx_commit(&f->fx));
	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	assert_true(f->last_memfd);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	// And back: the dump of as many objects is over the inline limit when two differ.
	fake_hang_up(f);
	f->objs[0].digest ^= 1;
	f->digest ^= 1;
	until(f, &f->n_up, 2);
	assert_int_equal(f->n_ops, 1);
}

static void a_switch_that_starts_later_is_found(void **state)
{
	struct fake *f = *state;

	client_start(f);
	run_ms(f, 60);
	assert_false(dp_client_is_connected(f->client));
	fake_listen(f);
	until(f, &f->n_up, 1);
}

static void a_killed_switch_is_filled_again(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	fake_kill(f);
	until(f, &f->n_down, 1);
	assert_false(dp_client_is_connected(f->client));
	fake_listen(f);
	uint64_t start_ms = clock_ms();
	until(f, &f->n_up, 2);
	assert_true(clock_ms() - start_ms < 500);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void requests_without_a_connection_fail_at_once(void **state)
{
	struct fake *f = *state;
	struct buf_writer none;

	buf_writer_init(&none, 16);
	client_start(f);
	dp_client_prepare(f->client, 1, &none, 0, on_reply, f);
	assert_int_equal(f->n_replies, 1);
	assert_int_equal(f->reply_error, -ENOTCONN);
	dp_client_request(f->client, DP_MSG_STATS, NULL, 0, on_reply, f);
	assert_int_equal(f->n_replies, 2);
	buf_writer_fini(&none);
}

static void waiting_requests_are_told_that_the_connection_was_lost(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	f->lie = SILENT;
	for (int i = 0; i < 5; i++)
		dp_client_request(f->client, DP_MSG_STATS, "12345678", 8, on_reply, f);
	until(f, &f->n_msgs[DP_MSG_STATS], 5);
	fake_hang_up(f);
	until(f, &f->n_replies, 5);
	assert_int_equal(f->reply_error, -ENOTCONN);
	f->lie = HONEST;
	until(f, &f->n_up, 2);
}

/* What no queue has room for is refused at once, and what was taken is answered, in order, on the same connection. */
static void more_requests_than_the_switch_takes_are_refused(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	for (int i = 0; i < 3000; i++)
		dp_client_request(f->client, DP_MSG_STATS, "12345678", 8, on_reply, f);
	assert_in_range(f->n_replies, 1, 2999);
	assert_int_equal(f->reply_error, -EAGAIN);
	until(f, &f->n_replies, 3000);
	assert_int_equal(f->n_connections, 1);
	assert_int_equal(f->n_down, 0);
}

static void a_refusal_is_passed_on_in_words(void **state)
{
	struct fake *f = *state;
	struct buf_writer none;

	buf_writer_init(&none, 16);
	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	f->lie = REFUSE;
	dp_client_prepare(f->client, f->generation + 1, &none, 0, on_reply, f);
	until(f, &f->n_replies, 1);
	assert_int_equal(f->reply_error, -ENOSPC);
	assert_string_equal(f->reply_what, "too many of them");
	assert_true(dp_client_is_connected(f->client));
	buf_writer_fini(&none);
}

/* Whatever is wrong, to whichever message: the connection is dropped, nothing worse, and the next honest one works. */
static void hostile_replies_end_the_connection_only(void **state)
{
	static const enum lie lies[] = {SHORT_HEADER, WRONG_SEQ, WRONG_SIZE, ODD_SIZE, OPEN_MEMFD,
	    SHORT_MEMFD, MISSING_MEMFD, WRONG_VERSION, WRONG_DIGEST, REFUSE};
	static const enum dp_msg_type about[] = {DP_MSG_HELLO, DP_MSG_DUMP, DP_MSG_TXN};
	struct fake *f = *state;

	fake_listen(f);
	client_start(f);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(about); k++) {
			if ((lies[i] == WRONG_VERSION && about[k] != DP_MSG_HELLO) ||
			    (lies[i] == WRONG_DIGEST && about[k] != DP_MSG_TXN))
				continue;
			unsigned int n_up = f->n_up, n_connections = f->n_connections;
			f->n_objs = 0;
			f->digest = 0;
			f->lie = lies[i];
			f->lie_about = about[k];
			fake_hang_up(f);
			until(f, &f->n_connections, n_connections + 2);
			// A transaction that was applied and answered wrongly is found applied by the next greeting.
			if (about[k] != DP_MSG_TXN)
				assert_int_equal(f->n_up, n_up);
			f->lie = HONEST;
			until(f, &f->n_up, n_up + 1);
			assert_int_equal(f->digest, model_digest(f->fx.model));
		}
	}
}

static void a_digest_that_never_agrees_is_no_busy_loop(void **state)
{
	struct fake *f = *state;

	f->lie = WRONG_DIGEST;
	fake_listen(f);
	client_start(f);
	run_ms(f, 300);
	assert_int_equal(f->n_up, 0);
	assert_in_range(f->n_msgs[DP_MSG_TXN], 1, 8);
}

static void malformed_events_are_ignored(void **state)
{
	struct fake *f = *state;
	struct dp_port_event ev = {.id = 1};
	struct dp_punt_event punt = {.snap = 1000};
	struct dp_msg msg = {.type = DP_MSG_EV_PORT, .size = sizeof(ev) - 8};

	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
	send_packet(f, &msg, sizeof(msg), &ev, sizeof(ev) - 8, -1);
	msg = (struct dp_msg){.type = DP_MSG_EV_PUNT, .size = sizeof(punt)};
	send_packet(f, &msg, sizeof(msg), &punt, sizeof(punt), -1);
	msg = (struct dp_msg){.type = 12345};
	send_packet(f, &msg, sizeof(msg), NULL, 0, -1);
	msg = (struct dp_msg){.type = DP_MSG_EV_PORT, .size = sizeof(ev)};
	send_packet(f, &msg, sizeof(msg), &ev, sizeof(ev), -1);
	until(f, &f->n_ports, 1);
	assert_true(dp_client_is_connected(f->client));
}

/* A transaction of one port more, planned but not in the model. */
static struct model_plan *plan_port(struct fake *f, const char *name, const char *mac)
{
	char json[128];

	snprintf(json, sizeof(json), "{'network':'blue','mac':'%s'}", mac);
	fx_put(&f->fx, API_TABLE_PORT, name, json);
	return fx_plan(&f->fx);
}

static void prepare(struct fake *f, const struct model_plan *plan)
{
	uint32_t n_ops;
	const struct buf_writer *ops = model_plan_ops(plan, &n_ops);

	assert_true(n_ops > 0);
	dp_client_prepare(f->client, 1, ops, n_ops, on_reply, f);
}

static void connected(struct fake *f)
{
	fake_listen(f);
	client_start(f);
	until(f, &f->n_up, 1);
}

static void prepared_is_not_there_until_it_is_committed(void **state)
{
	struct fake *f = *state;

	connected(f);
	size_t n_objs = f->n_objs;
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->n_objs, n_objs);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	until(f, &f->n_replies, 2);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	// And taken back.
	plan = plan_port(f, "vm3", "02:00:00:00:00:03");
	prepare(f, plan);
	until(f, &f->n_replies, 3);
	model_discard(plan);
	dp_client_abort(f->client);
	until(f, &f->n_msgs[DP_MSG_ABORT], 1);
	assert_null(f->prepared);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

/* Journalled, then killed before it said commit: the switch drops it, and the next daemon brings the switch to its state. */
static void a_daemon_that_dies_before_the_commit_brings_it_when_it_is_back(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	dp_client_destroy(f->client);
	model_commit(f->fx.model, plan);
	run_ms(f, 20);
	assert_null(f->prepared);
	client_start(f);
	until(f, &f->n_up, 2);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_switch_that_dies_before_the_commit_is_filled_when_it_is_back(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	fake_kill(f);
	until(f, &f->n_down, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	assert_int_equal(f->n_replies, 2);
	assert_int_equal(f->reply_error, -ENOTCONN);
	fake_listen(f);
	until(f, &f->n_up, 2);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_commit_that_came_too_late_is_brought_as_a_difference(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	f->forgets = true;
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	until(f, &f->n_msgs[DP_MSG_TXN], 2);
	assert_int_equal(f->reply_error, -ESTALE);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static struct dp_client_status status(struct fake *f)
{
	struct dp_client_status s;

	dp_client_status(f->client, &s);
	return s;
}

/* One bad object does not keep the others away; it is said, and offered again. */
static void what_is_refused_is_left_out_listed_and_offered_again(void **state)
{
	struct fake *f = *state;

	f->refuse_kind = DP_KIND_PORT;
	f->refuse_id = model_port_id(f->fx.model, "vm1");
	connected(f);
	assert_int_equal(f->n_objs, model_n_objects(f->fx.model) - 1);
	assert_int_equal(status(f).n_refusals, 1);
	assert_int_equal(status(f).refusals[0].id, f->refuse_id);
	assert_string_equal(status(f).refusals[0].what, "not this one");
	assert_in_range(status(f).retry_ms, 1, 1000);
	// Others still go their way.
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	until(f, &f->n_replies, 2);
	assert_int_equal(f->reply_error, 0);

	f->refuse_id = 0;
	until(f, &f->n_msgs[DP_MSG_TXN], 3);
	run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static void a_switch_that_refuses_too_much_is_left_and_tried_again(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (int i = 0; i < DP_MAX_REFUSALS + 20; i++) {
		char name[16], json[128];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(json, sizeof(json), "{'bridge':'br1','match':{'reg0':%d}}", i);
		fx_put(&f->fx, API_TABLE_FLOW, name, json);
	}
	assert_true(fx_commit(&f->fx));
	f->refuse_all_rules = true;
	fake_listen(f);
	client_start(f);
	until(f, &f->n_connections, 2);
	assert_int_equal(f->n_up, 0);
	assert_string_equal(status(f).last_error, "it refuses too much");
	f->refuse_all_rules = false;
	until(f, &f->n_up, 1);
	assert_string_equal(status(f).last_error, "");
	run_ms(f, 1100); // what this connection was refused before
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_refused_change_of_the_underlay_is_listed_and_offered_again(void **state)
{
	struct fake *f = *state;
	const struct dp_route_conf route = {.remote = ip_from_v4(0x0900000a), .mtu = 1500};
	struct buf_writer ops;

	connected(f);
	buf_writer_init(&ops, DP_BODY_MAX);
	uint32_t n = model_put_underlay(f->fx.model, &route, 1, NULL, 0, &ops);
	f->refuse_kind = DP_KIND_ROUTE;
	f->refuse_id = ((const struct dp_op *)(const void *)ops.data)->id;
	dp_client_apply(f->client, &ops, n);
	until(
	    f, &f->n_msgs[DP_MSG_TXN], 4); // at the start; refused; without an exception; with one
	run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 1);
	assert_int_equal(status(f).refusals[0].kind, DP_KIND_ROUTE);
	assert_true(status(f).is_connected);
	f->refuse_id = 0;
	until(f, &f->n_msgs[DP_MSG_TXN], 5);
	run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	buf_writer_fini(&ops);
}

/* Between the two phases nothing else may reach the switch: it would be refused, and the fake fails on it. */
static void a_prepare_waits_for_a_repair_and_a_repair_for_a_commit(void **state)
{
	struct fake *f = *state;

	f->refuse_kind = DP_KIND_PORT;
	f->refuse_id = model_port_id(f->fx.model, "vm1");
	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	unsigned int n_txns = f->n_msgs[DP_MSG_TXN];
	f->refuse_id = 0;
	run_ms(f, 1200); // its time to offer it again comes, and it does not
	assert_int_equal(f->n_msgs[DP_MSG_TXN], n_txns);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f); // the repair begins
	plan = plan_port(f, "vm3", "02:00:00:00:00:03");
	prepare(f, plan);
	assert_int_equal(f->n_msgs[DP_MSG_PREPARE], 1);
	until(f, &f->n_replies, 3);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->n_msgs[DP_MSG_PREPARE], 2);
	assert_int_equal(f->n_msgs[DP_MSG_TXN], n_txns + 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	until(f, &f->n_replies, 4);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static const struct dp_op *find_rule(struct fake *f, const char *name)
{
	for (size_t i = 0; i < f->n_objs; i++) {
		const char *is = model_flow_name(f->fx.model, f->objs[i].id);
		if (f->objs[i].kind == DP_KIND_RULE && is != NULL && strcmp(is, name) == 0)
			return model_find(f->fx.model, DP_KIND_RULE, f->objs[i].id);
	}
	fail_msg("no rule of %s", name);
	return NULL;
}

static void expire(struct fake *f, const struct dp_op *op, uint64_t digest)
{
	const struct dp_op del = {
	    .verb = DP_DEL, .kind = DP_KIND_RULE, .size = sizeof(del), .id = op->id};

	apply(f, &del);
	f->removed[f->n_removed++] = (struct dp_removed_event){.rule = op->id, .digest = digest};
}

static void rules_that_timed_out_meanwhile_do_not_come_back(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	fx_must(&f->fx, API_TABLE_FLOW, "over",
	    "{'bridge':'br1','match':{'reg0':1},'idle_timeout_s':5}");
	fx_must(&f->fx, API_TABLE_FLOW, "changed",
	    "{'bridge':'br1','match':{'reg0':2},'idle_timeout_s':5}");
	connected(f);
	const struct dp_op *over = find_rule(f, "over"), *changed = find_rule(f, "changed");
	const struct dp_op unknown = {.id = 12345};
	fake_hang_up(f);
	expire(f, over, hash_stable(over, over->size));
	expire(f, changed, 7); // another rule than the one that is wanted now
	expire(f, &unknown, 8);
	until(f, &f->n_up, 2);
	until(f, &f->n_expired, 1);
	assert_int_equal(f->n_expired, 1);
	assert_int_equal(f->expired, over->id);
	assert_int_equal(f->digest, model_digest(f->fx.model) ^ hash_stable(over, over->size));
	assert_int_equal(f->n_removed, 1); // until the flow is deleted
	// As its owner would: the flow goes, and with it what the switch remembers.
	fx_del(&f->fx, API_TABLE_FLOW, "over");
	struct model_plan *plan = fx_plan(&f->fx);
	prepare(f, plan);
	until(f, &f->n_replies, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	until(f, &f->n_replies, 2);
	assert_int_equal(f->n_removed, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_new_switch_does_not_get_flows_whose_hard_timeout_is_over(void **state)
{
	struct fake *f = *state;
	char json[160];

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(json, sizeof(json),
		    "{'bridge':'br1','match':{'reg0':%u},'hard_timeout_s':10,'_installed_ms':%lu}",
		    i, clock_wall_ms() - 9000 - 2000 * i);
		fx_must(&f->fx, API_TABLE_FLOW, i == 0 ? "young" : "old", json);
	}
	connected(f);
	until(f, &f->n_expired, 1);
	assert_int_equal(f->n_objs, model_n_objects(f->fx.model) - 1);
	assert_string_equal(model_flow_name(f->fx.model, f->expired), "old");
	find_rule(f, "young");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(an_equal_switch_is_sent_nothing),
	    T(an_empty_switch_is_sent_everything),
	    T(only_the_difference_is_sent),
	    T(large_bodies_travel_in_a_sealed_memfd),
	    T(a_switch_that_starts_later_is_found),
	    T(a_killed_switch_is_filled_again),
	    T(requests_without_a_connection_fail_at_once),
	    T(waiting_requests_are_told_that_the_connection_was_lost),
	    T(more_requests_than_the_switch_takes_are_refused),
	    T(a_refusal_is_passed_on_in_words),
	    T(hostile_replies_end_the_connection_only),
	    T(a_digest_that_never_agrees_is_no_busy_loop),
	    T(malformed_events_are_ignored),
	    T(prepared_is_not_there_until_it_is_committed),
	    T(a_daemon_that_dies_before_the_commit_brings_it_when_it_is_back),
	    T(a_switch_that_dies_before_the_commit_is_filled_when_it_is_back),
	    T(a_commit_that_came_too_late_is_brought_as_a_difference),
	    T(what_is_refused_is_left_out_listed_and_offered_again),
	    T(a_switch_that_refuses_too_much_is_left_and_tried_again),
	    T(a_refused_change_of_the_underlay_is_listed_and_offered_again),
	    T(a_prepare_waits_for_a_repair_and_a_repair_for_a_commit),
	    T(rules_that_timed_out_meanwhile_do_not_come_back),
	    T(a_new_switch_does_not_get_flows_whose_hard_timeout_is_over),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
