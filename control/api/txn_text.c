/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops that are plain text and nothing out of the ordinary: puts of new rows to tables of texts, and deletions. All else, faults too,
 * is left to txn_build.c, with nothing changed.
 */
#include <string.h>

#include "control/api/txn_build_priv.h"

/* {op, table, name, object?} */
struct text_op {
	struct json_span verb, name, object; // object: of a put, normalised; size 0 when absent
	enum api_table table;
	char name_text[65];
};

static bool decode(struct build *b, struct json_span text, struct text_op *op);
static bool decode_object(struct build *b, struct json_plain *p, struct text_op *op);
static enum api_table find_table(struct json_span name);
static bool put(struct build *b, const struct text_op *op, uint32_t index);
static bool can_replace(const struct build *b, const struct api_object *now, struct json_span text);
static bool del(struct build *b, const struct text_op *op, uint32_t index);
static bool may_touch(const struct build *b, const struct api_object *now);

bool build_text_op(struct build *b, struct json_span text, uint32_t index)
{
	struct text_op op;

	if (!decode(b, text, &op))
		return false;
	if (JSON_SPAN_IS(op.verb, "put"))
		return op.object.size > 0 && put(b, &op, index);
	return JSON_SPAN_IS(op.verb, "delete") && op.object.size == 0 && del(b, &op, index);
}

static bool decode(struct build *b, struct json_span text, struct text_op *op)
{
	struct json_plain p = {.at = text.text, .end = text.text + text.size};

	*op = (struct text_op){.name = {"", 0}, .table = API_TABLE__COUNT};
	json_plain_take(&p, '{');
	for (bool is_first = true; json_plain_more(&p, '}', &is_first);) {
		struct json_span key = json_plain_key(&p);
		if (JSON_SPAN_IS(key, "op"))
			op->verb = json_plain_string(&p);
		else if (JSON_SPAN_IS(key, "table"))
			op->table = find_table(json_plain_string(&p));
		else if (JSON_SPAN_IS(key, "name"))
			op->name = json_plain_string(&p);
		else if (!JSON_SPAN_IS(key, "object") || !decode_object(b, &p, op))
			return false;
	}
	if (p.bad || op->table == API_TABLE__COUNT || op->name.size >= sizeof(op->name_text))
		return false;
	memcpy(op->name_text, op->name.text, op->name.size);
	op->name_text[op->name.size] = '\0';
	return json_name_is_valid(op->name_text);
}

/* Clients say first where an object goes, and then what is in it. */
static bool decode_object(struct build *b, struct json_plain *p, struct text_op *op)
{
	b->text.size = 0;
	if (op->table == API_TABLE__COUNT || !api_table_is_text(op->table) ||
	    !schema_text_normalise(op->table, p, &b->hints, &b->text))
		return false;
	op->object = (struct json_span){(const char *)b->text.data, b->text.size};
	/* When a hard timeout began is for stamp_flow to say. */
	return memmem(op->object.text, op->object.size, "\"hard_timeout_s\":", 17) == NULL;
}

static enum api_table find_table(struct json_span name)
{
	enum api_table table = 0;

	while (table < API_TABLE__COUNT &&
	       !json_span_is(name, api_tables[table].name, strlen(api_tables[table].name)))
		table++;
	return table;
}

static bool put(struct build *b, const struct text_op *op, uint32_t index)
{
	struct build_name name = build_name(b, op->table, op->name_text);
	struct pending *p = build_find_pending(b, &name);
	const struct api_object *now =
	    p != NULL ? p->now : store_find(b->store, op->table, op->name_text);

	if (now != NULL && !can_replace(b, now, op->object))
		return false;
	const char *owner = b->rules->owner != NULL ? b->rules->owner
			    : now != NULL           ? now->owner
						    : "";
	struct api_object *o = NULL;
	if (now == NULL || !json_span_is(now->text, op->object.text, op->object.size))
		o = api_object_create_text(
		    op->table, op->name, owner, store_generation(b->store) + 1, op->object);
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

static bool del(struct build *b, const struct text_op *op, uint32_t index)
{
	struct build_name name = build_name(b, op->table, op->name_text);
	struct pending *p = build_find_pending(b, &name);
	const struct api_object *now =
	    p != NULL ? p->now : store_find(b->store, op->table, op->name_text);

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
