/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the root may not do to the machine's devices. D3 */
#pragma once

#include "hypervisor/arch/x86/virt.h"

/* Boot, when the loader has described the machine. */
void root_devices_guard(void);

/* Exits of a root's VP: a port that is intercepted, an access that its tables do not allow. */
void root_devices_io(struct vp *vp, const struct exit_port *exit);
void root_devices_fault(struct vp *vp, const struct exit_fault *exit);
