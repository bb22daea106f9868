/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Atoms (RFC 7047 5.1): the scalars that values are made of. The type is kept beside, by whoever holds the atom.
 *
 * Threads: one. Memory: a string atom holds a reference to its text: ovsdb_atom_ref and ovsdb_atom_unref; others hold nothing.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ovsdb-lite/error.h"
#include "ovsdb-lite/text.h"
#include "ovsdb-lite/uuid.h"

enum ovsdb_atomic_type {
	OVSDB_VOID, // no value: the value type of a set
	OVSDB_INTEGER,
	OVSDB_REAL,
	OVSDB_BOOLEAN,
	OVSDB_STRING,
	OVSDB_UUID,
	OVSDB_N_TYPES
};

union ovsdb_atom {
	int64_t integer;
	double real;
	bool boolean;
	struct ovsdb_text *string;
	struct ovsdb_uuid uuid;
};

struct ovsdb_names; // named UUIDs of a transaction: names.h
struct ovsdb_base_type;

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type type); // "integer"
MUST_CHECK
bool ovsdb_atomic_type_parse(const char *name, enum ovsdb_atomic_type *ret);
/* 0, 0.0, false, "", all-zero UUID; to be unreferenced as any. */
union ovsdb_atom ovsdb_atom_default(enum ovsdb_atomic_type type);
bool ovsdb_atom_is_default(const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
union ovsdb_atom ovsdb_atom_ref(const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
void ovsdb_atom_unref(union ovsdb_atom *atom, enum ovsdb_atomic_type type);
/* A total order; strings by byte. */
int ovsdb_atom_compare(
    const union ovsdb_atom *a, const union ovsdb_atom *b, enum ovsdb_atomic_type type);
bool ovsdb_atom_equals(
    const union ovsdb_atom *a, const union ovsdb_atom *b, enum ovsdb_atomic_type type);
uint64_t ovsdb_atom_hash(const union ovsdb_atom *atom, enum ovsdb_atomic_type type, uint64_t basis);
/*
 * Decodes one atom and checks it against base's constraints. names resolves ["named-uuid", …] (NULL: refused). Nothing to release
 * after an error.
 */
MUST_CHECK
struct ovsdb_error *ovsdb_atom_from_json(union ovsdb_atom *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names);
/* A new reference. */
json_t *ovsdb_atom_to_json(const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
/* As error texts and tools show it: strings are quoted where they could be misread. For free(). */
char *ovsdb_atom_format(const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
