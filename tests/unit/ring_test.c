/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a channel, with honest and hostile peers. R1..R8: vmbus/core/ring.h */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/core/ring.h"
#include "tests/unit/unit.h"

#define DATA_BYTES 4096u

static struct vmbus_ring_control control;
static uint8_t data[DATA_BYTES];
static const struct ring_memory memory = {
	.control = &control,
	.data = data,
	.data_bytes = DATA_BYTES,
};
static struct ring_producer tx;
static struct ring_consumer rx;
static uint64_t buffer[DATA_BYTES / 8];
static bool signal;

static void setup(void)
{
	memset(&control, 0, sizeof(control));
	memset(data, 0xee, sizeof(data));
	ck_assert_int_eq(ring_producer_init(&tx, &memory), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&rx, &memory), RING_OK);
	signal = false;
}

static enum ring_status put(uint32_t payload_bytes)
{
	static uint8_t payload[DATA_BYTES];

	for (uint32_t i = 0; i < payload_bytes; i++)
		payload[i] = (uint8_t)(payload_bytes + i);
	return ring_put_inband(&tx, payload_bytes, 0, payload, payload_bytes, &signal);
}

static enum ring_status get(struct ring_received *packet)
{
	return ring_get(&rx, buffer, sizeof(buffer), packet);
}

/* Put bytes into the ring as a hostile producer would. */
static void forge(uint16_t header_8bytes, uint16_t length_8bytes, uint32_t write_index)
{
	const struct vmbus_packet_descriptor descriptor = {
		.type = VMBUS_PACKET_INBAND,
		.header_8bytes = header_8bytes,
		.length_8bytes = length_8bytes,
	};

	memcpy(data, &descriptor, sizeof(descriptor));
	control.write_index = write_index;
}

START_TEST(a_packet_comes_out_as_it_went_in)
{
	struct ring_received packet;

	ck_assert_int_eq(ring_put_inband(&tx, 0x1234, VMBUS_PACKET_WANTS_COMPLETION,
	                                 "hello!!!", 8, &signal),
	                 RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.type, VMBUS_PACKET_INBAND);
	ck_assert_uint_eq(packet.flags, VMBUS_PACKET_WANTS_COMPLETION);
	ck_assert_uint_eq(packet.transaction_id, 0x1234);
	ck_assert_uint_eq(packet.header_bytes, 0);
	ck_assert_uint_eq(packet.payload_bytes, 8);
	ck_assert_mem_eq(packet.payload, "hello!!!", 8);
	ck_assert_int_eq(get(&packet), RING_EMPTY);
}
END_TEST

START_TEST(a_packet_may_have_no_payload)
{
	struct ring_received packet;

	ck_assert_int_eq(ring_put_inband(&tx, 7, 0, NULL, 0, &signal), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 7);
	ck_assert_uint_eq(packet.header_bytes, 0);
	ck_assert_uint_eq(packet.payload_bytes, 0);
	ck_assert_int_eq(get(&packet), RING_EMPTY);
}
END_TEST

START_TEST(a_completion_bears_its_transaction_id)
{
	struct ring_received packet;

	ck_assert_int_eq(ring_put_completion(&tx, 0xfffffffffffffffd, "x", 1, &signal),
	                 RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.type, VMBUS_PACKET_COMPLETION);
	ck_assert_uint_eq(packet.transaction_id, 0xfffffffffffffffd);
	ck_assert_uint_eq(packet.payload_bytes, 8);
	ck_assert_mem_eq(packet.payload, "x\0\0\0\0\0\0\0", 8);
}
END_TEST

START_TEST(a_gpa_direct_packet_keeps_ranges_and_payload_apart)
{
	static const uint64_t pfns[] = { 0x100, 0x200 };
	const struct ring_gpa_range range = {
		.bytes = 5000,
		.offset = 16,
		.pfns = pfns,
		.page_count = 2,
	};
	struct ring_received packet;

	ck_assert_int_eq(ring_put_gpa_direct(&tx, 7, &range, "payload!", 8, &signal),
	                 RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.type, VMBUS_PACKET_GPA_DIRECT);
	ck_assert_uint_eq(packet.header_bytes, 8 + 8 + 16);
	ck_assert_mem_eq(packet.header + 16, pfns, sizeof(pfns));
	ck_assert_uint_eq(packet.payload_bytes, 8);
	ck_assert_mem_eq(packet.payload, "payload!", 8);
}
END_TEST

START_TEST(packets_of_every_size_wrap_around_the_end)
{
	struct ring_received packet;

	for (uint32_t round = 0; round < 40; round++) {
		for (uint32_t bytes = 1; bytes < 2000; bytes += 97) {
			ck_assert_int_eq(put(bytes), RING_OK);
			ck_assert_int_eq(get(&packet), RING_OK);
			ck_assert_uint_eq(packet.transaction_id, bytes);
			ck_assert_uint_eq(packet.payload_bytes, round_up(bytes, 8));
			for (uint32_t i = 0; i < bytes; i++)
				ck_assert_uint_eq(packet.payload[i],
				                  (uint8_t)(bytes + i));
			ck_assert(!ring_release(&rx));
		}
	}
}
END_TEST

START_TEST(the_trailer_holds_the_start_of_the_packet)
{
	uint64_t trailer;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(8), RING_OK);
	memcpy(&trailer, data + 32 + 24, sizeof(trailer));
	ck_assert_uint_eq(trailer, UINT64_C(32) << 32);
}
END_TEST

START_TEST(a_hostile_read_index_is_reported_not_followed)
{
	static const uint32_t evil[] = { DATA_BYTES, 0xffffffff, 0xfffffff8, 4, 1 };

	control.read_index = evil[_i];
	ck_assert_int_eq(put(8), RING_CORRUPT);
	ck_assert_uint_eq(control.write_index, 0);
	ck_assert(!signal);
}
END_TEST

START_TEST(a_hostile_write_index_is_reported_not_followed)
{
	static const uint32_t evil[] = { DATA_BYTES, 0xffffffff, 0xfffffff8, 4, 1 };
	struct ring_received packet;

	control.write_index = evil[_i];
	ck_assert_int_eq(get(&packet), RING_CORRUPT);
}
END_TEST

START_TEST(a_descriptor_that_lies_is_corruption)
{
	static const struct {
		uint16_t header, length;
		uint32_t write;
	} lies[] = {
		{ 0, 3, 32 },      /* a header without its descriptor */
		{ 1, 3, 32 },      /* half of it */
		{ 4, 3, 32 },      /* the header longer than the packet */
		{ 2, 4, 32 },      /* one unit longer than what was published */
		{ 2, 0xffff, 32 }, /* much longer than the ring */
		{ 2, 0, 32 },      /* nothing at all: it would be read for ever */
		{ 2, 2, 16 },      /* published without its trailer */
		{ 2, 2, 8 },       /* published in the middle of the descriptor */
	};
	struct ring_received packet;

	forge(lies[_i].header, lies[_i].length, lies[_i].write);
	ck_assert_int_eq(get(&packet), RING_CORRUPT);
	ck_assert_uint_eq(control.read_index, 0);
}
END_TEST

START_TEST(corruption_is_for_good)
{
	struct ring_received packet;

	control.write_index = 4;
	ck_assert_int_eq(get(&packet), RING_CORRUPT);
	forge(2, 2, 24);
	ck_assert_int_eq(get(&packet), RING_CORRUPT);
	ck_assert(!ring_release(&rx));
	ck_assert(!ring_drain_end(&rx));

	control.read_index = 4;
	ck_assert_int_eq(put(8), RING_CORRUPT);
	control.read_index = 0;
	ck_assert_int_eq(put(8), RING_CORRUPT);
}
END_TEST

START_TEST(our_own_index_is_not_read_back_from_the_peer)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	control.write_index = 4000;
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_uint_eq(control.write_index, 64);
	ck_assert_int_eq(get(&packet), RING_OK);
	control.read_index = 4000;
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_int_eq(get(&packet), RING_EMPTY);
	ck_assert(!ring_release(&rx));
	ck_assert_uint_eq(control.read_index, 64);
}
END_TEST

START_TEST(a_write_index_that_steps_back_is_corruption)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	control.write_index = 32;
	ck_assert(ring_drain_end(&rx));
	ck_assert_int_eq(get(&packet), RING_CORRUPT);
}
END_TEST

START_TEST(a_ring_is_never_filled_to_the_last_byte)
{
	/* 128 packets of 32 bytes would make write equal read: empty. */
	for (unsigned int i = 0; i < DATA_BYTES / 32 - 1; i++)
		ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(8), RING_FULL);
	ck_assert_uint_eq(control.write_index, DATA_BYTES - 32);
}
END_TEST

START_TEST(a_blocked_producer_says_what_it_waits_for_until_it_succeeds)
{
	struct ring_received packet;

	ck_assert_int_eq(put(4000), RING_OK);
	ck_assert_int_eq(put(200), RING_FULL);
	ck_assert_uint_eq(control.pending_send_bytes, 224);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(ring_release(&rx));
	ck_assert_int_eq(put(200), RING_OK);
	ck_assert_uint_eq(control.pending_send_bytes, 0);
}
END_TEST

START_TEST(a_consumer_signals_once_when_enough_has_become_free)
{
	struct ring_received packet;

	for (unsigned int i = 0; i < 7; i++)
		ck_assert_int_eq(put(488), RING_OK); /* 512 bytes each */
	ck_assert_int_eq(put(976), RING_FULL);       /* 1000 bytes; 512 are free */
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(get(&packet), RING_OK);
		ck_assert(ring_release(&rx) == (i == 0));
	}
}
END_TEST

/* 512 bytes are free, and 1024 are wanted: exactly enough may do or not. */
START_TEST(a_consumer_signals_at_exactly_enough_and_one_after)
{
	struct ring_received packet;

	for (unsigned int i = 0; i < 7; i++)
		ck_assert_int_eq(put(488), RING_OK);
	ck_assert_int_eq(put(1000), RING_FULL);
	ck_assert_uint_eq(control.pending_send_bytes, 1024);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(get(&packet), RING_OK);
		ck_assert_int_eq(ring_release(&rx), i < 2);
	}
	ck_assert(!ring_release(&rx)); /* nothing was given back */
}
END_TEST

START_TEST(a_release_with_a_hostile_write_index_signals_nobody)
{
	struct ring_received packet;

	ck_assert_int_eq(put(4000), RING_OK);
	ck_assert_int_eq(put(200), RING_FULL);
	ck_assert_int_eq(get(&packet), RING_OK);
	control.write_index = 4;
	ck_assert(!ring_release(&rx));
}
END_TEST

START_TEST(a_packet_s_bytes_are_the_protocol_s)
{
	static const uint64_t pfns[] = { 0x1111, 0x2222 };
	const struct ring_gpa_range range = { 5000, 16, pfns, 2 };
	static const uint64_t direct[] = {
		0x0001000700060009,
		99,                 /* type, header and length in units of 8, flags */
		0x0000000100000000, /* reserved, one range */
		0x0000001000001388, /* bytes, offset */
		0x1111,
		0x2222,
		'x',
		0, /* where it starts */
		0x0000000300020006,
		7,
		'y',
		UINT64_C(64) << 32,
		0x000000030002000b,
		8,
		'z',
		UINT64_C(96) << 32,
	};

	ck_assert_int_eq(ring_put_gpa_direct(&tx, 99, &range, "x", 1, &signal), RING_OK);
	ck_assert_int_eq(ring_put_inband(&tx, 7, 0, "y", 1, &signal), RING_OK);
	ck_assert_int_eq(ring_put_completion(&tx, 8, "z", 1, &signal), RING_OK);
	ck_assert_uint_eq(control.write_index, sizeof(direct));
	ck_assert_mem_eq(data, direct, sizeof(direct));
	ck_assert_uint_eq(data[sizeof(direct)], 0xee);
}
END_TEST

START_TEST(a_range_of_more_pages_than_any_packet_has_is_too_long)
{
	static const uint32_t counts[] = { VMBUS_PACKET_BYTES_MAX / 8 + 1, 0x20000000 };
	const struct ring_gpa_range range = { 1, 0, NULL, counts[_i] };

	ck_assert_int_eq(ring_put_gpa_direct(&tx, 7, &range, "x", 1, &signal),
	                 RING_TOO_LONG);
	ck_assert_uint_eq(control.write_index, 0);
}
END_TEST

START_TEST(a_producer_that_does_not_announce_it_is_not_waited_for)
{
	struct ring_received packet;

	ck_assert_uint_eq(control.feature_bits, VMBUS_RING_FEATURE_PENDING_SEND);
	ck_assert_int_eq(put(4000), RING_OK);
	ck_assert_int_eq(put(200), RING_FULL);
	control.feature_bits = 0;
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(!ring_release(&rx));
}
END_TEST

START_TEST(only_the_step_from_empty_signals)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert(signal);
	signal = false;
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert(!signal);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(!ring_release(&rx));
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert(signal);
}
END_TEST

START_TEST(a_masked_consumer_is_not_signalled)
{
	ring_drain_begin(&rx);
	ck_assert_uint_eq(control.interrupt_mask, 1);
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert(!signal);
}
END_TEST

START_TEST(the_end_of_a_drain_sees_what_came_in_meanwhile)
{
	struct ring_received packet;

	ring_drain_begin(&rx);
	ck_assert_int_eq(get(&packet), RING_EMPTY);
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert(!signal);
	ck_assert(ring_drain_end(&rx));
	ck_assert_uint_eq(control.interrupt_mask, 1);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(!ring_drain_end(&rx));
	ck_assert_uint_eq(control.interrupt_mask, 0);
}
END_TEST

START_TEST(a_drain_may_end_with_packets_left)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(16), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(ring_drain_end(&rx));
	ck_assert_int_eq(put(24), RING_OK);
	ck_assert(ring_drain_end(&rx));
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 16);
}
END_TEST

START_TEST(a_packet_longer_than_the_buffer_can_be_left_out)
{
	struct ring_received packet;

	ck_assert_int_eq(put(100), RING_OK);
	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(ring_peek(&rx, buffer, 96, &packet), RING_TOO_LONG);
	ck_assert_int_eq(ring_peek(&rx, buffer, 96, &packet), RING_TOO_LONG);
	ring_advance(&rx);
	ck_assert_int_eq(ring_peek(&rx, buffer, 96, &packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 8);
}
END_TEST

START_TEST(a_packet_stays_in_the_ring_until_it_is_released)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(ring_peek(&rx, buffer, sizeof(buffer), &packet), RING_OK);
	ck_assert_uint_eq(control.read_index, 0);
	ring_advance(&rx);
	ck_assert_uint_eq(control.read_index, 0);
	ck_assert(!ring_release(&rx));
	ck_assert_uint_eq(control.read_index, 32);
}
END_TEST

START_TEST(what_never_fits_is_refused_at_once)
{
	static const struct ring_part huge = { .bytes = data, .length = 0xffffffff };
	const struct ring_packet packet = {
		.type = VMBUS_PACKET_INBAND,
		.parts = &huge,
		.part_count = 1,
	};

	ck_assert_int_eq(put(DATA_BYTES - 24), RING_TOO_LONG);
	ck_assert_int_eq(ring_put(&tx, &packet, &signal), RING_TOO_LONG);
	ck_assert_uint_eq(control.pending_send_bytes, 0);
	ck_assert_int_eq(put(DATA_BYTES - 32), RING_OK);
}
END_TEST

/* The lengths in a descriptor are 16 bits of units of 8 bytes. */
START_TEST(a_packet_has_at_most_what_a_descriptor_can_say)
{
	static uint8_t large[1 << 20], payload[VMBUS_PACKET_BYTES_MAX];
	const struct ring_memory large_memory = { &control, large, sizeof(large) };

	ck_assert_int_eq(ring_producer_init(&tx, &large_memory), RING_OK);
	ck_assert_int_eq(ring_put_inband(&tx, 1, 0, payload, sizeof(payload) - 15,
	                                 &signal),
	                 RING_TOO_LONG);
	ck_assert_uint_eq(control.write_index, 0);
	ck_assert_int_eq(ring_put_inband(&tx, 1, 0, payload, sizeof(payload) - 16,
	                                 &signal),
	                 RING_OK);
	ck_assert_uint_eq(control.write_index, VMBUS_PACKET_BYTES_MAX + 8);
}
END_TEST

START_TEST(a_header_of_odd_length_is_our_own_mistake)
{
	static const struct ring_part part = { .bytes = "abc", .length = 3 };
	struct ring_packet packet = {
		.type = VMBUS_PACKET_GPA_DIRECT,
		.parts = &part,
		.header_parts = 1,
		.part_count = 1,
	};

	ck_assert_int_eq(ring_put(&tx, &packet, &signal), RING_INVALID);
	packet.header_parts = 2;
	ck_assert_int_eq(ring_put(&tx, &packet, &signal), RING_INVALID);
}
END_TEST

START_TEST(a_successor_takes_the_ring_up_where_it_stands)
{
	struct ring_received packet;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(16), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert(!ring_release(&rx));
	ck_assert_int_eq(ring_producer_init(&tx, &memory), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&rx, &memory), RING_OK);
	ck_assert_int_eq(put(24), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 16);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 24);
}
END_TEST

/* Two packets were taken out, the second was not given back yet; the third is next. */
START_TEST(a_successor_goes_on_behind_what_was_taken_and_not_given_back)
{
	struct ring_received packet;
	uint32_t behind;

	ck_assert_int_eq(put(8), RING_OK);
	ck_assert_int_eq(put(16), RING_OK);
	ck_assert_int_eq(put(24), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	(void)!ring_release(&rx); /* nobody waits for room */
	ck_assert_int_eq(ring_peek(&rx, buffer, sizeof(buffer), &packet), RING_OK);
	behind = ring_index_after_peeked(&rx);
	ring_advance(&rx);
	ck_assert_uint_eq(ring_index_after_peeked(&rx), behind);
	ck_assert_uint_lt(control.read_index, behind);
	ck_assert_int_eq(ring_consumer_resume(&rx, &memory, behind), RING_OK);
	ck_assert_int_eq(get(&packet), RING_OK);
	ck_assert_uint_eq(packet.transaction_id, 24);
	(void)!ring_release(&rx);
	ck_assert_uint_eq(control.read_index, control.write_index);
	ck_assert_int_eq(get(&packet), RING_EMPTY);
}
END_TEST

START_TEST(an_index_that_a_hostile_predecessor_kept_is_none)
{
	static const uint32_t evil[] = { 4, DATA_BYTES, 0xfffffff8 };

	ck_assert_int_eq(ring_consumer_resume(&rx, &memory, evil[_i]), RING_INVALID);
}
END_TEST

/* Around the end, too. */
START_TEST(where_a_packet_will_end_is_known_before_it_is_put)
{
	struct ring_received packet;

	for (uint32_t bytes = 0; bytes < 200; bytes++) {
		uint32_t behind = ring_index_after_put(&tx, bytes);

		ck_assert_int_eq(put(bytes), RING_OK);
		ck_assert_uint_eq(control.write_index, behind);
		ck_assert_int_eq(get(&packet), RING_OK);
		(void)!ring_release(&rx);
	}
}
END_TEST

START_TEST(a_ring_of_a_bad_shape_is_not_taken_up)
{
	static const uint32_t sizes[] = { 0, 8, 4095, 4100, 0xfffff000 };
	struct ring_memory bad = memory;

	bad.data_bytes = sizes[_i];
	ck_assert_int_eq(ring_producer_init(&tx, &bad), RING_INVALID);
	ck_assert_int_eq(ring_consumer_init(&rx, &bad), RING_INVALID);
	control.write_index = 4;
	control.read_index = DATA_BYTES;
	ck_assert_int_eq(ring_producer_init(&tx, &memory), RING_CORRUPT);
	ck_assert_int_eq(ring_consumer_init(&rx, &memory), RING_CORRUPT);
	ck_assert_int_eq(put(8), RING_CORRUPT);
}
END_TEST

static Suite *ring_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *tc = tcase_create("ring");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_successor_goes_on_behind_what_was_taken_and_not_given_back);
	tcase_add_loop_test(tc, an_index_that_a_hostile_predecessor_kept_is_none, 0, 3);
	tcase_add_test(tc, where_a_packet_will_end_is_known_before_it_is_put);
	tcase_add_test(tc, a_packet_comes_out_as_it_went_in);
	tcase_add_test(tc, a_packet_may_have_no_payload);
	tcase_add_test(tc, a_completion_bears_its_transaction_id);
	tcase_add_test(tc, a_gpa_direct_packet_keeps_ranges_and_payload_apart);
	tcase_add_test(tc, packets_of_every_size_wrap_around_the_end);
	tcase_add_test(tc, the_trailer_holds_the_start_of_the_packet);
	tcase_add_loop_test(tc, a_hostile_read_index_is_reported_not_followed, 0, 5);
	tcase_add_loop_test(tc, a_hostile_write_index_is_reported_not_followed, 0, 5);
	tcase_add_loop_test(tc, a_descriptor_that_lies_is_corruption, 0, 8);
	tcase_add_test(tc, corruption_is_for_good);
	tcase_add_test(tc, our_own_index_is_not_read_back_from_the_peer);
	tcase_add_test(tc, a_write_index_that_steps_back_is_corruption);
	tcase_add_test(tc, a_ring_is_never_filled_to_the_last_byte);
	tcase_add_test(tc, a_blocked_producer_says_what_it_waits_for_until_it_succeeds);
	tcase_add_test(tc, a_consumer_signals_once_when_enough_has_become_free);
	tcase_add_test(tc, a_consumer_signals_at_exactly_enough_and_one_after);
	tcase_add_test(tc, a_release_with_a_hostile_write_index_signals_nobody);
	tcase_add_test(tc, a_packet_s_bytes_are_the_protocol_s);
	tcase_add_loop_test(tc, a_range_of_more_pages_than_any_packet_has_is_too_long, 0,
	                    2);
	tcase_add_test(tc, a_producer_that_does_not_announce_it_is_not_waited_for);
	tcase_add_test(tc, only_the_step_from_empty_signals);
	tcase_add_test(tc, a_masked_consumer_is_not_signalled);
	tcase_add_test(tc, the_end_of_a_drain_sees_what_came_in_meanwhile);
	tcase_add_test(tc, a_drain_may_end_with_packets_left);
	tcase_add_test(tc, a_packet_longer_than_the_buffer_can_be_left_out);
	tcase_add_test(tc, a_packet_stays_in_the_ring_until_it_is_released);
	tcase_add_test(tc, what_never_fits_is_refused_at_once);
	tcase_add_test(tc, a_packet_has_at_most_what_a_descriptor_can_say);
	tcase_add_test(tc, a_header_of_odd_length_is_our_own_mistake);
	tcase_add_test(tc, a_successor_takes_the_ring_up_where_it_stands);
	tcase_add_loop_test(tc, a_ring_of_a_bad_shape_is_not_taken_up, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(ring_suite)
