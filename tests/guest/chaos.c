/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child of random instructions and registers: whatever it executes, and in whatever state, it
 * harms nobody but itself, and all of its pages come back. seed=N and rounds=N on the command line.
 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_stats.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/parent.h"
#include "tests/guest/partition.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define ROUNDS              400u
#define SEED                1
#define REGISTERS_MAX       6u
#define INTERCEPTS_MAX      24u
#define PATIENCE_MS         2
#define STOP_ATTEMPTS       1000u
#define VECTOR_INTERCEPT    0xa0
#define INSTRUCTION_SPACING 8u
#define MEMORY_BYTES        (CHILD_PAGES * PAGE_4K)

static uint64_t state;

/* xorshift64*: G. Marsaglia, "Xorshift RNGs" */
static uint64_t random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Numbers that lie at borders are likelier than all others. */
static uint64_t odd_value(void)
{
	switch (random64() % 8) {
	case 0:
		return 0;
	case 1:
		return ~UINT64_C(0);
	case 2:
		return BIT64(random64() % 64);
	case 3:
		return random64() & 0xffff;
	case 4:
		return random64() & 0xffffffff;
	case 5:
		return (UINT64_C(1) << 47) - (random64() & 1);
	default:
		return random64();
	}
}

static const uint32_t names[] = {
	HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_INTERRUPT_STATE,
	HV_REGISTER_PENDING_EVENT0,
	HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	HV_REGISTER_INTERNAL_ACTIVITY_STATE,
	HV_X64_REGISTER_RFLAGS,
	HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_CR3,
	HV_X64_REGISTER_CR4,
	HV_X64_REGISTER_CR8,
	HV_X64_REGISTER_XFEM,
	HV_X64_REGISTER_DR6,
	HV_X64_REGISTER_DR7,
	HV_X64_REGISTER_ES,
	HV_X64_REGISTER_CS,
	HV_X64_REGISTER_SS,
	HV_X64_REGISTER_DS,
	HV_X64_REGISTER_FS,
	HV_X64_REGISTER_GS,
	HV_X64_REGISTER_LDTR,
	HV_X64_REGISTER_TR,
	HV_X64_REGISTER_IDTR,
	HV_X64_REGISTER_GDTR,
	HV_X64_REGISTER_TSC,
	HV_X64_REGISTER_EFER,
	HV_X64_REGISTER_APIC_BASE,
	HV_X64_REGISTER_PAT,
	HV_X64_REGISTER_STAR,
	HV_X64_REGISTER_LSTAR,
	HV_X64_REGISTER_SYSENTER_EIP,
	HV_X64_REGISTER_KERNEL_GS_BASE,
	HV_X64_REGISTER_HYPERCALL,
	HV_REGISTER_GUEST_OS_ID,
	HV_REGISTER_VP_ASSIST_PAGE,
	HV_REGISTER_REFERENCE_TSC,
	HV_REGISTER_SINT0,
	HV_REGISTER_SCONTROL,
	HV_REGISTER_SIEFP,
	HV_REGISTER_SIMP,
	HV_REGISTER_STIMER0_CONFIG,
	HV_REGISTER_STIMER0_CONFIG + 1,
	HV_X64_REGISTER_FP_CONTROL_STATUS,
	HV_X64_REGISTER_XMM_CONTROL_STATUS,
};

/* Refused or taken: both are fine. */
static void shuffle_registers(const struct child *child)
{
	unsigned int count = random64() % (REGISTERS_MAX + 1);

	for (unsigned int i = 0; i < count; i++) {
		union hv_register_value value = { .reg128 = { odd_value(),
			                                      odd_value() } };

		(void)vp_set_register(child->id, 0,
		                      names[random64() % ARRAY_COUNT(names)], value);
	}
	for (unsigned int i = 0; i < 16; i++)
		(void)vp_set_register64(child->id, 0, HV_X64_REGISTER_RAX + i,
		                        odd_value());
}

/*
 * Instructions that reach the hypervisor, in random order, one in 8 bytes. No random bytes: QEMU's own
 * translator does not survive all of them.
 */
static void fill_with_instructions(const struct child *child)
{
	static const uint8_t instructions[][4] = {
		{ 0x0f, 0xa2, 0x90, 0x90 }, /* cpuid */
		{ 0x0f, 0x30, 0x90, 0x90 }, /* wrmsr */
		{ 0x0f, 0x32, 0x90, 0x90 }, /* rdmsr */
		{ 0x0f, 0x01, 0xd9, 0x90 }, /* vmmcall */
		{ 0x0f, 0x22, 0xc0, 0x90 }, /* mov %eax, %cr0 */
		{ 0x0f, 0x22, 0xd9, 0x90 }, /* mov %ecx, %cr3 */
		{ 0x0f, 0x22, 0xe2, 0x90 }, /* mov %edx, %cr4 */
		{ 0x0f, 0x20, 0xc0, 0x90 }, /* mov %cr0, %eax */
		{ 0x0f, 0x23, 0xf8, 0x90 }, /* mov %eax, %dr7 */
		{ 0xec, 0x90, 0x90, 0x90 }, /* in %dx, %al */
		{ 0xef, 0x90, 0x90, 0x90 }, /* out %eax, %dx */
		{ 0x6e, 0x90, 0x90, 0x90 }, /* outsb */
		{ 0xf3, 0x6c, 0x90, 0x90 }, /* rep insb */
		{ 0xcd, 0x80, 0x90, 0x90 }, /* int $0x80 */
		{ 0xf4, 0x90, 0x90, 0x90 }, /* hlt */
		{ 0xfb, 0x90, 0x90, 0x90 }, /* sti */
		{ 0xcf, 0x90, 0x90, 0x90 }, /* iret */
		{ 0x0f, 0x01, 0xd1, 0x90 }, /* xsetbv */
		{ 0x0f, 0x01, 0xd8, 0x90 }, /* vmrun */
		{ 0x0f, 0x01, 0xdd, 0x90 }, /* clgi */
		{ 0x0f, 0x09, 0x90, 0x90 }, /* wbinvd */
		{ 0x8b, 0x00, 0x90, 0x90 }, /* mov (%eax), %eax */
		{ 0x89, 0x0b, 0x90, 0x90 }, /* mov %ecx, (%ebx) */
		{ 0xf3, 0xa4, 0x90, 0x90 }, /* rep movsb */
	};

	memset(child->memory, 0x90, MEMORY_BYTES);
	for (uint64_t at = 0; at < MEMORY_BYTES; at += INSTRUCTION_SPACING)
		memcpy(child_memory(child, at),
		       instructions[random64() % ARRAY_COUNT(instructions)],
		       sizeof(instructions[0]));
}

static bool stop(const struct child *child)
{
	enum hv_status status = HV_STATUS_TIME_OUT;

	for (unsigned int i = 0; status != HV_STATUS_SUCCESS && i < STOP_ATTEMPTS; i++)
		status = vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1);
	return status == HV_STATUS_SUCCESS;
}

static void let_go(const struct child *child)
{
	(void)vp_set_register64(child->id, 0, HV_X64_REGISTER_RIP,
	                        round_down(random64() % MEMORY_BYTES,
	                                   INSTRUCTION_SPACING)); /* or not */
	(void)vp_set_register64(child->id, 0, HV_REGISTER_INTERCEPT_SUSPEND,
	                        0); /* likewise */
	(void)vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND,
	                        0); /* likewise */
}

/* One stretch of life; the number of intercepts it came to. */
static unsigned int live(const struct child *child)
{
	struct hv_message notice;
	unsigned int intercepts = 0;

	let_go(child);
	while (intercepts < INTERCEPTS_MAX &&
	       synic_wait_message(HV_SINT_INTERCEPT, &notice, PATIENCE_MS)) {
		intercepts++;
		let_go(child);
	}
	return intercepts;
}

static bool is_sane(void)
{
	return hv_status_of(hv_call_raw(0xffff, 0, 0)) ==
	       HV_STATUS_INVALID_HYPERCALL_CODE;
}

/* For who boots us on a processor that has them, or has none. */
static void note_barriers(void)
{
	static struct viridis_output_get_stats stats;

	ok_equal(stats_get(HV_PARTITION_ID_SELF, VIRIDIS_STATS_CPU, 0, &stats),
	         HV_STATUS_SUCCESS, "CPU 0's counters are told");
	note("%lu branch barriers", stats.counter[VIRIDIS_CPU_STAT_BRANCH_BARRIERS]);
}

void group_chaos(void)
{
	static struct child child;
	uint64_t rounds = guest_option_number("rounds", ROUNDS), round = 0;
	unsigned int intercepts = 0;
	bool stopped = true;

	state = guest_option_number("seed", SEED) | 1;
	child.memory = pages_take(CHILD_PAGES);
	synic_enable();
	synic_set_sint(HV_SINT_INTERCEPT, VECTOR_INTERCEPT);
	if (!child_make(&child))
		return;
	while (stopped && round < rounds) {
		if (round % 16 == 0)
			fill_with_instructions(&child);
		if (round % 4 == 0)
			(void)child_set_registers(
				&child); /* some may be out of reach now */
		shuffle_registers(&child);
		intercepts += live(&child);
		stopped = stop(&child);
		round++;
	}
	note("%lu rounds, %u intercepts", round, intercepts);
	ok(stopped, "the VP can be stopped after every round");
	ok(intercepts > 0, "the child lived");
	ok(is_sane(), "the hypervisor is well");
	note_barriers();
	child_take_down(&child);
	synic_disable();
}
