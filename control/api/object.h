/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An object of the state. Immutable once made; shared by the store, the history, transactions and the model.
 *
 * Its content is normalised (schema.h). Flows, of which there may be a million, keep it as compact JSON text without the columns that
 * have their default; the others as jansson's values. Who only asks for the content does not see the difference.
 *
 * Threads: sluiced's loop. Memory: counted references; the content that api_object_json returns is a new reference.
 */
#include "control/api/json_plain.h"
#include "control/api/schema.h"
#include "datapath/base/buf.h"
#include "datapath/base/hmap.h"

struct api_object {
	struct hmap_node node; // in its table of the store, by name
	json_t *data;          // NULL: it is kept as text
	struct json_span text;
	const char *name, *owner;
	uint64_t generation; // of its last change
	enum api_table table;
	uint32_t n_refs;
	char bytes[]; // name, owner and text
};

/* With one reference; takes data, which is normalised. */
struct api_object *api_object_create(
    enum api_table table, const char *name, const char *owner, uint64_t generation, json_t *data);
/* Of a table whose objects are kept as text; copies it. */
struct api_object *api_object_create_text(enum api_table table, struct json_span name,
    const char *owner, uint64_t generation, struct json_span text);
struct api_object *api_object_ref(const struct api_object *o);
void api_object_unref(struct api_object *o); // NULL is allowed
/* The content, with all defaults; not to be changed. */
json_t *api_object_json(const struct api_object *o);
/* One column of it, or NULL. */
json_t *api_object_column(const struct api_object *o, const char *name);
/* A column that is a text, without its quotes; size 0: absent. Borrowed. */
struct json_span api_object_text_column(const struct api_object *o, const char *name);
/* The content as text for its row: columns that have their default may be left out. */
void api_object_write(const struct api_object *o, struct buf_writer *w);
/* Same owner and same content. */
bool api_object_equal(const struct api_object *a, const struct api_object *b);
/* Whether objects of the table are kept as text. */
bool api_table_is_text(enum api_table table);
/* The text of normalised content, as such objects keep it. */
void api_object_text_write(enum api_table table, json_t *data, struct buf_writer *w);
