/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects of NDIS, word by word as abi/ lays them out, and their fields at their limits. */
#include <stdio.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/unit/unit.h"
#include "vmbus/class/ndis.h"

static _Alignas(8) uint8_t bytes[512];

static void set32(unsigned int at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

START_TEST(offloads_are_written_word_by_word)
{
	static const uint32_t lengths[] = { 112, 144, 156 };
	const struct ndis_offloads every = { true, true, true, true, true, 61440 };
	const struct ndis_offloads only_tx = { .checksum_tx = true };
	const struct ndis_offloads only_rx = { .checksum_rx = true };
	struct ndis_offload found, expected = {
		.header = { 0xa7, (uint8_t)(_i + 1), (uint16_t)lengths[_i] },
		.ipv4 = { 2, 0x155, 2, 0x55 },
		.ipv6 = { 2, 0x55, 2, 0x55 },
		.lso_ipv4 = { 2, 61440, 2 },
		.lso_ipv6 = { 2, 61440, 2 },
		.lso_ipv6_options = 5,
		.rsc_ipv4 = 1,
		.rsc_ipv6 = 1,
	};

	memset(&found, 0xa5, sizeof(found));
	ck_assert_uint_eq(ndis_offload_write(&found, (uint8_t)(_i + 1), &every),
	                  lengths[_i]);
	ck_assert_mem_eq(&found, &expected, sizeof(expected));
	expected = (struct ndis_offload){ .header = expected.header,
		                          .ipv4 = { 2, 0x55, 0, 0 },
		                          .ipv6 = { 2, 0x55, 0, 0 } };
	ndis_offload_write(&found, (uint8_t)(_i + 1), &only_tx);
	ck_assert_mem_eq(&found, &expected, sizeof(expected));
	expected.ipv4 = expected.ipv6 = (struct ndis_checksum_offload){ 0, 0, 2, 0x55 };
	ndis_offload_write(&found, (uint8_t)(_i + 1), &only_rx);
	ck_assert_mem_eq(&found, &expected, sizeof(expected));
	ndis_offload_write(&found, 4, &every);
	ck_assert_uint_eq(found.header.revision, 3);
}
END_TEST

/* Byte 4 of the parameters: IPv4's header; 5 to 8: TCP and UDP over both. */
START_TEST(each_checksum_is_set_as_it_says)
{
	for (uint8_t setting = 0; setting < 6; setting++) {
		struct ndis_offloads offloads = { .checksum_tx = setting == 1,
			                          .checksum_rx = setting == 1,
			                          .ipv4_checksum_tx = setting == 1 };
		bool tx = setting == 2 || setting == 4, rx = setting == 3 || setting == 4;

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, "\x80\x01\x14\x00", 4);
		bytes[4 + _i] = setting;
		ck_assert(ndis_offload_parameters_read(&offloads, bytes, 20));
		if (setting == 1) { /* off */
			ck_assert_int_eq(offloads.checksum_tx, _i == 0);
			ck_assert_int_eq(offloads.checksum_rx, _i == 0);
			ck_assert_int_eq(offloads.ipv4_checksum_tx, _i != 0);
			continue;
		}
		ck_assert_int_eq(offloads.checksum_tx, _i != 0 && tx);
		ck_assert_int_eq(offloads.checksum_rx, _i != 0 && rx);
		ck_assert_int_eq(offloads.ipv4_checksum_tx, _i == 0 && tx);
	}
}
END_TEST

START_TEST(what_is_unchanged_stays)
{
	const struct ndis_offloads all = { true, true, true, true, true, 7 };
	struct ndis_offloads offloads = all;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\x80\x03\x1c\x00", 4);
	ck_assert(ndis_offload_parameters_read(&offloads, bytes, 28));
	ck_assert_mem_eq(&offloads, &all, sizeof(all));
	bytes[5] = NDIS_CHECKSUM_TX;
	bytes[8] = NDIS_CHECKSUM_RX;
	offloads = (struct ndis_offloads){ 0 };
	ck_assert(ndis_offload_parameters_read(&offloads, bytes, 28));
	ck_assert(offloads.checksum_tx && offloads.checksum_rx);
}
END_TEST

START_TEST(switches_are_on_when_either_protocol_s_is)
{
	static const struct {
		uint8_t ipv4, ipv6;
		bool before, after;
	} cases[] = {
		{ 0, 0, true, true },  { 0, 0, false, false }, { 1, 0, true, false },
		{ 0, 1, true, false }, { 2, 0, false, true },  { 0, 2, false, true },
		{ 1, 2, false, true }, { 2, 1, false, true },  { 1, 1, true, false },
		{ 3, 3, true, false },
	};
	struct ndis_offloads offloads = { .lso = cases[_i].before,
		                          .rsc = cases[_i].before };

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\x80\x03\x1c\x00", 4);
	bytes[11] = bytes[22] = cases[_i].ipv4;
	bytes[12] = bytes[23] = cases[_i].ipv6;
	ck_assert(ndis_offload_parameters_read(&offloads, bytes, 28));
	ck_assert_int_eq(offloads.lso, cases[_i].after);
	ck_assert_int_eq(offloads.rsc, cases[_i].after);
	bytes[1] = 2; /* of a revision that knows no RSC */
	offloads.rsc = !cases[_i].before;
	ck_assert(ndis_offload_parameters_read(&offloads, bytes, 28));
	ck_assert_int_eq(offloads.rsc, !cases[_i].before);
}
END_TEST

START_TEST(parameters_have_their_header)
{
	static const struct {
		uint8_t type, revision, said;
		uint32_t count;
		bool good;
	} cases[] = {
		{ 0x80, 1, 20, 20, true },  { 0x80, 1, 19, 20, false },
		{ 0x80, 1, 20, 19, false }, { 0x80, 1, 21, 20, false },
		{ 0x80, 0, 20, 20, false }, { 0x80, 9, 20, 60, true },
		{ 0x81, 1, 20, 20, false }, { 0x80, 3, 28, 28, true },
	};
	struct ndis_offloads offloads = { 0 };

	memset(bytes, 0, sizeof(bytes));
	bytes[0] = cases[_i].type;
	bytes[1] = cases[_i].revision;
	bytes[2] = cases[_i].said;
	ck_assert_int_eq(ndis_offload_parameters_read(&offloads, bytes, cases[_i].count),
	                 cases[_i].good);
}
END_TEST

START_TEST(scaling_s_capabilities_are_their_words)
{
	struct ndis_rss_capabilities found, expected = {
		.header = { 0x88, _i < 2 ? 1 : 2, _i < 2 ? 16 : 18 },
		.flags = 0x04000301,
		.messages = 4,
		.queues = 4,
		.indirection_entries = _i < 2 ? 0 : 128,
	};

	memset(&found, 0xa5, sizeof(found));
	ck_assert_uint_eq(ndis_rss_capabilities_write(&found, (uint8_t)_i, 4),
	                  _i < 2 ? 16 : 18);
	ck_assert_mem_eq(&found, &expected, sizeof(expected));
}
END_TEST

/* A table of `count` bytes and a key behind the 28 bytes of the first revision. */
static void write_scaling(uint16_t flags, uint16_t count, uint32_t offset)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\x89\x01\x1c\x00", 4);
	memcpy(bytes + 4, &flags, 2);
	set32(8, 0x201);
	memcpy(bytes + 12, &count, 2);
	set32(16, offset);
	bytes[20] = 40;
	set32(24, 28);
	memset(bytes + 28, 0x77, 40);
}

START_TEST(scaling_s_table_is_a_power_of_two)
{
	static const struct {
		uint16_t bytes;
		bool good;
	} cases[] = { { 0, false },  { 4, true },    { 8, true },
		      { 12, false }, { 16, true },   { 6, false },
		      { 256, true }, { 384, false }, { 512, false },
		      /* there is no room for it */ };
	struct ndis_rss rss = { 0 };

	write_scaling(0, cases[_i].bytes, 100);
	set32(100, 3);
	ck_assert_int_eq(ndis_rss_parameters_read(&rss, 4, bytes, 500), cases[_i].good);
	ck_assert_int_eq(rss.enabled, cases[_i].good);
	ck_assert_uint_eq(rss.entry_count, cases[_i].good ? cases[_i].bytes / 4u : 0);
	if (!cases[_i].good)
		return;
	ck_assert_uint_eq(rss.entries[0], 3);
	ck_assert_uint_eq(rss.hash, 0x201);
	ck_assert_uint_eq(rss.key[0], 0x77);
	ck_assert_uint_eq(rss.key[39], 0x77);
	set32(100, 4); /* there are four queues */
	ck_assert(!ndis_rss_parameters_read(&rss, 4, bytes, 500));
}
END_TEST

START_TEST(scaling_keeps_what_is_unchanged)
{
	static const struct {
		uint16_t flags;
		bool enabled, hash, table, key;
	} cases[] = {
		{ 0x00, true, true, true, true },    { 0x02, true, false, true, true },
		{ 0x04, true, true, false, true },   { 0x08, true, true, true, false },
		{ 0x10, false, true, false, false }, { 0x0e, true, false, false, false },
		{ 0x01, true, true, true, true },
	};
	struct ndis_rss rss = { .hash = 9, .key = { 9 }, .entry_count = 1 };

	write_scaling(cases[_i].flags, 8, 100);
	ck_assert(ndis_rss_parameters_read(&rss, 4, bytes, 108));
	ck_assert_int_eq(rss.enabled, cases[_i].enabled);
	ck_assert_uint_eq(rss.hash, cases[_i].hash ? 0x201 : 9);
	ck_assert_uint_eq(rss.entry_count, cases[_i].table ? 2 : 1);
	ck_assert_uint_eq(rss.key[0], cases[_i].key ? 0x77 : 9);
	ck_assert_int_eq(ndis_rss_parameters_read(&rss, 4, bytes, 107), !cases[_i].table);
}
END_TEST

START_TEST(scaling_has_its_header_and_its_key)
{
	struct ndis_rss rss = { 0 };

	write_scaling(NDIS_RSS_INDIRECTION_UNCHANGED, 8, 100);
	ck_assert(ndis_rss_parameters_read(&rss, 4, bytes, 68));
	ck_assert(!ndis_rss_parameters_read(&rss, 4, bytes, 67));
	bytes[20] = 41;
	ck_assert(!ndis_rss_parameters_read(&rss, 4, bytes, 100));
	bytes[20] = 40;
	bytes[2] = 68;
	ck_assert(ndis_rss_parameters_read(&rss, 4, bytes, 68));
	bytes[2] = 69;
	ck_assert(!ndis_rss_parameters_read(&rss, 4, bytes, 68));
	write_scaling(NDIS_RSS_DISABLE, 8, 100);
	ck_assert(ndis_rss_parameters_read(&rss, 4, bytes, 28));
	bytes[2] = 27;
	ck_assert(!ndis_rss_parameters_read(&rss, 4, bytes, 27));
}
END_TEST

static void write_address(const char *digits)
{
	static const uint32_t head[5] = { 20, 28, 2, 48, 24 };

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, head, sizeof(head));
	for (unsigned int i = 0; i < 14; i++)
		bytes[20 + 2 * i] = (uint8_t) "NetworkAddress"[i];
	for (unsigned int i = 0; i < 12; i++)
		bytes[48 + 2 * i] = (uint8_t)digits[i];
}

static bool takes_address(uint8_t mac[6], uint32_t count)
{
	struct ndis_offload_parameters offloads;

	return ndis_parameter_read(mac, &offloads, bytes, count) ==
	       NDIS_PARAMETER_ADDRESS;
}

START_TEST(digits_are_hexadecimal)
{
	static const char characters[] = "/09:@AFG`afg";
	static const int values[] = { -1, 0, 9, -1, -1, 10, 15, -1, -1, 10, 15, -1 };
	uint8_t mac[6] = { 0 };

	for (unsigned int i = 0; i < 12; i++) {
		char digits[] = "020000000000";

		digits[4] = characters[i];
		write_address(digits);
		ck_assert_int_eq(takes_address(mac, 72), values[i] >= 0);
		if (values[i] >= 0)
			ck_assert_uint_eq(mac[2], (unsigned int)values[i] << 4);
		digits[4] = '0';
		digits[11] = characters[i];
		write_address(digits);
		ck_assert_int_eq(takes_address(mac, 72), values[i] >= 0);
		if (values[i] >= 0)
			ck_assert_uint_eq(mac[5], (unsigned int)values[i]);
		bytes[48 + 23] = 1; /* no character of eight bits */
		ck_assert(!takes_address(mac, 72));
	}
}
END_TEST

START_TEST(an_address_is_named_and_whole)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} lies[] = {
		{ 0, 21 },  { 4, 27 },  { 4, 26 },  { 4, 30 },  { 4, 0 },    { 8, 1 },
		{ 12, 49 }, { 12, 50 }, { 16, 22 }, { 16, 26 }, { 20, 'n' },
	};
	uint8_t mac[6] = { 7 };

	write_address("02155d01ff7a");
	ck_assert(!takes_address(mac, 71));
	ck_assert(takes_address(mac, 72));
	ck_assert_mem_eq(mac, "\x02\x15\x5d\x01\xff\x7a", 6);
	set32(lies[_i].at, lies[_i].value);
	ck_assert(!takes_address(mac, 72));
	write_address("03155d01ff7a"); /* of a group */
	ck_assert(!takes_address(mac, 72));
	write_address("000000000001");
	ck_assert(takes_address(mac, 72));
}
END_TEST

/* Windows' keywords, as Microsoft's documentation of NDIS has them, with the field of the offloads that each sets. */
static const struct {
	const char *name;
	char last;
	unsigned int field;
} keywords[] = {
	{ "*IPChecksumOffloadIPv4", '3', 4 },
	{ "*TCPChecksumOffloadIPv4", '3', 5 },
	{ "*UDPChecksumOffloadIPv4", '3', 6 },
	{ "*TCPChecksumOffloadIPv6", '3', 7 },
	{ "*UDPChecksumOffloadIPv6", '3', 8 },
	{ "*LsoV2IPv4", '1', 11 },
	{ "*LsoV2IPv6", '1', 12 },
	{ "*RscIPv4", '1', 22 },
	{ "*RscIPv6", '1', 23 },
};
#define KEYWORDS 9

/* The value is one character, behind the name. */
static uint32_t write_keyword(const char *name, uint16_t value)
{
	uint32_t length = (uint32_t)strlen(name);
	const uint32_t head[5] = { 20, 2 * length, 2, 20 + 2 * length, 2 };

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, head, sizeof(head));
	for (uint32_t i = 0; i < length; i++)
		bytes[20 + 2 * i] = (uint8_t)name[i];
	bytes[20 + 2 * length] = (uint8_t)value;
	bytes[21 + 2 * length] = (uint8_t)(value >> 8);
	return 22 + 2 * length;
}

static enum ndis_parameter take_keyword(uint32_t count, uint8_t found[28])
{
	struct ndis_offload_parameters offloads;
	uint8_t mac[6];
	enum ndis_parameter parameter;

	memset(&offloads, 0, sizeof(offloads));
	parameter = ndis_parameter_read(mac, &offloads, bytes, count);
	memcpy(found, &offloads, 28);
	return parameter;
}

START_TEST(a_keyword_sets_its_offload)
{
	static const uint8_t nothing[28];
	uint8_t found[28];
	const char *name = keywords[_i].name;
	char longer[32];

	for (char digit = '0'; digit <= keywords[_i].last; digit++) {
		uint8_t expected[28] = { 0 };

		expected[keywords[_i].field] = (uint8_t)(digit - '0' + 1);
		ck_assert_int_eq(take_keyword(write_keyword(name, (uint16_t)digit),
		                              found),
		                 NDIS_PARAMETER_OFFLOAD);
		ck_assert_mem_eq(found, expected, 28);
	}
	/* Values that it does not have, and one of sixteen bits. */
	ck_assert_int_eq(take_keyword(write_keyword(name, '/'), found),
	                 NDIS_PARAMETER_INVALID);
	ck_assert_int_eq(
		take_keyword(write_keyword(name, (uint16_t)(keywords[_i].last + 1)),
	                     found),
		NDIS_PARAMETER_INVALID);
	ck_assert_int_eq(take_keyword(write_keyword(name, 0x131), found),
	                 NDIS_PARAMETER_INVALID);
	ck_assert_mem_eq(found, nothing, 28);
	/* Another name is its own affair. */
	snprintf(longer, sizeof(longer), "%sx", name);
	ck_assert_int_eq(take_keyword(write_keyword(longer, '1'), found),
	                 NDIS_PARAMETER_OTHER);
	ck_assert_mem_eq(found, nothing, 28);
}
END_TEST

START_TEST(a_parameter_lies_where_it_says)
{
	static const struct {
		unsigned int at;
		uint32_t value;
		enum ndis_parameter expected;
	} cases[] = {
		{ 0, 0xffffffff, NDIS_PARAMETER_INVALID },
		{ 4, 25, NDIS_PARAMETER_INVALID },
		{ 4, 0xffffffff, NDIS_PARAMETER_INVALID },
		{ 8, 0, NDIS_PARAMETER_INVALID }, /* an integer */
		{ 12, 0xffffffff, NDIS_PARAMETER_INVALID },
		{ 12, 41, NDIS_PARAMETER_INVALID },
		{ 16, 0, NDIS_PARAMETER_INVALID },
		{ 16, 3, NDIS_PARAMETER_INVALID },
		{ 16, 0xffffffff, NDIS_PARAMETER_INVALID },
		{ 4, 16, NDIS_PARAMETER_OTHER },
		{ 4, 0, NDIS_PARAMETER_INVALID },
	};
	uint8_t found[28];
	uint32_t count = write_keyword("*LsoV2IPv4", '1');

	ck_assert_uint_eq(count, 42);
	ck_assert_int_eq(take_keyword(count, found), NDIS_PARAMETER_OFFLOAD);
	ck_assert_int_eq(take_keyword(count - 1, found), NDIS_PARAMETER_INVALID);
	ck_assert_int_eq(take_keyword(19, found), NDIS_PARAMETER_INVALID);
	set32(cases[_i].at, cases[_i].value);
	ck_assert_int_eq(take_keyword(count, found), cases[_i].expected);
}
END_TEST

START_TEST(the_link_is_its_words)
{
	static const uint32_t words[10] = {
		40u << 16 | 1u << 8 | 0x80, 1, 2, 0, 0x540be400, 2, 0x540be400, 2, 0, 0
	};
	struct ndis_link_state state = ndis_link_state(true, 10000000000ull);

	ck_assert_mem_eq(&state, words, sizeof(words));
	state = ndis_link_state(false, 0);
	ck_assert_uint_eq(state.media, 2);
}
END_TEST

START_TEST(frames_are_ethernet_s)
{
	static const uint32_t words[7] = {
		28u << 16 | 1u << 8 | 0xa8, 1, 2, 14, 1, 2, 14
	};
	static const struct {
		unsigned int at;
		uint32_t value;
		bool taken;
	} cases[] = {
		{ 0, 28u << 16 | 1u << 8 | 0xa7, false },
		{ 0, 28u << 16 | 0xa8, false },
		{ 0, 27u << 16 | 1u << 8 | 0xa8, false },
		{ 0, 29u << 16 | 1u << 8 | 0xa8, false },
		{ 8, 4, false },
		{ 12, 18, false },
		{ 20, 4, false },
		{ 24, 18, false },
		{ 4, 2, true },
		{ 16, 2, true },
	};
	const struct ndis_encapsulation object = ndis_encapsulation();

	ck_assert_mem_eq(&object, words, sizeof(words));
	memcpy(bytes, words, sizeof(words));
	ck_assert(ndis_encapsulation_read(bytes, 28));
	ck_assert(!ndis_encapsulation_read(bytes, 27));
	set32(cases[_i].at, cases[_i].value);
	ck_assert_int_eq(ndis_encapsulation_read(bytes, 28), cases[_i].taken);
	/* What is off may be anything. */
	set32(4, 2);
	set32(8, 4);
	ck_assert_int_eq(ndis_encapsulation_read(bytes, 28),
	                 cases[_i].taken || cases[_i].at == 8 || cases[_i].at == 12);
}
END_TEST

static TCase *objects_case(void)
{
	TCase *tc = tcase_create("objects");

	tcase_add_loop_test(tc, offloads_are_written_word_by_word, 0, 3);
	tcase_add_loop_test(tc, each_checksum_is_set_as_it_says, 0, 5);
	tcase_add_test(tc, what_is_unchanged_stays);
	tcase_add_loop_test(tc, switches_are_on_when_either_protocol_s_is, 0, 10);
	tcase_add_loop_test(tc, parameters_have_their_header, 0, 8);
	tcase_add_loop_test(tc, scaling_s_capabilities_are_their_words, 1, 4);
	tcase_add_loop_test(tc, scaling_s_table_is_a_power_of_two, 0, 9);
	tcase_add_loop_test(tc, scaling_keeps_what_is_unchanged, 0, 7);
	tcase_add_test(tc, scaling_has_its_header_and_its_key);
	tcase_add_test(tc, digits_are_hexadecimal);
	tcase_add_loop_test(tc, an_address_is_named_and_whole, 0, 11);
	tcase_add_loop_test(tc, a_keyword_sets_its_offload, 0, KEYWORDS);
	tcase_add_loop_test(tc, a_parameter_lies_where_it_says, 0, 11);
	tcase_add_test(tc, the_link_is_its_words);
	tcase_add_loop_test(tc, frames_are_ethernet_s, 0, 10);
	return tc;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ndis_bytes");

	suite_add_tcase(suite, objects_case());
	return suite;
}

UNIT_MAIN(make_suite)
