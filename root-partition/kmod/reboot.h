/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the root's kernel: reset, power-off, or another kernel (kexec). */
#ifndef VIRIDIS_KMOD_REBOOT_H
#define VIRIDIS_KMOD_REBOOT_H

int reboot_init(void);
void reboot_exit(void);

#endif
