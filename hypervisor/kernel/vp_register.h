/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A register that every VP has, by name: control and segment registers, EFER. */
#ifndef VIRIDIS_KERNEL_VP_REGISTER_H
#define VIRIDIS_KERNEL_VP_REGISTER_H

#include "hypervisor/arch/x86/virt.h"

static inline union hv_register_value vp_register(const struct vp *vp, uint32_t name)
{
	union hv_register_value value = { 0 };

	(void)virt->get_register(vp, name,
	                         &value); /* these names are known to every vendor */
	return value;
}

#endif
