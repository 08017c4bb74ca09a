/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch/x86/svm/presence.h: a processor that cannot run guests is told why. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>
#include "hypervisor/arch/x86/svm/presence.h"

static const struct cpuid_regs good = { .eax = 1, .ebx = 16, .edx = 1 };

START_TEST(a_processor_that_has_all_is_taken)
{
	ck_assert_ptr_null(svm_lack(true, 0, &good));
	ck_assert_ptr_null(svm_lack(true, ~(uint64_t)VM_CR_SVMDIS, &good));
}
END_TEST

START_TEST(what_it_lacks_is_named)
{
	struct cpuid_regs no_nested_paging = good, no_asid = good, nothing = { 0 };

	no_nested_paging.edx = 0xfffffffe;
	no_asid.ebx = 1;
	ck_assert_ptr_nonnull(strstr(svm_lack(false, 0, &nothing), "no SVM"));
	ck_assert_ptr_nonnull(strstr(svm_lack(true, 0x10, &good), "firmware"));
	ck_assert_ptr_nonnull(
		strstr(svm_lack(true, 0, &no_nested_paging), "nested paging"));
	ck_assert_ptr_nonnull(strstr(svm_lack(true, 0, &no_asid), "ASID"));
}
END_TEST

static Suite *presence_suite(void)
{
	Suite *suite = suite_create("presence");
	TCase *tests = tcase_create("presence");

	tcase_add_test(tests, a_processor_that_has_all_is_taken);
	tcase_add_test(tests, what_it_lacks_is_named);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(presence_suite)
