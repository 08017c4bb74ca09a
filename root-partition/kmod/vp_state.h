/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of a VP in one piece: local APIC, XSAVE, message and flag pages, synthetic timers. */
#ifndef VIRIDIS_KMOD_VP_STATE_H
#define VIRIDIS_KMOD_VP_STATE_H

#include "abi.h"
#include <linux/types.h>

struct viridis_vp;

/* MSHV_GET/SET_VP_STATE; code: HVCALL_GET_VP_STATE or HVCALL_SET_VP_STATE */
long vp_state_transfer(struct viridis_vp *vp, void __user *argument, u16 code);

#endif
