/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of a VP; its state in one piece: local APIC, XSAVE, message and flag pages, synthetic timers. */
#ifndef VIRIDIS_KMOD_VP_STATE_H
#define VIRIDIS_KMOD_VP_STATE_H

#include "abi.h"
#include "hypercall.h"
#include <linux/types.h>

struct viridis_partition;
struct viridis_vp;

/* SET_VP_REGISTERS, of `count` of them at once. */
enum hv_status vp_state_set(const struct viridis_vp *vp,
                            const struct hv_register_assoc *registers, u16 count);

/* As INTERCEPT_SUSPEND 0 by vp_state_set(): what is marked in the register page is taken, and the vp goes on. */
enum hv_status vp_state_resume(const struct viridis_vp *vp);

/* MSHV_GET/SET_VP_STATE; code: HVCALL_GET_VP_STATE or HVCALL_SET_VP_STATE */
long vp_state_transfer(struct viridis_vp *vp, void __user *argument, u16 code);

/* Whether a list that SET_VP_REGISTERS has set says that the guest is gone: a VMM resets its machine so. */
bool vp_state_ends_guest(const struct hv_register_assoc *registers, unsigned int count);
/*
 * SynIC, synthetic timers and assist page of every vp of the partition that stands, as a VP has them at first; of `vp`
 * itself what the list has not set.
 */
void vp_state_clear_synthetic(const struct viridis_vp *vp,
                              const struct hv_register_assoc *set, unsigned int count);

#endif
