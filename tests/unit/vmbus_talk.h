/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to a server of VMBus as a client does, and hearing its answers whole; beside vmbus_owner.h. */
#ifndef VIRIDIS_TESTS_UNIT_VMBUS_TALK_H
#define VIRIDIS_TESTS_UNIT_VMBUS_TALK_H

#include "tests/unit/unit.h"
#include "tests/unit/vmbus_owner.h"

static struct owner owner;
static struct server *const server = &owner.server;
static struct server_message out;

static inline void setup(void)
{
	ck_assert(owner_init(&owner));
}

static inline enum server_status say(uint32_t type, uint32_t a, uint32_t b,
                                     uint32_t words)
{
	const uint32_t message[] = { type, 0, a, b };

	return server_receive(server, message, 4 * words);
}

static inline void assert_ignored(enum server_status status, uint32_t relid,
                                  const char *line)
{
	ck_assert_int_eq(status, SERVER_IGNORED);
	ck_assert_str_eq(owner.line, line);
	ck_assert_uint_eq(owner.line_relid, relid);
}

/* The next message is these words and no more. */
static inline void assert_answer(uint32_t words, uint32_t type, uint32_t a, uint32_t b,
                                 uint32_t c)
{
	const uint32_t expected[] = { type, 0, a, b, c };

	ck_assert(server_next_message(server, &out));
	server_message_done(server);
	ck_assert_uint_eq(out.bytes, 4 * words);
	ck_assert_mem_eq(out.payload, expected, 4 * words);
}

static inline void assert_silence(void)
{
	ck_assert(!server_next_message(server, &out));
}

static inline struct vmbus_initiate_contact contact(uint32_t version)
{
	return (struct vmbus_initiate_contact){
		.header.type = VMBUS_INITIATE_CONTACT,
		.version = version,
		.target_vp = 1,
		.sint = VMBUS_SINT,
	};
}

static inline enum server_status say_contact(const struct vmbus_initiate_contact *message)
{
	return server_receive(server, message, sizeof(*message));
}

static inline void connect(void)
{
	const struct vmbus_initiate_contact message = contact(VMBUS_VERSION_5_3);

	ck_assert_int_eq(say_contact(&message), SERVER_OK);
	assert_answer(4, VMBUS_VERSION_RESPONSE, 1, 4, 0);
}

/* Connected; offers of relids 1 to `count` are made. */
static inline void connect_to_offers(uint8_t count)
{
	for (uint8_t i = 1; i <= count; i++)
		ck_assert_uint_eq(owner_offer(&owner, i), i);
	connect();
	ck_assert_int_eq(say(VMBUS_REQUEST_OFFERS, 0, 0, 2), SERVER_OK);
	for (uint8_t i = 0; i < count; i++) {
		ck_assert(server_next_message(server, &out));
		server_message_done(server);
	}
	assert_answer(2, VMBUS_ALL_OFFERS_DELIVERED, 0, 0, 0);
}

struct page_list {
	struct vmbus_gpadl_header head;
	uint32_t pfns[2 * VMBUS_GPADL_HEADER_PFNS];
};

static inline struct page_list list_of(uint32_t relid, uint32_t id, uint32_t pages)
{
	struct page_list list = { .head = {
					  .header.type = VMBUS_GPADL_HEADER,
					  .relid = relid,
					  .gpadl = id,
					  .range_buffer_bytes = (uint16_t)(8 + 8 * pages),
					  .range_count = 1,
					  .range_bytes = pages * VMBUS_PAGE_BYTES,
				  } };

	for (uint32_t i = 0; i < VMBUS_GPADL_HEADER_PFNS; i++)
		list.pfns[2 * i] = 100 * id + i;
	return list;
}

static inline enum server_status say_list(const struct page_list *list, uint32_t pages)
{
	return server_receive(server, list, (uint32_t)sizeof(list->head) + 8 * pages);
}

static inline void lend(uint32_t relid, uint32_t id, uint32_t pages)
{
	const struct page_list list = list_of(relid, id, pages);

	ck_assert_int_eq(say_list(&list, pages), SERVER_OK);
	assert_answer(5, VMBUS_GPADL_CREATED, relid, id, VMBUS_STATUS_OK);
}

static inline enum server_status say_open(uint32_t relid, uint32_t gpadl,
                                          uint32_t downstream, uint32_t target_vp)
{
	const struct vmbus_open_channel open = {
		.header.type = VMBUS_OPEN_CHANNEL,
		.relid = relid,
		.open_id = relid + 70,
		.gpadl = gpadl,
		.target_vp = target_vp,
		.downstream_pages = downstream,
		.user_data = { 1, 2, 3, [119] = 4 },
	};

	return server_receive(server, &open, sizeof(open));
}

static inline void open_channel(uint32_t relid, uint32_t id)
{
	lend(relid, id, 10);
	ck_assert_int_eq(say_open(relid, id, 4, 1), SERVER_OK);
	assert_answer(5, VMBUS_OPEN_RESULT, relid, relid + 70, VMBUS_STATUS_OK);
}

#endif
