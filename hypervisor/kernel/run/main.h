/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot, in its order. */
#ifndef VIRIDIS_KERNEL_MAIN_H
#define VIRIDIS_KERNEL_MAIN_H

/* Its second part, when the root's loader has described the machine. */
void boot_finish(void);

#endif
