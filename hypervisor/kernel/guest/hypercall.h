/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls: the gate (hypercall.c) and the handlers by group (hc_*.c). TLFS 3. hypercalls.def is the one
 * list of them.
 *
 * The gate decodes and checks the control word, the privilege and the blocks, copies the input into
 * a private page, and zeroes the output. A handler sees one rep at a time, or the whole of a simple call,
 * and returns a status; it checks everything before it changes anything. It runs on the caller's CPU,
 * interrupts off, between two quiescent points: partitions and VPs that it finds stay whole.
 */
#pragma once

#include "hypervisor/arch/x86/virt.h"
#include "hypervisor/core/hypercall_control.h"

/* Whom the call is about: the input begins with a partition's id, then has a VP's index. */
enum hypercall_target {
	TARGET_NONE,       /* the handler's business */
	TARGET_FAMILY,     /* the caller's partition or a child of it */
	TARGET_CHILD,      /* a child */
	TARGET_VP,         /* a child's VP */
	TARGET_STOPPED_VP, /* the same, suspended and off its CPU */
};

struct hypercall {
	struct vp *vp;               /* the caller */
	struct partition *partition; /* the caller's */
	struct partition *target;    /* NULL: TARGET_NONE */
	struct vp *target_vp;        /* NULL: the target is no VP */
	const void *input;           /* private copy of the fixed part */
	void *output;                /* in a page; zeroed; copied out on success */
	/* Rep calls: this rep's element, and which one it is. After the last one, how many were done. */
	const void *rep_input;
	void *rep_output;
	uint16_t rep;
	struct hypercall_control control; /* checked */
	/* The control word; where input and output are, or the input of a fast call itself. */
	uint64_t words[3];
	/*
	 * Set by a handler that must wait for another CPU, with everything as it was: the caller goes
	 * on at the same instruction, and the call is made again. The status is not looked at. D10
	 */
	bool again;
	bool claimed; /* target_vp, for this call alone */
	/* Set by a handler that removes translations or objects, at its first rep already: EPOCH-2, epoch.h. */
	bool settle;
};

/*
 * The guest's hypercall, from ring 0 of protected mode. False: it is to be made again, or the guest has not
 * enabled hypercalls. TLFS 3.7
 */
bool hypercall_handle(struct vp *vp) MUST_CHECK;

#define HC(code, name, ...) enum hv_status hc_##name(struct hypercall *call);
#include "hypervisor/kernel/guest/hypercalls.def"
#undef HC

/* The caller's partition (SELF, too) or a child of it; else a status. */
enum hv_status hypercall_partition(const struct hypercall *call, uint64_t id,
                                   struct partition **out) MUST_CHECK;

/*
 * The target VP has to be stopped, and is this call's alone until it ends or releases it (VP-1). One that is
 * suspended but still on a CPU is kicked, and call->again is set: the caller looks at both.
 */
enum hv_status hypercall_stop_vp(struct hypercall *call) MUST_CHECK;
void hypercall_release_vp(struct hypercall *call);
