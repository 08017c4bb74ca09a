/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPADL messages, honest and hostile. G1..G4: vmbus/core/gpadl.h */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/gpadl.h"
#include "tests/unit/unit.h"

#define ENTRIES    4u
#define POOL_PAGES 100u

static struct gpadl entries[ENTRIES];
static uint64_t pool[POOL_PAGES];
static struct gpadl_table table;
static struct gpadl *gpadl;

static struct {
	struct vmbus_gpadl_header head;
	uint32_t pfns[2 * VMBUS_GPADL_HEADER_PFNS]; /* halves: at a multiple of 4 */
} header;

static struct {
	struct vmbus_gpadl_body head;
	uint64_t pfns[VMBUS_GPADL_BODY_PFNS];
} body;

static void setup(void)
{
	gpadl_table_init(&table, entries, ENTRIES, pool, POOL_PAGES);
	gpadl = NULL;
}

static enum gpadl_status begin(uint32_t relid, uint32_t id, uint32_t pages, uint32_t sent)
{
	header.head = (struct vmbus_gpadl_header){
		.header.type = VMBUS_GPADL_HEADER,
		.relid = relid,
		.gpadl = id,
		.range_buffer_bytes = (uint16_t)(8 + 8 * pages),
		.range_count = 1,
		.range_bytes = pages * VMBUS_PAGE_BYTES,
	};
	for (uint32_t i = 0; i < sent; i++)
		header.pfns[2 * i] = id * 1000 + i;
	return gpadl_begin(&table, &header, (uint32_t)sizeof(header.head) + 8 * sent,
	                   &gpadl);
}

static enum gpadl_status go_on(uint32_t id, uint32_t first, uint32_t sent)
{
	body.head.gpadl = id;
	for (uint32_t i = 0; i < sent; i++)
		body.pfns[i] = id * 1000 + first + i;
	return gpadl_continue(&table, &body, (uint32_t)sizeof(body.head) + 8 * sent,
	                      &gpadl);
}

static void check_pages(const struct gpadl *of)
{
	const uint64_t *pfns = gpadl_pfns(&table, of);

	for (uint32_t i = 0; i < of->page_count; i++)
		ck_assert_uint_eq(pfns[i], of->id * 1000 + i);
}

START_TEST(a_small_list_is_whole_with_its_header)
{
	ck_assert_int_eq(begin(1, 7, 3, 3), GPADL_COMPLETE);
	ck_assert_int_eq(gpadl->state, GPADL_READY);
	ck_assert_ptr_eq(gpadl_find(&table, 1, 7), gpadl);
	ck_assert_ptr_null(gpadl_find(&table, 2, 7));
	check_pages(gpadl);
}
END_TEST

START_TEST(a_long_list_is_gathered_from_bodies)
{
	ck_assert_int_eq(begin(1, 7, 66, 26), GPADL_MORE);
	ck_assert_int_eq(go_on(7, 26, 28), GPADL_MORE);
	ck_assert_int_eq(go_on(7, 54, 12), GPADL_COMPLETE);
	check_pages(gpadl);
}
END_TEST

START_TEST(two_lists_may_be_gathered_at_once)
{
	ck_assert_int_eq(begin(1, 7, 30, 26), GPADL_MORE);
	ck_assert_int_eq(begin(2, 8, 30, 26), GPADL_MORE);
	ck_assert_int_eq(go_on(8, 26, 4), GPADL_COMPLETE);
	check_pages(gpadl);
	ck_assert_int_eq(go_on(7, 26, 4), GPADL_COMPLETE);
	check_pages(gpadl);
}
END_TEST

START_TEST(more_pages_than_announced_are_refused)
{
	ck_assert_int_eq(begin(1, 7, 3, 4), GPADL_MALFORMED);
	ck_assert(gpadl_table_empty(&table));
	ck_assert_int_eq(begin(1, 7, 30, 26), GPADL_MORE);
	ck_assert_int_eq(go_on(7, 26, 5), GPADL_MALFORMED);
	gpadl_remove(&table, gpadl);
	ck_assert(gpadl_table_empty(&table));
}
END_TEST

START_TEST(numbers_that_do_not_fit_together_are_refused)
{
	static const struct {
		uint16_t buffer_bytes, range_count;
		uint32_t bytes, offset;
	} bad[] = {
		{ 8 + 16, 0, 8192, 0 },          /* no range */
		{ 8 + 16, 2, 8192, 0 },          /* two */
		{ 8 + 16, 1, 0, 0 },             /* empty */
		{ 8 + 16, 1, 8192, 1 },          /* spans three pages */
		{ 8 + 16, 1, 4096, 4096 },       /* an offset behind the page */
		{ 8 + 16, 1, 4096, 0 },          /* one page, two announced */
		{ 8 + 12, 1, 8192, 0 },          /* half a page number */
		{ 0, 1, 8192, 0 },               /* nothing announced */
		{ 8 + 16, 1, 0xffffffff, 4095 }, /* the sum does not fit 32 bits */
		{ 0xffff, 1, 0x10000000, 0 },    /* 65536 pages */
	};

	ck_assert_int_eq(begin(9, 9, 1, 0), GPADL_MORE); /* fills in the header */
	gpadl_remove(&table, gpadl);
	header.head.range_buffer_bytes = bad[_i].buffer_bytes;
	header.head.range_count = bad[_i].range_count;
	header.head.range_bytes = bad[_i].bytes;
	header.head.range_offset = bad[_i].offset;
	ck_assert_int_eq(gpadl_begin(&table, &header, sizeof(header.head) + 16, &gpadl),
	                 GPADL_MALFORMED);
	ck_assert(gpadl_table_empty(&table));
}
END_TEST

START_TEST(a_cut_message_is_refused)
{
	for (uint32_t bytes = 0; bytes < sizeof(header.head); bytes++)
		ck_assert_int_eq(gpadl_begin(&table, &header, bytes, &gpadl),
		                 GPADL_MALFORMED);
	ck_assert_int_eq(begin(1, 7, 30, 26), GPADL_MORE);
	for (uint32_t bytes = 0; bytes < sizeof(body.head); bytes++)
		ck_assert_int_eq(gpadl_continue(&table, &body, bytes, &gpadl),
		                 GPADL_UNKNOWN);
	body.head.gpadl = 7;
	ck_assert_int_eq(gpadl_continue(&table, &body, sizeof(body.head), &gpadl),
	                 GPADL_MALFORMED);
	ck_assert_int_eq(gpadl_continue(&table, &body, sizeof(body.head) + 4, &gpadl),
	                 GPADL_MALFORMED);
}
END_TEST

START_TEST(an_id_in_use_is_refused)
{
	ck_assert_int_eq(begin(1, 7, 3, 3), GPADL_COMPLETE);
	ck_assert_int_eq(begin(1, 7, 3, 3), GPADL_DUPLICATE);
	ck_assert_int_eq(begin(2, 7, 30, 26), GPADL_MORE);
	/* A body could belong to either. */
	ck_assert_int_eq(begin(3, 7, 30, 26), GPADL_DUPLICATE);
}
END_TEST

START_TEST(a_body_without_a_header_belongs_to_nothing)
{
	ck_assert_int_eq(go_on(7, 0, 3), GPADL_UNKNOWN);
	ck_assert_int_eq(begin(1, 7, 3, 3), GPADL_COMPLETE);
	ck_assert_int_eq(go_on(7, 0, 3), GPADL_UNKNOWN);
}
END_TEST

START_TEST(a_full_table_refuses_and_recovers)
{
	for (uint32_t id = 0; id < ENTRIES; id++)
		ck_assert_int_eq(begin(1, id, 1, 1), GPADL_COMPLETE);
	ck_assert_int_eq(begin(1, 99, 1, 1), GPADL_NO_ROOM);
	gpadl_remove(&table, gpadl_find(&table, 1, 2));
	ck_assert_int_eq(begin(1, 99, POOL_PAGES - 2, 26), GPADL_NO_ROOM);
	ck_assert_int_eq(begin(1, 99, POOL_PAGES - 3, 26), GPADL_MORE);
}
END_TEST

START_TEST(removal_keeps_the_other_lists_together)
{
	ck_assert_int_eq(begin(1, 1, 5, 5), GPADL_COMPLETE);
	ck_assert_int_eq(begin(1, 2, 40, 26), GPADL_MORE);
	ck_assert_int_eq(begin(1, 3, 9, 9), GPADL_COMPLETE);
	gpadl_remove(&table, gpadl_find(&table, 1, 1));
	ck_assert_int_eq(go_on(2, 26, 14), GPADL_COMPLETE);
	check_pages(gpadl_find(&table, 1, 2));
	check_pages(gpadl_find(&table, 1, 3));
	gpadl_remove(&table, gpadl_find(&table, 1, 3));
	gpadl_remove(&table, gpadl_find(&table, 1, 2));
	ck_assert(gpadl_table_empty(&table));
}
END_TEST

START_TEST(a_channel_s_lists_can_be_walked_and_removed)
{
	struct gpadl *next = NULL;
	unsigned int count = 0;

	ck_assert_int_eq(begin(1, 1, 1, 1), GPADL_COMPLETE);
	ck_assert_int_eq(begin(2, 2, 1, 1), GPADL_COMPLETE);
	ck_assert_int_eq(begin(1, 3, 1, 1), GPADL_COMPLETE);
	while ((next = gpadl_next(&table, 1, next)) != NULL) {
		gpadl_remove(&table, next);
		count++;
	}
	ck_assert_uint_eq(count, 2);
	check_pages(gpadl_find(&table, 2, 2));
}
END_TEST

START_TEST(a_channel_s_lists_are_walked_where_they_lie_together)
{
	static const uint32_t relids[ENTRIES] = { 1, 1, 2, 1 };
	struct gpadl *next = NULL;

	for (uint32_t i = 0; i < ENTRIES; i++)
		ck_assert_int_eq(begin(relids[i], i, 1, 1), GPADL_COMPLETE);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		if (relids[i] != 1)
			continue;
		next = gpadl_next(&table, 1, next);
		ck_assert_ptr_eq(next, &entries[i]);
	}
	ck_assert_ptr_null(gpadl_next(&table, 1, next));
	ck_assert_ptr_null(gpadl_next(&table, 3, NULL));
}
END_TEST

START_TEST(a_range_spans_the_pages_that_it_touches)
{
	static const struct {
		uint32_t bytes, offset, pages;
	} good[] = {
		{ 1, 0, 1 },    { 4096, 0, 1 }, { 4097, 0, 2 },         { 1, 4095, 1 },
		{ 2, 4095, 2 }, { 8192, 1, 3 }, { 100 * 4096, 0, 100 },
	};
	const uint32_t pages = good[_i].pages;

	ck_assert_int_eq(begin(9, 9, 1, 0), GPADL_MORE); /* fills in the header */
	gpadl_remove(&table, gpadl);
	header.head.range_buffer_bytes = (uint16_t)(8 + 8 * pages);
	header.head.range_bytes = good[_i].bytes;
	header.head.range_offset = good[_i].offset;
	ck_assert_int_eq(gpadl_begin(&table, &header, sizeof(header.head), &gpadl),
	                 GPADL_MORE);
	ck_assert_uint_eq(gpadl->page_count, pages);
	ck_assert_uint_eq(gpadl->bytes, good[_i].bytes);
	ck_assert_uint_eq(gpadl->offset, good[_i].offset);
	ck_assert_uint_eq(gpadl->relid, 9);
	ck_assert_uint_eq(gpadl->received_pages, 0);
	gpadl_remove(&table, gpadl);
	header.head.range_buffer_bytes += 8;
	ck_assert_int_eq(gpadl_begin(&table, &header, sizeof(header.head), &gpadl),
	                 GPADL_MALFORMED);
	header.head.range_buffer_bytes -= 16;
	ck_assert_int_eq(gpadl_begin(&table, &header, sizeof(header.head), &gpadl),
	                 GPADL_MALFORMED);
}
END_TEST

START_TEST(the_last_list_of_the_table_is_like_the_first)
{
	for (uint32_t id = 0; id < ENTRIES; id++)
		ck_assert_int_eq(begin(1, id, 10, 9), GPADL_MORE);
	for (uint32_t id = ENTRIES; id-- > 0;) {
		ck_assert_int_eq(go_on(id, 9, 1), GPADL_COMPLETE);
		ck_assert_ptr_eq(gpadl, &entries[id]);
		ck_assert_ptr_eq(gpadl_find(&table, 1, id), &entries[id]);
		check_pages(gpadl);
	}
	gpadl_remove(&table, &entries[0]);
	for (uint32_t id = 1; id < ENTRIES; id++)
		check_pages(&entries[id]);
	ck_assert_int_eq(begin(1, 9, 10, 9), GPADL_MORE);
	ck_assert_ptr_eq(gpadl, &entries[0]);
	ck_assert_int_eq(go_on(9, 9, 1), GPADL_COMPLETE);
	for (uint32_t id = 0; id < ENTRIES; id++)
		check_pages(&entries[id]);
}
END_TEST

static Suite *gpadl_suite(void)
{
	Suite *suite = suite_create("gpadl");
	TCase *tc = tcase_create("gpadl");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_small_list_is_whole_with_its_header);
	tcase_add_test(tc, a_long_list_is_gathered_from_bodies);
	tcase_add_test(tc, two_lists_may_be_gathered_at_once);
	tcase_add_test(tc, more_pages_than_announced_are_refused);
	tcase_add_loop_test(tc, numbers_that_do_not_fit_together_are_refused, 0, 10);
	tcase_add_test(tc, a_cut_message_is_refused);
	tcase_add_test(tc, an_id_in_use_is_refused);
	tcase_add_test(tc, a_body_without_a_header_belongs_to_nothing);
	tcase_add_test(tc, a_full_table_refuses_and_recovers);
	tcase_add_test(tc, removal_keeps_the_other_lists_together);
	tcase_add_test(tc, a_channel_s_lists_can_be_walked_and_removed);
	tcase_add_test(tc, a_channel_s_lists_are_walked_where_they_lie_together);
	tcase_add_loop_test(tc, a_range_spans_the_pages_that_it_touches, 0, 7);
	tcase_add_test(tc, the_last_list_of_the_table_is_like_the_first);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(gpadl_suite)
