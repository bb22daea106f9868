/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/row.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/table.h"

#define VERSION_PREFIX_MASK 0xffffffffffff0fffULL
#define VERSION_4           0x4000ULL
#define VARIANT_RFC         (2ULL << 62)

static uint64_t next_version = 1;

static bool has_bit(const uint64_t *bits, unsigned int i);
static size_t slot_of(const struct ovsdb_row *row, unsigned int number);
static size_t count_words(const struct ovsdb_table_schema *schema, const uint64_t *bits);
static void put_cell(
    uint64_t *slot, const struct ovsdb_column *column, const struct ovsdb_datum *d);
static void copy_cell(uint64_t *slot, const struct ovsdb_column *column, const uint64_t *from);
static bool cells_equal(const struct ovsdb_column *column, const uint64_t *a, const uint64_t *b);
static void release_cell(const struct ovsdb_column *column, uint64_t *slot);
static struct ovsdb_uuid version_prefix(void);

void ovsdb_row_unref(struct ovsdb_row *row)
{
	if (row == NULL || --row->n_refs > 0)
		return;
	const struct ovsdb_table_schema *schema = row->table->schema;
	uint64_t *slot = row->words + schema->n_words;
	for (unsigned int w = 0; w < schema->n_words; w++) {
		for (uint64_t bits = row->words[w]; bits != 0; bits &= bits - 1) {
			const struct ovsdb_column *column =
			    &schema->columns[w * 64 + (unsigned int)__builtin_ctzll(bits)];
			release_cell(column, slot);
			slot += column->type.is_wide ? 2 : 1;
		}
	}
	free(row);
}

struct ovsdb_datum ovsdb_row_get(const struct ovsdb_row *row, const struct ovsdb_column *column)
{
	const struct ovsdb_type *type = &column->type;

	if (column->number == OVSDB_COL_UUID)
		return ovsdb_datum_of_uuid(row->uuid);
	if (column->number == OVSDB_COL_VERSION)
		return ovsdb_datum_of_uuid(ovsdb_row_version(row));
	if (!has_bit(row->words, column->number))
		return type->default_value;
	const uint64_t *slot = row->words + slot_of(row, column->number);
	if (type->is_inline)
		return ovsdb_datum_of_words(slot, type->key.type, type->is_wide);
	struct ovsdb_block *block;
	memcpy(&block, slot, sizeof(block));
	if (block == NULL)
		return ovsdb_datum_empty(type->key.type, type->value.type);
	return ovsdb_datum_of_block(block, type->key.type, type->value.type);
}

struct ovsdb_datum ovsdb_row_get_named(const struct ovsdb_row *row, const char *column)
{
	const struct ovsdb_column *found = ovsdb_table_find_column(row->table, column);

	assert(found != NULL);
	return ovsdb_row_get(row, found);
}

bool ovsdb_row_has(const struct ovsdb_row *row, const struct ovsdb_column *column)
{
	return column->number < OVSDB_N_STD_COLUMNS || has_bit(row->words, column->number);
}

/* A random prefix of the process and the row's number: as good as random to who only compares them. */
struct ovsdb_uuid ovsdb_row_version(const struct ovsdb_row *row)
{
	struct ovsdb_uuid uuid = version_prefix();

	uuid.lo = VARIANT_RFC | row->version;
	return uuid;
}

uint64_t ovsdb_row_version_number(struct ovsdb_uuid version)
{
	return version.hi == version_prefix().hi ? version.lo & ~VARIANT_RFC : 0;
}

/* Defaults are never stored and texts are shared: only blocks may be equal without being the same words. */
bool ovsdb_row_column_equals(
    const struct ovsdb_row *a, const struct ovsdb_row *b, const struct ovsdb_column *column)
{
	if (a == b)
		return true;
	if (column->number < OVSDB_N_STD_COLUMNS) {
		struct ovsdb_datum x = ovsdb_row_get(a, column), y = ovsdb_row_get(b, column);
		return ovsdb_datum_equals(&x, &y);
	}
	bool is_there = has_bit(a->words, column->number);
	if (is_there != has_bit(b->words, column->number))
		return false;
	return !is_there || cells_equal(column, a->words + slot_of(a, column->number),
				b->words + slot_of(b, column->number));
}

bool ovsdb_row_equals(const struct ovsdb_row *a, const struct ovsdb_row *b)
{
	const struct ovsdb_table_schema *schema = a->table->schema;
	size_t slot = schema->n_words;

	if (memcmp(a->words, b->words, slot * sizeof(uint64_t)) != 0)
		return false;
	for (unsigned int w = 0; w < schema->n_words; w++) {
		for (uint64_t bits = a->words[w]; bits != 0; bits &= bits - 1) {
			const struct ovsdb_column *column =
			    &schema->columns[w * 64 + (unsigned int)__builtin_ctzll(bits)];
			if (!cells_equal(column, a->words + slot, b->words + slot))
				return false;
			slot += column->type.is_wide ? 2 : 1;
		}
	}
	return true;
}

bool ovsdb_row_columns_equal(
    const struct ovsdb_row *a, const struct ovsdb_row *b, const struct ovsdb_column_list *columns)
{
	for (uint16_t i = 0; i < columns->n; i++) {
		if (!ovsdb_row_column_equals(a, b, columns->columns[i]))
			return false;
	}
	return true;
}

uint64_t ovsdb_row_hash_columns(
    const struct ovsdb_row *row, const struct ovsdb_column_list *columns)
{
	uint64_t hash = 0;

	for (uint16_t i = 0; i < columns->n; i++) {
		struct ovsdb_datum d = ovsdb_row_get(row, columns->columns[i]);
		hash = ovsdb_datum_hash(&d, hash);
	}
	return hash;
}

json_t *ovsdb_row_to_json(const struct ovsdb_row *row, const struct ovsdb_column_list *columns)
{
	const struct ovsdb_table_schema *schema = row->table->schema;
	uint16_t n = columns != NULL ? columns->n : schema->n_columns;
	json_t *json = json_object();

	for (uint16_t i = 0; i < n; i++) {
		const struct ovsdb_column *column =
		    columns != NULL ? columns->columns[i] : &schema->columns[i];
		struct ovsdb_datum d = ovsdb_row_get(row, column);
		json_object_set_new_nocheck(
		    json, column->name, ovsdb_datum_to_json(&d, &column->type));
	}
	return json;
}

size_t ovsdb_row_json_bytes(const struct ovsdb_row *row, const struct ovsdb_column_list *columns)
{
	enum { OBJECT = 200, MEMBER = 80 };
	const struct ovsdb_table_schema *schema = row->table->schema;
	uint16_t n = columns != NULL ? columns->n : schema->n_columns;
	size_t size = OBJECT;

	for (uint16_t i = 0; i < n; i++) {
		struct ovsdb_datum d =
		    ovsdb_row_get(row, columns != NULL ? columns->columns[i] : &schema->columns[i]);
		size += MEMBER + ovsdb_datum_json_bytes(&d);
	}
	return size;
}

struct ovsdb_row *ovsdb_row_create(struct ovsdb_table *table, struct ovsdb_uuid uuid,
    const struct ovsdb_row *base, const struct ovsdb_cell *cells, size_t n_cells)
{
	const struct ovsdb_table_schema *schema = table->schema;
	uint64_t few[4] = {0}, *bits = few;
	size_t bits_size = schema->n_words * sizeof(uint64_t);

	if (schema->n_words > ARRAY_SIZE(few))
		bits = ovsdb_alloc(bits_size);
	if (base != NULL)
		memcpy(bits, base->words, bits_size);
	for (size_t i = 0; i < n_cells; i++) {
		const struct ovsdb_column *column = cells[i].column;
		uint64_t bit = 1ULL << column->number % 64;
		bits[column->number / 64] |= bit;
		if (ovsdb_datum_is_default(&cells[i].datum, &column->type))
			bits[column->number / 64] &= ~bit;
	}
	size_t n_words = schema->n_words + count_words(schema, bits);
	struct ovsdb_row *row = ovsdb_alloc_dirty(sizeof(*row) + n_words * sizeof(uint64_t));
	*row = (struct ovsdb_row){
	    .table = table, .uuid = uuid, .version = next_version++, .n_refs = 1};
	memcpy(row->words, bits, bits_size);
	if (bits != few)
		free(bits);

	uint64_t *slot = row->words + schema->n_words;
	size_t next_cell = 0;
	for (unsigned int w = 0; w < schema->n_words; w++) {
		for (uint64_t left = row->words[w]; left != 0; left &= left - 1) {
			unsigned int number = w * 64 + (unsigned int)__builtin_ctzll(left);
			const struct ovsdb_column *column = &schema->columns[number];
			while (next_cell < n_cells && cells[next_cell].column->number < number)
				next_cell++;
			if (next_cell < n_cells && cells[next_cell].column == column)
				put_cell(slot, column, &cells[next_cell].datum);
			else
				copy_cell(slot, column, base->words + slot_of(base, number));
			slot += column->type.is_wide ? 2 : 1;
		}
	}
	return row;
}

size_t ovsdb_row_bytes(const struct ovsdb_row *row)
{
	const struct ovsdb_table_schema *schema = row->table->schema;

	return sizeof(*row) +
	       sizeof(uint64_t) * (schema->n_words + count_words(schema, row->words));
}

static bool has_bit(const uint64_t *bits, unsigned int i)
{
	return (bits[i / 64] >> i % 64 & 1) != 0;
}

/* Index in words[] of a column that is there. */
static size_t slot_of(const struct ovsdb_row *row, unsigned int number)
{
	const struct ovsdb_table_schema *schema = row->table->schema;
	size_t slot = schema->n_words;
	unsigned int last = number / 64;

	for (unsigned int w = 0; w <= last; w++) {
		uint64_t below = row->words[w];
		if (w == last)
			below &= (1ULL << number % 64) - 1;
		slot += (size_t)__builtin_popcountll(below) +
			(size_t)__builtin_popcountll(below & schema->wide_bits[w]);
	}
	return slot;
}

static size_t count_words(const struct ovsdb_table_schema *schema, const uint64_t *bits)
{
	size_t n = 0;

	for (unsigned int w = 0; w < schema->n_words; w++)
		n += (size_t)__builtin_popcountll(bits[w]) +
		     (size_t)__builtin_popcountll(bits[w] & schema->wide_bits[w]);
	return n;
}

static void put_cell(uint64_t *slot, const struct ovsdb_column *column, const struct ovsdb_datum *d)
{
	if (column->type.is_inline) {
		union ovsdb_atom atom = ovsdb_datum_key(d, 0);
		ovsdb_atom_ref(&atom, column->type.key.type);
		// Equal values are equal words: no bytes beside a boolean, no -0.0.
		bool is_true = column->type.key.type == OVSDB_BOOLEAN && atom.boolean;
		if (column->type.key.type == OVSDB_BOOLEAN)
			atom.integer = is_true ? 1 : 0;
		else if (column->type.key.type == OVSDB_REAL)
			atom.real += 0.0;
		memcpy(slot, &atom, column->type.is_wide ? sizeof(atom) : sizeof(*slot));
		return;
	}
	struct ovsdb_block *block = ovsdb_datum_to_block(d);
	memcpy(slot, &block, sizeof(block));
}

static void copy_cell(uint64_t *slot, const struct ovsdb_column *column, const uint64_t *from)
{
	struct ovsdb_block *block;

	memcpy(slot, from, column->type.is_wide ? 2 * sizeof(*slot) : sizeof(*slot));
	if (!column->type.is_inline) {
		memcpy(&block, from, sizeof(block));
		if (block != NULL)
			block->n_refs++;
	} else if (column->type.key.type == OVSDB_STRING) {
		struct ovsdb_text *text;
		memcpy(&text, from, sizeof(text));
		ovsdb_text_ref(text);
	}
}

static bool cells_equal(const struct ovsdb_column *column, const uint64_t *a, const uint64_t *b)
{
	const struct ovsdb_type *type = &column->type;
	struct ovsdb_block *x, *y;

	if (type->is_inline || *a == *b)
		return *a == *b && (!type->is_wide || a[1] == b[1]);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x == NULL || y == NULL)
		return false;
	struct ovsdb_datum d = ovsdb_datum_of_block(x, type->key.type, type->value.type);
	struct ovsdb_datum e = ovsdb_datum_of_block(y, type->key.type, type->value.type);
	return ovsdb_datum_equals(&d, &e);
}

static void release_cell(const struct ovsdb_column *column, uint64_t *slot)
{
	const struct ovsdb_type *type = &column->type;

	if (!type->is_inline) {
		struct ovsdb_block *block;
		memcpy(&block, slot, sizeof(block));
		ovsdb_block_unref(block, type->key.type, type->value.type);
	} else if (type->key.type == OVSDB_STRING) {
		struct ovsdb_text *text;
		memcpy(&text, slot, sizeof(text));
		ovsdb_text_unref(text);
	}
}

static struct ovsdb_uuid version_prefix(void)
{
	static struct ovsdb_uuid prefix;

	if (ovsdb_uuid_is_zero(prefix)) {
		prefix = ovsdb_uuid_random();
		prefix.hi = (prefix.hi & VERSION_PREFIX_MASK) | VERSION_4;
	}
	return prefix;
}
