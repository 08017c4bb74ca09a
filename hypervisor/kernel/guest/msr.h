/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMSR and WRMSR of guests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

struct vp;

/* Boot: the MSRs of the machine that the root may read. */
void msr_open_to_root(void);

/* The owner; privileges are checked. False: #GP. */
bool msr_read(struct vp *vp, uint32_t msr, uint64_t *value) MUST_CHECK;
bool msr_write(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;
