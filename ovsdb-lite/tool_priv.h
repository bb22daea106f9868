/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the tool's commands share. A command returns 0 or -errno with *err.
 *
 * Threads, Memory: as tool.h.
 */
#include "ovsdb-lite/storage.h"

#define TOOL(function, name, args, least, most, help) \
	int ovsdb_tool_##function(int n, char *const *args_, struct err *err);
#include "ovsdb-lite/tool.def"
#undef TOOL

MUST_CHECK
struct ovsdb_storage *ovsdb_tool_open(const char *path, bool read_only, struct err *err);
/* The database of that name, or of NULL the only one, or the first. */
MUST_CHECK
struct ovsdb_db *ovsdb_tool_find_db(
    const struct ovsdb_storage *s, const char *name, struct err *err);
MUST_CHECK
struct ovsdb_schema *ovsdb_tool_read_schema(const char *path, struct err *err);
/* One line; takes the reference. */
void ovsdb_tool_print_json(json_t *json);
