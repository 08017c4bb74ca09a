/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A provider's life as the worker sees it, and both directions of its socket. */
#define _GNU_SOURCE
#include "root-partition/vmbusd/provider.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/vm/machine.h"
#include "root-partition/config/vm_log.h"
#include "vsp/lib/socket.h"

#define READY_TIMEOUT_MS 30000
#define STOP_TIMEOUT_MS  10000
#define STOP_PERIOD_MS   5
#define LATE_MS          2000

struct provider {
	struct keeper_client *keeper;
	enum vmbus_provider which;
	const char *name; /* the program's */
	int socket;       /* -1 once it is gone */
	int lifeline; /* hangs up when its process and all its I/O are gone: protocol.h */
	guint source;
	bool ready;
	char *complaint;
	guint late_source; /* says that its I/O, or its start, takes long */
	const struct provider_events *events;
	gpointer context;
	struct vsp_packet packet; /* what was received last */
};

/* ---- The process ---- */

static void free_provider(struct provider *provider)
{
	if (provider->source)
		g_source_remove(provider->source);
	if (provider->late_source)
		g_source_remove(provider->late_source);
	if (provider->socket >= 0)
		close(provider->socket);
	if (provider->lifeline >= 0)
		close(provider->lifeline);
	g_free(provider->complaint);
	g_free(provider);
}

/* Waits for the process; one that does not end by itself is killed. Gives its wait status. */
static int reap(struct provider *provider)
{
	int status = 0;

	for (int waited = 0;
	     !keeper_client_provider_ended(provider->keeper, provider->which, &status);
	     waited += STOP_PERIOD_MS) {
		if (waited == STOP_TIMEOUT_MS) {
			vm_log("%s: does not end, killed", provider->name);
			keeper_client_provider_kill(provider->keeper, provider->which);
		}
		g_usleep(STOP_PERIOD_MS * 1000);
	}
	return status;
}

/* Hanging up tells it to end. */
static void hang_up(struct provider *provider)
{
	if (provider->source)
		g_source_remove(provider->source);
	provider->source = 0;
	if (provider->socket >= 0)
		close(provider->socket);
	provider->socket = -1;
}

/* Bounded: see provider.h. */
static void await_io(const struct provider *provider)
{
	struct pollfd poll_fd = { .fd = provider->lifeline };
	int count;

	do {
		count = poll(&poll_fd, 1, STOP_TIMEOUT_MS);
	} while (count < 0 && errno == EINTR);
	if (count == 0)
		vm_log("%s: its I/O does not end; until it does its disks are in use",
		       provider->name);
}

void provider_stop(struct provider *provider)
{
	hang_up(provider);
	(void)reap(provider); /* it ended because it was told to */
	await_io(provider);
	free_provider(provider);
}

bool provider_serves(const struct provider *provider)
{
	return provider->socket >= 0 && provider->ready;
}

bool provider_starts(const struct provider *provider)
{
	return provider->socket >= 0 && !provider->ready;
}

static gboolean on_late(gpointer data)
{
	struct provider *provider = data;

	provider->late_source = 0;
	vm_log("%s: its I/O goes on; until it is over the guest keeps the devices",
	       provider->name);
	return G_SOURCE_REMOVE;
}

/* The lifeline has hung up. */
static gboolean report_gone(gint fd, GIOCondition condition, gpointer data)
{
	struct provider *provider = data;
	int status;

	(void)fd;
	(void)condition;
	provider->source = 0;
	status = reap(provider);
	if (WIFSIGNALED(status))
		vm_log("%s: its process died of signal %d (%s)", provider->name,
		       WTERMSIG(status), g_strsignal(WTERMSIG(status)));
	else
		vm_log("%s: its process ended with status %d", provider->name,
		       WEXITSTATUS(status));
	provider->events->gone(provider->context, provider);
	return G_SOURCE_REMOVE;
}

/*
 * The process is killed, as what it still does to guest memory is not to be trusted; the owner
 * hears of it from the main loop, never from inside an order it gives, and not before its I/O is over.
 */
static void lose_provider(struct provider *provider, const char *why)
{
	if (provider->socket < 0)
		return;
	vm_log("%s: %s", provider->name, why);
	hang_up(provider);
	keeper_client_provider_kill(provider->keeper, provider->which);
	if (provider->late_source)
		g_source_remove(provider->late_source);
	provider->source =
		g_unix_fd_add(provider->lifeline, G_IO_HUP, report_gone, provider);
	provider->late_source = g_timeout_add(LATE_MS, on_late, provider);
}

void provider_replace(struct provider *provider)
{
	lose_provider(provider, "makes room for another");
}

const char *provider_complaint(const struct provider *provider)
{
	return provider->complaint;
}

/* ---- To the provider ---- */

static bool send_message(struct provider *provider, const struct vsp_message *message,
                         const int *descriptors, unsigned int count)
{
	if (provider->socket < 0)
		return false;
	if (vsp_socket_send(provider->socket, message, descriptors, count) ==
	    VSP_SOCKET_OK)
		return true;
	lose_provider(provider, "does not take its orders");
	return false;
}

static bool send_text(struct provider *provider, enum vsp_message_type type,
                      uint32_t number, const char *text)
{
	struct vsp_message message = {
		.type = type,
		.number = number,
		.count = (uint32_t)strlen(text),
		.tail = text,
	};

	return send_message(provider, &message, NULL, 0);
}

static void send_rings(struct provider *provider, enum vsp_message_type type,
                       uint32_t channel, const struct provider_rings *rings)
{
	int descriptors[] = { rings->event_in, rings->event_out };
	struct vsp_message message = {
		.type = type,
		.channel = channel,
		.number = rings->index,
		.offset = rings->in_pages,
		.count = rings->count,
		.tail = rings->pfns,
	};

	send_message(provider, &message, descriptors, 2);
}

void provider_open(struct provider *provider, uint32_t channel,
                   const struct provider_rings *rings)
{
	send_rings(provider, VSP_OPEN, channel, rings);
}

void provider_resume(struct provider *provider, uint32_t channel,
                     const struct provider_rings *rings)
{
	send_rings(provider, VSP_RESUME, channel, rings);
}

void provider_start_channel(struct provider *provider, uint32_t channel)
{
	struct vsp_message message = { .type = VSP_START, .channel = channel };

	send_message(provider, &message, NULL, 0);
}

void provider_close(struct provider *provider, uint32_t channel)
{
	struct vsp_message message = { .type = VSP_CLOSE, .channel = channel };

	send_message(provider, &message, NULL, 0);
}

void provider_lend(struct provider *provider, uint32_t channel, uint32_t gpadl,
                   const uint64_t *pfns, uint32_t count)
{
	struct vsp_message message = {
		.type = VSP_LEND,
		.channel = channel,
		.number = gpadl,
		.count = count,
		.tail = pfns,
	};

	send_message(provider, &message, NULL, 0);
}

void provider_reclaim(struct provider *provider, uint32_t channel, uint32_t gpadl)
{
	struct vsp_message message = { .type = VSP_RECLAIM,
		                       .channel = channel,
		                       .number = gpadl };

	send_message(provider, &message, NULL, 0);
}

void provider_offered(struct provider *provider, uint32_t channel, uint32_t count)
{
	struct vsp_message message = { .type = VSP_OFFERED,
		                       .channel = channel,
		                       .number = count };

	send_message(provider, &message, NULL, 0);
}

void provider_command(struct provider *provider, uint32_t tag, const char *json)
{
	send_text(provider, VSP_COMMAND, tag, json);
}

/* ---- From the provider ---- */

/* Of one that nobody waited for. */
static void take_ready(struct provider *provider, const struct vsp_message *message)
{
	if (provider->ready) {
		lose_provider(provider, "says READY twice");
	} else if (message->number != 0) {
		provider->complaint = g_strdup(message->tail);
		lose_provider(provider, provider->complaint);
	} else {
		provider->ready = true;
		g_source_remove(provider->late_source);
		provider->late_source = 0;
		provider->events->ready(provider->context, provider);
	}
}

static void take_when_ready(struct provider *provider, const struct vsp_message *message)
{
	switch (message->type) {
	case VSP_OPENED:
		provider->events->opened(provider->context, provider, message->channel,
		                         message->number == 0);
		break;
	case VSP_CLOSED:
		provider->events->closed(provider->context, provider, message->channel);
		break;
	case VSP_BORROW:
		provider->events->borrowed(provider->context, provider, message->channel,
		                           message->number);
		break;
	case VSP_RETURNED:
		provider->events->returned(provider->context, provider, message->channel,
		                           message->number);
		break;
	case VSP_OFFER:
		provider->events->offer(provider->context, provider, message->channel,
		                        message->number);
		break;
	case VSP_EVENT:
		provider->events->event(provider->context, provider, message->number,
		                        message->tail);
		break;
	default:
		break;
	}
}

static void take_message(struct provider *provider, const struct vsp_message *message)
{
	if (message->type == VSP_LOG)
		vm_log_limited("%s: %s", provider->name, (const char *)message->tail);
	else if (message->type == VSP_READY)
		take_ready(provider, message);
	else if (provider->ready)
		take_when_ready(provider, message);
	else
		lose_provider(provider, "speaks before it is ready");
}

static gboolean on_message(gint fd, GIOCondition condition, gpointer data)
{
	struct provider *provider = data;

	(void)condition;
	switch (vsp_socket_receive(fd, VSP_PROVIDER, &provider->packet)) {
	case VSP_SOCKET_OK:
		take_message(provider, &provider->packet.message);
		break;
	case VSP_SOCKET_AGAIN:
		break;
	case VSP_SOCKET_CLOSED:
		lose_provider(provider, "has ended");
		break;
	case VSP_SOCKET_BROKEN:
		lose_provider(provider, "broke the protocol");
		break;
	}
	/* hang_up() removes the source itself. */
	return G_SOURCE_CONTINUE;
}

static gboolean wait_until_ready(struct provider *provider, GError **error)
{
	struct pollfd poll_fd = { .fd = provider->socket, .events = POLLIN };
	const struct vsp_message *message = &provider->packet.message;

	if (provider->socket < 0) /* a send failed */
		return machine_fail(error, -EPIPE, provider->name);
	for (;;) {
		int count = poll(&poll_fd, 1, READY_TIMEOUT_MS);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return machine_fail(error, -ETIMEDOUT, provider->name);
		if (vsp_socket_receive(provider->socket, VSP_PROVIDER,
		                       &provider->packet) != VSP_SOCKET_OK)
			return machine_fail(error, -EPIPE, provider->name);
		if (message->type == VSP_READY)
			break;
		if (message->type != VSP_LOG)
			return machine_fail(error, -EPROTO, provider->name);
		vm_log_limited("%s: %s", provider->name, (const char *)message->tail);
	}
	if (message->number == 0)
		return TRUE;
	g_set_error_literal(error, MACHINE_ERROR, MACHINE_ERROR_FAILED, message->tail);
	return FALSE;
}

static struct provider *start(struct keeper_client *keeper, enum vmbus_provider which,
                              bool last, const struct provider_events *events,
                              gpointer context, GError **error)
{
	struct provider *provider = g_new0(struct provider, 1);

	provider->keeper = keeper;
	provider->which = which;
	provider->name = offers_program(which);
	provider->events = events;
	provider->context = context;
	if (!keeper_client_provider(keeper, which, last, &provider->socket,
	                            &provider->lifeline, error)) {
		g_free(provider);
		return NULL;
	}
	return provider;
}

static void listen_to(struct provider *provider)
{
	provider->source = g_unix_fd_add(provider->socket, G_IO_IN, on_message, provider);
}

struct provider *provider_start(struct keeper_client *keeper, enum vmbus_provider which,
                                const struct provider_events *events, gpointer context,
                                GError **error)
{
	struct provider *provider = start(keeper, which, false, events, context, error);

	if (!provider)
		return NULL;
	if (!wait_until_ready(provider, error)) {
		provider_stop(provider);
		return NULL;
	}
	provider->ready = true;
	listen_to(provider);
	return provider;
}

static gboolean on_not_ready(gpointer data)
{
	struct provider *provider = data;

	provider->late_source = 0;
	lose_provider(provider, "does not get ready");
	return G_SOURCE_REMOVE;
}

static struct provider *begin(struct keeper_client *keeper, enum vmbus_provider which,
                              bool last, const struct provider_events *events,
                              gpointer context, GError **error)
{
	struct provider *provider = start(keeper, which, last, events, context, error);

	if (!provider)
		return NULL;
	provider->late_source = g_timeout_add(READY_TIMEOUT_MS, on_not_ready, provider);
	listen_to(provider);
	return provider;
}

struct provider *provider_begin(struct keeper_client *keeper, enum vmbus_provider which,
                                const struct provider_events *events, gpointer context,
                                GError **error)
{
	return begin(keeper, which, false, events, context, error);
}

struct provider *provider_begin_last(struct keeper_client *keeper,
                                     enum vmbus_provider which,
                                     const struct provider_events *events,
                                     gpointer context, GError **error)
{
	return begin(keeper, which, true, events, context, error);
}
