/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VP's registers by TLFS name, as GET and SET_VP_REGISTERS and the register page see them
 * (registers.c); what the guest itself sees of CPUID (cpuid.c) and of MSRs (msr.c).
 */
#ifndef VIRIDIS_KERNEL_REGISTERS_H
#define VIRIDIS_KERNEL_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/assert.h>

struct cpuid_regs;
struct vp;

/* The VP is stopped, but for EXPLICIT_SUSPEND and INTERCEPT_SUSPEND, which may be touched any time. */
enum hv_status registers_get(struct vp *vp, uint32_t name,
                             union hv_register_value *value) MUST_CHECK;
enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value) MUST_CHECK;
/* What the register sets in vp->suspend, which can be touched while the VP runs; 0: another register. */
uint32_t registers_suspend_bit(uint32_t name);

void registers_load_page(struct vp *vp); /* what the parent marked dirty */

/* True: this is what the parent, who answers instead, is told. */
bool cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs);

/* The owner; privileges are checked. False: #GP. */
bool msr_read(struct vp *vp, uint32_t msr, uint64_t *value) MUST_CHECK;
bool msr_write(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;

/* Boot: the MSRs of the machine that the root may read. */
void msr_open_to_root(void);

/* One of the synthetic MSRs, without regard to privileges: the parent's side. False: a bad value. */
uint64_t msr_synthetic(const struct vp *vp, uint32_t msr);
bool msr_write_synthetic(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;

#endif
