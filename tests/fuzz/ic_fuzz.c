/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One utility packet, through every decoder and every answer. */
#include <stdlib.h>
#include <viridis/base/mem.h>
#include "vmbus/class/fcopy.h"
#include "vmbus/class/kvp.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

/* Texts end within their fields, whatever came. */
static void check_text(const char *text, size_t bytes)
{
	size_t i = 0;

	while (i < bytes && text[i] != '\0')
		i++;
	check(i < bytes);
}

static void decode_kvp(const struct ic_message *message)
{
	struct kvp_request request;
	struct kvp_item item;
	struct kvp_adapter adapter;

	if (kvp_decode_item(message, &item)) {
		check_text(item.key, sizeof(item.key));
		check_text(item.value, sizeof(item.value));
	}
	if (kvp_decode_adapter(message, &adapter)) {
		check_text(adapter.addresses, sizeof(adapter.addresses));
		check_text(adapter.subnets, sizeof(adapter.subnets));
		check_text(adapter.gateways, sizeof(adapter.gateways));
		check_text(adapter.name_servers, sizeof(adapter.name_servers));
	}
	if (kvp_decode_request(message, &request)) {
		check_text(request.mac, sizeof(request.mac));
		check_text(request.item.key, sizeof(request.item.key));
		check_text(request.item.value, sizeof(request.item.value));
	}
}

/* Data lies within the body. */
static void decode_fcopy(const struct ic_message *message)
{
	struct fcopy_request request;
	struct fcopy_file file;

	if (!fcopy_decode_request(message, &request))
		return;
	check_text(request.file.name, sizeof(request.file.name));
	check_text(request.file.folder, sizeof(request.file.folder));
	check(request.data_bytes <= message->body_bytes);
	for (uint32_t i = 0; i < request.data_bytes; i++)
		check(&request.data[i] >= message->body &&
		      &request.data[i] < message->body + message->body_bytes);
	if (fcopy_split(request.file.folder, &file)) {
		check_text(file.name, sizeof(file.name));
		check_text(file.folder, sizeof(file.folder));
		check(file.name[0] != '\0' && file.folder[0] == '/');
	}
}

static void decode(const struct ic_message *message)
{
	struct ic_agreement agreed = { .message = { 4, 0 } };
	uint32_t flags, timeout;
	uint64_t value;
	uint8_t time_flags, operation;

	(void)!ic_decode_heartbeat(message, &value);
	(void)!ic_decode_shutdown(message, &flags, &timeout);
	(void)!ic_decode_timesync(message, &agreed, &time_flags, &value);
	agreed.message.major = 3;
	(void)!ic_decode_timesync(message, &agreed, &time_flags, &value);
	(void)!ic_decode_vss(message, &operation);
	decode_kvp(message);
	decode_fcopy(message);
	(void)!ic_decode_agreement(message, &ic_timesync_versions, &agreed);
}

/* A client's answers, made of the request's own bytes as texts, stay in the request's packet. */
static void answer_kvp(uint8_t *packet, const struct ic_message *message)
{
	struct kvp_item item = { .key = "" };
	struct kvp_adapter adapter = { .dhcp = true };
	struct kvp_request request;
	size_t bytes = message->body_bytes;

	if (!kvp_decode_request(message, &request))
		return;
	memcpy(item.value, message->body,
	       bytes < sizeof(item.value) ? bytes : sizeof(item.value) - 1);
	memcpy(adapter.addresses, item.value, sizeof(adapter.addresses));
	if (request.operation == KVP_ENUMERATE)
		kvp_answer_item(packet, &item);
	if (request.operation == KVP_GET_ADDRESSES)
		kvp_answer_adapter(packet, &adapter);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t *packet;
	struct ic_message message;
	struct ic_agreement agreed;

	if (size > KVP_PACKET_BYTES_MAX)
		return 0;
	packet = malloc(size + 1); /* exact but for one byte: an answer must not grow */
	memcpy(packet, input, size);
	packet[size] = 0x5a;
	if (ic_decode(&message, packet, (uint32_t)size)) {
		decode(&message);
		answer_kvp(packet, &message);
		ic_answer(packet, IC_STATUS_FAIL);
	}
	memcpy(packet, input, size);
	(void)!ic_answer_heartbeat(packet, (uint32_t)size);
	memcpy(packet, input, size);
	(void)!ic_answer_negotiate(packet, (uint32_t)size, &ic_shutdown_versions,
	                           &agreed);
	check(packet[size] == 0x5a);
	free(packet);
	return 0;
}
