/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch/x86/svm/exit.c: what is intercepted, and what an exit is taken for. */
#include "hypervisor/arch/x86/svm/exit.h"

#include <string.h>
#include "hypervisor/arch/x86/svm/registers.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/run/exit.h"
#include "hypervisor/kernel/run/vp_enter.h"
#include "tests/unit/unit.h"

enum { HOST_CR3 = 0x7000, GUEST_CR3 = 0x9000, CPL_3 = 0x60 };

uint64_t context_cr4_allowed = CR4_PAE | CR4_MCE;
uint32_t svm_features;
static struct vmcb block;
static struct vp vp;
static unsigned int renewals;
static const struct virt_ops vendor = { .get_register = svm_get_register };
const struct virt_ops *virt = &vendor;

/* What the guest's instruction is, where it is looked for. */
static uint8_t instruction[DECODE_MAX_BYTES];
static size_t instruction_bytes;

uint64_t cpu_read_cr3(void)
{
	return HOST_CR3;
}

void svm_renew_tags(void)
{
	renewals++;
}

size_t guest_fetch(const struct vp *who, uint8_t *bytes, size_t count)
{
	(void)who;
	ck_assert_uint_ge(count, instruction_bytes);
	memcpy(bytes, instruction, instruction_bytes);
	return instruction_bytes;
}

_Noreturn void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	(void)frame;
	ck_abort_msg("panic: %s", format);
}

/* ---- What is not asked about ---- */

bool exit_cpuid(struct vp *who)
{
	(void)who;
	return false;
}

bool exit_write_msr(struct vp *who)
{
	(void)who;
	return false;
}

bool hypercall_handle(struct vp *who)
{
	(void)who;
	return false;
}

void vp_vector_taken(struct vp *who)
{
	(void)who;
}

uint64_t partition_reference_time(const struct partition *of)
{
	(void)of;
	return 0;
}

static void setup(void)
{
	memset(&block, 0, sizeof(block));
	memset(&vp, 0, sizeof(vp));
	vp.arch.control = &block;
	svm_vp_reset(&vp);
	block.save.cr0 = CR0_PE;
	block.save.cr3 = GUEST_CR3;
	renewals = 0;
}

static enum exit_kind describe(uint64_t code)
{
	block.control.exit_code = code;
	vp.arch.exit.kind = EXIT_UNKNOWN;
	svm_describe_exit(&vp);
	return vp.arch.exit.kind;
}

static void raises(uint64_t code, uint8_t vector)
{
	ck_assert_int_eq(describe(code), EXIT_EXCEPTION);
	ck_assert_uint_eq(vp.arch.exit.vector, vector);
}

/*
 * CR4 and writes of CR8; #DB, #AC, #MC; physical interrupts and their window; RDPMC, CPUID, RSM, IRET, INVD, HLT, INVLPGA,
 * IN and OUT, MSRs, task switches, shutdown; all of SVM's own, WBINVD, MONITOR, MWAIT, XSETBV, RDPRU. Not RDTSC, PAUSE,
 * INVLPG, INTn or moves of debug registers. APM2 appendix B
 */
START_TEST(what_a_guest_may_not_do_by_itself_is_intercepted)
{
	static const uint32_t expected[] = { 0x01100010, 0x00000000, 0x00060002,
		                             0xbd5c801f, 0x00006e7f, 0x00000000 };

	svm_set_intercepts(&block.control);
	for (unsigned int word = 0; word < ARRAY_COUNT(expected); word++)
		ck_assert_msg(block.control.intercepts[word] == expected[word],
		              "word %u is %#x", word, block.control.intercepts[word]);
}
END_TEST

/* Where the guest has its page tables is its own affair, but for an entry that was refused. */
START_TEST(a_guest_s_cr3_may_be_the_host_s)
{
	block.save.cr3 = HOST_CR3;
	ck_assert_int_eq(describe(SVM_EXIT_CPUID), EXIT_CPUID);
	ck_assert_int_eq(describe(SVM_EXIT_HLT), EXIT_HLT);
	ck_assert_int_eq(describe(SVM_EXIT_NPF), EXIT_FAULT);
	ck_assert_uint_eq(renewals, 0);
	ck_assert_int_eq(describe(SVM_EXIT_INVALID), EXIT_INVALID_STATE);
	ck_assert_int_eq(describe(UINT64_MAX), EXIT_INVALID_STATE);
	ck_assert_uint_eq(renewals, 2);
}
END_TEST

/* TCG's way to say that reserved bits of CR3 were set; but not of an event that was to be delivered. */
START_TEST(a_refusal_that_leaves_the_guest_s_state_is_an_exception)
{
	raises(SVM_EXIT_INVALID, EXCEPTION_GP);
	block.control.exit_interrupt_info = SVM_EVENT_VALID | EXCEPTION_GP;
	ck_assert_int_eq(describe(SVM_EXIT_INVALID), EXIT_INVALID_STATE);
	ck_assert_uint_eq(renewals, 2);
}
END_TEST

START_TEST(instructions_that_guests_do_not_have_are_exceptions)
{
	for (uint32_t code = SVM_EXIT_VMRUN; code <= SVM_EXIT_SKINIT; code++)
		if (code != SVM_EXIT_VMMCALL)
			raises(code, EXCEPTION_UD);
	raises(SVM_EXIT_INVLPGA, EXCEPTION_UD);
	raises(SVM_EXIT_RSM, EXCEPTION_UD);
	raises(SVM_EXIT_MONITOR, EXCEPTION_UD);
	raises(SVM_EXIT_MWAIT, EXCEPTION_UD);
	raises(SVM_EXIT_RDPRU, EXCEPTION_UD);
	raises(SVM_EXIT_RDPMC, EXCEPTION_GP);
	raises(SVM_EXIT_TASK_SWITCH, EXCEPTION_GP);
	ck_assert_int_eq(describe(0x8c), EXIT_UNKNOWN); /* none of ours */
	ck_assert_int_eq(describe(0x500), EXIT_UNKNOWN);
}
END_TEST

START_TEST(what_only_a_kernel_may_do_is_an_exception_elsewhere)
{
	raises(SVM_EXIT_XSETBV, EXCEPTION_UD); /* without OSXSAVE */
	block.save.cr4 |= CR4_OSXSAVE;
	ck_assert_int_eq(describe(SVM_EXIT_XSETBV), EXIT_XSETBV);
	ck_assert_int_eq(describe(SVM_EXIT_VMMCALL), EXIT_HYPERCALL);
	block.save.ss.attributes = CPL_3;
	raises(SVM_EXIT_XSETBV, EXCEPTION_GP);
	raises(SVM_EXIT_VMMCALL, EXCEPTION_UD);
	block.save.ss.attributes = 0;
	block.save.cr0 = 0; /* real mode */
	raises(SVM_EXIT_VMMCALL, EXCEPTION_UD);
}
END_TEST

/* MOV to CR4 is carried out here, of bits that the guest may have; MCE is the host's whatever it says. */
START_TEST(a_move_to_cr4_keeps_to_what_the_guest_may_have)
{
	static const uint8_t mov_cr4_eax[] = { 0x0f, 0x22, 0xe0 };

	memcpy(instruction, mov_cr4_eax, sizeof(mov_cr4_eax));
	instruction_bytes = sizeof(mov_cr4_eax);
	vp.arch.gpr[GPR_RAX] = CR4_PAE;
	ck_assert_int_eq(describe(SVM_EXIT_CR4_WRITE), EXIT_SKIP);
	ck_assert_uint_eq(vp.arch.exit.length, sizeof(mov_cr4_eax));
	ck_assert_uint_eq(block.save.cr4, CR4_PAE | CR4_MCE);
	ck_assert_uint_eq(vp_register(&vp, HV_X64_REGISTER_CR4).reg64, CR4_PAE);
	vp.arch.gpr[GPR_RAX] = CR4_PAE | CR4_OSXSAVE;
	raises(SVM_EXIT_CR4_WRITE, EXCEPTION_GP);
	ck_assert_uint_eq(block.save.cr4, CR4_PAE | CR4_MCE);
	instruction_bytes = 2; /* the page behind it is not there */
	raises(SVM_EXIT_CR4_WRITE, EXCEPTION_UD);
	instruction_bytes = sizeof(mov_cr4_eax);
	raises(SVM_EXIT_CR8_WRITE, EXCEPTION_UD); /* another came in its place */
}
END_TEST

/* The handler of an NMI is left when IRET has been carried out, not when it begins. SDM3 6.7.1 */
START_TEST(an_iret_begins_and_is_watched)
{
	vp.arch.nmi_blocked = true;
	vp.arch.rip = 0x1234;
	vp.arch.gpr[GPR_RSP] = 0x5678;
	ck_assert_int_eq(describe(SVM_EXIT_IRET), EXIT_WATCH);
	ck_assert(vp.arch.nmi_blocked && vp.arch.nmi_returning);
	ck_assert_uint_eq(vp.arch.iret_rip, 0x1234);
	ck_assert_uint_eq(vp.arch.iret_rsp, 0x5678);
}
END_TEST

START_TEST(ports_and_faults_are_decoded)
{
	vp.arch.rip = 0x100;
	block.control.exit_info1 = 0x3f8u << 16 | 2u << 4 | 1; /* IN of two bytes */
	block.control.exit_info2 = 0x102;
	ck_assert_int_eq(describe(SVM_EXIT_IOIO), EXIT_IO);
	ck_assert(vp.arch.exit.length == 2 && vp.arch.exit.port.port == 0x3f8 &&
	          vp.arch.exit.port.bytes == 2 && vp.arch.exit.port.in &&
	          !vp.arch.exit.port.string && !vp.arch.exit.port.rep);
	block.control.exit_info1 = 0x80u << 16 | 1u << 4 | 12; /* REP OUTSB */
	ck_assert_int_eq(describe(SVM_EXIT_IOIO), EXIT_IO);
	ck_assert(vp.arch.exit.port.port == 0x80 && !vp.arch.exit.port.in &&
	          vp.arch.exit.port.string && vp.arch.exit.port.rep);
	block.control.exit_info1 = BIT64(33) | 3; /* a walk that writes what is there */
	block.control.exit_info2 = 0x123456789;
	ck_assert_int_eq(describe(SVM_EXIT_NPF), EXIT_FAULT);
	ck_assert(vp.arch.exit.fault.gpa == 0x123456789 && vp.arch.exit.fault.present &&
	          vp.arch.exit.fault.write && !vp.arch.exit.fault.fetch &&
	          vp.arch.exit.fault.table_walk);
}
END_TEST

static Suite *svm_exit_suite(void)
{
	Suite *suite = suite_create("svm_exit");
	TCase *tcase = tcase_create("svm_exit");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, what_a_guest_may_not_do_by_itself_is_intercepted);
	tcase_add_test(tcase, a_guest_s_cr3_may_be_the_host_s);
	tcase_add_test(tcase, a_refusal_that_leaves_the_guest_s_state_is_an_exception);
	tcase_add_test(tcase, instructions_that_guests_do_not_have_are_exceptions);
	tcase_add_test(tcase, what_only_a_kernel_may_do_is_an_exception_elsewhere);
	tcase_add_test(tcase, a_move_to_cr4_keeps_to_what_the_guest_may_have);
	tcase_add_test(tcase, an_iret_begins_and_is_watched);
	tcase_add_test(tcase, ports_and_faults_are_decoded);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(svm_exit_suite)
