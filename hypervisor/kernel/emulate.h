/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carrying out an instruction that touched a page the hypervisor models: the virtual APIC's page, and
 * the root's IOAPICs. Everything else is left to the parent.
 */
#ifndef VIRIDIS_KERNEL_EMULATE_H
#define VIRIDIS_KERNEL_EMULATE_H

#include <stdint.h>

struct vp;

struct emulated_page {
	uint64_t (*read)(struct vp *vp, uint64_t gpa, unsigned int bytes);
	void (*write)(struct vp *vp, uint64_t gpa, unsigned int bytes, uint64_t value);
};

/* The instruction at RIP faulted at `gpa`. What we cannot decode raises #UD in the guest. */
void emulate_access(struct vp *vp, uint64_t gpa, const struct emulated_page *page);

#endif
