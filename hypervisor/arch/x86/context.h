/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers that guests keep across exits because the hypervisor does not use them: x87, SSE and AVX,
 * XCR0, DR0-DR3, TSC_AUX, SPEC_CTRL. They are moved when a CPU changes VPs, not at each exit.
 */
#pragma once

#include "hypervisor/core/speculation.h"

/* What a guest may have in XCR0 beside x87 and SSE, which fill the base. SDM1 13.4 */
#define XCR0_AVX         UINT64_C(4)
#define XSAVE_BASE_BYTES 576u

struct cpu;
struct vp;

/*
 * Boot: which bits a VP may have in these registers, by what the processor has and guests are shown of it:
 * any other is #GP, and never comes to an entry that is refused. 0: there is no such register.
 */
void context_init(void);
extern uint64_t context_xcr0_allowed, context_cr3_allowed, context_cr4_allowed,
	context_efer_allowed, context_tsc_aux_allowed, context_spec_ctrl_allowed;
extern bool context_pred_cmd_allowed;
extern unsigned int context_speculation; /* what is in force: core/speculation.h */

/* Whether the processor takes it in XCR0. APM4 XSETBV */
bool context_xcr0_is_valid(uint64_t value);

/* A fresh VP's area and XCR0. */
void context_reset(struct vp *vp);

/* After a parent wrote to the legacy area: nothing in it may make XRSTOR fault. */
void context_sanitize(struct vp *vp);

/* False: XRSTOR would fault on it, or it has components that a VP may not have. */
bool context_set_area(struct vp *vp, const void *image);

/* Boot, on each CPU, after context_init(): what is set for good. */
void context_cpu_on(void);

/* Of the VP that leaves this CPU; then of the next one. */
void context_save(struct vp *vp);
void context_load(struct cpu *cpu, struct vp *vp);
