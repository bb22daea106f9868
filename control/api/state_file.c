/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/state_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ovsdb-lite/error.h"

#define LOG_MODULE "state"
#include "datapath/base/log.h"

static int check_former(const char *dir, const char *path, struct err *err);
static struct ovsdb_db *convert(struct ovsdb_storage *storage, struct ovsdb_db *old,
    struct ovsdb_schema *schema, struct err *err);

struct ovsdb_storage *state_file_open(
    const char *dir, struct event_base *base, const struct ovsdb_journal_io *io, struct err *err)
{
	const struct ovsdb_storage_options options = {
	    .io = io, .base = base, .compact_min_size = STATE_COMPACT_MIN_SIZE};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, dir);
	if (check_former(dir, path, err) != 0)
		return NULL;
	if (access(path, F_OK) != 0 && ovsdb_storage_create(path, NULL, 0, io, err) != 0)
		return NULL;
	return ovsdb_storage_open(path, &options, NULL, err);
}

struct ovsdb_db *state_file_db(
    struct ovsdb_storage *storage, struct ovsdb_schema *schema, struct err *err)
{
	struct ovsdb_db *db = ovsdb_storage_find_db(storage, schema->name);

	if (db == NULL)
		return ovsdb_storage_add_db(storage, schema, err);
	if (!ovsdb_schema_equals(db->schema, schema))
		return convert(storage, db, schema, err);
	ovsdb_schema_destroy(schema);
	return db;
}

/* Until this file was, objects were in a journal of their own and rows in another file. Neither is left behind unseen. */
static int check_former(const char *dir, const char *path, struct err *err)
{
	static const char *const names[] = {"journal", "snapshot", "Open_vSwitch.db"};
	char former[PATH_MAX];

	if (access(path, F_OK) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(former, sizeof(former), "%s/%s", dir, names[i]);
		if (access(former, F_OK) != 0)
			continue;
		err_set(err, ERR_STATE,
		    "%s was written by an earlier version, whose state this one does not read",
		    former);
		return err_hint(err,
		    "move what is in %s elsewhere, start, and load the networks "
		    "and ports again",
		    dir);
	}
	return 0;
}

static struct ovsdb_db *convert(struct ovsdb_storage *storage, struct ovsdb_db *old,
    struct ovsdb_schema *schema, struct err *err)
{
	struct ovsdb_db *new = NULL;

	log_info("database %s: schema %s becomes %s", schema->name, old->schema->version,
	    schema->version);
	struct ovsdb_error *error = ovsdb_db_convert(old, schema, &new);
	if (error != NULL) {
		ovsdb_error_to_err(error, ERR_STATE, err);
		return NULL;
	}
	int r = ovsdb_storage_convert(storage, old, new, err);
	ovsdb_db_destroy(r == 0 ? old : new);
	return r == 0 ? new : NULL;
}
