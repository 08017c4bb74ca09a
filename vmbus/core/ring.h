/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a channel: packets through a ring in memory that the peer writes too.
 *
 * The memory is a control page and data_bytes of data, each contiguous in our address
 * space. A producer puts packets in, a consumer takes them out; guest and host use the
 * same code, and neither trusts the other. Not thread-safe: one thread owns a producer
 * or a consumer.
 *
 * Invariants, cited where they are upheld:
 *   R1  Every index is a multiple of 8 and less than data_bytes. A peer's index that is
 *       not is reported as RING_CORRUPT and never followed.
 *   R2  write == read means empty, so a producer always leaves free bytes over.
 *   R3  Our own index lives in private memory; the shared copy is only ever written.
 *   R4  Peer-written memory is fetched once, checked in private memory, used from there.
 *   R5  Body before index: a producer's index store releases the packet's bytes, a
 *       consumer's load of it acquires them; the read index hands bytes back in the
 *       same way.
 *   R6  No lost wake-up: publish, full fence, then look at what the peer says about
 *       sleeping (interrupt_mask, read_index, pending_send_bytes). The peer says so,
 *       fences, looks again.
 *   R7  A producer publishes whole packets; a published piece of one is corruption.
 *   R8  Corruption is for good: a ring found corrupt answers RING_CORRUPT until set up
 *       anew.
 */
#ifndef VIRIDIS_VMBUS_CORE_RING_H
#define VIRIDIS_VMBUS_CORE_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/vmbus.h>

enum ring_status {
	RING_OK,
	RING_EMPTY,    /* consumer: nothing there */
	RING_FULL,     /* producer: the peer will signal when there is room */
	RING_TOO_LONG, /* producer: never fits; consumer: longer than the buffer */
	RING_INVALID,  /* our own caller's arguments */
	RING_CORRUPT,  /* the peer broke a rule */
};

#define RING_DATA_BYTES_MIN 4096u
#define RING_DATA_BYTES_MAX (1u << 30)

/* A ring's memory, as both ends describe it. data_bytes is a multiple of a page. */
struct ring_memory {
	struct vmbus_ring_control *control;
	uint8_t *data;
	uint32_t data_bytes;
};

/* ---- Producer ---- */

struct ring_producer {
	struct ring_memory memory;
	uint32_t write; /* R3 */
	bool pending;   /* pending_send_bytes is set */
	bool corrupt;   /* R8 */
};

struct ring_part {
	const void *bytes;
	uint32_t length;
};

/* The first header_parts parts belong to the header; their length is a multiple of 8. */
struct ring_packet {
	enum vmbus_packet_type type;
	uint16_t flags;
	uint64_t transaction_id;
	const struct ring_part *parts;
	unsigned int header_parts;
	unsigned int part_count;
};

/* Take the ring up where its control page stands, and announce pending_send_bytes. */
MUST_CHECK enum ring_status ring_producer_init(struct ring_producer *ring,
                                               const struct ring_memory *memory);

/*
 * Put one packet, whole or not at all. *signal is set when the peer must be signalled
 * and else left alone, so that it gathers over several packets.
 */
MUST_CHECK enum ring_status ring_put(struct ring_producer *ring,
                                     const struct ring_packet *packet, bool *signal);

/* Where the write index stands once a packet of one payload like this has been put. */
uint32_t ring_index_after_put(const struct ring_producer *ring, uint32_t payload_bytes);

/* The two packets that consist of one payload. */
MUST_CHECK enum ring_status ring_put_inband(struct ring_producer *ring,
                                            uint64_t transaction_id, uint16_t flags,
                                            const void *payload, uint32_t payload_bytes,
                                            bool *signal);
MUST_CHECK enum ring_status ring_put_completion(struct ring_producer *ring,
                                                uint64_t transaction_id,
                                                const void *payload,
                                                uint32_t payload_bytes, bool *signal);

/* An INBAND's payload with the guest pages it speaks of: one range. */
struct ring_gpa_range {
	uint32_t bytes;
	uint32_t offset;
	const uint64_t *pfns;
	uint32_t page_count;
};
MUST_CHECK enum ring_status ring_put_gpa_direct(struct ring_producer *ring,
                                                uint64_t transaction_id,
                                                const struct ring_gpa_range *range,
                                                const void *payload,
                                                uint32_t payload_bytes, bool *signal);

/* An INBAND's payload with ranges of memory that was lent as `page_set`. */
MUST_CHECK enum ring_status ring_put_xfer_pages(struct ring_producer *ring,
                                                uint64_t transaction_id,
                                                uint16_t page_set,
                                                const struct vmbus_xfer_range *ranges,
                                                uint32_t range_count, const void *payload,
                                                uint32_t payload_bytes, bool *signal);

/* ---- Consumer ---- */

struct ring_consumer {
	struct ring_memory memory;
	uint32_t read;         /* R3: next packet to look at */
	uint32_t published;    /* what read_index says */
	uint32_t write_seen;   /* the peer's write index as last fetched and checked */
	uint32_t peeked_bytes; /* size of the packet at `read`, 0 before ring_peek() */
	bool corrupt;          /* R8 */
};

/* A packet in the caller's private buffer. */
struct ring_received {
	uint16_t type;
	uint16_t flags;
	uint64_t transaction_id;
	const uint8_t *header; /* what follows the descriptor */
	uint32_t header_bytes;
	const uint8_t *payload;
	uint32_t payload_bytes; /* with the padding to a multiple of 8 */
};

/* Take the ring up where its control page stands. */
MUST_CHECK enum ring_status ring_consumer_init(struct ring_consumer *ring,
                                               const struct ring_memory *memory);

/*
 * Likewise, but behind packets that an earlier owner took out, up to index `read`, though it may not have
 * given all of them back.
 */
MUST_CHECK enum ring_status ring_consumer_resume(struct ring_consumer *ring,
                                                 const struct ring_memory *memory,
                                                 uint32_t read);

/* The index behind the packet that ring_peek() looked at; before that, the one of the next packet. */
uint32_t ring_index_after_peeked(const struct ring_consumer *ring);

/*
 * Copy the next packet into `buffer` (aligned to 8) and describe it; it stays in the
 * ring. RING_TOO_LONG: nothing was copied; ring_advance() leaves the packet out.
 */
MUST_CHECK enum ring_status ring_peek(struct ring_consumer *ring, void *buffer,
                                      uint32_t buffer_bytes,
                                      struct ring_received *packet);

/* Step over the packet that ring_peek() looked at. The peer does not see it yet. */
void ring_advance(struct ring_consumer *ring);

/* ring_peek() and ring_advance() in one, for who keeps no record of work in flight. */
MUST_CHECK enum ring_status ring_get(struct ring_consumer *ring, void *buffer,
                                     uint32_t buffer_bytes, struct ring_received *packet);

/* Give the bytes stepped over back to the peer; true: signal it, it waits for room. */
MUST_CHECK bool ring_release(struct ring_consumer *ring);

/*
 * Drain a ring: ring_drain_begin(), take packets until RING_EMPTY, ring_release(), then
 * ring_drain_end(). As long as that returns true (packets came in meanwhile, signals are
 * masked again) go on taking.
 */
void ring_drain_begin(struct ring_consumer *ring);
MUST_CHECK bool ring_drain_end(struct ring_consumer *ring);

#endif
