/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMBus as a child sees it: versions, offers, GPADLs, open and close, and what a hostile client gets. */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/versions.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/vmbus.h"

#define RING_PAGES    9u
#define BEYOND_PFN    (UINT64_C(1) << 40)
#define QUIET_MS      300
#define RANGE_BYTES   8u
#define GPADL_HOSTILE 0x77770000u

static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI;

static bool post(const void *message, uint32_t bytes)
{
	struct client *client = vmbus_client();

	return client->config.ops->post(client, client->message_connection, message,
	                                bytes);
}

/* Takes in whatever the host has to say to the last message. */
static void listen(void)
{
	uint64_t deadline = clock_deadline(QUIET_MS);

	while (!clock_passed(deadline))
		vmbus_pump();
}

/* Still there: offers can be asked for. */
static void still_serves(const char *after)
{
	ok(vmbus_request_offers(), "after %s the host still answers", after);
}

static void versions(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(vmbus_versions); i++) {
		uint32_t version = vmbus_versions[i];

		if (ok(vmbus_connect(version), "the host speaks version %u.%u",
		       version >> 16, version & 0xffff))
			ok_equal(vmbus_client()->version, version, "and no other");
		ok(vmbus_unload(), "and lets go at UNLOAD");
	}
}

static void unknown_version(void)
{
	struct vmbus_initiate_contact message = {
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = VMBUS_VERSION(9, 9),
		.sint = VMBUS_SINT,
	};
	struct client *client = vmbus_client();

	ok(vmbus_connect(0), "the host is connected to");
	ok(vmbus_unload(), "and left again");
	(void)client->config.ops->post(client, VMBUS_MESSAGE_CONNECTION, &message,
	                               sizeof(message)); /* refused or not: see below */
	listen();
	ok(vmbus_connect(0), "after an unknown version the host can be connected to");
}

static void offers(void)
{
	struct client *client = vmbus_client();
	unsigned int count = 0;
	bool relids = true, connections = true;

	ok(vmbus_request_offers(), "the offers come, and their end");
	for (unsigned int i = 0; i < client->config.channel_capacity; i++) {
		const struct client_channel *channel = &client->config.channels[i];

		if (channel->state == CLIENT_CHANNEL_ABSENT)
			continue;
		count++;
		relids &= channel->offer.relid > 0 &&
		          channel->offer.relid <= VMBUS_RELID_MAX;
		connections &= channel->offer.is_dedicated == 1 &&
		               channel->offer.monitor_allocated == 0 &&
		               channel->offer.connection_id != 0;
		note("offer: relid %u, connection %x", channel->offer.relid,
		     channel->offer.connection_id);
	}
	ok(count > 0, "there is an offer");
	ok(relids, "every relid is an event flag's number");
	ok(connections, "every channel has a connection of its own, and no monitor page");
}

static void open_and_close(struct client_channel *channel)
{
	struct vmbus_pipe pipe = { 0 };

	for (unsigned int i = 0; i < 3; i++) {
		ok(vmbus_pipe_open(&pipe, channel, RING_PAGES), "the channel opens");
		ok(vmbus_pipe_close(&pipe), "and closes, and its pages are ours again");
	}
}

static void gpadl_of_foreign_pages(struct client_channel *channel)
{
	uint64_t pfns[2] = { BEYOND_PFN, BEYOND_PFN + 1 };
	struct client_gpadl *gpadl = NULL;
	enum client_status status =
		client_gpadl_create(vmbus_client(), channel, pfns, 2, &gpadl);

	ok(status == CLIENT_OK && vmbus_wait_gpadl(gpadl, CLIENT_GPADL_CREATING) &&
	           gpadl->state == CLIENT_GPADL_FAILED,
	   "a GPADL of pages that are not there is refused");
	ok(gpadl && client_gpadl_teardown(vmbus_client(), gpadl) == CLIENT_OK,
	   "and its id is free again");
}

static void malformed_gpadls(const struct client_channel *channel)
{
	struct {
		struct vmbus_gpadl_header header;
		uint32_t pfn[2];
	} message = { .header = { .header.type = VMBUS_GPADL_HEADER,
		                  .relid = channel->offer.relid,
		                  .gpadl = GPADL_HOSTILE,
		                  .range_buffer_bytes = RANGE_BYTES + 8,
		                  .range_count = 1,
		                  .range_bytes = VMBUS_PAGE_BYTES } };
	struct vmbus_gpadl_body body = { .header.type = VMBUS_GPADL_BODY,
		                         .gpadl = GPADL_HOSTILE + 1 };

	message.header.range_count = 0;
	(void)post(&message, sizeof(message)); /* still_serves() judges all of these */
	message.header.range_count = 0xffff;
	(void)post(&message, sizeof(message));
	message.header.range_count = 1;
	message.header.range_buffer_bytes = 0xffff;
	(void)post(&message, sizeof(message));
	message.header.range_buffer_bytes = RANGE_BYTES + 8;
	message.header.range_bytes = 0xffffffff;
	(void)post(&message, sizeof(message));
	message.header.range_offset = 0xffffffff;
	(void)post(&message, sizeof(message));
	message.header.relid = 0xffffffff;
	(void)post(&message, sizeof(message));
	(void)post(&body, sizeof(body));
	listen();
	still_serves("malformed GPADLs");
}

static void malformed_messages(const struct client_channel *channel)
{
	uint8_t garbage[VMBUS_MESSAGE_BYTES_MAX];
	struct vmbus_open_channel open = { .header.type = VMBUS_OPEN_CHANNEL,
		                           .relid = channel->offer.relid,
		                           .open_id = channel->offer.relid,
		                           .gpadl = GPADL_HOSTILE,
		                           .downstream_pages = 0xffffffff };
	struct vmbus_relid_message relid = { .header.type = VMBUS_CLOSE_CHANNEL,
		                             .relid = 0x12345678 };

	memset(garbage, 0xff, sizeof(garbage));
	(void)post(garbage, sizeof(garbage)); /* still_serves() judges all of these */
	(void)post(garbage, 4);
	(void)post(garbage, 0);
	for (uint32_t type = 0; type < 32; type++) {
		struct vmbus_message_header header = { .type = type };

		if (type == VMBUS_UNLOAD || type == VMBUS_INITIATE_CONTACT)
			continue; /* these mean something even alone */
		(void)post(&header, sizeof(header));
	}
	(void)post(&open, sizeof(open));
	(void)post(&relid, sizeof(relid));
	listen();
	still_serves("malformed messages");
}

/* R1 of vmbus/core/ring.h, seen from the other side: the host must not follow them. */
static void hostile_ring_indexes(struct client_channel *channel)
{
	static const uint32_t indexes[] = { 4, 0x7fffffff, 0xffffffff,
		                            (RING_PAGES - 1) * 4096,
		                            (RING_PAGES - 1) * 4096 + 8 };

	for (unsigned int i = 0; i < ARRAY_COUNT(indexes); i++) {
		struct vmbus_pipe pipe = { 0 };
		struct vmbus_ring_control *control;

		if (!ok(vmbus_pipe_open(&pipe, channel, RING_PAGES), "the channel opens"))
			return;
		control = (struct vmbus_ring_control *)pipe.rings;
		control->write_index = indexes[i];
		vmbus_pipe_signal(&pipe);
		listen();
		control->read_index = indexes[i];
		vmbus_pipe_signal(&pipe);
		listen();
		ok(vmbus_pipe_close(&pipe), "ring index %x: the channel closes",
		   indexes[i]);
	}
	still_serves("hostile ring indexes");
}

void group_vmbus(void)
{
	struct client_channel *channel;

	versions();
	unknown_version();
	offers();
	channel = client_find(vmbus_client(), &scsi, 0);
	if (channel) {
		open_and_close(channel);
		gpadl_of_foreign_pages(channel);
		malformed_gpadls(channel);
		malformed_messages(channel);
		hostile_ring_indexes(channel);
	} else {
		skip("no SCSI controller is offered");
	}
	ok(vmbus_unload(), "UNLOAD is answered");
}
