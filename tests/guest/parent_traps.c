/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions of a child that its hypervisor has a hand in. The child's program is child_traps.S. */
#include "tests/guest/parent.h"

#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/viridis_stats.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/child.h"
#include "tests/guest/partition.h"
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define SELECTOR_CODE  0x10u
#define GDT_CODE64     UINT64_C(0x00af9b000000ffff)
#define GDT_DATA       UINT64_C(0x00cf93000000ffff)
#define GATE_INTERRUPT UINT64_C(0x8e00)
#define TSS_BUSY       0x8b
#define TSS_LIMIT      0x67
#define TSS_IST1       0x24u
#define STORM_MS       200
#define STORM_EVENTS   100u
#define VECTOR_NAP     0x83
#define UNITS_PER_MS   10000u

extern const uint8_t child_traps_start[], child_traps_end[];
extern const uint8_t child_traps_count[], child_traps_skip[], child_traps_debug[];
extern const uint8_t child_traps_double[];

static uint64_t child_address(const uint8_t *label)
{
	return CHILD_CODE + (uint64_t)(label - child_traps_start);
}

/* APM2 4.8.4; the code is below 64 KiB above CHILD_CODE. */
static void write_gate(struct child *child, unsigned int vector, const uint8_t *label,
                       uint64_t stack)
{
	uint64_t *gate = (uint64_t *)child_memory(child, CHILD_IDT) + 2 * vector;
	uint64_t at = child_address(label);

	gate[0] = (at & 0xffff) | SELECTOR_CODE << 16 | stack << 32 |
	          GATE_INTERRUPT << 32 | at >> 16 << 48;
	gate[1] = 0;
}

static void write_tables(struct child *child)
{
	const uint64_t debug_stack = CHILD_DEBUG_STACK;
	uint64_t *gdt = (uint64_t *)child_memory(child, CHILD_GDT);

	gdt[SELECTOR_CODE / 8] = GDT_CODE64;
	gdt[SELECTOR_CODE / 8 + 1] = GDT_DATA;
	memcpy(child_memory(child, CHILD_TSS + TSS_IST1), &debug_stack,
	       sizeof(debug_stack));
	write_gate(child, TRAP_DB, child_traps_debug, 1);
	write_gate(child, TRAP_BP, child_traps_count, 0);
	write_gate(child, TRAP_UD, child_traps_skip, 0);
	write_gate(child, TRAP_GP, child_traps_skip, 0);
	write_gate(child, CHILD_TRAP, child_traps_count, 0);
	memcpy(child_memory(child, CHILD_CODE), child_traps_start,
	       (size_t)(child_traps_end - child_traps_start));
}

static bool set_tables(const struct child *child)
{
	const union hv_register_value gdtr = { .table = { .limit = PAGE_4K - 1,
		                                          .base = CHILD_GDT } };
	const union hv_register_value idtr = { .table = { .limit = PAGE_4K - 1,
		                                          .base = CHILD_IDT } };
	const union hv_register_value tr = { .segment = { .base = CHILD_TSS,
		                                          .limit = TSS_LIMIT,
		                                          .selector = SELECTOR_CODE + 16,
		                                          .attributes = TSS_BUSY } };

	return !vp_set_register64(child->id, 0, HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0) &&
	       child_set_registers(child) &&
	       !vp_set_register(child->id, 0, HV_X64_REGISTER_GDTR, gdtr) &&
	       !vp_set_register(child->id, 0, HV_X64_REGISTER_IDTR, idtr) &&
	       !vp_set_register(child->id, 0, HV_X64_REGISTER_TR, tr);
}

/* The frame goes to a page that is not there: the delivery is begun twice, and done once. */
static bool raised_once(struct child *child, uint64_t stack, const char *what)
{
	uint64_t pfn = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
	struct hv_x64_memory_intercept access;
	unsigned int done;

	if (!parent_next_intercept(child, HV_MESSAGE_UNMAPPED_GPA, &access,
	                           sizeof(access)))
		return false;
	ok(round_down(access.gpa, PAGE_4K) == stack &&
	           access.header.access_type == HV_INTERCEPT_WRITE,
	   "it is the write of the frame of %s", what);
	ok_equal(memory_map(child->id, stack >> PAGE_SHIFT_4K, MAP_ALL, &pfn, 1, &done),
	         HV_STATUS_SUCCESS, "its stack is mapped");
	parent_resume(child);
	return parent_hear(child, 1, "its handler has run once");
}

static uint64_t exceptions_of(const struct child *child)
{
	static struct viridis_output_get_stats stats;

	if (stats_get(child->id, VIRIDIS_STATS_VP, 0, &stats) != HV_STATUS_SUCCESS)
		return 0;
	return stats.counter[VIRIDIS_VP_STAT_EXCEPTIONS_INJECTED];
}

static void end_nap(struct trap_frame *frame)
{
	(void)frame; /* it woke the VP */
	apic_eoi();
}

/* Halts: on one CPU the child has it to itself, and only a timer's interrupt brings it back. */
static void nap(uint64_t ms)
{
	uint64_t due = cpu_rdmsr(HV_MSR_TIME_REF_COUNT) + ms * UNITS_PER_MS;

	trap_set_handler(VECTOR_NAP, end_nap);
	cpu_wrmsr(HV_MSR_STIMER0_CONFIG,
	          HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT | (uint64_t)VECTOR_NAP << 4);
	cpu_wrmsr(HV_MSR_STIMER0_COUNT, due);
	while (cpu_rdmsr(HV_MSR_TIME_REF_COUNT) < due)
		cpu_sti_hlt_cli();
	trap_set_handler(VECTOR_NAP, NULL);
}

/* The VP takes one exception after another, and none of its own instructions between them. */
static void stop_in_storm(const struct child *child, const char *storm, uint64_t *rip)
{
	uint64_t before = exceptions_of(child), deadline;

	nap(STORM_MS);
	ok_equal(vp_set_register64(child->id, 0, HV_REGISTER_EXPLICIT_SUSPEND, 1),
	         HV_STATUS_SUCCESS, "a VP in an endless %s is stopped", storm);
	deadline = clock_deadline(STORM_MS);
	while (vp_get_register64(child->id, 0, HV_X64_REGISTER_RIP, rip) !=
	               HV_STATUS_SUCCESS &&
	       !clock_passed(deadline))
		clock_wait_ms(1);
	ok(exceptions_of(child) - before >= STORM_EVENTS,
	   "each went through the hypervisor");
	note("%lu in %u ms", exceptions_of(child) - before, STORM_MS);
}

/* CVE-2015-8104: were they not intercepted, no interrupt might be taken between two of them. */
static void debug_storm(const struct child *child)
{
	uint64_t rip = 0;

	stop_in_storm(child, "#DB", &rip);
	ok_equal(rip, child_address(child_traps_debug), "it stands at its handler");
}

/* Its stack is a page that may not be written, and an exception is about to come. */
static bool will_fail(const struct child *child)
{
	const uint64_t undefined = HV_PENDING_INTERRUPTION_VALID | 3 << 1 | TRAP_UD << 16;

	return ok(!vp_set_register64(child->id, 0, HV_X64_REGISTER_RAX + 4,
	                             CHILD_FAR_STACK + PAGE_4K / 2) &&
	                  !vp_set_register64(child->id, 0,
	                                     HV_REGISTER_PENDING_INTERRUPTION, undefined),
	          "a VP's exception will find no stack");
}

/* The frame that cannot be written is a #GP, that one's a #DF, and that one's the end. APM2 8.2.9 */
static void frames_that_fail(struct child *child)
{
	struct hv_x64_io_port_intercept io;
	struct hv_x64_intercept_header end;

	ok(!vp_set_register64(child->id, 0, HV_REGISTER_REFERENCE_TSC,
	                      CHILD_FAR_STACK | HV_MSR_PAGE_ENABLE) &&
	           !vp_set_register64(child->id, 0, HV_X64_REGISTER_DR7, 0x400) &&
	           !vp_set_register64(child->id, 0, HV_X64_REGISTER_RFLAGS, 2),
	   "a VP's stack lies in its read-only page");
	write_gate(child, TRAP_DF, child_traps_double, 1);
	if (!will_fail(child))
		return;
	parent_resume(child);
	if (!parent_next_intercept(child, HV_MESSAGE_X64_IO_PORT, &io, sizeof(io)) ||
	    !ok_equal(io.rax, TRAP_DF, "a #GP in the delivery of a #GP is a #DF"))
		return;
	write_gate(child, TRAP_DF, child_traps_double, 0);
	if (!will_fail(child))
		return;
	parent_resume(child);
	ok(parent_next_intercept(child, HV_MESSAGE_UNRECOVERABLE_EXCEPTION, &end,
	                         sizeof(end)),
	   "one in the delivery of a #DF is the end of the processor");
}

void traps_of_child(struct child *child)
{
	write_tables(child);
	if (!ok(set_tables(child), "the VP gets descriptor tables"))
		return;
	parent_resume(child);
	if (raised_once(child, CHILD_FAR_STACK, "a software interrupt") &&
	    raised_once(child, CHILD_FAR_STACK + PAGE_4K, "a breakpoint") &&
	    raised_once(child, CHILD_FAR_STACK + 2 * PAGE_4K, "an invalid opcode"))
		debug_storm(child);
	frames_that_fail(child);
}
