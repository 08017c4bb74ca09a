/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections at work. The tables and checks: core/ports.h. TLFS 11.10, D5
 *
 * O1 An object is found, used and freed under the ports lock of the partition whose table
 *    it is in. No two of these locks are held at once: a sender copies its connection,
 *    lets go, and then looks up the port. A port that has gone since, or is another's
 *    now, is no connection.
 * O2 The queue of a message port changes under the messages lock of the VP its source is
 *    linked to, or is being linked to under the ports lock.
 * O3 The memory of an object is the deposit of the partition whose table it is in.
 */
#ifndef VIRIDIS_KERNEL_PORTS_H
#define VIRIDIS_KERNEL_PORTS_H

#include <stdbool.h>
#include <viridis/base/assert.h>

struct partition;
struct vp;

/*
 * Remove everything in the partition's table, a bounded piece at a time; true when all is gone. From the
 * first call on nothing new is made in it.
 */
bool ports_destroy(struct partition *partition) MUST_CHECK;

/* No port is linked to the VP any more: before it is freed, when nobody can find it. */
void ports_forget_vp(struct vp *vp);

#endif
