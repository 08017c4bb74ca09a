/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GDT, TSS and IDT of a VP; dispatch of exceptions and interrupts. */
#include "vsc/lib/trap.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/try.h"
#include "vsc/lib/vp.h"

#define GDT_CODE64      UINT64_C(0x00af9b000000ffff)
#define GDT_DATA        UINT64_C(0x00cf93000000ffff)
#define GDT_USER_DATA   UINT64_C(0x00cff3000000ffff)
#define GDT_USER_CODE64 UINT64_C(0x00affb000000ffff)
#define GDT_TSS_TYPE    UINT64_C(0x0000890000000000)
#define SELECTOR_TSS    0x30
#define GATE_INTERRUPT  0x8e00u /* present, DPL 0, 64-bit interrupt gate. APM2 4.8.4 */
#define STUB_BYTES      16u

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

extern const uint8_t trap_stubs[];

static struct gate idt[256];
static trap_handler handlers[256];

void trap_dispatch(struct trap_frame *frame);

static void fill_idt(void)
{
	for (unsigned int vector = 0; vector < 256; vector++) {
		uint64_t stub = (uint64_t)trap_stubs + vector * STUB_BYTES;

		idt[vector] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = SELECTOR_CODE64,
			.attributes = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
}

static void fill_gdt(struct vp *vp)
{
	uint64_t tss = (uint64_t)&vp->tss;

	vp->tss.rsp[0] = (uint64_t)vp->trap_stack + STACK_BYTES;
	vp->tss.io_map_base = sizeof(vp->tss);
	vp->gdt[2] = GDT_CODE64;
	vp->gdt[3] = GDT_DATA;
	vp->gdt[4] = GDT_USER_DATA;
	vp->gdt[5] = GDT_USER_CODE64;
	vp->gdt[6] = GDT_TSS_TYPE | (sizeof(vp->tss) - 1) | bits_get(tss, 0, 24) << 16 |
	             bits_get(tss, 24, 8) << 56;
	vp->gdt[7] = tss >> 32;
}

static void load_segments(void)
{
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:\n\t"
	                 "movl %1, %%eax; movl %%eax, %%ds; movl %%eax, %%es\n\t"
	                 "movl %%eax, %%ss; movl %%eax, %%fs; movl %%eax, %%gs"
	                 :
	                 : "i"(SELECTOR_CODE64), "i"(SELECTOR_DATA)
	                 : "rax", "memory");
}

void trap_init_vp(struct vp *vp)
{
	struct table_pointer gdt_pointer = { sizeof(vp->gdt) - 1, (uint64_t)vp->gdt };
	struct table_pointer idt_pointer = { sizeof(idt) - 1, (uint64_t)idt };

	fill_idt(); /* the same bytes on every VP */
	fill_gdt(vp);
	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
	load_segments();
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
	vp->self = vp;
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)vp);
}

void trap_set_handler(unsigned int vector, trap_handler handler)
{
	__atomic_store_n(&handlers[vector], handler, __ATOMIC_RELEASE);
}

static void give_up(const struct trap_frame *frame)
{
	bail_out("vp %u: exception %lu, error %lx, rip image+%lx, cr2 %lx, rsp %lx",
	         this_vp()->index, frame->vector, frame->error,
	         frame->rip - (uint64_t)image_base(), cpu_read_cr2(), frame->rsp);
}

void trap_dispatch(struct trap_frame *frame)
{
	unsigned int vector = (unsigned int)frame->vector;
	trap_handler handler = __atomic_load_n(&handlers[vector], __ATOMIC_ACQUIRE);

	this_vp()->interrupts[vector]++;
	if (handler)
		handler(frame);
	else if (vector >= TRAP_FIRST_INTERRUPT)
		apic_eoi();
	else if (!try_fix(frame))
		give_up(frame);
}
