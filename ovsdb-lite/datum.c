/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/datum.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/mem.h"

static void grow_pairs(struct ovsdb_datum_builder *b);
static size_t atom_words(uint8_t type);
static union ovsdb_atom load(const uint64_t *words, size_t i, uint8_t type);
static void store(uint64_t *words, size_t i, const union ovsdb_atom *atom, uint8_t type);
static void free_block(struct ovsdb_datum *d);
static int compare_in_builder(const void *a, const void *b, void *ctx);

union ovsdb_atom ovsdb_datum_key(const struct ovsdb_datum *d, uint32_t i)
{
	return d->is_inline ? d->atom : load(d->block->words, i, d->key_type);
}

union ovsdb_atom ovsdb_datum_value(const struct ovsdb_datum *d, uint32_t i)
{
	return load(d->block->words + d->n * atom_words(d->key_type), i, d->value_type);
}

int64_t ovsdb_datum_find_key(const struct ovsdb_datum *d, const union ovsdb_atom *key)
{
	uint32_t low = 0, high = d->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		union ovsdb_atom atom = ovsdb_datum_key(d, mid);
		int order = ovsdb_atom_compare(key, &atom, d->key_type);
		if (order == 0)
			return mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

bool ovsdb_datum_equals(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	if (a->n != b->n)
		return false;
	if (!a->is_inline && !b->is_inline && a->block == b->block)
		return true;
	for (uint32_t i = 0; i < a->n; i++) {
		union ovsdb_atom x = ovsdb_datum_key(a, i), y = ovsdb_datum_key(b, i);
		if (!ovsdb_atom_equals(&x, &y, a->key_type))
			return false;
		if (a->value_type == OVSDB_VOID)
			continue;
		x = ovsdb_datum_value(a, i);
		y = ovsdb_datum_value(b, i);
		if (!ovsdb_atom_equals(&x, &y, a->value_type))
			return false;
	}
	return true;
}

int ovsdb_datum_compare(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	int order = a->n < b->n ? -1 : a->n > b->n;

	for (uint32_t i = 0; order == 0 && i < a->n; i++) {
		union ovsdb_atom x = ovsdb_datum_key(a, i), y = ovsdb_datum_key(b, i);
		order = ovsdb_atom_compare(&x, &y, a->key_type);
	}
	for (uint32_t i = 0; order == 0 && a->value_type != OVSDB_VOID && i < a->n; i++) {
		union ovsdb_atom x = ovsdb_datum_value(a, i), y = ovsdb_datum_value(b, i);
		order = ovsdb_atom_compare(&x, &y, a->value_type);
	}
	return order;
}

uint64_t ovsdb_datum_hash(const struct ovsdb_datum *d, uint64_t basis)
{
	basis = basis * 31 + d->n;
	for (uint32_t i = 0; i < d->n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(d, i);
		basis = ovsdb_atom_hash(&key, d->key_type, basis);
		if (d->value_type == OVSDB_VOID)
			continue;
		union ovsdb_atom value = ovsdb_datum_value(d, i);
		basis = ovsdb_atom_hash(&value, d->value_type, basis);
	}
	return basis;
}

bool ovsdb_datum_is_default(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	return ovsdb_datum_equals(d, &type->default_value);
}

const char *ovsdb_datum_string(const struct ovsdb_datum *d)
{
	return d->n > 0 && d->key_type == OVSDB_STRING ? ovsdb_datum_key(d, 0).string->s : NULL;
}

int64_t ovsdb_datum_integer(const struct ovsdb_datum *d, int64_t fallback)
{
	return d->n > 0 && d->key_type == OVSDB_INTEGER ? ovsdb_datum_key(d, 0).integer : fallback;
}

bool ovsdb_datum_boolean(const struct ovsdb_datum *d, bool fallback)
{
	return d->n > 0 && d->key_type == OVSDB_BOOLEAN ? ovsdb_datum_key(d, 0).boolean : fallback;
}

const struct ovsdb_uuid *ovsdb_datum_uuid(const struct ovsdb_datum *d, struct ovsdb_uuid *ret)
{
	if (d->n == 0 || d->key_type != OVSDB_UUID)
		return NULL;
	*ret = ovsdb_datum_key(d, 0).uuid;
	return ret;
}

const char *ovsdb_datum_map_string(const struct ovsdb_datum *d, const char *key)
{
	union ovsdb_atom atom = {.string = ovsdb_text_find(key)};

	if (atom.string == NULL || d->key_type != OVSDB_STRING || d->value_type != OVSDB_STRING)
		return NULL;
	int64_t i = ovsdb_datum_find_key(d, &atom);
	return i < 0 ? NULL : ovsdb_datum_value(d, (uint32_t)i).string->s;
}

struct ovsdb_datum ovsdb_datum_ref(const struct ovsdb_datum *d)
{
	if (d->is_inline)
		ovsdb_atom_ref(&d->atom, d->key_type);
	else if (d->block != NULL)
		d->block->n_refs++;
	return *d;
}

void ovsdb_datum_unref(struct ovsdb_datum *d)
{
	if (d->is_inline)
		ovsdb_atom_unref(&d->atom, d->key_type);
	else if (d->block != NULL && --d->block->n_refs == 0)
		free_block(d);
	*d = ovsdb_datum_empty(d->key_type, d->value_type);
}

struct ovsdb_datum ovsdb_datum_empty(enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	return (struct ovsdb_datum){.key_type = (uint8_t)key, .value_type = (uint8_t)value};
}

struct ovsdb_datum ovsdb_datum_default(const struct ovsdb_type *type)
{
	return ovsdb_datum_ref(&type->default_value);
}

struct ovsdb_datum ovsdb_datum_of_atom(union ovsdb_atom atom, enum ovsdb_atomic_type type)
{
	return (struct ovsdb_datum){
	    .n = 1, .key_type = (uint8_t)type, .is_inline = true, .atom = atom};
}

struct ovsdb_datum ovsdb_datum_of_string(const char *s)
{
	return ovsdb_datum_of_atom(
	    (union ovsdb_atom){.string = ovsdb_text_of_string(s)}, OVSDB_STRING);
}

struct ovsdb_datum ovsdb_datum_of_integer(int64_t v)
{
	return ovsdb_datum_of_atom((union ovsdb_atom){.integer = v}, OVSDB_INTEGER);
}

struct ovsdb_datum ovsdb_datum_of_real(double v)
{
	return ovsdb_datum_of_atom((union ovsdb_atom){.real = v}, OVSDB_REAL);
}

struct ovsdb_datum ovsdb_datum_of_boolean(bool v)
{
	return ovsdb_datum_of_atom((union ovsdb_atom){.boolean = v}, OVSDB_BOOLEAN);
}

struct ovsdb_datum ovsdb_datum_of_uuid(struct ovsdb_uuid v)
{
	return ovsdb_datum_of_atom((union ovsdb_atom){.uuid = v}, OVSDB_UUID);
}

struct ovsdb_datum ovsdb_datum_of_words(
    const uint64_t *words, enum ovsdb_atomic_type key, bool is_wide)
{
	union ovsdb_atom atom = {.uuid = {0}};

	memcpy(&atom, words, is_wide ? sizeof(atom) : sizeof(*words));
	return ovsdb_datum_of_atom(atom, key);
}

struct ovsdb_datum ovsdb_datum_of_block(
    struct ovsdb_block *block, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	if (block->n == 1 && value == OVSDB_VOID)
		return ovsdb_datum_of_atom(load(block->words, 0, (uint8_t)key), key);
	struct ovsdb_datum d = ovsdb_datum_empty(key, value);
	d.n = block->n;
	d.block = block;
	return d;
}

struct ovsdb_block *ovsdb_datum_to_block(const struct ovsdb_datum *d)
{
	if (!d->is_inline) {
		if (d->block != NULL)
			d->block->n_refs++;
		return d->block;
	}
	struct ovsdb_block *block = ovsdb_block_alloc(1, d->key_type, OVSDB_VOID);
	union ovsdb_atom atom = ovsdb_atom_ref(&d->atom, d->key_type);
	store(block->words, 0, &atom, d->key_type);
	return block;
}

void ovsdb_block_unref(
    struct ovsdb_block *block, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	struct ovsdb_datum d = ovsdb_datum_empty(key, value);

	if (block == NULL || --block->n_refs > 0)
		return;
	d.n = block->n;
	d.block = block;
	free_block(&d);
}

struct ovsdb_block *ovsdb_block_alloc(
    uint32_t n, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	size_t n_words = n * (atom_words((uint8_t)key) + atom_words((uint8_t)value));
	struct ovsdb_block *block =
	    ovsdb_alloc_dirty(sizeof(*block) + n_words * sizeof(block->words[0]));

	block->n_refs = 1;
	block->n = n;
	return block;
}

void ovsdb_datum_builder_init(
    struct ovsdb_datum_builder *b, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	b->key_type = (uint8_t)key;
	b->value_type = (uint8_t)value;
	b->is_unsorted = false;
	b->n = 0;
	b->capacity = ARRAY_SIZE(b->few);
	b->pairs = b->few;
}

void ovsdb_datum_builder_fini(struct ovsdb_datum_builder *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		ovsdb_atom_unref(&b->pairs[i].key, b->key_type);
		ovsdb_atom_unref(&b->pairs[i].value, b->value_type);
	}
	if (b->pairs != b->few)
		free(b->pairs);
	ovsdb_datum_builder_init(b, b->key_type, b->value_type);
}

void ovsdb_datum_builder_add(
    struct ovsdb_datum_builder *b, union ovsdb_atom key, union ovsdb_atom value)
{
	if (b->n == b->capacity)
		grow_pairs(b);
	struct ovsdb_pair *last = b->n > 0 ? &b->pairs[b->n - 1] : NULL;
	b->is_unsorted |= last != NULL && ovsdb_atom_compare(&last->key, &key, b->key_type) >= 0;
	b->pairs[b->n] = (struct ovsdb_pair){.key = key, .value = value, .order = b->n};
	b->n++;
}

void ovsdb_datum_builder_add_strings(
    struct ovsdb_datum_builder *b, const char *key, const char *value)
{
	union ovsdb_atom v = {.uuid = {0}};

	if (value != NULL)
		v.string = ovsdb_text_of_string(value);
	ovsdb_datum_builder_add(b, (union ovsdb_atom){.string = ovsdb_text_of_string(key)}, v);
}

uint32_t ovsdb_datum_builder_sort(struct ovsdb_datum_builder *b)
{
	uint32_t n = 0, n_dropped;

	if (!b->is_unsorted)
		return 0;
	qsort_r(b->pairs, b->n, sizeof(*b->pairs), compare_in_builder, &b->key_type);
	for (uint32_t i = 0; i < b->n; i++) {
		struct ovsdb_pair *pair = &b->pairs[i];
		if (n > 0 && ovsdb_atom_equals(&b->pairs[n - 1].key, &pair->key, b->key_type)) {
			ovsdb_atom_unref(&pair->key, b->key_type);
			ovsdb_atom_unref(&pair->value, b->value_type);
			continue;
		}
		b->pairs[n++] = *pair;
	}
	n_dropped = b->n - n;
	b->n = n;
	b->is_unsorted = false;
	return n_dropped;
}

struct ovsdb_datum ovsdb_datum_builder_finish(struct ovsdb_datum_builder *b)
{
	struct ovsdb_datum d = ovsdb_datum_empty(b->key_type, b->value_type);

	ovsdb_datum_builder_sort(b);
	if (b->n == 1 && b->value_type == OVSDB_VOID) {
		d = ovsdb_datum_of_atom(b->pairs[0].key, b->key_type);
	} else if (b->n > 0) {
		d.n = b->n;
		d.block = ovsdb_block_alloc(b->n, b->key_type, b->value_type);
		uint64_t *values = d.block->words + b->n * atom_words(b->key_type);
		for (uint32_t i = 0; i < b->n; i++) {
			store(d.block->words, i, &b->pairs[i].key, b->key_type);
			store(values, i, &b->pairs[i].value, b->value_type);
		}
	}
	b->n = 0;
	ovsdb_datum_builder_fini(b);
	return d;
}

static void grow_pairs(struct ovsdb_datum_builder *b)
{
	struct ovsdb_pair *heap = b->pairs == b->few ? NULL : b->pairs;
	size_t n = b->n;

	heap = ovsdb_grow(heap, n, &b->capacity, sizeof(*heap));
	if (b->pairs == b->few)
		memcpy(heap, b->few, sizeof(b->few));
	b->pairs = heap;
}

static size_t atom_words(uint8_t type)
{
	return type == OVSDB_VOID ? 0 : type == OVSDB_UUID ? 2 : 1;
}

static union ovsdb_atom load(const uint64_t *words, size_t i, uint8_t type)
{
	union ovsdb_atom atom = {.uuid = {0}};
	size_t n = atom_words(type);

	if (n == 2)
		memcpy(&atom, words + 2 * i, 16);
	else if (n == 1)
		memcpy(&atom, words + i, 8);
	return atom;
}

static void store(uint64_t *words, size_t i, const union ovsdb_atom *atom, uint8_t type)
{
	size_t n = atom_words(type);

	if (n == 2)
		memcpy(words + 2 * i, atom, 16);
	else if (n == 1)
		memcpy(words + i, atom, 8);
}

static void free_block(struct ovsdb_datum *d)
{
	uint64_t *words = d->block->words;
	size_t n_keys = d->key_type == OVSDB_STRING ? d->n : 0;
	size_t n_values = d->value_type == OVSDB_STRING ? d->n : 0;

	for (size_t i = 0; i < n_keys; i++) {
		union ovsdb_atom atom = load(words, i, d->key_type);
		ovsdb_text_unref(atom.string);
	}
	words += d->n * atom_words(d->key_type);
	for (size_t i = 0; i < n_values; i++) {
		union ovsdb_atom atom = load(words, i, d->value_type);
		ovsdb_text_unref(atom.string);
	}
	free(d->block);
}

static int compare_in_builder(const void *a, const void *b, void *ctx)
{
	const struct ovsdb_pair *x = a, *y = b;
	const uint8_t *type = ctx;
	int order = ovsdb_atom_compare(&x->key, &y->key, *type);

	return order != 0 ? order : x->order < y->order ? -1 : 1;
}
