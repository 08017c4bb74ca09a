/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An owner of a VMBus server for tests: memory for a few channels, operations that are
 * noted and completed at once or, with `hold`, only when the test says so.
 */
#ifndef VIRIDIS_TESTS_UNIT_VMBUS_OWNER_H
#define VIRIDIS_TESTS_UNIT_VMBUS_OWNER_H

#include <viridis/base/list.h>
#include <viridis/base/mem.h>
#include "vmbus/core/server.h"

#define OWNER_CHANNELS 4u
#define OWNER_GPADLS   6u
#define OWNER_PAGES    256u
#define OWNER_QUEUE    SERVER_QUEUE_CAPACITY(OWNER_CHANNELS, OWNER_GPADLS)
#define OWNER_VPS      2u
#define OWNER_RAM_PFNS 0x10000u /* page numbers below are the partition's RAM */

/* How often each operation was called, and with what last. */
struct owner {
	struct server server;
	bool hold; /* leave operations uncompleted */
	bool refuse_open;
	unsigned int accepts, releases, opens, starts, closes, retargets, gone, resets,
		lines;
	uint32_t relid;
	uint32_t gpadl_id;
	uint32_t target_vp;
	struct server_rings rings;
	uint8_t user_data[VMBUS_USER_DATA_BYTES]; /* of the rings */
	const char *line;                         /* the last one logged, of line_relid */
	uint32_t line_relid;

	struct server_channel channels[OWNER_CHANNELS];
	struct gpadl gpadls[OWNER_GPADLS];
	uint64_t pages[OWNER_PAGES];
	struct server_message queue[OWNER_QUEUE];
};

static inline struct owner *owner_of(struct server *server)
{
	return LIST_OWNER(server, struct owner, server);
}

static inline bool owner_gpadl_accept(struct server *server, uint32_t relid,
                                      const struct gpadl *gpadl, const uint64_t *pfns)
{
	struct owner *owner = owner_of(server);

	(void)relid;
	owner->accepts++;
	for (uint32_t i = 0; i < gpadl->page_count; i++) {
		if (pfns[i] >= OWNER_RAM_PFNS)
			return false;
	}
	return true;
}

static inline void owner_gpadl_release(struct server *server, uint32_t relid,
                                       uint32_t gpadl_id)
{
	struct owner *owner = owner_of(server);

	owner->releases++;
	owner->relid = relid;
	owner->gpadl_id = gpadl_id;
	if (!owner->hold)
		server_release_complete(server, relid, gpadl_id);
}

static inline void owner_channel_open(struct server *server, uint32_t relid,
                                      const struct server_rings *rings)
{
	struct owner *owner = owner_of(server);

	owner->opens++;
	owner->relid = relid;
	owner->rings = *rings;
	memcpy(owner->user_data, rings->user_data, sizeof(owner->user_data));
	if (!owner->hold)
		server_open_complete(server, relid,
		                     owner->refuse_open ? VMBUS_STATUS_FAILURE :
		                                          VMBUS_STATUS_OK);
}

static inline void owner_channel_opened(struct server *server, uint32_t relid)
{
	owner_of(server)->starts++;
	owner_of(server)->relid = relid;
}

static inline void owner_channel_close(struct server *server, uint32_t relid)
{
	struct owner *owner = owner_of(server);

	owner->closes++;
	owner->relid = relid;
	if (!owner->hold)
		server_close_complete(server, relid);
}

static inline void owner_channel_retarget(struct server *server, uint32_t relid,
                                          uint32_t target_vp)
{
	struct owner *owner = owner_of(server);

	owner->retargets++;
	owner->relid = relid;
	owner->target_vp = target_vp;
}

static inline void owner_channel_gone(struct server *server, uint32_t relid)
{
	owner_of(server)->gone++;
	owner_of(server)->relid = relid;
}

static inline void owner_reset_complete(struct server *server)
{
	owner_of(server)->resets++;
}

static inline void owner_log(struct server *server, uint32_t relid, const char *text)
{
	owner_of(server)->line = text;
	owner_of(server)->line_relid = relid;
	owner_of(server)->lines++;
}

/* False when the server refuses our configuration, which it does not. */
static inline bool owner_init(struct owner *owner)
{
	static const struct server_ops ops = {
		.gpadl_accept = owner_gpadl_accept,
		.gpadl_release = owner_gpadl_release,
		.channel_open = owner_channel_open,
		.channel_opened = owner_channel_opened,
		.channel_close = owner_channel_close,
		.channel_retarget = owner_channel_retarget,
		.channel_gone = owner_channel_gone,
		.reset_complete = owner_reset_complete,
		.log = owner_log,
	};
	struct server_config config = {
		.ops = &ops,
		.channels = owner->channels,
		.channel_capacity = OWNER_CHANNELS,
		.gpadls = owner->gpadls,
		.gpadl_capacity = OWNER_GPADLS,
		.pfn_pool = owner->pages,
		.pfn_pool_pages = OWNER_PAGES,
		.queue = owner->queue,
		.queue_capacity = OWNER_QUEUE,
		.vp_count = OWNER_VPS,
	};

	memset(owner, 0, sizeof(*owner));
	return server_init(&owner->server, &config) == SERVER_OK;
}

/* A SCSI controller, told from others by `number`; 0 when there is no room. */
static inline uint32_t owner_offer(struct owner *owner, uint8_t number)
{
	const struct server_offer offer = {
		.type = VMBUS_TYPE_SCSI,
		.instance.bytes = { number },
		.connection_id = 0x10000u + number,
	};
	uint32_t relid = 0;

	return server_offer(&owner->server, &offer, &relid) == SERVER_OK ? relid : 0;
}

#endif
