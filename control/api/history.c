/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/history.h"

#include <stdlib.h>

#include "control/mem.h"

struct history {
	struct history_entry entries[HISTORY_MAX_SETS]; // a ring; generations are consecutive
	size_t first, n;
	size_t n_changes;
};

static void drop_oldest(struct history *h);

struct history *history_create(void)
{
	return mem_alloc(sizeof(struct history));
}

void history_destroy(struct history *h)
{
	if (h == NULL)
		return;
	while (h->n > 0)
		drop_oldest(h);
	free(h);
}

void history_add(struct history *h, uint64_t generation, struct change_set *set)
{
	if (h->n == HISTORY_MAX_SETS)
		drop_oldest(h);
	struct history_entry *e = &h->entries[(h->first + h->n) % HISTORY_MAX_SETS];
	*e = (struct history_entry){generation, *set};
	*set = (struct change_set){0};
	h->n++;
	h->n_changes += e->set.n;
	while (h->n_changes > HISTORY_MAX_CHANGES)
		drop_oldest(h);
}

const struct history_entry *history_after(const struct history *h, uint64_t since, size_t i)
{
	if (h->n == 0)
		return NULL;
	uint64_t oldest = h->entries[h->first].generation;
	size_t skip = since >= oldest ? since - oldest + 1 : 0;
	if (skip + i >= h->n)
		return NULL;
	return &h->entries[(h->first + skip + i) % HISTORY_MAX_SETS];
}

bool history_reaches(const struct history *h, uint64_t since, uint64_t now)
{
	if (since == now)
		return true;
	return since < now && h->n > 0 && h->entries[h->first].generation <= since + 1;
}

static void drop_oldest(struct history *h)
{
	struct history_entry *e = &h->entries[h->first];
	h->n_changes -= e->set.n;
	change_set_fini(&e->set);
	h->first = (h->first + 1) % HISTORY_MAX_SETS;
	h->n--;
}
