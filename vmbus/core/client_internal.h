/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client's files share. */
#ifndef VIRIDIS_VMBUS_CORE_CLIENT_INTERNAL_H
#define VIRIDIS_VMBUS_CORE_CLIENT_INTERNAL_H

#include "vmbus/core/client.h"

/* Disconnected: no channels, no GPADLs. */
void client_forget_all(struct client *client);

/* Ask for the version at version_index, or be REFUSED when there is none left. */
enum client_status client_try_version(struct client *client);

#endif
