/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting. epoll names a watch by its slot; a slot freed while events are being handed out is
 * seen to be free (or to have another descriptor, whose callback finds nothing to do); what is
 * skipped by that was for nobody.
 */
#define _GNU_SOURCE
#include "vsp/lib/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <viridis/base/bits.h>

bool vsp_loop_init(struct vsp_loop *loop, struct vsp *vsp)
{
	*loop = (struct vsp_loop){ .vsp = vsp };
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd >= 0;
}

static struct vsp_loop_watch *find_watch(struct vsp_loop *loop, int fd)
{
	for (unsigned int i = 0; i < VSP_LOOP_WATCHES; i++)
		if (loop->watch[i].ready && loop->watch[i].fd == fd)
			return &loop->watch[i];
	return NULL;
}

static struct vsp_loop_watch *find_free(struct vsp_loop *loop)
{
	for (unsigned int i = 0; i < VSP_LOOP_WATCHES; i++)
		if (!loop->watch[i].ready)
			return &loop->watch[i];
	return NULL;
}

static bool add_watch(struct vsp_loop *loop, int fd, uint32_t events,
                      vsp_ready_function ready, void *context)
{
	struct vsp_loop_watch *watch = find_free(loop);
	struct epoll_event event = { .events = events };

	if (!watch)
		return false;
	event.data.ptr = watch;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return false;
	*watch = (struct vsp_loop_watch){ .ready = ready, .context = context, .fd = fd };
	return true;
}

bool vsp_loop_watch(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                    void *context)
{
	return add_watch(loop, fd, EPOLLIN, ready, context);
}

bool vsp_loop_watch_edges(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                          void *context)
{
	return add_watch(loop, fd, EPOLLIN | EPOLLET, ready, context);
}

void vsp_loop_unwatch(struct vsp_loop *loop, int fd)
{
	struct vsp_loop_watch *watch = find_watch(loop, fd);

	if (!watch)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* it was added */
	watch->ready = NULL;
}

void vsp_loop_run(struct vsp_loop *loop)
{
	struct epoll_event events[16];

	while (!loop->stop) {
		int count = epoll_wait(loop->epoll_fd, events, ARRAY_COUNT(events), -1);

		if (count < 0 && errno != EINTR)
			return;
		for (int i = 0; i < count && !loop->stop; i++) {
			struct vsp_loop_watch watch =
				*(struct vsp_loop_watch *)events[i].data.ptr;

			if (watch.ready)
				watch.ready(loop->vsp, watch.fd, watch.context);
		}
	}
}

void vsp_loop_stop(struct vsp_loop *loop)
{
	loop->stop = true;
}
