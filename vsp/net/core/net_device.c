/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVSP's side of an adapter, and its packet filter: see net_device.h. */
#include "vsp/net/core/net_device.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

void net_device_init(struct net_device *device, const struct net_settings *settings)
{
	memset(device, 0, sizeof(*device));
	device->settings = *settings;
	device->link_up = true;
	net_device_reset(device);
}

void net_device_reset(struct net_device *device)
{
	struct net_device fresh = {
		.settings = device->settings,
		.counts = device->counts,
		.link_up = device->link_up,
		.mtu = device->settings.mtu,
	};

	memcpy(fresh.mac, device->settings.mac, sizeof(fresh.mac));
	*device = fresh;
}

/* ---- NVSP ---- */

static void answer(struct net_action *action, struct nvsp_message message)
{
	action->type = NET_ANSWER;
	action->answer = message;
}

static void take_init(struct net_device *device, const struct nvsp_message *message,
                      struct net_action *action)
{
	uint32_t version = nvsp_choose_version(message->body.init.version_min,
	                                       message->body.init.version_max);

	if (device->version != 0) {
		answer(action, nvsp_init_complete(0, NVSP_STATUS_FAILURE));
	} else if (version == 0) {
		answer(action, nvsp_init_complete(0, NVSP_STATUS_UNSUPPORTED));
	} else {
		device->version = version;
		answer(action, nvsp_init_complete(version, NVSP_STATUS_SUCCESS));
	}
}

/* The MTU comes with the Ethernet header; what is out of bounds is left as it was. */
static void take_config(struct net_device *device, const struct nvsp_message *message)
{
	uint32_t frame_bytes = message->body.ndis_config.mtu;
	const uint32_t header_bytes = 14;

	if (device->version < NVSP_VERSION_2)
		return;
	device->capabilities = message->body.ndis_config.capabilities;
	if (frame_bytes >= NET_MTU_MIN + header_bytes &&
	    frame_bytes <= device->settings.mtu + header_bytes)
		device->mtu = frame_bytes - header_bytes;
}

static struct nvsp_message buffer_complete(const struct net_device *device,
                                           enum net_buffer buffer,
                                           enum nvsp_status status)
{
	const struct net_buffer_status *b = &device->buffers[buffer];

	return buffer == NET_SEND_BUFFER ?
	               nvsp_send_buffer_complete(status, b->section_bytes) :
	               nvsp_receive_buffer_complete(status, b->section_bytes,
	                                            b->section_count);
}

static void take_buffer(struct net_device *device, enum net_buffer buffer,
                        const struct nvsp_message *message, struct net_action *action)
{
	struct net_buffer_status *b = &device->buffers[buffer];

	if (device->version == 0 || b->state != NET_BUFFER_NONE) {
		answer(action,
		       buffer == NET_SEND_BUFFER ?
		               nvsp_send_buffer_complete(NVSP_STATUS_FAILURE, 0) :
		               nvsp_receive_buffer_complete(NVSP_STATUS_FAILURE, 0, 0));
		return;
	}
	b->state = NET_BUFFER_MAPPING;
	b->gpadl = message->body.buffer.gpadl;
	action->type = NET_MAP;
	action->buffer = buffer;
	action->gpadl = b->gpadl;
}

/* A revoke of what is not there is no harm: Linux revokes after failures, too. */
static void take_revoke(struct net_device *device, enum net_buffer buffer,
                        struct net_action *action)
{
	struct net_buffer_status *b = &device->buffers[buffer];

	if (b->state != NET_BUFFER_MAPPED)
		return;
	*b = (struct net_buffer_status){ .state = NET_BUFFER_NONE };
	action->type = NET_UNMAP;
	action->buffer = buffer;
}

/* Sections begin with a head, so the largest frame of the MTU needs both. */
uint32_t net_device_receive_section(const struct net_device *device)
{
	uint32_t needed = (uint32_t)round_up(
		RNDIS_FRAME_HEAD_BYTES + device->mtu + NET_ETHERNET_BYTES + 1, 64);

	return needed > NET_RECEIVE_SECTION ? needed : NET_RECEIVE_SECTION;
}

struct nvsp_message net_device_mapped(struct net_device *device, enum net_buffer buffer,
                                      uint64_t bytes)
{
	struct net_buffer_status *b = &device->buffers[buffer];
	uint32_t section = buffer == NET_SEND_BUFFER ? NET_SEND_SECTION :
	                                               net_device_receive_section(device);

	if (b->state != NET_BUFFER_MAPPING || bytes < section || bytes > UINT32_MAX) {
		*b = (struct net_buffer_status){ .state = NET_BUFFER_NONE };
		return buffer_complete(device, buffer, NVSP_STATUS_FAILURE);
	}
	b->state = NET_BUFFER_MAPPED;
	b->section_bytes = section;
	b->section_count = (uint32_t)(bytes / section);
	return buffer_complete(device, buffer, NVSP_STATUS_SUCCESS);
}

void net_device_unmapped(struct net_device *device, enum net_buffer buffer)
{
	device->buffers[buffer] = (struct net_buffer_status){ .state = NET_BUFFER_NONE };
}

/* Does the packet lie within a section of the send buffer, if it names one? */
static bool section_exists(const struct net_device *device,
                           const struct nvsp_rndis_packet *packet)
{
	const struct net_buffer_status *b = &device->buffers[NET_SEND_BUFFER];

	return packet->section == NVSP_SECTION_NONE ||
	       (b->state == NET_BUFFER_MAPPED && packet->section < b->section_count &&
	        packet->section_bytes <= b->section_bytes);
}

static void take_packet(struct net_device *device, bool first_channel,
                        const struct nvsp_message *message, struct net_action *action)
{
	action->packet = message->body.rndis_packet;
	if (device->version == 0 || !section_exists(device, &action->packet))
		answer(action, nvsp_rndis_complete(NVSP_STATUS_INVALID_RNDIS_PACKET));
	else if (action->packet.channel == NVSP_CHANNEL_DATA)
		action->type = NET_TRANSMIT;
	else if (action->packet.channel == NVSP_CHANNEL_CONTROL && first_channel)
		action->type = NET_CONTROL;
	else
		answer(action, nvsp_rndis_complete(NVSP_STATUS_INVALID_RNDIS_PACKET));
}

static void take_subchannels(struct net_device *device,
                             const struct nvsp_message *message,
                             struct net_action *action)
{
	uint32_t wanted = message->body.subchannels.count;

	if (device->version < NVSP_VERSION_5 || wanted == 0 ||
	    device->sub_channels != 0 ||
	    message->body.subchannels.operation_or_status != NVSP_SUBCHANNELS_ALLOCATE ||
	    wanted > device->settings.queues - 1) {
		answer(action, nvsp_subchannels_complete(NVSP_STATUS_FAILURE, 0));
		return;
	}
	action->type = NET_SUB_CHANNELS;
	action->sub_channels = wanted;
}

struct nvsp_message net_device_offered(struct net_device *device, uint32_t count)
{
	device->sub_channels = count;
	return nvsp_subchannels_complete(
		count != 0 ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAILURE, count);
}

static void receive_on_first(struct net_device *device,
                             const struct nvsp_message *message,
                             struct net_action *action)
{
	switch (message->type) {
	case NVSP_INIT:
		take_init(device, message, action);
		break;
	case NVSP_NDIS_CONFIG:
		take_config(device, message);
		break;
	case NVSP_RECEIVE_BUFFER:
		take_buffer(device, NET_RECEIVE_BUFFER, message, action);
		break;
	case NVSP_SEND_BUFFER:
		take_buffer(device, NET_SEND_BUFFER, message, action);
		break;
	case NVSP_REVOKE_RECEIVE_BUFFER:
		take_revoke(device, NET_RECEIVE_BUFFER, action);
		break;
	case NVSP_REVOKE_SEND_BUFFER:
		take_revoke(device, NET_SEND_BUFFER, action);
		break;
	case NVSP_SWITCH_DATA_PATH: /* there is only this one */
		action->type = NET_ANSWER_EMPTY;
		break;
	case NVSP_SUBCHANNELS:
		take_subchannels(device, message, action);
		break;
	default: /* NDIS_VERSION, and what we do not know: a completion says nothing */
		break;
	}
}

void net_device_receive(struct net_device *device, bool first_channel,
                        const struct nvsp_message *message, struct net_action *action)
{
	memset(action, 0, sizeof(*action));
	if (message->type == NVSP_RNDIS_PACKET)
		take_packet(device, first_channel, message, action);
	else if (first_channel)
		receive_on_first(device, message, action);
}

/* ---- Frames ---- */

bool net_device_wants(const struct net_device *device,
                      const uint8_t destination[NDIS_MAC_BYTES])
{
	static const uint8_t broadcast[NDIS_MAC_BYTES] = { 0xff, 0xff, 0xff,
		                                           0xff, 0xff, 0xff };
	uint32_t filter = device->filter;

	if (filter & NDIS_FILTER_PROMISCUOUS)
		return true;
	if (!(destination[0] & 1))
		return (filter & NDIS_FILTER_DIRECTED) &&
		       memcmp(destination, device->mac, NDIS_MAC_BYTES) == 0;
	if (memcmp(destination, broadcast, NDIS_MAC_BYTES) == 0)
		return filter & NDIS_FILTER_BROADCAST;
	if (filter & NDIS_FILTER_ALL_MULTICAST)
		return true;
	for (uint32_t i = 0;
	     (filter & NDIS_FILTER_MULTICAST) && i < device->multicast_count; i++)
		if (memcmp(destination, device->multicast[i], NDIS_MAC_BYTES) == 0)
			return true;
	return false;
}
