/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPADLs: lists of guest pages that a client lends to a channel, told in one HEADER
 * message and as many BODY messages as it takes.
 *
 * A table has room for a fixed number of GPADLs, and all their page numbers lie in one
 * pool. Both are the caller's memory, so a guest can fill its own table and nothing
 * else.
 *
 *   absent --begin--> ASSEMBLING --last body--> READY --teardown--> TEARING_DOWN -->
 *   absent
 *
 * Invariants, cited in gpadl.c:
 *   G1  The lists lie in the pool without gaps, in the order of their creation.
 *   G2  received_pages <= page_count, and equal from READY on.
 *   G3  (relid, id) is unique; so is the id among those ASSEMBLING, as a BODY bears no
 *       relid.
 *   G4  page_count is what offset and bytes span: at least 1, at most
 *       VMBUS_GPADL_PAGES_MAX.
 *
 * The table checks form, not page numbers: its owner must ask whether they are the
 * guest's RAM.
 */
#ifndef VIRIDIS_VMBUS_CORE_GPADL_H
#define VIRIDIS_VMBUS_CORE_GPADL_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/vmbus.h>

enum gpadl_state {
	GPADL_ABSENT,
	GPADL_ASSEMBLING,
	GPADL_READY,
	GPADL_TEARING_DOWN,
};

struct gpadl {
	enum gpadl_state state;
	bool release_asked; /* server: the provider was told to let go */
	bool torndown_owed; /* server: the client waits for GPADL_TORNDOWN */
	uint32_t relid;
	uint32_t id;
	uint32_t offset; /* into the first page */
	uint32_t bytes;
	uint32_t page_count;
	uint32_t received_pages;
	uint32_t first_pfn; /* in the pool */
};

struct gpadl_table {
	struct gpadl *entries;
	uint64_t *pool;
	uint32_t capacity;
	uint32_t pool_pages;
	uint32_t used_pages;
};

enum gpadl_status {
	GPADL_COMPLETE,  /* the list is whole; the GPADL is READY */
	GPADL_MORE,      /* bodies are still to come */
	GPADL_MALFORMED, /* lengths or counts that do not fit together */
	GPADL_DUPLICATE, /* the id is in use */
	GPADL_NO_ROOM,   /* no entry or no pages left */
	GPADL_UNKNOWN,   /* a body that belongs to nothing */
};

void gpadl_table_init(struct gpadl_table *table, struct gpadl *entries, uint32_t capacity,
                      uint64_t *pool, uint32_t pool_pages);

/*
 * A GPADL_HEADER or GPADL_BODY message, whole. *gpadl is set for COMPLETE and MORE, and
 * by gpadl_continue() for MALFORMED: the GPADL is still there, for the caller to
 * remove.
 */
MUST_CHECK enum gpadl_status gpadl_begin(struct gpadl_table *table, const void *message,
                                         uint32_t message_bytes, struct gpadl **gpadl);
MUST_CHECK enum gpadl_status gpadl_continue(struct gpadl_table *table,
                                            const void *message, uint32_t message_bytes,
                                            struct gpadl **gpadl);

/* NULL when there is none. */
struct gpadl *gpadl_find(struct gpadl_table *table, uint32_t relid, uint32_t id);

/* The channel's GPADL after `previous` (NULL: its first), or NULL. */
struct gpadl *gpadl_next(struct gpadl_table *table, uint32_t relid,
                         struct gpadl *previous);

/* page_count page numbers; they stay there until the next gpadl_remove(). */
const uint64_t *gpadl_pfns(const struct gpadl_table *table, const struct gpadl *gpadl);

void gpadl_remove(struct gpadl_table *table, struct gpadl *gpadl);
bool gpadl_table_empty(const struct gpadl_table *table);

#endif
