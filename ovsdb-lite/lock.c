/* SPDX-License-Identifier: Apache-2.0 */
/* Locks (RFC 7047 4.1.8): the first who waits for one has it. */
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/method.h"
#include "ovsdb-lite/parser.h"

struct ovsdb_lock {
	struct hmap_node node;
	struct list waiters; // the first is the owner, unless the server is
	bool is_servers;
	char name[];
};

struct waiter {
	struct list node;       // in the lock
	struct list in_session; // until it is unlocked, also when the lock is lost
	struct ovsdb_session *session;
	size_t kept;
	struct ovsdb_lock *lock; // NULL: was stolen from who had stolen it
	bool has_stolen;
	char name[];
};

static void acquire(struct ovsdb_session *s, const struct ovsdb_call *call, bool steals);
static struct ovsdb_error *read_name(const struct ovsdb_call *call, const char **ret);
static struct ovsdb_lock *get(struct ovsdb_server *server, const char *name);
static uint64_t hash(const char *name);
static struct waiter *find_waiter(const struct ovsdb_session *s, const char *name);
static struct waiter *owner_of(const struct ovsdb_lock *lock);
static void drop(struct waiter *w);
static void leave(struct waiter *w);
static void notify(struct ovsdb_session *s, const char *method, const char *name);
static void append(char **list, const char *name);

void ovsdb_lock_wait(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	acquire(s, call, false);
}

void ovsdb_lock_steal(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	acquire(s, call, true);
}

void ovsdb_lock_unlock(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	const char *name = NULL;
	if (s->is_read_only) {
		ovsdb_session_fail(
		    s, call->id, "lock and unlock methods not allowed, DB server is read only.");
		return;
	}
	struct ovsdb_error *error = read_name(call, &name);
	struct waiter *w = error == NULL ? find_waiter(s, name) : NULL;
	if (error == NULL && w == NULL)
		error = ovsdb_syntax_error(call->params, NULL,
		    "%s: \"unlock\" without \"lock\" or \"steal\"", call->method);
	if (error != NULL) {
		ovsdb_session_refuse(s, call->id, error);
		return;
	}
	drop(w);
	ovsdb_session_reply(s, call->id, json_object());
}

void ovsdb_lock_release_all(struct ovsdb_session *s)
{
	list_foreach_safe (w, &s->lock_waiters, struct waiter, in_session)
		drop(w);
}

bool ovsdb_lock_is_held(void *session, const char *name)
{
	struct waiter *w = find_waiter(session, name);
	return w != NULL && w->lock != NULL && owner_of(w->lock) == w;
}

void ovsdb_lock_format(const struct ovsdb_session *s, struct ovsdb_remote_status *ret)
{
	list_foreach (w, &s->lock_waiters, struct waiter, in_session)
		append(w->lock != NULL && owner_of(w->lock) == w ? &ret->locks_held
		       : w->has_stolen || w->lock == NULL        ? &ret->locks_lost
								 : &ret->locks_waiting,
		    w->name);
}

void ovsdb_server_hold_lock(struct ovsdb_server *s, const char *name)
{
	get(s, name)->is_servers = true;
}

/* After the sessions. */
void ovsdb_lock_destroy_all(struct ovsdb_server *s)
{
	hmap_foreach_safe (lock, &s->locks, struct ovsdb_lock, node) {
		hmap_del(&s->locks, &lock->node);
		free(lock);
	}
	hmap_fini(&s->locks);
}

static void acquire(struct ovsdb_session *s, const struct ovsdb_call *call, bool steals)
{
	const char *name = NULL;
	size_t kept = ovsdb_session_request_size(s);
	if (s->is_read_only) {
		ovsdb_session_fail(
		    s, call->id, "lock and unlock methods not allowed, DB server is read only.");
		return;
	}
	struct ovsdb_error *error = read_name(call, &name);
	if (error == NULL && find_waiter(s, name) != NULL)
		error = ovsdb_syntax_error(
		    call->params, NULL, "must issue \"unlock\" before new \"%s\"", call->method);
	if (error == NULL && s->n_locks >= s->server->limits.locks)
		error = ovsdb_session_at_limit(&s->server->hits.locks, "locks of a client");
	if (error == NULL)
		error = ovsdb_session_keep(s, kept);
	if (error != NULL) {
		ovsdb_session_refuse(s, call->id, error);
		return;
	}
	size_t size = strlen(name) + 1;
	struct waiter *w = ovsdb_alloc(sizeof(*w) + size);
	w->kept = kept;
	memcpy(w->name, name, size);
	w->session = s;
	w->lock = get(s->server, name);
	w->has_stolen = steals && !w->lock->is_servers;
	struct waiter *victim = w->has_stolen ? owner_of(w->lock) : NULL;
	if (w->has_stolen)
		list_add_before(w->lock->waiters.next, &w->node);
	else
		list_add(&w->lock->waiters, &w->node);
	list_add(&s->lock_waiters, &w->in_session);
	s->n_locks++;
	if (victim != NULL) {
		if (victim->has_stolen)
			leave(victim);
		notify(victim->session, "stolen", name);
	}
	ovsdb_session_reply(s, call->id, json_pack("{s:b}", "locked", owner_of(w->lock) == w));
}

static struct ovsdb_error *read_name(const struct ovsdb_call *call, const char **ret)
{
	const char *name = json_string_value(json_array_get(call->params, 0));
	bool good = json_array_size(call->params) == 1 && name != NULL && ovsdb_is_id(name);
	if (!good)
		return ovsdb_syntax_error(
		    call->params, NULL, "%s request params must be <id>", call->method);
	*ret = name;
	return NULL;
}

static struct ovsdb_lock *get(struct ovsdb_server *server, const char *name)
{
	hmap_foreach_with_hash (lock, &server->locks, hash(name), struct ovsdb_lock, node)
		if (strcmp(lock->name, name) == 0)
			return lock;
	size_t size = strlen(name) + 1;
	struct ovsdb_lock *lock = ovsdb_alloc(sizeof(*lock) + size);
	memcpy(lock->name, name, size);
	list_init(&lock->waiters);
	hmap_add(&server->locks, &lock->node, hash(name));
	return lock;
}

/* Shared texts' table is keyed; it has the name for as long as this runs. */
static uint64_t hash(const char *name)
{
	struct ovsdb_text *text = ovsdb_text_of_string(name);
	uint64_t h = text->hash;
	ovsdb_text_unref(text);
	return h;
}

static struct waiter *find_waiter(const struct ovsdb_session *s, const char *name)
{
	list_foreach (w, &s->lock_waiters, struct waiter, in_session)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

/* NULL: nobody, or the server. */
static struct waiter *owner_of(const struct ovsdb_lock *lock)
{
	if (lock->is_servers || list_is_empty(&lock->waiters))
		return NULL;
	return list_entry(lock->waiters.next, struct waiter, node);
}

static void drop(struct waiter *w)
{
	struct ovsdb_lock *lock = w->lock;
	struct ovsdb_server *server = w->session->server;
	bool was_owner = lock != NULL && owner_of(lock) == w;
	if (lock != NULL)
		leave(w);
	if (was_owner && owner_of(lock) != NULL)
		notify(owner_of(lock)->session, "locked", lock->name);
	if (lock != NULL && !lock->is_servers && list_is_empty(&lock->waiters)) {
		hmap_del(&server->locks, &lock->node);
		free(lock);
	}
	list_del(&w->in_session);
	w->session->n_locks--;
	ovsdb_session_give(w->session, w->kept);
	free(w);
}

static void leave(struct waiter *w)
{
	list_del(&w->node);
	w->lock = NULL;
}

static void notify(struct ovsdb_session *s, const char *method, const char *name)
{
	ovsdb_session_notify(s, method, json_pack("[s]", name));
}

static void append(char **list, const char *name)
{
	char *longer =
	    *list == NULL ? ovsdb_copy_text(name) : ovsdb_format_text("%s %s", *list, name);
	free(*list);
	*list = longer;
}
