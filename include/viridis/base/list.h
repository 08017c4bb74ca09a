/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A doubly linked list whose nodes live inside the objects it links. An empty list, and a node on
 * no list, points at itself.
 */
#ifndef VIRIDIS_BASE_LIST_H
#define VIRIDIS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *previous;
};

#define LIST_OWNER(node, type, member) \
	((type *)((char *)(node) - __builtin_offsetof(type, member)))

#define LIST_FOR_EACH(node, head) \
	for (struct list *node = (head)->next; node != (head); node = node->next)

static inline void list_init(struct list *node)
{
	node->next = node;
	node->previous = node;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert_before(struct list *at, struct list *node)
{
	node->next = at;
	node->previous = at->previous;
	at->previous->next = node;
	at->previous = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

/* Take the node off its list; harmless when it is on none. */
static inline void list_remove(struct list *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	list_init(node);
}

/* The first node, taken off; NULL when the list is empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

#endif
