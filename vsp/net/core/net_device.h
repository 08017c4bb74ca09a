/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network adapter as its guest sees it: NVSP's negotiation, the two buffers, RNDIS's
 * requests. Messages go in, what is to be done comes out. PURE.
 *
 *   NVSP    NEW --INIT--> VERSIONED --RECEIVE_BUFFER, SEND_BUFFER--> each NONE, MAPPING, MAPPED
 *   RNDIS   off --INITIALIZE--> on --HALT or RESET--> off
 *
 * Frames are taken while RNDIS is on, and given while it is on, the receive buffer is
 * mapped and the packet filter lets them through. N1: of a buffer nothing is used before
 * the guest was told that it is mapped, nor after it revoked it.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_DEVICE_H
#define VIRIDIS_VSP_NET_CORE_NET_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include "vmbus/class/ndis.h"
#include "vmbus/class/nvsp.h"
#include "vmbus/class/rndis.h"

#define NET_MTU_MIN           576u
#define NET_MTU_MAX           9000u
#define NET_ETHERNET_BYTES    18u /* header and one VLAN tag */
#define NET_MULTICAST_MAX     32u
#define NET_FRAME_BYTES_MAX   (65535u + NET_ETHERNET_BYTES)
#define NET_SEND_SECTION      6144u
#define NET_RECEIVE_SECTION   8192u
#define NET_REQUEST_BYTES_MAX 2048u
#define NET_ANSWER_BYTES_MAX  1024u

enum net_buffer { NET_RECEIVE_BUFFER, NET_SEND_BUFFER, NET_BUFFERS };

enum net_buffer_state { NET_BUFFER_NONE, NET_BUFFER_MAPPING, NET_BUFFER_MAPPED };

struct net_buffer_status {
	enum net_buffer_state state;
	uint32_t gpadl;
	uint32_t section_bytes; /* while MAPPED, as the two below */
	uint32_t section_count;
};

/* Constant after net_device_init(). */
struct net_settings {
	uint8_t mac[NDIS_MAC_BYTES];
	uint32_t mtu;
	uint32_t queues; /* channels at most, with the first */
	struct ndis_offloads capabilities;
};

/* Frames, for the guest's questions; counted by the owner. */
struct net_frame_counts {
	uint64_t sent;
	uint64_t received;
	uint64_t send_errors;
	uint64_t receive_errors;
	uint64_t no_buffer;
};

struct net_device {
	struct net_settings settings;
	struct net_frame_counts counts;
	bool link_up;

	uint32_t version;      /* 0: NEW */
	uint32_t mtu;          /* that the guest wants, at most the settings' */
	uint32_t capabilities; /* NVSP_CAPABILITY_* of the guest */
	struct net_buffer_status buffers[NET_BUFFERS];

	uint32_t sub_channels; /* that the guest was granted */

	bool initialized; /* RNDIS */
	uint8_t mac[NDIS_MAC_BYTES];
	uint32_t filter; /* NDIS_FILTER_* */
	uint32_t multicast_count;
	uint8_t multicast[NET_MULTICAST_MAX][NDIS_MAC_BYTES];
	struct ndis_offloads offloads;           /* that the guest wants */
	struct ndis_offload_parameters keywords; /* by which it said so one by one */
	struct ndis_rss rss;
};

void net_device_init(struct net_device *device, const struct net_settings *settings);
/* The channel was closed: all is NEW again; link and counts stay. */
void net_device_reset(struct net_device *device);

/* ---- NVSP ---- */

enum net_action_type {
	NET_NOTHING,      /* nothing is answered */
	NET_ANSWER,       /* complete the packet with *answer */
	NET_ANSWER_EMPTY, /* complete the packet without a payload */
	NET_MAP,      /* map `gpadl` as `buffer`; net_device_mapped() has the answer */
	NET_UNMAP,    /* stop using `buffer`; nothing is answered */
	NET_TRANSMIT, /* `packet` has frames; complete it when they are sent */
	NET_CONTROL,  /* `packet` has a request: net_device_request(), then complete it */
	NET_SUB_CHANNELS, /* offer `sub_channels` more; net_device_offered() has the answer */
};

struct net_action {
	enum net_action_type type;
	struct nvsp_message answer;
	enum net_buffer buffer;
	uint32_t gpadl;
	uint32_t sub_channels;
	struct nvsp_rndis_packet
		packet; /* its section is one of the send buffer's or NONE */
};

/* A packet's message on the first channel, or on a sub-channel, which carries frames only. */
void net_device_receive(struct net_device *device, bool first_channel,
                        const struct nvsp_message *message, struct net_action *action);

/* The answer to the message that asked for NET_MAP; 0 bytes: it could not be mapped. */
struct nvsp_message net_device_mapped(struct net_device *device, enum net_buffer buffer,
                                      uint64_t bytes);

/* The answer to the message that asked for NET_SUB_CHANNELS, of which so many can be had. */
struct nvsp_message net_device_offered(struct net_device *device, uint32_t count);

/* What a section of the receive buffer is of: a head and the largest frame of the guest's MTU. */
uint32_t net_device_receive_section(const struct net_device *device);

/* The guest takes the memory back without having revoked it. */
void net_device_unmapped(struct net_device *device, enum net_buffer buffer);

/* ---- RNDIS ---- */

/* What a request changed. */
#define NET_CHANGED_FILTER   0x1u
#define NET_CHANGED_OFFLOADS 0x2u
#define NET_CHANGED_RSS      0x4u

/*
 * A request, `bytes` of private memory. Its answer goes to `answer`
 * (NET_ANSWER_BYTES_MAX); returns its length, 0 for none. *valid: it was a request at all.
 */
uint32_t net_device_request(struct net_device *device, const void *message,
                            uint32_t bytes, void *answer, uint32_t *changed, bool *valid);

/* What the guest is to be told of the link, if anything: an answer's length, or 0. */
uint32_t net_device_set_link(struct net_device *device, bool up, void *answer);

/* ---- Frames ---- */

static inline bool net_device_sends(const struct net_device *device)
{
	return device->initialized && device->link_up;
}

static inline bool net_device_receives(const struct net_device *device)
{
	return device->initialized && device->link_up && device->filter != 0 &&
	       device->buffers[NET_RECEIVE_BUFFER].state == NET_BUFFER_MAPPED;
}

/* Does the filter let a frame to this address through? */
bool net_device_wants(const struct net_device *device,
                      const uint8_t destination[NDIS_MAC_BYTES]);

#endif
