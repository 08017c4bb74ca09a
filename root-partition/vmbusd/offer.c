/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is offered to the child, and who serves it. */
#include <errno.h>
#include <string.h>

#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

struct provider *vmbus_provider_of(struct vmbus *vmbus, uint32_t relid)
{
	return vmbus->providers[vmbus->channels[relid].class->provider];
}

bool vmbus_provider_serves(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	return vmbus->providers[provider] && provider_serves(vmbus->providers[provider]);
}

bool vmbus_provider_returns(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	return vmbus->providers[provider] || vmbus->restarts[provider].source;
}

static const char *state_of(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	if (vmbus->leaves[provider].last)
		return "died";
	if (vmbus_provider_serves(vmbus, provider))
		return "serving";
	if (vmbus->restarts[provider].source ||
	    (vmbus->providers[provider] && provider_starts(vmbus->providers[provider])))
		return "starting";
	return "died";
}

uint32_t vmbus_find_class(const struct vmbus *vmbus, const char *name)
{
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++)
		if (vmbus->channels[relid].class &&
		    strcmp(vmbus->channels[relid].class->name, name) == 0)
			return relid;
	return 0;
}

/* As Windows hosts do: its services look for a pipe. Linux looks at the type alone. */
static void make_pipe(struct server_offer *offer)
{
	const uint32_t mode = VMBUS_PIPE_MODE_MESSAGE;

	offer->flags |= VMBUS_OFFER_NAMED_PIPE;
	memcpy(offer->user_data, &mode, sizeof(mode));
}

uint32_t vmbus_free_relid(const struct vmbus *vmbus)
{
	uint32_t relid = OFFERS_RELIDS + 1;

	while (relid <= VMBUS_CHANNELS && vmbus->channels[relid].class)
		relid++;
	return relid <= VMBUS_CHANNELS ? relid : 0;
}

/* Connections are numbered as relids are. */
static bool offer(struct vmbus *vmbus, const struct vmbus_class *class, uint32_t relid)
{
	struct server_offer offer = {
		.relid = relid,
		.type = class->type,
		.instance = class->instance,
		.flags = VMBUS_OFFER_ENUMERATE,
		.connection_id = VMBUS_CONNECTION(relid),
	};

	if (class->pipe)
		make_pipe(&offer);
	if (server_offer(&vmbus->server, &offer, &relid) != SERVER_OK)
		return false;
	vmbus->channels[relid].class = class;
	return true;
}

static bool has_any(const struct vmbus *vmbus, enum vmbus_provider kind)
{
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++)
		if (vmbus->channels[relid].class &&
		    vmbus->channels[relid].class->provider == kind)
			return true;
	return false;
}

void vmbus_offer_again(struct vmbus *vmbus, enum vmbus_provider kind)
{
	const struct vmbus_class *class;

	if (!vmbus_provider_serves(vmbus, kind) || vmbus_leaves(vmbus, kind) ||
	    has_any(vmbus, kind))
		return;
	for (uint32_t relid = 1; relid <= OFFERS_RELIDS; relid++) {
		class = offers_class(vmbus->machine->definition, relid);
		if (class && class->provider == kind && !offer(vmbus, class, relid))
			vm_log("vmbus: %s cannot be offered again", class->name);
	}
	vmbus_deliver(vmbus);
}

static bool wanted(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	return offers_need(vmbus->machine->definition, provider);
}

static gboolean start_provider(struct vmbus *vmbus, enum vmbus_provider provider,
                               GError **error)
{
	vmbus->providers[provider] = provider_start(vmbus->machine->keeper, provider,
	                                            &vmbus_provider_events, vmbus, error);
	vmbus->restarts[provider].ready_us = g_get_monotonic_time();
	return vmbus->providers[provider] != NULL;
}

void vmbus_add_providers(const struct vmbus *vmbus, json_t *object)
{
	json_t *providers = json_text_add_object(object, "providers");

	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		if (wanted(vmbus, (enum vmbus_provider)i))
			json_text_add_string(providers, offers_provider_name(i),
			                     state_of(vmbus, i));
}

gboolean vmbus_offer_all(struct vmbus *vmbus, GError **error)
{
	const struct definition *definition = vmbus->machine->definition;
	const struct vmbus_class *class;

	for (uint32_t relid = 1; relid <= OFFERS_RELIDS; relid++) {
		class = offers_class(definition, relid);
		if (class && !offer(vmbus, class, relid))
			return machine_fail(error, -ENOSPC, "VMBus offer");
	}
	for (int provider = 0; provider < VMBUS_PROVIDERS; provider++)
		if (wanted(vmbus, (enum vmbus_provider)provider) &&
		    !start_provider(vmbus, (enum vmbus_provider)provider, error))
			return FALSE;
	return TRUE;
}
