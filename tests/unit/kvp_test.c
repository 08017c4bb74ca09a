/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key-value packets from server to client and back, hostile ones, and the texts in them. */
#include "vmbus/class/kvp.h"

#include <stddef.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "vmbus/class/utf16.h"

#define MAC "52:54:00:ab:cd:ef"

static const struct ic_agreement agreed = { .framework = { 3, 0 }, .message = { 4, 0 } };
static uint8_t packet[KVP_PACKET_BYTES_MAX];
static struct ic_message message;
static struct kvp_request request;
static struct kvp_item item;
static struct kvp_adapter adapter;

/* ---- Texts ---- */

static const struct {
	const char *utf8;
	uint16_t utf16[8];
	uint32_t bytes;
} texts[] = {
	{ "", { 0 }, 2 },
	{ "a1", { 'a', '1' }, 6 },
	{ "\u00e9", { 0xe9 }, 4 },
	{ "\u07ff\u0800", { 0x7ff, 0x800 }, 6 },
	{ "\u20ac!", { 0x20ac, '!' }, 6 },
	{ "\uffff", { 0xffff }, 4 },
	{ "\U00010000", { 0xd800, 0xdc00 }, 6 },
	{ "\U0010ffffz", { 0xdbff, 0xdfff, 'z' }, 8 },
};

START_TEST(a_text_survives_the_way_to_utf16_and_back)
{
	uint8_t units[16];
	char text[16];

	memset(units, 0xaa, sizeof(units));
	ck_assert_uint_eq(utf16_encode(texts[_i].utf8, units, sizeof(units)),
	                  texts[_i].bytes);
	ck_assert_mem_eq(units, texts[_i].utf16, sizeof(units));
	utf16_decode(units, sizeof(units), text, sizeof(text));
	ck_assert_str_eq(text, texts[_i].utf8);
}
END_TEST

START_TEST(what_is_no_utf16_is_replaced)
{
	static const struct {
		uint16_t units[4];
		const char *text;
	} bad[] = {
		{ { 0xd800, 'x', 0 }, "\ufffdx" },
		{ { 0xdc00, 'x', 0 }, "\ufffdx" },
		{ { 0xdfff, 0xd800, 0 }, "\ufffd\ufffd" },
		{ { 0xd800, 0xd800, 0xdc00, 0 }, "\ufffd\U00010000" },
		{ { 'a', 'b', 'c', 0xdbff }, "abc\ufffd" }, /* no zero at the end */
	};
	char text[16];

	utf16_decode((const uint8_t *)bad[_i].units, sizeof(bad[_i].units), text,
	             sizeof(text));
	ck_assert_str_eq(text, bad[_i].text);
}
END_TEST

START_TEST(what_is_no_utf8_is_replaced)
{
	static const struct {
		const char *text;
		uint16_t units[4];
	} bad[] = {
		{ "\x80", { 0xfffd } },
		{ "\xbf", { 0xfffd } },
		{ "\xc3", { 0xfffd } },
		{ "\xc3x", { 0xfffd, 'x' } },
		{ "\xc0\x80", { 0xfffd, 0xfffd } },             /* longer than needed */
		{ "\xe0\x9f\xbf", { 0xfffd, 0xfffd, 0xfffd } }, /* likewise */
		{ "\xed\xa0\x80", { 0xfffd, 0xfffd, 0xfffd } }, /* half a character */
		{ "\xe2\x82", { 0xfffd, 0xfffd } },
		{ "\xff", { 0xfffd } },
	};
	uint8_t units[8];

	(void)utf16_encode(bad[_i].text, units, sizeof(units));
	ck_assert_mem_eq(units, bad[_i].units, sizeof(units));
}
END_TEST

START_TEST(utf8_beyond_unicode_is_replaced)
{
	static const uint16_t replaced[] = { 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0 };
	uint8_t units[sizeof(replaced)];

	(void)utf16_encode("\xf4\x90\x80\x80", units, sizeof(units));
	ck_assert_mem_eq(units, replaced, sizeof(replaced));
	(void)utf16_encode("\xf0\x8f\xbf\xbf", units, sizeof(units));
	ck_assert_mem_eq(units, replaced, sizeof(replaced));
}
END_TEST

START_TEST(a_text_is_cut_before_a_character_that_does_not_fit)
{
	static const uint16_t cut[] = { 'a', 'b', 0 };
	static const uint16_t pair[] = { 'a', 0, 0 };
	uint8_t units[6];
	char text[4];

	ck_assert_uint_eq(utf16_encode("abc", units, sizeof(units)), 6);
	ck_assert_mem_eq(units, cut, sizeof(cut));
	ck_assert_uint_eq(utf16_encode("a\U00010000", units, sizeof(units)), 4);
	ck_assert_mem_eq(units, pair, sizeof(pair));
	(void)utf16_encode("ab", units, sizeof(units));
	utf16_decode(units, 6, text, 2);
	ck_assert_str_eq(text, "a");
	(void)utf16_encode("a\u20ac", units, sizeof(units));
	utf16_decode(units, 6, text, 4);
	ck_assert_str_eq(text, "a");
	utf16_decode(units, 6, text, 1);
	ck_assert_str_eq(text, "");
}
END_TEST

/* ---- Packets ---- */

static void decode(uint32_t bytes)
{
	ck_assert(ic_decode(&message, packet, bytes));
}

START_TEST(an_item_is_asked_for_by_pool_and_index)
{
	uint32_t bytes;

	memset(packet, 0xaa, sizeof(packet));
	bytes = kvp_encode_enumerate(packet, &agreed, 7, KVP_POOL_AUTO, 0x1234);
	ck_assert_uint_eq(bytes, 28 + 2580);
	decode(bytes);
	ck_assert_uint_eq(message.header.type, IC_KVP);
	ck_assert_uint_eq(message.header.transaction_id, 7);
	ck_assert_uint_eq(message.header.message.major, 4);
	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, KVP_ENUMERATE);
	ck_assert_uint_eq(request.pool, KVP_POOL_AUTO);
	ck_assert_uint_eq(request.index, 0x1234);
	for (uint32_t i = 28 + 8; i < bytes; i++) /* nothing of our memory */
		ck_assert_uint_eq(packet[i], 0);
	ck_assert(!kvp_decode_item(&message, &item)); /* a request is no answer */
}
END_TEST

START_TEST(an_item_comes_back_with_its_texts)
{
	const struct kvp_item sent = { .key = "OSName", .value = "D\u00e9bian" };
	uint32_t bytes = kvp_encode_enumerate(packet, &agreed, 7, KVP_POOL_AUTO, 5);
	struct kvp_enumerate body;

	kvp_answer_item(packet, &sent);
	decode(bytes);
	ck_assert(kvp_decode_item(&message, &item));
	ck_assert_str_eq(item.key, sent.key);
	ck_assert_str_eq(item.value, sent.value);
	memcpy(&body, packet + IC_HEADERS_BYTES, sizeof(body));
	ck_assert_uint_eq(body.value_type, KVP_TYPE_TEXT);
	ck_assert_uint_eq(body.key_bytes, 14);
	ck_assert_uint_eq(body.value_bytes, 14);
	ck_assert_uint_eq(body.index, 5);
	ck_assert(!kvp_decode_adapter(&message, &adapter));
}
END_TEST

START_TEST(texts_without_an_end_stay_in_their_fields)
{
	uint32_t bytes = kvp_encode_enumerate(packet, &agreed, 7, KVP_POOL_GUEST, 0);

	memset(packet + IC_HEADERS_BYTES + 8, 'x', bytes - IC_HEADERS_BYTES - 8);
	ic_answer(packet, IC_STATUS_OK);
	decode(bytes);
	ck_assert(kvp_decode_item(&message, &item));
	ck_assert_uint_eq(strnlen(item.key, sizeof(item.key)), 126); /* of 3 bytes each */
	ck_assert_uint_eq(strnlen(item.value, sizeof(item.value)), 510);
}
END_TEST

START_TEST(an_adapter_is_asked_for_by_its_mac_in_large_letters)
{
	uint32_t bytes = kvp_encode_addresses(packet, &agreed, 8, MAC);

	ck_assert_uint_eq(bytes, 28 + 7428);
	decode(bytes);
	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, KVP_GET_ADDRESSES);
	ck_assert_str_eq(request.mac, "52:54:00:AB:CD:EF");
}
END_TEST

START_TEST(an_adapters_lists_come_back)
{
	const struct kvp_adapter sent = {
		.dhcp = true,
		.addresses = "10.0.2.15;fe80::1",
		.subnets = "255.255.255.0;/64",
		.gateways = "10.0.2.2",
		.name_servers = "10.0.2.3",
	};
	uint32_t bytes = kvp_encode_addresses(packet, &agreed, 8, MAC);

	kvp_answer_adapter(packet, &sent);
	decode(bytes);
	ck_assert(kvp_decode_adapter(&message, &adapter));
	ck_assert(adapter.dhcp);
	ck_assert_str_eq(adapter.addresses, sent.addresses);
	ck_assert_str_eq(adapter.subnets, sent.subnets);
	ck_assert_str_eq(adapter.gateways, sent.gateways);
	ck_assert_str_eq(adapter.name_servers, sent.name_servers);
	ck_assert(!kvp_decode_item(&message, &item));
}
END_TEST

START_TEST(an_answer_that_is_too_short_is_refused)
{
	const struct kvp_item nothing = { .key = "" };
	const struct kvp_adapter nowhere = { .dhcp = false };
	uint32_t bytes = kvp_encode_enumerate(packet, &agreed, 7, KVP_POOL_AUTO, 5);

	kvp_answer_item(packet, &nothing);
	decode(bytes);
	message.body_bytes--;
	ck_assert(!kvp_decode_item(&message, &item));
	bytes = kvp_encode_addresses(packet, &agreed, 8, MAC);
	kvp_answer_adapter(packet, &nowhere);
	decode(bytes);
	message.body_bytes--;
	ck_assert(!kvp_decode_adapter(&message, &adapter));
}
END_TEST

START_TEST(a_request_that_is_too_short_is_refused)
{
	uint32_t bytes =
		_i == 0 ? kvp_encode_enumerate(packet, &agreed, 7, 1, 5) :
		_i == 1 ? kvp_encode_addresses(packet, &agreed, 8, MAC) :
		_i == 2 ? kvp_encode_set(packet, &agreed, 9, KVP_POOL_HOST, "k", "v") :
			  kvp_encode_delete(packet, &agreed, 10, KVP_POOL_HOST, "k");

	decode(bytes);
	for (uint32_t whole = message.body_bytes; message.body_bytes-- > 0;)
		ck_assert_msg(!kvp_decode_request(&message, &request), "%u of %u bytes",
		              message.body_bytes, whole);
}
END_TEST

START_TEST(an_item_is_given_to_the_guest_and_taken_back)
{
	uint32_t sizes[3];

	decode(kvp_encode_set(packet, &agreed, 9, KVP_POOL_HOST, "role", "D\u00e9"));
	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, KVP_SET);
	ck_assert_uint_eq(request.pool, KVP_POOL_HOST);
	ck_assert_str_eq(request.item.key, "role");
	ck_assert_str_eq(request.item.value, "D\u00e9");
	memcpy(sizes, message.body + 4, sizeof(sizes));
	ck_assert_uint_eq(sizes[0], KVP_TYPE_TEXT);
	ck_assert_uint_eq(sizes[1], 10); /* with the zero */
	ck_assert_uint_eq(sizes[2], 6);
	ck_assert_uint_eq(message.body_bytes, sizeof(struct kvp_set));
	decode(kvp_encode_delete(packet, &agreed, 10, KVP_POOL_HOST, "role"));
	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, KVP_DELETE);
	ck_assert_str_eq(request.item.key, "role");
	memcpy(sizes, message.body + 4, sizeof(sizes[0]));
	ck_assert_uint_eq(sizes[0], 10);
	ck_assert_uint_eq(message.body_bytes, sizeof(struct kvp_delete));
}
END_TEST

START_TEST(what_is_too_long_for_a_packet_is_known_before)
{
	char key[300], value[1100];

	memset(key, 'k', sizeof(key));
	memset(value, 'v', sizeof(value));
	key[255] = 0;
	value[1023] = 0;
	ck_assert(kvp_fits(key, value) && kvp_fits(key, NULL) && kvp_fits("k", ""));
	ck_assert(!kvp_fits("", "v"));
	value[1023] = 'v';
	value[1024] = 0;
	ck_assert(!kvp_fits(key, value));
	key[255] = 'k';
	key[256] = 0;
	ck_assert(!kvp_fits(key, NULL));
}
END_TEST

START_TEST(another_services_packet_is_no_request)
{
	decode(ic_encode_shutdown(packet, &agreed, 1, 0, 0, NULL));
	ck_assert(!kvp_decode_request(&message, &request));
}
END_TEST

START_TEST(an_operation_of_others_is_carried)
{
	uint32_t bytes = kvp_encode_enumerate(packet, &agreed, 7, 1, 5);

	packet[IC_HEADERS_BYTES] = 200;
	decode(bytes);
	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, 200);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("kvp");
	TCase *tcase = tcase_create("codec");

	tcase_add_loop_test(tcase, a_text_survives_the_way_to_utf16_and_back, 0, 8);
	tcase_add_loop_test(tcase, what_is_no_utf16_is_replaced, 0, 5);
	tcase_add_loop_test(tcase, what_is_no_utf8_is_replaced, 0, 9);
	tcase_add_test(tcase, utf8_beyond_unicode_is_replaced);
	tcase_add_test(tcase, a_text_is_cut_before_a_character_that_does_not_fit);
	tcase_add_test(tcase, an_item_is_asked_for_by_pool_and_index);
	tcase_add_test(tcase, an_item_comes_back_with_its_texts);
	tcase_add_test(tcase, texts_without_an_end_stay_in_their_fields);
	tcase_add_test(tcase, an_adapter_is_asked_for_by_its_mac_in_large_letters);
	tcase_add_test(tcase, an_adapters_lists_come_back);
	tcase_add_test(tcase, an_answer_that_is_too_short_is_refused);
	tcase_add_loop_test(tcase, a_request_that_is_too_short_is_refused, 0, 4);
	tcase_add_test(tcase, an_item_is_given_to_the_guest_and_taken_back);
	tcase_add_test(tcase, what_is_too_long_for_a_packet_is_known_before);
	tcase_add_test(tcase, another_services_packet_is_no_request);
	tcase_add_test(tcase, an_operation_of_others_is_carried);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
