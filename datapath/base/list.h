/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intrusive doubly linked list. An initialised node that is on no list points to itself.
 *
 * Threads: caller excludes. Memory: nodes belong to their containers.
 */
#include <stdbool.h>

#include "datapath/base/compiler.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_before(struct list *pos, struct list *node)
{
	node->prev = pos->prev;
	node->next = pos;
	pos->prev->next = node;
	pos->prev = node;
}

/* Appends to the list headed by head. */
static inline void list_add(struct list *head, struct list *node)
{
	list_add_before(head, node);
}

/* Takes the node off; it may be taken off twice. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) CONTAINER_OF(node, type, member)
#define list_foreach(it, head, type, member)                                           \
	for (type *it = list_entry((head)->next, type, member); &it->member != (head); \
	     it = list_entry(it->member.next, type, member))
#define list_foreach_safe(it, head, type, member)                         \
	for (type *it = list_entry((head)->next, type, member),           \
		  *it##_next = list_entry(it->member.next, type, member); \
	     &it->member != (head);                                       \
	     it = it##_next, it##_next = list_entry(it->member.next, type, member))
