/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot, in its order. boot.S calls main() after the boot stage, in long mode, on the first CPU, interrupts off. */
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/bits.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/descriptors.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/arch/x86/virt.h"
#include "hypervisor/kernel/boot_info.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/panic.h"
#include "hypervisor/kernel/percpu.h"
#include "hypervisor/kernel/root.h"
#include "hypervisor/kernel/run.h"
#include "hypervisor/kernel/sched.h"
#include "hypervisor/kernel/timer_queue.h"
#include "hypervisor/kernel/trace.h"

_Noreturn void main(const struct boot_handoff *from);

const struct virt_ops *virt;

static const struct boot_handoff *handoff;

static void cpu_on(void)
{
	virt->cpu_on();
	context_cpu_on();
}

/* The other CPUs, once the boot is over. */
static void enter_loop(struct cpu *cpu)
{
	cpu_on();
	cpu_loop(cpu);
}

static void take_handoff(void)
{
	boot_take(handoff);
}

static void guard_stacks(void)
{
	descriptors_add_stacks(this_cpu());
}

static void start_lapic(void)
{
	lapic_setup();
	lapic_init();
	this_cpu()->apic_id = lapic_id();
	log_line("lapic: %s mode, id %u", lapic_is_x2apic() ? "x2APIC" : "xAPIC",
	         lapic_id());
}

static void start_cpus(void)
{
	smp_start_all(enter_loop);
}

/* One vendor so far; the others' present() goes here. */
static void choose_virtualization(void)
{
	if (!svm_ops.present())
		panic("this processor has no SVM with nested paging, or the firmware disabled it");
	virt = &svm_ops;
	virt->global_init();
	context_init();
	cpu_on();
	log_line("virtualization: %s", virt->name);
}

static void prepare_cpus(void)
{
	for (unsigned int i = 0; i < cpu_count; i++) {
		cpus[i]->hypercall_input = boot_alloc(PAGE_4K, PAGE_4K);
		cpus[i]->hypercall_output = boot_alloc(PAGE_4K, PAGE_4K);
		trace_init(cpus[i]);
		timer_queue_init(cpus[i]);
	}
	sched_init();
}

static const struct {
	const char *name, *what;
	void (*run)(void);
} steps[] = {
	{ "machine", "as the boot stage found it", take_handoff },
	{ "paging", "an address space of our own, W^X", paging_init },
	{ "stacks", "for NMI, double fault, machine check", guard_stacks },
	{ "lapic", "the local APIC is ours", start_lapic },
	{ "time", "how fast the clocks tick", time_init },
	{ "smp", "the other CPUs", start_cpus },
	{ "cpus", "what each of them needs to run VPs", prepare_cpus },
	{ "virtualization", "guests can run", choose_virtualization },
	{ "root", "its partition, its memory less ours", root_create },
	{ "loader", "the root's, in the root's memory", root_load },
};

void main(const struct boot_handoff *from)
{
	handoff = from;
	smp_init_boot_cpu();
	log_init();
	log_line("Viridis, a microkernelized hypervisor");
	for (unsigned int i = 0; i < ARRAY_COUNT(steps); i++) {
		log_line("boot %u/%u %s: %s", i + 1, (unsigned int)ARRAY_COUNT(steps),
		         steps[i].name, steps[i].what);
		steps[i].run();
	}
	log_line("boot done, %lu KiB of the reserve left", boot_alloc_left() / 1024);
	log_release_serial();
	root_start();
	smp_release();
	cpu_loop(this_cpu());
}
