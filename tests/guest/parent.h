/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent group's parts: a child that is run, hostile calls, many children. */
#ifndef VSC_TINY_PARENT_H
#define VSC_TINY_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_synic.h>

struct child {
	uint64_t id;
	uint8_t *memory; /* CHILD_PAGES in a row, its GPA 0 first */
	const volatile struct hv_message *intercept;
	volatile uint32_t *watched; /* behind it */
};

/* Where we see an address of its first 4 MiB. */
uint8_t *child_memory(const struct child *child, uint64_t gpa);

/* Created, initialized, its memory mapped, VP 0 ready to go. */
bool child_make(struct child *child);
bool child_make_over(struct child *child); /* with what is in its memory already */
/* As a loader leaves them: long mode, at CHILD_CODE. */
bool child_set_registers(const struct child *child);
void child_take_down(struct child *child);

/* Lets the VP go; it stops at its next intercept, whose message is copied to `payload`. */
void parent_resume(struct child *child);
bool parent_next_intercept(struct child *child, uint32_t type, void *payload,
                           size_t bytes);
/* RIP past the instruction that was intercepted. */
bool parent_skip(struct child *child, const struct hv_x64_intercept_header *header);
/* The VP's next OUT must be of this value; then it is let go. */
bool parent_hear(struct child *child, uint32_t expected, const char *sentence);

/* Every mode that a parent can ask for. The VP is stopped, at the end too. */
void modes_of_child(const struct child *child);

/* What is raised once is taken once, and an endless exception is stopped. The VP is stopped, at the end too. */
void traps_of_child(struct child *child);

/* A VP's state taken from one child and given to another, which goes on; and forged states. */
void save_and_load(struct child *child);

/* Calls that must be refused; `memory` of the child is ours to lend. */
void hostile_parent(struct child *child);

/* Created and deleted by the hundred; every page comes back. */
void many_children(void);

#endif
