/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Types of columns (RFC 7047 3.2): what an atom may be (range, length, enumeration, referenced table), and how many a column holds.
 * Scalar: n_min = n_max = 1; optional: 0..1; set: more; map: a value type too.
 *
 * Threads: one; constant once the schema is there. Memory: owned by the schema; ovsdb_type_fini releases what is inside.
 */
#include "ovsdb-lite/atom.h"
#include "ovsdb-lite/datum.h"

enum { OVSDB_UNLIMITED = UINT32_MAX };

enum ovsdb_ref_kind { OVSDB_REF_NONE, OVSDB_REF_STRONG, OVSDB_REF_WEAK };

struct ovsdb_base_type {
	enum ovsdb_atomic_type type;
	struct ovsdb_datum *enum_values; // a set of this type, or NULL
	union {
		struct {
			int64_t min, max;
		} integer;
		struct {
			double min, max; // -DBL_MAX, DBL_MAX: none
		} real;
		struct {
			uint32_t min_len, max_len; // in characters of UTF-8
		} string;
		struct {
			char *ref_table_name;          // or NULL
			struct ovsdb_table *ref_table; // of the database, once there is one
			enum ovsdb_ref_kind kind;
		} uuid;
	};
};

struct ovsdb_type {
	struct ovsdb_base_type key;
	struct ovsdb_base_type value; // OVSDB_VOID: not a map
	uint32_t n_min, n_max;
	bool is_wide;   // n_max == 1 of UUIDs, no value: 16 bytes in a row
	bool is_inline; // n_max == 1, no value: the atom is in the row itself
	bool
	    is_default_invalid; // it violates the type's own constraints: every insert has to give a value
	struct ovsdb_datum default_value; // owned
};

MUST_CHECK
struct ovsdb_error *ovsdb_type_from_json(struct ovsdb_type *ret, const json_t *json);
json_t *ovsdb_type_to_json(const struct ovsdb_type *type);
void ovsdb_type_fini(struct ovsdb_type *type);
char *ovsdb_type_to_english(const struct ovsdb_type *type); // "set of up to 3 integers"; for free()
void ovsdb_type_copy(struct ovsdb_type *dst, const struct ovsdb_type *src);
void ovsdb_base_type_init(struct ovsdb_base_type *base, enum ovsdb_atomic_type type);
void ovsdb_base_type_fini(struct ovsdb_base_type *base);
/* A type that takes any value of these atomic types, for data without a schema: {key, value, 0..unlimited}. */
void ovsdb_type_init_any(
    struct ovsdb_type *type, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value);
void ovsdb_type_init_scalar(struct ovsdb_type *type, enum ovsdb_atomic_type key);
/* NULL when atom satisfies base's range, length, enumeration. */
MUST_CHECK
struct ovsdb_error *ovsdb_base_type_check(
    const struct ovsdb_base_type *base, const union ovsdb_atom *atom);

static inline bool ovsdb_type_is_scalar(const struct ovsdb_type *t)
{
	return t->value.type == OVSDB_VOID && t->n_min == 1 && t->n_max == 1;
}

static inline bool ovsdb_type_is_optional(const struct ovsdb_type *t)
{
	return t->value.type == OVSDB_VOID && t->n_min == 0 && t->n_max == 1;
}

static inline bool ovsdb_type_is_map(const struct ovsdb_type *t)
{
	return t->value.type != OVSDB_VOID;
}

static inline bool ovsdb_type_is_set(const struct ovsdb_type *t)
{
	return t->value.type == OVSDB_VOID && (t->n_min != 1 || t->n_max != 1);
}

static inline bool ovsdb_type_has_refs(const struct ovsdb_type *t, enum ovsdb_ref_kind kind)
{
	return (t->key.type == OVSDB_UUID && t->key.uuid.kind == kind) ||
	       (t->value.type == OVSDB_UUID && t->value.uuid.kind == kind);
}
