/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug exceptions: single steps, breakpoints on data and code, and what DR6 and DR7 say. APM2 13.1 */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define DR6_RESET      UINT64_C(0xffff0ff0)
#define DR6_REASONS    UINT64_C(0xe00f)
#define DR6_POINT_0    BIT64(0)
#define DR6_ACCESS     BIT64(13)
#define DR6_STEP       BIT64(14)
#define DR7_RESET      UINT64_C(0x400)
#define DR7_CODE_0     (DR7_RESET | BIT64(1))
#define DR7_WRITE_0    (DR7_RESET | BIT64(1) | UINT64_C(0xd) << 16) /* 4 bytes */
#define DR7_GENERAL    (DR7_RESET | BIT64(13))
#define RFLAGS_RF      BIT64(16)
#define STEPS          7u /* the instructions of single_step() under TF */
#define AFTER_CPUID    1u
#define AFTER_RDMSR    3u
#define EXITING_LENGTH 2u /* of CPUID and RDMSR */

static volatile struct {
	unsigned int count;
	uint64_t rip[STEPS];
	uint64_t dr6; /* of the first */
	unsigned int other_reasons;
} seen;

static uint64_t read_dr7(void)
{
	uint64_t value;

	__asm__ volatile("movq %%dr7, %0" : "=r"(value));
	return value;
}

static void on_debug(struct trap_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0; movq %1, %%dr6" : "=&r"(dr6) : "r"(DR6_RESET));
	if (seen.count < STEPS)
		seen.rip[seen.count] = frame->rip;
	if (seen.count++ == 0)
		seen.dr6 = dr6 & DR6_REASONS;
	seen.other_reasons += (dr6 & DR6_REASONS) != seen.dr6;
	frame->rflags |= RFLAGS_RF; /* over a breakpoint on code */
}

static void arm(const volatile void *address, uint64_t dr7)
{
	seen.count = 0;
	seen.other_reasons = 0;
	__asm__ volatile("movq %0, %%dr6; movq %1, %%dr0; movq %2, %%dr7"
	                 :
	                 : "r"(DR6_RESET), "r"(address), "r"(dr7)
	                 : "memory");
}

static void one_came(uint64_t reason, const char *what)
{
	ok_equal(seen.count, 1, "%s raises #DB once", what);
	ok_equal(seen.dr6, reason, "DR6 says why");
}

/* CPUID and RDMSR of the APIC's base are carried out by a hypervisor. */
static void single_step(void)
{
	arm(NULL, DR7_RESET);
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n\t"
	                 "nop\n\t"
	                 "cpuid\n\t"
	                 "movl %0, %%ecx\n\t"
	                 "rdmsr\n\t"
	                 "pushfq; andl $~0x100, (%%rsp); popfq"
	                 :
	                 : "i"(MSR_APIC_BASE)
	                 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
	ok_equal(seen.count, STEPS, "each of %u single steps raises #DB", STEPS);
	ok(seen.dr6 == DR6_STEP && seen.other_reasons == 0, "DR6 says why");
	ok(seen.rip[AFTER_CPUID] - seen.rip[AFTER_CPUID - 1] == EXITING_LENGTH &&
	           seen.rip[AFTER_RDMSR] - seen.rip[AFTER_RDMSR - 1] == EXITING_LENGTH,
	   "CPUID and RDMSR are one step each");
}

static void data_breakpoint(void)
{
	static volatile uint32_t watched;

	arm(&watched, DR7_WRITE_0);
	watched = 1;
	one_came(DR6_POINT_0, "a store to a watched word");
	ok_equal(read_dr7(), DR7_WRITE_0, "DR7 is as it was");
}

static volatile uint32_t calls;

static __attribute__((noinline)) void call_me(void)
{
	calls++;
}

static void code_breakpoint(void)
{
	arm((const volatile void *)call_me, DR7_CODE_0);
	call_me();
	one_came(DR6_POINT_0, "a breakpoint on code");
	ok(seen.rip[0] == (uint64_t)call_me && calls == 1,
	   "before the instruction, which is then carried out");
}

static void general_detect(void)
{
	uint64_t dr7;

	arm(NULL, DR7_GENERAL);
	dr7 = read_dr7();
	one_came(DR6_ACCESS, "an access to DR7 under general detection");
	ok_equal(dr7, DR7_RESET, "and the detection is off");
}

void group_debug(void)
{
	trap_set_handler(TRAP_DB, on_debug);
	single_step();
	data_breakpoint();
	code_breakpoint();
	general_detect();
	arm(NULL, DR7_RESET);
	trap_set_handler(TRAP_DB, NULL);
}
