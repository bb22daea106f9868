/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API's tables: generic decoding and validation of objects against schema.def.
 *
 * Threads: any; the tables are constant. Memory: schema_normalise returns a new reference.
 */
#include <jansson.h>
#include <stdint.h>

#include "datapath/base/err.h"

enum api_table {
#define TABLE(id, ...) API_TABLE_##id,
#define COLUMN(...)
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
	API_TABLE__COUNT
};

enum column_type {
	CT_STRING,
	CT_NAME,
	CT_UINT,
	CT_BOOL,
	CT_MAC,
	CT_IP,
	CT_PREFIX,
	CT_ENUM,
	CT_HEX64,
	CT_REF,
	CT_OBJECT,
	CT_ACTION
};

enum { CF_REQUIRED = 1, CF_LIST = 2, CF_IMMUTABLE = 4, CF_KEPT = 8 };

struct api_column {
	const char *name, *default_json, *values, *help;
	enum column_type type;
	unsigned int flags;
	uint64_t min, max;
};

struct api_table_def {
	const char *name, *help;
	size_t max_rows;
	const struct api_column *columns;
	size_t n_columns;
};

extern const struct api_table_def api_tables[API_TABLE__COUNT];

/* API_TABLE__COUNT when unknown. */
enum api_table schema_find_table(const char *name);
/*
 * Checks an object of a put (or, with old, of a patch: members replace, null removes) and returns it with defaults filled,
 * addresses in canonical text, members in schema order. NULL with *err (path relative to the object) when refused.
 */
json_t *schema_normalise(enum api_table table, json_t *object, json_t *old, struct err *err);
/* 0, or -EINVAL naming a CF_IMMUTABLE column in which two normalised objects differ. */
MUST_CHECK
int schema_check_immutable(enum api_table table, json_t *old, json_t *new, struct err *err);
/* Members in schema order, those of the daemon's own behind them, defaults filled. New reference; stored is normalised but for defaults. */
json_t *schema_fill(enum api_table table, json_t *stored);
/* What a column is that is not said; NULL: absent. New reference. */
json_t *schema_default(enum api_table table, const char *column);
/* The table and its columns, for schema.get. */
json_t *schema_to_json(enum api_table table);

/*
 * A stored object again: like schema_normalise, but members of the daemon's own (their names begin with '_': numbers that the
 * model chose) are let through.
 */
json_t *schema_restore(enum api_table table, json_t *stored, struct err *err);
/* Carries the daemon's own members, and CF_KEPT columns that data leaves open, over from the object that it replaces. */
void schema_keep(enum api_table table, json_t *data, json_t *old);
/* What a client sees of an object: all but the daemon's own members. New reference. */
json_t *schema_visible(json_t *data);
