/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of file copy, byte by byte and from server to client; hostile ones; the paths that fit into them. */
#include "vmbus/class/fcopy.h"

#include <string.h>
#include <viridis/base/bits.h>

#include "tests/unit/unit.h"

#define LONGEST (FCOPY_UTF8_BYTES - 1) /* of a folder, and of a name */

static const struct ic_agreement agreed = { .framework = { 3, 0 }, .message = { 1, 1 } };
static uint8_t packet[FCOPY_PACKET_BYTES_MAX];
static struct ic_message message;
static struct fcopy_request request;

static void set_up(void)
{
	memset(packet, 0xaa, sizeof(packet)); /* of which nothing goes to the guest */
}

static void decode(uint32_t bytes)
{
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(fcopy_decode_request(&message, &request));
}

/* The packet from `at` on is these bytes, and zeros up to `end`. */
static void expect_bytes(size_t at, const void *bytes, size_t count, size_t end)
{
	ck_assert_mem_eq(packet + at, bytes, count);
	for (size_t i = at + count; i < end; i++)
		ck_assert_msg(packet[i] == 0, "byte %zu", i);
}

static void expect_heads(uint8_t body_low, uint8_t body_high)
{
	const uint16_t body = (uint16_t)(body_high << 8 | body_low);
	const uint16_t behind = (uint16_t)(body + 20);
	const uint8_t heads[] = {
		1,
		0,
		0,
		0,
		(uint8_t)behind,
		(uint8_t)(behind >> 8),
		0,
		0, /* pipe */
		3,
		0,
		0,
		0,
		7,
		0,
		1,
		0,
		1,
		0,
		body_low,
		body_high, /* versions, type */
		0,
		0,
		0,
		0,
		9,
		3,
		0,
		0, /* status, number, flags */
	};

	ck_assert_mem_eq(packet, heads, sizeof(heads));
}

START_TEST(a_start_names_the_file_its_folder_and_its_size)
{
	static const struct fcopy_file file = { .folder = "/a",
		                                .name = "\u00e9.x",
		                                .flags = FCOPY_FLAG_OVERWRITE,
		                                .bytes = 0x123456789a };
	static const uint8_t name[] = { 0xe9, 0, '.', 0, 'x', 0 };
	static const uint8_t folder[] = { '/', 0, 'a', 0 };
	static const uint8_t rest[] = { 1, 0, 0, 0, 0x9a, 0x78, 0x56, 0x34, 0x12 };
	uint32_t bytes = fcopy_encode_start(packet, &agreed, 9, &file);

	ck_assert_uint_eq(bytes, 28 + 1088);
	expect_heads(0x40, 0x04);
	expect_bytes(28, "", 0, 28 + 36);
	expect_bytes(28 + 36, name, sizeof(name), 28 + 556);
	expect_bytes(28 + 556, folder, sizeof(folder), 28 + 1076);
	expect_bytes(28 + 1076, rest, sizeof(rest), bytes);
	decode(bytes);
	ck_assert_uint_eq(request.operation, FCOPY_START);
	ck_assert_str_eq(request.file.folder, file.folder);
	ck_assert_str_eq(request.file.name, file.name);
	ck_assert_uint_eq(request.file.flags, FCOPY_FLAG_OVERWRITE);
	ck_assert_uint_eq(request.file.bytes, file.bytes);
}
END_TEST

START_TEST(a_piece_has_its_offset_and_its_length)
{
	static const uint8_t start[] = { 1, 0, 0, 0 };
	static const uint8_t where[] = { 8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0, 'a', 0, 'b' };
	uint32_t bytes =
		fcopy_encode_write(packet, &agreed, 9, 0x0102030405060708, "a\0b", 3);

	ck_assert_uint_eq(bytes, 28 + 6196);
	expect_heads(0x34, 0x18);
	expect_bytes(28, start, sizeof(start), 28 + 40);
	expect_bytes(28 + 40, where, sizeof(where), bytes);
	decode(bytes);
	ck_assert_uint_eq(request.operation, FCOPY_WRITE);
	ck_assert_uint_eq(request.offset, 0x0102030405060708);
	ck_assert_uint_eq(request.data_bytes, 3);
	ck_assert_mem_eq(request.data, "a\0b", 3);
}
END_TEST

START_TEST(the_longest_piece_fits_and_no_longer_one)
{
	static uint8_t data[FCOPY_DATA_BYTES + 1];

	memset(data, 'x', sizeof(data));
	decode(fcopy_encode_write(packet, &agreed, 9, 0, data, FCOPY_DATA_BYTES));
	ck_assert_uint_eq(request.data_bytes, FCOPY_DATA_BYTES);
	ck_assert_mem_eq(request.data, data, FCOPY_DATA_BYTES);
	ck_assert_uint_eq(
		fcopy_encode_write(packet, &agreed, 9, 0, data, FCOPY_DATA_BYTES + 1), 0);
}
END_TEST

START_TEST(an_end_is_a_header_alone)
{
	const uint8_t operation[] = { (uint8_t)_i, 0, 0, 0 };
	uint32_t bytes = fcopy_encode_end(packet, &agreed, 9, (enum fcopy_operation)_i);

	ck_assert_uint_eq(bytes, 28 + 36);
	expect_heads(0x24, 0);
	expect_bytes(28, operation, sizeof(operation), bytes);
	decode(bytes);
	ck_assert_uint_eq(request.operation, _i);
	ic_answer(packet, IC_STATUS_DISK_FULL);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_FCOPY));
	ck_assert_uint_eq(message.header.status, 0x80070070);
}
END_TEST

/* ---- Hostile ---- */

START_TEST(a_request_that_is_too_short_is_refused)
{
	static const struct fcopy_file file = { .folder = "/", .name = "x" };
	static const uint32_t needed[] = { 1088, 52 + 3, 36 };
	uint32_t bytes = _i == 0 ? fcopy_encode_start(packet, &agreed, 9, &file) :
	                 _i == 1 ? fcopy_encode_write(packet, &agreed, 9, 0, "abc", 3) :
	                           fcopy_encode_end(packet, &agreed, 9, FCOPY_COMPLETE);

	decode(bytes);
	for (message.body_bytes = 0; message.body_bytes < needed[_i];
	     message.body_bytes++)
		ck_assert_msg(!fcopy_decode_request(&message, &request), "%u bytes",
		              message.body_bytes);
	ck_assert(fcopy_decode_request(&message, &request));
}
END_TEST

START_TEST(a_piece_with_less_data_than_it_says_is_refused)
{
	static const uint32_t evil[] = { 6145, 0x7fffffff, 0xffffffff };
	uint32_t bytes = fcopy_encode_write(packet, &agreed, 9, 0, "abc", 3);

	memcpy(packet + 28 + 48, &evil[_i], sizeof(evil[_i]));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(!fcopy_decode_request(&message, &request));
}
END_TEST

START_TEST(texts_without_an_end_stay_in_their_fields)
{
	static const struct fcopy_file file = { .folder = "/", .name = "x" };
	uint32_t bytes = fcopy_encode_start(packet, &agreed, 9, &file);

	memset(packet + 28 + 36, 'x', 1040);
	decode(bytes);
	ck_assert_uint_lt(strnlen(request.file.name, FCOPY_UTF8_BYTES), FCOPY_UTF8_BYTES);
	ck_assert_uint_lt(strnlen(request.file.folder, FCOPY_UTF8_BYTES),
	                  FCOPY_UTF8_BYTES);
}
END_TEST

START_TEST(another_services_packet_is_no_request)
{
	ck_assert(ic_decode(&message, packet,
	                    ic_encode_shutdown(packet, &agreed, 1, 0, 0, NULL)));
	ck_assert(!fcopy_decode_request(&message, &request));
}
END_TEST

/* ---- Paths ---- */

START_TEST(a_path_is_a_folder_and_a_name)
{
	static const struct {
		const char *path, *folder, *name;
	} good[] = {
		{ "/x", "/", "x" },
		{ "/etc/x y", "/etc", "x y" },
		{ "//x", "/", "x" },
		{ "/a/b/c", "/a/b", "c" },
	};
	static const char *const bad[] = { "", "x", "x/y", "/", "/etc/" };
	struct fcopy_file file;

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		ck_assert(fcopy_split(good[i].path, &file));
		ck_assert_str_eq(file.folder, good[i].folder);
		ck_assert_str_eq(file.name, good[i].name);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		ck_assert_msg(!fcopy_split(bad[i], &file), "'%s'", bad[i]);
}
END_TEST

/* A folder and a name of so many bytes; for the name 0: the path ends with the '/'. */
static bool split(size_t folder_bytes, size_t name_bytes)
{
	char path[2048] = "";
	struct fcopy_file file;

	memset(path, 'p', folder_bytes);
	path[0] = '/';
	path[folder_bytes] = '/';
	memset(path + folder_bytes + 1, 'n', name_bytes);
	return fcopy_split(path, &file) && strlen(file.folder) == folder_bytes &&
	       strlen(file.name) == name_bytes;
}

START_TEST(a_path_that_a_packet_does_not_hold_is_known_before)
{
	ck_assert(split(LONGEST, LONGEST));
	ck_assert(split(LONGEST, 1));
	ck_assert(!split(LONGEST + 1, LONGEST));
	ck_assert(!split(LONGEST + 1, 1));
	ck_assert(!split(LONGEST, LONGEST + 1));
	ck_assert(!split(5, LONGEST + 1));
	ck_assert(!split(519, 7));
	ck_assert(!split(520, 7));
	ck_assert(!split(7, 1500));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fcopy");
	TCase *tcase = tcase_create("codec");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_start_names_the_file_its_folder_and_its_size);
	tcase_add_test(tcase, a_piece_has_its_offset_and_its_length);
	tcase_add_test(tcase, the_longest_piece_fits_and_no_longer_one);
	tcase_add_loop_test(tcase, an_end_is_a_header_alone, FCOPY_COMPLETE,
	                    FCOPY_CANCEL + 1);
	tcase_add_loop_test(tcase, a_request_that_is_too_short_is_refused, 0, 3);
	tcase_add_loop_test(tcase, a_piece_with_less_data_than_it_says_is_refused, 0, 3);
	tcase_add_test(tcase, texts_without_an_end_stay_in_their_fields);
	tcase_add_test(tcase, another_services_packet_is_no_request);
	tcase_add_test(tcase, a_path_is_a_folder_and_a_name);
	tcase_add_test(tcase, a_path_that_a_packet_does_not_hold_is_known_before);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
