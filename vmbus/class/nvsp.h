/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVSP's messages, decoded and encoded for both ends. What a message does is the owner's:
 * vsp/net/core/ for the server.
 */
#ifndef VIRIDIS_VMBUS_CLASS_NVSP_H
#define VIRIDIS_VMBUS_CLASS_NVSP_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/abi/nvsp.h>
#include <viridis/base/assert.h>

/*
 * A message into private memory; what was not sent is 0. False: it is shorter than its
 * type demands. Of types that are not ours nothing but the type is demanded. An
 * INDIRECTION_TABLE is its head only: nvsp_table_read() has the rest.
 */
MUST_CHECK bool nvsp_read(struct nvsp_message *message, const void *payload,
                          uint32_t payload_bytes);

/* ---- Server ---- */

/* The newest version in [min, max] that we speak; 0: none. */
uint32_t nvsp_choose_version(uint32_t version_min, uint32_t version_max);

struct nvsp_message nvsp_init_complete(uint32_t version, enum nvsp_status status);
/* One part from the start of the buffer: `count` sections; none when `status` is bad. */
struct nvsp_message nvsp_receive_buffer_complete(enum nvsp_status status,
                                                 uint32_t section_bytes, uint32_t count);
struct nvsp_message nvsp_send_buffer_complete(enum nvsp_status status,
                                              uint32_t section_bytes);
struct nvsp_message nvsp_subchannels_complete(enum nvsp_status status, uint32_t count);

/* Which channel the client is to send on, by hash. */
struct nvsp_table_message {
	struct nvsp_message head;
	uint32_t entries[NVSP_INDIRECTION_ENTRIES];
};
/* Hash values in turn to the first `channels`, at least one. */
void nvsp_table_build(struct nvsp_table_message *message, uint32_t channels);

/* ---- Client ---- */

struct nvsp_message nvsp_init(uint32_t version);
struct nvsp_message nvsp_ndis_version(uint32_t major, uint32_t minor);
struct nvsp_message nvsp_ndis_config(uint32_t mtu, uint32_t capabilities);
/* NVSP_RECEIVE_BUFFER or NVSP_SEND_BUFFER. */
struct nvsp_message nvsp_buffer(enum nvsp_type type, uint32_t gpadl, uint16_t id);
struct nvsp_message nvsp_revoke(enum nvsp_type type, uint16_t id);
struct nvsp_message nvsp_subchannels(uint32_t count);

/* How the server divides our buffer; false: it refused, or what it says is no division. */
MUST_CHECK bool nvsp_receive_part_read(const struct nvsp_message *answer,
                                       uint32_t buffer_bytes,
                                       struct nvsp_receive_part *part);
/* Indexes of channels, each below `channels`; false: no such message. */
MUST_CHECK bool nvsp_table_read(const void *payload, uint32_t payload_bytes,
                                uint32_t channels,
                                uint32_t entries[NVSP_INDIRECTION_ENTRIES]);

/* ---- Both ---- */

struct nvsp_message nvsp_rndis_packet(enum nvsp_channel channel, uint32_t section,
                                      uint32_t section_bytes);
struct nvsp_message nvsp_rndis_complete(enum nvsp_status status);

#endif
