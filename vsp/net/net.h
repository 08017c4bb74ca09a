/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One network adapter: its channel, the buffers that the guest lends, its backend. Everything
 * runs on the provider's one thread.
 *
 *   guest's ring -> channel.c -> transmit.c -> backend
 *   backend -> receive.c -> the guest's receive buffer, its ring
 *
 * A frame is copied once, by the system call that moves it between the guest's pages and the
 * root's network stack. A guest that asks for sub-channels has several queues, each a pair of
 * rings with an interrupt of its own; they share everything else.
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
#include "vsp/net/core/net_alone.h"
#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"
#include "vsp/net/core/net_record.h"

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
	uint64_t stalls;    /* the guest had all sections, or its ring was full */
	uint64_t held_back; /* segments that the network would have had to find alone */
};

/* A packet's memory: pieces of the guest's, in the order of its bytes. */
struct net_memory {
	struct iovec pieces[NET_PIECES_MAX];
	unsigned int count;
	uint32_t bytes;
};

/* A channel; it is open while `channel` is not NULL. */
struct net_queue {
	struct net *net;
	uint32_t index; /* 0: the first, which alone has requests and answers */
	struct vsp_channel *channel;
	struct ring_consumer in;
	struct ring_producer out;
	bool stalled; /* packets were left in the ring */
	bool signal;  /* the guest is to be told at the end of this turn */
	bool resumed; /* another process had it before; until it is started */
	bool changed; /* the packet that is being taken changed the state */
	struct net_record_queue *record; /* how far it was read, and the completion owed */
};

/* The adapter is being taken from the guest: leave.c. */
struct net_leave {
	bool begun;
	int timer;            /* -1: it is over, or needs none */
	uint32_t tag;         /* of the order, which is answered at the end */
	unsigned int periods; /* since it began */
	unsigned int silent;  /* of these, the last in which the guest was at rest */
};

/* What the network had taken when it was last looked at: stall.c. */
struct net_stall {
	bool watches; /* there is a timer, as the backend may stall */
	int timer;
	bool runs;          /* the timer, as something may be unread */
	bool looked;        /* since it runs: the rest is of then */
	unsigned int looks; /* of these, the last in which nothing had been taken */
	uint64_t unread;
	uint64_t sent_bytes;
	uint64_t received; /* frames */
};

struct net {
	struct vsp *vsp;
	struct net_record *record; /* for the process that follows this one */
	struct net_state state;    /* as the record has it, or will have it soon */
	struct net_backend backend;
	struct net_counts counts;

	struct net_queue queues[NET_QUEUES_MAX];
	bool broken;   /* the guest broke a ring */
	bool watching; /* the backend's descriptor */
	bool burst;    /* the last turn had several frames */
	bool again;    /* a frame came since the guest's last signal */
	bool waiting;  /* for the backend to take the rest of a frame */
	bool lost;     /* the backend is gone, for good */
	bool link_up;  /* what the guest is to know */
	bool announce; /* and hear once more, as another process served it before */
	struct net_leave leave;
	struct net_stall stall;
	struct net_alone alone; /* connections of a user-mode network */

	/* The guest's buffers, while the device has them MAPPED. */
	struct vsp_loan buffers[NET_BUFFERS];
	uint32_t recalling; /* those that the process before had, until the worker lends them again: a bit for each */

	/* A frame that is in its sections already, and has no room in its ring. */
	uint64_t held_id; /* 0: none */
	struct net_queue *held_queue;
	uint32_t held_count;
	struct vmbus_xfer_range held[NET_RECEIVE_PIECES_MAX];

	time_t log_second; /* lines are limited, as guests can cause them */
	unsigned int log_lines;
	_Alignas(8) uint8_t packet[NET_PACKET_BYTES];
};

/* ---- channel.c ---- */

/* The channel's context is its queue from now on. */
bool net_channel_open(struct net *net, struct vsp_channel *channel);
/* Likewise one that another process had: all goes on where that one stood, once the worker has lent the buffers anew. */
bool net_channel_resume(struct net *net, struct vsp_channel *channel);
/* The guest knows that it is open, or never noticed anything. */
void net_channel_started(struct net_queue *queue);
void net_channel_close(struct net_queue *queue);
/* Put what waits, take packets, receive frames: after every signal. */
void net_channel_pump(struct net_queue *queue);
void net_channel_lent(struct net *net, const struct vsp_loan *loan);
void net_channel_offered(struct net *net, uint32_t count);
void net_channel_reclaim(struct net *net, uint32_t gpadl);

/* The guest is told of what was put for it in this turn. */
void net_signal(struct net *net);

/* The state changed beside a packet's being taken: the record has it from the return on. */
void net_save(struct net *net);

/* The ring was found broken: nothing goes on until the channel is opened anew. */
void net_break_off(struct net *net, const char *what);

/* ---- leave.c ---- */

/*
 * Have the guest come to rest; the order of this tag is answered when it is, or does not, and may be given once more then.
 * Nothing is sent any more.
 */
void net_leave(struct net *net, uint32_t tag);
/* A while of that is over. */
void net_leave_period(struct net *net);

/* A frame is of no interest any more. */
static inline bool net_leave_drops(const struct net *net, const struct net_action *action)
{
	return net->leave.begun && action->type == NET_TRANSMIT;
}

/* ---- stall.c ---- */

/* False and errno. A backend that cannot stall needs nothing. */
MUST_CHECK bool net_stall_init(struct net *net);
/* From now on it is looked at. */
void net_stall_start(struct net *net);

/* Frames may have been sent. */
static inline void net_stall_follow(struct net *net)
{
	if (net->stall.watches && !net->stall.runs &&
	    net->counts.sent_bytes != net->stall.sent_bytes)
		net_stall_start(net);
}

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
void net_receive_resume(struct net *net);
/* A frame that comes now has a place. */
bool net_receive_has_room(const struct net *net);
/* Put the answer that waits, or what the guest is to know of the link; if there is room. */
void net_put_answer(struct net *net);
/* The queue is closing: what is held for it is dropped. */
void net_receive_forget(struct net_queue *queue);
/* Frames that came while nobody listened are of no interest. */
void net_discard(struct net *net);
/* The backend is gone, for the reason in errno: no frame comes or goes any more. */
void net_lose_backend(struct net *net);

/* ---- statistics.c ---- */

/* Text to be freed by the caller. */
char *net_statistics_json(const struct net *net);

/* ---- main.c ---- */

/* Not more than a few lines a second get through. */
void net_log(struct net *net, enum vsp_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
