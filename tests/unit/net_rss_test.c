/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive-side scaling: Microsoft's vectors of the hash, frames of all kinds, tables of all kinds. */
#include "unit.h"

#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/net/core/net_rss.h"

#define ALL (NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6)

/* "Verifying the RSS Hash Calculation" */
static const uint8_t key[NDIS_RSS_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct ipv4_vector {
	uint8_t from[4], to[4];
	uint16_t from_port, to_port;
	uint32_t addresses_hash, tcp_hash;
} ipv4_vectors[] = {
	{ { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
	{ { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
	{ { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
};

static struct ndis_rss rss;

static void setup(void)
{
	rss = (struct ndis_rss){ .enabled = true, .hash = ALL, .entry_count = 1 };
	memcpy(rss.key, key, sizeof(key));
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Returns where its IP header is. */
static uint8_t *make_ipv4(uint8_t *frame, const struct ipv4_vector *v, bool tagged)
{
	uint8_t *ip = frame + (tagged ? 18 : 14);

	memset(frame, 0, NET_RSS_BYTES);
	put16(frame + 12, tagged ? 0x8100 : 0x0800);
	if (tagged)
		put16(frame + 16, 0x0800);
	ip[0] = 0x45;
	ip[9] = 6;
	memcpy(ip + 12, v->from, 4);
	memcpy(ip + 16, v->to, 4);
	put16(ip + 20, v->from_port);
	put16(ip + 22, v->to_port);
	return ip;
}

static uint32_t hash_of(const uint8_t *frame, uint32_t bytes)
{
	uint32_t hash = 0;

	ck_assert(net_rss_hash(&rss, frame, bytes, &hash));
	return hash;
}

START_TEST(ipv4_is_hashed_as_published)
{
	const struct ipv4_vector *v = &ipv4_vectors[_i / 2];
	uint8_t frame[NET_RSS_BYTES];
	uint8_t *ip = make_ipv4(frame, v, _i % 2);

	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->tcp_hash);
	rss.hash = NDIS_HASH_IPV4;
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->addresses_hash);
	rss.hash = ALL;
	ip[9] = 17;
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->addresses_hash);
	ip[9] = 6;
	ip[6] = 0x20; /* more fragments follow */
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->addresses_hash);
	put16(ip + 6, 7); /* not the first */
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->addresses_hash);
	put16(ip + 6, 0x4000); /* one that may not be divided is whole */
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), v->tcp_hash);
}
END_TEST

START_TEST(ipv6_is_hashed_as_published)
{
	static const uint8_t from[] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff,
		                        0,    0,    0,    0,    0,    0,    0,    7 };
	static const uint8_t to[] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03,
		                      0,    0,    0,    0,    0,    0,    0,    1 };
	uint8_t frame[NET_RSS_BYTES] = { 0 };
	uint8_t *ip = frame + 14;

	put16(frame + 12, 0x86dd);
	ip[0] = 0x60;
	ip[6] = 6;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	put16(ip + 40, 2794);
	put16(ip + 42, 1766);
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), 0x40207d3d);
	ip[6] = 58;
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), 0x2cc18cd5);
}
END_TEST

START_TEST(what_was_not_asked_for_is_not_hashed)
{
	uint8_t frame[NET_RSS_BYTES];
	uint32_t hash;

	make_ipv4(frame, &ipv4_vectors[0], false);
	rss.hash = NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6;
	ck_assert(!net_rss_hash(&rss, frame, sizeof(frame), &hash));
	rss.hash = NDIS_HASH_TCP_IPV4;
	ck_assert_uint_eq(hash_of(frame, sizeof(frame)), ipv4_vectors[0].tcp_hash);
	frame[14 + 9] = 17;
	ck_assert(!net_rss_hash(&rss, frame, sizeof(frame), &hash));
	put16(frame + 12, 0x0806);
	rss.hash = ALL;
	ck_assert(!net_rss_hash(&rss, frame, sizeof(frame), &hash));
}
END_TEST

/* Nothing behind a frame's end is looked at, which the sanitizer holds us to. */
START_TEST(short_frames_are_no_harm)
{
	uint8_t whole[NET_RSS_BYTES];
	uint32_t bytes = (uint32_t)_i, hash;
	uint8_t *frame = malloc(bytes + 1);

	make_ipv4(whole, &ipv4_vectors[0], false);
	whole[14] = 0x4f; /* a header of 60 bytes */
	memcpy(frame, whole, bytes);
	(void)!net_rss_hash(&rss, frame, bytes, &hash);
	(void)net_rss_channel(&rss, frame, bytes);
	frame = realloc(frame, bytes + 1);
	whole[14] = 0x41; /* and of none */
	memcpy(frame, whole, bytes);
	(void)!net_rss_hash(&rss, frame, bytes, &hash);
	free(frame);
}
END_TEST

START_TEST(the_table_names_the_channel)
{
	uint8_t frame[NET_RSS_BYTES];

	make_ipv4(frame, &ipv4_vectors[0], false);
	rss.entry_count = 128;
	for (uint32_t i = 0; i < 128; i++)
		rss.entries[i] = (uint8_t)(i % 5);
	ck_assert_uint_eq(net_rss_channel(&rss, frame, sizeof(frame)),
	                  (ipv4_vectors[0].tcp_hash & 127) % 5);
	rss.entry_count = 4;
	ck_assert_uint_eq(net_rss_channel(&rss, frame, sizeof(frame)),
	                  ipv4_vectors[0].tcp_hash & 3);
	rss.entry_count = 0;
	ck_assert_uint_eq(net_rss_channel(&rss, frame, sizeof(frame)), 0);
	rss.entry_count = 1;
	rss.entries[0] = 3;
	ck_assert_uint_eq(net_rss_channel(&rss, frame, sizeof(frame)), 3);
	rss.enabled = false;
	ck_assert_uint_eq(net_rss_channel(&rss, frame, sizeof(frame)), 0);
}
END_TEST

static Suite *net_rss_suite(void)
{
	Suite *suite = suite_create("net_rss");
	TCase *tc = tcase_create("net_rss");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, ipv4_is_hashed_as_published, 0,
	                    2 * (int)ARRAY_COUNT(ipv4_vectors));
	tcase_add_test(tc, ipv6_is_hashed_as_published);
	tcase_add_test(tc, what_was_not_asked_for_is_not_hashed);
	tcase_add_loop_test(tc, short_frames_are_no_harm, 0, NET_RSS_BYTES);
	tcase_add_test(tc, the_table_names_the_channel);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_rss_suite)
