/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network adapter over VMBus: its handshake, whole frames out and in, by polling. Frames go out of sections of a
 * send buffer, many in flight; those that come lie in a receive buffer, one section each.
 */
#ifndef VSC_NET_NET_H
#define VSC_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/class/ndis.h"
#include "vmbus/class/nvsp.h"
#include "vmbus/class/rndis.h"
#include "vsc/lib/vmbus.h"

#define NET_RECEIVE_PAGES   64u
#define NET_SEND_PAGES      64u
#define NET_SECTIONS_MAX    64u /* each has a bit of in_flight */
#define NET_FRAME_BYTES_MAX 1514u

struct net;

/* A frame that came; it is gone when this returns. */
typedef void (*net_frame_function)(struct net *net, const uint8_t *frame, uint32_t bytes);

struct net {
	struct vmbus_pipe pipe;
	uint8_t mac[NDIS_MAC_BYTES];
	net_frame_function frame;

	struct client_gpadl *gpadls[2]; /* of the two buffers */
	uint8_t *receive_buffer;
	uint8_t *send_buffer;
	uint32_t send_section_bytes;
	uint32_t free_count; /* of the send buffer's sections */
	uint16_t free_sections[NET_SECTIONS_MAX];
	uint64_t in_flight; /* a bit for each that the host has */

	/* What the last poll took in; transactions below NET_SECTIONS_MAX are sections'. */
	uint64_t completed;
	struct nvsp_message completion;
	bool answered; /* to a request: `answer` has it */
	uint32_t answer_bytes;
	_Alignas(8) uint8_t answer[512];

	uint64_t sent, received, refused; /* frames */

	bool keeps; /* what comes is looked at, and its sections are never given back */
};

/* The handshake on an open pipe, and a filter that lets its own and all stations' frames through. */
bool net_start(struct net *net, net_frame_function frame);

/* Gives the buffers back. The pipe is to be closed before. */
bool net_end(struct net *net);

/* `frame` of at most NET_FRAME_BYTES_MAX; false: no section or no room in the ring, now. */
bool net_send(struct net *net, const void *frame, uint32_t bytes);

/* Takes in all that has come; false: the ring is corrupt. */
bool net_poll(struct net *net);

/* Polls until every frame sent was taken; false: not within the patience of a test. */
bool net_settle(struct net *net);

#endif
