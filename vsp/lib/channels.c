/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FREE -> OPEN -> STARTED -> CLOSING -> FREE; CLOSING may follow OPEN at once. */
#include "vsp/lib/channels.h"

#include <stddef.h>
#include <unistd.h>
#include <viridis/base/bits.h>

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
	*channel =
		(struct vsp_channel){ .id = message->channel, .index = message->number };
	if (!vsp_ring_map(memory, pages, in_pages, &channel->in))
		return NULL;
	if (!vsp_ring_map(memory, pages + in_pages, message->count - in_pages,
	                  &channel->out)) {
		vsp_ring_unmap(&channel->in);
		return NULL;
	}
	channel->event_in = packet->datagram.descriptors[0];
	channel->event_out = packet->datagram.descriptors[1];
	packet->datagram.descriptors[0] = -1; /* the channel's now */
	packet->datagram.descriptors[1] = -1;
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

static struct vsp_loan *find_loan(struct vsp_channel *channel, uint32_t gpadl)
{
	for (unsigned int i = 0; i < VSP_LOANS_MAX; i++)
		if (channel->loans[i].pages && channel->loans[i].gpadl == gpadl)
			return &channel->loans[i];
	return NULL;
}

/* What is lent already stays where it is: somebody may be using it. */
struct vsp_loan vsp_channels_lend(struct vsp_channel *channel,
                                  const struct vsp_guest_memory *memory,
                                  const struct vsp_message *message)
{
	struct vsp_loan loan = { .gpadl = message->number };
	struct vsp_loan *slot = find_loan(channel, loan.gpadl);

	if (slot)
		return *slot;
	for (unsigned int i = 0; i < VSP_LOANS_MAX && !slot; i++)
		if (!channel->loans[i].pages)
			slot = &channel->loans[i];
	if (!slot)
		return loan;
	loan.bytes = message->count * PAGE_4K;
	loan.pages = vsp_pages_map(memory, message->tail, message->count);
	*slot = loan;
	return loan;
}

void vsp_channels_return(struct vsp_channel *channel, uint32_t gpadl)
{
	struct vsp_loan *loan = find_loan(channel, gpadl);

	if (!loan)
		return;
	vsp_pages_unmap(loan->pages, loan->bytes);
	loan->pages = NULL;
}

void vsp_channels_close(struct vsp_channels *channels, struct vsp_channel *channel)
{
	for (unsigned int i = 0; i < VSP_LOANS_MAX; i++)
		if (channel->loans[i].pages)
			vsp_channels_return(channel, channel->loans[i].gpadl);
	vsp_ring_unmap(&channel->in);
	vsp_ring_unmap(&channel->out);
	close(channel->event_in);
	close(channel->event_out);
	*state_of(channels, channel) = VSP_CHANNEL_FREE;
}
