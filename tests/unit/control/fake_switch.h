/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A switch in the same event loop as the dp client under test: a socket and a list of objects that answers as told, also wrongly. And the
 * client, with a model of one network and one port.
 *
 * Threads: one. Memory: fake_setup and fake_teardown.
 */
#include <event2/event.h>

#include "control/dp_client.h"
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
	bool forgets;                      // what it has prepared
	const struct dp_port_stats *stats; // what it says of ports; NULL: it repeats the question
	size_t n_stats;
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

void fake_send_packet(struct fake *f, const struct dp_msg *msg, size_t msg_size, const void *body,
    size_t size, int memfd);
void fake_apply(struct fake *f, const struct dp_op *op);
bool refuses(struct fake *f, const struct dp_msg *msg, const uint8_t *body);
void fake_hang_up(struct fake *f);
void fake_listen(struct fake *f);
void fake_kill(struct fake *f);
void on_reply(int error, const void *, size_t, const char *what, void *arg);
void fake_until(struct fake *f, const unsigned int *counter, unsigned int n);
void fake_run_ms(struct fake *f, unsigned int ms);
void fake_client_start(struct fake *f);
int fake_setup(void **state);
int fake_teardown(void **state);
