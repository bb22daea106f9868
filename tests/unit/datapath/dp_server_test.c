/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_ring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath/dp_conn.h"
#include "datapath/dp_server.h"
#include "datapath/trace.h"
#include "tests/unit/datapath/state_fixture.h"

enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW };

struct world {
	struct fixture *f;
	struct evloop *loop;
	struct dp_server *server;
	char path[108];    // of sun_path
	int fd;            // a client's
	struct dp_msg msg; // the last reply
	uint8_t *body;
	size_t body_size;
};

static int client_open(const struct world *w)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void run_loop(struct world *w)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(evloop_run_once(w->loop, 0), 0);
}

static void send_raw(int fd, const void *data, size_t size, int memfd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (memfd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &memfd, sizeof(memfd));
	}
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), size);
}

static void send_msg(struct world *w, uint32_t type, uint32_t seq, const void *body, size_t size)
{
	uint8_t packet[sizeof(struct dp_msg) + DP_INLINE_MAX];
	struct dp_msg msg = {.type = type, .seq = seq, .size = (uint32_t)size};
	memcpy(packet, &msg, sizeof(msg));
	if (size > 0)
		memcpy(packet + sizeof(msg), body, size);
	send_raw(w->fd, packet, sizeof(msg) + size, -1);
	run_loop(w);
}

/* The next packet: 1, 0: none there, or -1: the switch hung up. */
static int receive(struct world *w)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	uint8_t packet[sizeof(struct dp_msg) + DP_INLINE_MAX];
	struct iovec iov = {packet, sizeof(packet)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(w->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	memcpy(&w->msg, packet, sizeof(w->msg));
	free(w->body);
	w->body = malloc(w->msg.size + 1);
	w->body_size = w->msg.size;
	if ((w->msg.flags & DP_MSG_F_MEMFD) == 0) {
		assert_int_equal((size_t)n, sizeof(w->msg) + w->msg.size);
		memcpy(w->body, packet + sizeof(w->msg), w->msg.size);
		return 1;
	}
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	assert_int_equal(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
	assert_int_equal(pread(fd, w->body, w->msg.size, 0), w->msg.size);
	close(fd);
	return 1;
}

static void hello(struct world *w)
{
	struct dp_hello body = {.version = DP_PROTO_VERSION, .client = "test"};
	w->fd = client_open(w);
	run_loop(w);
	send_msg(w, DP_MSG_HELLO, 1, &body, sizeof(body));
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.type, DP_MSG_HELLO);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err = {0};
	w->f = fixture_create();
	char dir[] = "/tmp/dp_server_test.XXXXXX";
	assert_non_null(mkdtemp(dir));
	snprintf(w->f->options.rundir, sizeof(w->f->options.rundir), "%s", dir);
	snprintf(w->path, sizeof(w->path), "%s/switch.sock", dir);
	for (unsigned int i = 0; i < FIXTURE_N_WORKERS; i++) {
		ssize_t size = rte_ring_get_memsize(64);
		w->f->workers[i].punts = aligned_alloc(64, (size_t)size);
		assert_int_equal(rte_ring_init(w->f->workers[i].punts, "punts", 64,
				     RING_F_SP_ENQ | RING_F_SC_DEQ),
		    0);
	}
	w->loop = evloop_create();
	assert_int_equal(dp_server_create(w->loop, &w->f->dp, &w->server, &err), 0);
	hello(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	if (w->fd >= 0)
		close(w->fd);
	dp_server_destroy(w->server);
	assert_int_equal(access(w->path, F_OK), -1);
	assert_int_equal(rmdir(w->f->options.rundir), 0);
	evloop_destroy(w->loop);
	for (unsigned int i = 0; i < FIXTURE_N_WORKERS; i++)
		free(w->f->workers[i].punts);
	fixture_destroy(w->f);
	free(w->body);
	free(w);
	return 0;
}

/* The fixture's ops as a transaction's body. */
static struct buf_writer take_txn(struct fixture *f, uint64_t generation)
{
	struct dp_txn txn = {.generation = generation, .n_ops = f->n_ops};
	struct buf_writer body;
	buf_writer_init(&body, DP_BODY_MAX);
	buf_put(&body, &txn, sizeof(txn));
	buf_put(&body, f->ops.data, f->ops.size);
	buf_writer_fini(&f->ops);
	buf_writer_init(&f->ops, DP_BODY_MAX);
	f->n_ops = 0;
	return body;
}

static int make_memfd(const void *data, size_t size, int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void send_txn_memfd(struct world *w, uint32_t size, int seals)
{
	put_bridge(w->f, 1);
	struct buf_writer body = take_txn(w->f, 1);
	struct dp_msg msg = {.type = DP_MSG_TXN,
	    .seq = 9,
	    .size = size != 0 ? size : (uint32_t)body.size,
	    .flags = DP_MSG_F_MEMFD};
	int fd = make_memfd(body.data, body.size, seals);
	send_raw(w->fd, &msg, sizeof(msg), fd);
	close(fd);
	buf_writer_fini(&body);
	run_loop(w);
}

static void assert_error(struct world *w, int errno_value)
{
	const struct dp_error *error = (const struct dp_error *)w->body;
	assert_int_equal(receive(w), 1);
	error = (const struct dp_error *)w->body;
	assert_int_equal(w->msg.type, DP_MSG_ERROR);
	assert_int_equal(error->errno_value, errno_value);
	assert_true(error->what[0] != '\0');
}

static void hello_tells_what_the_switch_holds(void **state)
{
	struct world *w = *state;
	put_bridge(w->f, 1);
	assert_int_equal(commit_at(w->f, 17, 0), 0);
	struct dp_hello body = {.version = DP_PROTO_VERSION};
	send_msg(w, DP_MSG_HELLO, 4, &body, sizeof(body));
	assert_int_equal(receive(w), 1);
	const struct dp_hello_reply *reply = (const struct dp_hello_reply *)w->body;
	assert_int_equal(w->msg.seq, 4);
	assert_int_equal(reply->generation, 17);
	assert_int_equal(reply->n_objects, 1);
	assert_int_equal(reply->n_workers, FIXTURE_N_WORKERS);
	assert_int_equal(reply->digest, dp_state_digest(w->f->dp.state));
	assert_true(w->f->dp.controller_connected);
	struct stat st;
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void first_message_must_be_hello(void **state)
{
	struct world *w = *state;
	int client = w->fd;
	w->fd = client_open(w);
	run_loop(w);
	send_msg(w, DP_MSG_DUMP, 1, NULL, 0);
	assert_int_equal(receive(w), -1);
	close(w->fd);
	w->fd = client; // which the stranger did not disturb
	send_msg(w, DP_MSG_DUMP, 2, NULL, 0);
	assert_int_equal(receive(w), 1);
}

static void other_version_is_refused(void **state)
{
	struct world *w = *state;
	struct dp_hello body = {.version = 99};
	send_msg(w, DP_MSG_HELLO, 4, &body, sizeof(body));
	assert_error(w, EPROTONOSUPPORT);
}

static void newer_client_replaces_the_older(void **state)
{
	struct world *w = *state;
	int older = w->fd;
	hello(w);
	int newer = w->fd;
	w->fd = older;
	assert_int_equal(receive(w), -1);
	assert_true(w->f->dp.controller_connected);
	close(older);
	close(newer);
	w->fd = -1;
	run_loop(w);
	assert_false(w->f->dp.controller_connected);
}

/* A client that dies between the phases, and one that is replaced, take what they prepared with them. */
static void a_prepared_transaction_ends_with_its_client(void **state)
{
	struct world *w = *state;
	for (int round = 0; round < 2; round++) {
		put_bridge(w->f, 1);
		struct buf_writer body = take_txn(w->f, 1);
		send_msg(w, DP_MSG_PREPARE, 5, body.data, body.size);
		buf_writer_fini(&body);
		assert_int_equal(receive(w), 1);
		assert_int_equal(w->msg.type, DP_MSG_PREPARE);
		assert_int_equal(w->msg.size, 0);
		assert_true(dp_state_is_prepared(w->f->dp.state));
		assert_int_equal(dp_state_n_objects(w->f->dp.state), 0);
		int older = w->fd;
		if (round == 0) {
			close(older);
			run_loop(w);
			assert_false(dp_state_is_prepared(w->f->dp.state));
		}
		hello(w);
		assert_false(dp_state_is_prepared(w->f->dp.state));
		if (round == 1)
			close(older);
	}
	struct dp_commit commit = {.generation = 1};
	send_msg(w, DP_MSG_COMMIT, 6, &commit, sizeof(commit));
	assert_error(w, ESTALE);
	put_bridge(w->f, 1);
	struct buf_writer body = take_txn(w->f, 1);
	send_msg(w, DP_MSG_PREPARE, 7, body.data, body.size);
	buf_writer_fini(&body);
	assert_int_equal(receive(w), 1);
	send_msg(w, DP_MSG_COMMIT, 8, &commit, sizeof(commit));
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.type, DP_MSG_COMMIT);
	assert_int_equal(
	    ((const struct dp_txn_reply *)w->body)->digest, dp_state_digest(w->f->dp.state));
	assert_int_equal(dp_state_n_objects(w->f->dp.state), 1);
	send_msg(w, DP_MSG_ABORT, 9, NULL, 0);
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.type, DP_MSG_ABORT);
	send_msg(w, DP_MSG_REMOVED, 10, NULL, 0);
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.size, 0);
}

static void transaction_in_a_sealed_memfd_is_applied(void **state)
{
	struct world *w = *state;
	send_txn_memfd(w, 0, SEALS);
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.type, DP_MSG_TXN);
	assert_int_equal(w->msg.seq, 9);
	assert_int_equal(((const struct dp_txn_reply *)w->body)->generation, 1);
	assert_non_null(w->f->dp.bridges[1]);
}

static void unsealed_memfd_ends_the_connection(void **state)
{
	struct world *w = *state;
	static const int partial[] = {0, F_SEAL_WRITE | F_SEAL_SHRINK, F_SEAL_WRITE | F_SEAL_GROW,
	    F_SEAL_SHRINK | F_SEAL_GROW};
	for (size_t i = 0; i < ARRAY_SIZE(partial); i++) {
		send_txn_memfd(w, 0, partial[i]);
		assert_int_equal(receive(w), -1);
		assert_null(w->f->dp.bridges[1]);
		close(w->fd);
		hello(w);
	}
}

static void memfd_shorter_than_announced_ends_the_connection(void **state)
{
	struct world *w = *state;
	send_txn_memfd(w, 1 << 20, SEALS);
	assert_int_equal(receive(w), -1);
	assert_null(w->f->dp.bridges[1]);
}

static void descriptor_that_is_no_memfd_ends_the_connection(void **state)
{
	struct world *w = *state;
	struct dp_msg msg = {.type = DP_MSG_TXN, .size = 64, .flags = DP_MSG_F_MEMFD};
	send_raw(w->fd, &msg, sizeof(msg), STDIN_FILENO);
	run_loop(w);
	assert_int_equal(receive(w), -1);
}

static void malformed_frames_end_the_connection(void **state)
{
	struct world *w = *state;
	const struct dp_msg wrong[] = {
	    {.type = DP_MSG_DUMP, .size = 1},
	    {.type = DP_MSG_DUMP, .flags = 2},
	    {.type = DP_MSG_DUMP, .flags = DP_MSG_F_MEMFD},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		send_raw(w->fd, &wrong[i], sizeof(wrong[i]), -1);
		run_loop(w);
		assert_int_equal(receive(w), -1);
		close(w->fd);
		hello(w);
	}
	send_raw(w->fd, &wrong[0], 7, -1);
	run_loop(w);
	assert_int_equal(receive(w), -1);
	// Unwanted descriptors are not collected either.
	close(w->fd);
	hello(w);
	struct dp_msg dump = {.type = DP_MSG_DUMP};
	send_raw(w->fd, &dump, sizeof(dump), STDIN_FILENO);
	run_loop(w);
	assert_int_equal(receive(w), -1);
}

static void bad_bodies_are_answered_with_errors(void **state)
{
	struct world *w = *state;
	uint8_t zeros[64] = {0};
	struct dp_stats_req stats = {.kind = 99};
	struct dp_fdb_req fdb = {.bridge = 5};
	struct dp_log_req log = {.level = 77};
	struct dp_trace_req trace = {.port = 1, .len = 60};

	send_msg(w, 99, 1, NULL, 0);
	assert_error(w, ENOSYS);
	send_msg(w, DP_MSG_EV_PORT, 1, NULL, 0);
	assert_error(w, ENOSYS);
	send_msg(w, DP_MSG_DUMP, 1, zeros, 8);
	assert_error(w, EINVAL);
	send_msg(w, DP_MSG_TXN, 1, zeros, 8);
	assert_error(w, EINVAL);
	send_msg(w, DP_MSG_STATS, 1, &stats, sizeof(stats));
	assert_error(w, EINVAL);
	send_msg(w, DP_MSG_FDB, 1, &fdb, sizeof(fdb));
	assert_error(w, ENOENT);
	send_msg(w, DP_MSG_LOG, 1, &log, sizeof(log));
	assert_error(w, EINVAL);
	send_msg(w, DP_MSG_TRACE, 1, &trace, sizeof(trace));
	assert_error(w, EINVAL);
}

static void large_reply_travels_in_a_sealed_memfd(void **state)
{
	struct world *w = *state;
	put_bridge(w->f, 1);
	for (uint32_t i = 1; i <= 5000; i++)
		put_rule(w->f, i, (struct rule_args){.bridge = 1, .tp_dst = (uint16_t)i});
	assert_int_equal(commit(w->f), 0);
	send_msg(w, DP_MSG_DUMP, 1, NULL, 0);
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->msg.flags, DP_MSG_F_MEMFD);
	assert_int_equal(w->body_size, 5001 * sizeof(struct dp_dump_entry));
	uint64_t digest = 0;
	for (size_t i = 0; i < 5001; i++)
		digest ^= ((const struct dp_dump_entry *)w->body)[i].digest;
	assert_int_equal(digest, dp_state_digest(w->f->dp.state));
}

static void statistics_add_up_the_workers(void **state)
{
	struct world *w = *state;
	put_bridge(w->f, 1);
	put_port(w->f, 3, 1, 1);
	put_rule(w->f, 8, (struct rule_args){.bridge = 1, .tp_dst = 80});
	put_group(w->f, 1, 2, DP_OFPORT_ANY, 1);
	assert_int_equal(commit(w->f), 0);
	uint32_t idx = lookup(w->f, 1, 0, 80)->stats_idx;
	for (unsigned int i = 0; i < FIXTURE_N_WORKERS; i++) {
		struct worker *wk = &w->f->workers[i];
		wk->ports[3].rx_packets = 10 + i;
		wk->ports[3].drops[DP_DROP_HAIRPIN] = 1;
		wk->ports[3].held = i == 0 ? -2 : 3;
		worker_rule_counters(wk, idx)->n_packets = 5;
	}
	struct dp_stats_req req = {.kind = DP_STATS_PORTS};
	send_msg(w, DP_MSG_STATS, 1, &req, sizeof(req));
	assert_int_equal(receive(w), 1);
	const struct dp_port_stats *p = (const struct dp_port_stats *)w->body;
	assert_int_equal(w->body_size, sizeof(*p));
	assert_int_equal(p->id, 3);
	assert_int_equal(p->rx_packets, 21);
	assert_int_equal(p->drops[DP_DROP_HAIRPIN], 2);
	assert_int_equal(p->held, 1);
	req.kind = DP_STATS_RULES;
	send_msg(w, DP_MSG_STATS, 1, &req, sizeof(req));
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->body_size, sizeof(struct dp_rule_stats));
	assert_int_equal(((const struct dp_rule_stats *)w->body)->n_packets, 10);
	req.bridge = 2;
	send_msg(w, DP_MSG_STATS, 1, &req, sizeof(req));
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->body_size, 0);
	static const struct {
		uint32_t kind;
		size_t size;
	} others[] = {{DP_STATS_GROUPS, sizeof(struct dp_group_stats)},
	    {DP_STATS_WORKERS, FIXTURE_N_WORKERS * sizeof(struct dp_worker_stats)},
	    {DP_STATS_TABLES, sizeof(struct dp_table_stats)}};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		req = (struct dp_stats_req){.kind = others[i].kind};
		send_msg(w, DP_MSG_STATS, 1, &req, sizeof(req));
		assert_int_equal(receive(w), 1);
		assert_int_equal(w->body_size, others[i].size);
	}
}

static void samples_being_written_are_left_out(void **state)
{
	struct world *w = *state;
	struct drop_ring *rings = w->f->workers[0].samples;
	rings[3].seq = 2;
	rings[3].s[0] = (struct dp_sample){.wall_ms = 5, .reason = 3};
	rings[4].seq = 3;
	rings[4].s[0] = (struct dp_sample){.wall_ms = 5, .reason = 4};
	send_msg(w, DP_MSG_SAMPLES, 1, NULL, 0);
	assert_int_equal(receive(w), 1);
	assert_int_equal(w->body_size, sizeof(struct dp_sample));
	assert_int_equal(((const struct dp_sample *)w->body)->reason, 3);
}

static void port_events_reach_the_client(void **state)
{
	struct world *w = *state;
	put_bridge(w->f, 1);
	put_port(w->f, 3, 1, 1);
	assert_int_equal(commit(w->f), 0);
	for (int i = 0; i < 100 && receive(w) == 0; i++)
		assert_int_equal(evloop_run_once(w->loop, 10), 0);
	assert_int_equal(w->msg.type, DP_MSG_EV_PORT);
	assert_int_equal(w->msg.seq, 0);
	assert_int_equal(((const struct dp_port_event *)w->body)->id, 3);
}

static void client_that_does_not_read_holds_up_only_itself(void **state)
{
	struct world *w = *state;
	uint32_t n_sent = 0, n_answered = 0;
	struct dp_msg msg = {.type = DP_MSG_STATS, .size = sizeof(struct dp_stats_req)};
	struct {
		struct dp_msg msg;
		struct dp_stats_req req;
	} request = {msg, {.kind = DP_STATS_WORKERS}};

	while (n_sent < 100000 && send(w->fd, &request, sizeof(request), MSG_NOSIGNAL) > 0) {
		n_sent++;
		assert_int_equal(evloop_run_once(w->loop, 0), 0);
	}
	assert_true(n_sent < 100000); // the switch stopped reading
	run_loop(w);
	// A newcomer is served meanwhile; then the first would be replaced, so it does not say hello.
	close(client_open(w));
	run_loop(w);
	// Every request is answered once it reads.
	for (int idle = 0; idle < 3; idle++) {
		while (receive(w) == 1) {
			n_answered++;
			idle = 0;
		}
		run_loop(w);
	}
	assert_int_equal(n_answered, n_sent);
}

static void events_beyond_the_bound_are_dropped(void **state)
{
	struct world *w = *state;
	int fds[2];
	uint8_t event[1024] = {0};
	struct dp_conn *c;
	struct dp_conn_handler handler = {0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(dp_conn_create(w->loop, fds[0], &handler, &c), 0);
	for (int i = 0; i < 5000; i++)
		dp_conn_event(c, DP_MSG_EV_PUNT, event, sizeof(event), NULL, 0);
	assert_in_range(dp_conn_n_events_dropped(c), 1000, 4900);
	dp_conn_destroy(c);
	close(fds[1]);
}

static void socket_of_a_living_switch_is_not_taken(void **state)
{
	struct world *w = *state;
	struct dp_server *other;
	struct err err = {0};
	assert_true(dp_server_create(w->loop, &w->f->dp, &other, &err) < 0);
	assert_non_null(strstr(err.what, "another"));
	w->f->dp.controller_connected = true;
	send_msg(w, DP_MSG_DUMP, 2, NULL, 0);
	assert_int_equal(receive(w), 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(hello_tells_what_the_switch_holds),
	    TEST(first_message_must_be_hello),
	    TEST(other_version_is_refused),
	    TEST(newer_client_replaces_the_older),
	    TEST(transaction_in_a_sealed_memfd_is_applied),
	    TEST(a_prepared_transaction_ends_with_its_client),
	    TEST(unsealed_memfd_ends_the_connection),
	    TEST(memfd_shorter_than_announced_ends_the_connection),
	    TEST(descriptor_that_is_no_memfd_ends_the_connection),
	    TEST(malformed_frames_end_the_connection),
	    TEST(bad_bodies_are_answered_with_errors),
	    TEST(large_reply_travels_in_a_sealed_memfd),
	    TEST(statistics_add_up_the_workers),
	    TEST(samples_being_written_are_left_out),
	    TEST(port_events_reach_the_client),
	    TEST(client_that_does_not_read_holds_up_only_itself),
	    TEST(events_beyond_the_bound_are_dropped),
	    TEST(socket_of_a_living_switch_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
