/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis-net: the provider of a network adapter, one process an adapter. This file opens the
 * backend and carries the worker's orders to the channel.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "root-partition/config/json_text.h"
#include "vsp/lib/sandbox.h"
#include "vsp/net/config.h"
#include "vsp/net/net.h"

#define LOG_LINES_PER_SECOND 5u
#define LSO_BYTES            65535u /* what IP can say */

_Static_assert(sizeof(struct net_record) <= VSP_TABLE_BYTES,
               "the record fits into the table");

void net_log(struct net *net, enum vsp_log_level level, const char *format, ...)
{
	char line[256];
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != net->log_second) {
		net->log_second = now.tv_sec;
		net->log_lines = 0;
	}
	if (net->log_lines++ >= LOG_LINES_PER_SECOND)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	vsp_log(net->vsp, level, "net: %s", line);
}

/* A process that fails here ends, which closes and frees everything. */
static bool configure(struct vsp *vsp, const char *json, char *error, size_t error_bytes)
{
	struct net *net = vsp_context(vsp);
	struct net_settings settings = { .mtu = 0 };
	struct net_config config;

	net->vsp = vsp;
	net->record = vsp_table(vsp);
	net->link_up = true;
	if (!net_config_parse(&config, json, error, error_bytes))
		return false;
	net->backend.fd = VSP_BACKEND_FD;
	net->backend.ops = config.none ? &net_backend_none :
	                   config.user ? &net_backend_stream :
	                                 &net_backend_tap;
	if (!net->backend.ops->open(&net->backend, &config, error, error_bytes))
		return false;
	if (!net_stall_init(net)) {
		snprintf(error, error_bytes, "a timer: %s", strerror(errno));
		return false;
	}
	memcpy(settings.mac, config.mac, sizeof(settings.mac));
	settings.mtu = config.mtu;
	settings.queues = config.queues;
	settings.capabilities = (struct ndis_offloads){
		.ipv4_checksum_tx = true,
		.checksum_tx = net->backend.capabilities.checksums,
		.checksum_rx = net->backend.capabilities.checksums,
		.lso = net->backend.capabilities.large_frames,
		.rsc = net->backend.capabilities.large_frames,
		.lso_bytes = LSO_BYTES,
	};
	net_device_init(&net->state.device, &settings);
	return true;
}

/* ---- The channel ---- */

static bool channel_open(struct vsp *vsp, struct vsp_channel *channel)
{
	return net_channel_open(vsp_context(vsp), channel);
}

static bool channel_resume(struct vsp *vsp, struct vsp_channel *channel)
{
	return net_channel_resume(vsp_context(vsp), channel);
}

static void channel_started(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	net_channel_started(channel->context);
}

static void channel_signalled(struct vsp *vsp, struct vsp_channel *channel)
{
	struct net *net = vsp_context(vsp);

	net->counts.signals_in++;
	net_channel_pump(channel->context);
}

static void channel_close(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	net_channel_close(channel->context);
}

/* Buffers are lent to the first alone. */
static void channel_lent(struct vsp *vsp, struct vsp_channel *channel,
                         const struct vsp_loan *loan)
{
	(void)channel;
	net_channel_lent(vsp_context(vsp), loan);
}

static void channel_reclaim(struct vsp *vsp, struct vsp_channel *channel, uint32_t gpadl)
{
	(void)channel;
	net_channel_reclaim(vsp_context(vsp), gpadl);
}

static void channel_offered(struct vsp *vsp, struct vsp_channel *channel, uint32_t count)
{
	(void)channel; /* the first: no other asks */
	net_channel_offered(vsp_context(vsp), count);
}

/* ---- Orders ---- */

static void tell_statistics(struct net *net, uint32_t tag)
{
	g_autofree char *statistics = net_statistics_json(net);

	vsp_event(net->vsp, tag, statistics);
}

/* {"command": "stats"} and {"command": "leave"} are those there are. */
static const struct {
	const char *name;
	void (*carry_out)(struct net *net, uint32_t tag);
} commands[] = {
	{ "stats", tell_statistics },
	{ "leave", net_leave },
};

static void command(struct vsp *vsp, uint32_t tag, const char *json)
{
	g_autoptr(json_t)
		order = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
	const char *name = "";

	(void)json_text_get_string(json_object_get(order, "command"), &name);
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].carry_out(vsp_context(vsp), tag);
			return;
		}
	}
	vsp_event(vsp, tag, "{\"ok\":false,\"error\":\"no such command\"}");
}

int main(void)
{
	/* How much of what was sent is unread: net_backend_stream. */
	static const struct sandbox_call calls[] = {
		{ SCMP_SYS(ioctl), true, 1, UINT32_MAX, SIOCOUTQ },
	};
	static const struct vsp_provider provider = {
		.name = "viridis-net",
		.configure = configure,
		.more_calls = calls,
		.more_call_count = ARRAY_COUNT(calls),
		.open = channel_open,
		.resume = channel_resume,
		.started = channel_started,
		.signalled = channel_signalled,
		.close = channel_close,
		.lent = channel_lent,
		.reclaim = channel_reclaim,
		.offered = channel_offered,
		.command = command,
	};
	static struct net net;

	return vsp_main(&provider, &net);
}
