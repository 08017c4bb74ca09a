/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rounds of questions about a guest: see util_facts.h. */
#include "vsp/util/core/util_facts.h"

#include <stddef.h>
#include <viridis/base/mem.h>

bool util_facts_add_adapter(struct util_facts *facts, const char *mac)
{
	struct util_adapter *adapter = &facts->adapters[facts->adapter_count];
	size_t length = 0;

	while (mac[length] != '\0' && length < sizeof(adapter->mac))
		length++;
	if (facts->adapter_count == UTIL_ADAPTERS_MAX ||
	    length != sizeof(adapter->mac) - 1)
		return false;
	memcpy(adapter->mac, mac, sizeof(adapter->mac));
	facts->adapter_count++;
	return true;
}

void util_facts_forget_adapters(struct util_facts *facts)
{
	memset(facts->adapters, 0, sizeof(facts->adapters));
	facts->adapter_count = 0;
	facts->stale = facts->step == UTIL_STEP_ADAPTERS;
}

void util_facts_keep_adapter(struct util_facts *facts, const struct util_facts *before,
                             const char *mac)
{
	struct util_adapter *adapter;

	if (!util_facts_add_adapter(facts, mac))
		return;
	adapter = &facts->adapters[facts->adapter_count - 1];
	for (uint32_t i = 0; i < before->adapter_count; i++)
		if (memcmp(before->adapters[i].mac, adapter->mac, sizeof(adapter->mac)) ==
		    0)
			*adapter = before->adapters[i];
}

void util_facts_begin(struct util_facts *facts)
{
	if (facts->step != UTIL_STEP_NONE)
		return;
	facts->step = UTIL_STEP_AUTO;
	facts->index = 0;
}

uint32_t util_facts_next(struct util_facts *facts, struct util_service *service,
                         uint64_t now_ns, uint8_t packet[UTIL_PACKET_BYTES])
{
	uint32_t bytes = 0;

	switch (facts->step) {
	case UTIL_STEP_NONE:
		break;
	case UTIL_STEP_AUTO:
		bytes = util_enumerate(service, now_ns, KVP_POOL_AUTO, facts->index,
		                       packet);
		break;
	case UTIL_STEP_GUEST:
		bytes = util_enumerate(service, now_ns, KVP_POOL_GUEST, facts->index,
		                       packet);
		break;
	case UTIL_STEP_ADAPTERS:
		if (facts->index < facts->adapter_count)
			bytes = util_addresses(service, now_ns,
			                       facts->adapters[facts->index].mac, packet);
		break;
	}
	if (bytes == 0)
		facts->step = UTIL_STEP_NONE;
	return bytes;
}

/* True: the guest may have more of them. */
static bool take_item(struct util_items *items, uint32_t index,
                      const struct ic_message *message)
{
	bool taken = message && kvp_decode_item(message, &items->item[index]);

	items->count = taken ? index + 1 : index;
	return items->count > index && items->count < UTIL_ITEMS_MAX;
}

static void take_adapter(struct util_adapter *adapter, const struct ic_message *message)
{
	adapter->known = message && kvp_decode_adapter(message, &adapter->told);
}

static void next_step(struct util_facts *facts, enum util_step step)
{
	facts->step = step;
	facts->index = 0;
	facts->stale = false;
}

/* NULL: it has nothing to tell. */
static void take_facts(struct util_facts *facts, const struct ic_message *message)
{
	switch (facts->step) {
	case UTIL_STEP_NONE:
		break;
	case UTIL_STEP_AUTO:
		if (take_item(&facts->names, facts->index, message))
			facts->index++;
		else
			next_step(facts, UTIL_STEP_GUEST);
		break;
	case UTIL_STEP_GUEST:
		if (take_item(&facts->items, facts->index, message))
			facts->index++;
		else
			next_step(facts, UTIL_STEP_ADAPTERS);
		break;
	case UTIL_STEP_ADAPTERS:
		if (!facts->stale)
			take_adapter(&facts->adapters[facts->index], message);
		facts->index = facts->stale ? 0 : facts->index + 1;
		facts->stale = false;
		break;
	}
}

void util_facts_answered(struct util_facts *facts, enum util_event event,
                         const void *payload, uint32_t payload_bytes)
{
	struct ic_message message;

	if (event == UTIL_EVENT_ACCEPTED && ic_decode(&message, payload, payload_bytes))
		take_facts(facts, &message);
	else if (event == UTIL_EVENT_DENIED)
		take_facts(facts, NULL);
	else
		next_step(facts, UTIL_STEP_NONE); /* F2 */
}
