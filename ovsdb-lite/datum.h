/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The value of a column: n atoms (a scalar, an optional, a set) or n pairs of atoms (a map), sorted by key, keys distinct. Immutable.
 * A single atom is in the struct itself; more are in a block that all copies share. Small enough to pass by value or borrow by pointer.
 *
 * New values are made by constructors below or, atom by atom, with struct ovsdb_datum_builder.
 *
 * Threads: one. Memory: a datum that a function returns is a reference, for ovsdb_datum_unref, unless it says "borrowed".
 */
#include "ovsdb-lite/atom.h"

struct ovsdb_type;

/* Atoms of a value that is not a single one. Private to datum*.c and row.c. */
struct ovsdb_block {
	uint32_t n_refs;
	uint32_t n;
	uint64_t words[]; // keys, then values; UUIDs take two words
};

struct ovsdb_datum {
	uint32_t n;
	uint8_t key_type;   // enum ovsdb_atomic_type
	uint8_t value_type; // OVSDB_VOID: not a map
	bool is_inline;     // n is 1, atom holds it
	union {
		union ovsdb_atom atom;
		struct ovsdb_block *block; // NULL when n is 0
	};
};

/* Reading. Atoms come borrowed. */
union ovsdb_atom ovsdb_datum_key(const struct ovsdb_datum *d, uint32_t i);
union ovsdb_atom ovsdb_datum_value(const struct ovsdb_datum *d, uint32_t i); // of a map
/* Index of a key, or -1. O(log n). */
int64_t ovsdb_datum_find_key(const struct ovsdb_datum *d, const union ovsdb_atom *key);
bool ovsdb_datum_equals(const struct ovsdb_datum *a, const struct ovsdb_datum *b);
int ovsdb_datum_compare(
    const struct ovsdb_datum *a, const struct ovsdb_datum *b); // n first, then atoms
uint64_t ovsdb_datum_hash(const struct ovsdb_datum *d, uint64_t basis);
bool ovsdb_datum_is_default(const struct ovsdb_datum *d, const struct ovsdb_type *type);
bool ovsdb_datum_includes_all(
    const struct ovsdb_datum *a, const struct ovsdb_datum *b); // all of a is in b
bool ovsdb_datum_excludes_all(
    const struct ovsdb_datum *a, const struct ovsdb_datum *b); // nothing of a is in b

/* Reading with less ceremony, for C users of a database. Borrowed; NULL or the fallback when the value has no such atom. */
const char *ovsdb_datum_string(const struct ovsdb_datum *d); // the only or first key
int64_t ovsdb_datum_integer(const struct ovsdb_datum *d, int64_t fallback);
bool ovsdb_datum_boolean(const struct ovsdb_datum *d, bool fallback);
const struct ovsdb_uuid *ovsdb_datum_uuid(
    const struct ovsdb_datum *d, struct ovsdb_uuid *ret); // ret, or NULL when empty
const char *ovsdb_datum_map_string(
    const struct ovsdb_datum *d, const char *key); // map of strings to strings

/* Making. */
struct ovsdb_datum ovsdb_datum_ref(const struct ovsdb_datum *d); // another reference to the same
void ovsdb_datum_unref(struct ovsdb_datum *d);                   // leaves it empty
struct ovsdb_datum ovsdb_datum_empty(enum ovsdb_atomic_type key, enum ovsdb_atomic_type value);
struct ovsdb_datum ovsdb_datum_default(const struct ovsdb_type *type);
struct ovsdb_datum ovsdb_datum_of_atom(
    union ovsdb_atom atom, enum ovsdb_atomic_type type); // takes the caller's reference
struct ovsdb_datum ovsdb_datum_of_string(const char *s);
struct ovsdb_datum ovsdb_datum_of_integer(int64_t v);
struct ovsdb_datum ovsdb_datum_of_real(double v);
struct ovsdb_datum ovsdb_datum_of_boolean(bool v);
struct ovsdb_datum ovsdb_datum_of_uuid(struct ovsdb_uuid v);

struct ovsdb_pair {
	union ovsdb_atom key, value;
	uint32_t order; // of being added
};

/* Collects atoms in any order. Init, add, then finish (which empties it) or fini. It may not be copied. */
struct ovsdb_datum_builder {
	uint8_t key_type, value_type;
	bool is_unsorted;
	uint32_t n;
	size_t capacity;
	struct ovsdb_pair *pairs; // few, or from the heap
	struct ovsdb_pair few[4];
};

void ovsdb_datum_builder_init(
    struct ovsdb_datum_builder *b, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value);
void ovsdb_datum_builder_fini(struct ovsdb_datum_builder *b);
/* Takes the caller's references; value is ignored in a set. */
void ovsdb_datum_builder_add(
    struct ovsdb_datum_builder *b, union ovsdb_atom key, union ovsdb_atom value);
void ovsdb_datum_builder_add_strings(
    struct ovsdb_datum_builder *b, const char *key, const char *value); // value NULL: a set
/* Sorts, and drops duplicate keys (the first added stays). Returns how many it dropped. */
uint32_t ovsdb_datum_builder_sort(struct ovsdb_datum_builder *b);
/* Sorted, without duplicate keys. */
struct ovsdb_datum ovsdb_datum_builder_finish(struct ovsdb_datum_builder *b);

/*
 * JSON (RFC 7047 5.1 <value>). From: checks type, number of elements, duplicates, each atom's constraints. `names` as in atom.h.
 * ovsdb_datum_from_json_partial does not check the number of elements: operands of conditions and mutations, and differences.
 */
MUST_CHECK
struct ovsdb_error *ovsdb_datum_from_json(struct ovsdb_datum *ret, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names);
MUST_CHECK
struct ovsdb_error *ovsdb_datum_from_json_partial(struct ovsdb_datum *ret,
    const struct ovsdb_type *type, const json_t *json, struct ovsdb_names *names);
json_t *ovsdb_datum_to_json(
    const struct ovsdb_datum *d, const struct ovsdb_type *type); // new reference
size_t ovsdb_datum_json_bytes(const struct ovsdb_datum *d); // memory that its JSON takes, about
/* As tools and error texts show it: {a=b, c=d}, [x, y], x. For free(). */
char *ovsdb_datum_format(const struct ovsdb_datum *d, const struct ovsdb_type *type);
/* NULL when d satisfies type's counts and constraints. */
MUST_CHECK
struct ovsdb_error *ovsdb_datum_check(const struct ovsdb_datum *d, const struct ovsdb_type *type);
MUST_CHECK
struct ovsdb_error *ovsdb_datum_check_count(
    const struct ovsdb_datum *d, const struct ovsdb_type *type);

/*
 * Differences, as "modify" of update2 carries them. Sets: the symmetric difference. Maps: pairs whose key is in one only, and for a key
 * in both with other values the new pair. Scalars and optionals (n_max 1): the new value. ovsdb_datum_apply_diff(old, diff(old, new)) is new.
 */
struct ovsdb_datum ovsdb_datum_diff(
    const struct ovsdb_datum *old, const struct ovsdb_datum *new, const struct ovsdb_type *type);
/* Fails when the result has too few or too many elements for type. */
MUST_CHECK
struct ovsdb_error *ovsdb_datum_apply_diff(struct ovsdb_datum *ret, const struct ovsdb_datum *old,
    const struct ovsdb_datum *diff, const struct ovsdb_type *type);
enum ovsdb_side { OVSDB_IN_FIRST, OVSDB_IN_SECOND, OVSDB_IN_BOTH, OVSDB_IN_BOTH_CHANGED };
/* Visits the atoms or pairs of a and b in order: i is of a, j of b. IN_BOTH_CHANGED: a map's key with another value. */
void ovsdb_datum_merge(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
    void (*visit)(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j), void *ctx);
/* Set algebra by key (pair: whole pairs of maps count). References. */
struct ovsdb_datum ovsdb_datum_union(
    const struct ovsdb_datum *a, const struct ovsdb_datum *b); // a's value stays
struct ovsdb_datum ovsdb_datum_subtract(
    const struct ovsdb_datum *a, const struct ovsdb_datum *b); // b: a map, or a set of a's keys

/* Storage in rows: row.c. A single atom is words of the row itself when its column can hold no more, else all is a block. */
struct ovsdb_datum ovsdb_datum_of_words(
    const uint64_t *words, enum ovsdb_atomic_type key, bool is_wide); // borrowed
struct ovsdb_datum ovsdb_datum_of_block(struct ovsdb_block *block, enum ovsdb_atomic_type key,
    enum ovsdb_atomic_type value);                                     // borrowed
struct ovsdb_block *ovsdb_datum_to_block(const struct ovsdb_datum *d); // a reference; NULL: empty
struct ovsdb_block *ovsdb_block_alloc(
    uint32_t n, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value);
void ovsdb_block_unref(
    struct ovsdb_block *block, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value);
