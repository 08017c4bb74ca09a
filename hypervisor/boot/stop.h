/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a boot, where there is no log yet. */
#ifndef VIRIDIS_BOOT_STOP_H
#define VIRIDIS_BOOT_STOP_H

/* Says who stops and why, on COM1 as the firmware left it and on the debug console; and halts. */
_Noreturn void boot_stop(const char *who, const char *why);

#endif
