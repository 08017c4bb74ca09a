/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's loop (run.c, exit.c, vp_enter.c) with a processor that is no processor: a vendor whose guest does what
 * a test says. What the loop calls on the way is played by the functions below.
 */
#include "hypervisor/kernel/run/run.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/kernel/base/epoch.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/guest/cpuid.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/run/exit.h"
#include "hypervisor/kernel/run/vp_enter.h"
#include "tests/unit/unit.h"

#define ARCH_SET_GS 0x1001 /* arch_prctl(2) */

enum { START = 0x1000, MAX_EXITS = 8 };

uint64_t fake_tsc;
unsigned int fake_interrupts_taken;
extern unsigned int fake_epochs_passed, fake_events_left; /* run_loop_fakes.c */
uint64_t lapic_hz = 1000000;
bool trace_on;

static struct cpu cpu;
static struct partition partition;
static struct vp vp;
/* Another CPU, and what may run there. */
static struct cpu other_cpu;
static struct vp other_vp;
static bool has_passed;
static unsigned int kicks;
struct cpu *cpus[MAX_CPUS] = { &cpu, &other_cpu };
unsigned int cpu_count;
static jmp_buf test_over;

/* What the guest does, one exit after the other; how it was entered each time. */
static struct vp_exit script[MAX_EXITS];
static struct vp_entry entries[MAX_EXITS];
static unsigned int script_length, runs;
/* What the loop did about it. */
static unsigned int cpuid_asked, hypercalls, hypercalls_undone;
static const char *intercepted;
static struct exit_fault fault_seen;
static unsigned int eois;
static uint8_t sent_to_self;
static uint32_t written_offset;
static uint64_t written_value;
static unsigned int timers_run, msr_writes;

/* ---- The vendor ---- */

static void fake_run(struct vp *who, const struct vp_entry *entry)
{
	if (runs == script_length)
		longjmp(test_over, 1);
	entries[runs] = *entry;
	who->arch.exit = script[runs++];
	who->arch.exit.stat = VIRIDIS_VP_STAT_EXIT_OTHER;
	who->arch.guest_ticks += 100;
	fake_tsc += 110;
}

static const struct virt_ops fake_vendor = { .name = "fake", .run = fake_run };
const struct virt_ops *virt = &fake_vendor;

/* ---- What the loop calls ---- */

void fake_halt(void)
{
	longjmp(test_over, 1);
}

void timer_queue_run(struct cpu *self, uint64_t now)
{
	ck_assert_uint_ge(now, self->timer_due);
	self->timer_due = TIMER_NEVER;
	timers_run++;
}

bool epoch_cpu_passed(const struct cpu *which, uint64_t epoch)
{
	(void)epoch;
	return which == &cpu || has_passed;
}

/* The other CPU comes round: it passes, and enters what it runs anew. */
void smp_kick(const struct cpu *which)
{
	ck_assert_ptr_eq(which, &other_cpu);
	kicks++;
	has_passed = partition.is_root;
	other_vp.removals_seen = partition.npt.removals;
	other_vp.flush_asked = false;
}

struct vp *sched_pick(struct cpu *self)
{
	(void)self;
	return vp.suspend == 0 ? &vp : NULL;
}

void vp_advance(struct vp *who)
{
	who->arch.rip += who->arch.exit.length;
}

void vp_exception(struct vp *who, uint8_t vector)
{
	who->entry.event = (struct vp_event){ .valid = true,
		                              .type = EVENT_EXCEPTION,
		                              .vector = vector };
}

void vp_reset_registers(struct vp *who)
{
	who->arch.rip = 0xfff0;
}

uint64_t partition_tsc(const struct partition *of)
{
	(void)of;
	return fake_tsc;
}

bool hypercall_handle(struct vp *who)
{
	(void)who;
	hypercalls++;
	if (hypercalls_undone == 0)
		return true;
	hypercalls_undone--;
	return false;
}

bool cpuid_for_guest(const struct vp *who, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs)
{
	(void)who;
	cpuid_asked++;
	*regs = (struct cpuid_regs){ leaf + 1, subleaf, 3, 4 };
	return leaf == 0xbad;
}

bool msr_read(struct vp *who, uint32_t msr, uint64_t *value)
{
	(void)who;
	*value = UINT64_C(0x500000006);
	return msr == 0x10;
}

bool msr_write(struct vp *who, uint32_t msr, uint64_t value)
{
	(void)who;
	msr_writes++;
	return msr == 0x10 && value == UINT64_C(0x200000001);
}

void intercept_triple_fault(struct vp *who)
{
	who->suspend |= SUSPEND_INTERCEPT;
	intercepted = "triple_fault";
}

void intercept_io(struct vp *who, const struct exit_port *port)
{
	ck_assert_uint_eq(port->port, 0x3f8);
	who->suspend |= SUSPEND_INTERCEPT;
	intercepted = "io";
}

void intercept_cpuid(struct vp *who, const struct cpuid_regs *regs)
{
	ck_assert_uint_eq(regs->eax, 0xbae);
	who->suspend |= SUSPEND_INTERCEPT;
	intercepted = "cpuid";
}

void intercept_memory(struct vp *who, const struct exit_fault *fault)
{
	fault_seen = *fault;
	who->suspend |= SUSPEND_INTERCEPT;
	intercepted = "memory";
}

void intercept_interrupt_deliverable(struct vp *who)
{
	who->suspend |= SUSPEND_INTERCEPT;
	intercepted = "window";
}

bool apic_mmio(struct vp *who, uint64_t gpa)
{
	(void)who;
	return gpa == VLAPIC_GPA;
}

bool apic_write(struct vp *who, enum vlapic_access how, uint32_t offset, uint64_t value)
{
	(void)who, (void)how;
	written_offset = offset;
	written_value = value;
	return value != UINT64_C(0xbad);
}

void apic_send_self(struct vp *who, uint8_t vector)
{
	ck_assert_ptr_eq(who, &vp);
	sent_to_self = vector;
}

void apic_eoi(struct vp *who)
{
	struct vlapic_action action;

	vlapic_eoi(&who->lapic, &action);
	eois++;
}

bool overlay_is_at(const struct partition *of, uint64_t gpa)
{
	(void)of;
	return gpa == 0x7000;
}

/* ---- The tests ---- */

static void set_up(void)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(&partition, 0, sizeof(partition));
	memset(&vp, 0, sizeof(vp));
	cpu.self = &cpu;
	cpu.timer_due = TIMER_NEVER;
	syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu);
	vp.partition = &partition;
	vp.turn = 1;
	vp.entry.vector = VLAPIC_NO_VECTOR;
	vp.arch.rip = START;
	vp.arch.rflags = RFLAGS_IF;
	vlapic_reset(&vp.lapic);
	vp.lapic.svr |= 0x100; /* enabled by software */
	partition.hypercall_msr = 1;
	script_length = runs = cpuid_asked = hypercalls = hypercalls_undone = 0;
	fake_tsc = fake_interrupts_taken = timers_run = 0;
	intercepted = NULL;
}

/* Until the script is over, or the VP may not run. */
static void run_script(unsigned int length)
{
	script_length = length;
	if (setjmp(test_over) == 0)
		cpu_loop(&cpu);
}

START_TEST(an_instruction_without_effect_moves_rip_on)
{
	script[0] = (struct vp_exit){ .kind = EXIT_SKIP, .length = 2 };
	script[1] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(2);
	ck_assert_uint_eq(vp.arch.rip, START + 2);
	ck_assert_uint_eq(vp.stats[VIRIDIS_VP_STAT_ENTRIES], 2);
	ck_assert_uint_eq(vp.stats[VIRIDIS_VP_STAT_GUEST_TICKS], 200);
	ck_assert_uint_eq(vp.stats[VIRIDIS_VP_STAT_HYPERVISOR_TICKS], 20);
}
END_TEST

/* Events of others come one after the other, as IPIs that it does not take: it never sleeps, and nobody has to wait for it. */
START_TEST(a_vp_that_cannot_sleep_for_events_holds_up_no_epoch)
{
	vp.halted = true;
	vp.arch.rflags = 0;
	vp.events = EVENTS_TIMER;
	fake_epochs_passed = 0;
	fake_events_left = 10;
	run_script(1);
	ck_assert_uint_eq(runs, 0);
	ck_assert_uint_eq(vp.suspend, SUSPEND_HALT);
	ck_assert_uint_ge(fake_epochs_passed, 10);
}
END_TEST

/* One that moves its overlays all day long, or flushes, disturbs nobody else. NPT-5 */
START_TEST(a_child_that_waits_disturbs_only_cpus_that_run_it)
{
	static struct partition another;
	const struct {
		struct vp *current;
		struct partition *partition;
		uint64_t seen;
		bool flush;
		unsigned int kicks;
	} cases[] = {
		{ NULL, &partition, 6, true, 0 },
		{ &other_vp, &another, 6, true, 0 },
		{ &other_vp, &partition, 7, false, 0 },
		{ &other_vp, &partition, 6, false, 1 },
		{ &other_vp, &partition, 7, true, 1 },
	};

	cpu_count = 2;
	has_passed = false;
	kicks = 0;
	other_cpu.current = cases[_i].current;
	other_vp.partition = cases[_i].partition;
	other_vp.removals_seen = cases[_i].seen;
	other_vp.flush_asked = cases[_i].flush;
	partition.npt.removals = 7;
	vp.wait_epoch = 3;
	script[0] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(kicks, cases[_i].kicks);
	ck_assert(entries[0].flush);
}
END_TEST

START_TEST(a_flush_that_was_asked_for_comes_once)
{
	vp.flush_asked = true;
	script[0] = script[1] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(2);
	ck_assert(entries[0].flush && !vp.flush_asked);
	ck_assert(!entries[1].flush);
}
END_TEST

START_TEST(the_root_that_flushes_waits_for_cpus_that_run_it)
{
	cpu_count = 2;
	has_passed = false;
	kicks = 0;
	other_cpu.current = _i ? &other_vp : NULL;
	other_vp.partition = &partition;
	other_vp.removals_seen = partition.npt.removals;
	other_vp.flush_asked = true;
	partition.is_root = true;
	vp.wait_epoch = 3;
	vp.flushes = true;
	script[0] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(kicks, _i);
	ck_assert(!vp.flushes);
}
END_TEST

START_TEST(the_root_waits_for_every_cpu)
{
	cpu_count = 2;
	has_passed = false;
	kicks = 0;
	other_cpu.current = NULL;
	partition.is_root = true;
	vp.wait_epoch = 3;
	script[0] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(kicks, 1);
}
END_TEST

/* Whichever CPU it is, whose TSC may be ahead of the first one's: the guest reads the partition's, and its own offset. */
START_TEST(a_guest_reads_one_tsc_on_every_cpu)
{
	partition.tsc_offset = 5000;
	vp.tsc_adjust = 70;
	cpu.tsc_skew = _i;
	script[0] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert_uint_eq(entries[0].tsc_offset, UINT64_C(5070) - (uint64_t)(int64_t)_i);
}
END_TEST

START_TEST(an_event_that_was_interrupted_goes_in_again)
{
	const struct vp_event page_fault = { true, EVENT_EXCEPTION, EXCEPTION_PF, true,
		                             2 };

	script[0] = (struct vp_exit){ .kind = EXIT_INTERRUPT, .event = page_fault };
	script[1] = (struct vp_exit){ .kind = EXIT_INTERRUPT };
	script[2] = (struct vp_exit){ .kind = EXIT_INTERRUPT };
	run_script(3);
	ck_assert(!entries[0].event.valid && !entries[2].event.valid);
	ck_assert_mem_eq(&entries[1].event, &page_fault, sizeof(page_fault));
}
END_TEST

START_TEST(a_vector_is_presented_until_it_is_taken)
{
	vlapic_accept(&vp.lapic, 0x51, false);
	script[0] = (struct vp_exit){ .kind = EXIT_INTERRUPT };
	script[1] = (struct vp_exit){ .kind = EXIT_INTERRUPT, .vector_taken = true };
	script[2] = (struct vp_exit){ .kind = EXIT_INTERRUPT };
	run_script(3);
	ck_assert_int_eq(entries[0].vector, 0x51);
	ck_assert_int_eq(entries[1].vector, 0x51);
	ck_assert(entries[0].watch_tpr);
	ck_assert_int_eq(entries[2].vector, VLAPIC_NO_VECTOR);
	ck_assert_uint_eq(vp.stats[VIRIDIS_VP_STAT_INTERRUPTS_INJECTED], 1);
}
END_TEST

START_TEST(the_guests_task_priority_counts_for_what_comes)
{
	vlapic_accept(&vp.lapic, 0x51, false);
	script[0] = (struct vp_exit){ .kind = EXIT_INTERRUPT, .cr8 = 6 };
	script[1] = (struct vp_exit){ .kind = EXIT_INTERRUPT, .cr8 = 6 };
	script[2] = (struct vp_exit){ .kind = EXIT_CR8, .value = 0x10, .cr8 = 6 };
	script[3] =
		(struct vp_exit){ .kind = EXIT_CR8, .value = 4, .length = 4, .cr8 = 6 };
	script[4] = (struct vp_exit){ .kind = EXIT_INTERRUPT, .cr8 = 4 };
	run_script(5);
	ck_assert_int_eq(entries[1].vector, VLAPIC_NO_VECTOR);
	ck_assert(entries[1].watch_tpr);
	ck_assert_uint_eq(entries[3].event.vector, EXCEPTION_GP);
	ck_assert_int_eq(entries[4].vector, 0x51);
	ck_assert_uint_eq(vp.arch.rip, START + 4);
}
END_TEST

START_TEST(what_is_refused_is_an_exception_and_changes_nothing)
{
	vp.arch.gpr[GPR_RCX] = 0x11;
	script[0] = (struct vp_exit){ .kind = EXIT_RDMSR, .length = 2 };
	script[1] = (struct vp_exit){ .kind = EXIT_WRMSR, .length = 2 };
	script[2] = (struct vp_exit){ .kind = EXIT_XSETBV, .length = 3 };
	script[3] = (struct vp_exit){ .kind = EXIT_EXCEPTION, .vector = EXCEPTION_AC };
	script[4] = (struct vp_exit){ .kind = EXIT_UNKNOWN };
	script[5] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(6);
	for (unsigned int i = 1; i < 6; i++)
		ck_assert(entries[i].event.valid);
	ck_assert_uint_eq(entries[1].event.vector, EXCEPTION_GP);
	ck_assert_uint_eq(entries[2].event.vector, EXCEPTION_GP);
	ck_assert_uint_eq(entries[3].event.vector, EXCEPTION_GP);
	ck_assert_uint_eq(entries[4].event.vector, EXCEPTION_AC);
	ck_assert_uint_eq(entries[5].event.vector, EXCEPTION_UD);
	ck_assert_uint_eq(vp.arch.rip, START);
	ck_assert_uint_eq(vp.arch.gpr[GPR_RAX], 0);
}
END_TEST

START_TEST(msrs_are_read_into_two_registers_and_written_from_two)
{
	vp.arch.gpr[GPR_RCX] = 0x10;
	vp.arch.gpr[GPR_RAX] = UINT64_C(0xf00000001);
	vp.arch.gpr[GPR_RDX] = 2;
	script[0] = (struct vp_exit){ .kind = EXIT_WRMSR, .length = 2 };
	script[1] = (struct vp_exit){ .kind = EXIT_RDMSR, .length = 2 };
	run_script(2);
	ck_assert_uint_eq(vp.arch.rip, START + 4);
	ck_assert_uint_eq(vp.arch.gpr[GPR_RAX], 6);
	ck_assert_uint_eq(vp.arch.gpr[GPR_RDX], 5);
}
END_TEST

START_TEST(a_hypercall_that_is_not_over_is_made_again)
{
	hypercalls_undone = 1;
	script[0] = script[1] = (struct vp_exit){ .kind = EXIT_HYPERCALL, .length = 3 };
	run_script(2);
	ck_assert_uint_eq(hypercalls, 2);
	ck_assert(!entries[1].event.valid);
	ck_assert_uint_eq(vp.arch.rip, START + 3);
}
END_TEST

START_TEST(hypercalls_that_are_not_enabled_do_not_exist)
{
	partition.hypercall_msr = 0;
	hypercalls_undone = 1;
	script[0] = (struct vp_exit){ .kind = EXIT_HYPERCALL, .length = 3 };
	script[1] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(2);
	ck_assert_uint_eq(entries[1].event.vector, EXCEPTION_UD);
	ck_assert_uint_eq(vp.arch.rip, START);
}
END_TEST

START_TEST(a_halted_vp_sleeps_until_an_interrupt_that_it_takes)
{
	script[0] = (struct vp_exit){ .kind = EXIT_HLT, .length = 1 };
	run_script(1);
	ck_assert_uint_eq(runs, 1);
	ck_assert(vp.halted && (vp.suspend & SUSPEND_HALT));
	vp.suspend = 0;
	vp.posted[0x51 / 64] |= BIT64(0x51 % 64);
	vp.events = EVENTS_INTERRUPT(0x51 / 64);
	script[1] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(2);
	ck_assert(!vp.halted);
	ck_assert_int_eq(entries[1].vector, 0x51);
	ck_assert_uint_eq(vp.arch.rip, START + 1);
}
END_TEST

/* Before the CPU halts, and between exits; whether it was the guest's time or ours that ran out. */
START_TEST(a_timer_is_due_by_the_clock_too)
{
	cpu.timer_due = 200;
	vp.suspend = SUSPEND_HALT;
	run_script(0);
	ck_assert_uint_eq(timers_run, 0);
	fake_tsc = 200;
	run_script(0);
	ck_assert_uint_eq(timers_run, 1);
	ck_assert_uint_eq(cpu.timer_due, TIMER_NEVER);

	vp.suspend = 0;
	cpu.timer_due = fake_tsc + 200;
	for (unsigned int i = 0; i < 3; i++)
		script[i] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert_uint_eq(timers_run, 1);
	run_script(3);
	ck_assert_uint_eq(timers_run, 2);
}
END_TEST

START_TEST(what_is_the_parents_business_stops_the_vp)
{
	static const struct {
		struct vp_exit exit;
		const char *as;
	} cases[] = {
		{ { .kind = EXIT_IO, .port = { .port = 0x3f8 } }, "io" },
		{ { .kind = EXIT_FAULT, .fault = { .gpa = 0x5000, .write = true } },
		  "memory" },
		{ { .kind = EXIT_TRIPLE_FAULT }, "triple_fault" },
		{ { .kind = EXIT_INVALID_STATE }, "triple_fault" },
		{ { .kind = EXIT_CPUID, .length = 2 }, "cpuid" },
	};

	vp.arch.gpr[GPR_RAX] = 0xbad;
	script[0] = cases[_i].exit;
	run_script(2);
	ck_assert_uint_eq(runs, 1);
	ck_assert_str_eq(intercepted, cases[_i].as);
	if (cases[_i].exit.kind == EXIT_FAULT)
		ck_assert(fault_seen.gpa == 0x5000 && fault_seen.write);
	if (cases[_i].exit.kind != EXIT_INVALID_STATE)
		ck_assert_uint_eq(vp.arch.rip, START);
}
END_TEST

START_TEST(an_overlay_that_is_written_to_is_an_exception)
{
	script[0] = (struct vp_exit){ .kind = EXIT_FAULT,
		                      .fault = { .gpa = 0x7000, .present = true } };
	script[1] =
		(struct vp_exit){ .kind = EXIT_FAULT, .fault = { .gpa = VLAPIC_GPA } };
	run_script(2);
	ck_assert_uint_eq(entries[1].event.vector, EXCEPTION_GP);
	ck_assert_ptr_null(intercepted);
}
END_TEST

START_TEST(an_answer_of_cpuid_holds_until_an_exit_takes_the_long_way)
{
	vp.arch.gpr[GPR_RAX] = 7;
	ck_assert(exit_cpuid(&vp));
	ck_assert_uint_eq(vp.arch.gpr[GPR_RAX], 8);
	vp.arch.gpr[GPR_RAX] = 7;
	vp.arch.gpr[GPR_RCX] = 0;
	ck_assert(exit_cpuid(&vp));
	ck_assert_uint_eq(vp.arch.gpr[GPR_RAX], 8);
	ck_assert_uint_eq(cpuid_asked, 1);
	vp.arch.gpr[GPR_RAX] = 7;
	vp.arch.gpr[GPR_RCX] = 1;
	ck_assert(exit_cpuid(&vp));
	ck_assert_uint_eq(vp.arch.gpr[GPR_RBX], 1);
	ck_assert_uint_eq(cpuid_asked, 2);
	script[0] = (struct vp_exit){ .kind = EXIT_SKIP, .length = 2 };
	run_script(1);
	vp.arch.gpr[GPR_RAX] = 7;
	vp.arch.gpr[GPR_RCX] = 1;
	ck_assert(exit_cpuid(&vp));
	ck_assert_uint_eq(cpuid_asked, 3);
}
END_TEST

START_TEST(the_clock_is_read_at_once_by_whom_it_is_open_to)
{
	vp.arch.gpr[GPR_RCX] = HV_MSR_TIME_REF_COUNT;
	ck_assert(!exit_read_clock(&vp));
	partition.privileges = HV_PRIVILEGE_TIME_REF_COUNT;
	ck_assert(exit_read_clock(&vp));
	ck_assert_uint_eq(vp.arch.gpr[GPR_RAX], 0x3456789a);
	ck_assert_uint_eq(vp.arch.gpr[GPR_RDX], 0x12);
	vp.arch.gpr[GPR_RCX] = HV_MSR_VP_RUNTIME;
	ck_assert(!exit_read_clock(&vp));
}
END_TEST

START_TEST(a_row_of_exits_ends_by_itself_or_when_something_waits)
{
	unsigned int left;

	cpu.row_left = EXITS_IN_A_ROW;
	for (left = EXITS_IN_A_ROW; exit_goes_on(&vp, VIRIDIS_VP_STAT_EXIT_CPUID); left--)
		ck_assert_uint_gt(left, 1);
	ck_assert_uint_eq(left, 1);
	ck_assert_uint_eq(vp.stats[VIRIDIS_VP_STAT_EXIT_CPUID], EXITS_IN_A_ROW);
	cpu.row_left = EXITS_IN_A_ROW;
	vp.events = EVENTS_TIMER;
	ck_assert(!exit_goes_on(&vp, 0));
	vp.events = 0;
	vp.suspend = SUSPEND_EXPLICIT;
	ck_assert(!exit_goes_on(&vp, 0));
	vp.suspend = 0;
	ck_assert(exit_goes_on(&vp, 0));
	cpu.reschedule = true;
	ck_assert(!exit_goes_on(&vp, 0));
	cpu.reschedule = false;
	cpu.vp_waits = true;
	ck_assert(!exit_goes_on(&vp, 0));
}
END_TEST

START_TEST(only_a_vp_for_which_nothing_waits_goes_on_at_once)
{
	script[0] = script[1] = script[2] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert(vp.quiet);
	vlapic_accept(&vp.lapic, 0x51, false);
	vlapic_accept(&vp.lapic, 0x52, false);
	run_script(2);
	ck_assert(!vp.quiet);
	vlapic_reset(&vp.lapic);
	vp.entry.vector = VLAPIC_NO_VECTOR;
	trace_on = true;
	run_script(3);
	trace_on = false;
	ck_assert(!vp.quiet);
}
END_TEST

START_TEST(a_vp_for_which_only_its_vector_waits_goes_on_when_that_is_taken)
{
	script[0] = script[1] = script[2] = (struct vp_exit){ .kind = EXIT_WATCH };
	vlapic_accept(&vp.lapic, 0x51, false);
	run_script(1);
	ck_assert_int_eq(entries[0].vector, 0x51);
	ck_assert(vp.quiet);
	vp_vector_taken(&vp);
	ck_assert_int_eq(vp.entry.vector, VLAPIC_NO_VECTOR);
	ck_assert_uint_eq(vp.lapic.isr[1], BIT64(0x51 % 64));
	ck_assert(!vlapic_requests(&vp.lapic));
	vlapic_accept(&vp.lapic, 0x41, false); /* behind the one that is served */
	run_script(2);
	ck_assert_int_eq(entries[1].vector, VLAPIC_NO_VECTOR);
	ck_assert(!vp.quiet);
	vlapic_accept(&vp.lapic, 0x61, false); /* two */
	run_script(3);
	ck_assert_int_eq(entries[2].vector, 0x61);
	ck_assert(!vp.quiet);
}
END_TEST

START_TEST(the_apic_is_written_at_once_but_for_what_others_have_to_see)
{
	partition.privileges = HV_PRIVILEGE_APIC_MSRS;
	vp.arch.gpr[GPR_RCX] = HV_MSR_EOI;
	eois = sent_to_self = msr_writes = 0;
	ck_assert(exit_write_msr(&vp) && eois == 1);
	partition.privileges = 0;
	ck_assert(!exit_write_msr(&vp));
	vp.arch.gpr[GPR_RCX] = 0x80b;
	vp.arch.gpr[GPR_RAX] =
		0xbad; /* what is not the EOI's value goes on, and is refused */
	ck_assert(!exit_write_msr(&vp));
	vp.arch.gpr[GPR_RAX] = 0;
	vp.lapic.base |= VLAPIC_BASE_X2APIC;
	ck_assert(exit_write_msr(&vp) && eois == 2);
	vp.arch.gpr[GPR_RCX] = 0x1000080b;
	ck_assert(!exit_write_msr(&vp) && eois == 2);
	vp.arch.gpr[GPR_RCX] = 0x83f;
	vp.arch.gpr[GPR_RDX] = 7;
	vp.arch.gpr[GPR_RAX] = UINT64_C(0x900000051);
	ck_assert(exit_write_msr(&vp));
	ck_assert(written_offset == VLAPIC_SELF_IPI &&
	          written_value == UINT64_C(0x700000051));
	ck_assert_uint_eq(sent_to_self, 0);
	vp.arch.gpr[GPR_RDX] = 0;
	vp.arch.gpr[GPR_RAX] = 0x0f; /* no vector: the model has its error */
	ck_assert(exit_write_msr(&vp) && written_value == 0x0f && sent_to_self == 0);
	vp.arch.gpr[GPR_RAX] = UINT64_C(0x900000010);
	ck_assert(exit_write_msr(&vp) && written_value == 0x0f && sent_to_self == 0x10);
	vp.arch.gpr[GPR_RAX] = 0xbad; /* it refuses it */
	ck_assert(!exit_write_msr(&vp));
	vp.arch.gpr[GPR_RAX] = 0x51;
	vp.lapic.tmr[3] = 1;
	partition.is_root = true;
	ck_assert(exit_write_msr(&vp)); /* the root's own to end */
	partition.is_root = false;
	ck_assert(!exit_write_msr(&vp));
	vp.lapic.tmr[3] = 0;
	ck_assert(exit_write_msr(&vp));
	vp.assisted = 0x51;
	ck_assert(!exit_write_msr(&vp));
	vp.assisted = 0;
	for (unsigned int i = 0; i < 5; i++) { /* the last one for its value */
		static const uint32_t others[] = { 0x808, 0x7ff, 0x900, 0xc0000080,
			                           HV_MSR_STIMER0_COUNT };

		vp.arch.gpr[GPR_RCX] = others[i];
		ck_assert(!exit_write_msr(&vp) && msr_writes == 0);
	}
	vp.arch.gpr[GPR_RAX] = vp.assisted = 1; /* which is not the timer's affair */
	ck_assert(exit_write_msr(&vp));
}
END_TEST

START_TEST(a_window_for_an_interrupt_is_watched_and_told_once)
{
	vp.interrupt_notify = true;
	vp.arch.rflags = 0;
	script[0] = (struct vp_exit){ .kind = EXIT_INTERRUPT };
	run_script(1);
	ck_assert(entries[0].watch_window);
	vp.arch.rflags = RFLAGS_IF;
	run_script(1);
	ck_assert_str_eq(intercepted, "window");
	ck_assert(!vp.interrupt_notify);
}
END_TEST

START_TEST(an_nmi_goes_in_once_and_waits_for_the_end_of_another)
{
	vp.events = EVENTS_NMI;
	script[0] = script[1] = (struct vp_exit){ .kind = EXIT_WATCH };
	run_script(1);
	ck_assert(entries[0].event.valid && entries[0].event.type == EVENT_NMI);
	ck_assert(vp.arch.nmi_blocked);
	vp.events = EVENTS_NMI;
	run_script(2);
	ck_assert(!entries[1].event.valid);
	ck_assert_uint_eq(vp.nmi_pending, 1);
}
END_TEST

static Suite *run_loop_suite(void)
{
	Suite *suite = suite_create("run_loop");
	TCase *tcase = tcase_create("run_loop");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_vp_that_cannot_sleep_for_events_holds_up_no_epoch);
	tcase_add_test(tcase, an_instruction_without_effect_moves_rip_on);
	tcase_add_loop_test(tcase, a_child_that_waits_disturbs_only_cpus_that_run_it, 0,
	                    5);
	tcase_add_test(tcase, a_flush_that_was_asked_for_comes_once);
	tcase_add_test(tcase, the_root_waits_for_every_cpu);
	tcase_add_loop_test(tcase, the_root_that_flushes_waits_for_cpus_that_run_it, 0,
	                    2);
	tcase_add_loop_test(tcase, a_guest_reads_one_tsc_on_every_cpu, -2, 3);
	tcase_add_test(tcase, an_event_that_was_interrupted_goes_in_again);
	tcase_add_test(tcase, a_vector_is_presented_until_it_is_taken);
	tcase_add_test(tcase, the_guests_task_priority_counts_for_what_comes);
	tcase_add_test(tcase, what_is_refused_is_an_exception_and_changes_nothing);
	tcase_add_test(tcase, msrs_are_read_into_two_registers_and_written_from_two);
	tcase_add_test(tcase, a_hypercall_that_is_not_over_is_made_again);
	tcase_add_test(tcase, hypercalls_that_are_not_enabled_do_not_exist);
	tcase_add_test(tcase, a_timer_is_due_by_the_clock_too);
	tcase_add_test(tcase, a_halted_vp_sleeps_until_an_interrupt_that_it_takes);
	tcase_add_loop_test(tcase, what_is_the_parents_business_stops_the_vp, 0, 5);
	tcase_add_test(tcase, an_overlay_that_is_written_to_is_an_exception);
	tcase_add_test(tcase, an_answer_of_cpuid_holds_until_an_exit_takes_the_long_way);
	tcase_add_test(tcase, the_clock_is_read_at_once_by_whom_it_is_open_to);
	tcase_add_test(tcase, a_row_of_exits_ends_by_itself_or_when_something_waits);
	tcase_add_test(tcase, only_a_vp_for_which_nothing_waits_goes_on_at_once);
	tcase_add_test(tcase,
	               a_vp_for_which_only_its_vector_waits_goes_on_when_that_is_taken);
	tcase_add_test(tcase,
	               the_apic_is_written_at_once_but_for_what_others_have_to_see);
	tcase_add_test(tcase, a_window_for_an_interrupt_is_watched_and_told_once);
	tcase_add_test(tcase, an_nmi_goes_in_once_and_waits_for_the_end_of_another);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(run_loop_suite)
