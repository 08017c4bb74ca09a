/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The utility provider: a service (core/) on each of its channels, one timer for all. */
#ifndef VIRIDIS_VSP_UTIL_UTIL_H
#define VIRIDIS_VSP_UTIL_UTIL_H

#include "vsp/lib/vsp.h"
#include "vsp/util/core/util_service.h"

/* A guest's packets are as long as ours, padded. */
#define UTIL_BUFFER_BYTES 4096u
/* Packets taken from one channel before the others and the worker get their turn. */
#define UTIL_PACKETS_PER_TURN 64u

struct util_channel {
	struct util_service service;
	uint32_t id;             /* 0: this service is not offered */
	struct vsp_channel *vsp; /* NULL: closed */
	struct ring_consumer in;
	struct ring_producer out;
	bool broken;           /* the guest broke its rings */
	uint32_t shutdown_tag; /* of the order that waits for the guest's answer */
};

struct util {
	struct vsp *vsp;
	int timer_fd;
	struct util_channel channels[UTIL_KINDS];
	_Alignas(8) uint8_t buffer[UTIL_BUFFER_BYTES];
};

/* ---- channel.c ---- */

bool util_channel_open(struct util_channel *channel, struct vsp_channel *vsp);
void util_channel_started(struct util *util, struct util_channel *channel);
void util_channel_close(struct util *util, struct util_channel *channel);

/* Take what the guest sent. */
void util_channel_pump(struct util *util, struct util_channel *channel);

/* What is due by now on all channels; then the timer is set anew. */
void util_tick_all(struct util *util);

/* Send the guest on its way; false and *why: it cannot be. The answer comes as an event. */
MUST_CHECK bool util_channel_shutdown(struct util *util, uint32_t tag, bool restart,
                                      bool force, const char **why);

/* ---- orders.c ---- */

/* Which channel has which class, from CONFIG. */
MUST_CHECK bool util_configure_channels(struct util *util, const char *json, char *error,
                                        size_t error_bytes);

/* An order from the worker, answered now or later. */
void util_order(struct util *util, uint32_t tag, const char *json);

/* {"ok": true}, or {"ok": false, "error": `why`}. */
void util_answer(struct util *util, uint32_t tag, const char *why);

/* {"event": kind, "state": event}, unasked. */
void util_tell(struct util *util, enum util_kind kind, enum util_event event);

#endif
