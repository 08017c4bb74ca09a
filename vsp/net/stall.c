/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network that has stopped taking what it is sent, without having ended: passt may spin at a connection's end. While
 * something lies there unread it is looked at a few times, and one that took nothing in all of them is lost, as if it had
 * ended. Once all is read nobody looks until the guest sends again, so that a guest at rest costs nothing.
 *
 * Every doubt is in its favour: what counts is looks and not time, as this process may not have run itself; a frame that
 * came is a sign of life; and one that may wait for us to read what it has for the guest is not judged.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vsp/net/net.h"

/* A test has less time. */
#ifndef NET_STALL_MS
#define NET_STALL_MS 30000u
#endif
#define LOOKS     6u
#define PERIOD_MS (NET_STALL_MS / LOOKS)

static void set_timer(struct net *net, unsigned int ms)
{
	const struct timespec period = { .tv_sec = ms / 1000,
		                         .tv_nsec = (long)(ms % 1000) * 1000000 };
	const struct itimerspec times = { period, period };

	(void)timerfd_settime(net->stall.timer, 0, &times, NULL); /* it is valid */
}

static uint64_t count_received(const struct net *net)
{
	const struct net_frame_counts *counts = &net->state.device.counts;

	return counts->received + counts->receive_errors + net->counts.filtered;
}

/*
 * Had it taken nothing there would be all that was there, and what was sent since: what is unread is counted with what the
 * kernel needs for it, so that one can only seem to have taken less than it did.
 */
static bool shows_life(const struct net *net, uint64_t unread)
{
	const struct net_stall *stall = &net->stall;

	return !stall->looked || !net->watching ||
	       count_received(net) != stall->received ||
	       unread < stall->unread + (net->counts.sent_bytes - stall->sent_bytes);
}

static void give_up(struct net *net)
{
	net_log(net, VSP_LOG_ERROR,
	        "the user-mode network (passt) has taken nothing for %u s: it is given up, "
	        "and another is started",
	        NET_STALL_MS / 1000);
	errno = ETIMEDOUT;
	net_lose_backend(net);
	net_put_answer(net); /* the link is down */
	net_receive_resume(net);
	net_signal(net);
}

static void look(struct net *net)
{
	struct net_stall *stall = &net->stall;
	uint64_t unread = net->backend.ops->unread(&net->backend);

	stall->looks = shows_life(net, unread) ? 0 : stall->looks + 1;
	stall->looked = true;
	stall->unread = unread;
	stall->sent_bytes = net->counts.sent_bytes;
	stall->received = count_received(net);
	if (unread != 0 && !net->lost && stall->looks < LOOKS)
		return;
	stall->runs = false;
	set_timer(net, 0);
	if (unread != 0 && !net->lost)
		give_up(net);
}

static void period_over(struct vsp *vsp, int fd, void *context)
{
	uint64_t count;

	(void)vsp;
	(void)!read(fd, &count, sizeof(count));
	look(context);
}

bool net_stall_init(struct net *net)
{
	int fd;

	if (!net->backend.ops->unread)
		return true;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return false;
	if (!vsp_watch(net->vsp, fd, period_over, net)) {
		close(fd);
		return false;
	}
	net->stall.timer = fd;
	net->stall.watches = true;
	return true;
}

void net_stall_start(struct net *net)
{
	net->stall.runs = true;
	net->stall.looked = false;
	net->stall.looks = 0;
	set_timer(net, PERIOD_MS);
}
