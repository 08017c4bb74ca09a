/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The provider of the worker's tests. */
#define _GNU_SOURCE
#include "worker_provider.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vsp/lib/vsp.h"
#include "worker_io.h"

static bool stores; /* it stands for the provider of disks */
static bool silent;
static bool borrows;
static bool offers;
static bool dies_once;
static struct vsp_channel *opened;
static struct vsp_loan borrowed;
static uint32_t asked; /* the tag of the order to borrow */
static bool last;      /* of an adapter */
static bool dies_leaving;
static bool leaves_late;
static uint32_t
	leaving; /* the tag of the order to leave, while its channel is not started */

static bool provider_configure(struct vsp *vsp, const char *json, char *error,
                               size_t bytes)
{
	if (fcntl(OURS, F_GETFD) >= 0)
		return false;
	stores = strstr(json, "\"disks\"");
	dies_once = strstr(json, "\"vm\":\"" DIES_ONCE "\"");
	last = strstr(json, "\"none\":true");
	dies_leaving = strstr(json, "\"vm\":\"" DIES_LEAVING "\"") ||
	               strstr(json, "\"vm\":\"" NO_LAST "\"");
	leaves_late = strstr(json, "\"vm\":\"" LEAVES_LATE "\"");
	if (last && strstr(json, "\"vm\":\"" NO_LAST "\""))
		return false;
	if (strstr(json, DEADLY))
		__builtin_trap();
	if (stores) { /* of one whose path says so it cannot do with */
		snprintf(error, bytes, "a disk that is not wanted");
		return !strstr(json, UNWANTED);
	}
	/* The rest is the utilities' part. */
	if (!strstr(json, "\"heartbeat\"")) {
		snprintf(error, bytes, "an adapter that is not wanted");
		return !strstr(json, UNWANTED_MAC);
	}
	silent = strstr(json, "\"vm\":\"" SILENT "\"");
	borrows = strstr(json, "\"vm\":\"" BORROWS "\"");
	offers = strstr(json, "\"vm\":\"" OFFERS "\"");
	if (strstr(json, "\"vm\":\"" LINGERS "\"")) {
		return io_hand_over(getenv(PROVIDER_IO), vsp_lifeline(vsp));
	}
	return strstr(json, "\"shutdown\"") &&
	       (silent || borrows || offers || dies_once || dies_leaving || leaves_late ||
	        strstr(json, "\"vm\":\"test\""));
}

static bool provider_open(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	/* The sandbox is shut: no path opens any more. */
	return channel->in.data_bytes == 4096 && open("/", O_RDONLY) < 0;
}

/* The table is empty for the first, and what the first left for the next. */
static bool provider_resume(struct vsp *vsp, struct vsp_channel *channel)
{
	return (last || *(const uint32_t *)vsp_table(vsp) == channel->id) &&
	       provider_open(vsp, channel);
}

/* Who is told to leave its guest says so, by its event. */
static void leave(struct vsp *vsp, uint32_t tag)
{
	const uint64_t mark = last ? LEAVES_LAST : LEAVES;

	leaving = opened ? 0 : tag;
	if (!opened)
		return;
	if (write(opened->event_out, &mark, sizeof(mark)) != sizeof(mark) ||
	    (dies_leaving && !last))
		__builtin_trap();
	if (leaves_late)
		sleep(1);
	vsp_event(vsp, tag, "{\"ok\": true}");
}

static void provider_started(struct vsp *vsp, struct vsp_channel *channel)
{
	uint32_t *lives = vsp_table(vsp);

	opened = channel;
	if (leaving != 0)
		leave(vsp, leaving);
	if (offers && channel->index == 0)
		vsp_offer(vsp, channel, 2);
	if (!dies_once || *lives == 0)
		vsp_channel_signal(vsp, channel);
}

/* The guest is told when it looks at what the other end says of it. */
static void provider_offered(struct vsp *vsp, struct vsp_channel *channel, uint32_t count)
{
	if (channel->index != 0 || count != 2)
		__builtin_trap();
	(void)vsp;
}

static void provider_signalled(struct vsp *vsp, struct vsp_channel *channel)
{
	uint32_t *table = vsp_table(vsp);

	if (last)
		return;
	/* The second one finds the signal that killed the first. */
	if ((dies_once || borrows) && *table == channel->id) {
		vsp_channel_signal(vsp, channel);
		return;
	}
	*table = channel->id;
	/* No signal of its own ends the first process of a name space. */
	__builtin_trap();
}

static void provider_command(struct vsp *vsp, uint32_t tag, const char *json)
{
	if (silent || strstr(json, "adapters"))
		return;
	if (strstr(json, "leave")) {
		leave(vsp, tag);
		return;
	}
	if (stores) {
		vsp_event(vsp, tag, "no JSON, so no counters");
		return;
	}
	if (borrows) {
		asked = tag;
		vsp_borrow(vsp, opened, 2);
		return;
	}
	if (strstr(json, "stats")) {
		vsp_event(vsp, tag,
		          COUNTERS "{\"d\":{\"e\":1}}}}},\"ok\":true,\"half\":0.5,"
		                   "\"bad\":\"\\u001b[2J\",\"bad name\":1}");
		return;
	}
	vsp_event(vsp, tag,
	          strstr(json, "true") ? "{\"ok\": false, \"error\": \"not now\"}" :
	                                 "{\"ok\": true}");
}

static void provider_lent(struct vsp *vsp, struct vsp_channel *channel,
                          const struct vsp_loan *loan)
{
	(void)channel;
	borrowed = *loan;
	vsp_event(vsp, asked,
	          loan->pages ? "{\"ok\": true}" :
	                        "{\"ok\": false, \"error\": \"no such memory\"}");
}

/* Slowly: a worker that does not wait tells the guest too early. */
static void provider_reclaim(struct vsp *vsp, struct vsp_channel *channel, uint32_t gpadl)
{
	const struct timespec late = { .tv_nsec = 300000000 };

	(void)vsp;
	(void)channel;
	(void)gpadl;
	nanosleep(&late, NULL);
	borrowed.pages[borrowed.bytes - 1] = BORROWED;
}

static void provider_close(struct vsp *vsp, struct vsp_channel *channel)
{
	if (borrowed.pages)
		provider_reclaim(vsp, channel, borrowed.gpadl);
	borrowed.pages = NULL;
	vsp_channel_closed(vsp, channel);
}

int worker_provider_main(void)
{
	static const struct vsp_provider provider = {
		.name = PROVIDER,
		.configure = provider_configure,
		.open = provider_open,
		.resume = provider_resume,
		.started = provider_started,
		.signalled = provider_signalled,
		.close = provider_close,
		.lent = provider_lent,
		.reclaim = provider_reclaim,
		.offered = provider_offered,
		.command = provider_command,
	};

	return vsp_main(&provider, NULL);
}
