/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's requests in a trace. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <viridis/abi/viridis_trace.h>

#include "root-partition/cli/trace_io.h"

#define CHILD   3u
#define OTHER   4u
#define VMMCALL 0x81u
#define HLT     0x78u
#define MOST    8u

static struct viridis_trace_record records[256];
static size_t count;
static struct trace_io found[MOST];

static void setup(void)
{
	count = 0;
	memset(found, 0, sizeof(found));
}

/* Each record is ten ticks behind the last. */
static void add(unsigned int kind, unsigned int cpu, unsigned int partition,
                unsigned int vp, uint64_t a)
{
	records[count] = (struct viridis_trace_record){
		.tsc = 1000 + 10 * count,
		.kind = (uint16_t)kind,
		.partition = (uint16_t)partition,
		.vp = (uint16_t)vp,
		.cpu = (uint16_t)cpu,
		.a = a,
	};
	count++;
}

/* `from` signals `to`, on one CPU; `exit` is why it left. */
static void add_signal(unsigned int cpu, unsigned int from, unsigned int to,
                       unsigned int vp, uint64_t exit)
{
	add(VIRIDIS_TRACE_EXIT, cpu, from, 0, exit);
	add(VIRIDIS_TRACE_EVENT, cpu, to, vp, 2);
	add(VIRIDIS_TRACE_HYPERCALL, cpu, from, 0, 0x5d);
}

static void add_request(unsigned int child)
{
	add_signal(0, child, 0, 0, VMMCALL);
	add(VIRIDIS_TRACE_DISPATCH, 0, 0, 0, 1);
	add(VIRIDIS_TRACE_INJECT, 0, 0, 0, 0xf3);
	add_signal(0, 0, child, 1, VMMCALL);
	add(VIRIDIS_TRACE_DISPATCH, 0, child, 1, 0);
	add(VIRIDIS_TRACE_INJECT, 0, child, 1, 0xf3);
}

static size_t find(void)
{
	return trace_io_find(records, count, CHILD, found, MOST);
}

START_TEST(a_request_is_followed_there_and_back)
{
	static const uint64_t expected[TRACE_HOPS] = { 1000, 1010, 1030, 0,   0,
		                                       0,    1050, 1060, 1080 };

	add_request(CHILD);
	ck_assert_uint_eq(find(), 1);
	ck_assert_mem_eq(found[0].tsc, expected, sizeof(expected));
}
END_TEST

START_TEST(other_machines_and_other_exits_are_no_part_of_it)
{
	add_request(OTHER);
	/* A timer that expires as the child waits: an event, and no signal. */
	add_signal(0, CHILD, 0, 0, HLT);
	add(VIRIDIS_TRACE_INJECT, 0, 0, 0, 0xf3);
	ck_assert_uint_eq(find(), 0);
	add_request(CHILD);
	ck_assert_uint_eq(find(), 1);
	ck_assert_uint_eq(found[0].tsc[0], records[14].tsc);
}
END_TEST

START_TEST(what_other_cpus_do_meanwhile_stands_between)
{
	add(VIRIDIS_TRACE_EXIT, 0, CHILD, 0, VMMCALL);
	for (unsigned int i = 0; i < 20; i++)
		add(VIRIDIS_TRACE_EXIT, 1, OTHER, 0, HLT);
	add(VIRIDIS_TRACE_EVENT, 0, 0, 1, 2);
	add(VIRIDIS_TRACE_INJECT, 0, 0, 0, 0xf3);
	ck_assert_uint_eq(find(), 0);
	add(VIRIDIS_TRACE_INJECT, 1, 0, 1, 0xf3);
	add_signal(1, 0, CHILD, 0, VMMCALL);
	add(VIRIDIS_TRACE_INJECT, 0, CHILD, 0, 0xf3);
	ck_assert_uint_eq(find(), 1);
	/* VP 1 of the root was signalled, so the interrupt of its VP 0 is not the request's. */
	ck_assert_uint_eq(found[0].tsc[TRACE_HOP_ROOT_RUNS], records[23].tsc);
}
END_TEST

START_TEST(signals_of_one_batch_are_one_request)
{
	add_signal(0, CHILD, 0, 0, VMMCALL);
	add_signal(0, CHILD, 0, 0, VMMCALL);
	add(VIRIDIS_TRACE_INJECT, 0, 0, 0, 0xf3);
	add_signal(0, CHILD, 0, 0, VMMCALL);
	add_signal(0, 0, CHILD, 0, VMMCALL);
	add_signal(0, 0, CHILD, 0, VMMCALL);
	add(VIRIDIS_TRACE_INJECT, 0, CHILD, 0, 0xf3);
	ck_assert_uint_eq(find(), 1);
	ck_assert_uint_eq(found[0].tsc[0], 1000);
}
END_TEST

/* What the root's kernel tells of its own. */
static void add_root(enum trace_root_kind kind)
{
	add(kind, 0, 0, UINT16_MAX, 0);
}

START_TEST(the_root_tells_of_provider_and_backend)
{
	add_root(TRACE_ROOT_PROVIDER_RUNS); /* before the request */
	add_signal(0, CHILD, 0, 0, VMMCALL);
	add_root(TRACE_ROOT_BACKEND_DONE); /* before the root runs for it */
	add(VIRIDIS_TRACE_DISPATCH, 0, 0, 0, 1);
	add_root(TRACE_ROOT_PROVIDER_RUNS); /* record 6 */
	add_root(TRACE_ROOT_BACKEND_ASKED);
	add_root(TRACE_ROOT_BACKEND_ASKED);
	add_root(TRACE_ROOT_PROVIDER_RUNS);
	add_root(TRACE_ROOT_BACKEND_DONE);
	add_root(TRACE_ROOT_BACKEND_DONE); /* record 11 */
	add_root(TRACE_ROOT_BACKEND_ASKED);
	add_signal(0, 0, CHILD, 0, VMMCALL);
	add_root(TRACE_ROOT_BACKEND_DONE);
	add(VIRIDIS_TRACE_DISPATCH, 0, CHILD, 0, 0);
	ck_assert_uint_eq(find(), 1);
	ck_assert_uint_eq(found[0].tsc[TRACE_HOP_PROVIDER_RUNS], records[6].tsc);
	ck_assert_uint_eq(found[0].tsc[TRACE_HOP_BACKEND_ASKED], records[7].tsc);
	ck_assert_uint_eq(found[0].tsc[TRACE_HOP_BACKEND_DONE], records[11].tsc);
	/* The next has nothing of it. */
	add_request(CHILD);
	ck_assert_uint_eq(find(), 2);
	ck_assert_uint_eq(found[1].tsc[TRACE_HOP_BACKEND_DONE], 0);
}
END_TEST

START_TEST(what_is_done_as_the_answer_leaves_is_no_part_of_it)
{
	add_signal(0, CHILD, 0, 0, VMMCALL);
	add(VIRIDIS_TRACE_DISPATCH, 0, 0, 0, 1);
	add(VIRIDIS_TRACE_EXIT, 0, 0, 0, VMMCALL);
	add(TRACE_ROOT_BACKEND_DONE, 1, 0, UINT16_MAX, 0);
	add(VIRIDIS_TRACE_EVENT, 0, CHILD, 0, 2);
	add(VIRIDIS_TRACE_DISPATCH, 0, CHILD, 0, 0);
	ck_assert_uint_eq(find(), 1);
	ck_assert_uint_eq(found[0].tsc[TRACE_HOP_BACKEND_DONE], 0);
}
END_TEST

START_TEST(half_a_request_does_not_count_and_the_newest_are_kept)
{
	/* The ring began in the middle of one. */
	add_signal(0, 0, CHILD, 1, VMMCALL);
	add(VIRIDIS_TRACE_INJECT, 0, CHILD, 1, 0xf3);
	for (unsigned int i = 0; i < MOST + 2; i++)
		add_request(CHILD);
	add_signal(0, CHILD, 0, 0, VMMCALL);
	ck_assert_uint_eq(find(), MOST);
	ck_assert_uint_eq(found[0].tsc[0], records[4 + 2 * 10].tsc);
	ck_assert_uint_eq(found[MOST - 1].tsc[0], records[4 + (MOST + 1) * 10].tsc);
	ck_assert_uint_eq(trace_io_find(records, count, CHILD, found, 0), 0);
	ck_assert_uint_eq(trace_io_find(records, 0, CHILD, found, MOST), 0);
}
END_TEST

/* Any order of any records: hops that are found are in order, and lie among the records. */
START_TEST(random_records_give_ordered_hops)
{
	srand(7);
	for (unsigned int round = 0; round < 2000; round++) {
		size_t held;

		setup();
		for (unsigned int i = 0; i < 200; i++)
			add(rand() % 4 ?
			            (unsigned int)rand() % VIRIDIS_TRACE_KIND_COUNT :
			            TRACE_ROOT_PROVIDER_RUNS + (unsigned int)rand() % 3,
			    (unsigned int)rand() % 2, rand() % 2 ? CHILD : 0u,
			    rand() % 8 ? 0u : UINT16_MAX, rand() % 2 ? VMMCALL : HLT);
		held = find();
		ck_assert_uint_le(held, MOST);
		for (size_t i = 0; i < held; i++) {
			uint64_t before = 999;

			for (unsigned int hop = 0; hop < TRACE_HOPS; hop++) {
				bool of_root = hop >= TRACE_HOP_PROVIDER_RUNS &&
				               hop <= TRACE_HOP_BACKEND_DONE;

				if (of_root && !found[i].tsc[hop])
					continue;
				ck_assert_uint_lt(before, found[i].tsc[hop]);
				before = found[i].tsc[hop];
			}
		}
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("trace_io");
	TCase *tcase = tcase_create("requests");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_request_is_followed_there_and_back);
	tcase_add_test(tcase, other_machines_and_other_exits_are_no_part_of_it);
	tcase_add_test(tcase, what_other_cpus_do_meanwhile_stands_between);
	tcase_add_test(tcase, signals_of_one_batch_are_one_request);
	tcase_add_test(tcase, the_root_tells_of_provider_and_backend);
	tcase_add_test(tcase, what_is_done_as_the_answer_leaves_is_no_part_of_it);
	tcase_add_test(tcase, half_a_request_does_not_count_and_the_newest_are_kept);
	tcase_add_test(tcase, random_records_give_ordered_hops);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
