/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/text.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/uuid.h"

enum { FIRST_BUCKETS = 64 };

static struct {
	struct ovsdb_text **buckets;
	size_t mask;
	size_t n;
} table;

static struct ovsdb_text *find(const char *s, size_t len, uint32_t hash);
static void grow(void);
static void forget_buckets(void);

struct ovsdb_text *ovsdb_text_of(const char *s, size_t len)
{
	uint32_t hash = (uint32_t)ovsdb_hash(s, len, 0);
	struct ovsdb_text *text = find(s, len, hash);

	if (text != NULL)
		return ovsdb_text_ref(text);
	if (table.buckets == NULL || table.n > table.mask)
		grow();
	text = ovsdb_alloc_dirty(offsetof(struct ovsdb_text, s) + len + 1);
	struct ovsdb_text **head = &table.buckets[hash & table.mask];
	text->next = *head;
	text->hash = hash;
	text->n_refs = 1;
	text->len = (uint32_t)len;
	memcpy(text->s, s, len);
	text->s[len] = '\0';
	*head = text;
	table.n++;
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
	struct ovsdb_text **link = &table.buckets[text->hash & table.mask];
	while (*link != text)
		link = &(*link)->next;
	*link = text->next;
	table.n--;
	free(text);
	if (table.n == 0)
		forget_buckets();
}

size_t ovsdb_text_count(void)
{
	return table.n;
}

static struct ovsdb_text *find(const char *s, size_t len, uint32_t hash)
{
	if (table.buckets == NULL)
		return NULL;
	struct ovsdb_text *text = table.buckets[hash & table.mask];
	while (text != NULL &&
	       (text->hash != hash || text->len != len || memcmp(text->s, s, len) != 0))
		text = text->next;
	return text;
}

static void grow(void)
{
	size_t n = table.buckets == NULL ? FIRST_BUCKETS : (table.mask + 1) * 2;
	struct ovsdb_text **buckets = ovsdb_alloc_array(n, sizeof(struct ovsdb_text *));

	for (size_t i = 0; table.buckets != NULL && i <= table.mask; i++) {
		struct ovsdb_text *next;
		for (struct ovsdb_text *text = table.buckets[i]; text != NULL; text = next) {
			struct ovsdb_text **head = &buckets[text->hash & (n - 1)];
			next = text->next;
			text->next = *head;
			*head = text;
		}
	}
	free(table.buckets);
	table.buckets = buckets;
	table.mask = n - 1;
}

static void forget_buckets(void)
{
	free(table.buckets);
	table.buckets = NULL;
	table.mask = 0;
}
