/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The provider's process: takes the worker's orders in their one allowed order, keeps the
 * channels, and waits on the worker, the channels' events and what the provider watches.
 *
 * A worker that breaks the protocol ends us: the worker is the one that starts us again.
 */
#define _GNU_SOURCE
#include "vsp/lib/vsp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vsp/lib/channels.h"
#include "vsp/lib/loop.h"
#include "vsp/lib/memory.h"
#include "vsp/lib/sandbox.h"
#include "vsp/lib/socket.h"

#define STAT_BLOCK_BYTES UINT64_C(512) /* stat(2) */

/* Of QEMU's RAM that lies under devices, as a display's does below 1 MiB, nothing is ever touched. */
#define HOLES_MOST (UINT64_C(1) << 20)

enum stage { STAGE_HELLO, STAGE_CONFIG, STAGE_SERVING };

struct vsp {
	const struct vsp_provider *provider;
	void *context;
	struct vsp_loop loop;
	struct vsp_guest_memory memory;
	uint32_t user; /* to become */
	int lifeline;  /* kept open, never used: protocol.h */
	void *table;
	struct vsp_channels channels;
	enum stage stage;
	int exit_status;
	struct vsp_packet packet; /* the order being carried out */
};

static void fail(struct vsp *vsp, const char *why)
{
	fprintf(stderr, "%s: %s\n", vsp->provider->name, why);
	vsp->exit_status = EXIT_FAILURE;
	vsp_loop_stop(&vsp->loop);
}

void vsp_end(struct vsp *vsp, const char *why)
{
	fail(vsp, why);
}

/* The socket is blocking for us: a worker that does not read holds us up, nobody else. */
static void send_message(struct vsp *vsp, const struct vsp_message *message)
{
	if (vsp_socket_send(VSP_SOCKET_FD, message, NULL, 0) != VSP_SOCKET_OK)
		fail(vsp, "the worker is gone");
}

static void send_text(struct vsp *vsp, enum vsp_message_type type, uint32_t number,
                      const char *text)
{
	size_t bytes = strlen(text);
	struct vsp_message message = { .type = type, .number = number, .tail = text };

	message.count =
		(uint32_t)(bytes < VSP_TEXT_BYTES_MAX ? bytes : VSP_TEXT_BYTES_MAX);
	send_message(vsp, &message);
}

void *vsp_context(const struct vsp *vsp)
{
	return vsp->context;
}

int vsp_lifeline(const struct vsp *vsp)
{
	return vsp->lifeline;
}

void *vsp_table(const struct vsp *vsp)
{
	return vsp->table;
}

bool vsp_ram_around(const struct vsp *vsp, uint64_t gpa, struct vsp_ram *ram)
{
	struct vsp_range range;

	*ram = (struct vsp_ram){ .bytes = 0 };
	if (!vsp_map_around(&vsp->memory.map, gpa, &range))
		return false;
	*ram = (struct vsp_ram){ range.gpa, range.bytes,
		                 vsp->memory.base + range.offset };
	return true;
}

void *vsp_whole_memory(const struct vsp *vsp, uint64_t *bytes)
{
	struct stat status;

	*bytes = vsp->memory.bytes;
	if (fstat(vsp->memory.fd, &status) != 0 ||
	    (uint64_t)status.st_blocks * STAT_BLOCK_BYTES + HOLES_MOST < *bytes)
		return NULL;
	return vsp->memory.base;
}

void vsp_channel_signal(struct vsp *vsp, const struct vsp_channel *channel)
{
	vsp_loop_signal(&vsp->loop, channel->event_in, channel->event_out);
}

void vsp_event(struct vsp *vsp, uint32_t tag, const char *json)
{
	send_text(vsp, VSP_EVENT, tag, json);
}

void vsp_log(struct vsp *vsp, enum vsp_log_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	send_text(vsp, VSP_LOG, level, line);
}

bool vsp_watch(struct vsp *vsp, int fd, vsp_ready_function ready, void *context)
{
	return vsp_loop_watch(&vsp->loop, fd, ready, context);
}

void vsp_unwatch(struct vsp *vsp, int fd)
{
	vsp_loop_unwatch(&vsp->loop, fd);
}

/* ---- The worker's orders ---- */

static bool take_hello(struct vsp *vsp, struct vsp_packet *packet)
{
	const struct vsp_message *message = &packet->message;
	struct vsp_map map = { .count = message->count };

	if (message->number != VSP_PROTOCOL_VERSION)
		return false;
	memcpy(map.range, message->tail, message->count * sizeof(map.range[0]));
	vsp->table = vsp_sealed_map(packet->datagram.descriptors[2], VSP_TABLE_BYTES);
	if (!vsp->table ||
	    !vsp_guest_memory_init(&vsp->memory, &map, packet->datagram.descriptors[0]))
		return false;
	packet->datagram.descriptors[0] = -1; /* the memory's now */
	vsp->user = message->offset;
	vsp->lifeline = packet->datagram.descriptors[1];
	packet->datagram.descriptors[1] = -1;
	vsp->stage = STAGE_CONFIG;
	return true;
}

static bool take_config(struct vsp *vsp, const struct vsp_message *message)
{
	const struct vsp_provider *provider = vsp->provider;
	char error[512] = "bad configuration";
	bool ready = provider->configure(vsp, message->tail, error, sizeof(error));

	if (ready && !vsp_sandbox_enter(vsp->user, provider->more_calls,
	                                provider->more_call_count)) {
		snprintf(error, sizeof(error), "cannot enter the sandbox: %s",
		         strerror(errno));
		ready = false;
	}
	if (ready && provider->settle)
		ready = provider->settle(vsp, error, sizeof(error));
	send_text(vsp, VSP_READY, ready ? 0 : 1, ready ? "" : error);
	vsp->stage = STAGE_SERVING;
	if (!ready)
		fail(vsp, error);
	return true;
}

static void channel_signalled(struct vsp *vsp, int fd, void *context)
{
	(void)fd; /* its count says nothing, and cannot overflow in a lifetime */
	vsp->provider->signalled(vsp, context);
}

static bool open_channel(struct vsp *vsp, struct vsp_channel *channel, bool resumes)
{
	return resumes && vsp->provider->resume ? vsp->provider->resume(vsp, channel) :
	                                          vsp->provider->open(vsp, channel);
}

static bool take_open(struct vsp *vsp, struct vsp_packet *packet)
{
	bool resumes = packet->message.type == VSP_RESUME;
	struct vsp_message answer = { .type = VSP_OPENED,
		                      .channel = packet->message.channel };
	struct vsp_channel *channel =
		vsp_channels_open(&vsp->channels, &vsp->memory, packet);
	bool opened = channel && open_channel(vsp, channel, resumes);

	if (channel && !opened)
		vsp_channels_close(&vsp->channels, channel);
	answer.number = opened ? 0 : 1;
	send_message(vsp, &answer);
	return true;
}

static bool take_start(struct vsp *vsp, struct vsp_channel *channel)
{
	if (!vsp_channels_start(&vsp->channels, channel) ||
	    !vsp_loop_watch_channel(&vsp->loop, channel->event_in, channel->event_out,
	                            channel_signalled, channel))
		return false;
	vsp->provider->started(vsp, channel);
	return true;
}

static bool take_close(struct vsp *vsp, struct vsp_channel *channel)
{
	if (!vsp_channels_begin_close(&vsp->channels, channel))
		return false;
	vsp_loop_unwatch(&vsp->loop, channel->event_in);
	vsp->provider->close(vsp, channel);
	return true;
}

void vsp_borrow(struct vsp *vsp, const struct vsp_channel *channel, uint32_t gpadl)
{
	struct vsp_message message = { .type = VSP_BORROW,
		                       .channel = channel->id,
		                       .number = gpadl };

	send_message(vsp, &message);
}

void vsp_offer(struct vsp *vsp, const struct vsp_channel *channel, uint32_t count)
{
	struct vsp_message message = { .type = VSP_OFFER,
		                       .channel = channel->id,
		                       .number = count };

	send_message(vsp, &message);
}

static bool take_lend(struct vsp *vsp, struct vsp_channel *channel,
                      const struct vsp_message *message)
{
	struct vsp_loan loan;

	if (!vsp->provider->lent)
		return false;
	loan = vsp_channels_lend(channel, &vsp->memory, message);
	vsp->provider->lent(vsp, channel, &loan);
	return true;
}

static bool take_reclaim(struct vsp *vsp, struct vsp_channel *channel, uint32_t gpadl)
{
	struct vsp_message answer = { .type = VSP_RETURNED,
		                      .channel = channel->id,
		                      .number = gpadl };

	if (!vsp->provider->lent)
		return false;
	vsp->provider->reclaim(vsp, channel, gpadl);
	vsp_channels_return(channel, gpadl);
	send_message(vsp, &answer);
	return true;
}

void vsp_channel_closed(struct vsp *vsp, struct vsp_channel *channel)
{
	struct vsp_message message = { .type = VSP_CLOSED, .channel = channel->id };

	vsp_channels_close(&vsp->channels, channel);
	send_message(vsp, &message);
}

static bool take_offered(struct vsp *vsp, struct vsp_channel *channel, uint32_t count)
{
	if (!vsp->provider->offered)
		return false;
	vsp->provider->offered(vsp, channel, count);
	return true;
}

static bool take_while_serving(struct vsp *vsp, struct vsp_packet *packet)
{
	const struct vsp_message *message = &packet->message;
	struct vsp_channel *channel = vsp_channels_find(&vsp->channels, message->channel);

	switch (message->type) {
	case VSP_OPEN:
	case VSP_RESUME:
		return !channel && take_open(vsp, packet);
	case VSP_START:
		return channel && take_start(vsp, channel);
	case VSP_CLOSE:
		return channel && take_close(vsp, channel);
	case VSP_LEND:
		return channel && take_lend(vsp, channel, message);
	case VSP_RECLAIM:
		return channel && take_reclaim(vsp, channel, message->number);
	case VSP_OFFERED:
		return channel && take_offered(vsp, channel, message->number);
	case VSP_COMMAND:
		if (vsp->provider->command)
			vsp->provider->command(vsp, message->number, message->tail);
		return true;
	default:
		return false;
	}
}

static bool take_message(struct vsp *vsp, struct vsp_packet *packet)
{
	switch (vsp->stage) {
	case STAGE_HELLO:
		return packet->message.type == VSP_HELLO && take_hello(vsp, packet);
	case STAGE_CONFIG:
		return packet->message.type == VSP_CONFIG &&
		       take_config(vsp, &packet->message);
	case STAGE_SERVING:
		return take_while_serving(vsp, packet);
	}
	return false;
}

static void worker_ready(struct vsp *vsp, int fd, void *context)
{
	struct vsp_packet *packet = &vsp->packet;

	(void)context;
	switch (vsp_socket_receive(fd, VSP_WORKER, packet)) {
	case VSP_SOCKET_OK:
		if (!take_message(vsp, packet))
			fail(vsp, "the worker broke the protocol");
		datagram_close(&packet->datagram);
		break;
	case VSP_SOCKET_AGAIN:
		break;
	case VSP_SOCKET_CLOSED: /* the VM ended */
		vsp_loop_stop(&vsp->loop);
		break;
	case VSP_SOCKET_BROKEN:
		fail(vsp, "the worker broke the protocol");
		break;
	}
}

int vsp_main(const struct vsp_provider *provider, void *context)
{
	/* Static: it holds a datagram's buffer, too much for a stack. One provider a process. */
	static struct vsp vsp;

	vsp = (struct vsp){ .provider = provider, .context = context, .memory.fd = -1 };
	prctl(PR_SET_NAME, provider->name);
	if (fcntl(VSP_SOCKET_FD, F_SETFD, FD_CLOEXEC) != 0) {
		fprintf(stderr,
		        "%s: to be started by viridis-vm, with a socket as fd %d\n",
		        provider->name, VSP_SOCKET_FD);
		return EXIT_FAILURE;
	}
	if (!vsp_loop_init(&vsp.loop, &vsp, VSP_WAITER_FD) ||
	    !vsp_loop_watch(&vsp.loop, VSP_SOCKET_FD, worker_ready, NULL)) {
		perror(provider->name);
		return EXIT_FAILURE;
	}
	vsp_loop_run(&vsp.loop);
	return vsp.exit_status;
}
