/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of the root and a child's connections to them. TLFS 11.10 */
#ifndef VIRIDIS_KMOD_PORT_H
#define VIRIDIS_KMOD_PORT_H

#include "abi.h"
#include <linux/types.h>

struct synic_home;
struct viridis_partition;

/* Opened to the child; paid for by the root's pool. */
int port_create_message(const struct viridis_partition *child, u32 port_id,
                        const struct synic_home *home);
/* `flag`: synic_flag_get_locked(); for any CPU of the root. */
int port_create_event(const struct viridis_partition *child, u32 port_id, u16 flag);
void port_delete(u32 port_id);

/* Paid for by the child's pool. EEXIST: the connection id is in use. */
int port_connect(struct viridis_partition *child, u32 port_type, u32 connection_id,
                 u32 port_id);

/* Any context. */
enum hv_status port_disconnect(u64 child_id, u32 connection_id);
void port_disconnect_or_log(const struct viridis_partition *child, u32 connection_id);

#endif
