/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMBus for a guest of ours: connection, offers, messages. Channels: vmbus_pipe.c */
#include "vsc/lib/vmbus.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/synic.h"
#include "vsc/lib/tap.h"

#define VECTOR_VMBUS    0xb0
#define PATIENCE_MS     10000u
#define POST_DELAY_MS   1u
#define MESSAGES_A_PUMP 32u

static struct client client;
static struct client_channel channels[VMBUS_CHANNELS_MAX];
static struct client_gpadl gpadls[VMBUS_GPADLS_MAX];
static bool ready;

/* The host may be out of buffers for a moment; it says so, and we come again. TLFS 11.10.2 */
static bool post(struct client *self, uint32_t connection_id, const void *payload,
                 uint32_t bytes)
{
	struct hv_input_post_message in = {
		.connection_id = connection_id,
		.message_type = VMBUS_MESSAGE_TYPE,
		.payload_size = bytes,
	};
	enum hv_status status = HV_STATUS_INSUFFICIENT_BUFFERS;

	(void)self; /* there is but one */
	memcpy(in.payload, payload, bytes);
	for (unsigned int i = 0; i < PATIENCE_MS / POST_DELAY_MS; i++) {
		status = hv_status_of(
			hv_call(HVCALL_POST_MESSAGE, 0, &in, sizeof(in), NULL, 0));
		if (status != HV_STATUS_INSUFFICIENT_BUFFERS &&
		    status != HV_STATUS_INSUFFICIENT_MEMORY)
			break;
		clock_wait_ms(POST_DELAY_MS);
	}
	return status == HV_STATUS_SUCCESS;
}

static const struct client_ops ops = { .post = post };

static void set_up(uint32_t version_max)
{
	const struct client_config config = {
		.ops = &ops,
		.channels = channels,
		.channel_capacity = VMBUS_CHANNELS_MAX,
		.gpadls = gpadls,
		.gpadl_capacity = VMBUS_GPADLS_MAX,
		.message_vp = (uint32_t)cpu_rdmsr(HV_MSR_VP_INDEX),
		.version_max = version_max,
	};

	if (!ready) {
		hv_enable_hypercalls();
		synic_enable();
		synic_set_sint(VMBUS_SINT, VECTOR_VMBUS);
		ready = true;
	}
	client_init(&client, &config);
}

struct client *vmbus_client(void)
{
	return &client;
}

void vmbus_pump(void)
{
	struct hv_message message;
	unsigned int taken = 0;

	while (taken < MESSAGES_A_PUMP && synic_take_message(VMBUS_SINT, &message)) {
		if (message.type == VMBUS_MESSAGE_TYPE)
			client_receive(&client, message.payload, message.payload_size);
		taken++;
	}
	if (taken == 0)
		cpu_take_interrupts();
}

bool vmbus_wait_channel(const struct client_channel *channel,
                        enum client_channel_state from)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (channel->state == from && !clock_passed(deadline))
		vmbus_pump();
	return channel->state != from;
}

bool vmbus_wait_gpadl(const struct client_gpadl *gpadl, enum client_gpadl_state from)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (gpadl->state == from && !clock_passed(deadline))
		vmbus_pump();
	return gpadl->state != from;
}

bool vmbus_connect(uint32_t version_max)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	set_up(version_max);
	if (client_connect(&client) != CLIENT_OK)
		return false;
	while (client.state == CLIENT_CONNECTING && !clock_passed(deadline))
		vmbus_pump();
	return client.state == CLIENT_CONNECTED;
}

bool vmbus_request_offers(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	if (client_request_offers(&client) != CLIENT_OK)
		return false;
	while (!client.all_offers_delivered && !clock_passed(deadline))
		vmbus_pump();
	return client.all_offers_delivered;
}

bool vmbus_unload(void)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	if (client_unload(&client) != CLIENT_OK)
		return false;
	while (client.state == CLIENT_UNLOADING && !clock_passed(deadline))
		vmbus_pump();
	return client.state == CLIENT_DISCONNECTED;
}
