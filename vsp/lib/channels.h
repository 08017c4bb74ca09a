/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channels of a provider: their rings, their eventfds and how far each has come. */
#ifndef VIRIDIS_VSP_CHANNELS_H
#define VIRIDIS_VSP_CHANNELS_H

#include "vsp/lib/memory.h"
#include "vsp/lib/socket.h"
#include "vsp/lib/vsp.h"

enum vsp_channel_state {
	VSP_CHANNEL_FREE,
	VSP_CHANNEL_OPEN,
	VSP_CHANNEL_STARTED,
	VSP_CHANNEL_CLOSING,
};

struct vsp_channels {
	struct vsp_channel channel[VSP_CHANNELS_MAX];
	enum vsp_channel_state state[VSP_CHANNELS_MAX];
};

struct vsp_channel *vsp_channels_find(struct vsp_channels *channels, uint32_t id);

/* From an OPEN message, whose descriptors it takes. NULL: no slot, or pages that are not RAM. */
struct vsp_channel *vsp_channels_open(struct vsp_channels *channels,
                                      const struct vsp_guest_memory *memory,
                                      struct vsp_packet *packet);

/* False: it is not in the state this may follow. */
bool vsp_channels_start(struct vsp_channels *channels,
                        struct vsp_channel *channel) MUST_CHECK;
bool vsp_channels_begin_close(struct vsp_channels *channels,
                              struct vsp_channel *channel) MUST_CHECK;

/* From a LEND message; pages is NULL when there is no such memory or no room. */
struct vsp_loan vsp_channels_lend(struct vsp_channel *channel,
                                  const struct vsp_guest_memory *memory,
                                  const struct vsp_message *message);
/* Unmap what is lent as `gpadl`, if anything is. */
void vsp_channels_return(struct vsp_channel *channel, uint32_t gpadl);

void vsp_channels_close(struct vsp_channels *channels, struct vsp_channel *channel);

#endif
