/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end: message, registers, backtrace; every CPU stopped. */
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/arch/x86/layout.h"
#include "hypervisor/core/format.h"
#include "hypervisor/kernel/base/log.h"
#include "hypervisor/kernel/base/percpu.h"

enum { NOBODY = -1, BACKTRACE_MAX = 32 };

static int panic_owner = NOBODY; /* atomic: index of the CPU that panics */

__attribute__((used)) uint64_t __stack_chk_guard; /* main.c chooses it */

void (*panic_describe_vp)(void);

/* The compiler's call, in functions with arrays; link-time optimization sees no caller. */
_Noreturn __attribute__((used)) void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	panic("a stack was overrun");
}

bool panic_in_progress(void)
{
	return __atomic_load_n(&panic_owner, __ATOMIC_ACQUIRE) != NOBODY;
}

void panic_stop(void)
{
	for (;;) {
		cpu_cli();
		cpu_hlt();
	}
}

/* Only the first to come goes on; the others, and a panic within the panic, stop here. */
static void panic_enter(void)
{
	const struct cpu *cpu = this_cpu();
	int nobody = NOBODY;

	cpu_cli();
	if (!__atomic_compare_exchange_n(&panic_owner, &nobody, (int)cpu->index, false,
	                                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		panic_stop();
	for (unsigned int i = 0; i < cpu_count; i++)
		if (cpus[i] != cpu)
			lapic_send(cpus[i]->apic_id, LAPIC_NMI);
	log_panic_begin();
}

static void show_frame(const struct trap_frame *frame)
{
	static const char names[][7] = {
		/* as struct trap_frame has them */
		"r15",   "r14", "r13", "r12",    "r11", "r10", "r9",  "r8",
		"rbp",   "rdi", "rsi", "rdx",    "rcx", "rbx", "rax", "vector",
		"error", "rip", "cs",  "rflags", "rsp", "ss",
	};
	const uint64_t *value = (const uint64_t *)frame;

	_Static_assert(sizeof(*frame) == ARRAY_COUNT(names) * 8, "each has a name");
	for (unsigned int i = 0; i < ARRAY_COUNT(names); i += 2)
		log_error("%6s %016lx %6s %016lx", names[i], value[i], names[i + 1],
		          value[i + 1]);
}

/*
 * Follow the frame pointers (-fno-omit-frame-pointer), as long as they lead up this CPU's stack:
 * whatever broke may have broken them too.
 */
static void show_backtrace(uint64_t rbp)
{
	const struct cpu *cpu = this_cpu();

	for (int depth = 0; depth < BACKTRACE_MAX; depth++) {
		if (rbp < cpu->stack_top - CPU_STACK_BYTES || rbp > cpu->stack_top - 16 ||
		    !is_aligned(rbp, 8))
			return;
		const uint64_t *frame = (const uint64_t *)rbp;

		log_error("  called from %#lx", frame[1]);
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	static char text[LOG_LINE_BYTES]; /* one panic only: panic_enter saw to it */
	va_list arguments;

	panic_enter();
	va_start(arguments, format);
	/* Cut is good enough. */
	(void)format_text_list(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_error("PANIC on cpu %u (apic %u): %s", this_cpu()->index, this_cpu()->apic_id,
	          text);
	if (frame)
		show_frame(frame);
	log_error("   cr0 %016lx    cr2 %016lx    cr3 %016lx    cr4 %016lx",
	          cpu_read_cr0(), cpu_read_cr2(), cpu_read_cr3(), cpu_read_cr4());
	show_backtrace(frame ? frame->rbp : (uint64_t)__builtin_frame_address(0));
	if (panic_describe_vp)
		panic_describe_vp();
	log_error("all CPUs are stopped");
	panic_stop();
}
