/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/update.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/datum_text.h"
#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"

/* An object of objects in the making: what separates the next, and whether something was written. */
struct update {
	struct buf_writer *w;
	const struct ovsdb_shape *shape;
	const struct ovsdb_shape_table *table; // the one that is open, or NULL
	size_t n_tables, n_rows;               // written; of the open table
	bool *changed;                         // as the table's columns
};

static struct update begin(struct buf_writer *w, const struct ovsdb_shape *shape);
static bool end(struct update *u);
static void write_row(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new);
static void open_row(
    struct update *u, const struct ovsdb_shape_table *t, const struct ovsdb_row *row);
static void close_table(struct update *u);
static bool find_changed(struct update *u, const struct ovsdb_shape_table *t,
    const struct ovsdb_row *old, const struct ovsdb_row *new);
static void write_v1(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new);
static void write_v2(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new);
static void write_key(struct buf_writer *w, size_t *n, const char *key);
static void write_value(
    struct buf_writer *w, const struct ovsdb_row *row, const struct ovsdb_column *column);
static void write_diff(struct buf_writer *w, const struct ovsdb_row *old,
    const struct ovsdb_row *new, const struct ovsdb_column *column);
static unsigned int kind_of(const struct ovsdb_row *old, const struct ovsdb_row *new,
    const struct ovsdb_condition *before, const struct ovsdb_condition *after);

bool ovsdb_update_write_initial(
    struct buf_writer *w, const struct ovsdb_shape *shape, const struct ovsdb_condition *conditions)
{
	struct update u = begin(w, shape);
	for (size_t i = 0; i < shape->n; i++) {
		const struct ovsdb_shape_table *t = &shape->tables[i];
		if ((t->select & OVSDB_SELECT_INITIAL) == 0)
			continue;
		ovsdb_table_foreach_row (row, t->table)
			if (conditions == NULL || ovsdb_condition_matches_any(&conditions[i], row))
				write_row(&u, t, OVSDB_SELECT_INITIAL, NULL, row);
	}
	return end(&u);
}

bool ovsdb_update_write_changes(struct buf_writer *w, const struct ovsdb_shape *shape,
    const struct ovsdb_condition *conditions, const struct ovsdb_change_set *set)
{
	struct update u = begin(w, shape);
	uint16_t *counts = ovsdb_alloc_array(shape->n, sizeof(*counts));
	for (size_t i = 0; i < set->n; i++) {
		uint16_t at = shape->by_number[set->array[i].table->schema->number];
		if (at > 0)
			counts[at - 1] = 1;
	}
	for (size_t i = 0; i < shape->n; i++) {
		const struct ovsdb_shape_table *t = &shape->tables[i];
		const struct ovsdb_condition *c = conditions != NULL ? &conditions[i] : NULL;
		for (size_t k = 0; counts[i] > 0 && k < set->n; k++) {
			const struct ovsdb_net_change *change = &set->array[k];
			if (change->table == t->table)
				write_row(&u, t, kind_of(change->old, change->new, c, c),
				    change->old, change->new);
		}
	}
	free(counts);
	return end(&u);
}

bool ovsdb_update_write_choice(struct buf_writer *w, const struct ovsdb_shape *shape,
    const struct ovsdb_condition *before, const struct ovsdb_condition *after)
{
	struct update u = begin(w, shape);
	for (size_t i = 0; i < shape->n; i++) {
		const struct ovsdb_shape_table *t = &shape->tables[i];
		if (ovsdb_condition_equals(&before[i], &after[i]))
			continue;
		ovsdb_table_foreach_row (row, t->table)
			write_row(&u, t, kind_of(row, row, &before[i], &after[i]), row, row);
	}
	return end(&u);
}

static struct update begin(struct buf_writer *w, const struct ovsdb_shape *shape)
{
	return (struct update){
	    .w = w, .shape = shape, .changed = ovsdb_alloc_array(shape->max_columns, sizeof(bool))};
}

static bool end(struct update *u)
{
	close_table(u);
	free(u->changed);
	if (u->n_tables == 0)
		return false;
	buf_put_u8(u->w, '}');
	return true;
}

/* kind 0: the client does not see it. */
static void write_row(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	if ((t->select & kind) == 0)
		return;
	if (kind == OVSDB_SELECT_MODIFY && !find_changed(u, t, old, new))
		return;
	open_row(u, t, new != NULL ? new : old);
	if (u->shape->version == 1)
		write_v1(u, t, kind, old, new);
	else
		write_v2(u, t, kind, old, new);
}

static void open_row(
    struct update *u, const struct ovsdb_shape_table *t, const struct ovsdb_row *row)
{
	struct buf_writer *w = u->w;
	if (u->table != t) {
		close_table(u);
		buf_put_u8(w, u->n_tables++ == 0 ? '{' : ',');
		ovsdb_json_write_string(w, t->table->schema->name, strlen(t->table->schema->name));
		ovsdb_json_write_raw(w, ":");
		u->table = t;
		u->n_rows = 0;
	}
	buf_put_u8(w, u->n_rows++ == 0 ? '{' : ',');
	ovsdb_uuid_write(w, &row->uuid);
	buf_put_u8(w, ':');
}

static void close_table(struct update *u)
{
	if (u->table != NULL)
		buf_put_u8(u->w, '}');
	u->table = NULL;
}

static bool find_changed(struct update *u, const struct ovsdb_shape_table *t,
    const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	bool any = false;
	for (size_t i = 0; i < t->n; i++) {
		u->changed[i] = !ovsdb_row_column_equals(old, new, t->columns[i].column);
		any |= u->changed[i];
	}
	return any;
}

static void write_v1(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	struct buf_writer *w = u->w;
	bool has_old = kind == OVSDB_SELECT_DELETE || kind == OVSDB_SELECT_MODIFY;
	bool has_new = kind != OVSDB_SELECT_DELETE;
	size_t n = 0;
	if (has_old)
		ovsdb_json_write_raw(w, "{\"old\":{");
	for (size_t i = 0; has_old && i < t->n; i++) {
		const struct ovsdb_shape_column *c = &t->columns[i];
		if ((c->select & kind) == 0 || (kind == OVSDB_SELECT_MODIFY && !u->changed[i]))
			continue;
		write_key(w, &n, c->column->name);
		write_value(w, old, c->column);
	}
	if (has_new)
		ovsdb_json_write_raw(w, has_old ? "},\"new\":{" : "{\"new\":{");
	n = 0;
	for (size_t i = 0; has_new && i < t->n; i++) {
		const struct ovsdb_shape_column *c = &t->columns[i];
		if ((c->select & kind) == 0)
			continue;
		write_key(w, &n, c->column->name);
		write_value(w, new, c->column);
	}
	ovsdb_json_write_raw(w, "}}");
}

static void write_v2(struct update *u, const struct ovsdb_shape_table *t, unsigned int kind,
    const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	struct buf_writer *w = u->w;
	size_t n = 0;
	if (kind == OVSDB_SELECT_DELETE) {
		ovsdb_json_write_raw(w, "{\"delete\":null}");
		return;
	}
	ovsdb_json_write_raw(w, kind == OVSDB_SELECT_INITIAL  ? "{\"initial\":{"
				: kind == OVSDB_SELECT_INSERT ? "{\"insert\":{"
							      : "{\"modify\":{");
	for (size_t i = 0; i < t->n; i++) {
		const struct ovsdb_column *column = t->columns[i].column;
		bool is_told =
		    kind == OVSDB_SELECT_MODIFY ? u->changed[i] : ovsdb_row_has(new, column);
		if ((t->columns[i].select & kind) == 0 || !is_told)
			continue;
		write_key(w, &n, column->name);
		if (kind == OVSDB_SELECT_MODIFY)
			write_diff(w, old, new, column);
		else
			write_value(w, new, column);
	}
	ovsdb_json_write_raw(w, "}}");
}

static void write_key(struct buf_writer *w, size_t *n, const char *key)
{
	if ((*n)++ > 0)
		buf_put_u8(w, ',');
	ovsdb_json_write_string(w, key, strlen(key));
	buf_put_u8(w, ':');
}

static void write_value(
    struct buf_writer *w, const struct ovsdb_row *row, const struct ovsdb_column *column)
{
	struct ovsdb_datum d = ovsdb_row_get(row, column);
	ovsdb_datum_write(w, &d);
}

static void write_diff(struct buf_writer *w, const struct ovsdb_row *old,
    const struct ovsdb_row *new, const struct ovsdb_column *column)
{
	struct ovsdb_datum before = ovsdb_row_get(old, column);
	struct ovsdb_datum after = ovsdb_row_get(new, column);
	struct ovsdb_datum diff = ovsdb_datum_diff(&before, &after, &column->type);
	ovsdb_datum_write(w, &diff);
	ovsdb_datum_unref(&diff);
}

/* What the client sees of it, given what it was shown before and is to be shown after. */
static unsigned int kind_of(const struct ovsdb_row *old, const struct ovsdb_row *new,
    const struct ovsdb_condition *before, const struct ovsdb_condition *after)
{
	bool was_seen = old != NULL && (before == NULL || ovsdb_condition_matches_any(before, old));
	bool is_seen = new != NULL && (after == NULL || ovsdb_condition_matches_any(after, new));
	if (was_seen)
		return is_seen ? OVSDB_SELECT_MODIFY : OVSDB_SELECT_DELETE;
	return is_seen ? OVSDB_SELECT_INSERT : 0;
}
