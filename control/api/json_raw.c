/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_raw.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/json_digest.h"
#include "control/api/json_read.h"
#include "control/mem.h"

void json_raw_read(struct json_raw *raw, struct json_plain *p)
{
	raw->digest = json_digest_list();
	json_plain_take(p, '[');
	for (bool is_first = true; json_plain_more(p, ']', &is_first);) {
		json_plain_next(p);
		const char *start = p->at;
		raw->digest = json_digest_add(raw->digest, json_plain_digest(p));
		raw->entries =
		    mem_grow(raw->entries, raw->n, &raw->capacity, sizeof(*raw->entries));
		raw->entries[raw->n++] = (struct json_span){start, (size_t)(p->at - start)};
	}
	raw->is_there = !p->bad;
	if (p->bad)
		json_raw_fini(raw);
}

void json_raw_keep(struct json_raw *raw)
{
	if (raw->n == 0)
		return;
	const char *start = raw->entries[0].text;
	const struct json_span *last = &raw->entries[raw->n - 1];
	size_t size = (size_t)(last->text + last->size - start);

	raw->text = mem_resize(NULL, size);
	memcpy(raw->text, start, size);
	for (size_t i = 0; i < raw->n; i++)
		raw->entries[i].text = raw->text + (raw->entries[i].text - start);
}

void json_raw_fini(struct json_raw *raw)
{
	free(raw->entries);
	free(raw->text);
	*raw = (struct json_raw){0};
}

json_t *json_raw_entry(const struct json_raw *raw, size_t i)
{
	json_error_t fault;

	return json_read(raw->entries[i].text, raw->entries[i].size, &fault);
}

json_t *json_raw_list(const struct json_raw *raw)
{
	json_t *list = json_array();

	for (size_t i = 0; i < raw->n; i++)
		json_array_append_new(list, json_raw_entry(raw, i));
	return list;
}
