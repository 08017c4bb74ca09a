/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The consumer's end of a ring; R1..R8 are the invariants in ring.h. */
#include "vmbus/core/ring.h"
#include <viridis/base/mem.h>
#include "vmbus/core/ring_memory.h"

/* Copy out of the data from index `at`, around the end. */
static inline void copy_out(const struct ring_memory *memory, uint32_t at, void *bytes,
                            uint32_t length)
{
	uint32_t first = memory->data_bytes - at;

	if (length == 0) /* `bytes` may be no pointer at all */
		return;
	if (length <= first) {
		memcpy(bytes, memory->data + at, length);
	} else {
		memcpy(bytes, memory->data + at, first);
		memcpy((uint8_t *)bytes + first, memory->data, length - first);
	}
	/* R4: the compiler must not read shared memory again in place of the copy. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

enum ring_status ring_consumer_init(struct ring_consumer *ring,
                                    const struct ring_memory *memory)
{
	uint32_t read;

	*ring = (struct ring_consumer){ .memory = *memory, .corrupt = true };
	if (!ring_memory_ok(memory))
		return RING_INVALID;
	/* As in ring_producer_init(): the index is ours, no order. */
	read = __atomic_load_n(&memory->control->read_index, __ATOMIC_RELAXED);
	if (!ring_index_ok(memory, read)) /* R1 */
		return RING_CORRUPT;
	ring->read = read;
	ring->published = read;
	ring->write_seen = read;
	ring->corrupt = false;
	return RING_OK;
}

enum ring_status ring_consumer_resume(struct ring_consumer *ring,
                                      const struct ring_memory *memory, uint32_t read)
{
	enum ring_status status = ring_consumer_init(ring, memory);

	if (status != RING_OK)
		return status;
	if (!ring_index_ok(memory, read)) /* R1: whoever kept it is not trusted either */
		return RING_INVALID;
	ring->read = read;
	ring->write_seen = read;
	return RING_OK;
}

uint32_t ring_index_after_peeked(const struct ring_consumer *ring)
{
	return ring_index_after(&ring->memory, ring->read, ring->peeked_bytes);
}

/* Fetch the peer's index; false, and corrupt, when it is none. */
static bool see_write_index(struct ring_consumer *ring)
{
	/* R4 R5: pairs with the store in publish_write(). */
	uint32_t write =
		__atomic_load_n(&ring->memory.control->write_index, __ATOMIC_ACQUIRE);

	/* R1, and no step back into what was seen before: that would be read twice. */
	if (!ring_index_ok(&ring->memory, write) ||
	    ring_index_distance(&ring->memory, ring->read, write) <
	            ring_index_distance(&ring->memory, ring->read, ring->write_seen)) {
		ring->corrupt = true; /* R8 */
		return false;
	}
	ring->write_seen = write;
	return true;
}

static enum ring_status give_up(struct ring_consumer *ring)
{
	ring->corrupt = true; /* R8 */
	return RING_CORRUPT;
}

/* Fetch and check the descriptor at `read`, from where `available` bytes are there. */
static bool fetch_descriptor(const struct ring_consumer *ring, uint32_t available,
                             struct vmbus_packet_descriptor *descriptor)
{
	if (available < RING_DESCRIPTOR_BYTES + VMBUS_PACKET_TRAILER_BYTES) /* R7 */
		return false;
	copy_out(&ring->memory, ring->read, descriptor, RING_DESCRIPTOR_BYTES); /* R4 */
	return descriptor->header_8bytes * 8u >= RING_DESCRIPTOR_BYTES &&
	       descriptor->length_8bytes >= descriptor->header_8bytes &&
	       descriptor->length_8bytes * 8u <= available - VMBUS_PACKET_TRAILER_BYTES;
}

enum ring_status ring_peek(struct ring_consumer *ring, void *buffer,
                           uint32_t buffer_bytes, struct ring_received *packet)
{
	struct vmbus_packet_descriptor descriptor;
	uint32_t header, rest;

	if (ring->corrupt)
		return RING_CORRUPT;
	if (ring->read == ring->write_seen && !see_write_index(ring))
		return RING_CORRUPT;
	if (ring->read == ring->write_seen)
		return RING_EMPTY;
	if (!fetch_descriptor(ring,
	                      ring_index_distance(&ring->memory, ring->read,
	                                          ring->write_seen),
	                      &descriptor))
		return give_up(ring);

	header = descriptor.header_8bytes * 8u - RING_DESCRIPTOR_BYTES;
	rest = descriptor.length_8bytes * 8u - RING_DESCRIPTOR_BYTES;
	ring->peeked_bytes = RING_DESCRIPTOR_BYTES + rest + VMBUS_PACKET_TRAILER_BYTES;
	if (rest > buffer_bytes)
		return RING_TOO_LONG;
	copy_out(&ring->memory,
	         ring_index_after(&ring->memory, ring->read, RING_DESCRIPTOR_BYTES),
	         buffer, rest); /* R4 */
	*packet = (struct ring_received){
		.type = descriptor.type,
		.flags = descriptor.flags,
		.transaction_id = descriptor.transaction_id,
		.header = buffer,
		.header_bytes = header,
		.payload = (const uint8_t *)buffer + header,
		.payload_bytes = rest - header,
	};
	return RING_OK;
}

void ring_advance(struct ring_consumer *ring)
{
	/* peeked_bytes is at most what was available: `read` does not pass write_seen. */
	ring->read = ring_index_after(&ring->memory, ring->read, ring->peeked_bytes);
	ring->peeked_bytes = 0;
}

enum ring_status ring_get(struct ring_consumer *ring, void *buffer, uint32_t buffer_bytes,
                          struct ring_received *packet)
{
	enum ring_status status = ring_peek(ring, buffer, buffer_bytes, packet);

	if (status == RING_OK)
		ring_advance(ring);
	return status;
}

/* Did giving back the bytes from `before` on free what the producer waits for? */
static bool peer_waits(const struct ring_consumer *ring, uint32_t before)
{
	const struct vmbus_ring_control *control = ring->memory.control;
	/* Acquire: the write index loaded below is no older than this. */
	uint32_t need = __atomic_load_n(&control->pending_send_bytes, __ATOMIC_ACQUIRE);
	uint32_t write;

	if (need == 0)
		return false;
	/* Pairs with the store in ring_producer_init(). */
	if (!(__atomic_load_n(&control->feature_bits, __ATOMIC_ACQUIRE) &
	      VMBUS_RING_FEATURE_PENDING_SEND))
		return false;
	write = __atomic_load_n(&control->write_index, __ATOMIC_RELAXED);
	if (!ring_index_ok(&ring->memory, write)) /* R1: ring_peek() will report it */
		return false;
	/* Producers differ in whether exactly enough will do; one more is harmless. */
	return ring_free_bytes(&ring->memory, write, before) <= need &&
	       ring_free_bytes(&ring->memory, write, ring->published) >= need;
}

bool ring_release(struct ring_consumer *ring)
{
	uint32_t before = ring->published;

	if (ring->corrupt || ring->read == before)
		return false;
	ring->published = ring->read;
	/* R5: our copies are made; pairs with the load in producer_fits(). */
	__atomic_store_n(&ring->memory.control->read_index, ring->read, __ATOMIC_RELEASE);
	/* R6: pairs with the fence in producer_reserve(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return peer_waits(ring, before);
}

void ring_drain_begin(struct ring_consumer *ring)
{
	/* Only a hint to the producer that saves signals, so it needs no order. */
	__atomic_store_n(&ring->memory.control->interrupt_mask, 1, __ATOMIC_RELAXED);
}

bool ring_drain_end(struct ring_consumer *ring)
{
	/* Release, after the read index; pairs with the load in publish_write(). */
	__atomic_store_n(&ring->memory.control->interrupt_mask, 0, __ATOMIC_RELEASE);
	/* R6: pairs with the fence in publish_write(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring->corrupt)
		return false;
	if (see_write_index(ring) && ring->read == ring->write_seen)
		return false;
	ring_drain_begin(
		ring); /* more packets, or corruption for ring_peek() to report */
	return true;
}
