/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests see of CPUID. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpuid_regs;
struct vp;

/* True: this is what the parent, who answers instead, is told. */
bool cpuid_for_guest(const struct vp *vp, uint32_t leaf, uint32_t subleaf,
                     struct cpuid_regs *regs);
