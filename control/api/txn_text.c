/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops that are plain text and nothing out of the ordinary: puts of new rows to tables of texts, and deletions. All else, faults too,
 * is left to txn_build.c, with nothing changed.
 */
#include <string.h>

#include "control/api/txn_build_priv.h"

/* {op, table, name, object?} */
struct text_op {
	struct json_span verb, table, object; // object: size 0 when absent
	char name[65];
};

static bool decode(struct json_span text, struct text_op *op);
static bool put(struct build *b, const struct text_op *op, enum api_table table, uint32_t index);
static bool can_replace(const struct build *b, const struct api_object *now, struct json_span text);
static bool del(struct build *b, const struct text_op *op, enum api_table table, uint32_t index);
static bool may_touch(const struct build *b, const struct api_object *now);

bool build_text_op(struct build *b, struct json_span text, uint32_t index)
{
	struct text_op op;

	if (!decode(text, &op))
		return false;
	enum api_table table = 0;
	while (table < API_TABLE__COUNT &&
	       !json_span_is(op.table, api_tables[table].name, strlen(api_tables[table].name)))
		table++;
	if (table == API_TABLE__COUNT)
		return false;
	if (JSON_SPAN_IS(op.verb, "put"))
		return op.object.size > 0 && api_table_is_text(table) && put(b, &op, table, index);
	return JSON_SPAN_IS(op.verb, "delete") && op.object.size == 0 && del(b, &op, table, index);
}

static bool decode(struct json_span text, struct text_op *op)
{
	struct json_plain p = {.at = text.text, .end = text.text + text.size};
	struct json_span name = {"", 0};

	*op = (struct text_op){0};
	json_plain_take(&p, '{');
	for (bool is_first = true; json_plain_more(&p, '}', &is_first);) {
		struct json_span key = json_plain_key(&p);
		if (JSON_SPAN_IS(key, "op"))
			op->verb = json_plain_string(&p);
		else if (JSON_SPAN_IS(key, "table"))
			op->table = json_plain_string(&p);
		else if (JSON_SPAN_IS(key, "name"))
			name = json_plain_string(&p);
		else if (JSON_SPAN_IS(key, "object"))
			op->object = json_plain_value(&p);
		else
			return false;
	}
	if (p.bad || name.size >= sizeof(op->name))
		return false;
	memcpy(op->name, name.text, name.size);
	op->name[name.size] = '\0';
	return json_name_is_valid(op->name);
}

static bool put(struct build *b, const struct text_op *op, enum api_table table, uint32_t index)
{
	struct build_name name = build_name(b, table, op->name);
	struct pending *p = build_find_pending(b, &name);
	const struct api_object *now = p != NULL ? p->now : store_find(b->store, table, op->name);

	b->text.size = 0;
	if (!schema_text_normalise(table, op->object, &b->hints, &b->text))
		return false;
	struct json_span text = {(const char *)b->text.data, b->text.size};
	/* When a hard timeout began is for stamp_flow to say. */
	if ((now != NULL && !can_replace(b, now, text)) ||
	    json_plain_find(text.text, text.size, "hard_timeout_s").size > 0)
		return false;
	const char *owner = b->rules->owner != NULL ? b->rules->owner
			    : now != NULL           ? now->owner
						    : "";
	struct api_object *o = NULL;
	if (now == NULL || !json_span_is(now->text, text.text, text.size))
		o = api_object_create_text(table, (struct json_span){op->name, strlen(op->name)},
		    owner, store_generation(b->store) + 1, text);
	if (p == NULL) {
		name.text = now != NULL ? now->name : o->name;
		p = build_add_pending(b, &name, now);
		p->named = now == NULL ? api_object_ref(o) : NULL;
	}
	p->op = index;
	if (o == NULL)
		return true;
	api_object_unref(p->now);
	p->now = o;
	return true;
}

/* A flow that keeps its bridge, and has no members of the daemon's own to carry over or to begin. */
static bool can_replace(const struct build *b, const struct api_object *now, struct json_span text)
{
	struct json_span was = json_plain_find(now->text.text, now->text.size, "bridge"),
			 is = json_plain_find(text.text, text.size, "bridge");

	return may_touch(b, now) && now->data == NULL && was.size > 0 &&
	       json_span_is(was, is.text, is.size) &&
	       memmem(now->text.text, now->text.size, "\"_", 2) == NULL;
}

static bool del(struct build *b, const struct text_op *op, enum api_table table, uint32_t index)
{
	struct build_name name = build_name(b, table, op->name);
	struct pending *p = build_find_pending(b, &name);
	const struct api_object *now = p != NULL ? p->now : store_find(b->store, table, op->name);

	if (now == NULL || !may_touch(b, now))
		return false;
	if (p == NULL) {
		name.text = now->name;
		p = build_add_pending(b, &name, now);
	}
	api_object_unref(p->now);
	p->now = NULL;
	p->op = index;
	return true;
}

static bool may_touch(const struct build *b, const struct api_object *now)
{
	return b->rules->owner == NULL || strcmp(now->owner, b->rules->owner) == 0;
}
