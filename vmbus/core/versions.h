/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol versions that both our ends speak, the newest first. */
#ifndef VIRIDIS_VMBUS_CORE_VERSIONS_H
#define VIRIDIS_VMBUS_CORE_VERSIONS_H

#include <stdint.h>
#include <viridis/abi/vmbus.h>

static const uint32_t vmbus_versions[] = {
	VMBUS_VERSION_5_3, VMBUS_VERSION_5_2, VMBUS_VERSION_5_1, VMBUS_VERSION_5_0,
	VMBUS_VERSION_4_1, VMBUS_VERSION_4_0, VMBUS_VERSION_3_0, VMBUS_VERSION_2_4,
};

#endif
