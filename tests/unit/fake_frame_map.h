/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before all else where frames and pools run in a test: RAM is an array of the test's, not the frame map. */
#ifndef VIRIDIS_UNIT_FAKE_FRAME_MAP_H
#define VIRIDIS_UNIT_FAKE_FRAME_MAP_H

#define frame_map     paging_frame_map
#define frame_map_hpa paging_frame_map_hpa
#include "hypervisor/arch/x86/paging.h"
#undef frame_map
#undef frame_map_hpa

extern uint8_t *fake_ram;

static inline void *frame_map(uint64_t hpa)
{
	return fake_ram + hpa;
}

static inline uint64_t frame_map_hpa(const void *address)
{
	return (uint64_t)((const uint8_t *)address - fake_ram);
}

#endif
