/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments that a user-mode network has to find alone: which they are, by what went before on their connection. */
#include "unit.h"

#include <string.h>

#include "vsp/net/core/net_alone.h"

#define ETHERNET   14u
#define IPV4_BYTES (ETHERNET + 20u + 14u)
#define IPV6_BYTES (ETHERNET + 40u + 14u)

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

static struct net_alone alone;
static uint8_t frame[NET_ALONE_BYTES];
static uint32_t data_bytes; /* of the next segments */
static uint64_t now_ms;

static void setup(void)
{
	memset(&alone, 0, sizeof(alone));
	memset(frame, 0, sizeof(frame));
	data_bytes = 0;
	now_ms = 1000000;
}

static void put_tcp(uint8_t *tcp, uint16_t port, uint8_t flags)
{
	tcp[0] = (uint8_t)(port >> 8);
	tcp[1] = (uint8_t)port;
	tcp[3] = 80;
	tcp[12] = 0x50;
	tcp[13] = flags;
}

static struct net_segment of_ipv4(uint16_t port, uint8_t flags)
{
	uint8_t *ip = frame + ETHERNET;
	struct net_segment segment;

	memset(frame, 0xee, sizeof(frame));
	frame[12] = 8;
	frame[13] = 0;
	ip[0] = 0x45;
	ip[6] = 0x40; /* not to be divided */
	ip[7] = 0;
	ip[9] = 6;
	ip[2] = (uint8_t)((40 + data_bytes) >> 8);
	ip[3] = (uint8_t)(40 + data_bytes);
	put_tcp(ip + 20, port, flags);
	ck_assert(net_segment_read(&segment, frame, IPV4_BYTES));
	ck_assert_uint_eq(segment.flags, flags);
	ck_assert_int_eq(segment.has_data, data_bytes != 0);
	return segment;
}

static struct net_segment of_ipv6(uint16_t port, uint8_t flags)
{
	uint8_t *ip = frame + ETHERNET;
	struct net_segment segment;

	memset(frame, 0xee, sizeof(frame));
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip[6] = 6;
	ip[4] = (uint8_t)((20 + data_bytes) >> 8);
	ip[5] = (uint8_t)(20 + data_bytes);
	put_tcp(ip + 40, port, flags);
	ck_assert(net_segment_read(&segment, frame, IPV6_BYTES));
	ck_assert_uint_eq(segment.flags, flags);
	ck_assert_int_eq(segment.has_data, data_bytes != 0);
	return segment;
}

static enum net_alone_answer ask(struct net_segment segment)
{
	return net_alone_ask(&alone, &segment, now_ms);
}

static bool needed(struct net_segment segment)
{
	ck_assert(net_alone_knows(&alone, &segment) || ask(segment) == NET_ALONE_GO);
	return ask(segment) != NET_ALONE_GO;
}

static void went(struct net_segment segment)
{
	net_alone_sent(&alone, &segment, now_ms);
}

/* The whole life of a connection of the guest's, and what may come twice in it. */
START_TEST(a_second_syn_and_what_follows_a_fin_have_to_be_alone)
{
	struct net_segment (*of)(uint16_t, uint8_t) = _i == 0 ? of_ipv4 : of_ipv6;

	ck_assert(!needed(of(1000, SYN)));
	went(of(1000, SYN));
	ck_assert(needed(of(1000, SYN)));
	ck_assert(!needed(of(1000, ACK)));
	went(of(1000, ACK));
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert(!needed(of(1000, ACK | PSH)));
		went(of(1000, ACK | PSH));
	}
	ck_assert(!needed(of(1000, ACK | FIN)));
	went(of(1000, ACK | FIN));
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert(needed(of(1000, ACK)));
		ck_assert(needed(of(1000, ACK | FIN)));
		ck_assert(needed(of(1000, RST)));
		went(of(1000, ACK));
	}
}
END_TEST

/* One goes a while after the one before, and where that was read. */
START_TEST(behind_a_fin_nothing_else_follows_at_once)
{
	went(of_ipv4(1000, ACK | FIN));
	ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_GO_IF_READ);
	went(of_ipv4(1000, ACK));
	ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_LOSE);
	ck_assert_int_eq(ask(of_ipv4(1000, ACK | FIN)), NET_ALONE_LOSE);
	ck_assert_int_eq(ask(of_ipv4(1000, SYN)), NET_ALONE_LOSE);
	now_ms += NET_ALONE_GAP_MS - 1;
	ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_LOSE);
	now_ms++;
	ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_GO_IF_READ);
}
END_TEST

/* passt takes no FIN before what was lost before it. */
START_TEST(behind_a_fin_data_goes_at_once)
{
	went(of_ipv4(1000, ACK | FIN));
	for (unsigned int i = 0; i < 5; i++) {
		data_bytes = 1400;
		ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_GO);
		went(of_ipv4(1000, ACK));
		data_bytes = 0;
		ck_assert_int_eq(ask(of_ipv4(1000, ACK)), NET_ALONE_LOSE);
	}
}
END_TEST

/* That of a connection which comes from outside, to a port of the guest's. */
START_TEST(a_second_answer_to_a_syn_has_to_be_alone)
{
	went(of_ipv4(1000, SYN | ACK));
	ck_assert(needed(of_ipv4(1000, SYN | ACK)));
	ck_assert(!needed(of_ipv4(1000, ACK | PSH)));
	went(of_ipv4(1000, ACK | PSH));
	ck_assert(!needed(of_ipv4(1000, ACK)));
}
END_TEST

START_TEST(a_port_that_is_used_again_begins_anew)
{
	went(of_ipv4(1000, ACK | FIN));
	ck_assert(needed(of_ipv4(1000, SYN))); /* what went before may be unread */
	went(of_ipv4(1000, SYN));
	ck_assert(!needed(of_ipv4(1000, ACK)));
	went(of_ipv4(1000, ACK));
	ck_assert(!needed(of_ipv4(1000, ACK)));
}
END_TEST

START_TEST(a_connection_that_was_reset_is_forgotten)
{
	went(of_ipv4(1000, ACK | FIN));
	went(of_ipv4(1000, RST | ACK));
	ck_assert(!needed(of_ipv4(1000, ACK)));
	went(of_ipv4(1000, SYN));
	went(of_ipv4(1000, RST));
	ck_assert(!needed(of_ipv4(1000, SYN)));
}
END_TEST

START_TEST(connections_are_told_apart_by_every_address_and_port)
{
	struct net_segment ended = of_ipv4(1000, ACK | FIN);

	went(ended);
	ck_assert(needed(ended));
	ck_assert(!needed(of_ipv4(1001, ACK)));
	ck_assert(!needed(of_ipv6(1000, ACK)));
	for (uint32_t at = 0; at < 13; at++) {
		struct net_segment other = ended;

		other.flow[at] ^= 1;
		ck_assert(!needed(other));
	}
}
END_TEST

/* A table full of connections that ended long ago takes new ones: the latest are known whatever their ports. */
START_TEST(the_latest_connections_are_known)
{
	uint16_t port;

	for (port = 1; port <= 5000; port++) {
		went(of_ipv4(port, SYN));
		ck_assert(needed(of_ipv4(port, SYN)));
		went(of_ipv4(port, ACK));
		went(of_ipv4(port, ACK | FIN));
		ck_assert(needed(of_ipv4(port, ACK)));
	}
	for (unsigned int i = 0; i < 4; i++)
		ck_assert(needed(of_ipv4((uint16_t)(5000 - i), ACK)));
}
END_TEST

START_TEST(all_else_is_no_segment)
{
	struct net_segment segment;

	(void)of_ipv4(1000, SYN);
	for (uint32_t bytes = 0; bytes < IPV4_BYTES; bytes++)
		ck_assert(!net_segment_read(&segment, frame, bytes));
	frame[ETHERNET + 9] = 17; /* UDP */
	ck_assert(!net_segment_read(&segment, frame, sizeof(frame)));
	(void)of_ipv4(1000, SYN);
	frame[ETHERNET + 7] = 1; /* a later fragment */
	ck_assert(!net_segment_read(&segment, frame, sizeof(frame)));
	(void)of_ipv4(1000, SYN);
	frame[ETHERNET] = 0x44;
	ck_assert(!net_segment_read(&segment, frame, sizeof(frame)));
	(void)of_ipv4(1000, SYN);
	frame[13] = 6; /* ARP */
	ck_assert(!net_segment_read(&segment, frame, sizeof(frame)));
	(void)of_ipv6(1000, SYN);
	for (uint32_t bytes = 0; bytes < IPV6_BYTES; bytes++)
		ck_assert(!net_segment_read(&segment, frame, bytes));
	frame[ETHERNET + 6] = 58; /* ICMP */
	ck_assert(!net_segment_read(&segment, frame, sizeof(frame)));
}
END_TEST

START_TEST(the_longest_header_of_ipv4_is_looked_behind)
{
	struct net_segment segment;

	(void)of_ipv4(1000, ACK);
	frame[ETHERNET] = 0x4f;
	put_tcp(frame + ETHERNET + 60, 1000, SYN);
	ck_assert(net_segment_read(&segment, frame, NET_ALONE_BYTES));
	ck_assert_uint_eq(segment.flags, SYN);
	ck_assert(!net_segment_read(&segment, frame, NET_ALONE_BYTES - 1));
}
END_TEST

static Suite *net_alone_suite(void)
{
	Suite *suite = suite_create("net_alone");
	TCase *tc = tcase_create("net_alone");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, a_second_syn_and_what_follows_a_fin_have_to_be_alone, 0,
	                    2);
	tcase_add_test(tc, behind_a_fin_nothing_else_follows_at_once);
	tcase_add_test(tc, behind_a_fin_data_goes_at_once);
	tcase_add_test(tc, a_second_answer_to_a_syn_has_to_be_alone);
	tcase_add_test(tc, a_port_that_is_used_again_begins_anew);
	tcase_add_test(tc, a_connection_that_was_reset_is_forgotten);
	tcase_add_test(tc, connections_are_told_apart_by_every_address_and_port);
	tcase_add_test(tc, the_latest_connections_are_known);
	tcase_add_test(tc, all_else_is_no_segment);
	tcase_add_test(tc, the_longest_header_of_ipv4_is_looked_behind);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_alone_suite)
