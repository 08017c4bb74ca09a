/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at the hypervisor: its log, its traces, its counters, and what it has of our memory. */
#ifndef VIRIDIS_KMOD_STATS_H
#define VIRIDIS_KMOD_STATS_H

#include <linux/types.h>

/* VIRIDIS_GET_STATS; partition_id, unless NULL, goes over the one in the block. */
long stats_get(void __user *argument, const u64 *partition_id);

/* VIRIDIS_READ_LOG, VIRIDIS_READ_TRACE: object is VIRIDIS_STATS_LOG or VIRIDIS_STATS_TRACE. */
long stats_read(void __user *argument, u32 object);

/* VIRIDIS_INFO */
long stats_info(void __user *argument);

#endif
