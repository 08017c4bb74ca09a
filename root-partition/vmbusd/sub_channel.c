/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sub-channels: a guest's driver asks its device for them, the provider asks us. They are offered like any channel,
 * with the device's type and instance and an index, and go when the device's first channel is closed. A driver that
 * comes back at once gets new ones only when the guest has let go of the old ones, whose indexes they have.
 */
#include <viridis/base/bits.h>

#include "root-partition/vmbusd/internal.h"

static bool has_any(const struct vmbus *vmbus, uint32_t first)
{
	for (uint32_t relid = 1; relid <= VMBUS_CHANNELS; relid++)
		if (vmbus->channels[relid].class && vmbus->channels[relid].first == first)
			return true;
	return false;
}

static bool offer_one(struct vmbus *vmbus, uint32_t first, uint32_t index)
{
	const struct vmbus_class *class = vmbus->channels[first].class;
	struct server_offer offer = {
		.type = class->type,
		.instance = class->instance,
		.sub_channel_index = (uint16_t)index,
	};
	uint32_t relid = vmbus_free_relid(vmbus);

	if (relid == 0)
		return false;
	offer.relid = relid;
	offer.connection_id = VMBUS_CONNECTION(relid);
	if (server_offer(&vmbus->server, &offer, &relid) != SERVER_OK)
		return false;
	vmbus->channels[relid].class = class;
	vmbus->channels[relid].first = first;
	vmbus->channels[relid].index = index;
	return true;
}

static void offer_now(struct vmbus *vmbus, uint32_t first)
{
	uint32_t wanted = vmbus->channels[first].wanted, count = 0;
	struct provider *provider = vmbus_provider_of(vmbus, first);

	vmbus->channels[first].wanted = 0;
	while (count < wanted && offer_one(vmbus, first, count + 1))
		count++;
	vmbus->channels[first].granted = count;
	if (provider)
		provider_offered(provider, first, count);
}

/* Who asks again for what was granted took a dead one's place, which did not live to tell its guest. */
void vmbus_offer_more(struct vmbus *vmbus, uint32_t relid, uint32_t count)
{
	struct vmbus_channel *channel = &vmbus->channels[relid];

	if (channel->first != 0 || channel->wanted != 0)
		return;
	if (channel->granted != 0) {
		provider_offered(vmbus_provider_of(vmbus, relid), relid,
		                 channel->granted);
		return;
	}
	channel->wanted = count;
	if (!has_any(vmbus, relid))
		offer_now(vmbus, relid);
}

void vmbus_take_back(struct vmbus *vmbus, uint32_t relid)
{
	vmbus->channels[relid].wanted = 0;
	vmbus->channels[relid].granted = 0;
	for (uint32_t sub = 1; sub <= VMBUS_CHANNELS; sub++)
		if (vmbus->channels[sub].class && vmbus->channels[sub].first == relid)
			(void)!server_rescind(&vmbus->server,
			                      sub); /* it may be on its way out already */
}

void vmbus_sub_channel_gone(struct vmbus *vmbus, uint32_t first)
{
	if (vmbus->channels[first].wanted != 0 && !has_any(vmbus, first))
		offer_now(vmbus, first);
}
