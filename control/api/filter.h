/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Filters of state.list and watch.start: {column: value}, all of which an object must have; "name" and "owner" count as columns. And
 * the one way an object is shown to clients.
 *
 * Threads: sluiced's loop. Memory: none kept.
 */
#include "control/api/store.h"

/* A column must be of one of the tables (bits of enum api_table). */
MUST_CHECK
int filter_check(json_t *filter, uint32_t tables, struct err *err);
bool filter_matches(json_t *filter, const struct api_object *o); // filter NULL: all
/* The content without the daemon's own members; new reference. */
json_t *api_object_visible(const struct api_object *o);
/* {table, name, owner, rev, object}; new reference. */
json_t *api_object_to_json(const struct api_object *o);
/* The table a member names: 0, or negative errno with *err. */
MUST_CHECK
int table_from_json(json_t *params, enum api_table *ret, struct err *err);
MUST_CHECK
int table_from_name(const char *name, enum api_table *ret, struct err *err);
