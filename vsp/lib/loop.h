/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The provider's event loop: epoll over a fixed number of descriptors. */
#ifndef VIRIDIS_VSP_LOOP_H
#define VIRIDIS_VSP_LOOP_H

#include <stdbool.h>

#include "vsp/lib/vsp.h"

/* The worker's socket and each channel's event come on top of what a provider may watch. */
#define VSP_LOOP_WATCHES (VSP_WATCHES_MAX + VSP_CHANNELS_MAX + 1)

struct vsp_loop_watch {
	vsp_ready_function ready; /* NULL: the slot is free */
	void *context;
	int fd;
};

struct vsp_loop {
	struct vsp *vsp;
	int epoll_fd;
	bool stop;
	struct vsp_loop_watch watch[VSP_LOOP_WATCHES];
};

bool vsp_loop_init(struct vsp_loop *loop, struct vsp *vsp) MUST_CHECK;
/* While there is something to read. */
bool vsp_loop_watch(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                    void *context) MUST_CHECK;
/* Once each time that something comes: it need not be read. */
bool vsp_loop_watch_edges(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                          void *context) MUST_CHECK;
void vsp_loop_unwatch(struct vsp_loop *loop, int fd);
void vsp_loop_run(struct vsp_loop *loop);
void vsp_loop_stop(struct vsp_loop *loop);

#endif
