/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process that dies leaves to the next one that serves the adapter, in memory that outlives both: how far each ring was
 * read, what is owed to the guest, what the adapter was told. PURE.
 *
 *   L1 One store makes a packet taken: the index behind it, whether its completion is owed, which of the two states holds.
 *      Before that it is in the ring and is carried out again. A frame may go out twice then; a request does what it did.
 *   L2 Before a packet is put, its mark says where the ring's write index will stand: so the next process knows whether it
 *      was put. It says so no more before anything else is put.
 *   L3 Of the sections `state` and `next` are believed, the rest is made anew. What no packet's first leads to is free.
 *
 * The process that died may have been its guest's, so what is read here is checked like a guest's.
 */
#ifndef VIRIDIS_VSP_NET_CORE_NET_RECORD_H
#define VIRIDIS_VSP_NET_CORE_NET_RECORD_H

#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_sections.h"

#define NET_QUEUES_MAX 8u

/* What a packet on the first channel asked of the worker, and waits for. */
enum net_asked { NET_ASKED_NOTHING, NET_ASKED_LOAN, NET_ASKED_SUB_CHANNELS };

/* The adapter between two packets. */
struct net_state {
	struct net_device device;

	/* The packet whose answer waits for the worker's. */
	enum net_asked asked;
	enum net_buffer asked_buffer; /* of a loan */
	uint64_t asked_id;
	bool asked_answered; /* it wants a completion */
	uint32_t asked_channels;

	bool table_owed; /* the guest is to be told by which channels to send */

	/* An answer to a request: it waits for a section and room in the ring. */
	uint32_t answer_bytes; /* 0: there is none */
	_Alignas(8) uint8_t answer[NET_ANSWER_BYTES_MAX];
};

struct net_completion {
	uint64_t id;
	uint32_t bytes;
	struct nvsp_message message;
};

struct net_record_queue {
	uint32_t channel;    /* its id; 0: it is not open */
	uint32_t completing; /* L2: the completion's mark */
	uint64_t taken;      /* L1 */
	struct net_completion completion;
};

struct net_record {
	uint64_t magic;
	struct net_record_queue queues[NET_QUEUES_MAX];
	struct net_state states[2];
	/* L2: a packet with sections, from before they are taken until it is put: its id, its queue, its mark; 0: none. */
	uint64_t frame;
	uint64_t answer;
	struct net_sections sections;
};

/* All of the table, whatever it held. */
void net_record_init(struct net_record *record);

/* ---- A queue's packets ---- */

/* `state` with the first, NULL with others. */
void net_record_open(struct net_record *record, uint32_t index, uint32_t channel,
                     uint32_t read, const struct net_state *state);
void net_record_close(struct net_record *record, uint32_t index);

/* The index behind what was taken. */
static inline uint32_t net_record_read(const struct net_record_queue *queue)
{
	return (uint32_t)queue->taken;
}

bool net_record_owes(const struct net_record_queue *queue);

/*
 * L1. `owes`: the completion that stands there is owed from now on; one that was owed before still is. `state`: what holds
 * from now on; NULL: it is as it was. Only packets of the first queue change it.
 */
void net_record_take(struct net_record *record, uint32_t index, uint32_t read, bool owes,
                     const struct net_state *state);

/* L2, around putting the completion: where the ring will stand, and what became of it. */
void net_record_complete(struct net_record_queue *queue, uint32_t index_behind);
void net_record_completed(struct net_record_queue *queue, bool put);

/* It changed beside a packet's being taken. */
void net_record_change(struct net_record *record, const struct net_state *state);

/* ---- Packets with sections ---- */

#define NET_RECORD_NOWHERE UINT32_MAX /* it is not being put now */

void net_record_mark(uint64_t *mark, uint64_t id, uint32_t queue, uint32_t index_behind);
void net_record_unmark(uint64_t *mark);

/* ---- Taking it up ---- */

/* The adapter as it was left, under settings that may be others; false: there is nothing that could be gone on with. */
MUST_CHECK bool net_record_resume(struct net_record *record,
                                  const struct net_settings *settings,
                                  struct net_state *state);

/* A queue whose ring to the guest stands at `write`: what was put is known as such, and what was not is free. */
void net_record_resume_queue(struct net_record *record, uint32_t index, uint32_t write,
                             struct net_state *state);

#endif
