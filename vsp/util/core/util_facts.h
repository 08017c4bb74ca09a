/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest tells of itself, asked for in rounds: its names and versions, then what its programs have to say, then
 * the addresses of each adapter. PURE.
 *
 * F1 A round is begun when somebody wants to know, so it costs a guest nothing that nobody asks about it.
 * F2 What was told last stays until it is told anew: a guest that falls silent, or closes, leaves its facts.
 */
#ifndef VIRIDIS_VSP_UTIL_FACTS_H
#define VIRIDIS_VSP_UTIL_FACTS_H

#include "vsp/util/core/util_service.h"

#define UTIL_ITEMS_MAX    16u
#define UTIL_ADAPTERS_MAX 8u

enum util_step {
	UTIL_STEP_NONE, /* no round is under way */
	UTIL_STEP_AUTO,
	UTIL_STEP_GUEST,
	UTIL_STEP_ADAPTERS,
};

struct util_items {
	uint32_t count;
	struct kvp_item item[UTIL_ITEMS_MAX];
};

struct util_adapter {
	char mac[18];
	bool known;
	struct kvp_adapter told;
};

struct util_facts {
	enum util_step step;
	uint32_t index;          /* within the step */
	struct util_items names; /* KVP_POOL_AUTO */
	struct util_items items; /* KVP_POOL_GUEST */
	bool stale;              /* what is asked now is of an adapter of before */
	uint32_t adapter_count;
	struct util_adapter adapters[UTIL_ADAPTERS_MAX];
};

/* An adapter to ask for; false: too many, or no MAC. */
MUST_CHECK bool util_facts_add_adapter(struct util_facts *facts, const char *mac);

/* No adapters; one that is being asked for has its answer passed over, and all are asked for anew. */
void util_facts_forget_adapters(struct util_facts *facts);
/* Adds it with what was known of it before; one that is too many is left out. */
void util_facts_keep_adapter(struct util_facts *facts, const struct util_facts *before,
                             const char *mac);

/* A round begins, unless one is under way. */
void util_facts_begin(struct util_facts *facts);

/* The request that is next, 0 when the round is over or the guest cannot be asked. */
uint32_t util_facts_next(struct util_facts *facts, struct util_service *service,
                         uint64_t now_ns, uint8_t packet[UTIL_PACKET_BYTES]);

/* How the guest answered it: UTIL_EVENT_ACCEPTED with this payload, DENIED, or SILENT, which ends the round. */
void util_facts_answered(struct util_facts *facts, enum util_event event,
                         const void *payload, uint32_t payload_bytes);

#endif
