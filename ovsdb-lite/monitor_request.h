/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * <monitor-requests>, <monitor-cond-requests> and <monitor-cond-change-requests>: from JSON to a shape and conditions.
 *
 * Threads: one. Memory: an error leaves nothing to release.
 */
#include "ovsdb-lite/shape.h"

/* conditions: as the shape's tables, to be freed by ovsdb_conditions_destroy; NULL when with_where is false. The shape is interned. */
MUST_CHECK
struct ovsdb_error *ovsdb_monitor_request_decode(struct ovsdb_db *db, struct list *shapes,
    const json_t *requests, int version, bool with_where, struct ovsdb_shape **shape,
    struct ovsdb_condition **conditions);
/* *ret: conditions as they are after the change, a new array. */
MUST_CHECK
struct ovsdb_error *ovsdb_monitor_request_decode_change(const struct ovsdb_db *db,
    const struct ovsdb_shape *shape, const struct ovsdb_condition *conditions,
    const json_t *requests, struct ovsdb_condition **ret);
void ovsdb_conditions_destroy(struct ovsdb_condition *conditions, size_t n); // NULL is fine
size_t ovsdb_conditions_bytes(const struct ovsdb_condition *conditions, size_t n);
/* Some row is left out. */
bool ovsdb_conditions_choose(const struct ovsdb_condition *conditions, size_t n);
