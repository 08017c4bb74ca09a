/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child is told of its processors: vm/model/topology.h */
#include "root-partition/vm/model/topology.h"

#include <check.h>
#include <stdlib.h>
#include <viridis/base/bits.h>

#define ALL_ONES UINT32_MAX

static struct hv_input_register_intercept_result results[TOPOLOGY_RESULTS];
static unsigned int count;

/* What a processor that says `machine` everywhere shows then, as the hypervisor applies results. */
static uint32_t shown(uint32_t leaf, uint32_t subleaf, unsigned int output,
                      uint32_t machine)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct hv_input_register_intercept_result *one = &results[i];

		if (one->eax != leaf || (one->subleaf_specific && one->ecx != subleaf))
			continue;
		machine = (machine & ~one->result[output].mask) |
		          (one->result[output].value & one->result[output].mask);
	}
	return machine;
}

/* Three levels of four caches, as EPYC tells them. */
static const uint32_t caches[TOPOLOGY_CACHES] = { 0x4121, 0x4122, 0x4143, 0x1c163 };

static void make(uint32_t vp, uint32_t cores)
{
	count = topology_of(vp, cores, caches, results);
	ck_assert_uint_le(count, TOPOLOGY_RESULTS);
	for (unsigned int i = 0; i < count; i++) {
		ck_assert_uint_eq(results[i].vp_index, vp);
		ck_assert_uint_eq(results[i].type, HV_INTERCEPT_X64_CPUID);
		ck_assert_uint_eq(results[i].intercepted, 0);
	}
}

START_TEST(a_socket_has_a_core_for_each_vp)
{
	static const struct {
		uint32_t cores, id_bits;
	} sizes[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 64, 6 } };

	for (unsigned int i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint32_t cores = sizes[i].cores, id_bits = sizes[i].id_bits;

		make(cores - 1, cores);
		ck_assert_uint_eq(shown(1, 0, 1, ALL_ONES), 0xff00ffff | cores << 16);
		ck_assert_uint_eq(shown(0xb, 1, 0, ALL_ONES), id_bits);
		ck_assert_uint_eq(shown(0xb, 1, 1, ALL_ONES), cores);
		ck_assert_uint_eq(shown(0x80000008, 0, 2, ALL_ONES),
		                  id_bits << 12 | (cores - 1));
		ck_assert_uint_eq(shown(0x8000001e, 0, 1, ALL_ONES), cores - 1);
		ck_assert_uint_eq(shown(0x8000001e, 0, 2, ALL_ONES), 0);
	}
}
END_TEST

START_TEST(a_core_is_one_thread_and_nothing_is_above_the_socket)
{
	make(1, 2);
	ck_assert_uint_eq(shown(0xb, 0, 0, 7), 0);
	ck_assert_uint_eq(shown(0xb, 0, 1, 7), 1);
	ck_assert_uint_eq(shown(0xb, 0, 2, 0), 0x100);
	ck_assert_uint_eq(shown(0xb, 1, 2, 1), 0x201);
	ck_assert_uint_eq(shown(0xb, 2, 0, 7), 0);
	ck_assert_uint_eq(shown(0xb, 2, 1, 7), 0);
	ck_assert_uint_eq(shown(0xb, 2, 2, 0x302), 2);
}
END_TEST

START_TEST(caches_are_shared_from_the_third_level_on)
{
	make(0, 4);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(shown(0x8000001d, i, 0, caches[i]), caches[i] & 0x3fff);
	ck_assert_uint_eq(shown(0x8000001d, 3, 0, caches[3]),
	                  (caches[3] & 0x3fff) | 3 << 14);
	ck_assert_uint_eq(shown(0x8000001d, 4, 0, 0), 0);
}
END_TEST

START_TEST(apic_ids_are_left_to_the_hypervisor)
{
	make(1, 2);
	ck_assert_uint_eq(shown(1, 0, 1, 0x05000000) >> 24, 5);
	ck_assert_uint_eq(shown(0xb, 0, 3, 5), 5);
	ck_assert_uint_eq(shown(0x8000001e, 0, 0, 5), 5);
}
END_TEST

START_TEST(there_are_no_mtrrs_and_more_than_one_logical_processor_may_be)
{
	make(0, 1);
	ck_assert_uint_eq(shown(1, 0, 3, BIT32(12)), BIT32(28));
}
END_TEST

START_TEST(a_machine_of_many_caches_is_not_followed_beyond_the_list)
{
	static const uint32_t many[TOPOLOGY_CACHES] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	count = topology_of(0, 2, many, results);
	ck_assert_uint_eq(count, TOPOLOGY_RESULTS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology");
	TCase *tests = tcase_create("topology");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, a_socket_has_a_core_for_each_vp);
	tcase_add_test(tests, a_core_is_one_thread_and_nothing_is_above_the_socket);
	tcase_add_test(tests, caches_are_shared_from_the_third_level_on);
	tcase_add_test(tests, apic_ids_are_left_to_the_hypervisor);
	tcase_add_test(tests,
	               there_are_no_mtrrs_and_more_than_one_logical_processor_may_be);
	tcase_add_test(tests, a_machine_of_many_caches_is_not_followed_beyond_the_list);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
