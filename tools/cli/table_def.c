/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/table_def.h"

#include <string.h>

#include "datapath/base/err.h"

enum { CF_REQUIRED = 1, CF_LIST = 2, CF_IMMUTABLE = 4, CF_KEPT = 8, MAX_COLUMNS = 64 };

/* The schema's types, as far as the command line tells them apart: the daemon checks the rest. */
enum {
	CT_STRING = COL_STRING,
	CT_NAME = COL_STRING,
	CT_UINT = COL_UINT,
	CT_BOOL = COL_BOOL,
	CT_MAC = COL_STRING,
	CT_IP = COL_STRING,
	CT_PREFIX = COL_STRING,
	CT_ENUM = COL_ENUM,
	CT_HEX64 = COL_STRING,
	CT_REF = COL_REF,
	CT_OBJECT = COL_OBJECT,
	CT_ACTION = COL_OBJECT,
};

/* COLUMN rows name their table by id: T_<id> is its name. */
#define TABLE(id, n, ...) static const char T_##id[] = n;
#define COLUMN(...)
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN

/* Every table also has a cookie (schema.def). */
static const struct column_def columns[] = {
#define TABLE(id, ...)          \
	{.table = T_##id,       \
	    .name = "cookie",   \
	    .kind = COL_STRING, \
	    .help = "opaque 64-bit value, echoed in drops and logs"},
#define COLUMN(t, n, type, flags, mn, mx, df, vals, h) \
	{.table = T_##t,                               \
	    .name = (n),                               \
	    .values = (vals),                          \
	    .help = (h),                               \
	    .kind = (enum column_kind)(type),          \
	    .list = ((flags)&CF_LIST) != 0,            \
	    .required = ((flags)&CF_REQUIRED) != 0},
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
};

bool table_exists(const char *table)
{
	return column_next(table, NULL) != NULL;
}

const struct column_def *column_next(const char *table, const struct column_def *prev)
{
	for (const struct column_def *c = prev != NULL ? prev + 1 : columns;
	     c < columns + ARRAY_SIZE(columns); c++) {
		if (strcmp(c->table, table) == 0)
			return c;
	}
	return NULL;
}

const struct column_def *column_find(const char *table, const char *name)
{
	const struct column_def *c = column_next(table, NULL);

	while (c != NULL && strcmp(c->name, name) != 0)
		c = column_next(table, c);
	return c;
}

const char *column_nearest(const char *table, const char *name)
{
	const char *words[MAX_COLUMNS];
	size_t n = 0;

	for (const struct column_def *c = column_next(table, NULL); c != NULL && n < MAX_COLUMNS;
	     c = column_next(table, c))
		words[n++] = c->name;
	return nearest_word(name, words, n);
}
