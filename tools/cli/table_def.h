/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API's columns as the CLI sees them: the rows of control/api/schema.def, which is the API's description.
 *
 * Threads: any; constant. Memory: none.
 */
#include <stdbool.h>
#include <stddef.h>

enum column_kind { COL_STRING, COL_UINT, COL_BOOL, COL_OBJECT, COL_ENUM, COL_REF };

struct column_def {
	const char *table, *name, *values, *help;
	enum column_kind kind;
	bool list, required;
};

bool table_exists(const char *table);
/* The table's columns one by one: prev NULL gives the first; NULL after the last. */
const struct column_def *column_next(const char *table, const struct column_def *prev);
const struct column_def *column_find(const char *table, const char *name); // NULL: none
const char *column_nearest(const char *table, const char *name); // for "did you mean", or NULL
