/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event flags and eventfds: from the child to the root (signals), and back (eventfd flags). */
#ifndef VIRIDIS_KMOD_EVENT_H
#define VIRIDIS_KMOD_EVENT_H

#include <linux/types.h>

struct viridis_partition;

/*
 * VIRIDIS_SIGNAL_EVENTFD, VIRIDIS_EVENTFD_FLAG. Both take the partition's lock. `maker`: the attachment, NULL for the
 * owner; nobody sees or ends what another made.
 */
long event_signal_set(struct viridis_partition *partition, const void *maker,
                      const void __user *argument);
long event_flag_set(struct viridis_partition *partition, const void *maker,
                    const void __user *argument);

/* Takes the partition's lock. */
void event_remove_made_by(struct viridis_partition *partition, const void *maker);

/* In event_flag.c, for that. */
void event_remove_flags_locked(struct viridis_partition *partition, const void *maker);

/* Teardown: nobody else has the partition any more. */
void event_remove_signals(struct viridis_partition *partition);
void event_remove_flags(struct viridis_partition *partition);

#endif
