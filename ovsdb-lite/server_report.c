/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says of itself. */
#include <stdio.h>
#include <stdlib.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/server_priv.h"

/* Totals over databases. */
struct usage {
	size_t n_atoms, n_cells, n_history, n_history_atoms, n_monitors, n_waiting, n_backlog;
};

static void add_db(struct usage *u, const struct ovsdb_served *served);
static size_t count_atoms(const struct ovsdb_row *row);
static void add_session(struct ovsdb_session *session, void *arg);
static char *append(
    char *text, const char *name, uint64_t value, uint64_t n_hits, const char *help);

void ovsdb_server_format_usage(const struct ovsdb_server *s, char *ret, size_t size)
{
	struct usage u = {0};
	list_foreach (served, &s->dbs, struct ovsdb_served, node)
		add_db(&u, served);
	ovsdb_remote_foreach_session((struct ovsdb_server *)s, add_session, &u);
	snprintf(ret, size,
	    "atoms:%zu backlog:%zu cells:%zu monitors:%zu sessions:%u texts:%zu triggers:%zu "
	    "txn-history:%zu unfinished-input:%zu",
	    u.n_atoms, u.n_backlog, u.n_cells, u.n_monitors, s->n_sessions, ovsdb_text_count(),
	    u.n_waiting, u.n_history, s->budget.used);
}

char *ovsdb_server_format_names(const struct ovsdb_server *s)
{
	char *text = ovsdb_copy_text("");
	list_foreach (served, &s->dbs, struct ovsdb_served, node) {
		char *longer = ovsdb_format_text("%s%s\n", text, served->db->schema->name);
		free(text);
		text = longer;
	}
	return text;
}

char *ovsdb_server_format_limits(const struct ovsdb_server *s)
{
	char *text = ovsdb_format_text("%-26s %12s %8s\n", "limit", "value", "met");
#define SERVER_LIMIT(field, value, help) \
	text = append(text, #field, s->limits.field, s->hits.field, help);
#include "ovsdb-lite/server_limit.def"
#undef SERVER_LIMIT
	for (size_t i = 0; i < OVSDB_N_LIMITS; i++)
		text = append(text, ovsdb_limits[i].name, ovsdb_limits[i].value,
		    ovsdb_limits[i].n_hits, ovsdb_limits[i].help);
	return text;
}

static void add_db(struct usage *u, const struct ovsdb_served *served)
{
	const struct ovsdb_db *db = served->db;
	for (size_t i = 0; i < db->schema->n_tables; i++) {
		const struct ovsdb_table *table = &db->tables[i];
		u->n_cells += ovsdb_table_count(table) * table->schema->n_columns;
		ovsdb_table_foreach_row (row, table)
			u->n_atoms += count_atoms(row);
	}
	u->n_history += served->history.n;
}

static size_t count_atoms(const struct ovsdb_row *row)
{
	const struct ovsdb_table_schema *schema = row->table->schema;
	size_t n = 0;
	for (size_t i = 0; i < schema->n_columns; i++) {
		struct ovsdb_datum d = ovsdb_row_get(row, &schema->columns[i]);
		n += d.value_type != OVSDB_VOID ? (size_t)d.n * 2 : d.n;
	}
	return n;
}

static void add_session(struct ovsdb_session *session, void *arg)
{
	struct usage *u = arg;
	u->n_monitors += session->n_monitors;
	u->n_waiting += session->n_waiting;
	u->n_backlog += ovsdb_conn_backlog(session->conn);
}

static char *append(char *text, const char *name, uint64_t value, uint64_t n_hits, const char *help)
{
	char *longer =
	    ovsdb_format_text("%s%-26s %12lu %8lu  %s\n", text, name, value, n_hits, help);
	free(text);
	return longer;
}
