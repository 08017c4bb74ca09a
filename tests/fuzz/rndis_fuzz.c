/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RNDIS messages and the NDIS objects in them: what is let through is in bounds. */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "vmbus/class/ndis.h"
#include "vmbus/class/rndis.h"

#define QUEUES 3u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

/* What was understood is written so that it is understood in the same way. */
static void check_frame(const uint8_t *message, uint32_t bytes, uint32_t available)
{
	uint8_t head[RNDIS_FRAME_HEAD_BYTES];
	struct rndis_frame frame, again;

	if (!rndis_frame_read(&frame, message, bytes, available))
		return;
	check(frame.message_bytes <= available);
	check((uint64_t)frame.data_offset + frame.data_bytes <= frame.message_bytes);
	frame.data_offset = sizeof(head);
	frame.data_bytes = 0;
	frame.message_bytes = sizeof(head);
	rndis_frame_write(&frame, head);
	check(rndis_frame_read(&again, head, sizeof(head), sizeof(head)));
	check(memcmp(&frame, &again, sizeof(frame)) == 0);
}

static void check_within(const uint8_t *message, uint32_t bytes, const uint8_t *part,
                         uint32_t part_bytes)
{
	if (part_bytes == 0)
		return;
	check(part >= message && part_bytes <= bytes &&
	      (size_t)(part - message) <= bytes - part_bytes);
}

static void check_objects(const uint8_t *information, uint32_t bytes)
{
	struct ndis_offloads offloads = { .lso = false };
	struct ndis_offload_parameters keywords = { .flags = 0 };
	struct ndis_rss rss = { .enabled = false };
	uint8_t mac[NDIS_MAC_BYTES] = { 2 };

	(void)!ndis_offload_parameters_read(&offloads, information, bytes);
	if (ndis_rss_parameters_read(&rss, QUEUES, information, bytes))
		check(rss.entry_count <= NDIS_RSS_INDIRECTION_ENTRIES);
	for (uint32_t i = 0; i < rss.entry_count; i++)
		check(rss.entries[i] < QUEUES);
	(void)!ndis_encapsulation_read(information, bytes);
	if (ndis_parameter_read(mac, &keywords, information, bytes) ==
	    NDIS_PARAMETER_OFFLOAD)
		check(keywords.header.type == 0 && keywords.flags == 0 &&
		      keywords.tcp_ipv4_checksum <= NDIS_CHECKSUM_TX_RX &&
		      keywords.lso_ipv4 <= NDIS_ON && keywords.rsc_ipv6 <= NDIS_ON);
	check(!(mac[0] & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor c = cursor_over(input, size);
	uint32_t available = cursor_le32(&c);
	uint32_t bytes = (uint32_t)cursor_left(&c);
	const uint8_t *message = cursor_take(&c, bytes);
	struct rndis_request request;
	struct rndis_answer answer;

	if (c.overrun)
		return 0;
	check_frame(message, bytes < 256 ? bytes : 256, available);
	if (rndis_answer_read(&answer, message, bytes))
		check_within(message, bytes, answer.information,
		             answer.information_bytes);
	check_objects(message, bytes);
	if (!rndis_request_read(&request, message, bytes))
		return 0;
	check_within(message, bytes, request.information, request.information_bytes);
	if (request.information)
		check_objects(request.information, request.information_bytes);
	return 0;
}
