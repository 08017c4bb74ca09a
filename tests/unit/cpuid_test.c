/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/guest/cpuid.c: what the machine has, what root and parent want shown of it, and what only the VP can tell. */
#include "hypervisor/kernel/guest/cpuid.h"

#include <string.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/objects/partition.h"
#include "tests/unit/unit.h"

enum { APIC_ID = 5, ANY = 0x12345678 };

bool tsc_is_shared;
static struct partition root, child;
struct partition *root_partition = &root;
static struct cpuid_results of_root, of_child, of_vp;
static struct vp vp;
static uint64_t cr4;

/* Every leaf has every bit. */
struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0xd && subleaf == 2)
		return (struct cpuid_regs){ 256, 576, 0, 0 };
	return (struct cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
}

static union hv_register_value get_register(const struct vp *who, uint32_t name)
{
	(void)who;
	ck_assert_uint_eq(name, HV_X64_REGISTER_CR4);
	return (union hv_register_value){ .reg64 = cr4 };
}

static const struct virt_ops vendor = { .get_register = get_register };
const struct virt_ops *virt = &vendor;

static struct hv_input_register_intercept_result *add(struct cpuid_results *to,
                                                      uint32_t leaf)
{
	struct hv_input_register_intercept_result *result = &to->result[to->count++];

	*result = (struct hv_input_register_intercept_result){ .eax = leaf };
	return result;
}

/* All of one register, EAX first. */
static void replace(struct hv_input_register_intercept_result *result, unsigned int which,
                    uint32_t value)
{
	result->result[which].mask = UINT32_MAX;
	result->result[which].value = value;
}

static void set_up(void)
{
	memset(&root, 0, sizeof(root));
	memset(&child, 0, sizeof(child));
	memset(&vp, 0, sizeof(vp));
	memset(&of_root, 0, sizeof(of_root));
	memset(&of_child, 0, sizeof(of_child));
	memset(&of_vp, 0, sizeof(of_vp));
	root.cpuid = &of_root;
	root.is_root = true;
	child.cpuid = &of_child;
	for (unsigned int i = 0; i < CPUID_PAGES; i++)
		vp.cpuid[i] = &of_vp;
	vp.partition = &child;
	vp.lapic.config.apic_id = APIC_ID;
	vlapic_reset(&vp.lapic);
	tsc_is_shared = true;
	cr4 = 0;
}

static struct cpuid_regs told(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs regs;

	ck_assert(!cpuid_for_guest(&vp, leaf, subleaf, &regs));
	return regs;
}

/* Whoever takes the TSC for invariant compares readings of two CPUs without a further look. APM3 E.4.7 */
START_TEST(a_tsc_that_is_not_the_same_everywhere_is_not_invariant)
{
	const uint64_t granted = HV_PRIVILEGE_TSC_INVARIANT | HV_PRIVILEGE_SYNIC;

	child.privileges = granted;
	ck_assert_uint_eq(told(0x80000007, 0).edx, UINT32_MAX);
	ck_assert_uint_eq(told(HV_CPUID_FEATURES, 0).eax, (uint32_t)granted);
	tsc_is_shared = false;
	ck_assert_uint_eq(told(0x80000007, 0).edx, 0);
	ck_assert_uint_eq(told(HV_CPUID_FEATURES, 0).eax, (uint32_t)HV_PRIVILEGE_SYNIC);
	vp.partition = &root;
	root.privileges = granted;
	ck_assert_uint_eq(told(HV_CPUID_FEATURES, 0).eax, (uint32_t)HV_PRIVILEGE_SYNIC);
	ck_assert_uint_eq(told(0x80000007, 0).edx, 0);
}
END_TEST

START_TEST(apic_ids_are_the_vp_s_whatever_its_parent_says)
{
	replace(add(&of_child, 1), 1, 0x99000800);
	ck_assert_uint_eq(told(1, 0).ebx, APIC_ID << 24 | 0x800);
	ck_assert_uint_eq(told(0xb, 0).edx, APIC_ID);
	ck_assert_uint_eq(told(0xb, 1).edx, APIC_ID);
	ck_assert_uint_eq(told(0x8000001e, 0).eax, APIC_ID);
}
END_TEST

START_TEST(what_the_vp_has_turned_on_is_shown_so)
{
	const uint32_t osxsave = BIT32(27), hypervisor = BIT32(31), apic = BIT32(9);

	ck_assert_uint_eq(told(1, 0).ecx, ~osxsave);
	ck_assert(told(1, 0).edx & apic);
	cr4 = CR4_OSXSAVE;
	vp.lapic.base &= ~(uint64_t)VLAPIC_BASE_ENABLE;
	ck_assert_uint_eq(told(1, 0).ecx, UINT32_MAX);
	ck_assert_uint_eq(told(1, 0).edx, ~apic);
	replace(add(&of_child, 1), 2, 0);
	ck_assert_uint_eq(told(1, 0).ecx, osxsave | hypervisor);
	vp.arch.xcr0 = 3;
	ck_assert_uint_eq(told(0xd, 0).ebx, XSAVE_BASE_BYTES);
	vp.arch.xcr0 = 7;
	ck_assert_uint_eq(told(0xd, 0).ebx, 576 + 256);
}
END_TEST

/* The list of the root's loader is for all; without one, as it runs, the machine is shown. D16 */
START_TEST(a_leaf_that_the_root_does_not_name_is_zeros)
{
	ck_assert_uint_eq(told(0x12, 0).eax, UINT32_MAX);
	add(&of_root, 7)->result[0].mask = 1;
	ck_assert_uint_eq(told(0x12, 0).eax, 0);
	ck_assert_uint_eq(told(7, 0).eax, UINT32_MAX - 1);
	replace(add(&of_child, 0x12), 0, ANY);
	ck_assert_uint_eq(told(0x12, 0).eax, ANY);
	vp.partition = &root; /* a child's is the child's */
	ck_assert_uint_eq(told(0x12, 0).eax, 0);
}
END_TEST

START_TEST(one_vp_s_result_goes_before_all_vps_and_a_subleaf_is_its_own)
{
	struct hv_input_register_intercept_result *result = add(&of_vp, 4);

	result->subleaf_specific = 1;
	result->ecx = 2;
	replace(result, 0, 2);
	replace(add(&of_child, 4), 0, 1);
	ck_assert_uint_eq(told(4, 0).eax, 1);
	ck_assert_uint_eq(told(4, 2).eax, 2);
}
END_TEST

START_TEST(a_leaf_that_the_parent_answers_is_not_answered)
{
	struct cpuid_regs regs;

	add(&of_child, ANY)->intercepted = 1;
	ck_assert(cpuid_for_guest(&vp, ANY, 0, &regs));
	ck_assert(!cpuid_for_guest(&vp, ANY + 1, 0, &regs));
}
END_TEST

START_TEST(only_the_root_is_told_that_it_is_and_not_by_its_privileges)
{
	root.privileges = child.privileges = HV_PRIVILEGE_ACCESS_PARTITION_ID;
	ck_assert_uint_eq(told(HV_CPUID_OWN, 0).eax, 0);
	ck_assert_uint_eq(told(HV_CPUID_FEATURES, 0).ebx,
	                  HV_PRIVILEGE_ACCESS_PARTITION_ID >> 32);
	vp.partition = &root;
	ck_assert_uint_eq(told(HV_CPUID_OWN, 0).eax, UINT32_MAX);
	ck_assert_uint_eq(told(HV_CPUID_FEATURES, 0).ebx, 0);
}
END_TEST

static Suite *cpuid_suite(void)
{
	Suite *suite = suite_create("cpuid");
	TCase *tcase = tcase_create("cpuid");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_tsc_that_is_not_the_same_everywhere_is_not_invariant);
	tcase_add_test(tcase, apic_ids_are_the_vp_s_whatever_its_parent_says);
	tcase_add_test(tcase, what_the_vp_has_turned_on_is_shown_so);
	tcase_add_test(tcase, a_leaf_that_the_root_does_not_name_is_zeros);
	tcase_add_test(tcase,
	               one_vp_s_result_goes_before_all_vps_and_a_subleaf_is_its_own);
	tcase_add_test(tcase, a_leaf_that_the_parent_answers_is_not_answered);
	tcase_add_test(tcase, only_the_root_is_told_that_it_is_and_not_by_its_privileges);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(cpuid_suite)
