/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state directory's file, sluice.db: all databases of the daemon in one journal, so that there is one order of what was acknowledged.
 * Database Sluice has the API's objects (object_rows.h), Open_vSwitch has the rows of control/ovsdb.
 *
 * Threads: sluiced's loop. Memory: the storage is the caller's; it owns the databases.
 */
#include "ovsdb-lite/storage.h"

#define STATE_FILE_NAME "sluice.db"

/* A fork costs whoever writes next a copy of each page: not for the changes of a single large transaction. */
enum { STATE_COMPACT_MIN_SIZE = 64 << 20 };

/*
 * Makes the file when there is none. base: it is written anew by itself, in the background; NULL: never. io NULL: the system's.
 * NULL with *err when another daemon has it, when it is damaged, or when the directory has state that an earlier version wrote.
 */
struct ovsdb_storage *state_file_open(
    const char *dir, struct event_base *base, const struct ovsdb_journal_io *io, struct err *err);
/* The database of the schema's name: made when there is none, converted when its schema is another. Takes the schema. */
struct ovsdb_db *state_file_db(
    struct ovsdb_storage *storage, struct ovsdb_schema *schema, struct err *err);
