/* SPDX-License-Identifier: Apache-2.0 */
/* What all slow readers together cost: whoever costs most is cut, and comes back. */
#include "ovsdb-lite/server_priv.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

struct backlogs {
	size_t total, most;
	struct ovsdb_session *worst;
};

static void add_backlog(struct ovsdb_session *session, void *arg);
static struct ovsdb_change_set *largest_set(const struct ovsdb_served *served, size_t *total);

void ovsdb_server_trim(struct ovsdb_server *s)
{
	struct backlogs b = {0};
	ovsdb_remote_foreach_session(s, add_backlog, &b);
	if (b.total > s->limits.output_total && b.worst != NULL) {
		s->hits.output_total++;
		log_warn("%s: %zu bytes wait for it, and too many for all clients", b.worst->name,
		    b.most);
		ovsdb_session_end(b.worst, "it reads too slowly");
	}
	list_foreach (served, &s->dbs, struct ovsdb_served, node) {
		size_t total = 0;
		struct ovsdb_change_set *set = largest_set(served, &total);
		if (total <= s->limits.behind_rows || set == NULL)
			continue;
		s->hits.behind_rows++;
		log_warn("%s: changes of %zu rows wait for slow readers", served->db->schema->name,
		    total);
		ovsdb_monitor_end_readers(served, set);
	}
}

static void add_backlog(struct ovsdb_session *session, void *arg)
{
	struct backlogs *b = arg;
	size_t size = ovsdb_conn_backlog(session->conn);
	b->total += size;
	if (size <= b->most)
		return;
	b->most = size;
	b->worst = session;
}

static struct ovsdb_change_set *largest_set(const struct ovsdb_served *served, size_t *total)
{
	struct ovsdb_change_set *largest = NULL;
	list_foreach (set, &served->sets.list, struct ovsdb_change_set, node) {
		*total += set->n;
		if (largest == NULL || set->n > largest->n)
			largest = set;
	}
	return largest;
}
