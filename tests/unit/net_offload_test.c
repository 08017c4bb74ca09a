/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames between RNDIS and virtio-net, and sections of a receive buffer. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsp/net/core/net_offload.h"
#include "vsp/net/core/net_sections.h"
#include "tests/unit/unit.h"

/* Ethernet, IPv4 (10.0.0.1 to 10.0.0.2), TCP with 12 bytes of options. */
static const uint8_t tcp4[] = {
	2,    0,  0, 0,    0, 2,  2,  0,    0,    0,  0, 1, 8,    0,    0x45, 0, 0,
	0,    0,  1, 0x40, 0, 64, 6,  0xee, 0xee, 10, 0, 0, 1,    10,   0,    0, 2,
	0,    80, 0, 81,   0, 0,  0,  1,    0,    0,  0, 2, 0x80, 0x10, 1,    0, 0xee,
	0xee, 0,  0, 1,    1, 8,  10, 0,    0,    0,  1, 0, 0,    0,    2,
};
#define TCP_AT 34u

static struct net_outgoing out;
static struct rndis_frame frame;

static bool prepare(const uint8_t *bytes, uint32_t count, uint32_t frame_bytes)
{
	memset(&out, 0xee, sizeof(out));
	memcpy(out.head, bytes, count);
	out.head_taken = count;
	frame.data_bytes = frame_bytes;
	return net_outgoing_prepare(&out, &frame);
}

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t ones_sum(const uint8_t *at, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i += 2)
		sum += word(at + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void setup(void)
{
	memset(&frame, 0, sizeof(frame));
}

START_TEST(a_checksum_stays_open_for_the_far_end)
{
	frame.has = RNDIS_HAS_CHECKSUM;
	frame.checksum = RNDIS_TX_IS_IPV4 | RNDIS_TX_TCP_CHECKSUM |
	                 TCP_AT << RNDIS_TX_TCP_OFFSET_SHIFT;
	ck_assert(net_outgoing_needed(&frame));
	ck_assert(prepare(tcp4, sizeof(tcp4), 1000));
	ck_assert_uint_eq(out.header.flags, NET_HEADER_NEEDS_CHECKSUM);
	ck_assert_uint_eq(out.header.checksum_start, TCP_AT);
	ck_assert_uint_eq(out.header.checksum_offset, 16);
	ck_assert_uint_eq(out.header.gso_type, NET_GSO_NONE);
	ck_assert_uint_eq(out.head_bytes, sizeof(tcp4));
	ck_assert_mem_eq(out.head, tcp4, sizeof(tcp4)); /* nothing was computed */
	frame.checksum = RNDIS_TX_IS_IPV4 | RNDIS_TX_UDP_CHECKSUM; /* no offset is said */
	ck_assert(prepare(tcp4, sizeof(tcp4), 1000));
	ck_assert_uint_eq(out.header.checksum_start, TCP_AT);
	ck_assert_uint_eq(out.header.checksum_offset, 6);
}
END_TEST

START_TEST(ipv4s_own_checksum_is_computed)
{
	frame.has = RNDIS_HAS_CHECKSUM;
	frame.checksum = RNDIS_TX_IS_IPV4 | RNDIS_TX_IP_CHECKSUM;
	ck_assert(prepare(tcp4, sizeof(tcp4), 1000));
	ck_assert_uint_eq(ones_sum(out.head + 14, 20), 0xffff);
	ck_assert_uint_eq(out.header.flags, 0);
}
END_TEST

START_TEST(a_header_alone_is_enough_for_its_own_checksum)
{
	frame.has = RNDIS_HAS_CHECKSUM;
	frame.checksum = RNDIS_TX_IS_IPV4 | RNDIS_TX_IP_CHECKSUM;
	ck_assert(prepare(tcp4, TCP_AT, TCP_AT));
	ck_assert_uint_eq(ones_sum(out.head + 14, 20), 0xffff);
}
END_TEST

START_TEST(a_large_send_becomes_segments)
{
	uint32_t sum;

	frame.has = RNDIS_HAS_LSO;
	frame.lso = 1448 | TCP_AT << RNDIS_LSO_TCP_OFFSET_SHIFT | RNDIS_LSO_VERSION_2;
	ck_assert(prepare(tcp4, sizeof(tcp4), 30000));
	ck_assert_uint_eq(out.header.gso_type, NET_GSO_TCP_IPV4);
	ck_assert_uint_eq(out.header.gso_bytes, 1448);
	ck_assert_uint_eq(out.header.header_bytes, sizeof(tcp4));
	ck_assert_uint_eq(out.header.flags, NET_HEADER_NEEDS_CHECKSUM);
	ck_assert_uint_eq(word(out.head + 16), 30000 - 14); /* IP's length */
	ck_assert_uint_eq(ones_sum(out.head + 14, 20), 0xffff);
	/* addresses, protocol and TCP's length */
	sum = ones_sum(tcp4 + 26, 8) + 6 + 30000 - TCP_AT;
	ck_assert_uint_eq(word(out.head + TCP_AT + 16), (sum & 0xffff) + (sum >> 16));
}
END_TEST

START_TEST(a_large_send_of_ipv6_likewise)
{
	uint8_t tcp6[14 + 40 + 20] = { [12] = 0x86, 0xdd, 0x60, [20] = 6, 64 };

	tcp6[14 + 40 + 12] = 0x50;
	tcp6[14 + 40 + 13] = 0x80; /* CWR */
	frame.has = RNDIS_HAS_LSO;
	frame.lso = 1428 | 54u << RNDIS_LSO_TCP_OFFSET_SHIFT | RNDIS_LSO_IPV6;
	ck_assert(prepare(tcp6, sizeof(tcp6), 20000));
	ck_assert_uint_eq(out.header.gso_type, NET_GSO_TCP_IPV6 | NET_GSO_ECN);
	ck_assert_uint_eq(word(out.head + 18), 20000 - 54);
	ck_assert_uint_eq(word(out.head + 54 + 16), 6 + 20000 - 54);
}
END_TEST

START_TEST(a_large_send_that_fits_one_segment_is_none)
{
	frame.has = RNDIS_HAS_LSO;
	frame.lso = 1448;
	ck_assert(prepare(tcp4, sizeof(tcp4), sizeof(tcp4) + 1448));
	ck_assert_uint_eq(out.header.gso_type, NET_GSO_NONE);
	ck_assert_uint_eq(out.header.flags, NET_HEADER_NEEDS_CHECKSUM);
}
END_TEST

START_TEST(a_tag_goes_into_the_frame)
{
	frame.has = RNDIS_HAS_8021Q | RNDIS_HAS_LSO;
	frame.lso = 1448;
	frame.vlan = 5 | 42u << RNDIS_8021Q_VLAN_SHIFT;
	ck_assert(prepare(tcp4, sizeof(tcp4), 30000));
	ck_assert_uint_eq(out.head_bytes, sizeof(tcp4) + 4);
	ck_assert_uint_eq(out.head_taken, sizeof(tcp4));
	ck_assert_uint_eq(word(out.head + 12), 0x8100);
	ck_assert_uint_eq(word(out.head + 14), 5u << 13 | 42);
	ck_assert_uint_eq(word(out.head + 16), 0x0800);
	ck_assert_uint_eq(out.header.checksum_start, TCP_AT + 4);
	ck_assert_uint_eq(out.header.header_bytes, sizeof(tcp4) + 4);
}
END_TEST

START_TEST(what_is_said_of_a_frame_must_be_true)
{
	uint8_t bytes[sizeof(tcp4)];

	memcpy(bytes, tcp4, sizeof(bytes));
	frame.has = RNDIS_HAS_LSO;
	frame.lso = 0; /* no segment size */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.lso = 0x10000;
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.lso = 47; /* a flood of frames */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.lso = 1448;
	ck_assert(!prepare(bytes, sizeof(bytes), 65536 + 14)); /* longer than IP can be */
	ck_assert(!prepare(bytes, 40, 40));                    /* TCP is cut */
	ck_assert(!prepare(bytes, 13, 13));
	ck_assert(!prepare(bytes, 0, 0));
	frame.lso = 1448 | 33u << RNDIS_LSO_TCP_OFFSET_SHIFT; /* TCP within IP */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.lso = 1448 | 1023u << RNDIS_LSO_TCP_OFFSET_SHIFT;
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.lso = 1448;
	bytes[14] = 0x44; /* IP shorter than IP */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	bytes[14] = 0x4f; /* and longer than what is there */
	ck_assert(!prepare(bytes, 50, 30000));
	bytes[14] = 0x45;
	bytes[TCP_AT + 12] = 0x40; /* TCP shorter than TCP */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	bytes[TCP_AT + 12] = 0xf0; /* and longer than the frame */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	bytes[12] = 0x08;
	bytes[13] = 0x06; /* ARP */
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	frame.has = RNDIS_HAS_CHECKSUM;
	frame.checksum = RNDIS_TX_TCP_CHECKSUM;
	ck_assert(!prepare(bytes, sizeof(bytes), 30000));
	ck_assert(!prepare(tcp4, 50, 50)); /* the checksum is outside */
	frame.has = RNDIS_HAS_8021Q;
	ck_assert(!prepare(tcp4, 13, 13));
}
END_TEST

START_TEST(a_frame_that_came_in_is_described)
{
	struct net_header header = { .flags = NET_HEADER_NEEDS_CHECKSUM };

	net_incoming_describe(&frame, &header, tcp4, sizeof(tcp4));
	ck_assert_uint_eq(frame.has, RNDIS_HAS_CHECKSUM);
	ck_assert_uint_eq(frame.checksum, RNDIS_RX_TCP_SUCCEEDED | RNDIS_RX_IP_SUCCEEDED);
	setup();
	header.flags = 0; /* nobody looked */
	net_incoming_describe(&frame, &header, tcp4, sizeof(tcp4));
	ck_assert_uint_eq(frame.has, 0);
	header.flags = NET_HEADER_CHECKSUM_VALID;
	net_incoming_describe(&frame, &header, tcp4, 13);
	ck_assert_uint_eq(frame.has, 0);
}
END_TEST

/* ---- Sections ---- */

static struct net_sections sections;

START_TEST(sections_go_to_the_guest_and_come_back)
{
	uint64_t small, large;

	net_sections_init(&sections, 5);
	ck_assert_uint_eq(net_sections_peek(&sections, 0), 0);
	small = net_sections_take(&sections, 1);
	large = net_sections_take(&sections, 3);
	ck_assert_uint_eq(small, 1);
	ck_assert_uint_eq(large, 2);
	ck_assert_uint_eq(sections.free_count, 1);
	ck_assert_uint_eq(net_sections_peek(&sections, 0), 4);
	ck_assert(net_sections_return(&sections, large));
	ck_assert_uint_eq(sections.free_count, 4);
	ck_assert(net_sections_return(&sections, small));
	ck_assert_uint_eq(sections.free_count, 5);
	ck_assert_uint_eq(net_sections_peek(&sections, 0), 0); /* the last one back */
}
END_TEST

START_TEST(a_guest_gives_back_only_what_it_has)
{
	uint64_t id;

	net_sections_init(&sections, 5);
	id = net_sections_take(&sections, 2);
	ck_assert(!net_sections_return(&sections, 0));
	ck_assert(!net_sections_return(&sections, id + 1)); /* a part of the packet */
	ck_assert(!net_sections_return(&sections, id + 2)); /* free */
	ck_assert(!net_sections_return(&sections, 6));
	ck_assert(!net_sections_return(&sections, UINT64_MAX));
	ck_assert(net_sections_return(&sections, id));
	ck_assert(!net_sections_return(&sections, id)); /* twice */
	ck_assert_uint_eq(sections.free_count, 5);
	net_sections_init(&sections, 0);
	ck_assert(!net_sections_return(&sections, 1));
}
END_TEST

static Suite *net_offload_suite(void)
{
	Suite *suite = suite_create("net_offload");
	TCase *offload = tcase_create("offload");
	TCase *buffer = tcase_create("sections");

	tcase_add_checked_fixture(offload, setup, NULL);
	tcase_add_test(offload, a_checksum_stays_open_for_the_far_end);
	tcase_add_test(offload, ipv4s_own_checksum_is_computed);
	tcase_add_test(offload, a_header_alone_is_enough_for_its_own_checksum);
	tcase_add_test(offload, a_large_send_becomes_segments);
	tcase_add_test(offload, a_large_send_of_ipv6_likewise);
	tcase_add_test(offload, a_large_send_that_fits_one_segment_is_none);
	tcase_add_test(offload, a_tag_goes_into_the_frame);
	tcase_add_test(offload, what_is_said_of_a_frame_must_be_true);
	tcase_add_test(offload, a_frame_that_came_in_is_described);
	suite_add_tcase(suite, offload);
	tcase_add_test(buffer, sections_go_to_the_guest_and_come_back);
	tcase_add_test(buffer, a_guest_gives_back_only_what_it_has);
	suite_add_tcase(suite, buffer);
	return suite;
}

UNIT_MAIN(net_offload_suite)
