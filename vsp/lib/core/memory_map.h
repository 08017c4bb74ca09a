/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a child's RAM lies: guest physical ranges and their offsets in the one memfd that holds
 * it. The worker writes the map, every provider checks it and looks up in it. PURE.
 *
 * M1 ranges ascend by gpa and do not overlap; M2 gpa, bytes and offset are page multiples, bytes
 * is not 0; M3 no range leaves the file or wraps.
 */
#ifndef VIRIDIS_VSP_MEMORY_MAP_H
#define VIRIDIS_VSP_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define VSP_MAP_RANGES_MAX 8u
#define VSP_LOW_RAM_MAX    UINT64_C(0xc0000000) /* RAM below 4 GiB ends here at the latest */
#define VSP_PC_HOLE        UINT64_C(0xa0000)
#define VSP_PC_HOLE_END    UINT64_C(0x100000)
#define VSP_HIGH_RAM_GPA   UINT64_C(0x100000000) /* the rest of it starts here */

struct vsp_range {
	uint64_t gpa;
	uint64_t bytes;
	uint64_t offset; /* in the memfd */
};
ASSERT_SIZE(struct vsp_range, 24);

struct vsp_map {
	struct vsp_range range[VSP_MAP_RANGES_MAX];
	uint32_t count;
};

/* The layout of a child with `bytes` of RAM (a page multiple, not 0). */
void vsp_map_for_ram(struct vsp_map *map, uint64_t bytes);

/*
 * Of a PC whose RAM lies elsewhere: its ranges in any order, which are sorted in place. Neighbours become one, and what
 * is between 640 KiB and 1 MiB, which a PC's firmware shows as it likes, is left out. False: too many, or they overlap.
 */
bool vsp_map_for_pc(struct vsp_map *map, struct vsp_range *ranges,
                    uint32_t count) MUST_CHECK;

/* M1, M2 and M3 hold for a file of `file_bytes`. */
bool vsp_map_valid(const struct vsp_map *map, uint64_t file_bytes) MUST_CHECK;

/* The file offset of [gpa, gpa + bytes), which must lie wholly within one range. */
bool vsp_map_find(const struct vsp_map *map, uint64_t gpa, uint64_t bytes,
                  uint64_t *offset) MUST_CHECK;

/* The range that the address lies in. */
bool vsp_map_around(const struct vsp_map *map, uint64_t gpa,
                    struct vsp_range *range) MUST_CHECK;

/* Every one of the `count` page numbers is RAM. */
bool vsp_map_pages_valid(const struct vsp_map *map, const uint64_t *pfn,
                         uint32_t count) MUST_CHECK;

#endif
