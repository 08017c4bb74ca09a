/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMBus for a guest of ours: the client state machine of vmbus/core on top of hypercalls and the SynIC.
 * Polled and single-threaded: the first VP does everything. Messages come to SINT2, unmasked on a
 * vector only so that waiting can halt.
 */
#ifndef VSC_LIB_VMBUS_H
#define VSC_LIB_VMBUS_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/core/client.h"
#include "vmbus/core/ring.h"

#define VMBUS_CHANNELS_MAX 32
#define VMBUS_GPADLS_MAX   32

struct client *vmbus_client(void);

/* From the newest version not above `version_max` (0: any) down; false: refused, or no answer. */
bool vmbus_connect(uint32_t version_max);

/* Asks for the offers and waits for all of them. */
bool vmbus_request_offers(void);

/* Gives everything back to the host; false: no answer. */
bool vmbus_unload(void);

/* Takes in what has come; waits a moment when nothing has. */
void vmbus_pump(void);

/* Waits until *state is not `from` any more; false: not within the patience of a test. */
bool vmbus_wait_channel(const struct client_channel *channel,
                        enum client_channel_state from);
bool vmbus_wait_gpadl(const struct client_gpadl *gpadl, enum client_gpadl_state from);

/* An open channel with its rings, in pages of our own. */
struct vmbus_pipe {
	struct client_channel *channel;
	struct client_gpadl *gpadl;
	uint8_t *rings;      /* ours to the host first */
	uint32_t ring_pages; /* of one ring, its control page included */
	struct ring_producer out;
	struct ring_consumer in;
};

/* ring_pages: at least 2. False: the host refused, or did not answer. */
bool vmbus_pipe_open(struct vmbus_pipe *pipe, struct client_channel *channel,
                     uint32_t ring_pages);

/* Closes the channel and takes the pages back; the pipe can be opened again. */
bool vmbus_pipe_close(struct vmbus_pipe *pipe);

/* Tells the host to look at the ring. */
void vmbus_pipe_signal(const struct vmbus_pipe *pipe);

/* The next packet, waited for; false: none came, or the ring is corrupt. */
bool vmbus_pipe_receive(struct vmbus_pipe *pipe, void *buffer, uint32_t buffer_bytes,
                        struct ring_received *packet);

#endif
