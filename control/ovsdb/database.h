/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The schema of the database Open_vSwitch, which is part of the program.
 *
 * Threads: sluiced's loop. Memory: a schema is the caller's.
 */
#include "ovsdb-lite/schema.h"

#define DATABASE_NAME "Open_vSwitch"

/* NULL, and an error that says so, should the program be broken. */
struct ovsdb_schema *database_schema(struct err *err);
