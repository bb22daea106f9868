/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The stand-alone file format of ovsdb-server, which "ovsdb-client backup" writes too: lines "OVSDB JSON length SHA-1", each with a line of JSON.
 * The first is the schema, the others are transactions. For moving from it and back.
 *
 * Threads: one. Memory: a database that is read is the caller's.
 */
#include <stdio.h>

#include "ovsdb-lite/db.h"

/*
 * As ovsdb-server takes it: *ret_size (may be NULL) is less than the file's when the end of the file cuts its last record, which is left
 * out. NULL with *err: it is another kind of file, is damaged, or does not fit its own schema.
 */
MUST_CHECK
struct ovsdb_db *ovsdb_ovs_file_read(const char *path, uint64_t *ret_size, struct err *err);
/* Schema and one transaction with all rows. */
void ovsdb_ovs_file_write(FILE *f, const struct ovsdb_db *db, const char *comment);
