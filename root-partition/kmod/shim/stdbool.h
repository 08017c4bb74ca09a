/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel has no <stdbool.h>; our ABI headers want its names. */
#include <linux/stddef.h>
#include <linux/types.h>
