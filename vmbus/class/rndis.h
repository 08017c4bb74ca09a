/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RNDIS messages, decoded and encoded for both ends: requests and answers, and frames with
 * what offloads say of them. What an object identifier means is the owner's.
 */
#ifndef VIRIDIS_VMBUS_CLASS_RNDIS_H
#define VIRIDIS_VMBUS_CLASS_RNDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/rndis.h>
#include <viridis/base/assert.h>

/* ---- Frames ---- */

/* What is said of a frame beside its bytes; which of it, `has` says. */
#define RNDIS_HAS_CHECKSUM 0x01u
#define RNDIS_HAS_LSO      0x02u
#define RNDIS_HAS_8021Q    0x04u
#define RNDIS_HAS_HASH     0x08u
#define RNDIS_HAS_PIECE    0x10u

struct rndis_frame {
	uint32_t message_bytes;
	uint32_t data_offset; /* from the start of the message */
	uint32_t data_bytes;
	uint32_t has;
	uint32_t checksum; /* RNDIS_TX_* or RNDIS_RX_* */
	uint32_t lso;
	uint32_t vlan; /* RNDIS_8021Q_* */
	uint32_t hash;
	struct rndis_piece piece;
};

/* A copy of so much of a message is enough to decode it. */
#define RNDIS_FRAME_HEAD_BYTES_MAX 256u
/* So much room before the data is enough for all that can be said. */
#define RNDIS_FRAME_HEAD_BYTES 128u

/*
 * Of a message at the start of `available_bytes`, the first `head_bytes` in private
 * memory: all of them, or RNDIS_FRAME_HEAD_BYTES_MAX. True: message and frame lie within
 * what is available, and the frame behind the header.
 */
MUST_CHECK bool rndis_frame_read(struct rndis_frame *frame, const void *head,
                                 uint32_t head_bytes, uint32_t available_bytes);

/*
 * The first RNDIS_FRAME_HEAD_BYTES of the message that *frame describes, zeros where nothing
 * is said. Its data_offset is at least so much, its message_bytes include the data.
 */
void rndis_frame_write(const struct rndis_frame *frame, void *head);

/* ---- Server: requests ---- */

/* INITIALIZE, HALT, QUERY, SET, RESET or KEEPALIVE; information within the message. */
struct rndis_request {
	enum rndis_type type;
	uint32_t request_id;
	uint32_t oid;               /* QUERY, SET */
	const uint8_t *information; /* NULL when there is none */
	uint32_t information_bytes;
};

/* `message` is private memory. False: it is none of these, or not whole. */
MUST_CHECK bool rndis_request_read(struct rndis_request *request, const void *message,
                                   uint32_t message_bytes);

/* What a transfer of the client may hold. */
struct rndis_limits {
	uint32_t packets_max;
	uint32_t transfer_bytes_max;
	uint32_t alignment_shift;
};

/* Answers into `message`; each returns its length. A bad status has no information. */
#define RNDIS_ANSWER_BYTES_MAX(information_bytes) (24u + (information_bytes))
uint32_t rndis_answer_initialize(void *message, uint32_t request_id,
                                 const struct rndis_limits *limits);
uint32_t rndis_answer_query(void *message, uint32_t request_id, uint32_t status,
                            const void *information, uint32_t information_bytes);
uint32_t rndis_answer_status(void *message, enum rndis_type type, uint32_t request_id,
                             uint32_t status);
uint32_t rndis_answer_reset(void *message, uint32_t status, bool filter_lost);
uint32_t rndis_indicate(void *message, uint32_t status);

/* ---- Client ---- */

uint32_t rndis_initialize(void *message, uint32_t request_id,
                          uint32_t transfer_bytes_max);
/* HALT, RESET (with id 0) or KEEPALIVE. */
uint32_t rndis_plain(void *message, enum rndis_type type, uint32_t request_id);
/* QUERY or SET. */
uint32_t rndis_request(void *message, enum rndis_type type, uint32_t request_id,
                       uint32_t oid, const void *information, uint32_t information_bytes);

struct rndis_answer {
	uint32_t type; /* with RNDIS_ANSWER, or RNDIS_INDICATE */
	uint32_t request_id;
	uint32_t status;
	const uint8_t *information;
	uint32_t information_bytes;
	struct rndis_limits limits; /* INITIALIZE only */
};

/* `message` is private memory. False: not an answer or indication, or not whole. */
MUST_CHECK bool rndis_answer_read(struct rndis_answer *answer, const void *message,
                                  uint32_t message_bytes);

#endif
