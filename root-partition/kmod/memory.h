/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child's memory: pages of a process in the root, pinned, and mapped into the child. */
#ifndef VIRIDIS_KMOD_MEMORY_H
#define VIRIDIS_KMOD_MEMORY_H

#include "abi.h"
#include <linux/types.h>

struct viridis_partition;

/* MSHV_SET_GUEST_MEMORY. Takes the partition's lock. */
long memory_set(struct viridis_partition *partition, const void __user *argument);

/*
 * Between the child's memory and ours, a page at most; all bytes or none. The partition's lock is held. Other than
 * HV_TRANSLATE_SUCCESS: there is none, or the child may not write it.
 */
enum hv_translate_code memory_copy_locked(struct viridis_partition *partition, u64 gpa,
                                          void *ours, size_t bytes, bool write);

/* Whether the child has memory there. The partition's lock is held. */
bool memory_is_locked(struct viridis_partition *partition, u64 gpa);

/* VIRIDIS_ATTACHED_MEMORY: a descriptor or a negative errno. Takes the partition's lock. */
long memory_show(struct viridis_partition *partition, void __user *argument);

/* Teardown. Unmaps every region; those the hypervisor lets go of are unpinned. */
void memory_unmap_all(struct viridis_partition *partition);

/* After DELETE has succeeded, and with it every mapping gone: unpins what is left. */
void memory_release_all(struct viridis_partition *partition);

#endif
