/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's registers: by TLFS name for its parent, by MSR for itself, and in the page that it shares. */
#pragma once

#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>

struct vp;

/* The VP is stopped, but for EXPLICIT_SUSPEND and INTERCEPT_SUSPEND, which may be touched any time. */
enum hv_status registers_get(struct vp *vp, uint32_t name,
                             union hv_register_value *value) MUST_CHECK;
enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value) MUST_CHECK;
/* What the register sets in vp->suspend, which can be touched while the VP runs; 0: another register. */
uint32_t registers_suspend_bit(uint32_t name);

/* The owner. False: no register of a VP is that MSR, or it is not open to the VP, or a bad value. */
bool registers_read_msr(struct vp *vp, uint32_t msr, uint64_t *value) MUST_CHECK;
bool registers_write_msr(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;

/* Whether there is such an MSR at all. */
bool registers_have_msr(uint32_t msr);

void registers_load_page(struct vp *vp); /* what the parent marked dirty */
