/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest tells of its own crash: five numbers and, if it likes, a text in its memory. TLFS 7.8
 * The definition says what becomes of the machine then. Reports are made by VP threads.
 */
#ifndef VIRIDIS_VM_PANIC_H
#define VIRIDIS_VM_PANIC_H

#include <glib.h>
#include "root-partition/config/json_text.h"
#include <viridis/abi/hv_intercept.h>

struct vp;
struct machine;

#define PANIC_PARAMETERS 5u
#define PANIC_TEXT_BYTES 4096u

/* Under the machine's lock. */
struct panic {
	guint reports; /* in this life of the machine */
	guint64 parameters[PANIC_PARAMETERS];
	char *text;   /* of the newest that had one; NULL: none had */
	char *reason; /* one line for people; NULL: the guest has not panicked */
};

/* The guest wrote its crash control register. */
void panic_report(struct vp *vp, const struct hv_x64_msr_intercept *write);

/* The guest cannot go on, though it said nothing: a crash, or a reset if the definition says restart. */
void panic_unreported(struct machine *machine, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

/* The reason, to be freed, or NULL when the guest has not panicked. Any thread, lock not held. */
char *panic_reason(struct machine *machine);

/* The member "panic", if the guest has. Any thread, lock not held. */
void panic_add(struct machine *machine, json_t *object);

void panic_clear(struct panic *panic);

/* The line of a kernel's last words that says why, cut to what a line of `viridis list` may have. */
char *panic_find_reason(const char *text);

#endif
