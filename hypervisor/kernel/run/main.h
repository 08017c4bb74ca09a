/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot, in its order. */
#pragma once

/* Its second part, when the root's loader has described the machine. */
void boot_finish(void);
