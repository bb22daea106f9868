/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pass of the loop did: transactions that are in memory, and answers that wait for them. At its end one write makes all of it
 * durable; then everybody is told, each author of the updates before its answer. What could not be written is undone, and its authors
 * are told that.
 */
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/server_priv.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

struct batch_item {
	struct list node;
	struct ovsdb_served
	    *served; // of a transaction, or of the answer to one; NULL: another answer
	struct ovsdb_changes *changes; // of a transaction
	struct ovsdb_session *session; // of an answer; NULL: it ended
	bool is_durable;               // already, by the user
	bool is_undone;
	size_t head_size, size; // of the answer's bytes
	size_t n_results;       // in it
	char text[];            // up to the result, and the result
};

static const char answer_end[] = ",\"error\":null}";

static struct batch_item *add_changes(struct ovsdb_served *served, struct ovsdb_changes *changes);
static void make_durable(struct ovsdb_server *s, struct err *err);
static void take_in(struct batch_item *item);
static void answer(struct batch_item *item, const struct err *err);
static void add_error(struct buf_writer *w, const struct err *err);
static void tell_others(struct ovsdb_server *s);
static void tell_user(struct ovsdb_server *s, struct list *items);

void ovsdb_batch_add_changes(struct ovsdb_served *served, struct ovsdb_changes *changes)
{
	add_changes(served, changes);
	if (served->storage != NULL)
		ovsdb_storage_add(served->storage, &changes, 1);
}

void ovsdb_batch_add_durable(struct ovsdb_served *served, struct ovsdb_changes *changes)
{
	add_changes(served, changes)->is_durable = true;
}

static struct batch_item *add_changes(struct ovsdb_served *served, struct ovsdb_changes *changes)
{
	struct batch_item *item = ovsdb_alloc(sizeof(*item));
	item->served = served;
	item->changes = changes;
	list_add(&served->server->batch, &item->node);
	served->server->batch_size += ovsdb_changes_bytes(changes);
	ovsdb_server_wake(served->server);
	return item;
}

void ovsdb_batch_add_reply(struct ovsdb_session *s, struct ovsdb_served *served,
    const struct buf_writer *head, const struct buf_writer *result, size_t n_results)
{
	size_t result_size = result != NULL ? result->size : 0;
	if (s->has_ended)
		return;
	struct batch_item *item = ovsdb_resize(NULL, sizeof(*item) + head->size + result_size);
	*item = (struct batch_item){.served = served,
	    .session = s,
	    .head_size = head->size,
	    .size = head->size + result_size,
	    .n_results = n_results};
	memcpy(item->text, head->data, head->size);
	if (result != NULL)
		memcpy(item->text + head->size, result->data, result->size);
	list_add(&s->server->batch, &item->node);
	s->n_held++;
	ovsdb_conn_hold(s->conn, item->size);
	ovsdb_server_wake(s->server);
}

void ovsdb_batch_forget_session(struct ovsdb_session *s)
{
	if (s->n_held == 0)
		return;
	list_foreach (item, &s->server->batch, struct batch_item, node)
		if (item->session == s)
			item->session = NULL;
	s->n_held = 0;
}

bool ovsdb_batch_is_open(const struct ovsdb_server *s)
{
	return !list_is_empty(&s->batch);
}

void ovsdb_batch_flush(struct ovsdb_server *s)
{
	struct err err = {0};
	struct list items;
	if (list_is_empty(&s->batch) || s->in_flush)
		return;
	s->in_flush = true;
	s->batch_size = 0;
	make_durable(s, &err);
	list_foreach (item, &s->batch, struct batch_item, node)
		if (item->changes != NULL)
			take_in(item);
	list_foreach (item, &s->batch, struct batch_item, node)
		if (item->session != NULL)
			answer(item, &err);
	list_init(&items);
	list_foreach_safe (item, &s->batch, struct batch_item, node) {
		list_del(&item->node);
		list_add(&items, &item->node);
	}
	tell_others(s);
	s->counters.n_batches++;
	s->in_flush = false;
	tell_user(s, &items); // who may flush, or remove a database
}

/* A transaction that waited is gone when it did something: this ends. */
void ovsdb_batch_flush_all(struct ovsdb_server *s)
{
	while (!list_is_empty(&s->batch) && !s->in_flush)
		ovsdb_batch_flush(s);
}

static void make_durable(struct ovsdb_server *s, struct err *err)
{
	list_foreach (served, &s->dbs, struct ovsdb_served, node) {
		if (served->storage == NULL || !ovsdb_storage_is_pending(served->storage) ||
		    ovsdb_storage_flush(served->storage, err) == 0)
			continue;
		s->counters.n_flush_failed++;
		log_err("%s: nothing of the last changes is kept: %s",
		    ovsdb_storage_path(served->storage), err->what);
		list_foreach (other, &s->dbs, struct ovsdb_served, node)
			other->is_refused |= other->storage == served->storage;
	}
}

static void take_in(struct batch_item *item)
{
	struct ovsdb_served *served = item->served;
	item->is_undone = served->is_refused && !item->is_durable;
	for (size_t i = 0; i < item->changes->n; i++)
		served->changed_tables[item->changes->array[i].table->schema->number] = 1;
	if (item->is_undone)
		return;
	served->changed = true;
	served->server->counters.n_txns++;
	ovsdb_served_forget_initial(served);
	ovsdb_change_sets_add(&served->sets, item->changes);
	ovsdb_history_add(&served->history, item->changes);
}

static void answer(struct batch_item *item, const struct err *err)
{
	struct ovsdb_session *s = item->session;
	struct buf_writer w;
	s->n_held--;
	ovsdb_monitor_send_updates(s);
	if (item->served == NULL) {
		ovsdb_session_send_now(s, item->text, item->size);
	} else if (!item->served->is_refused) {
		ovsdb_session_send_now(s, item->text, item->size);
		ovsdb_session_send_now(s, answer_end, sizeof(answer_end) - 1);
	} else {
		/* Not the results: they may show what was undone. */
		buf_writer_init(&w, SIZE_MAX);
		buf_put(&w, item->text, item->head_size);
		buf_put_u8(&w, '[');
		for (size_t i = 0; i < item->n_results; i++)
			ovsdb_json_write_raw(&w, "null,");
		add_error(&w, err);
		ovsdb_session_send_now(s, w.data, w.size);
		buf_writer_fini(&w);
	}
	ovsdb_conn_release(s->conn, item->size);
}

static void add_error(struct buf_writer *w, const struct err *err)
{
	ovsdb_json_write_raw(w, "{\"error\":\"I/O error\",\"details\":");
	ovsdb_json_write_string(w, err->what, strlen(err->what));
	ovsdb_json_write_raw(w, "}]");
	ovsdb_json_write_raw(w, answer_end);
}

static void tell_others(struct ovsdb_server *s)
{
	list_foreach (served, &s->dbs, struct ovsdb_served, node)
		if (served->changed)
			ovsdb_monitor_send_updates_of(served);
	list_foreach (served, &s->dbs, struct ovsdb_served, node) {
		if (served->changed || served->is_refused)
			ovsdb_transact_retry(served);
		memset(served->changed_tables, 0, served->db->schema->n_tables);
		served->changed = false;
		served->is_refused = false;
	}
}

static void tell_user(struct ovsdb_server *s, struct list *items)
{
	list_foreach_safe (item, items, struct batch_item, node) {
		bool is_told = item->changes != NULL && !item->is_undone;
		if (is_told && s->events.on_commit != NULL)
			s->events.on_commit(s->events.arg, item->changes);
		ovsdb_changes_unref(item->changes);
		list_del(&item->node);
		free(item);
	}
}
