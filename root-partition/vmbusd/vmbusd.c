/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's messages: from the child's posts to the server, from its queue to the child. */
#include "root-partition/vmbusd/vmbusd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

/* A child that does not read its messages is asked again ever more seldom. */
#define RETRY_FIRST_MS 1u
#define RETRY_LAST_MS  64u

static const uint32_t connections[VMBUS_MESSAGE_FDS] = {
	VMBUS_MESSAGE_CONNECTION,
	VMBUS_MESSAGE_CONNECTION_OLD,
};

/* ---- To the child ---- */

static gboolean on_retry(gpointer data)
{
	struct vmbus *vmbus = data;

	vmbus->retry_source = 0;
	vmbus_deliver(vmbus);
	return G_SOURCE_REMOVE;
}

static void retry_later(struct vmbus *vmbus)
{
	if (vmbus->retry_source)
		return;
	vmbus->retry_source = g_timeout_add(vmbus->retry_ms, on_retry, vmbus);
	vmbus->retry_ms = MIN(2 * vmbus->retry_ms, RETRY_LAST_MS);
}

static int post(struct vmbus *vmbus, const struct server_message *message)
{
	struct hv_message slot = {
		.type = VMBUS_MESSAGE_TYPE,
		.payload_size = (uint8_t)message->bytes,
	};

	memcpy(slot.payload, message->payload, message->bytes);
	return mshv_post_message(&vmbus->machine->partition, message->target_vp,
	                         VMBUS_SINT, &slot);
}

/* True when the queue is empty. */
static bool deliver_queue(struct vmbus *vmbus)
{
	struct server_message message;

	while (server_next_message(&vmbus->server, &message)) {
		int error = post(vmbus, &message);

		if (error == -EAGAIN) {
			retry_later(vmbus);
			return false;
		}
		if (error)
			vm_log_limited("vmbus: a message to vp%u is lost: %s",
			               message.target_vp, g_strerror(-error));
		vmbus->retry_ms = RETRY_FIRST_MS;
		server_message_done(&vmbus->server);
	}
	return true;
}

static bool resume_sources(struct vmbus *vmbus);

/*
 * Delivering can make channels open or close, whose ends ask for delivery: once is enough. What was
 * held back is answered too, which may fill the queue again; no more is read here, so this ends.
 */
void vmbus_deliver(struct vmbus *vmbus)
{
	if (vmbus->delivering)
		return;
	vmbus->delivering = true;
	while (deliver_queue(vmbus) && resume_sources(vmbus))
		;
	vmbus->delivering = false;
}

/* ---- From the child ---- */

/* False: the server cannot take it before some of its own messages are delivered. */
static bool receive(struct vmbus_message_source *source)
{
	const struct hv_message *message = &source->message;
	uint32_t bytes = message->payload_size;

	if (message->type != VMBUS_MESSAGE_TYPE || bytes > HV_MESSAGE_PAYLOAD_BYTES)
		return true;
	source->held = server_receive(&source->vmbus->server, message->payload, bytes) ==
	               SERVER_BUSY;
	return !source->held;
}

static gboolean on_message(gint fd, GIOCondition condition, gpointer data)
{
	struct vmbus_message_source *source = data;
	ssize_t bytes = read(fd, &source->message, sizeof(source->message));

	(void)condition;
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (bytes != sizeof(source->message)) {
		machine_set_end(source->vmbus->machine, MACHINE_FAILED,
		                "vmbus: the child's messages cannot be read");
		source->source = 0;
		return G_SOURCE_REMOVE;
	}
	if (!receive(source)) {
		source->source = 0;
		vmbus_deliver(source->vmbus);
		return G_SOURCE_REMOVE;
	}
	vmbus_deliver(source->vmbus);
	return G_SOURCE_CONTINUE;
}

/* Take up reading where a BUSY server stopped it; true when it took a message that was held. */
static bool resume_sources(struct vmbus *vmbus)
{
	bool taken = false;

	for (unsigned int i = 0; i < VMBUS_MESSAGE_FDS; i++) {
		struct vmbus_message_source *source = &vmbus->sources[i];

		if (source->fd < 0 || source->source)
			continue;
		if (source->held) {
			if (!receive(source)) {
				retry_later(vmbus);
				continue;
			}
			taken = true;
		}
		source->source = g_unix_fd_add(source->fd, G_IO_IN, on_message, source);
	}
	return taken;
}

static gboolean open_sources(struct vmbus *vmbus, GError **error)
{
	for (unsigned int i = 0; i < VMBUS_MESSAGE_FDS; i++) {
		struct vmbus_message_source *source = &vmbus->sources[i];
		int fd = mshv_message_fd(&vmbus->machine->partition, connections[i]);

		if (fd < 0)
			return machine_fail(error, fd, "VMBus messages");
		source->fd = fd;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
			return machine_fail(error, -errno, "VMBus messages");
	}
	(void)resume_sources(vmbus); /* nothing is held yet */
	return TRUE;
}

/* ---- Shutdown ---- */

void vmbus_answer_shutdown(struct vmbus *vmbus, const char *error)
{
	vmbus_answered answered = vmbus->answered;

	vmbus->answered = NULL;
	if (answered)
		answered(vmbus->answered_context, error);
}

uint32_t vmbus_new_tag(struct vmbus *vmbus)
{
	vmbus->last_tag++;
	if (vmbus->last_tag == 0)
		vmbus->last_tag = 1;
	return vmbus->last_tag;
}

static const char *shutdown_reject_reason(struct vmbus *vmbus)
{
	uint32_t relid = vmbus_find_class(vmbus, "shutdown");
	const struct server_channel *channel =
		relid ? server_channel(&vmbus->server, relid) : NULL;

	if (vmbus->answered)
		return "a shutdown is under way already";
	if (!vmbus_provider_serves(vmbus, VMBUS_UTIL) || !channel)
		return "the utility provider died; use stop";
	if (channel->state != SERVER_CHANNEL_OPEN)
		return "the guest does not listen (it needs the hv_utils driver); use stop";
	return NULL;
}

/* A guest that has panicked lacks no driver. */
static void reject_shutdown(struct vmbus *vmbus, const char *reason,
                            vmbus_answered answered, gpointer context)
{
	g_autofree char *panic = panic_reason(vmbus->machine);
	g_autofree char *told = NULL;

	if (panic)
		told = g_strdup_printf("the guest has panicked (%s); use stop", panic);
	answered(context, told ? told : reason);
}

void vmbus_shutdown(struct vmbus *vmbus, bool reboot, vmbus_answered answered,
                    gpointer context)
{
	const char *reason = shutdown_reject_reason(vmbus);

	if (reason) {
		reject_shutdown(vmbus, reason, answered, context);
		return;
	}
	vmbus->answered = answered;
	vmbus->answered_context = context;
	vmbus->shutdown_reboots = reboot;
	vmbus->shutdown_tag = vmbus_new_tag(vmbus);
	provider_command(vmbus->providers[VMBUS_UTIL], vmbus->shutdown_tag,
	                 reboot ? "{\"command\": \"shutdown\", \"reboot\": true}" :
	                          "{\"command\": \"shutdown\", \"reboot\": false}");
}

/* ---- Disks ---- */

bool vmbus_resize(struct vmbus *vmbus)
{
	if (!vmbus_provider_serves(vmbus, VMBUS_STORAGE))
		return false;
	provider_command(vmbus->providers[VMBUS_STORAGE], vmbus_new_tag(vmbus),
	                 "{\"command\": \"resize\"}");
	return true;
}

/* ---- Making and unmaking ---- */

static gboolean init_server(struct vmbus *vmbus, GError **error)
{
	struct server_config config = {
		.ops = &vmbus_channel_ops,
		.channels = vmbus->server_channels,
		.channel_capacity = VMBUS_CHANNELS,
		.gpadls = vmbus->gpadls,
		.gpadl_capacity = VMBUS_GPADLS,
		.pfn_pool = vmbus->pfns,
		.pfn_pool_pages = VMBUS_PFNS,
		.queue = vmbus->queue,
		.queue_capacity = VMBUS_QUEUE,
		.vp_count = vmbus->machine->definition->vps,
	};

	if (server_init(&vmbus->server, &config) != SERVER_OK)
		return machine_fail(error, -EINVAL, "VMBus server");
	return TRUE;
}

struct vmbus *vmbus_new(struct machine *machine, GError **error)
{
	struct vmbus *vmbus = g_new0(struct vmbus, 1);

	vmbus->machine = machine;
	vmbus->retry_ms = RETRY_FIRST_MS;
	vmbus->questions = g_ptr_array_new();
	for (uint32_t relid = 0; relid <= VMBUS_CHANNELS; relid++) {
		vmbus->channels[relid].event_in = -1;
		vmbus->channels[relid].event_out = -1;
	}
	for (unsigned int i = 0; i < VMBUS_MESSAGE_FDS; i++) {
		vmbus->sources[i].vmbus = vmbus;
		vmbus->sources[i].fd = -1;
	}
	if (!init_server(vmbus, error) || !vmbus_offer_all(vmbus, error) ||
	    !open_sources(vmbus, error)) {
		vmbus_free(vmbus);
		return NULL;
	}
	return vmbus;
}

static void close_source(struct vmbus_message_source *source)
{
	if (source->source)
		g_source_remove(source->source);
	if (source->fd >= 0)
		close(source->fd);
}

/* The guest may be quicker to do as it was asked than its provider is to say that it will. */
static bool shutdown_done(const struct vmbus *vmbus)
{
	return vmbus->machine->end ==
	       (vmbus->shutdown_reboots ? MACHINE_RESET : MACHINE_POWERED_OFF);
}

void vmbus_free(struct vmbus *vmbus)
{
	vmbus_answer_shutdown(vmbus, shutdown_done(vmbus) ? NULL : "the machine ended");
	vmbus_end_questions(vmbus);
	vmbus_end_restarts(vmbus);
	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		if (vmbus->providers[i])
			provider_stop(vmbus->providers[i]);
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++) {
		struct vmbus_channel *channel = &vmbus->channels[relid];

		/* What they are wired to goes with the partition. */
		if (channel->event_in >= 0)
			close(channel->event_in);
		if (channel->event_out >= 0)
			close(channel->event_out);
	}
	for (unsigned int i = 0; i < VMBUS_MESSAGE_FDS; i++)
		close_source(&vmbus->sources[i]);
	if (vmbus->retry_source)
		g_source_remove(vmbus->retry_source);
	g_ptr_array_unref(vmbus->questions);
	g_free(vmbus);
}
