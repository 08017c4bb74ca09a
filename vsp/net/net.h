/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One network adapter: its channel, the buffers that the guest lends, its backend. Everything
 * runs on the provider's one thread.
 *
 *   guest's ring -> channel.c -> transmit.c -> backend
 *   backend -> receive.c -> the guest's receive buffer, its ring
 *
 * A frame is copied once, by the system call that moves it between the guest's pages and the
 * root's network stack.
 */
#ifndef VIRIDIS_VSP_NET_NET_H
#define VIRIDIS_VSP_NET_NET_H

#include <sys/uio.h>
#include <time.h>

#include "vmbus/class/nvsp.h"
#include "vmbus/core/gpa_direct.h"
#include "vmbus/core/ring.h"
#include "vsp/lib/vsp.h"
#include "vsp/net/backend.h"
#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"
#include "vsp/net/core/net_sections.h"

#define NET_PACKET_BYTES 4096u
#define NET_RANGES_MAX   64u
#define NET_PAGES_MAX    128u
/* A section of the send buffer, then pages. */
#define NET_PIECES_MAX (NET_PAGES_MAX + 1u)
/* A frame of 64 KiB in sections of NET_RECEIVE_SECTION. */
#define NET_RECEIVE_PIECES_MAX 9u

/* Figures only, beside those of struct net_frame_counts. */
struct net_counts {
	uint64_t sent_bytes;
	uint64_t received_bytes;
	uint64_t rejected; /* packets of the guest's that made no sense */
	uint64_t filtered; /* frames that the guest did not ask for */
	uint64_t signals_in;
	uint64_t signals_out;
	uint64_t stalls; /* the guest had all sections, or its ring was full */
};

/* A packet's memory: pieces of the guest's, in the order of its bytes. */
struct net_memory {
	struct iovec pieces[NET_PIECES_MAX];
	unsigned int count;
	uint32_t bytes;
};

struct net {
	struct vsp *vsp;
	struct net_device device;
	struct net_backend backend;
	struct net_counts counts;

	/* The channel; it is open while `channel` is not NULL. */
	struct vsp_channel *channel;
	struct ring_consumer in;
	struct ring_producer out;
	bool broken;   /* the guest broke a ring */
	bool stalled;  /* packets were left in the ring */
	bool watching; /* the backend's descriptor */
	bool burst;    /* the last turn had several frames */
	bool lost;     /* the backend is gone, for good */
	bool link_up;  /* what the guest is to know */

	/* The guest's buffers, while the device has them MAPPED. */
	struct vsp_loan buffers[NET_BUFFERS];
	struct net_sections sections;

	/* A packet that asked for a buffer: its answer waits for the worker's. */
	bool mapping;
	enum net_buffer mapped_buffer;
	uint64_t mapping_id;
	bool mapping_answered; /* it wants a completion */

	/* An answer to a request: it waits for a section and room in the ring. */
	uint32_t answer_bytes; /* 0: there is none */
	_Alignas(8) uint8_t answer[NET_ANSWER_BYTES_MAX];

	/* A completion for which there was no room in the ring. */
	bool completion_owed;
	uint64_t completion_id;
	uint32_t completion_bytes;
	struct nvsp_message completion;

	/* A frame that is in its sections already, likewise. */
	uint64_t held_id; /* 0: none */
	uint32_t held_count;
	struct vmbus_xfer_range held[NET_RECEIVE_PIECES_MAX];

	time_t log_second; /* lines are limited, as guests can cause them */
	unsigned int log_lines;
	_Alignas(8) uint8_t packet[NET_PACKET_BYTES];
};

/* ---- channel.c ---- */

bool net_channel_open(struct net *net, struct vsp_channel *channel);
void net_channel_close(struct net *net);
/* Put what waits, take packets, receive frames: after every signal. */
void net_channel_pump(struct net *net);
void net_channel_lent(struct net *net, const struct vsp_loan *loan);
void net_channel_reclaim(struct net *net, uint32_t gpadl);

/* The ring was found broken: nothing goes on until the channel is opened anew. */
void net_break_off(struct net *net, const char *what);

/* ---- transmit.c ---- */

/* The packet's memory; false: it names pages that are not RAM, or too many. */
MUST_CHECK bool net_memory_map(struct net *net, const struct ring_received *received,
                               const struct nvsp_rndis_packet *packet,
                               struct net_memory *memory);
/* `bytes` from `offset` on into private memory; they are there. */
void net_memory_copy(const struct net_memory *memory, uint32_t offset, void *to,
                     uint32_t bytes);
/* Send all frames of a packet. */
enum nvsp_status net_transmit(struct net *net, const struct net_memory *memory);

/* ---- receive.c ---- */

/* After a change: put the frame that is held, and listen to the backend, or no more. */
void net_receive_resume(struct net *net, bool *signal);
/* Put the answer that waits, or what the guest is to know of the link; if there is room. */
void net_put_answer(struct net *net, bool *signal);
/* Frames that came while nobody listened are of no interest. */
void net_discard(struct net *net);

/* ---- statistics.c ---- */

/* Text to be freed by the caller. */
char *net_statistics_json(const struct net *net);

/* ---- main.c ---- */

/* Not more than a few lines a second get through. */
void net_log(struct net *net, enum vsp_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
