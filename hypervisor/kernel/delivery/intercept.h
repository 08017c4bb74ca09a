/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intercepts: a child does what its parent has to answer. The message goes into the VP's intercept page,
 * the VP stops with INTERCEPT_SUSPEND set, and exactly one OPAQUE_INTERCEPT message is queued for SINT0
 * of a VP of the parent, on a node inside the child's VP: never lost, never allocated. D10. A parent that
 * watches the page gets no message (abi/viridis_intercept.h).
 */
#pragma once

#include "hypervisor/arch/x86/virt.h"

struct cpuid_regs;

/* The event whose delivery is to be done again, as HV_REGISTER_PENDING_INTERRUPTION. */
uint64_t intercept_pending_event(const struct vp *vp);

/* The owner of a child's VP. */
void intercept_io(struct vp *vp, const struct exit_port *exit);
void intercept_cpuid(struct vp *vp, const struct cpuid_regs *regs);
void intercept_msr_write(struct vp *vp, uint32_t msr, uint64_t value);
void intercept_memory(struct vp *vp, const struct exit_fault *exit);
void intercept_triple_fault(struct vp *vp);
void intercept_apic_eoi(struct vp *vp, uint8_t vector);
void intercept_sint_deliverable(struct vp *vp, uint16_t sints);
void intercept_interrupt_deliverable(struct vp *vp);
