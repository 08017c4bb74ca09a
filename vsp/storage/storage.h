/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One SCSI controller: its disks, its channels, its requests in flight. Everything runs on the
 * provider's one thread.
 *
 *   ring -> channel.c -> request.c -> core/ -> backend -> io_uring
 *                 answers  <-------------------------------'
 */
#ifndef VIRIDIS_VSP_STORAGE_STORAGE_H
#define VIRIDIS_VSP_STORAGE_STORAGE_H

#include <time.h>

#include "vmbus/class/scsi.h"
#include "vmbus/core/gpa_direct.h"
#include "vmbus/core/ring.h"
#include "vsp/lib/vsp.h"
#include "vsp/storage/backend.h"
#include "vsp/storage/config.h"
#include "vsp/storage/core/in_flight.h"
#include "vsp/storage/core/limit.h"
#include "vsp/storage/core/scsi_answer.h"
#include "vsp/storage/core/scsi_device.h"

#define STORAGE_REQUESTS_MAX   IN_FLIGHT_SLOTS
#define STORAGE_CHANNELS_MAX   8u /* a guest asks for no more than it has VPs */
#define STORAGE_TRANSFER_BYTES (UINT32_C(1) << 20)
#define STORAGE_RANGES_MAX     16u
/* A range that starts inside a page needs one page more. */
#define STORAGE_PAGES_MAX   (STORAGE_TRANSFER_BYTES / VMBUS_PAGE_BYTES + STORAGE_RANGES_MAX)
#define STORAGE_BOUNCES_MAX 8u

/* Counted since the process started; figures only, nothing depends on them. */
struct storage_disk_counts {
	uint64_t reads;
	uint64_t writes;
	uint64_t flushes;
	uint64_t unmaps;
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t errors;
	uint64_t delayed; /* by the limits */
};

struct storage_counts {
	uint64_t requests; /* packets from the guest that were answered or begun */
	uint64_t again;    /* of them, those that a process before this one had begun */
	uint64_t rejected; /* packets that made no sense */
	uint64_t signals_in;
	uint64_t signals_out;
	uint64_t bounced; /* I/Os whose data had to be copied */
	uint64_t bounced_bytes;
	uint64_t stalls; /* the ring was left with packets in it, for lack of room here */
};

struct storage;
struct storage_channel;
struct storage_disk;

/* From a packet taken out of the ring to its answer put in. */
struct storage_request {
	struct backend_io io;
	struct storage_request *next; /* in the list of free or of answered ones */
	struct storage *storage;
	struct storage_channel *channel;
	struct in_flight_slot *
		slot; /* where its packet lies: table->slots[] has one for each request */
	struct storage_disk *disk; /* I/O only */
	uint64_t transaction_id;
	bool wants_completion;
	struct storvsc_packet packet; /* as received */
	struct storvsc_packet answer; /* valid once answered */
	bool handshakes;              /* it is part of the driver's initialisation, */
	uint32_t handshake;           /* and when it has been answered that stands here */

	enum scsi_action_type type;
	uint64_t bytes;            /* of the I/O */
	struct scsi_extent first;  /* of the I/O */
	unsigned int extents_left; /* DISCARD: behind extents[] */
	struct scsi_extent extents[SCSI_UNMAP_EXTENTS_MAX];

	/* the guest's buffer in our address space: `memory_bytes` in all */
	unsigned int memory_count;
	uint32_t memory_bytes;
	struct iovec memory[STORAGE_PAGES_MAX];

	/* what backends get to use up: the same, or the bounce buffer */
	struct iovec work[STORAGE_PAGES_MAX];
	void *bounce; /* NULL: the guest's pages are used */
};

struct storage_request_list {
	struct storage_request *first;
	struct storage_request **last;
};

struct storage_disk {
	struct scsi_disk model;
	struct backend backend;
	struct storage_disk_counts counts;
	struct limit iops;
	struct limit bps;
	struct storage_request_list delayed; /* by them */
};

/* One of the controller's channels. It is open while `vsp` is not NULL. */
struct storage_channel {
	struct storage *storage;
	struct vsp_channel *vsp;
	struct in_flight_channel *record; /* in the table */
	struct ring_consumer in;
	struct ring_producer out;
	struct storage_request_list answered; /* for lack of room not in the ring yet */
	struct storage_request_list again;    /* begun by a process that died */
	unsigned int in_flight;               /* requests that backends have */
	bool signal;  /* whether or not the rings ask for it: one who died may owe it */
	bool stalled; /* packets were left in the ring */
	bool broken;  /* the guest broke the ring */
	bool closing;
};

struct storage {
	struct vsp *vsp;
	struct storage_config config; /* until all disks are settled */
	struct uring uring;
	struct scsi_target target;
	struct storage_disk disks[SCSI_LUNS_MAX]; /* by LUN, where target.disk has one */
	struct vstor_server server;
	struct in_flight_table *table;
	struct storage_channel channels[STORAGE_CHANNELS_MAX];
	unsigned int channel_limit;    /* open ones are below it */
	unsigned int in_flight;        /* of all of them */
	struct storage_request *reset; /* waits until nothing is in flight */
	uint64_t luns;                 /* of the disks there are */
	int limits_timer;
	bool enumerate; /* the guest is to be told to look at its disks */
	struct storage_request *requests; /* STORAGE_REQUESTS_MAX */
	struct storage_request *free_requests;
	unsigned int
		orphans; /* requests of channels that nobody has opened or resumed yet */
	void *free_bounces[STORAGE_BOUNCES_MAX];
	unsigned int free_bounce_count;
	struct storage_counts counts;
	time_t log_second; /* lines are limited, as guests can cause them */
	unsigned int log_lines;
};

/* ---- request.c ---- */

/* The table says what a process before has left; else it is made empty. */
MUST_CHECK bool storage_requests_init(struct storage *storage, void *table);

struct storage_request *
storage_request_take(struct storage *storage); /* NULL: none free */
void storage_request_free(struct storage_request *request);

/* Those of this channel that its last process had are free now. */
void storage_requests_forget(struct storage *storage, uint32_t channel);

/* As in_flight_resume(), for requests: what it frees is free, the others are the caller's. */
unsigned int storage_requests_resume(struct storage *storage,
                                     struct in_flight_channel *record,
                                     uint32_t write_index, uint16_t *numbers,
                                     uint32_t *answered);

/* Map the guest's buffer; false when it is not all RAM. */
MUST_CHECK bool storage_request_map(struct storage_request *request,
                                    const struct gpa_list *list);

enum storage_begin {
	STORAGE_ANSWERED, /* request->answer is there */
	STORAGE_BEGUN,    /* storage_request_done() will follow */
	STORAGE_NO_ROOM,  /* nothing was done; try again after a completion */
};
MUST_CHECK enum storage_begin storage_request_begin(struct storage_request *request,
                                                    const struct vstor_request *vstor);

/* The I/O that request->type and ->first say. */
void storage_request_start(struct storage_request *request);

/* The disk's medium is looked at again; true when it has grown. */
bool storage_disk_grow(struct storage *storage, unsigned int lun);

/* ---- limits.c ---- */

MUST_CHECK bool storage_limits_init(struct storage *storage);

/* Now, or when the disk's limits allow it. */
void storage_limits_start(struct storage_request *request);

/* All that waits is started, and what has no hope fails soon: somebody waits for the end of all I/O. */
void storage_limits_let_go(struct storage *storage);

/* ---- channel.c ---- */

bool storage_channel_open(struct storage *storage, struct vsp_channel *channel);
/* One that a process which died had open. */
bool storage_channel_resume(struct storage *storage, struct vsp_channel *channel);
void storage_channel_close(struct storage_channel *channel);

/* Put answers, take packets, begin their I/O: after every signal, and of all channels after completions. */
void storage_channel_pump(struct storage_channel *channel);
void storage_pump(struct storage *storage);

/* A request that was BEGUN has its answer. */
void storage_request_done(struct storage_request *request);

/* Have the guest look at its disks, when it has a driver. */
void storage_channel_announce(struct storage *storage);

/* ---- statistics.c ---- */

/* Text to be freed by the caller. */
char *storage_statistics_json(const struct storage *storage);

/* ---- servers.c ---- */

/* The worker is told of servers that are lost, and back. */
void storage_tell_servers(struct storage *storage);

/* ---- main.c ---- */

/* Not more than a few lines a second get through. */
void storage_log(struct storage *storage, enum vsp_log_level level, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

#endif
