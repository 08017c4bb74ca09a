/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own network client against a host that completes what it was never sent. Its rings are this program's. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/net/net.h"

#define RING_BYTES 4096u
#define SECTION    2048u

static struct net net;
static struct ring_producer host;
static unsigned int frames;

/* ---- The machine ---- */

struct client *vmbus_client(void)
{
	abort();
}

bool vmbus_wait_gpadl(const struct client_gpadl *gpadl, enum client_gpadl_state from)
{
	(void)gpadl;
	(void)from;
	return false;
}

void vmbus_pump(void)
{
}

void vmbus_pipe_signal(const struct vmbus_pipe *pipe)
{
	(void)pipe;
}

uint64_t clock_deadline(uint64_t ms)
{
	return ms;
}

bool clock_passed(uint64_t deadline)
{
	(void)deadline;
	return true;
}

void *pages_take(size_t count)
{
	(void)count;
	abort();
}

/* ---- The host ---- */

static void take_frame(struct net *to, const uint8_t *frame, uint32_t bytes)
{
	(void)to;
	(void)frame;
	(void)bytes;
	frames++;
}

static void make_ring(struct ring_memory *memory)
{
	memory->control = calloc(1, sizeof(*memory->control));
	memory->data = calloc(1, RING_BYTES);
	memory->data_bytes = RING_BYTES;
	ck_assert(memory->control && memory->data);
}

/* Behind its handshake: sections 0 to 3 are free. */
static void setup(void)
{
	struct ring_memory up, down;

	memset(&net, 0, sizeof(net));
	make_ring(&up);
	make_ring(&down);
	ck_assert_int_eq(ring_producer_init(&net.pipe.out, &up), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&net.pipe.in, &down), RING_OK);
	ck_assert_int_eq(ring_producer_init(&host, &down), RING_OK);
	net.frame = take_frame;
	net.send_section_bytes = SECTION;
	net.send_buffer = calloc(4, SECTION);
	ck_assert_ptr_nonnull(net.send_buffer);
	for (uint16_t i = 0; i < 4; i++)
		net.free_sections[net.free_count++] = i;
}

static void teardown(void)
{
	free(net.pipe.out.memory.control);
	free(net.pipe.out.memory.data);
	free(net.pipe.in.memory.control);
	free(net.pipe.in.memory.data);
	free(net.send_buffer);
}

static void complete(uint64_t transaction, enum nvsp_status status)
{
	const struct nvsp_message done = nvsp_rndis_complete(status);
	bool signal = false;

	ck_assert_int_eq(ring_put_completion(&host, transaction, &done, sizeof(done),
	                                     &signal),
	                 RING_OK);
	ck_assert(net_poll(&net));
}

START_TEST(a_section_is_free_again_when_its_frame_was_taken)
{
	const uint8_t frame[64] = { 0 };

	for (unsigned int i = 0; i < 4; i++)
		ck_assert(net_send(&net, frame, sizeof(frame)));
	ck_assert(!net_send(&net, frame, sizeof(frame)));
	complete(2, NVSP_STATUS_SUCCESS);
	complete(0, NVSP_STATUS_FAILURE);
	ck_assert_uint_eq(net.free_count, 2);
	ck_assert_uint_eq(net.refused, 1);
	ck_assert(net_send(&net, frame, sizeof(frame)));
	ck_assert_uint_eq(net.sent, 5);
	complete(0, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(net.free_count, 2);
}
END_TEST

/* Or there would be more sections than the list has room for, and two frames in one of them. */
START_TEST(a_section_that_is_free_is_not_freed_again)
{
	const uint8_t frame[64] = { 0 };

	for (unsigned int i = 0; i < 2 * NET_SECTIONS_MAX; i++)
		complete(i % NET_SECTIONS_MAX, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(net.free_count, 4);
	ck_assert(net_send(&net, frame, sizeof(frame))); /* from section 3 */
	for (unsigned int i = 0; i < 3; i++)
		complete(3, NVSP_STATUS_FAILURE);
	ck_assert_uint_eq(net.free_count, 4);
	ck_assert_uint_eq(net.refused, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("vsc_net");
	TCase *c = tcase_create("sections");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_section_is_free_again_when_its_frame_was_taken);
	tcase_add_test(c, a_section_that_is_free_is_not_freed_again);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
