/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FREE -> OPEN -> STARTED -> CLOSING -> FREE; CLOSING may follow OPEN at once. */
#include "vsp/lib/channels.h"

#include <stddef.h>
#include <unistd.h>

static enum vsp_channel_state *state_of(struct vsp_channels *channels,
                                        const struct vsp_channel *channel)
{
	return &channels->state[channel - channels->channel];
}

struct vsp_channel *vsp_channels_find(struct vsp_channels *channels, uint32_t id)
{
	for (unsigned int i = 0; i < VSP_CHANNELS_MAX; i++)
		if (channels->state[i] != VSP_CHANNEL_FREE &&
		    channels->channel[i].id == id)
			return &channels->channel[i];
	return NULL;
}

static struct vsp_channel *find_free(struct vsp_channels *channels)
{
	for (unsigned int i = 0; i < VSP_CHANNELS_MAX; i++)
		if (channels->state[i] == VSP_CHANNEL_FREE)
			return &channels->channel[i];
	return NULL;
}

struct vsp_channel *vsp_channels_open(struct vsp_channels *channels,
                                      const struct vsp_guest_memory *memory,
                                      struct vsp_packet *packet)
{
	struct vsp_channel *channel = find_free(channels);
	const struct vsp_message *message = &packet->message;
	const uint64_t *pages = message->tail;
	uint32_t in_pages = message->offset;

	if (!channel)
		return NULL;
	*channel = (struct vsp_channel){ .id = message->channel };
	if (!vsp_ring_map(memory, pages, in_pages, &channel->in))
		return NULL;
	if (!vsp_ring_map(memory, pages + in_pages, message->count - in_pages,
	                  &channel->out)) {
		vsp_ring_unmap(&channel->in);
		return NULL;
	}
	channel->event_in = packet->descriptors[0];
	channel->event_out = packet->descriptors[1];
	packet->descriptors[0] = -1; /* the channel's now */
	packet->descriptors[1] = -1;
	*state_of(channels, channel) = VSP_CHANNEL_OPEN;
	return channel;
}

bool vsp_channels_start(struct vsp_channels *channels, struct vsp_channel *channel)
{
	enum vsp_channel_state *state = state_of(channels, channel);

	if (*state != VSP_CHANNEL_OPEN)
		return false;
	*state = VSP_CHANNEL_STARTED;
	return true;
}

bool vsp_channels_begin_close(struct vsp_channels *channels, struct vsp_channel *channel)
{
	enum vsp_channel_state *state = state_of(channels, channel);

	if (*state == VSP_CHANNEL_CLOSING)
		return false;
	*state = VSP_CHANNEL_CLOSING;
	return true;
}

void vsp_channels_close(struct vsp_channels *channels, struct vsp_channel *channel)
{
	vsp_ring_unmap(&channel->in);
	vsp_ring_unmap(&channel->out);
	close(channel->event_in);
	close(channel->event_out);
	*state_of(channels, channel) = VSP_CHANNEL_FREE;
}
