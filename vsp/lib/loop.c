/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting. Whoever tells of news names a watch by its slot or its number; one that is freed while news are being handed out is
 * seen to be free (or to have another descriptor, whose callback finds nothing to do); what is
 * skipped by that was for nobody.
 */
#define _GNU_SOURCE
#include "vsp/lib/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "root-partition/libmshv/mshv.h"

bool vsp_loop_init(struct vsp_loop *loop, struct vsp *vsp, int waiter)
{
	struct viridis_watch epoll = { .number = VSP_LOOP_EPOLL, .signal = -1 };

	*loop = (struct vsp_loop){ .vsp = vsp, .waiter = waiter };
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll.fd = loop->epoll_fd;
	if (loop->epoll_fd >= 0 && mshv_watch(waiter, &epoll) != 0)
		loop->waiter = -1;
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

/* ---- By the waiter ---- */

static unsigned int find_number(const struct vsp_loop *loop)
{
	for (unsigned int number = 0; number < VIRIDIS_WATCHES_MAX; number++)
		if (number != VSP_LOOP_EPOLL && !loop->numbered[number])
			return number;
	return VSP_LOOP_EPOLL;
}

/* False: it has no room, or cannot watch that. */
static bool give_number(struct vsp_loop *loop, struct vsp_loop_watch *watch, bool edges)
{
	const struct viridis_watch wanted = {
		.number = find_number(loop),
		.fd = watch->fd,
		.signal = watch->signal,
		.flags = edges ? VIRIDIS_WATCH_EDGES : 0,
	};

	if (loop->waiter < 0 || wanted.number == VSP_LOOP_EPOLL ||
	    mshv_watch(loop->waiter, &wanted) != 0)
		return false;
	watch->number = wanted.number;
	loop->numbered[watch->number] = watch;
	return true;
}

static void signal_now(int out)
{
	uint64_t one = 1;

	/* EAGAIN: 2^64 - 2 signals are pending, so one more changes nothing. */
	(void)!write(out, &one, sizeof(one));
}

static void take_number(struct vsp_loop *loop, struct vsp_loop_watch *watch)
{
	const struct viridis_watch none = { .number = watch->number, .fd = -1 };

	if (loop->signals & BIT32(watch->number))
		signal_now(watch->signal);
	loop->signals &= ~BIT32(watch->number);
	loop->numbered[watch->number] = NULL;
	(void)!mshv_watch(loop->waiter, &none); /* it was there */
}

/* ---- Watches ---- */

static bool add_to_epoll(struct vsp_loop *loop, struct vsp_loop_watch *watch, bool edges)
{
	struct epoll_event event = { .events = EPOLLIN | (edges ? EPOLLET : 0) };

	event.data.ptr = watch;
	watch->number = VSP_LOOP_EPOLL;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

static bool add_watch(struct vsp_loop *loop, const struct vsp_loop_watch *wanted,
                      bool edges)
{
	struct vsp_loop_watch *watch = find_free(loop);

	if (!watch)
		return false;
	*watch = *wanted;
	if (give_number(loop, watch, edges) || add_to_epoll(loop, watch, edges))
		return true;
	watch->ready = NULL;
	return false;
}

bool vsp_loop_watch(struct vsp_loop *loop, int fd, vsp_ready_function ready,
                    void *context)
{
	const struct vsp_loop_watch wanted = { .ready = ready,
		                               .context = context,
		                               .fd = fd,
		                               .signal = -1 };

	return add_watch(loop, &wanted, false);
}

bool vsp_loop_watch_channel(struct vsp_loop *loop, int in, int out,
                            vsp_ready_function ready, void *context)
{
	const struct vsp_loop_watch wanted = { .ready = ready,
		                               .context = context,
		                               .fd = in,
		                               .signal = out };

	return add_watch(loop, &wanted, true);
}

void vsp_loop_unwatch(struct vsp_loop *loop, int fd)
{
	struct vsp_loop_watch *watch = find_watch(loop, fd);

	if (!watch)
		return;
	if (watch->number != VSP_LOOP_EPOLL)
		take_number(loop, watch);
	else
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd,
		                NULL); /* it was added */
	watch->ready = NULL;
}

/* Nobody is kept waiting for what others have this turn do. Who is not started yet may be owed one by a process that died. */
void vsp_loop_signal(struct vsp_loop *loop, int in, int out)
{
	const struct vsp_loop_watch *watch = loop->last ? find_watch(loop, in) : NULL;

	if (watch && watch->number != VSP_LOOP_EPOLL)
		loop->signals |= BIT32(watch->number);
	else
		signal_now(out);
}

/* ---- The loop ---- */

static void call_back(struct vsp_loop *loop, const struct vsp_loop_watch *slot)
{
	const struct vsp_loop_watch watch = *slot;

	if (watch.ready && !loop->stop)
		watch.ready(loop->vsp, watch.fd, watch.context);
}

/* False: it cannot be waited for any more. */
static bool turn_by_epoll(struct vsp_loop *loop, int timeout)
{
	struct epoll_event events[16];
	int count = epoll_wait(loop->epoll_fd, events, ARRAY_COUNT(events), timeout);

	if (count < 0 && errno != EINTR)
		return false;
	for (int i = 0; i < count; i++)
		call_back(loop, events[i].data.ptr);
	return true;
}

static bool turn_by_waiter(struct vsp_loop *loop)
{
	int answer = mshv_wait(loop->waiter, loop->signals);
	uint32_t news = answer < 0 ? 0 : (uint32_t)answer;

	loop->signals = 0;
	if (answer < 0 && answer != -EINTR)
		return false;
	if (news & BIT32(VSP_LOOP_EPOLL) && !turn_by_epoll(loop, 0))
		return false;
	news &= ~BIT32(VSP_LOOP_EPOLL);
	while (news) {
		const struct vsp_loop_watch *watch = loop->numbered[lowest_bit32(news)];

		news &= news - 1;
		loop->last = news == 0;
		if (watch)
			call_back(loop, watch);
	}
	loop->last = false;
	return true;
}

/* What the next call would have done. */
static void send_signals(struct vsp_loop *loop)
{
	for (; loop->signals; loop->signals &= loop->signals - 1)
		signal_now(loop->numbered[lowest_bit32(loop->signals)]->signal);
}

void vsp_loop_run(struct vsp_loop *loop)
{
	bool waits = true;

	while (waits && !loop->stop)
		waits = loop->waiter < 0 ? turn_by_epoll(loop, -1) : turn_by_waiter(loop);
	send_signals(loop);
}

void vsp_loop_stop(struct vsp_loop *loop)
{
	loop->stop = true;
}
