/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest sees of CPUID. */
#ifndef VIRIDIS_KERNEL_CPUID_H
#define VIRIDIS_KERNEL_CPUID_H

#include <stdint.h>
#include "hypervisor/arch/x86/cpu.h"

struct vp;

void cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs);

#endif
