/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The producer's end of a ring; R1..R8 are the invariants in ring.h. */
#include "vmbus/core/ring.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/ring_memory.h"

/* Copy into the data from index `at`, around the end; returns the index behind it. */
static inline uint32_t copy_in(const struct ring_memory *memory, uint32_t at,
                               const void *bytes, uint32_t length)
{
	uint32_t first = memory->data_bytes - at; /* at least 1 */

	if (length == 0) /* `bytes` may be no pointer at all */
		return at;
	if (length < first) {
		memcpy(memory->data + at, bytes, length);
		return at + length;
	}
	memcpy(memory->data + at, bytes, first);
	memcpy(memory->data, (const uint8_t *)bytes + first, length - first);
	return length - first;
}

enum ring_status ring_producer_init(struct ring_producer *ring,
                                    const struct ring_memory *memory)
{
	uint32_t write;

	*ring = (struct ring_producer){ .memory = *memory, .corrupt = true };
	if (!ring_memory_ok(memory))
		return RING_INVALID;
	/* Only we write this index, or the predecessor whose place we take: no order. */
	write = __atomic_load_n(&memory->control->write_index, __ATOMIC_RELAXED);
	if (!ring_index_ok(memory, write)) /* R1 */
		return RING_CORRUPT;
	ring->write = write;
	ring->corrupt = false;
	__atomic_store_n(&memory->control->pending_send_bytes, 0, __ATOMIC_RELAXED);
	/* Pairs with the consumer's load in peer_waits(). */
	__atomic_store_n(&memory->control->feature_bits, VMBUS_RING_FEATURE_PENDING_SEND,
	                 __ATOMIC_RELEASE);
	return RING_OK;
}

/* Check the caller's packet and compute its descriptor. */
static enum ring_status describe(const struct ring_packet *packet,
                                 struct vmbus_packet_descriptor *descriptor)
{
	uint64_t header = RING_DESCRIPTOR_BYTES;
	uint64_t length = RING_DESCRIPTOR_BYTES;

	if (packet->header_parts > packet->part_count)
		return RING_INVALID;
	for (unsigned int i = 0; i < packet->part_count; i++) {
		length += packet->parts[i].length;
		if (i < packet->header_parts)
			header += packet->parts[i].length;
	}
	if (!is_aligned(header, 8))
		return RING_INVALID;
	length = round_up(length, 8);
	if (length > VMBUS_PACKET_BYTES_MAX)
		return RING_TOO_LONG;
	*descriptor = (struct vmbus_packet_descriptor){
		.type = (uint16_t)packet->type,
		.header_8bytes = (uint16_t)(header / 8),
		.length_8bytes = (uint16_t)(length / 8),
		.flags = packet->flags,
		.transaction_id = packet->transaction_id,
	};
	return RING_OK;
}

static enum ring_status producer_fits(struct ring_producer *ring, uint32_t need)
{
	/* R4 R5: pairs with the store in the consumer's ring_release(). */
	uint32_t read =
		__atomic_load_n(&ring->memory.control->read_index, __ATOMIC_ACQUIRE);

	if (!ring_index_ok(&ring->memory, read)) { /* R1 */
		ring->corrupt = true;              /* R8 */
		return RING_CORRUPT;
	}
	return need < ring_free_bytes(&ring->memory, ring->write, read) ?
	               RING_OK :
	               RING_FULL; /* R2 */
}

static void set_pending(struct ring_producer *ring, uint32_t bytes)
{
	/* Ordered by the fence in producer_reserve(); clearing it needs no order. */
	__atomic_store_n(&ring->memory.control->pending_send_bytes, bytes,
	                 __ATOMIC_RELAXED);
	ring->pending = bytes != 0;
}

/* Room for `need` bytes, or FULL with the consumer asked to signal. */
static enum ring_status producer_reserve(struct ring_producer *ring, uint32_t need)
{
	enum ring_status status;

	if (need >= ring->memory.data_bytes)
		return RING_TOO_LONG;
	status = producer_fits(ring, need);
	if (status == RING_FULL) {
		set_pending(ring, need);
		/* R6: pairs with the fence in ring_release(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		status = producer_fits(ring, need);
	}
	if (status == RING_OK && ring->pending)
		set_pending(ring, 0);
	return status;
}

/* Descriptor, parts, padding, trailer; returns the index behind them. */
static uint32_t write_packet(const struct ring_memory *memory, uint32_t start,
                             const struct vmbus_packet_descriptor *descriptor,
                             const struct ring_packet *packet)
{
	static const uint8_t zeros[8];
	const uint64_t trailer = (uint64_t)start << 32;
	uint32_t length = RING_DESCRIPTOR_BYTES;
	uint32_t at = copy_in(memory, start, descriptor, RING_DESCRIPTOR_BYTES);

	for (unsigned int i = 0; i < packet->part_count; i++) {
		at = copy_in(memory, at, packet->parts[i].bytes, packet->parts[i].length);
		length += packet->parts[i].length;
	}
	at = copy_in(memory, at, zeros, (uint32_t)round_up(length, 8) - length);
	return copy_in(memory, at, &trailer, sizeof(trailer));
}

static void publish_write(struct ring_producer *ring, uint32_t write, bool *signal)
{
	struct vmbus_ring_control *control = ring->memory.control;
	uint32_t old = ring->write;

	ring->write = write; /* R3 */
	/* R5 R7: pairs with the load in see_write_index(). */
	__atomic_store_n(&control->write_index, write, __ATOMIC_RELEASE);
	/* R6: pairs with the fence in ring_drain_end(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* The mask first: a consumer that unmasks has released its read index before. */
	if (__atomic_load_n(&control->interrupt_mask, __ATOMIC_ACQUIRE) != 0)
		return;
	/* Only a consumer that had taken all there was can be asleep. The index is only
	 * compared: no check, no order. */
	if (__atomic_load_n(&control->read_index, __ATOMIC_RELAXED) == old)
		*signal = true;
}

enum ring_status ring_put(struct ring_producer *ring, const struct ring_packet *packet,
                          bool *signal)
{
	struct vmbus_packet_descriptor descriptor;
	enum ring_status status;

	if (ring->corrupt)
		return RING_CORRUPT;
	status = describe(packet, &descriptor);
	if (status != RING_OK)
		return status;
	status = producer_reserve(ring, descriptor.length_8bytes * 8u +
	                                        VMBUS_PACKET_TRAILER_BYTES);
	if (status != RING_OK)
		return status;
	publish_write(ring, write_packet(&ring->memory, ring->write, &descriptor, packet),
	              signal);
	return RING_OK;
}

uint32_t ring_index_after_put(const struct ring_producer *ring, uint32_t payload_bytes)
{
	return ring_index_after(&ring->memory, ring->write,
	                        (uint32_t)round_up(RING_DESCRIPTOR_BYTES + payload_bytes,
	                                           8) +
	                                VMBUS_PACKET_TRAILER_BYTES);
}

enum ring_status ring_put_inband(struct ring_producer *ring, uint64_t transaction_id,
                                 uint16_t flags, const void *payload,
                                 uint32_t payload_bytes, bool *signal)
{
	const struct ring_part part = { .bytes = payload, .length = payload_bytes };
	const struct ring_packet packet = {
		.type = VMBUS_PACKET_INBAND,
		.flags = flags,
		.transaction_id = transaction_id,
		.parts = &part,
		.part_count = 1,
	};

	return ring_put(ring, &packet, signal);
}

enum ring_status ring_put_completion(struct ring_producer *ring, uint64_t transaction_id,
                                     const void *payload, uint32_t payload_bytes,
                                     bool *signal)
{
	const struct ring_part part = { .bytes = payload, .length = payload_bytes };
	const struct ring_packet packet = {
		.type = VMBUS_PACKET_COMPLETION,
		.transaction_id = transaction_id,
		.parts = &part,
		.part_count = 1,
	};

	return ring_put(ring, &packet, signal);
}

enum ring_status ring_put_gpa_direct(struct ring_producer *ring, uint64_t transaction_id,
                                     const struct ring_gpa_range *range,
                                     const void *payload, uint32_t payload_bytes,
                                     bool *signal)
{
	const struct vmbus_gpa_direct_header header = { .range_count = 1 };
	const struct vmbus_gpa_range head = { .bytes = range->bytes,
		                              .offset = range->offset };
	const struct ring_part parts[] = {
		{ .bytes = &header, .length = sizeof(header) },
		{ .bytes = &head, .length = sizeof(head) },
		{ .bytes = range->pfns, .length = range->page_count * 8u },
		{ .bytes = payload, .length = payload_bytes },
	};
	const struct ring_packet packet = {
		.type = VMBUS_PACKET_GPA_DIRECT,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction_id = transaction_id,
		.parts = parts,
		.header_parts = 3,
		.part_count = ARRAY_COUNT(parts),
	};

	if (range->page_count > VMBUS_PACKET_BYTES_MAX / 8u)
		return RING_TOO_LONG;
	return ring_put(ring, &packet, signal);
}

enum ring_status ring_put_xfer_pages(struct ring_producer *ring, uint64_t transaction_id,
                                     uint16_t page_set,
                                     const struct vmbus_xfer_range *ranges,
                                     uint32_t range_count, const void *payload,
                                     uint32_t payload_bytes, bool *signal)
{
	const struct vmbus_xfer_pages_header header = { .page_set = page_set,
		                                        .range_count = range_count };
	const struct ring_part parts[] = {
		{ .bytes = &header, .length = sizeof(header) },
		{ .bytes = ranges, .length = range_count * (uint32_t)sizeof(ranges[0]) },
		{ .bytes = payload, .length = payload_bytes },
	};
	const struct ring_packet packet = {
		.type = VMBUS_PACKET_XFER_PAGES,
		.flags = VMBUS_PACKET_WANTS_COMPLETION,
		.transaction_id = transaction_id,
		.parts = parts,
		.header_parts = 2,
		.part_count = ARRAY_COUNT(parts),
	};

	if (range_count > VMBUS_PACKET_BYTES_MAX / sizeof(ranges[0]))
		return RING_TOO_LONG;
	return ring_put(ring, &packet, signal);
}
