/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/fake_switch.h"

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

void fake_send_packet(struct fake *f, const struct dp_msg *msg, size_t msg_size, const void *body,
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
	case SHORT_HEADER: fake_send_packet(f, &msg, 7, NULL, 0, -1); return;
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
		fake_send_packet(f, &msg, sizeof(msg), &error, sizeof(error), -1);
		return;
	case SILENT: return;
	default: break;
	}
	struct dp_body b;
	assert_int_equal(dp_body_init(&b, body, size), 0);
	if (b.memfd >= 0) {
		msg.flags = DP_MSG_F_MEMFD;
		fake_send_packet(f, &msg, sizeof(msg), NULL, 0, b.memfd);
	} else {
		fake_send_packet(f, &msg, sizeof(msg), body, size, memfd);
	}
	dp_body_fini(&b);
	if (memfd >= 0)
		close(memfd);
}

void fake_apply(struct fake *f, const struct dp_op *op)
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

	fake_send_packet(f, &msg, sizeof(msg), &error, sizeof(error), -1);
}

/* Whether it was refused. */
bool refuses(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
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
		fake_apply(f, op);
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

static void forget_prepared(struct fake *f);

static void on_prepare(struct fake *f, const struct dp_msg *msg, const uint8_t *body)
{
	assert_null(f->prepared);
	if (refuses(f, msg, body))
		return;
	f->prepared = malloc(msg->size);
	memcpy(f->prepared, body, msg->size);
	f->prepared_size = msg->size;
	answer(f, msg, NULL, 0);
	if (f->lie == REFUSE)
		forget_prepared(f);
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
	case DP_MSG_STATS:
		if (f->stats != NULL) {
			answer(f, msg, f->stats, f->n_stats * sizeof(*f->stats));
			break;
		}
		[[fallthrough]];
	default: answer(f, msg, body, msg->size);
	}
}

void fake_hang_up(struct fake *f)
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

void fake_listen(struct fake *f)
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
void fake_kill(struct fake *f)
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

void on_reply(int error, const void *, size_t, const char *what, void *arg)
{
	struct fake *f = arg;

	f->reply_error = error;
	f->n_replies++;
	snprintf(f->reply_what, sizeof(f->reply_what), "%s", what);
}

/* Runs the loop until *counter reaches n, two seconds at most. */
void fake_until(struct fake *f, const unsigned int *counter, unsigned int n)
{
	uint64_t end_ms = clock_ms() + 2000;

	while (*counter < n && clock_ms() < end_ms) {
		struct timeval slice = {.tv_usec = 1000};
		event_base_loopexit(f->base, &slice);
		event_base_dispatch(f->base);
	}
	assert_true(*counter >= n);
}

void fake_run_ms(struct fake *f, unsigned int ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(f->base, &t);
	event_base_dispatch(f->base);
}

void fake_client_start(struct fake *f)
{
	struct dp_client_events events = {
	    .on_state = on_state, .on_port = on_port, .on_removed = on_removed, .arg = f};

	f->client = dp_client_create(f->base, f->path, f->fx.model, &events);
	assert_non_null(f->client);
}

int fake_setup(void **state)
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

int fake_teardown(void **state)
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
