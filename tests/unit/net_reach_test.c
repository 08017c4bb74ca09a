/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Destinations that a guest of a user-mode network may name, and those that mean the root itself. */
#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "vsp/net/core/net_reach.h"

static uint8_t frame[NET_REACH_BYTES];

static uint32_t make(uint32_t type, uint32_t at, int family, const char *address)
{
	memset(frame, 0xee, sizeof(frame));
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	ck_assert_int_eq(inet_pton(family, address, frame + at), 1);
	return family == AF_INET ? 34 : 54;
}

START_TEST(addresses_of_ipv4_that_mean_the_root_are_out_of_reach)
{
	static const struct {
		const char *address;
		bool may;
	} vectors[] = {
		{ "127.0.0.1", false }, { "127.255.255.255", false },
		{ "0.0.0.0", false },   { "0.1.2.3", false },
		{ "10.0.2.2", true },   { "126.255.255.255", true },
		{ "128.0.0.1", true },  { "255.255.255.255", true },
		{ "224.0.0.1", true },  { "192.168.0.1", true },
	};
	uint32_t bytes = make(0x0800, 30, AF_INET, vectors[_i].address);

	ck_assert_int_eq(net_may_reach(frame, bytes), vectors[_i].may);
}
END_TEST

START_TEST(addresses_of_ipv6_that_mean_the_root_are_out_of_reach)
{
	static const struct {
		const char *address;
		bool may;
	} vectors[] = {
		{ "::", false },         { "::1", false },
		{ "::7f00:1", false },   { "::ffff:127.0.0.1", false },
		{ "::ffff:0:0", false }, { "::ffff:0:127.0.0.1", false },
		{ "0:0:0:1::1", true },  { "fe80::1", true },
		{ "ff02::2", true },     { "2001:db8::1", true },
		{ "64:ff9b::1", true },
	};
	uint32_t bytes = make(0x86dd, 38, AF_INET6, vectors[_i].address);

	ck_assert_int_eq(net_may_reach(frame, bytes), vectors[_i].may);
}
END_TEST

START_TEST(a_head_that_is_cut_reaches_nothing)
{
	ck_assert(!net_may_reach(frame, 13));
	(void)make(0x0800, 30, AF_INET, "10.0.2.2");
	ck_assert(!net_may_reach(frame, 33));
	(void)make(0x86dd, 38, AF_INET6, "fe80::1");
	ck_assert(!net_may_reach(frame, 53));
	(void)make(0x0806, 30, AF_INET, "127.0.0.1"); /* ARP */
	ck_assert(net_may_reach(frame, 14));
}
END_TEST

static Suite *net_reach_suite(void)
{
	Suite *suite = suite_create("net_reach");
	TCase *tc = tcase_create("net_reach");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, addresses_of_ipv4_that_mean_the_root_are_out_of_reach, 0,
	                    10);
	tcase_add_loop_test(tc, addresses_of_ipv6_that_mean_the_root_are_out_of_reach, 0,
	                    11);
	tcase_add_test(tc, a_head_that_is_cut_reaches_nothing);
	return suite;
}

UNIT_MAIN(net_reach_suite)
