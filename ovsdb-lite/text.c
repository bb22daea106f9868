/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/text.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/ptr_set.h"
#include "ovsdb-lite/uuid.h"

static struct ovsdb_ptr_set texts;

static struct ovsdb_text *find(const char *s, size_t len, uint32_t hash);

struct ovsdb_text *ovsdb_text_of(const char *s, size_t len)
{
	uint32_t hash = (uint32_t)ovsdb_hash(s, len, 0);
	struct ovsdb_text *text = find(s, len, hash);

	if (text != NULL)
		return ovsdb_text_ref(text);
	text = ovsdb_alloc_dirty(offsetof(struct ovsdb_text, s) + len + 1);
	text->hash = hash;
	text->n_refs = 1;
	text->len = (uint32_t)len;
	memcpy(text->s, s, len);
	text->s[len] = '\0';
	ovsdb_ptr_set_add(&texts, text, hash);
	return text;
}

struct ovsdb_text *ovsdb_text_of_string(const char *s)
{
	return ovsdb_text_of(s, strlen(s));
}

struct ovsdb_text *ovsdb_text_find(const char *s)
{
	size_t len = strlen(s);

	return find(s, len, (uint32_t)ovsdb_hash(s, len, 0));
}

struct ovsdb_text *ovsdb_text_ref(struct ovsdb_text *text)
{
	text->n_refs++;
	return text;
}

void ovsdb_text_unref(struct ovsdb_text *text)
{
	if (--text->n_refs > 0)
		return;
	ovsdb_ptr_set_del(&texts, text, text->hash);
	free(text);
	if (texts.n == 0)
		ovsdb_ptr_set_fini(&texts);
}

size_t ovsdb_text_count(void)
{
	return texts.n;
}

static struct ovsdb_text *find(const char *s, size_t len, uint32_t hash)
{
	size_t cursor = SIZE_MAX;

	for (;;) {
		struct ovsdb_text *text = ovsdb_ptr_set_next_with_hash(&texts, hash, &cursor);
		if (text == NULL || (text->len == len && memcmp(text->s, s, len) == 0))
			return text;
	}
}
