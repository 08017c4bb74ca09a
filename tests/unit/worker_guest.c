/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image that has a kernel's header and no code, and a client of VMBus without a driver. */
#include "worker_guest.h"

#include "unit.h"

#include <glib.h>
#include <string.h>
#include <viridis/abi/vmbus.h>

#include "kernel_image.h"
#include "worker_fake.h"

/* ---- A kernel image that is never executed ---- */

char *guest_write_kernel(const char *folder)
{
	uint8_t image[KERNEL_IMAGE_BYTES];
	char *path = g_build_filename(folder, "kernel", NULL);

	kernel_image_fill(image);
	g_file_set_contents(path, (const char *)image, sizeof(image), NULL);
	return path;
}

/* ---- VMBus ---- */

static struct vmbus_message_header receive(struct hv_message *message)
{
	struct vmbus_message_header head = { 0 };

	ck_assert_msg(fake_receive(message), "no message from the server");
	memcpy(&head, message->payload, sizeof(head));
	return head;
}

void guest_expect(uint32_t type, struct hv_message *message)
{
	struct vmbus_message_header head = receive(message);

	ck_assert_uint_eq(head.type, type);
}

void guest_connect(void)
{
	struct vmbus_initiate_contact contact = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION_5_3,
		.sint = VMBUS_SINT,
	};
	struct vmbus_message_header request = { .type = VMBUS_REQUEST_OFFERS };
	struct vmbus_version_response response;
	struct hv_message message;

	fake_post(&contact, sizeof(contact));
	guest_expect(VMBUS_VERSION_RESPONSE, &message);
	memcpy(&response, message.payload, sizeof(response));
	ck_assert_uint_eq(response.supported, 1);
	fake_post(&request, sizeof(request));
}

/* The utilities are pipes of messages, and disks and adapters are none: as Windows expects it of all. */
static void check_offer(const struct vmbus_offer_channel *offer)
{
	static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI;
	static const struct vmbus_guid net = VMBUS_TYPE_NET;
	bool pipe = memcmp(&offer->type, &scsi, sizeof(scsi)) != 0 &&
	            memcmp(&offer->type, &net, sizeof(net)) != 0;
	uint8_t user_data[VMBUS_USER_DATA_BYTES] = { pipe ? VMBUS_PIPE_MODE_MESSAGE : 0 };

	ck_assert_uint_eq(offer->flags,
	                  VMBUS_OFFER_ENUMERATE | (pipe ? VMBUS_OFFER_NAMED_PIPE : 0));
	ck_assert_mem_eq(offer->user_data, user_data, sizeof(user_data));
}

uint32_t guest_take_offers_of(const struct vmbus_guid *type, uint32_t expected)
{
	struct vmbus_offer_channel offer;
	struct hv_message message;
	uint32_t relid = 0;
	uint32_t count = 0;

	while (receive(&message).type == VMBUS_OFFER_CHANNEL) {
		memcpy(&offer, message.payload, sizeof(offer));
		check_offer(&offer);
		if (memcmp(&offer.type, type, sizeof(*type)) == 0)
			relid = offer.relid;
		count++;
	}
	ck_assert_uint_eq(count, expected);
	ck_assert_uint_gt(relid, 0);
	return relid;
}

uint32_t guest_take_offers(void)
{
	static const struct vmbus_guid type = VMBUS_TYPE_SHUTDOWN;

	/* Without disks there is a storage controller, too. */
	return guest_take_offers_of(&type, 7);
}

/* Two rings of two pages each, at 1 MiB. */
void guest_post_rings(uint32_t relid, uint32_t number)
{
	struct {
		struct vmbus_gpadl_header header;
		uint32_t padding;
		uint64_t pfn[4];
	} gpadl = { .header = { .header.type = VMBUS_GPADL_HEADER,
		                .relid = relid,
		                .gpadl = number,
		                .range_buffer_bytes = 8 + 4 * 8,
		                .range_count = 1,
		                .range_bytes = 4 * 4096 } };
	uint8_t wire[sizeof(struct vmbus_gpadl_header) + sizeof(gpadl.pfn)];

	for (unsigned int i = 0; i < 4; i++)
		gpadl.pfn[i] = 0x100 + 2 * i; /* scattered */
	memcpy(wire, &gpadl.header, sizeof(gpadl.header));
	memcpy(wire + sizeof(gpadl.header), gpadl.pfn, sizeof(gpadl.pfn));
	fake_post(wire, sizeof(wire));
}

void guest_open(uint32_t relid)
{
	struct vmbus_open_channel open_message = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid,
		.gpadl = 1,
		.downstream_pages = 2,
	};
	struct vmbus_open_result result;
	struct hv_message message;

	guest_post_rings(relid, 1);
	guest_expect(VMBUS_GPADL_CREATED, &message);
	fake_post(&open_message, sizeof(open_message));
	guest_expect(VMBUS_OPEN_RESULT, &message);
	memcpy(&result, message.payload, sizeof(result));
	ck_assert_uint_eq(result.status, VMBUS_STATUS_OK);
}

void guest_tear_down(uint32_t relid, uint32_t number)
{
	struct vmbus_gpadl_teardown teardown = { .header.type = VMBUS_GPADL_TEARDOWN,
		                                 .relid = relid,
		                                 .gpadl = number };
	struct hv_message message;

	fake_post(&teardown, sizeof(teardown));
	guest_expect(VMBUS_GPADL_TORNDOWN, &message);
}

void guest_close(uint32_t relid)
{
	struct vmbus_relid_message close_message = { .header.type = VMBUS_CLOSE_CHANNEL,
		                                     .relid = relid };

	fake_post(&close_message, sizeof(close_message));
	guest_tear_down(relid, 1);
	ck_assert_int_eq(fake_event_to_host(), -1);
	ck_assert_int_eq(fake_event_to_child(), -1);
}
