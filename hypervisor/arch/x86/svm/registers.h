/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's registers in its VMCB, for struct virt_ops. */
#pragma once

#include "hypervisor/arch/x86/svm/svm.h"

void svm_vp_reset(struct vp *vp);
union hv_register_value svm_get_register(const struct vp *vp, uint32_t name);
void svm_set_register(struct vp *vp, uint32_t name, const union hv_register_value *value);
void svm_get_state(const struct vp *vp, struct vp_state *state);
bool svm_write_cr4(struct vp *vp, uint64_t value);
