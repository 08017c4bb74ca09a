/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The provider's event loop over a fixed number of descriptors: by the module's waiter, which signals and waits in one call,
 * where the process was given one, and by epoll for what that has no room for or cannot watch.
 */
#ifndef VIRIDIS_VSP_LOOP_H
#define VIRIDIS_VSP_LOOP_H

#include <stdbool.h>
#include <viridis/abi/mshv.h>

#include "vsp/lib/vsp.h"

/* The worker's socket and each channel's event come on top of what a provider may watch. */
#define VSP_LOOP_WATCHES (VSP_WATCHES_MAX + VSP_CHANNELS_MAX + 1)

struct vsp_loop_watch {
	vsp_ready_function ready; /* NULL: the slot is free */
	void *context;
	int fd;
	int signal; /* the eventfd that signals the same channel's child; -1: none */
	unsigned int number; /* the waiter's; VSP_LOOP_EPOLL: epoll has it */
};

/* The waiter's watch of epoll itself. */
#define VSP_LOOP_EPOLL 0u

struct vsp_loop {
	struct vsp *vsp;
	int epoll_fd;
	int waiter; /* -1: there is none */
	bool stop;
	bool last;        /* of the callbacks of this turn: then come the signals */
	uint32_t signals; /* for the waiter, by number */
	struct vsp_loop_watch *numbered[VIRIDIS_WATCHES_MAX]; /* NULL: free */
	struct vsp_loop_watch watch[VSP_LOOP_WATCHES];
};

/* `waiter`: a descriptor that may be one. */
bool vsp_loop_init(struct vsp_loop *loop, struct vsp *vsp, int waiter) MUST_CHECK;
/* While there is something to read. */
bool vsp_loop_watch(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                    void *context) MUST_CHECK;
/* `in` once each time that something comes: it need not be read. `out` signals the same channel's child. */
bool vsp_loop_watch_channel(struct vsp_loop *loop, int in, int out,
                            vsp_ready_function ready, void *context) MUST_CHECK;
/* The child of a channel, before the loop waits. */
void vsp_loop_signal(struct vsp_loop *loop, int in, int out);
void vsp_loop_unwatch(struct vsp_loop *loop, int fd);
void vsp_loop_run(struct vsp_loop *loop);
void vsp_loop_stop(struct vsp_loop *loop);

#endif
