/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/server_priv.h"
#include "ovsdb-lite/shape.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum { TICK_MS = 200, LOG_INTERVAL_MS = 200, LOG_BURST = 100 };

const struct ovsdb_server_limits ovsdb_server_default_limits = {
#define SERVER_LIMIT(field, value, help) .field = (value),
#include "ovsdb-lite/server_limit.def"
#undef SERVER_LIMIT
};

struct reconnect {
	bool all;
	const char *why;
};

static void set_limits(struct ovsdb_server *s, const struct ovsdb_server_limits *limits);
static struct ovsdb_uuid id_of_state(
    const struct ovsdb_storage *storage, const struct ovsdb_db *db);
static void insert_sorted(struct ovsdb_server *s, struct ovsdb_served *served);
static void reconnect_unaware(struct ovsdb_server *s, const char *verb, const char *db_name);
static void served_destroy(struct ovsdb_served *served);
static void let_go(struct ovsdb_served *served);
static void on_pass_end(evutil_socket_t fd, short what, void *arg);
static void free_ended(struct ovsdb_server *s);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void end_session(struct ovsdb_session *session, void *arg);

struct ovsdb_server *ovsdb_server_create(struct event_base *base,
    const struct ovsdb_server_limits *limits, const struct ovsdb_server_events *events)
{
	const struct timeval period = {.tv_usec = TICK_MS * 1000};
	struct ovsdb_server *s = ovsdb_alloc(sizeof(*s));
	s->base = base;
	if (events != NULL)
		s->events = *events;
	set_limits(s, limits != NULL ? limits : &ovsdb_server_default_limits);
	s->id = ovsdb_uuid_random();
	list_init(&s->dbs);
	list_init(&s->remotes);
	list_init(&s->ended);
	list_init(&s->batch);
	hmap_init(&s->locks);
	s->pass_end = event_new(base, -1, 0, on_pass_end, s);
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	event_add(s->tick, &period);
	if (ovsdb_server_db_create(s) != 0) // its schema is ours
		abort();
	s->own = list_entry(s->dbs.next, struct ovsdb_served, node);
	ovsdb_server_db_update(s);
	return s;
}

void ovsdb_server_destroy(struct ovsdb_server *s)
{
	if (s == NULL)
		return;
	ovsdb_batch_flush_all(s);
	ovsdb_remote_destroy_all(s);
	free_ended(s);
	ovsdb_batch_flush_all(s);
	ovsdb_lock_destroy_all(s);
	struct ovsdb_db *own = s->own->db;
	list_foreach_safe (served, &s->dbs, struct ovsdb_served, node)
		served_destroy(served);
	ovsdb_db_destroy(own);
	event_free(s->pass_end);
	event_free(s->tick);
	ovsdb_tls_context_destroy(s->tls);
	free(s);
}

int ovsdb_server_add_db(
    struct ovsdb_server *s, struct ovsdb_db *db, struct ovsdb_storage *storage, struct err *err)
{
	const char *name = db->schema->name;
	if (name[0] == '_' && s->own != NULL)
		return err_set(
		    err, ERR_PARAMS, "%s: names beginning with \"_\" are reserved", name);
	if (ovsdb_server_find_served(s, name) != NULL)
		return err_set(err, ERR_EXISTS, "%s: duplicate database name", name);
	struct ovsdb_served *served = ovsdb_alloc(sizeof(*served));
	served->server = s;
	served->db = db;
	served->storage = storage;
	served->changed_tables = ovsdb_alloc(db->schema->n_tables);
	list_init(&served->monitors);
	list_init(&served->waiting);
	list_init(&served->shapes);
	ovsdb_change_sets_init(&served->sets);
	ovsdb_history_init(&served->history, s->limits.history_txns, s->limits.history_size);
	if (storage != NULL)
		ovsdb_history_clear(&served->history, id_of_state(storage, db));
	insert_sorted(s, served);
	if (s->own != NULL)
		reconnect_unaware(s, "adding", name);
	ovsdb_server_db_update(s);
	return 0;
}

int ovsdb_server_remove_db(struct ovsdb_server *s, const char *name)
{
	struct ovsdb_served *served = ovsdb_server_find_served(s, name);
	if (served == NULL || served == s->own)
		return -ENOENT;
	ovsdb_batch_flush_all(s);
	let_go(served);
	ovsdb_batch_flush_all(s); // nothing in it names the database any more
	reconnect_unaware(s, "removing", name);
	served_destroy(served);
	ovsdb_server_db_update(s);
	return 0;
}

int ovsdb_server_fix_schema(struct ovsdb_server *s, const char *name)
{
	struct ovsdb_served *served = ovsdb_server_find_served(s, name);
	if (served == NULL)
		return -ENOENT;
	served->is_fixed = true;
	return 0;
}

int ovsdb_server_reserve_db(struct ovsdb_server *s, const char *name)
{
	int r = ovsdb_server_fix_schema(s, name);
	if (r == 0)
		ovsdb_server_find_served(s, name)->is_reserved = true;
	return r;
}

struct ovsdb_db *ovsdb_server_find_db(const struct ovsdb_server *s, const char *name)
{
	struct ovsdb_served *served = ovsdb_server_find_served(s, name);
	return served != NULL ? served->db : NULL;
}

void ovsdb_server_flush(struct ovsdb_server *s)
{
	ovsdb_batch_flush_all(s);
}

int ovsdb_server_set_tls(
    struct ovsdb_server *s, const struct ovsdb_tls_files *files, struct err *err)
{
	struct ssl_ctx_st *context = ovsdb_tls_context_create(files, err);
	if (context == NULL)
		return -EINVAL;
	ovsdb_tls_context_destroy(s->tls);
	s->tls = context;
	return 0;
}

struct ssl_ctx_st *ovsdb_server_tls(const struct ovsdb_server *s)
{
	return s->tls;
}

void ovsdb_server_reconnect(struct ovsdb_server *s, bool all, const char *why)
{
	struct reconnect r = {all, why};
	ovsdb_remote_foreach_session(s, end_session, &r);
}

void ovsdb_server_disable_monitor_cond(struct ovsdb_server *s)
{
	s->monitor_cond_disabled = true;
}

struct ovsdb_served *ovsdb_server_find_served(const struct ovsdb_server *s, const char *name)
{
	list_foreach (served, &s->dbs, struct ovsdb_served, node)
		if (strcmp(served->db->schema->name, name) == 0)
			return served;
	return NULL;
}

struct ovsdb_served *ovsdb_server_served_of(const struct ovsdb_server *s, const struct ovsdb_db *db)
{
	list_foreach (served, &s->dbs, struct ovsdb_served, node)
		if (served->db == db)
			return served;
	log_err("a transaction of a database that is not served");
	abort();
}

bool ovsdb_server_may_log(struct ovsdb_server *s)
{
	uint64_t now_ms = clock_ms();
	uint64_t more = (now_ms - s->log_ms) / LOG_INTERVAL_MS;
	if (more > 0) {
		s->n_log = (unsigned int)MIN_OF(s->n_log + more, (uint64_t)LOG_BURST);
		s->log_ms = now_ms;
	}
	if (s->n_log == 0) {
		s->n_unlogged++;
		return false;
	}
	s->n_log--;
	if (s->n_unlogged > 0)
		log_info("%u lines about clients were left out", s->n_unlogged);
	s->n_unlogged = 0;
	return true;
}

void ovsdb_server_wake(struct ovsdb_server *s)
{
	event_active(s->pass_end, EV_TIMEOUT, 0);
}

void ovsdb_served_forget_initial(struct ovsdb_served *served)
{
	ovsdb_shared_text_unref(served->initial);
	served->initial = NULL;
}

void ovsdb_served_replace(struct ovsdb_served *served, struct ovsdb_db *db)
{
	struct ovsdb_db *former = served->db;
	let_go(served);
	ovsdb_history_clear(&served->history, served->storage != NULL
						  ? ovsdb_storage_last_txn(served->storage, db)
						  : (struct ovsdb_uuid){0});
	served->db = db;
	free(served->changed_tables);
	served->changed_tables = ovsdb_alloc(db->schema->n_tables);
	ovsdb_db_destroy(former);
}

static void set_limits(struct ovsdb_server *s, const struct ovsdb_server_limits *limits)
{
	s->limits = *limits;
	s->budget.limit = limits->input_size;
	s->conn_limits = (struct ovsdb_conn_limits){
	    .json = {.size = limits->message_size,
		.n_values = limits->message_values,
		.depth = limits->message_depth},
	    .output_size = limits->output_size,
	    .handshake_ms = limits->handshake_ms,
	    .n_messages = limits->pass_messages,
	};
}

/*
 * What a client that comes back may name to hear only what came after. Loading lost what is ephemeral, which no transaction
 * says: this state is another than any that had an id.
 */
static struct ovsdb_uuid id_of_state(const struct ovsdb_storage *storage, const struct ovsdb_db *db)
{
	return ovsdb_schema_has_ephemeral(db->schema) ? ovsdb_uuid_random()
						      : ovsdb_storage_last_txn(storage, db);
}

static void insert_sorted(struct ovsdb_server *s, struct ovsdb_served *served)
{
	struct list *before = &s->dbs;
	list_foreach (other, &s->dbs, struct ovsdb_served, node) {
		if (strcmp(other->db->schema->name, served->db->schema->name) < 0)
			continue;
		before = &other->node;
		break;
	}
	list_add_before(before, &served->node);
}

/* Clients that do not watch _Server find out by connecting again. */
static void reconnect_unaware(struct ovsdb_server *s, const char *verb, const char *db_name)
{
	char why[160];
	snprintf(why, sizeof(why), "%s %.100s database", verb, db_name);
	ovsdb_server_reconnect(s, false, why);
}

static void served_destroy(struct ovsdb_served *served)
{
	let_go(served);
	ovsdb_history_clear(&served->history, (struct ovsdb_uuid){0});
	list_del(&served->node);
	free(served->changed_tables);
	free(served);
}

/* All that refers to the database and its rows. */
static void let_go(struct ovsdb_served *served)
{
	ovsdb_served_forget_initial(served);
	ovsdb_monitor_cancel_db(served);
	ovsdb_transact_cancel_all(NULL, served);
}

static void on_pass_end(evutil_socket_t, short, void *arg)
{
	struct ovsdb_server *s = arg;
	ovsdb_batch_flush(s);
	free_ended(s);
}

static void free_ended(struct ovsdb_server *s)
{
	list_foreach_safe (session, &s->ended, struct ovsdb_session, node)
		ovsdb_session_destroy(session);
}

static void on_tick(evutil_socket_t, short, void *arg)
{
	ovsdb_remote_tick(arg, clock_ms());
	ovsdb_server_trim(arg);
}

static void end_session(struct ovsdb_session *session, void *arg)
{
	const struct reconnect *r = arg;
	if (!r->all && session->is_change_aware)
		return;
	log_info("%s: disconnecting (%s)", session->name, r->why);
	ovsdb_conn_finish(session->conn, NULL);
}
