/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch/x86/context.c: what a VP takes along and leaves behind when a CPU changes VPs, and which bits it may set. */
#include "hypervisor/arch/x86/context.h"

#include <string.h>
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/objects/partition.h"
#include "tests/unit/unit.h"

/* CPUID 0x80000008 EBX, 0x80000021 EAX. APM3 E.4.8, E.4.17 */
#define XSAVEERPTR     BIT32(2)
#define IBPB           BIT32(12)
#define IBRS           BIT32(14)
#define STIBP          BIT32(15)
#define SSBD           BIT32(24)
#define PSFD           BIT32(28)
#define AUTOMATIC_IBRS BIT32(8)
#define EFER_TCE       BIT64(15)

struct boot_info boot_info;
static struct cpu cpu;
static struct partition partitions[2] = { { .id = 7 }, { .id = 8 } };
static uint8_t area[2][PAGE_4K];
static struct vp vps[2], *current;

/* The processor: what it has, and what was done to it, in order. */
static uint32_t features, more, structured, basic, extended;
static enum { FORGET, RESTORE, SAVE, BARRIER, XCR0 } done[64];
static unsigned int done_count;
static const void *restored;
static uint64_t xcr0, dr[4], tsc_aux, spec_ctrl, efer;

static void note_done(int what)
{
	ck_assert_uint_lt(done_count, ARRAY_COUNT(done));
	done[done_count++] = what;
}

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs regs = { 0, 0, 0, 0 };

	(void)subleaf;
	switch (leaf) {
	case 1:
		regs.ecx = basic;
		break;
	case 7:
		regs.ebx = regs.ecx = structured;
		break;
	case 0xd:
		regs.eax = 0xe7; /* AVX-512 too */
		break;
	case 0x80000000:
		regs.eax = 0x80000021;
		break;
	case 0x80000001:
		regs.edx = extended;
		break;
	case 0x80000008:
		regs.eax = 48;
		regs.ebx = features;
		break;
	case 0x80000021:
		regs.eax = more;
		break;
	}
	return regs;
}

uint64_t cpu_rdmsr(uint32_t msr)
{
	ck_assert_uint_eq(msr, MSR_EFER);
	return efer;
}

void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	switch (msr) {
	case MSR_PRED_CMD:
		ck_assert_uint_eq(value, 1);
		note_done(BARRIER);
		break;
	case MSR_TSC_AUX:
		tsc_aux = value;
		break;
	case MSR_SPEC_CTRL:
		spec_ctrl = value;
		break;
	case MSR_EFER:
		efer = value;
		break;
	default:
		ck_abort_msg("MSR %#x", msr);
	}
}

void cpu_write_xcr0(uint64_t value)
{
	note_done(XCR0);
	xcr0 = value;
}

void cpu_xsave(void *to)
{
	(void)to;
	ck_assert_uint_eq(xcr0, context_xcr0_allowed); /* or not all is saved */
	note_done(SAVE);
}

void cpu_xrstor(const void *from)
{
	ck_assert_uint_eq(xcr0, context_xcr0_allowed);
	note_done(RESTORE);
	restored = from;
}

void cpu_forget_x87(void)
{
	note_done(FORGET);
}

uint64_t told_read_dr(unsigned int number)
{
	return dr[number];
}

void told_write_dr(unsigned int number, uint64_t value)
{
	dr[number] = value;
}

void log_line(const char *format, ...)
{
	(void)format;
}

/* A processor with that in CPUID has started, and its CPU has run nothing yet. */
static void start(uint32_t with, uint32_t and_more)
{
	features = with;
	more = and_more;
	context_init();
	context_cpu_on();
	cpu.predicted = 0;
	current = NULL;
	done_count = 0;
}

static void change_to(struct vp *next)
{
	if (current)
		context_save(current);
	context_load(&cpu, next);
	current = next;
}

static void setup(void)
{
	boot_info.speculation_off = false;
	basic = structured = extended = 0;
	memset(&cpu, 0, sizeof(cpu));
	memset(vps, 0, sizeof(vps));
	efer = tsc_aux = spec_ctrl = 0;
	for (unsigned int i = 0; i < 2; i++) {
		vps[i].partition = &partitions[i];
		vps[i].arch.extended_state = area[i];
		context_reset(&vps[i]);
	}
}

static unsigned int count(int what)
{
	unsigned int times = 0;

	for (unsigned int i = 0; i < done_count; i++)
		times += (int)done[i] == what;
	return times;
}

/* FIP, FDP and FOP of the VP before: XRSTOR leaves them where no exception waits. APM2 11.5.7 */
START_TEST(what_the_x87_remembers_is_forgotten_where_it_would_stay)
{
	start(0, 0);
	change_to(&vps[0]);
	ck_assert_uint_ge(done_count, 2);
	ck_assert_int_eq(done[0], FORGET);
	ck_assert_int_eq(done[1], RESTORE);
	ck_assert_ptr_eq(restored, area[0]);
	start(XSAVEERPTR, 0);
	change_to(&vps[1]);
	ck_assert_uint_eq(count(FORGET), 0);
	ck_assert_uint_eq(count(RESTORE), 1);
}
END_TEST

/* Between partitions alone, and before anything of the next one is there. */
START_TEST(a_cpu_that_changes_partitions_forgets_its_branches)
{
	struct vp sibling = vps[0];

	start(IBPB, 0);
	change_to(&vps[0]);
	ck_assert_int_eq(done[0], BARRIER);
	change_to(&sibling);
	change_to(&vps[0]);
	ck_assert_uint_eq(count(BARRIER), 1);
	change_to(&vps[1]);
	change_to(&vps[0]);
	ck_assert_uint_eq(count(BARRIER), 3);
	ck_assert_uint_eq(cpu.stats[VIRIDIS_CPU_STAT_BRANCH_BARRIERS], 3);
}
END_TEST

START_TEST(without_a_barrier_or_when_it_is_off_there_is_none)
{
	start(IBRS, 0);
	change_to(&vps[0]);
	ck_assert_uint_eq(count(BARRIER), 0);
	boot_info.speculation_off = true;
	start(IBPB | IBRS, AUTOMATIC_IBRS);
	change_to(&vps[1]);
	ck_assert_uint_eq(count(BARRIER), 0);
	ck_assert_uint_eq(efer, 0);
	boot_info.speculation_off = false;
	start(IBPB | IBRS, AUTOMATIC_IBRS);
	ck_assert_uint_eq(efer, EFER_AUTOMATIC_IBRS);
}
END_TEST

START_TEST(a_vp_has_its_own_registers)
{
	extended = CPUID_81_EDX_RDTSCP;
	start(IBRS | STIBP, 0);
	vps[0].arch.tsc_aux = 0x123;
	vps[0].arch.spec_ctrl = 3;
	vps[0].arch.xcr0 = 7;
	vps[0].arch.dr[3] = 0x333;
	vps[1].arch.tsc_aux = 0x456;
	change_to(&vps[0]);
	ck_assert(tsc_aux == 0x123 && spec_ctrl == 3 && xcr0 == 7 && dr[3] == 0x333);
	dr[0] = 0x1000;
	vps[0].arch.xcr0 = xcr0 = 1;
	change_to(&vps[1]);
	ck_assert(tsc_aux == 0x456 && spec_ctrl == 0 && xcr0 == 1);
	ck_assert(dr[0] == 0 && dr[3] == 0);
	change_to(&vps[0]);
	ck_assert(dr[0] == 0x1000 && dr[3] == 0x333 && spec_ctrl == 3 && xcr0 == 1);
}
END_TEST

START_TEST(registers_that_the_processor_lacks_are_left_alone)
{
	start(IBPB, 0);
	vps[0].arch.tsc_aux = vps[0].arch.spec_ctrl = 1;
	change_to(&vps[0]);
	ck_assert(tsc_aux == 0 && spec_ctrl == 0);
	ck_assert(context_tsc_aux_allowed == 0 && context_spec_ctrl_allowed == 0);
	ck_assert(context_pred_cmd_allowed);
}
END_TEST

/* Any other bit is #GP, so that no entry is ever refused. APM2 3.1.3, 3.1.7 */
START_TEST(bits_that_cpuid_does_not_show_may_not_be_set)
{
	start(0, 0);
	ck_assert_uint_eq(context_cr4_allowed, 0x7ff);
	ck_assert_uint_eq(context_efer_allowed, EFER_SCE | EFER_LME | EFER_LMA);
	ck_assert(context_spec_ctrl_allowed == 0 && !context_pred_cmd_allowed);
	structured = basic = extended = UINT32_MAX;
	start(UINT32_MAX, UINT32_MAX);
	ck_assert_uint_eq(context_cr4_allowed, /* UMIP, FSGSBASE, OSXSAVE, SMEP, SMAP */
	                  0xfff | BIT64(16) | BIT64(18) | BIT64(20) | BIT64(21));
	ck_assert_uint_eq(context_efer_allowed,
	                  EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR);
	ck_assert(!(context_efer_allowed & (EFER_TCE | EFER_SVME)));
	ck_assert_uint_eq(context_spec_ctrl_allowed, 0x87);
	start(IBRS, 0);
	ck_assert_uint_eq(context_spec_ctrl_allowed, 1);
	start(STIBP, 0);
	ck_assert_uint_eq(context_spec_ctrl_allowed, 2);
	start(SSBD, 0);
	ck_assert_uint_eq(context_spec_ctrl_allowed, 4);
	start(PSFD, 0);
	ck_assert_uint_eq(context_spec_ctrl_allowed, 0x80);
	ck_assert_uint_eq(context_cr3_allowed, BIT64(48) - 1);
}
END_TEST

START_TEST(xcr0_has_x87_and_avx_only_with_sse)
{
	static const struct {
		uint64_t value;
		bool valid;
	} values[] = { { 0, false }, { 1, true },     { 2, false },
		       { 3, true },  { 5, false },    { 7, true },
		       { 9, false }, { 0xe7, false }, { BIT64(63) | 1, false } };

	start(0, 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(values); i++)
		ck_assert(context_xcr0_is_valid(values[i].value) == values[i].valid);
}
END_TEST

static Suite *context_suite(void)
{
	Suite *suite = suite_create("context");
	TCase *tcase = tcase_create("context");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, what_the_x87_remembers_is_forgotten_where_it_would_stay);
	tcase_add_test(tcase, a_cpu_that_changes_partitions_forgets_its_branches);
	tcase_add_test(tcase, without_a_barrier_or_when_it_is_off_there_is_none);
	tcase_add_test(tcase, a_vp_has_its_own_registers);
	tcase_add_test(tcase, registers_that_the_processor_lacks_are_left_alone);
	tcase_add_test(tcase, bits_that_cpuid_does_not_show_may_not_be_set);
	tcase_add_test(tcase, xcr0_has_x87_and_avx_only_with_sse);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(context_suite)
