/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's registers by TLFS name: what GET and SET_VP_REGISTERS and the register page see. */
#ifndef VIRIDIS_KERNEL_REGISTERS_H
#define VIRIDIS_KERNEL_REGISTERS_H

#include <stdint.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>
#include <viridis/base/assert.h>

struct vp;

/* The VP is stopped, but for EXPLICIT_SUSPEND and INTERCEPT_SUSPEND, which may be touched any time. */
enum hv_status registers_get(struct vp *vp, uint32_t name,
                             union hv_register_value *value) MUST_CHECK;
enum hv_status registers_set(struct vp *vp, uint32_t name,
                             const union hv_register_value *value) MUST_CHECK;
/* Whether the register can be touched while the VP runs. */
bool registers_is_suspend(uint32_t name);

void registers_fill_page(struct vp *vp);
void registers_load_page(struct vp *vp); /* what the parent marked dirty */

#endif
