/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is offered to the child, who serves it, and the configuration each provider gets. */
#include <errno.h>
#include <string.h>

#include "root-partition/config/definition_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/vm/vmbus_internal.h"
#include "vsp/lib/core/protocol.h"

/* Instances are ours to choose; they stay the same so that the guest's names for devices do. */
static const struct vmbus_class classes[] = {
	{ "scsi", VMBUS_TYPE_SCSI,
	  VMBUS_GUID(0x5a1d0001, 0x7669, 0x7269, 0x6469, 0x730000000001), VMBUS_STORAGE,
	  false },
	{ "heartbeat", VMBUS_TYPE_HEARTBEAT,
	  VMBUS_GUID(0x5a1d0002, 0x7669, 0x7269, 0x6469, 0x730000000002), VMBUS_UTIL,
	  true },
	{ "shutdown", VMBUS_TYPE_SHUTDOWN,
	  VMBUS_GUID(0x5a1d0003, 0x7669, 0x7269, 0x6469, 0x730000000003), VMBUS_UTIL,
	  true },
	{ "timesync", VMBUS_TYPE_TIMESYNC,
	  VMBUS_GUID(0x5a1d0004, 0x7669, 0x7269, 0x6469, 0x730000000004), VMBUS_UTIL,
	  true },
};

static const struct {
	const char *name;
	const char *program;
} programs[VMBUS_PROVIDERS] = {
	[VMBUS_STORAGE] = { "storage", "viridis-storage" },
	[VMBUS_UTIL] = { "util", "viridis-util" },
};

struct provider *vmbus_provider_of(struct vmbus *vmbus, uint32_t relid)
{
	return vmbus->providers[vmbus->channels[relid].class->provider];
}

bool vmbus_provider_serves(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	return vmbus->providers[provider] && provider_serves(vmbus->providers[provider]);
}

const char *vmbus_provider_name(enum vmbus_provider provider)
{
	return programs[provider].name;
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

static gboolean offer(struct vmbus *vmbus, const struct vmbus_class *class,
                      GError **error)
{
	/* The server gives relids from 1 up; connections are numbered alike. */
	uint32_t expected = 1;
	uint32_t relid;
	struct server_offer offer = {
		.type = class->type,
		.instance = class->instance,
		.flags = VMBUS_OFFER_ENUMERATE,
	};

	while (expected <= VMBUS_CHANNELS && vmbus->channels[expected].class)
		expected++;
	offer.connection_id = VMBUS_CONNECTION(expected);
	if (class->pipe)
		make_pipe(&offer);
	if (server_offer(&vmbus->server, &offer, &relid) != SERVER_OK ||
	    relid != expected)
		return machine_fail(error, -ENOSPC, "VMBus offer");
	vmbus->channels[relid].class = class;
	return TRUE;
}

static void add_channels(JsonBuilder *builder, const struct vmbus *vmbus,
                         enum vmbus_provider provider)
{
	json_builder_set_member_name(builder, "channels");
	json_builder_begin_array(builder);
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++) {
		const struct vmbus_class *class = vmbus->channels[relid].class;

		if (!class || class->provider != provider)
			continue;
		json_builder_begin_object(builder);
		json_text_add_int(builder, "id", relid);
		json_text_add_string(builder, "class", class->name);
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
}

static char *configuration(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	const struct definition *definition = vmbus->machine->definition;
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_string(builder, "vm", definition->name);
	add_channels(builder, vmbus, provider);
	if (provider == VMBUS_STORAGE)
		definition_add_disks(builder, definition->disks);
	json_builder_end_object(builder);
	return json_text_finish(builder, FALSE);
}

static gboolean wanted(const struct vmbus *vmbus, enum vmbus_provider provider)
{
	return provider != VMBUS_STORAGE || vmbus->machine->definition->disks->len > 0;
}

static gboolean start_provider(struct vmbus *vmbus, enum vmbus_provider provider,
                               GError **error)
{
	g_autofree char *config = configuration(vmbus, provider);

	vmbus->providers[provider] = provider_start(
		programs[provider].program, config,
		vsp_user_of(vmbus->machine->partition.id), &vmbus->machine->memory,
		&vmbus_provider_events, vmbus, error);
	return vmbus->providers[provider] != NULL;
}

void vmbus_add_providers(const struct vmbus *vmbus, JsonBuilder *builder)
{
	json_builder_set_member_name(builder, "providers");
	json_builder_begin_object(builder);
	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		if (wanted(vmbus, (enum vmbus_provider)i))
			json_text_add_string(builder, programs[i].name,
			                     vmbus_provider_serves(vmbus, i) ? "serving" :
			                                                       "died");
	json_builder_end_object(builder);
}

gboolean vmbus_offer_all(struct vmbus *vmbus, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(classes); i++)
		if (wanted(vmbus, classes[i].provider) &&
		    !offer(vmbus, &classes[i], error))
			return FALSE;
	for (int provider = 0; provider < VMBUS_PROVIDERS; provider++)
		if (wanted(vmbus, (enum vmbus_provider)provider) &&
		    !start_provider(vmbus, (enum vmbus_provider)provider, error))
			return FALSE;
	return TRUE;
}
