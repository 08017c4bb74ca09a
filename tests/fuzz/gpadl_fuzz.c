/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPADL messages in any order: G1..G4 of vmbus/core/gpadl.h hold after each. */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "vmbus/core/gpadl.h"

#define ENTRIES    4u
#define POOL_PAGES 64u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void check_table(const struct gpadl_table *table)
{
	uint32_t pages = 0;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		const struct gpadl *gpadl = &table->entries[i];

		if (gpadl->state == GPADL_ABSENT)
			continue;
		pages += gpadl->page_count;
		check(gpadl->page_count >= 1);                                    /* G4 */
		check(gpadl->received_pages <= gpadl->page_count);                /* G2 */
		check(gpadl->first_pfn + gpadl->page_count <= table->used_pages); /* G1 */
		for (uint32_t j = 0; j < i; j++) {
			const struct gpadl *other = &table->entries[j];

			check(other->state == GPADL_ABSENT ||
			      other->relid != gpadl->relid ||
			      other->id != gpadl->id); /* G3 */
		}
	}
	check(pages == table->used_pages && pages <= POOL_PAGES);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	struct gpadl entries[ENTRIES];
	uint64_t pool[POOL_PAGES];
	struct gpadl_table table;

	gpadl_table_init(&table, entries, ENTRIES, pool, POOL_PAGES);
	while (cursor_left(&c) != 0 && !c.overrun) {
		uint8_t action = cursor_u8(&c);
		uint32_t bytes = cursor_u8(&c);
		const uint8_t *message = cursor_take(&c, bytes);
		struct gpadl *gpadl = NULL;

		if (!message)
			break;
		if (action % 3 == 0) {
			(void)!gpadl_begin(&table, message, bytes, &gpadl);
		} else if (action % 3 == 1) {
			if (gpadl_continue(&table, message, bytes, &gpadl) ==
			    GPADL_MALFORMED)
				gpadl_remove(&table, gpadl);
		} else {
			gpadl = gpadl_next(&table, bytes, NULL);
			if (gpadl)
				gpadl_remove(&table, gpadl);
		}
		check_table(&table);
	}
	return 0;
}
