/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partition properties that are answered here, or said to the hypervisor in its own words. */
#ifndef VIRIDIS_KMOD_PROPERTY_H
#define VIRIDIS_KMOD_PROPERTY_H

#include <linux/types.h>

struct viridis_partition;

/*
 * What the processor has for guests, by bank, less what the partition was created without (NULL: the root). False: not
 * one of the banks.
 */
bool property_get(const struct viridis_partition *partition, u32 code, u64 *value);

/*
 * Before a property is set. SYNTHETIC_FEATURES are privileges by other numbers: the block becomes one that the hypervisor
 * knows. Writes are not tracked beside attachments: EBUSY. After a 0 the hypervisor is asked, and property_done() told of
 * the same block whether it has set the property.
 */
int property_prepare(struct viridis_partition *partition, u8 *input);
void property_done(struct viridis_partition *partition, const u8 *input, bool done);

#endif
