/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes, programs, and the JSON of a provider's configuration. */
#include "root-partition/vmbusd/offers.h"

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"

/* In the order of their relids. Instances are ours to choose; they stay the same so that the guest's names for devices do. */
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
	{ "kvp", VMBUS_TYPE_KVP,
	  VMBUS_GUID(0x5a1d0005, 0x7669, 0x7269, 0x6469, 0x730000000006), VMBUS_UTIL,
	  true },
	{ "vss", VMBUS_TYPE_VSS,
	  VMBUS_GUID(0x5a1d0006, 0x7669, 0x7269, 0x6469, 0x730000000007), VMBUS_UTIL,
	  true },
	{ "fcopy", VMBUS_TYPE_FCOPY,
	  VMBUS_GUID(0x5a1d0007, 0x7669, 0x7269, 0x6469, 0x730000000008), VMBUS_UTIL,
	  true },
#define NET(a, index)                                                          \
	{                                                                      \
		"net", VMBUS_TYPE_NET,                                         \
			VMBUS_GUID(a, 0x7669, 0x7269, 0x6469, 0x730000000005), \
			(enum vmbus_provider)(VMBUS_NET + (index)), false      \
	}
	NET(0x5a1d0010, 0),
	NET(0x5a1d0011, 1),
	NET(0x5a1d0012, 2),
	NET(0x5a1d0013, 3),
	NET(0x5a1d0014, 4),
	NET(0x5a1d0015, 5),
	NET(0x5a1d0016, 6),
	NET(0x5a1d0017, 7),
#undef NET
};
_Static_assert(G_N_ELEMENTS(classes) == OFFERS_RELIDS, "each class has its relid");
_Static_assert(DEFINITION_NETS_MAX == 8, "each network adapter has its instance");

static const struct {
	const char *name;
	const char *program;
} providers[VMBUS_PROVIDERS] = {
	[VMBUS_STORAGE] = { "storage", "viridis-storage" },
	[VMBUS_UTIL] = { "util", "viridis-util" },
	[VMBUS_NET + 0] = { "net0", "viridis-net" },
	[VMBUS_NET + 1] = { "net1", "viridis-net" },
	[VMBUS_NET + 2] = { "net2", "viridis-net" },
	[VMBUS_NET + 3] = { "net3", "viridis-net" },
	[VMBUS_NET + 4] = { "net4", "viridis-net" },
	[VMBUS_NET + 5] = { "net5", "viridis-net" },
	[VMBUS_NET + 6] = { "net6", "viridis-net" },
	[VMBUS_NET + 7] = { "net7", "viridis-net" },
};

const struct definition_net *offers_net(const struct definition *definition,
                                        enum vmbus_provider provider)
{
	return provider >= VMBUS_NET ?
	               definition_net_in(definition, provider - VMBUS_NET) :
	               NULL;
}

bool offers_need(const struct definition *definition, enum vmbus_provider provider)
{
	/* A controller without disks is where disks can be added. */
	return provider < VMBUS_NET || offers_net(definition, provider);
}

const struct vmbus_class *offers_class(const struct definition *definition,
                                       uint32_t relid)
{
	const struct vmbus_class *class = &classes[relid - 1];

	return offers_need(definition, class->provider) ? class : NULL;
}

const char *offers_provider_name(enum vmbus_provider provider)
{
	return providers[provider].name;
}

const char *offers_program(enum vmbus_provider provider)
{
	return providers[provider].program;
}

const char *offers_program_for(const struct definition *definition,
                               enum vmbus_provider provider)
{
	return provider == VMBUS_STORAGE &&
	                       definition_disks_any_remote(definition->disks) ?
	               "viridis-storage-nbd" :
	               offers_program(provider);
}

static void add_channels(json_t *object, enum vmbus_provider provider)
{
	json_t *channels = json_text_add_array(object, "channels");
	const struct vmbus_class *class;
	json_t *entry;

	for (uint32_t relid = 1; relid <= OFFERS_RELIDS; relid++) {
		class = &classes[relid - 1];
		if (class->provider != provider)
			continue;
		entry = json_text_append_object(channels);
		json_text_add_int(entry, "id", relid);
		json_text_add_string(entry, "class", class->name);
	}
}

void offers_add_adapters(json_t *object, const struct definition *definition)
{
	json_t *adapters = json_text_add_array(object, "adapters");

	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		json_text_append_string(adapters, net->mac);
	}
}

char *offers_configuration(const struct definition *definition,
                           enum vmbus_provider provider)
{
	g_autoptr(json_t) object = json_object();

	json_text_add_string(object, "vm", definition->name);
	add_channels(object, provider);
	if (provider == VMBUS_STORAGE)
		definition_add_disks(object, definition->disks);
	if (provider == VMBUS_UTIL)
		offers_add_adapters(object, definition);
	if (provider >= VMBUS_NET)
		definition_net_add_one(object, offers_net(definition, provider));
	return json_text_format(object, FALSE);
}

char *offers_last_configuration(const struct definition *definition,
                                enum vmbus_provider provider)
{
	g_autoptr(json_t) object = json_object();
	json_t *net;

	json_text_add_string(object, "vm", definition->name);
	add_channels(object, provider);
	net = json_text_add_object(object, "net");
	json_text_add_boolean(net, "none", TRUE);
	json_text_add_string(net, "mac", "02:00:00:00:00:00"); /* the guest's stays */
	json_text_add_int(net, "mtu", DEFINITION_NET_MTU_MAX);
	json_text_add_int(net, "queues", DEFINITION_NET_QUEUES_MAX);
	return json_text_format(object, FALSE);
}
