/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key-value exchange: what a guest tells of itself. Requests encoded and answers decoded for the server, and the other
 * way round for the client. Their heads and versions are ic.h's.
 */
#ifndef VIRIDIS_VMBUS_CLASS_KVP_H
#define VIRIDIS_VMBUS_CLASS_KVP_H

#include <viridis/abi/kvp.h>

#include "vmbus/class/ic.h"

#define KVP_PACKET_BYTES_MAX (IC_HEADERS_BYTES + (uint32_t)sizeof(struct kvp_addresses))

/* Texts in UTF-8, cut to what fits; whatever the guest sent, they end in a zero. */
struct kvp_item {
	char key[128];
	char value[512];
};

#define KVP_ADAPTER_TEXT_BYTES 512u
struct kvp_adapter {
	bool dhcp;
	char addresses[KVP_ADAPTER_TEXT_BYTES];
	char subnets[KVP_ADAPTER_TEXT_BYTES];
	char gateways[KVP_ADAPTER_TEXT_BYTES];
	char name_servers[KVP_ADAPTER_TEXT_BYTES];
};

/* ---- Server: encoders fill up to KVP_PACKET_BYTES_MAX bytes, return the length ---- */

MUST_CHECK uint32_t kvp_encode_enumerate(void *packet, const struct ic_agreement *agreed,
                                         uint8_t transaction_id, enum kvp_pool pool,
                                         uint32_t index);
/* `mac` as in abi/kvp.h, letters of either size. */
MUST_CHECK uint32_t kvp_encode_addresses(void *packet, const struct ic_agreement *agreed,
                                         uint8_t transaction_id, const char *mac);

/* An item for the guest to keep, and one to forget. Texts that do not fit are cut: kvp_fits() says so before. */
MUST_CHECK uint32_t kvp_encode_set(void *packet, const struct ic_agreement *agreed,
                                   uint8_t transaction_id, enum kvp_pool pool,
                                   const char *key, const char *value);
MUST_CHECK uint32_t kvp_encode_delete(void *packet, const struct ic_agreement *agreed,
                                      uint8_t transaction_id, enum kvp_pool pool,
                                      const char *key);
/* There is a key, and key and value are not too long for a packet, with the zero behind each. `value` may be NULL. */
MUST_CHECK bool kvp_fits(const char *key, const char *value);

/* Of an answer whose status is good; false when it is none to such a request. */
MUST_CHECK bool kvp_decode_item(const struct ic_message *message, struct kvp_item *item);
MUST_CHECK bool kvp_decode_adapter(const struct ic_message *message,
                                   struct kvp_adapter *adapter);

/* ---- Client ---- */

struct kvp_request {
	uint8_t operation; /* enum kvp_operation, or any other */
	uint8_t pool;
	uint32_t index;       /* of KVP_ENUMERATE */
	char mac[32];         /* of KVP_GET_ADDRESSES */
	struct kvp_item item; /* of KVP_SET, and its key of KVP_DELETE */
};

/* False: no request, or one that is too short for its operation. */
MUST_CHECK bool kvp_decode_request(const struct ic_message *message,
                                   struct kvp_request *request);
/* In place, in the request's packet, which passed kvp_decode_request(). */
void kvp_answer_item(void *packet, const struct kvp_item *item);
void kvp_answer_adapter(void *packet, const struct kvp_adapter *adapter);

#endif
