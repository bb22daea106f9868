/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A remote: a socket that listens, with the sessions it took, or one session that is connected again whenever it ends.
 *
 * Threads: the loop's. Memory: the server owns its remotes; a remote owns its sessions until they end.
 */
#include "ovsdb-lite/address.h"
#include "ovsdb-lite/server_priv.h"

enum { OVSDB_REMOTE_NAME_SIZE = 256 };

struct ovsdb_remote {
	struct list node;
	struct ovsdb_server *server;
	char name[OVSDB_REMOTE_NAME_SIZE];
	struct ovsdb_address address;
	struct ovsdb_remote_options options;
	bool is_wanted; // while the set is changed
	bool is_parsed; // address is good
	struct list sessions;
	unsigned int n_sessions;
	/* passive */
	int fd; // -1: does not listen
	struct event *accept_event;
	uint16_t bound_port;
	/* active */
	unsigned int backoff_ms;
	/* of both: the next attempt, 0: none is due */
	uint64_t retry_ms;
	bool was_logged; // that it cannot be had
	char last_error[96];
	uint64_t connected_ms, disconnected_ms; // 0: never
};
