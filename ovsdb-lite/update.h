/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text of updates: <table-updates> of RFC 7047 4.1.6 (version 1), <table-updates2> of ovsdb-server(7) (version 2).
 *
 * Threads: one. Memory: texts grow in the writer. All return false when there is nothing to tell, and have then written nothing.
 */
#include "datapath/base/buf.h"
#include "ovsdb-lite/shape.h"

/* conditions: as shape->tables, or NULL: rows are not chosen. */
bool ovsdb_update_write_initial(struct buf_writer *w, const struct ovsdb_shape *shape,
    const struct ovsdb_condition *conditions);
bool ovsdb_update_write_changes(struct buf_writer *w, const struct ovsdb_shape *shape,
    const struct ovsdb_condition *conditions, const struct ovsdb_change_set *set);
/* Rows that are chosen by one of the two only. */
bool ovsdb_update_write_choice(struct buf_writer *w, const struct ovsdb_shape *shape,
    const struct ovsdb_condition *before, const struct ovsdb_condition *after);
