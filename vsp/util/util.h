/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The utility provider: a service (core/) on each of its channels, one timer for all. */
#ifndef VIRIDIS_VSP_UTIL_UTIL_H
#define VIRIDIS_VSP_UTIL_UTIL_H

#include "root-partition/config/json_text.h"

#include "vsp/lib/vsp.h"
#include "vsp/util/core/util_facts.h"

/* A guest's packets are as long as ours, padded. */
#define UTIL_BUFFER_BYTES 8192u
_Static_assert(UTIL_BUFFER_BYTES >= UTIL_PACKET_BYTES, "the longest comes back");
/* Orders that wait for the end of one round of questions. */
#define UTIL_WAITING_MAX 8u
/* Packets taken from one channel before the others and the worker get their turn. */
#define UTIL_PACKETS_PER_TURN 64u

struct util_channel {
	struct util_service service;
	uint32_t id;             /* 0: this service is not offered */
	struct vsp_channel *vsp; /* NULL: closed */
	struct ring_consumer in;
	struct ring_producer out;
	bool broken;  /* the guest broke its rings */
	uint32_t tag; /* of the order that waits for the guest's answer */
};

/* An order to set or remove an item that waits for the end of a round of questions. */
struct util_held_item {
	uint32_t tag; /* 0: there is none */
	bool remove;
	char key[KVP_KEY_BYTES / 2];
	char value[KVP_VALUE_BYTES / 2];
};

/* In vsp_table(): what the process that takes this one's place must know. */
struct util_table {
	uint32_t frozen;  /* the guest's file systems stand still */
	uint32_t copying; /* a file is under way into it */
};

struct util {
	struct vsp *vsp;
	int timer_fd;
	struct util_channel channels[UTIL_KINDS];
	struct util_facts facts;
	uint32_t waiting[UTIL_WAITING_MAX]; /* orders that want them */
	uint32_t waiting_count;
	uint64_t waiting_due_ns; /* when they get what there is, if the round is not over by then */
	struct util_held_item held;
	struct util_table *table;
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

/*
 * Orders to the guest: send it on its way, freeze its file systems and thaw them. False and *why: it cannot be. Else the
 * order is answered as the guest answers.
 */
MUST_CHECK bool util_channel_shutdown(struct util *util, uint32_t tag, bool restart,
                                      bool force, const char **why);
MUST_CHECK bool util_channel_freeze(struct util *util, uint32_t tag, uint64_t seconds,
                                    const char **why);
MUST_CHECK bool util_channel_thaw(struct util *util, uint32_t tag, const char **why);

/* Likewise: an item for the guest's programs; no value: they are to find it no more. */
MUST_CHECK bool util_channel_set_item(struct util *util, uint32_t tag, const char *key,
                                      const char *value, const char **why);

/* Likewise: a file is begun, gets its next piece, and is whole. */
MUST_CHECK bool util_channel_copy(struct util *util, uint32_t tag,
                                  const struct fcopy_file *file, const char **why);
MUST_CHECK bool util_channel_copy_data(struct util *util, uint32_t tag, const void *data,
                                       uint32_t bytes, const char **why);
MUST_CHECK bool util_channel_copy_end(struct util *util, uint32_t tag, const char **why);

/* What there is of it goes. */
void util_channel_copy_cancel(struct util *util);

/* What the guest tells of itself is answered to this order: once it has told it, or now when it tells nothing. */
void util_channel_ask(struct util *util, uint32_t tag);

/* ---- config.c ---- */

/* CONFIG's JSON. */
MUST_CHECK bool util_configure(struct util *util, const char *json, char *error,
                               size_t error_bytes);

/* ---- orders.c ---- */

#define UTIL_FREEZE_SECONDS_MAX 3600

/* An order from the worker, answered now or later. */
void util_order(struct util *util, uint32_t tag, const char *json);

/* The object as an answer or event, or an error if that is too long. */
void util_send(struct util *util, uint32_t tag, const json_t *object);

/* {"ok": true}, or {"ok": false, "error": `why`}. */
void util_answer(struct util *util, uint32_t tag, const char *why);

/* {"event": kind, "state": event}, unasked. */
void util_tell(struct util *util, enum util_kind kind, enum util_event event);

/* The member of its name: its state and counts. */
void util_add_service(json_t *object, const struct util_service *service);

/* ---- guest.c ---- */

/* What is known of the guest, as the answer to this order. */
void util_answer_guest(struct util *util, uint32_t tag);

#endif
