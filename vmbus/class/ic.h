/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The utility classes (heartbeat, shutdown, time synchronisation, freezing of file systems):
 * packets encoded and decoded for both ends, and the choice of versions. The server (in the
 * root) asks, the client echoes. Key-value exchange and file copy have files of their own, kvp.h and fcopy.h.
 */
#ifndef VIRIDIS_VMBUS_CLASS_IC_H
#define VIRIDIS_VMBUS_CLASS_IC_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/ic.h>

#define IC_HEADERS_BYTES \
	((uint32_t)(sizeof(struct ic_pipe_header) + sizeof(struct ic_header)))
#define IC_PACKET_BYTES_MAX (IC_HEADERS_BYTES + (uint32_t)sizeof(struct ic_shutdown))

/* A service's versions, the newest first. */
struct ic_versions {
	const struct ic_version *framework;
	const struct ic_version *message;
	uint16_t framework_count;
	uint16_t message_count;
};

extern const struct ic_versions ic_heartbeat_versions; /* 3.0, 1.0 */
extern const struct ic_versions ic_shutdown_versions;  /* 3.2, 3.1, 3.0, 1.0 */
extern const struct ic_versions ic_timesync_versions;  /* 4.0, 3.0, 1.0 */
extern const struct ic_versions ic_kvp_versions;       /* 4.0, 3.0, 1.0 */
extern const struct ic_versions ic_vss_versions;       /* 5.0 */
extern const struct ic_versions ic_fcopy_versions;     /* 1.1 */

/* What the two ends agreed on. */
struct ic_agreement {
	struct ic_version framework;
	struct ic_version message;
};

/* A packet taken apart; `body` points into the caller's private copy. */
struct ic_message {
	struct ic_header header;
	const uint8_t *body;
	uint32_t body_bytes;
};

/* False when it is no utility packet or its lengths do not fit together. */
MUST_CHECK bool ic_decode(struct ic_message *message, const void *payload,
                          uint32_t payload_bytes);

/* ---- Server: encoders fill up to IC_PACKET_BYTES_MAX bytes, return the length ---- */

/* The heads of a request; its body, of so many bytes, is the caller's to write behind them. */
MUST_CHECK uint32_t ic_encode_heads(void *packet, enum ic_message_type type,
                                    const struct ic_agreement *agreed,
                                    uint8_t transaction_id, uint32_t body_bytes);
/* 0: more than IC_VERSIONS_MAX versions. */
MUST_CHECK uint32_t ic_encode_negotiate(void *packet, const struct ic_versions *versions,
                                        uint8_t transaction_id);
MUST_CHECK uint32_t ic_encode_heartbeat(void *packet, const struct ic_agreement *agreed,
                                        uint8_t transaction_id, uint64_t sequence);
/* `text` may be NULL; what exceeds the field is cut off. */
MUST_CHECK uint32_t ic_encode_shutdown(void *packet, const struct ic_agreement *agreed,
                                       uint8_t transaction_id, uint32_t flags,
                                       uint32_t timeout_seconds, const char *text);
/* Old guests get the old body. `flags` is IC_TIMESYNC_SYNC or IC_TIMESYNC_SAMPLE. */
MUST_CHECK uint32_t ic_encode_timesync(void *packet, const struct ic_agreement *agreed,
                                       uint8_t transaction_id, uint8_t flags,
                                       uint64_t parent_time_100ns,
                                       uint64_t reference_time_100ns);

MUST_CHECK uint32_t ic_encode_vss(void *packet, const struct ic_agreement *agreed,
                                  uint8_t transaction_id,
                                  enum ic_vss_operation operation);

/* Is it the client's answer to a request of this type? Its status is in the header. */
MUST_CHECK bool ic_is_answer(const struct ic_message *message, enum ic_message_type type);
/* The client's choice; false when it refused or chose what was not on the list. */
MUST_CHECK bool ic_decode_agreement(const struct ic_message *message,
                                    const struct ic_versions *versions,
                                    struct ic_agreement *agreed);
MUST_CHECK bool ic_decode_heartbeat(const struct ic_message *message, uint64_t *sequence);

/* ---- Client: answers are made in place, in the request's packet ---- */

/* Choose the newest versions both ends know; false: none, and the packet says so. */
MUST_CHECK bool ic_answer_negotiate(void *packet, uint32_t packet_bytes,
                                    const struct ic_versions *versions,
                                    struct ic_agreement *agreed);
/* Echo with a status. The packet passed ic_decode(). */
void ic_answer(void *packet, uint32_t status);
/* Echo a heartbeat, its sequence number one up; false when it is none. */
MUST_CHECK bool ic_answer_heartbeat(void *packet, uint32_t packet_bytes);

MUST_CHECK bool ic_decode_shutdown(const struct ic_message *message, uint32_t *flags,
                                   uint32_t *timeout_seconds);
/* The operation may be one that we never ask for. */
MUST_CHECK bool ic_decode_vss(const struct ic_message *message, uint8_t *operation);
/* Either body, as the agreed version says. */
MUST_CHECK bool ic_decode_timesync(const struct ic_message *message,
                                   const struct ic_agreement *agreed, uint8_t *flags,
                                   uint64_t *parent_time_100ns);

#endif
