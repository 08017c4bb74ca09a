/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch/x86/svm/registers.c: what is read at once is what is read by name. */
#include "hypervisor/arch/x86/svm/registers.h"

#include <string.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/base/panic.h"
#include "tests/unit/unit.h"

uint64_t context_cr4_allowed;
static struct vmcb control;
static struct vp vp;

_Noreturn void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	(void)frame;
	ck_abort_msg("panic: %s", format);
}

static void setup(void)
{
	memset(&control, 0, sizeof(control));
	memset(&vp, 0, sizeof(vp));
	vp.arch.control = &control;
	svm_vp_reset(&vp);
}

static void set(uint32_t name, uint64_t content)
{
	svm_set_register(&vp, name, &(union hv_register_value){ .reg64 = content });
}

static uint64_t get(uint32_t name)
{
	return svm_get_register(&vp, name).reg64;
}

static void check_state(void)
{
	struct vp_state state;

	memset(&state, 0xa5, sizeof(state));
	svm_get_state(&vp, &state);
	for (unsigned int i = 0; i < 6; i++) {
		union hv_register_value by_name =
			svm_get_register(&vp, HV_X64_REGISTER_ES + i);

		ck_assert_mem_eq(&state.segment[i], &by_name.segment,
		                 sizeof(by_name.segment));
	}
	ck_assert_uint_eq(state.cr0, get(HV_X64_REGISTER_CR0));
	ck_assert_uint_eq(state.cr3, get(HV_X64_REGISTER_CR3));
	ck_assert_uint_eq(state.cr4, get(HV_X64_REGISTER_CR4));
	ck_assert_uint_eq(state.efer, get(HV_X64_REGISTER_EFER));
	ck_assert_uint_eq(state.dr7, get(HV_X64_REGISTER_DR7));
}

START_TEST(what_is_read_at_once_is_what_is_read_by_name)
{
	check_state();
	for (unsigned int i = 0; i < 6; i++) {
		const union hv_register_value segment = {
			.segment = { .base = 0x1000 + i,
			             .limit = 0x2000 + i,
			             .selector = (uint16_t)(8 * i),
			             .attributes = (uint16_t)(0xf093 + i) }
		};
		union hv_register_value by_name;

		svm_set_register(&vp, HV_X64_REGISTER_ES + i, &segment);
		by_name = svm_get_register(&vp, HV_X64_REGISTER_ES + i);
		ck_assert_mem_eq(&by_name.segment, &segment.segment,
		                 sizeof(segment.segment));
	}
	set(HV_X64_REGISTER_CR3, 0x3000);
	set(HV_X64_REGISTER_DR7, 0x755);
	set(HV_X64_REGISTER_CR0, CR0_PE | CR0_PG);
	check_state();
}
END_TEST

/* The processor has SVME and MCE set, and LME clear before PAE. */
START_TEST(neither_way_shows_what_the_guest_has_not_set)
{
	struct vp_state state;

	set(HV_X64_REGISTER_EFER, EFER_LME);
	check_state();
	svm_get_state(&vp, &state);
	ck_assert_uint_eq(state.cr4, 0);
	ck_assert_uint_eq(state.efer, EFER_LME);
	ck_assert_uint_eq(control.save.cr4, CR4_MCE);
	ck_assert_uint_eq(control.save.efer, EFER_SVME);
	set(HV_X64_REGISTER_CR4, CR4_PAE | CR4_MCE);
	check_state();
	svm_get_state(&vp, &state);
	ck_assert_uint_eq(state.cr4, CR4_PAE | CR4_MCE);
}
END_TEST

static Suite *svm_registers_suite(void)
{
	Suite *suite = suite_create("svm_registers");
	TCase *tcase = tcase_create("svm_registers");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, what_is_read_at_once_is_what_is_read_by_name);
	tcase_add_test(tcase, neither_way_shows_what_the_guest_has_not_set);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(svm_registers_suite)
