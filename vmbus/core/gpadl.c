/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPADLs: see gpadl.h for the invariants G1..G4. */
#include "vmbus/core/gpadl.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

/* What a HEADER says, apart from page numbers. */
struct header {
	uint32_t relid;
	uint32_t id;
	uint32_t range_buffer_bytes;
	uint32_t range_count;
	uint32_t bytes;
	uint32_t offset;
};

void gpadl_table_init(struct gpadl_table *table, struct gpadl *entries, uint32_t capacity,
                      uint64_t *pool, uint32_t pool_pages)
{
	*table = (struct gpadl_table){
		.entries = entries,
		.pool = pool,
		.capacity = capacity,
		.pool_pages = pool_pages,
	};
	for (uint32_t i = 0; i < capacity; i++)
		entries[i] = (struct gpadl){ .state = GPADL_ABSENT };
}

static bool read_header(struct cursor *c, struct header *header)
{
	cursor_skip(c, sizeof(struct vmbus_message_header));
	header->relid = cursor_le32(c);
	header->id = cursor_le32(c);
	header->range_buffer_bytes = cursor_le16(c);
	header->range_count = cursor_le16(c);
	header->bytes = cursor_le32(c);
	header->offset = cursor_le32(c);
	return !c->overrun;
}

/* How many pages the one range spans; 0 when the numbers do not fit together. G4 */
static uint32_t header_pages(const struct header *header)
{
	uint64_t pages;

	if (header->range_count != 1 || header->bytes == 0 ||
	    header->offset >= VMBUS_PAGE_BYTES)
		return 0;
	pages = round_up((uint64_t)header->offset + header->bytes, VMBUS_PAGE_BYTES) /
	        VMBUS_PAGE_BYTES;
	if (header->range_buffer_bytes != sizeof(struct vmbus_gpa_range) + pages * 8)
		return 0;
	return (uint32_t)
		pages; /* <= VMBUS_GPADL_PAGES_MAX, as range_buffer_bytes has 16 bits */
}

struct gpadl *gpadl_find(struct gpadl_table *table, uint32_t relid, uint32_t id)
{
	for (uint32_t i = 0; i < table->capacity; i++) {
		struct gpadl *gpadl = &table->entries[i];

		if (gpadl->state != GPADL_ABSENT && gpadl->relid == relid &&
		    gpadl->id == id)
			return gpadl;
	}
	return NULL;
}

static struct gpadl *find_assembling(struct gpadl_table *table, uint32_t id)
{
	for (uint32_t i = 0; i < table->capacity; i++) {
		struct gpadl *gpadl = &table->entries[i];

		if (gpadl->state == GPADL_ASSEMBLING && gpadl->id == id)
			return gpadl;
	}
	return NULL;
}

static struct gpadl *find_absent(struct gpadl_table *table)
{
	for (uint32_t i = 0; i < table->capacity; i++) {
		if (table->entries[i].state == GPADL_ABSENT)
			return &table->entries[i];
	}
	return NULL;
}

/* Take the page numbers left in a message; more than are missing is malformed. */
static enum gpadl_status take_pfns(struct gpadl_table *table, struct gpadl *gpadl,
                                   struct cursor *c)
{
	size_t left = cursor_left(c);

	if (!is_aligned(left, 8) || left / 8 > gpadl->page_count - gpadl->received_pages)
		return GPADL_MALFORMED;
	cursor_copy(c, &table->pool[gpadl->first_pfn + gpadl->received_pages], left);
	gpadl->received_pages += (uint32_t)(left / 8); /* G2 */
	if (gpadl->received_pages < gpadl->page_count)
		return GPADL_MORE;
	gpadl->state = GPADL_READY;
	return GPADL_COMPLETE;
}

enum gpadl_status gpadl_begin(struct gpadl_table *table, const void *message,
                              uint32_t message_bytes, struct gpadl **gpadl)
{
	struct cursor c = cursor_over(message, message_bytes);
	struct header header;
	struct gpadl *entry;
	enum gpadl_status status;
	uint32_t pages;

	if (!read_header(&c, &header))
		return GPADL_MALFORMED;
	pages = header_pages(&header);
	if (pages == 0)
		return GPADL_MALFORMED;
	if (gpadl_find(table, header.relid, header.id) ||
	    find_assembling(table, header.id))
		return GPADL_DUPLICATE; /* G3 */
	entry = find_absent(table);
	if (!entry || pages > table->pool_pages - table->used_pages)
		return GPADL_NO_ROOM;
	*entry = (struct gpadl){
		.state = GPADL_ASSEMBLING,
		.relid = header.relid,
		.id = header.id,
		.offset = header.offset,
		.bytes = header.bytes,
		.page_count = pages,
		.first_pfn = table->used_pages, /* G1 */
	};
	table->used_pages += pages;
	status = take_pfns(table, entry, &c);
	if (status == GPADL_MALFORMED)
		gpadl_remove(table, entry);
	else
		*gpadl = entry;
	return status;
}

enum gpadl_status gpadl_continue(struct gpadl_table *table, const void *message,
                                 uint32_t message_bytes, struct gpadl **gpadl)
{
	struct cursor c = cursor_over(message, message_bytes);
	struct gpadl *entry;

	cursor_skip(&c, sizeof(struct vmbus_message_header) + 4); /* message number */
	entry = find_assembling(table, cursor_le32(&c));
	if (c.overrun || !entry)
		return GPADL_UNKNOWN;
	*gpadl = entry;
	/* An empty body would let a list stay unfinished at no cost to its sender. */
	if (cursor_left(&c) == 0)
		return GPADL_MALFORMED;
	return take_pfns(table, entry, &c);
}

struct gpadl *gpadl_next(struct gpadl_table *table, uint32_t relid,
                         struct gpadl *previous)
{
	uint32_t first = previous ? (uint32_t)(previous - table->entries) + 1 : 0;

	for (uint32_t i = first; i < table->capacity; i++) {
		struct gpadl *gpadl = &table->entries[i];

		if (gpadl->state != GPADL_ABSENT && gpadl->relid == relid)
			return gpadl;
	}
	return NULL;
}

const uint64_t *gpadl_pfns(const struct gpadl_table *table, const struct gpadl *gpadl)
{
	return &table->pool[gpadl->first_pfn];
}

void gpadl_remove(struct gpadl_table *table, struct gpadl *gpadl)
{
	uint32_t first = gpadl->first_pfn;
	uint32_t pages = gpadl->page_count;
	uint32_t behind = table->used_pages - first - pages;

	/* G1: close the gap. Removals are rare and the pool is small. */
	memmove(&table->pool[first], &table->pool[first + pages], (size_t)behind * 8);
	table->used_pages -= pages;
	gpadl->state = GPADL_ABSENT;
	for (uint32_t i = 0; i < table->capacity; i++) {
		struct gpadl *other = &table->entries[i];

		if (other->state != GPADL_ABSENT && other->first_pfn > first)
			other->first_pfn -= pages;
	}
}

bool gpadl_table_empty(const struct gpadl_table *table)
{
	/* G4: every GPADL has a page. */
	return table->used_pages == 0;
}
