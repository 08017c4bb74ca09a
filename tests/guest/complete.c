/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that a hypervisor or a parent carries out are whole ones: each is a single step under TF,
 * the shadow of an STI ends with it, and so does the flag RF that passed it over a breakpoint. APM2 13.1
 */
#include "tests/guest/groups.h"

#include <stddef.h>
#include <viridis/base/bits.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/vp.h"

#define IOAPIC_GPA   UINT64_C(0xfec00000)
#define PORT_POST    0x80 /* of a PC: nothing comes of what is written */
#define VECTOR       0x61
#define STEPS_MOST   24u
#define DR6_RESET    UINT64_C(0xffff0ff0)
#define DR6_REASONS  UINT64_C(0xe00f)
#define DR6_STEP     BIT64(14)
#define DR7_RESET    UINT64_C(0x400)
#define DR7_CODE_0_1 (DR7_RESET | BIT64(1) | BIT64(3))
#define RFLAGS_RF    BIT64(16)

static volatile struct {
	unsigned int count;
	uint64_t rip[STEPS_MOST];
	unsigned int other_reasons; /* than a single step */
} seen;

static void on_debug(struct trap_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0; movq %1, %%dr6" : "=&r"(dr6) : "r"(DR6_RESET));
	if (seen.count < STEPS_MOST)
		seen.rip[seen.count] = frame->rip;
	seen.count++;
	seen.other_reasons += (dr6 & DR6_REASONS) != DR6_STEP;
	frame->rflags |= RFLAGS_RF; /* over a breakpoint on code */
}

#define TF_ON  "pushfq; orl $0x100, (%%rsp); popfq; nop\n\t"
#define TF_OFF "pushfq; andl $~0x100, (%%rsp); popfq\n\t"

/* What follows TF_ON and its NOP, and what each of the steps adds to RIP. */
static void check_steps(const uint8_t *lengths, unsigned int count, const char *what)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < count; i++)
		wrong += seen.rip[i + 1] - seen.rip[i] != lengths[i];
	ok(wrong == 0 && seen.count == count + 4, "%s are single steps", what);
	if (wrong || seen.count != count + 4)
		for (unsigned int i = 0; i < seen.count && i < STEPS_MOST; i++)
			note("step %u of %u: rip %lx", i, seen.count, seen.rip[i]);
	ok_equal(seen.other_reasons, 0, "DR6 says so");
	seen.count = seen.other_reasons = 0;
}

static void steps_on_ports(void)
{
	static const uint8_t lengths[] = { 1, 1, 2, 1, 1 };
	uint8_t byte = 0;
	void *source = &byte, *target = &byte;

	__asm__ volatile(TF_ON "outb %%al, %%dx\n\t"
	                       "inb %%dx, %%al\n\t"
	                       "inb $0x80, %%al\n\t"
	                       "outsb\n\t"
	                       "insb\n\t" TF_OFF
	                 : "+S"(source), "+D"(target)
	                 : "d"(PORT_POST)
	                 : "rax", "memory", "cc");
	check_steps(lengths, ARRAY_COUNT(lengths), "accesses to a port");
}

/* Each element is one; QEMU's processor makes another one of finding that none is left. */
static void steps_of_a_repeat(void)
{
	static const uint8_t lengths[] = { 0, 0, 2 }, of_qemu[] = { 0, 0, 0, 2 };
	bool is_qemu;
	uint8_t bytes[3] = { 0 };
	void *source = bytes;
	uint64_t count = sizeof(bytes);

	__asm__ volatile(TF_ON "rep outsb\n\t" TF_OFF
	                 : "+S"(source), "+c"(count)
	                 : "d"(PORT_POST)
	                 : "memory", "cc");
	is_qemu = seen.count == ARRAY_COUNT(of_qemu) + 4;
	check_steps(is_qemu ? of_qemu : lengths,
	            is_qemu ? ARRAY_COUNT(of_qemu) : ARRAY_COUNT(lengths),
	            "the elements of a REP OUTSB");
	ok(count == 0 && source == bytes + 3, "which are all there");
}

static void steps_on_memory(void)
{
	static const uint8_t lengths[] = { 2, 2, 1 };
	uint32_t word = 0;
	uint64_t source = IOAPIC_GPA;
	void *target = &word;

	__asm__ volatile(TF_ON "movl (%%rsi), %%eax\n\t"
	                       "movl %%eax, (%%rsi)\n\t"
	                       "movsl\n\t" TF_OFF
	                 : "+S"(source), "+D"(target)
	                 :
	                 : "rax", "memory", "cc");
	check_steps(lengths, ARRAY_COUNT(lengths), "accesses to device memory");
}

static void steps_of_the_processor(void)
{
	static const uint8_t lengths[] = { 2, 5, 2, 2 };

	__asm__ volatile(TF_ON "cpuid\n\t"
	                       "movl %0, %%ecx\n\t"
	                       "rdmsr\n\t"
	                       "wrmsr\n\t" TF_OFF
	                 :
	                 : "i"(MSR_APIC_BASE)
	                 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
	check_steps(lengths, ARRAY_COUNT(lengths), "CPUID, RDMSR and WRMSR");
}

/* STI and CLI with one instruction between them: the interrupt that waits is taken before CLI. */
#define AFTER_SHADOW(name, what, instruction)                                          \
	static void name(void)                                                         \
	{                                                                              \
		const volatile uint32_t *count = &this_vp()->interrupts[VECTOR];       \
		uint32_t before = *count, came;                                        \
		uint8_t bytes[4] = { 0 };                                              \
		void *source = bytes, *target = bytes;                                 \
                                                                                       \
		apic_send(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR);                \
		__asm__ volatile("sti\n\t" instruction "\n\tcli"                       \
		                 : "+S"(source), "+D"(target)                          \
		                 : "a"(0), "b"(IOAPIC_GPA), "c"(0), "d"(PORT_POST)     \
		                 : "memory", "cc");                                    \
		came = *count - before;                                                \
		cpu_take_interrupts();                                                 \
		ok_equal(came, 1, "an interrupt comes between STI, " what " and CLI"); \
	}

AFTER_SHADOW(shadow_of_nop, "NOP", "nop")
AFTER_SHADOW(shadow_of_in, "IN", "inb %%dx, %%al")
AFTER_SHADOW(shadow_of_out, "OUT", "outb %%al, %%dx")
AFTER_SHADOW(shadow_of_ins, "INS", "insb")
AFTER_SHADOW(shadow_of_outs, "OUTS", "outsb")
AFTER_SHADOW(shadow_of_load, "a load", "testl %%eax, (%%rbx)")
AFTER_SHADOW(shadow_of_store, "a store", "movl %%eax, (%%rbx)")

static void shadows(void)
{
	shadow_of_nop();
	shadow_of_in();
	shadow_of_out();
	shadow_of_ins();
	shadow_of_outs();
	shadow_of_load();
	shadow_of_store();
}

/* On an IN and on what follows it: RF, which passes the first, must not pass the second. */
static void breakpoints(void)
{
	uint64_t first, second;

	__asm__ volatile("leaq 1f(%%rip), %0; leaq 2f(%%rip), %1\n\t"
	                 "movq %0, %%dr0; movq %1, %%dr1; movq %3, %%dr7\n"
	                 "1:\tinb %%dx, %%al\n"
	                 "2:\tnop\n\t"
	                 "movq %4, %%dr7"
	                 : "=&r"(first), "=&r"(second)
	                 : "d"(PORT_POST), "r"(DR7_CODE_0_1), "r"(DR7_RESET)
	                 : "rax", "memory");
	ok(seen.count == 2 && seen.rip[0] == first && seen.rip[1] == second,
	   "breakpoints on IN and on its successor are both met");
	seen.count = seen.other_reasons = 0;
}

void group_complete(void)
{
	trap_set_handler(TRAP_DB, on_debug);
	steps_on_ports();
	steps_of_a_repeat();
	steps_on_memory();
	steps_of_the_processor();
	breakpoints();
	trap_set_handler(TRAP_DB, NULL);
	shadows();
}
