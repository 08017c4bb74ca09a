/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers of disks that lie, and such as are none: what is said of them, and that nothing ends or waits for ever. */
#define _GNU_SOURCE
#include "unit.h"

#include "storage_nbd.h"

/* ---- Servers that lie ---- */

static const struct {
	struct hostile hostile;
	const char *why;
} refused[] = {
	{ { .how = HOSTILE_MUTE }, "does not finish the handshake" },
	{ { .how = HOSTILE_HANGS_UP }, "" },
	{ { .how = HOSTILE_MAGIC }, "is it an NBD server?" },
	{ { .how = HOSTILE_WANTS_TLS }, "tunnel" },
	{ { .how = HOSTILE_LONG_OPTION }, "" },
	{ { .how = HOSTILE_CUT_OPTION }, "" },
	{ { .how = HOSTILE_NO_INFO }, "" },
	{ { .bytes = 1000 }, "not a multiple of 512" },
	{ { .bytes = UINT64_C(1) << 63 }, "" },
	{ { .bytes = UINT64_MAX - 511 }, "" },
	{ { .bytes = (UINT64_C(1) << 62) + 512 }, "makes no sense" },
	{ { .block_minimum = 4096, .block_preferred = 4096, .block_maximum = 1 << 20 },
	  "no blocks of 512 bytes" },
	{ { .block_minimum = 1, .block_preferred = 512, .block_maximum = 511 }, "" },
};

START_TEST(a_server_that_makes_no_sense_is_refused_and_named)
{
	make_folder();
	server = hostile_start(&refused[_i].hostile, socket_path);
	if (connect_disk("")) /* libnbd leaves nonsense about blocks aside */
		ck_assert_uint_eq(refused[_i].hostile.block_maximum, 511);
	else
		ck_assert_msg(strstr(host.packet.message.tail, refused[_i].why) &&
		                      strstr(host.packet.message.tail, socket_path),
		              "%s", (const char *)host.packet.message.tail);
	(void)host_stop(&host);
	remove_folder();
}
END_TEST

static const struct hostile strange[] = {
	{ .bytes = UINT64_C(1) << 62 },
	{ .block_minimum = 3, .block_preferred = 5, .block_maximum = 7 },
	{ .block_minimum = 512,
	  .block_preferred = UINT32_C(1) << 31,
	  .block_maximum = UINT32_MAX },
	{ .block_minimum = 512, .block_preferred = 512, .block_maximum = 512 },
	{ .flags = 0xffff & ~2u },
	{ .how = HOSTILE_ERROR },
};

START_TEST(a_strange_disk_is_one_all_the_same)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 8192, true };
	struct vstor_request read = read_or_write_10(0x28, 0, 16);
	struct vstor_request flush = command_6(0x35);
	struct vstor_result result;

	make_folder();
	server = hostile_start(&strange[_i], socket_path);
	open_disk("");
	result = execute(&read, &buffer);
	if (strange[_i].how == HOSTILE_ERROR)
		assert_sense(&result, 3, 0x11);
	else
		assert_good(&result, 8192);
	flush.cdb_length = 10;
	result = execute(&flush, &no_buffer);
	assert_good(&result, 0);
	tear_down_hostile();
}
END_TEST

static const struct {
	enum hostile_how how;
	const char *why;
} lies[] = {
	{ HOSTILE_UNKNOWN_COOKIE, "" }, { HOSTILE_REPLY_MAGIC, "" },
	{ HOSTILE_CUT_DATA, "" },       { HOSTILE_NO_REPLY, "does not answer" },
	{ HOSTILE_TWO_REPLIES, "" },
};

/* Whatever it does, the guest's request ends in its time, and the process lives. */
START_TEST(a_server_that_lies_about_a_read_is_left)
{
	struct hostile hostile = { .how = lies[_i].how };
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;

	make_folder();
	server = hostile_start(&hostile, socket_path);
	open_disk("\"timeout\":1,");
	result = execute(&read, &buffer);
	if (lies[_i].how == HOSTILE_TWO_REPLIES)
		assert_good(&result, 4096);
	else
		assert_sense(&result, 4, 0x44);
	expect_news("disk-lost", lies[_i].why);
	kill_server(); /* and what it says meanwhile is read by nobody */
	ck_assert_int_eq(kill(host.pid, 0), 0);
	close(host.socket);
	ck_assert_int_eq(waitpid(host.pid, NULL, 0), host.pid);
	remove_folder();
}
END_TEST

/* ---- Servers that are none ---- */

START_TEST(a_server_that_is_not_there_is_named_with_the_way_out)
{
	make_folder();
	if (_i == 1) {
		struct hostile hostile = { .how = HOSTILE_NOT };

		server = hostile_start(&hostile, socket_path);
		kill_server(); /* the socket stays */
	}
	ck_assert(!connect_disk(""));
	ck_assert_msg(strstr(host.packet.message.tail, socket_path) &&
	                      strstr(host.packet.message.tail, "been started") &&
	                      strstr(host.packet.message.tail,
	                             _i ? "refused" : "No such file"),
	              "%s", (const char *)host.packet.message.tail);
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
	remove_folder();
}
END_TEST

START_TEST(an_export_that_is_not_there_is_named_with_the_way_out)
{
	make_folder();
	make_disk(DISK_BYTES);
	start_server("exec qemu-nbd -t -f raw -x other -k %s %s", socket_path, disk_path);
	ck_assert(!connect_disk(""));
	ck_assert_msg(strstr(host.packet.message.tail, "nbdinfo --list"), "%s",
	              (const char *)host.packet.message.tail);
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
	tear_down_file();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("storage_nbd_hostile");
	TCase *tcase = tcase_create("hostile");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_server_that_makes_no_sense_is_refused_and_named, 0,
	                    ARRAY_COUNT(refused));
	tcase_add_loop_test(tcase, a_strange_disk_is_one_all_the_same, 0,
	                    ARRAY_COUNT(strange));
	tcase_add_loop_test(tcase, a_server_that_lies_about_a_read_is_left, 0,
	                    ARRAY_COUNT(lies));
	tcase_add_loop_test(tcase, a_server_that_is_not_there_is_named_with_the_way_out,
	                    0, 2);
	tcase_add_test(tcase, an_export_that_is_not_there_is_named_with_the_way_out);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
