/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The last transactions of a database, for clients that come back and know the id of the last they have seen (monitor_cond_since).
 * Bounded by number and by the bytes of the row versions that it alone keeps.
 *
 * Threads: one. Memory: references to changes, until ovsdb_history_clear.
 */
#include "datapath/base/list.h"
#include "ovsdb-lite/change_set.h"

struct ovsdb_history {
	struct list txns; // the oldest first
	size_t n, size;
	size_t max_n, max_size;
	struct ovsdb_uuid before; // id of the transaction before the oldest
	struct ovsdb_uuid last;   // of the latest; zeros: not known
};

void ovsdb_history_init(struct ovsdb_history *h, size_t max_n, size_t max_size);
/* last: the latest transaction in the database now; zeros: none. */
void ovsdb_history_clear(struct ovsdb_history *h, struct ovsdb_uuid last);
/* Of what a transaction wrote: columns that its rows have now and did not have before. */
size_t ovsdb_changes_bytes(const struct ovsdb_changes *changes);
void ovsdb_history_add(struct ovsdb_history *h, struct ovsdb_changes *changes);
/* All that came after the transaction; NULL: it is not known any more. */
struct ovsdb_change_set *ovsdb_history_after(
    const struct ovsdb_history *h, struct ovsdb_uuid txn_id);
