/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One utility packet, through every decoder and every answer. */
#include <stdlib.h>
#include <viridis/base/mem.h>
#include "vmbus/class/ic.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void decode(const struct ic_message *message)
{
	struct ic_agreement agreed = { .message = { 4, 0 } };
	uint32_t flags, timeout;
	uint64_t value;
	uint8_t time_flags;

	(void)!ic_decode_heartbeat(message, &value);
	(void)!ic_decode_shutdown(message, &flags, &timeout);
	(void)!ic_decode_timesync(message, &agreed, &time_flags, &value);
	agreed.message.major = 3;
	(void)!ic_decode_timesync(message, &agreed, &time_flags, &value);
	(void)!ic_decode_agreement(message, &ic_timesync_versions, &agreed);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t *packet;
	struct ic_message message;
	struct ic_agreement agreed;

	if (size > IC_PACKET_BYTES_MAX)
		return 0;
	packet = malloc(size + 1); /* exact but for one byte: an answer must not grow */
	memcpy(packet, input, size);
	packet[size] = 0x5a;
	if (ic_decode(&message, packet, (uint32_t)size)) {
		decode(&message);
		ic_answer(packet, IC_STATUS_FAIL);
	}
	memcpy(packet, input, size);
	(void)!ic_answer_heartbeat(packet, (uint32_t)size);
	memcpy(packet, input, size);
	(void)!ic_answer_negotiate(packet, (uint32_t)size, &ic_shutdown_versions,
	                           &agreed);
	if (packet[size] != 0x5a)
		abort();
	free(packet);
	return 0;
}
