/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a provider process is written against: an event loop, the child's memory and rings, the
 * worker's orders as calls, and a sandbox. A provider fills in a struct vsp_provider and calls
 * vsp_main(); README.md beside this file tells how. Single-threaded: every call and callback is
 * on the thread of vsp_main().
 */
#ifndef VIRIDIS_VSP_H
#define VIRIDIS_VSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/bits.h>

#include "vmbus/core/ring.h"
#include "vsp/lib/core/protocol.h"

struct vsp;
struct sandbox_call;

/* Memory that the guest lends to a channel beside its rings, in a row. */
struct vsp_loan {
	uint32_t gpadl;
	uint8_t *pages; /* NULL: there is no such memory */
	uint64_t bytes;
};
#define VSP_LOANS_MAX 4

/* A channel between OPEN and vsp_channel_closed(). The provider may change `context` only. */
struct vsp_channel {
	uint32_t id;
	uint32_t index;         /* 0: the device's first; else a sub-channel */
	struct ring_memory in;  /* guest to host: we consume */
	struct ring_memory out; /* host to guest: we produce */
	int event_in;           /* eventfd: readable after the child's signal */
	int event_out;          /* eventfd: written to signal the child */
	void *context;
	struct vsp_loan loans[VSP_LOANS_MAX];
};

#define VSP_MORE_CALLS_MAX 8u

struct vsp_provider {
	const char *name; /* in log lines and as the process's name */

	/*
	 * The worker's CONFIG text. Open here every file that will ever be opened: the sandbox
	 * closes when this returns true. On false, `error` says in one line why.
	 */
	bool (*configure)(struct vsp *vsp, const char *json, char *error,
	                  size_t error_bytes);

	/*
	 * Optional: what is left to do before the worker hears that all is well, done inside the sandbox: to listen to
	 * somebody who is not to be trusted. No vsp_event(). On false, `error` says in one line why.
	 */
	bool (*settle)(struct vsp *vsp, char *error, size_t error_bytes);

	/* Optional: system calls of this provider alone; VSP_MORE_CALLS_MAX at most. */
	const struct sandbox_call *more_calls;
	size_t more_call_count;

	/* Get ready; the guest is not to hear from us yet. False refuses the channel. */
	bool (*open)(struct vsp *vsp, struct vsp_channel *channel);

	/*
	 * In open's place for one that another process served before it died: the guest goes on using it, and has
	 * not noticed. Optional: `open` is called without it. `started` follows either.
	 */
	bool (*resume)(struct vsp *vsp, struct vsp_channel *channel);

	/* The guest knows that the channel is open, and may have put packets in already. */
	void (*started)(struct vsp *vsp, struct vsp_channel *channel);

	/* The child signalled; the event is taken. */
	void (*signalled)(struct vsp *vsp, struct vsp_channel *channel);

	/*
	 * Stop; `started` may never have come. Once no I/O in flight can touch the guest's pages for this channel, call
	 * vsp_channel_closed(), from here or later. No `signalled` comes after this.
	 */
	void (*close)(struct vsp *vsp, struct vsp_channel *channel);

	/* Optional: the answer to vsp_borrow(). What is lent stays until `reclaim` or vsp_channel_closed(). */
	void (*lent)(struct vsp *vsp, struct vsp_channel *channel,
	             const struct vsp_loan *loan);

	/* With `lent`: the guest wants it back. From the return on nothing of it is touched. */
	void (*reclaim)(struct vsp *vsp, struct vsp_channel *channel, uint32_t gpadl);

	/* With vsp_offer(): so many will be offered to the guest, 0 at worst; `open` follows for each that it opens. */
	void (*offered)(struct vsp *vsp, struct vsp_channel *channel, uint32_t count);

	/* Optional. A JSON order from the worker; answer by vsp_event() with the same tag. */
	void (*command)(struct vsp *vsp, uint32_t tag, const char *json);
};

/* Serve the worker at VSP_SOCKET_FD until it hangs up. Returns the process's exit status. */
int vsp_main(const struct vsp_provider *provider, void *context);

void *vsp_context(const struct vsp *vsp);

/*
 * A descriptor to be kept wherever I/O can outlive the process: among the files of an io_uring. Once all copies
 * are closed the worker gives the guest its pages back. From `configure` on.
 */
int vsp_lifeline(const struct vsp *vsp);

/*
 * VSP_TABLE_BYTES that outlive the process: zeros at first; for one that takes a dead one's place, what that one
 * left there, which is to be checked. From `configure` on.
 */
void *vsp_table(const struct vsp *vsp);

/* A piece of the child's RAM, of whole pages that lie in a row in our address space too. `bytes` is 0: there is none. */
struct vsp_ram {
	uint64_t gpa;
	uint64_t bytes;
	uint8_t *at;
};

/* The largest piece around an address; false: that is not RAM. */
MUST_CHECK bool vsp_ram_around(const struct vsp *vsp, uint64_t gpa, struct vsp_ram *ram);

/*
 * *run pages of the child's RAM in our address space, or as many of them as lie in a row there: at least 1. NULL: the
 * first is not RAM. `ram` is where the one before was found, as most lie in one piece; for the first it is all zeros.
 */
static inline uint8_t *vsp_ram_pages(const struct vsp *vsp, struct vsp_ram *ram,
                                     uint64_t pfn, uint32_t *run)
{
	uint64_t gpa = pfn << PAGE_SHIFT_4K;
	uint64_t pages;

	if (gpa >> PAGE_SHIFT_4K != pfn)
		return NULL;
	if (gpa - ram->gpa >= ram->bytes && !vsp_ram_around(vsp, gpa, ram))
		return NULL;
	pages = (ram->bytes - (gpa - ram->gpa)) >> PAGE_SHIFT_4K;
	if (*run > pages)
		*run = (uint32_t)pages;
	return ram->at + (gpa - ram->gpa);
}

/*
 * All that vsp_ram_around() gives out of, in a row; between its parts there may be some that is not RAM. From `configure` on.
 * NULL: pages of it are gone from its file, as by a balloon, but for a few that never were there (HOLES_MOST in vsp.c);
 * whoever touched all of it would make new ones, which no guest has.
 */
void *vsp_whole_memory(const struct vsp *vsp, uint64_t *bytes);

/*
 * Interrupt the child for this channel, now or when there is nothing else to do, by the call that waits. Call it only when the
 * ring rules ask for a signal.
 */
void vsp_channel_signal(struct vsp *vsp, const struct vsp_channel *channel);

/* Ask for what the guest lent to a started channel as this GPADL; `lent` follows, unless `close` does. */
void vsp_borrow(struct vsp *vsp, const struct vsp_channel *channel, uint32_t gpadl);

/*
 * Have the guest offered `count` sub-channels of a started channel's device; `offered` follows, unless `close` does.
 * They are taken from the guest when that channel is closed.
 */
void vsp_offer(struct vsp *vsp, const struct vsp_channel *channel, uint32_t count);

/* The answer to close. The channel is gone when the call returns. */
void vsp_channel_closed(struct vsp *vsp, struct vsp_channel *channel);

/* The process ends, as one that died, when this turn is over: the worker starts another, and the keeper what that needs. */
void vsp_end(struct vsp *vsp, const char *why);

/* JSON to the worker: `tag` of the command it answers, or 0. */
void vsp_event(struct vsp *vsp, uint32_t tag, const char *json);

/* One line without newline into the VM's log. */
void vsp_log(struct vsp *vsp, enum vsp_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * More for the event loop to wait on: an io_uring's descriptor, a timerfd. `ready` runs when
 * `fd` is readable, level-triggered. A descriptor is watched at most once; VSP_WATCHES_MAX in
 * all. unwatch is safe inside any callback.
 */
#define VSP_WATCHES_MAX 64
typedef void (*vsp_ready_function)(struct vsp *vsp, int fd, void *context);
bool vsp_watch(struct vsp *vsp, int fd, vsp_ready_function ready,
               void *context) MUST_CHECK;
void vsp_unwatch(struct vsp *vsp, int fd);

#endif
