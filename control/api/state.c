/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "control/api/filter.h"
#include "control/api/history.h"
#include "control/api/method.h"
#include "control/daemon.h"
#include "datapath/base/json_util.h"

enum {
	DEFAULT_PAGE = 1000,
	MAX_PAGE = 10000,
	PAGE_SIZE = 4 << 20, // bytes of objects, so that a page stays below the limit of a reply
	MAX_CURSOR = 160,
	ROW_SIZE = 130,      // of a row beside its object
	DEFAULTS_SIZE = 160, // of columns that a text leaves out
};

/* Where a page starts, and how much goes on it. */
struct page {
	uint64_t limit;
	const char *cursor; // NULL: from the start
	size_t size;
};

static int decode_page(struct rpc_request *req, struct page *page, struct err *err);
static size_t first_after(const struct api_object *const *sorted, size_t n, const char *name);
static bool is_full(struct page *page, json_t *list, const struct api_object *o);
static int decode_export_cursor(
    const char *cursor, enum api_table *ret_table, const char **ret_name, struct err *err);

void state_get(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	enum api_table table;
	const char *name = NULL;
	int r = table_from_json(rpc_params(req), &table, &err);
	if (r == 0)
		r = json_get_string(rpc_params(req), "name", &name, &err);
	if (r == -ENOENT)
		err_set(&err, ERR_PARAMS, "name is missing");
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	const struct api_object *o = store_find(d->store, table, name);
	if (o == NULL) {
		err_path(&err, "/name");
		err_set(&err, ERR_NOT_FOUND, "no %s %.64s", api_tables[table].name, name);
		rpc_fail(req, &err);
		return;
	}
	json_t *result = api_object_to_json(o);
	json_object_set_new(
	    result, "generation", json_integer((json_int_t)store_generation(d->store)));
	rpc_reply(req, result);
}

void state_list(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	enum api_table table;
	struct page page;
	json_t *filter = NULL;
	int r = table_from_json(rpc_params(req), &table, &err);
	if (r == 0)
		r = decode_page(req, &page, &err);
	if (r == 0)
		r = json_get_object(rpc_params(req), "filter", &filter, &err);
	if (r == 0)
		r = filter_check(filter, 1U << table, &err);
	if (r != 0 && r != -ENOENT) {
		rpc_fail(req, &err);
		return;
	}
	size_t n;
	const struct api_object *const *sorted = store_sorted(d->store, table, &n);
	json_t *objects = json_array();
	json_t *cursor = NULL;
	for (size_t i = page.cursor != NULL ? first_after(sorted, n, page.cursor) : 0; i < n; i++) {
		if (!filter_matches(filter, sorted[i]))
			continue;
		if (is_full(&page, objects, sorted[i])) {
			json_t *last = json_array_get(objects, json_array_size(objects) - 1);
			cursor = json_incref(json_object_get(last, "name"));
			break;
		}
		json_array_append_new(objects, api_object_to_json(sorted[i]));
	}
	rpc_reply(
	    req, json_pack("{s:I, s:o, s:o*}", "generation", (json_int_t)store_generation(d->store),
		     "objects", objects, "cursor", cursor));
}

/* The cursor is "table/name" of the last object sent. */
void state_export(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	struct page page;
	enum api_table table = 0;
	const char *name = NULL;
	int r = decode_page(req, &page, &err);
	if (r == 0 && page.cursor != NULL)
		r = decode_export_cursor(page.cursor, &table, &name, &err);
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	json_t *objects = json_array();
	const struct api_object *last = NULL;
	bool full = false;
	for (; table < API_TABLE__COUNT && !full; table++, name = NULL) {
		size_t n;
		const struct api_object *const *sorted = store_sorted(d->store, table, &n);
		for (size_t i = name != NULL ? first_after(sorted, n, name) : 0; i < n && !full;
		     i++) {
			full = is_full(&page, objects, sorted[i]);
			if (full)
				break;
			last = sorted[i];
			json_array_append_new(objects, api_object_to_json(last));
		}
	}
	json_t *cursor =
	    full ? json_sprintf("%s/%s", api_tables[last->table].name, last->name) : NULL;
	rpc_reply(
	    req, json_pack("{s:I, s:o, s:o*}", "generation", (json_int_t)store_generation(d->store),
		     "objects", objects, "cursor", cursor));
}

void state_diff(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	uint64_t now = store_generation(d->store), from = 0, to = now;
	int r = json_get_u64(rpc_params(req), "from", 0, now, &from, &err);
	if (r == -ENOENT)
		err_set(&err, ERR_PARAMS, "from is missing");
	if (r == 0)
		r = json_get_u64(rpc_params(req), "to", from, now, &to, &err) == -EINVAL ? -EINVAL
											 : 0;
	if (r == 0 && !history_reaches(d->history, from, now)) {
		err_path(&err, "/from");
		r = err_set(&err, ERR_NOT_FOUND,
		    "the changes since generation %" PRIu64 " are no longer kept", from);
	}
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	json_t *changes = json_array();
	const struct history_entry *e;
	for (size_t i = 0; (e = history_after(d->history, from, i)) != NULL && e->generation <= to;
	     i++) {
		for (size_t k = 0; k < e->set.n; k++) {
			const struct api_change *c = &e->set.changes[k];
			json_t *change =
			    json_pack("{s:I, s:s, s:s}", "generation", (json_int_t)e->generation,
				"table", api_tables[c->table].name, "name", c->name);
			json_object_set_new(change, "old",
			    c->old_object != NULL ? api_object_visible(c->old_object)
						  : json_null());
			json_object_set_new(change, "new",
			    c->new_object != NULL ? api_object_visible(c->new_object)
						  : json_null());
			json_array_append_new(changes, change);
		}
	}
	rpc_reply(req, json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from, "to", (json_int_t)to,
			   "changes", changes));
}

static int decode_page(struct rpc_request *req, struct page *page, struct err *err)
{
	json_t *params = rpc_params(req);
	uint64_t now = store_generation(rpc_daemon(req)->store), at = now;
	*page = (struct page){.limit = DEFAULT_PAGE};
	int r = json_get_u64(params, "limit", 1, MAX_PAGE, &page->limit, err);
	if (r == 0 || r == -ENOENT)
		r = json_get_string(params, "cursor", &page->cursor, err);
	if (r == 0 || r == -ENOENT)
		r = json_get_u64(params, "at_generation", 0, INT64_MAX, &at, err);
	if (r != 0 && r != -ENOENT)
		return r;
	if (page->cursor != NULL && strlen(page->cursor) > MAX_CURSOR) {
		err_path(err, "/cursor");
		return err_set(err, ERR_PARAMS, "that is no cursor of an answer");
	}
	if (at == now)
		return 0;
	err_path(err, "/at_generation");
	err_set(err, ERR_CONFLICT, "the state is at generation %" PRIu64 ", not %" PRIu64, now, at);
	return err_hint(err, "start again without cursor");
}

static size_t first_after(const struct api_object *const *sorted, size_t n, const char *name)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(sorted[mid]->name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* At least one object goes on a page. */
static bool is_full(struct page *page, json_t *list, const struct api_object *o)
{
	size_t n = json_array_size(list);
	page->size += ROW_SIZE + (o->data != NULL ? json_dumpb(o->data, NULL, 0, JSON_COMPACT)
						  : o->text.size + DEFAULTS_SIZE);
	return n > 0 && (n >= page->limit || page->size > PAGE_SIZE);
}

static int decode_export_cursor(
    const char *cursor, enum api_table *ret_table, const char **ret_name, struct err *err)
{
	char table[MAX_CURSOR + 1];
	const char *slash = strchr(cursor, '/');
	if (slash != NULL) {
		snprintf(table, sizeof(table), "%.*s", (int)(slash - cursor), cursor);
		*ret_table = schema_find_table(table);
		*ret_name = slash + 1;
		if (*ret_table != API_TABLE__COUNT)
			return 0;
	}
	err_path(err, "/cursor");
	return err_set(err, ERR_PARAMS, "that is no cursor of an answer");
}
