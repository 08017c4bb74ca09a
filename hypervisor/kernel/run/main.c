/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot, in its order. boot.S calls main() on every CPU, in long mode, interrupts off; on the first one
 * with what the boot loader left in EAX and EBX. There it ends with the root's loader running; when that has
 * described the machine, boot_finish() takes the second part, still on the first CPU alone.
 */
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/guest/msr.h"
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/kernel/run/main.h"
#include "hypervisor/kernel/run/root_devices.h"
#include "hypervisor/kernel/run/run.h"
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/objects/trace.h"

_Noreturn void main(struct cpu *cpu, uint32_t magic, uint32_t info_hpa);

const struct virt_ops *virt;

/* What a CPU needs to run VPs; on the CPU itself, one at a time. */
static void prepare_cpu(struct cpu *cpu)
{
	traps_add_stack(cpu);
	cpu->hypercall_input = reserve_take(PAGE_4K);
	cpu->hypercall_output = reserve_take(PAGE_4K);
	cpu->trace = reserve_take(TRACE_BYTES);
	timer_queue_init(cpu);
	virt->cpu_on();
	context_cpu_on();
}

/* A canary nobody knows. Its zero byte is what a string cannot copy. Whose frame has one already must not return. */
static __attribute__((no_stack_protector)) void choose_stack_guard(void)
{
	uint64_t value = cpu_rdtsc() * UINT64_C(0x9e3779b97f4a7c15);

	if (cpu_cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND)
		value ^= cpu_rdrand();
	__stack_chk_guard = value << 8;
}

/* One vendor so far; the others' reject_reason() goes here. */
static void choose_virtualization(void)
{
	const char *fault = svm_ops.reject_reason();

	if (fault)
		panic("no guest can run here: %s", fault);
	virt = &svm_ops;
	virt->global_init();
	msr_open_to_root();
	context_init();
	prepare_cpu(this_cpu());
	sched_init();
	log_line("virtualization: %s", virt->name);
}

/* The scheduler's times are in TSC ticks; so far it knows the root's first VP alone, which runs. */
static void start_clocks(void)
{
	time_init();
	sched_init();
	overlay_fill_pages(root_partition);
}

static const struct {
	const char *name, *what;
	void (*run)(void);
} steps[] = {
	{ "paging", "an address space of our own, W^X", paging_init },
	{ "lapic", "the local APIC is ours", lapic_setup },
	{ "virtualization", "guests can run", choose_virtualization },
	{ "root", "its partition, its memory less ours", root_create },
	{ "loader", "the root's, in the root's memory", root_load },
	{ "time", "how fast the clocks tick", start_clocks },
	{ "smp", "the other CPUs", smp_start_all },
	{ "devices", "what the root may not reach", root_devices_guard },
	{ "vps", "the root's, one a CPU", root_add_vps },
};
enum { FIRST_OF_FINISH = 5 };

static void run_steps(unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < end; i++) {
		log_line("boot %u/%u %s: %s", i + 1, (unsigned int)ARRAY_COUNT(steps),
		         steps[i].name, steps[i].what);
		steps[i].run();
	}
}

void boot_finish(void)
{
	run_steps(FIRST_OF_FINISH, ARRAY_COUNT(steps));
	log_line("boot done, %lu KiB of the reserve left", reserve_left() / 1024);
	log_release_serial();
	smp_release();
}

static void start_first(uint32_t magic, uint32_t info_hpa)
{
	choose_stack_guard();
	log_init();
	log_line("Viridis, a microkernelized hypervisor");
	boot_info_read(magic, info_hpa);
	run_steps(0, FIRST_OF_FINISH);
}

static void start_other(struct cpu *cpu)
{
	paging_enable_protections();
	lapic_init();
	prepare_cpu(cpu);
	smp_join(cpu);
}

void main(struct cpu *cpu, uint32_t magic, uint32_t info_hpa)
{
	traps_init_cpu(cpu);
	if (cpu->index == 0)
		start_first(magic, info_hpa);
	else
		start_other(cpu);
	cpu_loop(cpu);
}
