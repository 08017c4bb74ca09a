/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exits lead to. A VP's owner; vp->arch.exit says what the exit was. */
#pragma once

#include "hypervisor/kernel/objects/partition.h"

/* After virt->run(): what is still to be done. */
void exit_handle(struct vp *vp);

/*
 * The other functions are for a vendor's run(), while vp->quiet: instructions that may be carried out right behind
 * their exits, as may hypercall_handle(). gpr[] is up to date, but RSP. True: done, RIP is to move on. False: it is
 * not, and run() returns.
 */

bool exit_cpuid(struct vp *vp) MUST_CHECK;

/* WRMSR of EOI, of the x2APIC's registers and of when a timer expires, as Linux sets it whenever it idles. */
bool exit_write_msr(struct vp *vp) MUST_CHECK;

/* RDMSR of the clock, which a guest that has no page for it reads more often than all others. */
static inline bool exit_read_clock(struct vp *vp)
{
	uint64_t *gpr = vp->arch.gpr, now;

	if ((uint32_t)gpr[GPR_RCX] != HV_MSR_TIME_REF_COUNT ||
	    !(vp->partition->privileges & HV_PRIVILEGE_TIME_REF_COUNT))
		return false;
	now = partition_reference_time(vp->partition);
	gpr[GPR_RAX] = (uint32_t)now;
	gpr[GPR_RDX] = now >> 32;
	return true;
}

/* After that: whether the guest may go on, as nothing waits. VP-3: what comes from now on ends the coming run. */
static inline bool exit_goes_on(struct vp *vp, unsigned int stat)
{
	struct cpu *cpu = this_cpu();

	stat_count(vp->stats, stat);
	return --cpu->row_left != 0 &&
	       (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) |
	        __atomic_load_n(&vp->pending, __ATOMIC_RELAXED)) == 0;
}
