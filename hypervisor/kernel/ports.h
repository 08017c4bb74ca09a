/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections at work. The tables and checks: core/ports.h. TLFS 11.10, D5
 *
 * O1 An object is found, used and freed under the ports lock of the partition whose table
 *    it is in. No two of these locks are held at once: a sender copies its connection,
 *    lets go, and then looks up the port. A port that has gone since, or is another's
 *    now, is no connection.
 * O2 The queue of a message port changes under the messages lock of the VP its source is
 *    linked to; while it is linked to none, under the ports lock.
 * O3 The memory of an object is the deposit of the partition whose table it is in.
 */
#ifndef VIRIDIS_KERNEL_PORTS_H
#define VIRIDIS_KERNEL_PORTS_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_status.h>
#include "hypervisor/core/ports.h"
#include "hypervisor/kernel/slab.h"

struct partition;
struct vp;

/* Checked, with the ids of partitions resolved; copied. */
enum hv_status port_create(struct partition *owner, const struct port *port) MUST_CHECK;
enum hv_status port_delete(struct partition *owner, uint32_t port_id) MUST_CHECK;
enum hv_status port_connect(struct partition *from, struct partition *owner,
                            const struct connection *connection) MUST_CHECK;
enum hv_status port_disconnect(struct partition *from, uint32_t connection_id) MUST_CHECK;

/* Through a connection of `from`'s; checked input. */
enum hv_status port_post(struct partition *from,
                         const struct hv_input_post_message *in) MUST_CHECK;
enum hv_status port_signal(struct partition *from,
                           const struct hv_input_signal_event *in) MUST_CHECK;

/*
 * Remove everything in the partition's table, a bounded piece at a time; true when all
 * is gone.
 */
bool ports_destroy(struct partition *partition) MUST_CHECK;

/* No port is linked to the VP any more: before it is freed, when nobody can find it. */
void ports_forget_vp(struct vp *vp);

#endif
