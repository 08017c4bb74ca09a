/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer: what software that measures time with it reads. */
#include "unit.h"

#include "root-partition/vm/model/pit.h"

#define MS UINT64_C(1000000)

static struct pit pit;

static void setup(void)
{
	pit_reset(&pit);
}

static void start(unsigned int counter, unsigned int mode, uint16_t count, uint64_t now)
{
	pit_write(&pit, 3, (uint8_t)(counter << 6 | 3 << 4 | mode << 1), now);
	pit_write(&pit, counter, (uint8_t)count, now);
	pit_write(&pit, counter, (uint8_t)(count >> 8), now);
}

static unsigned int read_both(unsigned int counter, uint64_t now)
{
	unsigned int low = pit_read(&pit, counter, now);

	return low | (unsigned int)pit_read(&pit, counter, now) << 8;
}

START_TEST(a_counter_counts_down_with_time_and_begins_anew)
{
	start(0, 2, 11932, 0); /* 10 ms */
	ck_assert_uint_eq(read_both(0, 0), 11932);
	ck_assert_uint_eq(read_both(0, MS), 11932 - 1193);
	ck_assert_uint_eq(read_both(0, 9 * MS), 11932 - 10738);
	ck_assert_uint_gt(read_both(0, 11 * MS), 10000);
	start(0, 3, 0, 0); /* 65536, by two: half a period later it is there again */
	ck_assert_uint_eq(read_both(0, MS), 65536 - 2 * 1193);
}
END_TEST

START_TEST(a_latched_count_stands_until_it_is_read)
{
	start(0, 2, 50000, 0);
	pit_write(&pit, 3, 0x00, MS);
	pit_write(&pit, 3, 0x00, 2 * MS); /* no second one before it was read */
	ck_assert_uint_eq(read_both(0, 30 * MS), 50000 - 1193);
	ck_assert_uint_eq(read_both(0, 3 * MS), 50000 - 3579);
}
END_TEST

START_TEST(read_back_tells_status_and_count)
{
	start(0, 2, 50000, 0);
	pit_write(&pit, 3, 0xc2, MS); /* both, of counter 0 */
	ck_assert_uint_eq(pit_read(&pit, 0, 2 * MS), 0x80 | 3 << 4 | 2 << 1);
	ck_assert_uint_eq(read_both(0, 5 * MS), 50000 - 1193);
	pit_write(&pit, 3, 0x34, MS); /* a mode, and no count yet */
	pit_write(&pit, 3, 0xe2, MS);
	ck_assert_uint_eq(pit_read(&pit, 0, MS) & 0x40, 0x40);
}
END_TEST

START_TEST(one_byte_is_read_where_one_is_asked_for)
{
	pit_write(&pit, 3, 0x10 | 4, 0); /* low byte, mode 2 */
	pit_write(&pit, 0, 200, 0);
	ck_assert_uint_eq(pit_read(&pit, 0, 0), 200);
	ck_assert_uint_eq(pit_read(&pit, 0, 0), 200);
	pit_write(&pit, 3, 0x20 | 4, 0); /* high byte */
	pit_write(&pit, 0, 2, 0);
	ck_assert_uint_eq(pit_read(&pit, 0, 0), 2);
	ck_assert_uint_eq(pit_read(&pit, 0, 0), 2);
}
END_TEST

/* As Linux measures its TSC by counter 2 and port 0x61. */
START_TEST(the_output_of_counter_2_rises_in_time_and_not_while_its_gate_is_low)
{
	ck_assert(pit_output(&pit, 0));
	start(2, 0, 11932, 0);
	ck_assert(!pit_output(&pit, 100 * MS));
	pit_set_gate(&pit, true, 100 * MS);
	ck_assert(!pit_output(&pit, 109 * MS));
	pit_set_gate(&pit, false, 109 * MS);
	ck_assert(!pit_output(&pit, 200 * MS));
	pit_set_gate(&pit, true, 200 * MS);
	ck_assert(!pit_output(&pit, 200 * MS + MS / 2));
	ck_assert(pit_output(&pit, 202 * MS));
	start(2, 0, 11932, 300 * MS);
	ck_assert(!pit_output(&pit, 309 * MS));
	ck_assert(pit_output(&pit, 311 * MS));
}
END_TEST

START_TEST(no_order_of_accesses_is_a_fault)
{
	uint32_t random = 1;

	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t now = (uint64_t)i << (i % 40);

		random = random * 1664525 + 1013904223;
		if (random & 1u << 31)
			(void)pit_read(&pit, random >> 8 & 3, now);
		else
			pit_write(&pit, random >> 8 & 3, (uint8_t)(random >> 16), now);
		pit_set_gate(&pit, random >> 12 & 1, now);
		(void)pit_output(&pit, now);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pit");
	TCase *tcase = tcase_create("model");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_counter_counts_down_with_time_and_begins_anew);
	tcase_add_test(tcase, a_latched_count_stands_until_it_is_read);
	tcase_add_test(tcase, read_back_tells_status_and_count);
	tcase_add_test(tcase, one_byte_is_read_where_one_is_asked_for);
	tcase_add_test(
		tcase,
		the_output_of_counter_2_rises_in_time_and_not_while_its_gate_is_low);
	tcase_add_test(tcase, no_order_of_accesses_is_a_fault);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
