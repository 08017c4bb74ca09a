/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis-util: the provider of the utility services. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vsp/util/util.h"

static void timer_ready(struct vsp *vsp, int fd, void *context)
{
	uint64_t expirations;

	(void)vsp;
	/* Nothing to read: it was set anew since, and will come again. */
	if (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		util_tick_all(context);
}

static bool configure(struct vsp *vsp, const char *json, char *error, size_t error_bytes)
{
	struct util *util = vsp_context(vsp);

	util->vsp = vsp;
	for (unsigned int i = 0; i < UTIL_KINDS; i++)
		util_init(&util->channels[i].service, (enum util_kind)i);
	if (!util_configure(util, json, error, error_bytes))
		return false;
	util->table = vsp_table(vsp);
	if (util->table->frozen)
		util_remember_frozen(&util->channels[UTIL_VSS].service);
	if (util->table->copying)
		util_remember_copying(&util->channels[UTIL_FCOPY].service);
	util->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (util->timer_fd < 0 || !vsp_watch(vsp, util->timer_fd, timer_ready, util)) {
		snprintf(error, error_bytes, "timer: %s", strerror(errno));
		return false;
	}
	return true;
}

static bool channel_open(struct vsp *vsp, struct vsp_channel *channel)
{
	struct util *util = vsp_context(vsp);

	for (unsigned int i = 0; i < UTIL_KINDS; i++) {
		if (util->channels[i].id == channel->id && !util->channels[i].vsp)
			return util_channel_open(&util->channels[i], channel);
	}
	return false;
}

static void channel_started(struct vsp *vsp, struct vsp_channel *channel)
{
	util_channel_started(vsp_context(vsp), channel->context);
}

static void channel_signalled(struct vsp *vsp, struct vsp_channel *channel)
{
	util_channel_pump(vsp_context(vsp), channel->context);
}

static void channel_close(struct vsp *vsp, struct vsp_channel *channel)
{
	util_channel_close(vsp_context(vsp), channel->context);
}

static void command(struct vsp *vsp, uint32_t tag, const char *json)
{
	util_order(vsp_context(vsp), tag, json);
}

int main(void)
{
	static const struct vsp_provider provider = {
		.name = "viridis-util",
		.configure = configure,
		.open = channel_open,
		.started = channel_started,
		.signalled = channel_signalled,
		.close = channel_close,
		.command = command,
	};
	static struct util util;

	return vsp_main(&provider, &util);
}
