/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root partition: how it is made and loaded, and what it may not do to the machine. D3 */
#ifndef VIRIDIS_KERNEL_ROOT_H
#define VIRIDIS_KERNEL_ROOT_H

#include "hypervisor/arch/x86/virt.h"

/* Boot: the partition, its memory map, VP 0. */
void root_create(void);

/* Boot: its loader, and the state in which VP 0 enters it. */
void root_load(void);

/* Boot, when the loader has described the machine; boot_finish() is main.c's and calls the others. */
void boot_finish(void);
void root_guard_devices(void);
void root_add_vps(void);

/* Exits of a root's VP. */
void root_io(struct vp *vp, const struct exit_port *exit);
void root_fault(struct vp *vp, const struct exit_fault *exit);

/* The machine ends with it: a message, and a reset or power-off. */
_Noreturn void root_ended(const char *why);

#endif
