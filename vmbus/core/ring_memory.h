/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic on a ring's indexes, shared by its two ends. R1, R2: see ring.h. */
#ifndef VIRIDIS_VMBUS_CORE_RING_MEMORY_H
#define VIRIDIS_VMBUS_CORE_RING_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/bits.h>
#include "vmbus/core/ring.h"

#define RING_DESCRIPTOR_BYTES ((uint32_t)sizeof(struct vmbus_packet_descriptor))

static inline bool ring_memory_ok(const struct ring_memory *memory)
{
	return memory->control && memory->data &&
	       memory->data_bytes >= RING_DATA_BYTES_MIN &&
	       memory->data_bytes <= RING_DATA_BYTES_MAX &&
	       is_aligned(memory->data_bytes, VMBUS_PAGE_BYTES);
}

/* R1 */
static inline bool ring_index_ok(const struct ring_memory *memory, uint32_t index)
{
	return index < memory->data_bytes && is_aligned(index, 8);
}

/* length <= data_bytes <= 1 GiB, so the sum does not wrap. */
static inline uint32_t ring_index_after(const struct ring_memory *memory, uint32_t index,
                                        uint32_t length)
{
	uint32_t sum = index + length;

	return sum < memory->data_bytes ? sum : sum - memory->data_bytes;
}

/* Bytes from `from` up to `to`; equal means none. R2 */
static inline uint32_t ring_index_distance(const struct ring_memory *memory,
                                           uint32_t from, uint32_t to)
{
	return to >= from ? to - from : memory->data_bytes - (from - to);
}

static inline uint32_t ring_free_bytes(const struct ring_memory *memory, uint32_t write,
                                       uint32_t read)
{
	return memory->data_bytes - ring_index_distance(memory, read, write);
}

#endif
