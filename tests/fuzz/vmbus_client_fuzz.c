/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hostile server against our client: any message at any time, any call in between. */
#include <stdlib.h>
#include <viridis/base/cursor.h>
#include "vmbus/core/client.h"

#define CHANNELS 2u
#define GPADLS   3u
#define PAGES    60u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct client client;
static struct client_channel channels[CHANNELS];
static struct client_gpadl gpadls[GPADLS];
static const uint64_t pfns[PAGES];

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static bool post(struct client *unused, uint32_t connection_id, const void *payload,
                 uint32_t bytes)
{
	(void)unused;
	check(connection_id != 0 && payload && bytes <= VMBUS_MESSAGE_BYTES_MAX);
	return true;
}

static void step(struct cursor *c)
{
	uint8_t action = cursor_u8(c);
	uint8_t argument = cursor_u8(c);
	struct client_channel *channel = &channels[argument % CHANNELS];
	struct client_gpadl *gpadl = &gpadls[argument % GPADLS];
	const uint8_t *message;

	switch (action % 16) {
	case 0:
		(void)!client_connect(&client);
		break;
	case 1:
		(void)!client_request_offers(&client);
		break;
	case 2:
		(void)!client_unload(&client);
		break;
	case 3:
		(void)!client_gpadl_create(&client, channel, pfns, argument % (PAGES + 1),
		                           &gpadl);
		break;
	case 4:
		(void)!client_gpadl_teardown(&client, gpadl);
		break;
	case 5:
		(void)!client_open(&client, channel, gpadl, 2, 0);
		break;
	case 6:
		(void)!client_close(&client, channel);
		break;
	case 7:
		(void)!client_retarget(&client, channel, argument);
		break;
	case 8:
		(void)!client_release(&client, channel);
		break;
	default:
		message = cursor_take(c, argument);
		if (message)
			client_receive(&client, message, argument);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const struct client_ops ops = { .post = post };
	const struct client_config config = {
		.ops = &ops,
		.channels = channels,
		.channel_capacity = CHANNELS,
		.gpadls = gpadls,
		.gpadl_capacity = GPADLS,
	};
	struct cursor c = cursor_over(input, size);

	client_init(&client, &config);
	while (cursor_left(&c) != 0 && !c.overrun) {
		step(&c);
		for (uint32_t i = 0; i < CHANNELS; i++)
			check(channels[i].offer.relid <= VMBUS_RELID_MAX);
	}
	return 0;
}
