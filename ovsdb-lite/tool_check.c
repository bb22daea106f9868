/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ovsdb-lite/draft.h"
#include "ovsdb-lite/tool_priv.h"

enum { DAMAGED_MAX = 1000, TIME_SIZE = 40 };

struct show {
	uint64_t n_printed;
};

static void show_schema(struct show *show, const struct ovsdb_schema *schema);
static void show_txn(const struct ovsdb_changes *changes, int64_t wall_ms, void *show);
static void print_content(const struct ovsdb_storage_report *report);
static void print_databases(const struct ovsdb_storage *s);
static void print_torn(const struct ovsdb_journal_report *report);
static const char *format_time(int64_t ms, char text[TIME_SIZE]);
static int keep_damaged(const char *path, char kept[PATH_MAX], struct err *err);

int ovsdb_tool_check(int, char *const *args, struct err *err)
{
	struct ovsdb_storage_report report;
	struct ovsdb_storage *s = ovsdb_storage_open(
	    args[0], &(struct ovsdb_storage_options){.read_only = true}, &report, err);
	bool is_read = s != NULL || report.journal.n_records > 0;
	if (is_read)
		printf("%s: %s\n", args[0], s != NULL ? "sound" : "damaged");
	if (is_read)
		print_content(&report);
	if (s != NULL)
		print_databases(s);
	if (report.journal.is_torn)
		print_torn(&report.journal);
	if (report.journal.is_damaged)
		printf("  %-14s from byte %" PRIu64 ", record %" PRIu64 ": %s\n", "damage",
		    report.journal.good_size, report.journal.n_records, report.journal.fault);
	ovsdb_storage_close(s);
	return s != NULL ? 0 : err_errno(err->code);
}

int ovsdb_tool_repair(int, char *const *args, struct err *err)
{
	struct ovsdb_storage_report report;
	char kept[PATH_MAX];
	struct ovsdb_storage *s = ovsdb_storage_open(
	    args[0], &(struct ovsdb_storage_options){.salvage = true}, &report, err);
	if (s == NULL && report.journal.is_damaged && !report.journal.is_snapshot_good)
		err_hint(err,
		    "that is inside its snapshot, which is of no use in part: restore a backup");
	if (s == NULL)
		return err_errno(err->code);
	int r = report.journal.is_damaged ? keep_damaged(ovsdb_storage_path(s), kept, err) : 0;
	if (r == 0 && report.journal.is_damaged)
		r = ovsdb_storage_compact(s, err);
	if (r == 0 && report.journal.is_damaged)
		printf("%s: repaired; the damaged file is kept as %s\n", args[0], kept);
	else if (r == 0)
		printf("%s: sound, nothing to repair\n", args[0]);
	if (r == 0)
		print_content(&report);
	if (r == 0 && report.journal.is_torn)
		print_torn(&report.journal);
	if (r == 0 && report.journal.is_damaged)
		printf("  %-14s %" PRIu64 " bytes from byte %" PRIu64 ", record %" PRIu64 ": %s\n",
		    "lost", report.journal.file_size - report.journal.good_size,
		    report.journal.good_size, report.journal.n_records, report.journal.fault);
	ovsdb_storage_close(s);
	return r;
}

/* Numbers and texts as ovsdb-tool has them; what came before the last compaction is not there any more. */
int ovsdb_tool_show_log(int, char *const *args, struct err *err)
{
	struct show show = {0};
	const struct ovsdb_storage_options options = {
	    .read_only = true, .replayed = show_txn, .arg = &show};
	struct ovsdb_storage *s = ovsdb_storage_open(args[0], &options, NULL, err);
	if (s == NULL)
		return err_errno(err->code);
	if (show.n_printed == 0 && ovsdb_storage_n_dbs(s) > 0)
		show_schema(&show, ovsdb_storage_db(s, 0)->schema);
	ovsdb_storage_close(s);
	return 0;
}

static void show_schema(struct show *show, const struct ovsdb_schema *schema)
{
	printf("record 0: \"%s\" schema, version=\"%s\", cksum=\"%s\"\n", schema->name,
	    schema->version, schema->cksum);
	show->n_printed = 1;
}

static void show_txn(const struct ovsdb_changes *changes, int64_t wall_ms, void *arg)
{
	struct show *show = arg;
	char time[TIME_SIZE];
	if (show->n_printed == 0)
		show_schema(show, changes->db->schema);
	printf("\nrecord %" PRIu64 ": %s", show->n_printed++, format_time(wall_ms, time));
	if (changes->comment != NULL)
		printf(" \"%s\"", changes->comment);
	putchar('\n');
}

static void print_content(const struct ovsdb_storage_report *report)
{
	char time[TIME_SIZE], id[OVSDB_UUID_LEN + 1];
	const struct ovsdb_journal_report *j = &report->journal;
	printf("  %-14s %" PRIu64 ": %" PRIu64 " good, of them %" PRIu64 " of the snapshot\n",
	    "bytes", j->file_size, j->good_size, report->snapshot_size);
	printf("  %-14s %" PRIu64 "; rows of the snapshot: %" PRIu64 "\n", "records", j->n_records,
	    report->n_rows);
	printf("  %-14s %" PRIu64 " in %" PRIu64 " batches; conversions: %" PRIu64 "\n",
	    "transactions", report->n_txns, report->n_batches, report->n_conversions);
	if (report->n_txns > 0)
		printf("  %-14s %s, %s\n", "the last", ovsdb_uuid_format(&report->last_txn, id),
		    format_time(report->last_txn_ms, time));
}

static void print_databases(const struct ovsdb_storage *s)
{
	for (size_t i = 0; i < ovsdb_storage_n_dbs(s); i++) {
		const struct ovsdb_db *db = ovsdb_storage_db(s, i);
		printf("  %-14s %s %s: %zu rows\n", "database", db->schema->name,
		    db->schema->version, ovsdb_db_count_rows(db));
	}
}

static void print_torn(const struct ovsdb_journal_report *report)
{
	printf("  %-14s %" PRIu64
	       " bytes of a write that was never finished nor acknowledged: %s\n",
	    "torn tail", report->file_size - report->good_size, report->fault);
}

static const char *format_time(int64_t ms, char text[TIME_SIZE])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	if (gmtime_r(&s, &tm) == NULL)
		return "at no time";
	size_t n = strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + n, TIME_SIZE - n, ".%03d", (int)(ms % 1000));
	return text;
}

/* A second name, so that the file has one at all times. */
static int keep_damaged(const char *path, char kept[PATH_MAX], struct err *err)
{
	int r = -EEXIST;
	for (int i = 1; i <= DAMAGED_MAX && r == -EEXIST; i++) {
		if (snprintf(kept, PATH_MAX, "%s.damaged-%d", path, i) >= PATH_MAX)
			return err_set(err, ERR_STORAGE, "%s: too long a name", path);
		r = link(path, kept) == 0 ? 0 : -errno;
	}
	if (r == 0)
		return 0;
	return err_set(err, ERR_STORAGE, "cannot keep %s as %s: %s", path, kept, strerror(-r));
}
