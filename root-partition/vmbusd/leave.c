/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network adapters are taken from a guest when it has come to rest: Linux waits for the end of all that it sent before it
 * lets go of one, and hears of none from the moment that its channel is rescinded. The provider sees to that
 * (vsp/net/leave.c). Where none serves, or the one that did dies of it, a last one is begun that has no network and sends
 * nothing; there is none after that.
 */
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

/* More than a provider gives its guest. */
#define LIMIT_MS 30000u

bool vmbus_leaves(const struct vmbus *vmbus, enum vmbus_provider kind)
{
	return vmbus->leaves[kind].begun;
}

bool vmbus_is_used(const struct vmbus *vmbus, enum vmbus_provider kind)
{
	const struct server_channel *channel;

	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++) {
		if (!vmbus->channels[relid].class ||
		    vmbus->channels[relid].class->provider != kind)
			continue;
		channel = server_channel(&vmbus->server, relid);
		if (channel && channel->state == SERVER_CHANNEL_OPEN)
			return true;
	}
	return false;
}

static void end(struct vmbus *vmbus, enum vmbus_provider kind)
{
	if (vmbus->leaves[kind].source)
		g_source_remove(vmbus->leaves[kind].source);
	vmbus->leaves[kind] = (struct vmbus_leave){ .begun = false };
}

struct limit {
	struct vmbus *vmbus;
	enum vmbus_provider kind;
};

/* Its process ends, and then the guest loses the adapter. */
static void be_over(struct vmbus *vmbus, enum vmbus_provider kind)
{
	vmbus->leaves[kind].over = true;
	if (vmbus->providers[kind])
		provider_replace(vmbus->providers[kind]);
}

static gboolean on_limit(gpointer data)
{
	const struct limit *limit = data;

	if (limit->vmbus->machine->paused) /* it has its time when it goes on */
		return G_SOURCE_CONTINUE;
	limit->vmbus->leaves[limit->kind].source = 0;
	vm_log("vmbus: %s: does not say that its guest is at rest",
	       offers_provider_name(limit->kind));
	be_over(limit->vmbus, limit->kind);
	return G_SOURCE_REMOVE;
}

static void begin_limit(struct vmbus *vmbus, enum vmbus_provider kind)
{
	struct limit *limit = g_new(struct limit, 1);

	*limit = (struct limit){ vmbus, kind };
	if (vmbus->leaves[kind].source)
		g_source_remove(vmbus->leaves[kind].source);
	vmbus->leaves[kind].source =
		g_timeout_add_full(G_PRIORITY_DEFAULT, LIMIT_MS, on_limit, limit, g_free);
}

/* A guest that stands still comes to no rest: when it goes on it has all of its time. */
static void order(struct vmbus *vmbus, enum vmbus_provider kind)
{
	vmbus->leaves[kind].waits = vmbus->machine->paused;
	if (vmbus->leaves[kind].waits)
		return;
	begin_limit(vmbus, kind);
	vmbus->leaves[kind].tag = vmbus_new_tag(vmbus);
	provider_command(vmbus->providers[kind], vmbus->leaves[kind].tag,
	                 "{\"command\": \"leave\"}");
}

/* False: there is none to be had. */
static bool begin_last(struct vmbus *vmbus, enum vmbus_provider kind)
{
	g_autoptr(GError) error = NULL;

	vmbus_cancel_restart(vmbus, kind);
	vmbus->leaves[kind].last = true;
	vmbus->leaves[kind].tag = 0;
	vmbus->providers[kind] = provider_begin_last(
		vmbus->machine->keeper, kind, &vmbus_provider_events, vmbus, &error);
	if (!vmbus->providers[kind])
		vm_log("vmbus: %s has no last process: %s", offers_provider_name(kind),
		       error->message);
	return vmbus->providers[kind] != NULL;
}

bool vmbus_leave(struct vmbus *vmbus, enum vmbus_provider kind)
{
	struct vmbus_leave *leave = &vmbus->leaves[kind];

	if (kind < VMBUS_NET || !vmbus_is_used(vmbus, kind))
		return false;
	if (leave->begun)
		return true;
	if (!vmbus->providers[kind] && !begin_last(vmbus, kind)) {
		leave->last = false;
		return false;
	}
	leave->begun = true;
	begin_limit(vmbus, kind);
	if (vmbus_provider_serves(vmbus, kind))
		order(vmbus, kind);
	else if (!leave->last) /* it is on its way up, and may need what is not there any more */
		provider_replace(vmbus->providers[kind]);
	return true;
}

bool vmbus_leave_ready(struct vmbus *vmbus, enum vmbus_provider kind)
{
	if (!vmbus_leaves(vmbus, kind))
		return false;
	vmbus_resume_channels(vmbus, kind);
	order(vmbus, kind);
	return true;
}

bool vmbus_leave_answered(struct vmbus *vmbus, enum vmbus_provider kind, uint32_t tag)
{
	if (kind == VMBUS_PROVIDERS || !vmbus_leaves(vmbus, kind) || tag == 0 ||
	    tag != vmbus->leaves[kind].tag)
		return false;
	vmbus->leaves[kind].tag = 0;
	if (vmbus->machine->paused)
		vmbus->leaves[kind].waits = true;
	else if (vmbus->leaves[kind].waits)
		order(vmbus, kind);
	else
		be_over(vmbus, kind);
	return true;
}

void vmbus_resumed(struct vmbus *vmbus)
{
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++) {
		struct vmbus_leave *leave = &vmbus->leaves[kind];

		if (leave->tag != 0) /* its process does not count the pause */
			leave->waits = true;
		else if (leave->waits && vmbus_provider_serves(vmbus, kind))
			order(vmbus, kind);
	}
}

bool vmbus_leave_goes_on(struct vmbus *vmbus, enum vmbus_provider kind)
{
	const struct vmbus_leave *leave = &vmbus->leaves[kind];

	if (!leave->over && !leave->last && vmbus_is_used(vmbus, kind) &&
	    begin_last(vmbus, kind))
		return true;
	end(vmbus, kind);
	return false;
}

/* ---- All of them ---- */

static bool any_leaves(const struct vmbus *vmbus)
{
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++)
		if (vmbus_leaves(vmbus, kind))
			return true;
	return false;
}

void vmbus_leave_all(struct vmbus *vmbus)
{
	vmbus->ends = true;
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++)
		(void)vmbus_leave(vmbus, kind); /* or there is nothing to wait for */
	while (any_leaves(vmbus) && vmbus->machine->owner_source)
		g_main_context_iteration(NULL, TRUE);
}

void vmbus_end_leaves(struct vmbus *vmbus)
{
	for (int kind = 0; kind < VMBUS_PROVIDERS; kind++)
		end(vmbus, kind);
}
