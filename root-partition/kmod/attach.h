/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attachments: descriptors by which a process serves the VMBus of a partition that another process owns.
 *
 * A1 An attachment holds a reference to the partition until the owner's descriptor is closed, or its own is. What was
 *    made through it (signals, event flags, message descriptors) ends with it.
 * A2 Whoever uses an attachment's partition holds its lock for reading; who takes that away holds it for writing.
 */
#ifndef VIRIDIS_KMOD_ATTACH_H
#define VIRIDIS_KMOD_ATTACH_H

#include "abi.h"
#include <linux/types.h>

struct viridis_partition;

/* VIRIDIS_ATTACH: a descriptor or a negative errno. */
long attach_create(void __user *argument);

/* The owner's descriptor is closed: every attachment ends. */
void attach_end_all(struct viridis_partition *partition);

/*
 * Around the call by which its owner says whether account is kept of what is written to the partition's memory: it is as
 * it was if that was not done. What attachments write cannot be in the account, so that there are none meanwhile: EBUSY,
 * and then there is nothing to end.
 */
int attach_track_begin(struct viridis_partition *partition, bool on);
void attach_track_end(struct viridis_partition *partition, bool on, bool done);

#endif
