/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vp's write to an address or a port that only signals an eventfd: its VMM need not hear of it. */
#ifndef VIRIDIS_KMOD_IOEVENTFD_H
#define VIRIDIS_KMOD_IOEVENTFD_H

#include <linux/types.h>

struct viridis_partition;

/* MSHV_IOEVENTFD. Takes the partition's lock. */
long ioeventfd_set(struct viridis_partition *partition, const void __user *argument);

/* Whether a write there may signal one: worth decoding it. */
bool ioeventfd_is_at(const struct viridis_partition *partition, bool port, u64 address);
/* Of `bytes` bytes. True: one was signalled, and the write is done. */
bool ioeventfd_signal(const struct viridis_partition *partition, bool port, u64 address,
                      u32 bytes, u64 value);

/* Teardown: nobody else has the partition any more. */
void ioeventfd_remove_all(struct viridis_partition *partition);

#endif
