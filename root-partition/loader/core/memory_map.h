/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order in the firmware's memory map. */
#ifndef VIRIDIS_LOADER_CORE_MEMORY_MAP_H
#define VIRIDIS_LOADER_CORE_MEMORY_MAP_H

#include "hypervisor/core/boot_info.h"

/* Sort the ranges and drop the empty ones. */
void memory_map_sort(struct boot_info *info);

#endif
