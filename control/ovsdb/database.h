/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of the database Open_vSwitch, and its schema, which is part of the program.
 *
 * Threads: sluiced's loop. Memory: the storage is the caller's.
 */
#include "ovsdb-lite/storage.h"

#define DATABASE_NAME "Open_vSwitch"

/* NULL, and an error that says so, should the program be broken. */
struct ovsdb_schema *database_schema(struct err *err);
/* Makes the file when there is none, and brings one of another schema to this program's. */
struct ovsdb_storage *database_open(const char *path, struct event_base *base, struct err *err);
