/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hypervisor/arch/x86/paging.h where frames and pools run in a test: RAM is an array of the test's. */
#ifndef VIRIDIS_X86_PAGING_H
#define VIRIDIS_X86_PAGING_H

#include <stdint.h>

extern uint8_t *fake_ram;

static inline void *frame_map(uint64_t hpa)
{
	return fake_ram + hpa;
}

static inline uint64_t frame_map_hpa(const void *address)
{
	return (uint64_t)((const uint8_t *)address - fake_ram);
}

void frame_map_show(uint64_t pfn);
void *reserve_take(uint64_t bytes);

#endif
