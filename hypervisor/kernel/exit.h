/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exit leads to. */
#ifndef VIRIDIS_KERNEL_EXIT_H
#define VIRIDIS_KERNEL_EXIT_H

#include "hypervisor/arch/x86/virt.h"

/* The owner, after vp_after_exit(). */
void exit_handle(struct vp *vp, const struct vp_exit *exit);

#endif
