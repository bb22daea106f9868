/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Changes as bytes, for the journal. Tables and columns are numbers of the schema, which the journal keeps before them. Ephemeral columns and
 * _version are left out. A modified set or map is written as its difference where that is shorter.
 *
 *     changes  u32 n, then n × change
 *     change   u16 table, u8 kind (insert, modify, delete), 16 bytes uuid, then of insert and modify: u16 n, then n × cell
 *     cell     u16 column, u8 form (value, difference), u32 n, keys, values
 *     atom     integer, real: 8 bytes; boolean: 1; uuid: 16; string: u32 length, bytes
 *
 * Numbers are little-endian. A decoder takes any bytes: it refuses what does not fit the schema or the database's rows.
 *
 * Threads: one. Memory: a writer grows up to its limit and turns bad past it; decoded changes are the caller's.
 */
#include "datapath/base/buf.h"
#include "ovsdb-lite/txn.h"

/* Without those that are ephemeral. */
void ovsdb_changes_encode(const struct ovsdb_changes *changes, struct buf_writer *w);
/* Reads one list and moves on past it. The changes are against db as it is now, and not yet in it: ovsdb_db_load. */
MUST_CHECK
struct ovsdb_error *ovsdb_changes_decode(
    struct ovsdb_db *db, struct buf *b, struct ovsdb_changes **ret);
/* NULL when no row is in the list twice: ovsdb_db_load puts all of them in. */
MUST_CHECK
struct ovsdb_error *ovsdb_changes_check_distinct(const struct ovsdb_changes *changes);

/*
 * A snapshot is change lists with inserts, written piece by piece: *cursor starts zeroed. Each call writes one list of at most max_rows rows,
 * which ends after the row with which it has enough_size bytes; false: there was nothing left and nothing was written.
 */
struct ovsdb_snapshot_cursor {
	uint16_t table;
	size_t row;
};

bool ovsdb_snapshot_encode(const struct ovsdb_db *db, struct ovsdb_snapshot_cursor *cursor,
    uint32_t max_rows, size_t enough_size, struct buf_writer *w);
