/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key-value exchange: see kvp.h. The layouts are in abi/kvp.h. */
#include "vmbus/class/kvp.h"

#include <stddef.h>
#include <viridis/base/mem.h>

#include "vmbus/class/utf16.h"

/* Where a member of a body is within the packet. */
#define BODY(packet)              ((uint8_t *)(packet) + IC_HEADERS_BYTES)
#define FIELD(body, type, member) ((body) + offsetof(type, member))
#define FIELD_BYTES(type, member) sizeof(((type *)0)->member)
#define ADDRESSES(body, member)   FIELD(body, struct kvp_addresses, member)
#define ADDRESSES_BYTES(member)   FIELD_BYTES(struct kvp_addresses, member)
#define SET(body, member)         FIELD(body, struct kvp_set, member)
#define DELETE(body, member)      FIELD(body, struct kvp_delete, member)
#define ENUMERATE(body, member)   FIELD(body, struct kvp_enumerate, member)
#define ENUMERATE_BYTES(member)   FIELD_BYTES(struct kvp_enumerate, member)

/* ---- Server ---- */

uint32_t kvp_encode_enumerate(void *packet, const struct ic_agreement *agreed,
                              uint8_t transaction_id, enum kvp_pool pool, uint32_t index)
{
	uint8_t *body = BODY(packet);

	memset(body, 0, sizeof(struct kvp_enumerate));
	*ENUMERATE(body, operation) = KVP_ENUMERATE;
	*ENUMERATE(body, pool) = (uint8_t)pool;
	memcpy(ENUMERATE(body, index), &index, sizeof(index));
	return ic_encode_heads(packet, IC_KVP, agreed, transaction_id,
	                       sizeof(struct kvp_enumerate));
}

static char upper(char letter)
{
	return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

uint32_t kvp_encode_addresses(void *packet, const struct ic_agreement *agreed,
                              uint8_t transaction_id, const char *mac)
{
	uint8_t *body = BODY(packet);
	char name[32] = "";

	for (size_t i = 0; mac[i] != '\0' && i < sizeof(name) - 1; i++)
		name[i] = upper(mac[i]);
	memset(body, 0, sizeof(struct kvp_addresses));
	*ADDRESSES(body, operation) = KVP_GET_ADDRESSES;
	(void)utf16_encode(name, ADDRESSES(body, adapter), ADDRESSES_BYTES(adapter));
	return ic_encode_heads(packet, IC_KVP, agreed, transaction_id,
	                       sizeof(struct kvp_addresses));
}

uint32_t kvp_encode_set(void *packet, const struct ic_agreement *agreed,
                        uint8_t transaction_id, enum kvp_pool pool, const char *key,
                        const char *value)
{
	uint8_t *body = BODY(packet);
	uint32_t type = KVP_TYPE_TEXT, key_bytes, value_bytes;

	memset(body, 0, sizeof(struct kvp_set));
	*SET(body, operation) = KVP_SET;
	*SET(body, pool) = (uint8_t)pool;
	key_bytes = utf16_encode(key, SET(body, key), KVP_KEY_BYTES);
	value_bytes = utf16_encode(value, SET(body, value), KVP_VALUE_BYTES);
	memcpy(SET(body, value_type), &type, sizeof(type));
	memcpy(SET(body, key_bytes), &key_bytes, sizeof(key_bytes));
	memcpy(SET(body, value_bytes), &value_bytes, sizeof(value_bytes));
	return ic_encode_heads(packet, IC_KVP, agreed, transaction_id,
	                       sizeof(struct kvp_set));
}

uint32_t kvp_encode_delete(void *packet, const struct ic_agreement *agreed,
                           uint8_t transaction_id, enum kvp_pool pool, const char *key)
{
	uint8_t *body = BODY(packet);
	uint32_t key_bytes;

	memset(body, 0, sizeof(struct kvp_delete));
	*DELETE(body, operation) = KVP_DELETE;
	*DELETE(body, pool) = (uint8_t)pool;
	key_bytes = utf16_encode(key, DELETE(body, key), KVP_KEY_BYTES);
	memcpy(DELETE(body, key_bytes), &key_bytes, sizeof(key_bytes));
	return ic_encode_heads(packet, IC_KVP, agreed, transaction_id,
	                       sizeof(struct kvp_delete));
}

/* A unit of UTF-16 is never more than one of UTF-8, nor two for less than four. */
static bool text_fits(const char *text, size_t bytes)
{
	size_t length = 0;

	while (text[length] != '\0' && length < bytes)
		length++;
	return 2 * (length + 1) <= bytes;
}

bool kvp_fits(const char *key, const char *value)
{
	return key[0] != '\0' && text_fits(key, KVP_KEY_BYTES) &&
	       (!value || text_fits(value, KVP_VALUE_BYTES));
}

/* An answer carries back the operation that it was asked for. */
static bool is_answer_to(const struct ic_message *message, enum kvp_operation operation,
                         uint32_t body_bytes)
{
	return ic_is_answer(message, IC_KVP) && message->body_bytes >= body_bytes &&
	       message->body[0] == operation;
}

bool kvp_decode_item(const struct ic_message *message, struct kvp_item *item)
{
	const uint8_t *body = message->body;

	if (!is_answer_to(message, KVP_ENUMERATE, sizeof(struct kvp_enumerate)))
		return false;
	/* The zero at a text's end says how long it is; what sizes the guest gives is its own affair. */
	utf16_decode(ENUMERATE(body, key), ENUMERATE_BYTES(key), item->key,
	             sizeof(item->key));
	utf16_decode(ENUMERATE(body, value), ENUMERATE_BYTES(value), item->value,
	             sizeof(item->value));
	return true;
}

bool kvp_decode_adapter(const struct ic_message *message, struct kvp_adapter *adapter)
{
	const uint8_t *body = message->body;

	if (!is_answer_to(message, KVP_GET_ADDRESSES, sizeof(struct kvp_addresses)))
		return false;
	adapter->dhcp = *ADDRESSES(body, dhcp) != 0;
	utf16_decode(ADDRESSES(body, addresses), ADDRESSES_BYTES(addresses),
	             adapter->addresses, KVP_ADAPTER_TEXT_BYTES);
	utf16_decode(ADDRESSES(body, subnets), ADDRESSES_BYTES(subnets), adapter->subnets,
	             KVP_ADAPTER_TEXT_BYTES);
	utf16_decode(ADDRESSES(body, gateways), ADDRESSES_BYTES(gateways),
	             adapter->gateways, KVP_ADAPTER_TEXT_BYTES);
	utf16_decode(ADDRESSES(body, name_servers), ADDRESSES_BYTES(name_servers),
	             adapter->name_servers, KVP_ADAPTER_TEXT_BYTES);
	return true;
}

/* ---- Client ---- */

bool kvp_decode_request(const struct ic_message *message, struct kvp_request *request)
{
	const uint8_t *body = message->body;

	*request = (struct kvp_request){ .operation = 0 };
	if (message->header.type != IC_KVP || message->body_bytes < 2)
		return false;
	request->operation = body[0];
	request->pool = body[1];
	switch (request->operation) {
	case KVP_SET:
		if (message->body_bytes < sizeof(struct kvp_set))
			return false;
		utf16_decode(SET(body, key), KVP_KEY_BYTES, request->item.key,
		             sizeof(request->item.key));
		utf16_decode(SET(body, value), KVP_VALUE_BYTES, request->item.value,
		             sizeof(request->item.value));
		return true;
	case KVP_DELETE:
		if (message->body_bytes < sizeof(struct kvp_delete))
			return false;
		utf16_decode(DELETE(body, key), KVP_KEY_BYTES, request->item.key,
		             sizeof(request->item.key));
		return true;
	case KVP_ENUMERATE:
		if (message->body_bytes < sizeof(struct kvp_enumerate))
			return false;
		memcpy(&request->index, ENUMERATE(body, index), sizeof(request->index));
		return true;
	case KVP_GET_ADDRESSES:
		if (message->body_bytes < sizeof(struct kvp_addresses))
			return false;
		utf16_decode(ADDRESSES(body, adapter), ADDRESSES_BYTES(adapter),
		             request->mac, sizeof(request->mac));
		return true;
	default:
		return true;
	}
}

void kvp_answer_item(void *packet, const struct kvp_item *item)
{
	uint8_t *body = BODY(packet);
	uint32_t type = KVP_TYPE_TEXT;
	uint32_t key_bytes = utf16_encode(item->key, ENUMERATE(body, key), KVP_KEY_BYTES);
	uint32_t value_bytes =
		utf16_encode(item->value, ENUMERATE(body, value), KVP_VALUE_BYTES);

	memcpy(ENUMERATE(body, value_type), &type, sizeof(type));
	memcpy(ENUMERATE(body, key_bytes), &key_bytes, sizeof(key_bytes));
	memcpy(ENUMERATE(body, value_bytes), &value_bytes, sizeof(value_bytes));
	ic_answer(packet, IC_STATUS_OK);
}

void kvp_answer_adapter(void *packet, const struct kvp_adapter *adapter)
{
	uint8_t *body = BODY(packet);

	*ADDRESSES(body, dhcp) = adapter->dhcp;
	(void)utf16_encode(adapter->addresses, ADDRESSES(body, addresses),
	                   ADDRESSES_BYTES(addresses));
	(void)utf16_encode(adapter->subnets, ADDRESSES(body, subnets),
	                   ADDRESSES_BYTES(subnets));
	(void)utf16_encode(adapter->gateways, ADDRESSES(body, gateways),
	                   ADDRESSES_BYTES(gateways));
	(void)utf16_encode(adapter->name_servers, ADDRESSES(body, name_servers),
	                   ADDRESSES_BYTES(name_servers));
	ic_answer(packet, IC_STATUS_OK);
}
