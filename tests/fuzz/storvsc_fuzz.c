/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vstor packets in any order: what reaches the device is in bounds, answers are whole. */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "vmbus/class/scsi.h"

#define MAX_TRANSFER 65536u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void check_request(const struct vstor_request *request, uint64_t buffer_bytes)
{
	check(request->cdb_length >= 1 && request->cdb_length <= STORVSC_CDB_BYTES);
	check(request->direction <= STORVSC_DATA_NONE);
	check(request->transfer_bytes <= buffer_bytes &&
	      request->transfer_bytes <= MAX_TRANSFER);
	check(request->direction != STORVSC_DATA_NONE || request->transfer_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	struct vstor_server server;

	vstor_server_init(&server, 2, MAX_TRANSFER);
	while (cursor_left(&c) != 0 && !c.overrun) {
		uint32_t bytes = cursor_u8(&c) % 72;
		uint64_t buffer_bytes = cursor_le32(&c);
		const uint8_t *payload = cursor_take(&c, bytes);
		struct storvsc_packet packet, answer;
		struct vstor_request request;
		struct vstor_result result;

		if (!payload || !vstor_packet_read(&packet, payload, bytes))
			continue;
		if (vstor_result_read(&packet, &result)) /* a hostile server's answer */
			check(result.sense_length <= STORVSC_SENSE_BYTES);
		if (vstor_server_receive(&server, &packet, buffer_bytes, &request,
		                         &answer) == VSTOR_EXECUTE)
			check_request(&request, buffer_bytes);
		else
			check(answer.operation == STORVSC_COMPLETE_IO);
	}
	return 0;
}
