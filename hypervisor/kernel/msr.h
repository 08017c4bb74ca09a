/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSRs of guests: an allow-list of the architecture's, and the synthetic ones. */
#ifndef VIRIDIS_KERNEL_MSR_H
#define VIRIDIS_KERNEL_MSR_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

struct vp;

enum msr_result { MSR_DONE, MSR_FAULT };

/* The owner; privileges are checked. */
enum msr_result msr_read(struct vp *vp, uint32_t msr, uint64_t *value) MUST_CHECK;
enum msr_result msr_write(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;

/* Without regard to privileges: the parent's side. False: no such MSR, or a bad value. */
bool msr_read_synthetic(const struct vp *vp, uint32_t msr, uint64_t *value) MUST_CHECK;
bool msr_write_synthetic(struct vp *vp, uint32_t msr, uint64_t value) MUST_CHECK;

#endif
