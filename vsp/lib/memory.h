/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child's RAM in a process: the memfd mapped whole, and rings mapped page by page. */
#ifndef VIRIDIS_VSP_MEMORY_H
#define VIRIDIS_VSP_MEMORY_H

#include <stdbool.h>

#include "vmbus/core/ring.h"
#include "vsp/lib/core/memory_map.h"

struct vsp_guest_memory {
	struct vsp_map map;
	int fd;
	uint8_t *base; /* offset 0 of the memfd */
	uint64_t bytes;
};

/* Takes the descriptor over if it succeeds. The file must be sealed against resizing. */
bool vsp_guest_memory_init(struct vsp_guest_memory *memory, const struct vsp_map *map,
                           int fd) MUST_CHECK;
void vsp_guest_memory_fini(struct vsp_guest_memory *memory);

/* What of its size is sealed at `fd`, mapped; NULL: it is not, or has another size. The descriptor stays the caller's. */
void *vsp_sealed_map(int fd, uint64_t bytes) MUST_CHECK;

/* [gpa, gpa + bytes) or NULL when it is not all RAM in one range. */
void *vsp_guest_memory_at(const struct vsp_guest_memory *memory, uint64_t gpa,
                          uint64_t bytes);

/* The pages, checked, in a row. NULL: not RAM, no room. */
uint8_t *vsp_pages_map(const struct vsp_guest_memory *memory, const uint64_t *pfn,
                       uint32_t count) MUST_CHECK;
void vsp_pages_unmap(uint8_t *pages, uint64_t bytes);

/* Likewise as a ring: the first holds the control block. False: not RAM, no room. */
bool vsp_ring_map(const struct vsp_guest_memory *memory, const uint64_t *pfn,
                  uint32_t count, struct ring_memory *ring) MUST_CHECK;
void vsp_ring_unmap(struct ring_memory *ring);

#endif
