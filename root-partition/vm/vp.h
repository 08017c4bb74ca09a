/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtual processor and its registers. */
#ifndef VIRIDIS_VM_VP_H
#define VIRIDIS_VM_VP_H

#include <glib.h>
#include <stdbool.h>
#include <viridis/abi/hv_intercept.h>

#include "root-partition/vm/model/decode.h"
#include "root-partition/vm/machine.h"

struct vp {
	struct machine *machine; /* constant */
	struct mshv_vp mshv; /* constant; calls only from the VP's thread while it runs */
	GThread *thread;
	gint thread_id; /* atomic: to send it signals; 0 until it runs */
	gint gone;      /* atomic: the thread makes no more calls */
};

/* What instructions that touch devices need of a processor. */
struct vp_registers {
	uint64_t gpr[DECODE_GPRS]; /* rax rcx rdx rbx rsp rbp rsi rdi r8.. */
	uint64_t rip;
	uint64_t rflags;
	uint64_t segment_base[DECODE_SEGMENTS];
};

/*
 * The VP stands still in an intercept, whose message begins with `header`. False: logged, and the
 * machine ended.
 */
bool vp_load_registers(struct vp *vp, struct vp_registers *registers);
/* GPRs, RIP and RFLAGS; nothing follows from it. */
bool vp_store_registers(struct vp *vp, const struct vp_registers *registers);
/*
 * The same after an instruction was carried out, or an element of one with REP: the shadow of an
 * STI or a MOV to SS before it is over, and it was a single step where TF was set.
 */
bool vp_finish(struct vp *vp, const struct hv_x64_intercept_header *header,
               const struct vp_registers *registers);
/* Likewise, but RIP and, when `rax` is not NULL, RAX alone: the short way for most port accesses. */
bool vp_finish_port(struct vp *vp, const struct hv_x64_intercept_header *header,
                    uint64_t rip, const uint64_t *rax);

/* The VP's next event is this exception (PENDING_INTERRUPTION without the type). */
bool vp_raise(struct vp *vp, uint64_t exception);
#define VP_EXCEPTION(vector) ((uint64_t)(vector) << 16)
#define VP_EXCEPTION_WITH(vector, error)                              \
	(VP_EXCEPTION(vector) | HV_PENDING_INTERRUPTION_ERROR_VALID | \
	 (uint64_t)(error) << 32)

/* How the VP takes its code apart. */
enum decode_mode vp_code_mode(const struct hv_x64_intercept_header *header);
/* RIP after `length` bytes more. */
uint64_t vp_next_rip(const struct hv_x64_intercept_header *header, unsigned int length);

#endif
