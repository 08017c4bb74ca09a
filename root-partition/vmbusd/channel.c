/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Channels between server and provider: what the server wants done is passed on, what the
 * provider answers goes back, and signals are wired straight between child and provider.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"
#include "vsp/lib/core/protocol.h"

static struct vmbus *vmbus_of(struct server *server)
{
	return (struct vmbus *)server; /* its first member */
}

/* ---- Signals ---- */

static void unwire(struct vmbus *vmbus, uint32_t relid)
{
	struct vmbus_channel *channel = &vmbus->channels[relid];
	const struct mshv_partition *partition = &vmbus->machine->partition;

	/* They can only fail if they were not wired, and then nothing is to be undone. */
	if (channel->in_assigned)
		(void)!mshv_signal_eventfd(partition, VMBUS_CONNECTION(relid), -1);
	if (channel->out_assigned)
		(void)!mshv_eventfd_deassign(partition, channel->event_out);
	if (channel->event_in >= 0)
		close(channel->event_in);
	if (channel->event_out >= 0)
		close(channel->event_out);
	channel->event_in = -1;
	channel->event_out = -1;
	channel->in_assigned = false;
	channel->out_assigned = false;
}

static int aim(struct vmbus *vmbus, uint32_t relid, uint32_t target_vp)
{
	struct vmbus_channel *channel = &vmbus->channels[relid];
	const struct mshv_partition *partition = &vmbus->machine->partition;
	int error;

	if (target_vp == VMBUS_VP_NONE) {
		error = channel->out_assigned ?
		                mshv_eventfd_deassign(partition, channel->event_out) :
		                0;
		channel->out_assigned = false;
		return error;
	}
	error = channel->out_assigned ?
	                mshv_eventfd_retarget(partition, channel->event_out, target_vp,
	                                      VMBUS_SINT, relid) :
	                mshv_eventfd_assign(partition, channel->event_out, target_vp,
	                                    VMBUS_SINT, relid);
	if (error == 0)
		channel->out_assigned = true;
	return error;
}

static int wire(struct vmbus *vmbus, uint32_t relid, uint32_t target_vp)
{
	struct vmbus_channel *channel = &vmbus->channels[relid];
	int error;

	channel->event_in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->event_out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (channel->event_in < 0 || channel->event_out < 0)
		return -errno;
	error = mshv_signal_eventfd(&vmbus->machine->partition, VMBUS_CONNECTION(relid),
	                            channel->event_in);
	if (error)
		return error;
	channel->in_assigned = true;
	return aim(vmbus, relid, target_vp);
}

/* ---- What the server wants ---- */

static bool gpadl_accept(struct server *server, uint32_t relid, const struct gpadl *gpadl,
                         const uint64_t *pfns)
{
	(void)relid;
	return vsp_map_pages_valid(&vmbus_of(server)->machine->memory.map, pfns,
	                           gpadl->page_count);
}

/* Rings are let go of by closing the channel, what else is lent by its provider. */
static void gpadl_release(struct server *server, uint32_t relid, uint32_t gpadl_id)
{
	vmbus_release(vmbus_of(server), relid, gpadl_id);
}

static enum vmbus_provider kind_of_channel(const struct vmbus *vmbus, uint32_t relid)
{
	return vmbus->channels[relid].class->provider;
}

/* `order` is provider_open or provider_resume. */
static void
lend_rings(struct vmbus *vmbus, uint32_t relid, const struct server_rings *rings,
           void (*order)(struct provider *, uint32_t, const struct provider_rings *))
{
	struct vmbus_channel *channel = &vmbus->channels[relid];
	const struct provider_rings lent = {
		.index = channel->index,
		.pfns = rings->pfns,
		.count = rings->upstream_pages + rings->downstream_pages,
		.in_pages = rings->upstream_pages,
		.event_in = channel->event_in,
		.event_out = channel->event_out,
	};

	channel->link = VMBUS_LINK_ASKED;
	order(vmbus_provider_of(vmbus, relid), relid, &lent);
}

static void channel_open(struct server *server, uint32_t relid,
                         const struct server_rings *rings)
{
	struct vmbus *vmbus = vmbus_of(server);
	bool served = vmbus_provider_returns(vmbus, kind_of_channel(vmbus, relid));
	int error = served ? wire(vmbus, relid, rings->target_vp) : -EPIPE;

	if (error) {
		vm_log_limited("vmbus: channel %u cannot be opened: %s", relid,
		               g_strerror(-error));
		unwire(vmbus, relid);
		server_open_complete(server, relid, VMBUS_STATUS_FAILURE);
		return;
	}
	if (vmbus_provider_serves(vmbus, kind_of_channel(vmbus, relid)))
		lend_rings(vmbus, relid, rings, provider_open);
}

/* A provider that is being started again is told when it has the channel. */
static void channel_opened(struct server *server, uint32_t relid)
{
	struct vmbus *vmbus = vmbus_of(server);

	vm_log_limited("vmbus: channel %u (%s) is open", relid,
	               vmbus->channels[relid].class->name);
	if (vmbus->channels[relid].link == VMBUS_LINK_UP)
		provider_start_channel(vmbus_provider_of(vmbus, relid), relid);
}

static void finish_close(struct vmbus *vmbus, uint32_t relid)
{
	unwire(vmbus, relid);
	vmbus->channels[relid].link = VMBUS_LINK_NONE;
	vmbus_end_loans(vmbus, relid);
	server_close_complete(&vmbus->server, relid);
	vmbus_take_back(vmbus, relid);
}

/* One that is asked for is closed when the provider has it; one that died has let go when it is gone. */
static void channel_close(struct server *server, uint32_t relid)
{
	struct vmbus *vmbus = vmbus_of(server);

	vm_log_limited("vmbus: channel %u (%s) closes", relid,
	               vmbus->channels[relid].class->name);
	switch (vmbus->channels[relid].link) {
	case VMBUS_LINK_NONE:
		finish_close(vmbus, relid);
		break;
	case VMBUS_LINK_ASKED:
		break;
	case VMBUS_LINK_UP:
		provider_close(vmbus_provider_of(vmbus, relid), relid);
		break;
	}
}

static void channel_retarget(struct server *server, uint32_t relid, uint32_t target_vp)
{
	int error = aim(vmbus_of(server), relid, target_vp);

	if (error)
		vm_log_limited("vmbus: channel %u cannot move to vp%u: %s", relid,
		               target_vp, g_strerror(-error));
}

static void channel_gone(struct server *server, uint32_t relid)
{
	struct vmbus_channel *channel = &vmbus_of(server)->channels[relid];
	enum vmbus_provider kind = channel->class->provider;
	uint32_t first = channel->first;

	channel->class = NULL;
	channel->first = 0;
	channel->index = 0;
	channel->wanted = 0;
	channel->granted = 0;
	if (first != 0)
		vmbus_sub_channel_gone(vmbus_of(server), first);
	vmbus_offer_again(vmbus_of(server), kind);
}

static void reset_complete(struct server *server)
{
	(void)server; /* resets of ours end the machine; see vmbus_free() */
}

static void log_line(struct server *server, uint32_t relid, const char *text)
{
	(void)server;
	vm_log_limited("vmbus: channel %u: %s", relid, text);
}

const struct server_ops vmbus_channel_ops = {
	.gpadl_accept = gpadl_accept,
	.gpadl_release = gpadl_release,
	.channel_open = channel_open,
	.channel_opened = channel_opened,
	.channel_close = channel_close,
	.channel_retarget = channel_retarget,
	.channel_gone = channel_gone,
	.reset_complete = reset_complete,
	.log = log_line,
};

/* ---- What the provider answers ---- */

static enum server_channel_state state_of(struct vmbus *vmbus, uint32_t relid)
{
	const struct server_channel *channel = server_channel(&vmbus->server, relid);

	return channel ? channel->state : SERVER_CHANNEL_CLOSED;
}

static bool is_its_channel(struct vmbus *vmbus, const struct provider *provider,
                           uint32_t relid)
{
	return relid >= 1 && relid <= VMBUS_CHANNELS && vmbus->channels[relid].class &&
	       vmbus_provider_of(vmbus, relid) == provider;
}

/* An answer to a question that was not asked, or to another provider's, is left alone. */
static bool expected(struct vmbus *vmbus, const struct provider *provider, uint32_t relid,
                     enum server_channel_state state)
{
	if (is_its_channel(vmbus, provider, relid) && state_of(vmbus, relid) == state)
		return true;
	vm_log_limited("vmbus: a provider speaks of channel %u out of turn", relid);
	return false;
}

static void rescind(struct vmbus *vmbus, uint32_t relid)
{
	vm_log("vmbus: channel %u (%s) is taken from the guest", relid,
	       vmbus->channels[relid].class->name);
	(void)!server_rescind(&vmbus->server,
	                      relid); /* it may be on its way out already */
}

static void open_complete(struct vmbus *vmbus, uint32_t relid, bool ok)
{
	if (!ok)
		unwire(vmbus, relid);
	server_open_complete(&vmbus->server, relid,
	                     ok ? VMBUS_STATUS_OK : VMBUS_STATUS_FAILURE);
}

static void opened(gpointer context, struct provider *provider, uint32_t relid, bool ok)
{
	struct vmbus *vmbus = context;

	if (!is_its_channel(vmbus, provider, relid) ||
	    vmbus->channels[relid].link != VMBUS_LINK_ASKED) {
		vm_log_limited("vmbus: a provider speaks of channel %u out of turn",
		               relid);
		return;
	}
	vmbus->channels[relid].link = ok ? VMBUS_LINK_UP : VMBUS_LINK_NONE;
	switch (state_of(vmbus, relid)) {
	case SERVER_CHANNEL_OPENING:
		open_complete(vmbus, relid, ok);
		break;
	case SERVER_CHANNEL_OPEN: /* it was open before */
		if (!ok)
			rescind(vmbus, relid);
		else if (server_channel(&vmbus->server, relid)->started)
			provider_start_channel(provider, relid);
		break;
	case SERVER_CHANNEL_CLOSING: /* meanwhile */
		if (ok)
			provider_close(provider, relid);
		else
			finish_close(vmbus, relid);
		break;
	case SERVER_CHANNEL_CLOSED:
		break;
	}
	vmbus_deliver(vmbus);
}

static void closed(gpointer context, struct provider *provider, uint32_t relid)
{
	struct vmbus *vmbus = context;

	if (!expected(vmbus, provider, relid, SERVER_CHANNEL_CLOSING))
		return;
	finish_close(vmbus, relid);
	vmbus_deliver(vmbus);
}

/* Of a channel that is on its way to being closed nothing is lent: CLOSED ends its loans. */
static void borrowed(gpointer context, struct provider *provider, uint32_t relid,
                     uint32_t gpadl)
{
	struct vmbus *vmbus = context;

	if (is_its_channel(vmbus, provider, relid) &&
	    state_of(vmbus, relid) == SERVER_CHANNEL_OPEN)
		vmbus_lend(vmbus, provider, relid, gpadl);
}

static void returned(gpointer context, struct provider *provider, uint32_t relid,
                     uint32_t gpadl)
{
	struct vmbus *vmbus = context;

	if (!is_its_channel(vmbus, provider, relid))
		return;
	vmbus_loan_returned(vmbus, relid, gpadl);
	vmbus_deliver(vmbus);
}

static void offer(gpointer context, struct provider *provider, uint32_t relid,
                  uint32_t count)
{
	struct vmbus *vmbus = context;

	if (!is_its_channel(vmbus, provider, relid) ||
	    state_of(vmbus, relid) != SERVER_CHANNEL_OPEN)
		return;
	vmbus_offer_more(vmbus, relid, count);
	vmbus_deliver(vmbus);
}

/* {"ok": true} or {"ok": false, "error": "..."}, for the request with the same tag. */
static void answer_shutdown(struct vmbus *vmbus, const char *json)
{
	g_autoptr(json_t)
		object = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
	const char *why = "the guest refused";
	gboolean ok = FALSE;

	(void)json_text_get_boolean(json_object_get(object, "ok"), &ok);
	(void)json_text_get_string(json_object_get(object, "error"), &why);
	vmbus_answer_shutdown(vmbus, ok ? NULL : why);
}

enum vmbus_provider vmbus_kind_of(const struct vmbus *vmbus,
                                  const struct provider *provider)
{
	int kind = 0;

	while (kind < VMBUS_PROVIDERS && vmbus->providers[kind] != provider)
		kind++;
	return (enum vmbus_provider)kind;
}

void vmbus_tell(const struct vmbus *vmbus, const struct control_event *event)
{
	const struct machine *machine = vmbus->machine;

	if (machine->told)
		machine->told(machine->told_context, event);
}

/* What the utility provider may say unasked: nobody is told more than that, whatever it says. */
static const struct {
	const char *kind;
	const char *state;
	const char *event;
	const char *reason;
} guest_news[] = {
	{ "heartbeat", "ready", "guest", "heartbeat ready" },
	{ "heartbeat", "alive", "guest", "heartbeat alive" },
	{ "heartbeat", "lost", "watchdog", "no heartbeat for ten seconds" },
	{ "shutdown", "ready", "guest", "shutdown ready" },
	{ "timesync", "ready", "guest", "timesync ready" },
	{ "kvp", "ready", "guest", "kvp ready" },
	{ "vss", "ready", "guest", "vss ready" },
	{ "vss", "expired", "guest", "vss expired" },
	{ "fcopy", "ready", "guest", "fcopy ready" },
};

/* A guest that is paused is no guest that hangs: its heart stops and beats again, and nobody is told. */
static bool is_pause(struct vmbus *vmbus, const char *kind, const char *state)
{
	bool was = vmbus->stopped_by_pause;

	if (strcmp(kind, "heartbeat") != 0)
		return false;
	vmbus->stopped_by_pause = strcmp(state, "lost") == 0 && vmbus->machine->paused;
	return vmbus->stopped_by_pause || (was && strcmp(state, "alive") == 0);
}

/* False: it is none of these. */
static bool tell_news(struct vmbus *vmbus, const char *json)
{
	g_autoptr(json_t)
		object = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
	const char *kind = "", *state = "";

	(void)json_text_get_string(json_object_get(object, "event"), &kind);
	(void)json_text_get_string(json_object_get(object, "state"), &state);
	for (gsize i = 0; i < G_N_ELEMENTS(guest_news); i++) {
		if (strcmp(guest_news[i].kind, kind) != 0 ||
		    strcmp(guest_news[i].state, state) != 0)
			continue;
		if (!is_pause(vmbus, kind, state))
			vmbus_tell(vmbus, &(struct control_event){
						  guest_news[i].event, "guest",
						  guest_news[i].reason, -1, NULL });
		return true;
	}
	return false;
}

static void event(gpointer context, struct provider *provider, uint32_t tag,
                  const char *json)
{
	struct vmbus *vmbus = context;
	enum vmbus_provider kind = vmbus_kind_of(vmbus, provider);

	if (tag != 0 && tag == vmbus->shutdown_tag && kind == VMBUS_UTIL)
		answer_shutdown(vmbus, json);
	else if (vmbus_leave_answered(vmbus, kind, tag))
		vm_log("vmbus: %s leaves", offers_provider_name(kind));
	else if (tag == 0 && kind == VMBUS_UTIL && tell_news(vmbus, json))
		vm_log_limited("vmbus: the guest: %s", json);
	else if (kind == VMBUS_PROVIDERS ||
	         (!vmbus_take_counters(vmbus, kind, tag, json) &&
	          !vmbus_take_server_news(vmbus, kind, tag, json)))
		vm_log_limited("vmbus: event of a provider: %s", json);
}

static bool is_served_by(const struct vmbus *vmbus, uint32_t relid,
                         enum vmbus_provider kind)
{
	return vmbus->channels[relid].class && kind_of_channel(vmbus, relid) == kind;
}

void vmbus_drop_channels(struct vmbus *vmbus, enum vmbus_provider kind)
{
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS && !vmbus->ends; relid++) {
		if (!is_served_by(vmbus, relid, kind))
			continue;
		if (state_of(vmbus, relid) == SERVER_CHANNEL_OPENING)
			open_complete(vmbus, relid, false);
		rescind(vmbus, relid);
	}
	vmbus_deliver(vmbus);
}

/* Of those that the guest has in use the new process hears where the old one stood; it has that in its table. */
void vmbus_resume_channels(struct vmbus *vmbus, enum vmbus_provider kind)
{
	struct server_rings rings;

	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++) {
		if (!is_served_by(vmbus, relid, kind) ||
		    vmbus->channels[relid].link != VMBUS_LINK_NONE ||
		    !server_channel_rings(&vmbus->server, relid, &rings))
			continue;
		lend_rings(vmbus, relid, &rings,
		           server_channel(&vmbus->server, relid)->started ?
		                   provider_resume :
		                   provider_open);
	}
}

/* Nothing of it touches the guest's pages any more. */
static void gone(gpointer context, struct provider *provider)
{
	struct vmbus *vmbus = context;
	enum vmbus_provider kind = vmbus_kind_of(vmbus, provider);
	g_autofree char *why = NULL;

	if (kind == VMBUS_PROVIDERS)
		return;
	vmbus->providers[kind] = NULL;
	why = g_strdup(provider_complaint(provider));
	provider_stop(provider);
	if (kind == VMBUS_UTIL)
		vmbus_answer_shutdown(vmbus, "the utility provider died");
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++) {
		if (!is_served_by(vmbus, relid, kind))
			continue;
		vmbus->channels[relid].link = VMBUS_LINK_NONE;
		vmbus_end_loans(vmbus, relid); /* the next one asks anew */
		if (state_of(vmbus, relid) == SERVER_CHANNEL_CLOSING)
			finish_close(vmbus, relid);
	}
	if (!vmbus_restart(vmbus, kind, why))
		vmbus_drop_channels(vmbus, kind);
	vmbus_deliver(vmbus);
}

const struct provider_events vmbus_provider_events = {
	.ready = vmbus_provider_ready,
	.opened = opened,
	.closed = closed,
	.borrowed = borrowed,
	.returned = returned,
	.offer = offer,
	.event = event,
	.gone = gone,
};
