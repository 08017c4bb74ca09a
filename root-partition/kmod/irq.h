/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of a VMM's devices: a table says which message each GSI stands for, and an eventfd that is bound
 * to a GSI sends it, at once and from the writer's context.
 */
#ifndef VIRIDIS_KMOD_IRQ_H
#define VIRIDIS_KMOD_IRQ_H

#include <linux/types.h>

struct viridis_partition;

/* MSHV_SET_MSI_ROUTING, MSHV_IRQFD. Both take the partition's lock. */
long irq_set_routes(struct viridis_partition *partition, const void __user *argument);
long irq_set_eventfd(struct viridis_partition *partition, const void __user *argument);

/* A vp has ended a level interrupt of this vector: resample eventfds are told. Sleepable context. */
void irq_ended(struct viridis_partition *partition, u32 vector);

/* Teardown: nobody else has the partition any more. */
void irq_remove_all(struct viridis_partition *partition);

#endif
