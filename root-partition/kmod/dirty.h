/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages a child has written, for a VMM that moves or saves it while it runs. */
#ifndef VIRIDIS_KMOD_DIRTY_H
#define VIRIDIS_KMOD_DIRTY_H

#include <linux/types.h>

struct viridis_partition;

/* MSHV_GET_GPAP_ACCESS_BITMAP */
long dirty_get_bitmap(struct viridis_partition *partition, const void __user *argument);

#endif
