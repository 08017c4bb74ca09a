/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest keeps for each of its virtual processors; found through GS:0. */
#ifndef VSC_LIB_VP_H
#define VSC_LIB_VP_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/bits.h>
#include "vsc/lib/image.h"

#define VP_MAX 64

struct task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_base;
} __attribute__((packed));

struct vp {
	struct vp *self;
	unsigned int index; /* ours, dense from 0; not the hypervisor's VP index */
	uint32_t apic_id;
	bool online;          /* atomic: set by the VP, read by the first one */
	bool x2apic;          /* the mode the VP's local APIC is in */
	void (*work)(void *); /* atomic: set by smp_run, cleared when done */
	void *work_argument;
	volatile uint32_t
		interrupts[256]; /* deliveries by vector; written by the owner only */
	uint64_t gdt[8];
	struct task_state tss;
	uint8_t trap_stack[STACK_BYTES] __attribute__((aligned(16)));
	uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
	/* The blocks of its hypercalls: each lies in one page. TLFS 3.8 */
	uint8_t hypercall_input[PAGE_4K] __attribute__((aligned(PAGE_4K)));
	uint8_t hypercall_output[PAGE_4K] __attribute__((aligned(PAGE_4K)));
};

static inline struct vp *this_vp(void)
{
	struct vp *vp;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(vp));
	return vp;
}

#endif
