/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and connections of partitions at work. The checks: core/ports.h. TLFS 11.10, D5
 *
 * A parent makes both ends, for itself and its children; a partition may be connected to itself.
 *
 * PORTS-1 An object is found, used and freed under the ports lock. A connection leads to its port until that is
 *    deleted, and then nowhere: a port made anew with the same id is another.
 * PORTS-2 The queue of a message port changes under the messages lock of the VP its source is linked to, or
 *    is being linked to under the ports lock.
 * PORTS-3 The memory of an object is the deposit of the partition on whose list it is.
 */
#pragma once

#include "hypervisor/core/ports.h"

struct partition;

/* Makes an object like `model`, the owner's. A connection is led to its port, which must exist and allow it. */
enum hv_status ports_add(struct partition *owner, struct port *model) MUST_CHECK;
enum hv_status ports_remove(struct partition *owner, enum ports_kind kind,
                            uint32_t id) MUST_CHECK;

/*
 * Remove all ports and connections of a partition that is ending, a bounded piece at a time; true when all are
 * gone. No new ones come.
 */
bool ports_destroy(struct partition *partition) MUST_CHECK;

/* Through a connection of `from`: a message, or with NULL the event of that flag. */
enum hv_status ports_send(struct partition *from, uint32_t connection_id,
                          struct hv_message *message, uint16_t flag_number) MUST_CHECK;
