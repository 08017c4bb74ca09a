/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's and the guest's part towards a real provider process: starts its program with a
 * socket, gives it RAM in a memfd and channels whose rings are in that RAM. No hypervisor.
 */
#ifndef VIRIDIS_TESTS_PROVIDER_HOST_H
#define VIRIDIS_TESTS_PROVIDER_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <viridis/base/bits.h>

#include "vmbus/core/ring.h"
#include "vsp/lib/memory.h"
#include "vsp/lib/socket.h"

#define HOST_RAM_BYTES    (UINT64_C(16) << 20)
#define HOST_PACKET_BYTES 8192u
#define HOST_PARTITION    77u

struct host {
	pid_t pid;
	int socket;
	int table;    /* for the next process, too */
	int lifeline; /* hangs up when nothing of the provider is left */
	struct vsp_guest_memory memory;
	struct vsp_packet packet; /* the last message from the provider */
};

/* The guest's ends of a channel's rings. */
struct host_channel {
	struct host *host;
	uint32_t id;
	uint32_t index; /* of a sub-channel, from 1 */
	uint64_t pfn;   /* of its rings, and how many pages each has */
	uint32_t pages;
	struct ring_memory upstream;
	struct ring_memory downstream;
	struct ring_producer out; /* to the provider */
	struct ring_consumer in;
	int event_to_provider;
	int event_to_guest;
	_Alignas(8) uint8_t packet[HOST_PACKET_BYTES];
};

/* What the program gets as VSP_BACKEND_FD, which is closed then; it may keep a copy of the lifeline. NULL: nothing. */
extern int (*host_backend)(int lifeline);

/* Start the program and say HELLO. */
void host_start(struct host *host, const char *program);

/* Kill it, wait until its I/O is over, and have another take its place: HELLO with the same memory and table. */
void host_replace(struct host *host, const char *program);

/* CONFIG and READY; READY's text is in host->packet. True: it is ready. */
bool host_configure(struct host *host, const char *json);

/* Waits until the lifeline hangs up; false: not within so many milliseconds. */
bool host_over(const struct host *host, int milliseconds);

/* Hang up, wait for its end; returns its exit status, or minus the signal. */
int host_stop(struct host *host);

/* Wait for a message of this type; log lines on the way are left out, others fail the test. */
const struct vsp_message *host_expect(struct host *host, enum vsp_message_type type);

void host_send(struct host *host, enum vsp_message_type type, uint32_t channel,
               uint32_t number, const char *text);

/* OPEN, OPENED, START: rings of `pages` pages each way, from page `pfn` on, in wild order. */
void host_open(struct host *host, struct host_channel *channel, uint32_t id, uint64_t pfn,
               uint32_t pages);
/* Likewise a sub-channel. */
void host_open_sub(struct host *host, struct host_channel *channel, uint32_t id,
                   uint32_t index, uint64_t pfn, uint32_t pages);
/* RESUME in OPEN's place. */
void host_resume(struct host_channel *channel);
bool host_try_resume(struct host_channel *channel); /* false: it is refused */
void host_close(struct host_channel *channel);

void host_signal(const struct host_channel *channel);

/* The next packet from the provider; waits for its signal if there is none yet. */
void host_receive(struct host_channel *channel, struct ring_received *received);

/* Is one there now? */
bool host_poll(struct host_channel *channel, struct ring_received *received);

#endif
