/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where OpenFlow is spoken: a socket that listens, or a controller that is connected to, again and again, whenever the connection ends.
 * Targets are OVSDB's: punix:PATH, ptcp:[PORT][:IP], pssl:, unix:PATH, tcp:IP[:PORT], ssl:; the port is 6653 when none is said.
 *
 * Threads: sluiced's loop. Memory: of_remote_create allocates; a link is the owner's from on_link on.
 */
#include <event2/event.h>

#include "datapath/base/err.h"
#include "ovsdb-lite/link.h"

struct of_remote;
struct ssl_ctx_st;

enum {
	OF_PORT = 6653, // IANA's
	OF_TARGET_SIZE = 256,
	OF_MIN_BACKOFF_MS = 1000,
	OF_DEFAULT_MAX_BACKOFF_MS = 8000,
};

struct of_remote_ops {
	/* Someone has come, or is being connected to. name is for logs. */
	void (*on_link)(void *owner, struct ovsdb_link link, bool is_connecting, const char *name);
	struct ssl_ctx_st *(*tls)(void *owner); // NULL: there are no certificates
};

/* NULL with *err when the target is none. */
struct of_remote *of_remote_create(struct event_base *base, const char *target,
    const struct of_remote_ops *ops, void *owner, struct err *err);
void of_remote_destroy(struct of_remote *r); // what it took lives on
bool of_remote_is_passive(const struct of_remote *r);
const char *of_remote_target(const struct of_remote *r);
void of_remote_set_max_backoff(struct of_remote *r, unsigned int ms);
/* Listens or connects when it is time to; once a second, and at once after creation. */
void of_remote_tick(struct of_remote *r, uint64_t now_ms);
/* The connection that was made is up; or it is over, or never was. Active remotes only. */
void of_remote_on_open(struct of_remote *r);
void of_remote_on_end(struct of_remote *r, const char *why);
const char *of_remote_last_error(const struct of_remote *r); // "" none
