/* SPDX-License-Identifier: Apache-2.0 */
/* What objects of a transaction refer to: it must be there, stay there, and be whose it may be. */
#include <string.h>

#include "control/api/txn_build_priv.h"

/* One of the names in a column of an object. */
struct reference {
	const struct api_object *object;
	const struct api_column *column;
	size_t n; // that were visited
	char name[65];
};

static void check_object_references(struct build *b, const struct pending *p);
static void check_reference(struct build *b, const struct pending *p, const struct reference *r);
static bool next_reference(struct reference *r);
static int check_target(
    const struct build *b, enum api_table to, const char *name, struct err *err);
static const struct api_object *find(const struct build *b, enum api_table table, const char *name);
static void check_port_of_owner(struct build *b, const struct pending *p);
static bool is_one_of(const char *value, const char *const *words);
static void check_users_of_deleted(struct build *b);
static bool check_user(const struct api_object *user, void *arg);

int build_check_owner(const struct build *b, const struct pending *p, struct err *err)
{
	if (b->rules->owner == NULL || p->now == NULL || b->rules->any_owner ||
	    strcmp(p->now->owner, b->rules->owner) == 0)
		return 0;
	err_set(err, ERR_FORBIDDEN, "%s %s belongs to owner %s", api_tables[p->table].name, p->name,
	    p->now->owner);
	return err_hint(err,
	    "a transaction changes what its owner has, here %s; choose another name",
	    b->rules->owner);
}

void build_check_references(struct build *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->pending[i].now != NULL && b->pending[i].now != b->pending[i].stored) {
			check_object_references(b, &b->pending[i]);
			if (b->rules->own_only && b->pending[i].table == API_TABLE_PORT)
				check_port_of_owner(b, &b->pending[i]);
		}
	check_users_of_deleted(b);
}

/* As it is going to be; NULL: it is not there. */
static const struct api_object *find(const struct build *b, enum api_table table, const char *name)
{
	const struct pending *p = build_find(b, table, name);
	return p != NULL ? p->now : store_find(b->store, table, name);
}

static void check_object_references(struct build *b, const struct pending *p)
{
	const struct api_table_def *def = &api_tables[p->table];
	for (size_t i = 0; i < def->n_columns; i++) {
		const struct api_column *column = &def->columns[i];
		struct reference r = {.column = column, .object = p->now};
		if (column->type != CT_REF)
			continue;
		while (next_reference(&r))
			check_reference(b, p, &r);
	}
}

static void check_reference(struct build *b, const struct pending *p, const struct reference *r)
{
	const struct api_column *column = r->column;
	enum api_table to = schema_find_table(column->values);
	struct err err;
	/* One bridge has many flows. */
	if (b->target.table == to && strcmp(b->target.name, r->name) == 0)
		return;
	err = (struct err){0};
	if (check_target(b, to, r->name, &err) == 0) {
		b->target.table = to;
		memcpy(b->target.name, r->name, sizeof(r->name));
		return;
	}
	err_object(&err, "%s/%s", api_tables[p->table].name, p->name);
	if (column->flags & CF_LIST)
		err_path(&err, "/%s/%zu", column->name, r->n - 1);
	else
		err_path(&err, "/%s", column->name);
	txn_errors_add_object(b->errs, &err, p->op);
}

static bool next_reference(struct reference *r)
{
	const struct api_object *o = r->object;
	const struct api_column *column = r->column;
	if (column->flags & CF_LIST) {
		/* Objects with lists of names are values, not texts. */
		json_t *list = json_object_get(o->data, column->name);
		const char *name = json_string_value(json_array_get(list, r->n++));
		snprintf(r->name, sizeof(r->name), "%s", name != NULL ? name : "");
		return name != NULL;
	}
	struct json_span name = api_object_text_column(o, column->name);
	if (r->n++ > 0 || name.size == 0 || name.size >= sizeof(r->name))
		return false;
	memcpy(r->name, name.text, name.size);
	r->name[name.size] = '\0';
	return true;
}

struct user_check {
	struct build *b;
	const struct api_column *column;
	enum api_table to;
};

/* Objects that this transaction does not touch, and that refer to one it deletes. */
static void check_users_of_deleted(struct build *b)
{
	bool has_deleted[API_TABLE__COUNT] = {0};
	for (size_t i = 0; i < b->n; i++)
		if (b->pending[i].stored != NULL && b->pending[i].now == NULL)
			has_deleted[b->pending[i].table] = true;
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		for (size_t i = 0; i < api_tables[t].n_columns; i++) {
			const struct api_column *column = &api_tables[t].columns[i];
			if (column->type != CT_REF)
				continue;
			struct user_check check = {b, column, schema_find_table(column->values)};
			if (has_deleted[check.to])
				store_foreach(b->store, t, check_user, &check);
		}
	}
}

static bool check_user(const struct api_object *user, void *arg)
{
	const struct user_check *check = arg;
	struct reference r = {.column = check->column, .object = user};
	const struct pending *changed = build_find(check->b, user->table, user->name);
	if (changed != NULL && changed->now != user)
		return true;
	while (next_reference(&r)) {
		const struct pending *p = build_find(check->b, check->to, r.name);
		if (p == NULL || p->now != NULL)
			continue;
		struct err err = {0};
		err_path(&err, "/ops/%u", p->op);
		err_object(&err, "%s/%s", api_tables[p->table].name, p->name);
		err_set(&err, ERR_DANGLING, "%s %s is still used by %s/%s (%s)",
		    api_tables[p->table].name, p->name, api_tables[user->table].name, user->name,
		    r.column->name);
		err_hint(&err, "change or delete %s/%s in the same transaction",
		    api_tables[user->table].name, user->name);
		txn_errors_add(check->b->errs, &err, p->op);
	}
	return true;
}

/* A client that is tied to an owner may not hang its objects on those of others: that would change what they do. */
static int check_target(const struct build *b, enum api_table to, const char *name, struct err *err)
{
	const char *table = api_tables[to].name;
	const struct api_object *o = find(b, to, name);
	if (o == NULL) {
		err_set(err, ERR_DANGLING, "there is no %s %s", table, name);
		return err_hint(err, "put it in the same transaction or before");
	}
	if (!b->rules->own_only || strcmp(o->owner, b->rules->owner) == 0)
		return 0;
	err_set(err, ERR_FORBIDDEN, "%s %s belongs to owner %s", table, name, o->owner);
	return err_hint(
	    err, "this client's role lets it refer to objects of owner %s only", b->rules->owner);
}

/* Values of ports that reach the host itself, or other hosts beside what networks and tunnel_peers allow. */
static const struct {
	const char *column;
	const char *words[6]; // none: any
} operator_values[] = {
    {"kind", {"ethdev", "uplink", "tap", "pcap", "vxlan"}},
    {"socket", {NULL}},
    {"device", {NULL}},
    {"interface", {NULL}},
};

/* What a client that is tied to an owner puts into a port, beside references that the schema knows. */
static void check_port_of_owner(struct build *b, const struct pending *p)
{
	json_t *before = p->stored != NULL ? p->stored->data : NULL;
	struct err err = {0};
	err_object(&err, "port/%s", p->name);
	for (size_t i = 0; i < ARRAY_SIZE(operator_values); i++) {
		const char *column = operator_values[i].column;
		json_t *value = json_object_get(p->now->data, column);
		if (value == NULL || json_equal(value, json_object_get(before, column)) ||
		    !is_one_of(json_string_value(value), operator_values[i].words))
			continue;
		err_path(&err, "/%s", column);
		err_set(&err, ERR_FORBIDDEN, "%s \"%.64s\" needs the role operate", column,
		    json_string_value(value));
		err_hint(&err, "it reaches devices, files or other hosts; an operator can make it");
		txn_errors_add_object(b->errs, &err, p->op);
	}
	/* A patch needs the other side's word; a remote port only has to name its tunnel. */
	const char *kind = json_string_value(json_object_get(p->now->data, "kind"));
	const char *peer = json_string_value(json_object_get(p->now->data, "peer"));
	if (kind == NULL || peer == NULL || strcmp(kind, "remote") != 0 ||
	    check_target(b, API_TABLE_TUNNEL_PEER, peer, &err) == 0)
		return;
	err_path(&err, "/peer");
	txn_errors_add_object(b->errs, &err, p->op);
}

/* Without words: any is. */
static bool is_one_of(const char *value, const char *const *words)
{
	if (words[0] == NULL)
		return true;
	while (*words != NULL && strcmp(*words, value) != 0)
		words++;
	return *words != NULL;
}
