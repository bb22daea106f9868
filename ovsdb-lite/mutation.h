/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * <mutation>s (RFC 7047 5.1): [column, mutator, value].
 *
 * Threads: one. Memory: ovsdb_mutations_fini.
 */
#include "ovsdb-lite/table.h"

enum ovsdb_mutator {
#define MUTATOR(id, name) OVSDB_M_##id,
#include "ovsdb-lite/mutator.def"
#undef MUTATOR
	OVSDB_N_MUTATORS
};

struct ovsdb_mutation {
	enum ovsdb_mutator mutator;
	const struct ovsdb_column *column;
	struct ovsdb_datum arg;
};

struct ovsdb_mutations {
	size_t n;
	struct ovsdb_mutation *array;
};

/* Nothing to release after an error. */
MUST_CHECK
struct ovsdb_error *ovsdb_mutations_from_json(struct ovsdb_mutations *ret,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names);
void ovsdb_mutations_fini(struct ovsdb_mutations *mutations);
/* One mutation on a value: *ret is a new reference. */
MUST_CHECK
struct ovsdb_error *ovsdb_mutation_apply(const struct ovsdb_mutation *mutation,
    const struct ovsdb_datum *value, struct ovsdb_datum *ret);
