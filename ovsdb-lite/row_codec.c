/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/row_codec.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"

enum kind { KIND_INSERT = 1, KIND_MODIFY, KIND_DELETE };
enum form { FORM_VALUE, FORM_DIFF };

static void encode_change(const struct ovsdb_change *change, struct buf_writer *w);
static void encode_cells(const struct ovsdb_change *change, struct buf_writer *w);
static void encode_cell(
    const struct ovsdb_change *change, const struct ovsdb_column *column, struct buf_writer *w);
static void encode_datum(const struct ovsdb_datum *d, struct buf_writer *w);
static void encode_atom(const union ovsdb_atom *atom, uint8_t type, struct buf_writer *w);
static struct ovsdb_error *decode_change(
    struct ovsdb_db *db, struct buf *b, struct ovsdb_changes *changes);
static struct ovsdb_error *decode_cells(struct ovsdb_table *table, struct ovsdb_uuid uuid,
    struct ovsdb_row *old, struct buf *b, struct ovsdb_row **ret);
static struct ovsdb_error *decode_cell(const struct ovsdb_table *table, const struct ovsdb_row *old,
    struct buf *b, struct ovsdb_cell *ret);
static struct ovsdb_error *decode_datum(
    const struct ovsdb_type *type, struct buf *b, struct ovsdb_datum *ret);
static bool decode_atom(uint8_t type, struct buf *b, union ovsdb_atom *ret);
static struct ovsdb_error *damaged(const char *what);

void ovsdb_changes_encode(const struct ovsdb_changes *changes, struct buf_writer *w)
{
	uint32_t n = 0;

	for (size_t i = 0; i < changes->n; i++)
		n += !ovsdb_change_is_ephemeral(&changes->array[i]);
	buf_put_u32(w, n);
	for (size_t i = 0; i < changes->n; i++) {
		if (!ovsdb_change_is_ephemeral(&changes->array[i]))
			encode_change(&changes->array[i], w);
	}
}

bool ovsdb_snapshot_encode(const struct ovsdb_db *db, struct ovsdb_snapshot_cursor *cursor,
    uint32_t max_rows, size_t enough_size, struct buf_writer *w)
{
	size_t count_at = w->size;
	uint32_t n = 0;

	buf_put_u32(w, 0);
	while (n < max_rows && w->size - count_at < enough_size &&
	       cursor->table < db->schema->n_tables && !w->bad) {
		struct ovsdb_table *table = &db->tables[cursor->table];
		struct ovsdb_change change = {.table = table};
		change.new = ovsdb_row_set_next(&table->rows, &cursor->row);
		if (change.new == NULL) {
			cursor->table++;
			cursor->row = 0;
			continue;
		}
		encode_change(&change, w);
		n++;
	}
	if (n == 0)
		w->size = count_at;
	else if (!w->bad)
		memcpy(w->data + count_at, &n, sizeof(n));
	return n > 0;
}

struct ovsdb_error *ovsdb_changes_decode(
    struct ovsdb_db *db, struct buf *b, struct ovsdb_changes **ret)
{
	struct ovsdb_changes *changes = ovsdb_changes_create(db);
	struct ovsdb_error *error = NULL;
	uint32_t n = buf_u32(b);

	for (uint32_t i = 0; error == NULL && i < n; i++)
		error = decode_change(db, b, changes);
	if (error == NULL && b->bad)
		error = damaged("it ends early");
	if (error == NULL)
		error = ovsdb_changes_check_distinct(changes);
	if (error != NULL)
		ovsdb_changes_unref(changes);
	else
		*ret = changes;
	return error;
}

struct ovsdb_error *ovsdb_changes_check_distinct(const struct ovsdb_changes *changes)
{
	struct ovsdb_row_set seen;
	struct ovsdb_error *error = NULL;

	ovsdb_row_set_init(&seen);
	for (size_t i = 0; error == NULL && i < changes->n; i++) {
		const struct ovsdb_change *change = &changes->array[i];
		struct ovsdb_row *row = change->new != NULL ? change->new : change->old, *other;
		uint64_t hash = ovsdb_uuid_hash(&row->uuid);
		size_t cursor = SIZE_MAX;
		while (error == NULL &&
		       (other = ovsdb_row_set_next_with_hash(&seen, hash, &cursor)) != NULL) {
			if (other->table == row->table && ovsdb_uuid_equals(other->uuid, row->uuid))
				error = damaged("it changes a row twice");
		}
		ovsdb_row_set_add(&seen, row, hash);
	}
	ovsdb_row_set_fini(&seen);
	return error;
}

static void encode_change(const struct ovsdb_change *change, struct buf_writer *w)
{
	const struct ovsdb_row *any = change->new != NULL ? change->new : change->old;

	buf_put_u16(w, change->table->schema->number);
	buf_put_u8(w, change->old == NULL   ? KIND_INSERT
		      : change->new == NULL ? KIND_DELETE
					    : KIND_MODIFY);
	buf_put_u64(w, any->uuid.hi);
	buf_put_u64(w, any->uuid.lo);
	if (change->new != NULL)
		encode_cells(change, w);
}

static void encode_cells(const struct ovsdb_change *change, struct buf_writer *w)
{
	const struct ovsdb_table_schema *schema = change->table->schema;
	size_t count_at = w->size;
	uint16_t n = 0;

	buf_put_u16(w, 0);
	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		if (!column->is_persistent || !ovsdb_change_has_column(change, column))
			continue;
		encode_cell(change, column, w);
		n++;
	}
	if (!w->bad)
		memcpy(w->data + count_at, &n, sizeof(n));
}

static void encode_cell(
    const struct ovsdb_change *change, const struct ovsdb_column *column, struct buf_writer *w)
{
	struct ovsdb_datum new = ovsdb_row_get(change->new, column);

	buf_put_u16(w, column->number);
	if (change->old != NULL && new.n > 1) {
		struct ovsdb_datum old = ovsdb_row_get(change->old, column);
		struct ovsdb_datum diff = ovsdb_datum_diff(&old, &new, &column->type);
		bool is_shorter = diff.n < new.n;
		if (is_shorter) {
			buf_put_u8(w, FORM_DIFF);
			encode_datum(&diff, w);
		}
		ovsdb_datum_unref(&diff);
		if (is_shorter)
			return;
	}
	buf_put_u8(w, FORM_VALUE);
	encode_datum(&new, w);
}

static void encode_datum(const struct ovsdb_datum *d, struct buf_writer *w)
{
	buf_put_u32(w, d->n);
	for (uint32_t i = 0; i < d->n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(d, i);
		encode_atom(&key, d->key_type, w);
	}
	for (uint32_t i = 0; d->value_type != OVSDB_VOID && i < d->n; i++) {
		union ovsdb_atom value = ovsdb_datum_value(d, i);
		encode_atom(&value, d->value_type, w);
	}
}

static void encode_atom(const union ovsdb_atom *atom, uint8_t type, struct buf_writer *w)
{
	switch (type) {
	case OVSDB_INTEGER: buf_put_u64(w, (uint64_t)atom->integer); break;
	case OVSDB_REAL: buf_put(w, &atom->real, sizeof(atom->real)); break;
	case OVSDB_BOOLEAN: buf_put_u8(w, atom->boolean ? 1 : 0); break;
	case OVSDB_STRING:
		buf_put_u32(w, atom->string->len);
		buf_put(w, atom->string->s, atom->string->len);
		break;
	case OVSDB_UUID:
		buf_put_u64(w, atom->uuid.hi);
		buf_put_u64(w, atom->uuid.lo);
		break;
	default: break;
	}
}

static struct ovsdb_error *decode_change(
    struct ovsdb_db *db, struct buf *b, struct ovsdb_changes *changes)
{
	uint16_t number = buf_u16(b);
	uint8_t kind = buf_u8(b);
	struct ovsdb_uuid uuid = {.hi = buf_u64(b)};
	struct ovsdb_row *new = NULL;

	uuid.lo = buf_u64(b);
	if (b->bad)
		return damaged("it ends early");
	if (number >= db->schema->n_tables || kind < KIND_INSERT || kind > KIND_DELETE)
		return damaged("no such table, or no such kind of change");
	struct ovsdb_table *table = &db->tables[number];
	struct ovsdb_row *old = ovsdb_table_find_row(table, &uuid);
	if ((old == NULL) != (kind == KIND_INSERT))
		return damaged(old == NULL ? "it changes a row that is not there"
					   : "it inserts a row that is there");
	if (kind != KIND_DELETE) {
		struct ovsdb_error *error = decode_cells(table, uuid, old, b, &new);
		if (error != NULL)
			return error;
	}
	ovsdb_changes_add(changes, table, old != NULL ? ovsdb_row_ref(old) : NULL, new);
	return NULL;
}

static struct ovsdb_error *decode_cells(struct ovsdb_table *table, struct ovsdb_uuid uuid,
    struct ovsdb_row *old, struct buf *b, struct ovsdb_row **ret)
{
	uint16_t n = buf_u16(b), n_read = 0;
	struct ovsdb_error *error = NULL;

	if (n > table->schema->n_columns)
		return damaged("more columns than the table has");
	struct ovsdb_cell *cells = ovsdb_alloc_array(n, sizeof(*cells));
	while (error == NULL && n_read < n) {
		error = decode_cell(table, old, b, &cells[n_read]);
		if (error != NULL)
			break;
		n_read++;
		if (n_read > 1 && cells[n_read - 2].column >= cells[n_read - 1].column)
			error = damaged("its columns are not in order");
	}
	if (error == NULL)
		*ret = ovsdb_row_create(table, uuid, old, cells, n);
	for (uint16_t i = 0; i < n_read; i++)
		ovsdb_datum_unref(&cells[i].datum);
	free(cells);
	return error;
}

static struct ovsdb_error *decode_cell(const struct ovsdb_table *table, const struct ovsdb_row *old,
    struct buf *b, struct ovsdb_cell *ret)
{
	const struct ovsdb_table_schema *schema = table->schema;
	uint16_t number = buf_u16(b);
	uint8_t form = buf_u8(b);
	struct ovsdb_datum d;

	if (number < OVSDB_N_STD_COLUMNS || number >= schema->n_columns ||
	    !schema->columns[number].is_persistent)
		return damaged("no such column");
	ret->column = &schema->columns[number];
	if (form > FORM_DIFF ||
	    (form == FORM_DIFF && (old == NULL || ret->column->type.n_max == 1)))
		return damaged("a value of an unknown form");
	struct ovsdb_error *error = decode_datum(&ret->column->type, b, &d);
	if (error != NULL)
		return error;
	ret->datum = d;
	if (form == FORM_DIFF) {
		struct ovsdb_datum before = ovsdb_row_get(old, ret->column);
		error = ovsdb_datum_apply_diff(&ret->datum, &before, &d, &ret->column->type);
		ovsdb_datum_unref(&d);
	}
	if (error != NULL)
		return error;
	error = ovsdb_datum_check(&ret->datum, &ret->column->type);
	if (error != NULL)
		ovsdb_datum_unref(&ret->datum);
	return error;
}

static struct ovsdb_error *decode_datum(
    const struct ovsdb_type *type, struct buf *b, struct ovsdb_datum *ret)
{
	uint8_t key_type = (uint8_t)type->key.type, value_type = (uint8_t)type->value.type;
	uint32_t n = buf_u32(b), n_values = value_type == OVSDB_VOID ? 0 : n;
	union ovsdb_atom none = {.uuid = {0}}, atom;
	struct ovsdb_datum_builder d;
	bool is_ok = true;

	ovsdb_datum_builder_init(&d, type->key.type, type->value.type);
	// Values come behind all keys: until they are read the pairs hold what is nothing.
	if (value_type == OVSDB_STRING)
		none.string = ovsdb_text_of("", 0);
	for (uint32_t i = 0; is_ok && i < n; i++) {
		is_ok = decode_atom(key_type, b, &atom);
		if (is_ok)
			ovsdb_datum_builder_add(&d, atom, ovsdb_atom_ref(&none, type->value.type));
	}
	for (uint32_t i = 0; is_ok && i < n_values; i++) {
		is_ok = decode_atom(value_type, b, &atom);
		if (!is_ok)
			break;
		ovsdb_atom_unref(&d.pairs[i].value, type->value.type);
		d.pairs[i].value = atom;
	}
	ovsdb_atom_unref(&none, type->value.type);
	if (is_ok && ovsdb_datum_builder_sort(&d) == 0) {
		*ret = ovsdb_datum_builder_finish(&d);
		return NULL;
	}
	ovsdb_datum_builder_fini(&d);
	return damaged("a value that is cut, or has a key twice");
}

/* False: nothing to release. */
static bool decode_atom(uint8_t type, struct buf *b, union ovsdb_atom *ret)
{
	uint32_t len = 0;
	const uint8_t *bytes;

	*ret = (union ovsdb_atom){.uuid = {0}};
	switch (type) {
	case OVSDB_INTEGER: ret->integer = (int64_t)buf_u64(b); return !b->bad;
	case OVSDB_REAL: buf_bytes(b, &ret->real, sizeof(ret->real)); return !b->bad;
	case OVSDB_UUID:
		ret->uuid.hi = buf_u64(b);
		ret->uuid.lo = buf_u64(b);
		return !b->bad;
	case OVSDB_BOOLEAN:
		len = buf_u8(b);
		ret->boolean = len == 1;
		return !b->bad && len <= 1;
	case OVSDB_STRING:
		len = buf_u32(b);
		bytes = buf_take(b, len);
		if (b->bad || (len > 0 && memchr(bytes, '\0', len) != NULL))
			return false;
		ret->string = ovsdb_text_of(len > 0 ? (const char *)bytes : "", len);
		return true;
	default: return false;
	}
}

static struct ovsdb_error *damaged(const char *what)
{
	return ovsdb_error_create("ovsdb error", "a change cannot be read: %s", what);
}
