/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adapter is to be taken from the guest. Linux waits for the end of all that it sent before it lets go of one, and
 * takes no completion any more from the moment that the channel is rescinded. So that comes last: the guest is told that the
 * link is down, which stops its queues, and what it has sent is completed until it is at rest, or the limit is over.
 *
 * At rest is a guest that has read all that it was told, given all sections back, and put no packet for SILENT_MS. Linux
 * stops its queues within two seconds of hearing of the link (LINKCHANGE_INT of hv_netvsc).
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vsp/net/net.h"

#define PERIOD_MS 50u
#define SILENT_MS 2500u
#define LIMIT_MS  20000u

/* What was put there has been taken out. */
static bool is_empty(const struct ring_producer *ring)
{
	return __atomic_load_n(&ring->memory.control->read_index, __ATOMIC_ACQUIRE) ==
	       ring->write;
}

/* What is in a channel that was taken up, and has not been started, nobody has looked at. */
static bool has_packets(const struct net_queue *queue)
{
	return queue->channel &&
	       (queue->resumed || queue->stalled || net_record_owes(queue->record) ||
	        !is_empty(&queue->out));
}

/* Nothing is under way between the guest and us. */
static bool is_at_rest(const struct net *net)
{
	const struct net_state *state = &net->state;
	const struct net_sections *sections = &net->record->sections;

	for (unsigned int i = 0; i < NET_QUEUES_MAX; i++)
		if (has_packets(&net->queues[i]))
			return false;
	return state->asked == NET_ASKED_NOTHING && state->answer_bytes == 0 &&
	       net->recalling == 0 && net->held_id == 0 &&
	       sections->free_count == sections->count &&
	       !(state->device.initialized && state->device.link_up);
}

/* Who has let go of the adapter, or broke a ring, is not waited for. */
static bool is_over(const struct net *net)
{
	const struct net_leave *leave = &net->leave;

	return !net->queues[0].channel || net->broken ||
	       leave->periods >= LIMIT_MS / PERIOD_MS ||
	       leave->silent >= SILENT_MS / PERIOD_MS;
}

static void finish(struct net *net)
{
	struct net_leave *leave = &net->leave;

	if (leave->timer >= 0) {
		vsp_unwatch(net->vsp, leave->timer);
		close(leave->timer);
	}
	leave->timer = -1;
	if (leave->periods >= LIMIT_MS / PERIOD_MS)
		net_log(net, VSP_LOG_WARNING,
		        "the guest does not come to rest: what it sends last is lost");
	vsp_event(net->vsp, leave->tag, "{\"ok\":true}");
}

static void period_over(struct vsp *vsp, int fd, void *context)
{
	struct net *net = context;
	uint64_t count;

	(void)vsp;
	(void)!read(fd, &count, sizeof(count));
	net_leave_period(net);
}

void net_leave_period(struct net *net)
{
	struct net_leave *leave = &net->leave;

	leave->periods++;
	leave->silent++;
	for (unsigned int i = 0; i < NET_QUEUES_MAX; i++)
		if (!net->queues[i].resumed)
			net_channel_pump(&net->queues[i]);
	if (!is_at_rest(net))
		leave->silent = 0;
	if (is_over(net))
		finish(net);
}

/* Without a timer it is over at once, as it would be without us. */
static bool start_timer(struct net *net)
{
	const struct timespec period = { .tv_nsec = PERIOD_MS * 1000000 };
	const struct itimerspec times = { period, period };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return false;
	if (timerfd_settime(fd, 0, &times, NULL) != 0 ||
	    !vsp_watch(net->vsp, fd, period_over, net)) {
		close(fd);
		return false;
	}
	net->leave.timer = fd;
	return true;
}

void net_leave(struct net *net, uint32_t tag)
{
	if (net->leave.begun && net->leave.timer >= 0) {
		vsp_event(net->vsp, tag,
		          "{\"ok\":false,\"error\":\"it leaves already\"}");
		return;
	}
	net->leave = (struct net_leave){ .begun = true, .tag = tag, .timer = -1 };
	net->link_up = false;
	if (!net->queues[0].channel || !start_timer(net)) {
		finish(net);
		return;
	}
	net_leave_period(net);
}
