/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of NBD servers: worker and guest are this program, provider and connector the real ones, the servers nbdkit
 * and qemu-nbd.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "storage_nbd.h"
#include "vsp/storage/core/in_flight.h"
#include "vsp/storage/nbd_connect.h"

/* ---- A disk like others ---- */

START_TEST(what_the_guest_writes_is_in_the_servers_file)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, _i & 1 };
	struct vstor_request write = read_or_write_10(0x2a, 100, DATA_BYTES / 512);
	struct vstor_request flush = command_6(0x35);
	struct vstor_result result;

	fill(&buffer, 1);
	write.cdb[1] = _i & 2 ? 0x08 : 0; /* FUA */
	result = execute(&write, &buffer);
	assert_good(&result, DATA_BYTES);
	flush.cdb_length = 10;
	result = execute(&flush, &no_buffer);
	assert_good(&result, 0);
	check_on_disk(&buffer, 100 * 512);
	ck_assert_uint_eq(statistic("bounced"), 0);
	ck_assert_uint_eq(statistic("written-bytes"), DATA_BYTES);
}
END_TEST

START_TEST(what_the_guest_reads_is_what_the_server_has)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K + 512, DATA_BYTES, true };
	struct vstor_request read = read_or_write_10(0x28, 33, DATA_BYTES / 512);
	struct vstor_result result = execute(&read, &buffer);

	assert_good(&result, DATA_BYTES);
	check_on_disk(&buffer, 33 * 512);
	ck_assert_uint_eq(statistic("bounced"), 0);
	ck_assert_uint_eq(statistic("bytes"), DISK_BYTES);
}
END_TEST

START_TEST(the_longest_transfer_takes_many_commands)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K + 2048, 1 << 20, true };
	struct vstor_request write = read_or_write_10(0x2a, 1, (1 << 20) / 512);
	struct vstor_result result;

	fill(&buffer, 3);
	result = execute(&write, &buffer);
	assert_good(&result, 1 << 20);
	check_on_disk(&buffer, 512);
}
END_TEST

/* UNMAP and WRITE SAME(16) of zeros: the file has holes. */
START_TEST(what_is_unmapped_or_zeroed_is_gone_from_the_servers_file)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 24, false };
	struct buffer zeros = { DATA_PFN * PAGE_4K, 512, false };
	struct vstor_request unmap = { .cdb_length = 10,
		                       .cdb = { 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0 },
		                       .direction = STORVSC_DATA_OUT,
		                       .transfer_bytes = 24 };
	struct vstor_request same = { .cdb_length = 16,
		                      .cdb = { 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0x20, 0, 0,
		                               0, 0x10, 0, 0, 0 },
		                      .direction = STORVSC_DATA_OUT,
		                      .transfer_bytes = 512 };
	static const uint8_t list[24] = { 0, 22, 0, 16, [14] = 0x10, [18] = 0x08 };
	struct stat before, after;
	struct vstor_result result;
	uint8_t block[512];

	ck_assert_int_eq(fstat(disk_fd, &before), 0);
	memcpy(guest(buffer.gpa), list, sizeof(list)); /* 2048 from 4096 on */
	result = execute(&unmap, &buffer);
	assert_good(&result, 0);
	memset(guest(buffer.gpa), 0, 512);
	result = execute(&same, &zeros); /* 4096 from 8192 on */
	assert_good(&result, 0);
	ck_assert_int_eq(fstat(disk_fd, &after), 0);
	ck_assert_int_eq(before.st_blocks - after.st_blocks, 2048 + 4096);
	ck_assert_int_eq(pread(disk_fd, block, 512, 8192 * 512), 512);
	for (unsigned int i = 0; i < 512; i++)
		ck_assert_uint_eq(block[i], 0);
}
END_TEST

START_TEST(a_server_without_fua_is_asked_to_flush_in_its_place)
{
	unsigned int *flushes = mmap(NULL, PAGE_4K, PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hostile hostile = { .flags = HOSTILE_KNOWS_FLUSH, .flushes = flushes };
	struct buffer buffer = { DATA_PFN * PAGE_4K, 8192, true };
	struct vstor_request write = read_or_write_10(0x2a, 8, 16);
	struct vstor_result result;

	make_folder();
	server = hostile_start(&hostile, socket_path);
	open_disk("");
	result = execute(&write, &buffer);
	assert_good(&result, 8192);
	ck_assert_uint_eq(*flushes, 0);
	write.cdb[1] = 0x08;
	result = execute(&write, &buffer);
	assert_good(&result, 8192);
	ck_assert_uint_eq(*flushes, 1);
	tear_down_hostile();
}
END_TEST

START_TEST(a_limited_disk_does_no_more_than_it_may)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	uint64_t start;

	set_up_file();
	open_disk("\"iops\":100,");
	start = milliseconds();
	for (unsigned int i = 0; i < 30; i++)
		assert_good((const struct vstor_result[]){ execute(&read, &buffer) },
		            4096);
	ck_assert_uint_ge(milliseconds() - start, 150);
	tear_down_disk();
}
END_TEST

START_TEST(a_read_only_export_wants_a_read_only_disk)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request write = read_or_write_10(0x2a, 0, 8);
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;

	make_folder();
	make_disk(DISK_BYTES);
	start_server("exec nbdkit -r --foreground --unix %s file %s", socket_path,
	             disk_path);
	ck_assert(!connect_disk(""));
	ck_assert_ptr_nonnull(strstr(host.packet.message.tail, "',ro'"));
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
	open_disk("\"read-only\":true,");
	result = execute(&write, &buffer);
	assert_sense(&result, 7, 0x27);
	result = execute(&read, &buffer);
	assert_good(&result, 4096);
	tear_down_disk();
}
END_TEST

START_TEST(what_the_server_reports_is_a_medium_error)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_request write = read_or_write_10(0x2a, 0, 8);
	struct vstor_result result;

	make_folder();
	make_disk(DISK_BYTES);
	start_server("exec nbdkit --foreground --unix %s --filter=error file %s "
	             "error-pread-rate=100%% error-pread=EIO error-pwrite-rate=100%% "
	             "error-pwrite=ENOSPC",
	             socket_path, disk_path);
	open_disk("");
	result = execute(&read, &buffer);
	assert_sense(&result, 3, 0x11); /* MEDIUM ERROR, unrecovered read error */
	result = execute(&write, &buffer);
	assert_sense(&result, 7, 0x27); /* DATA PROTECT, space allocation failed */
	tear_down_disk();
}
END_TEST

START_TEST(a_qcow2_image_comes_by_qemu_nbd)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, true };
	struct vstor_request write = read_or_write_10(0x2a, 640, DATA_BYTES / 512);
	struct vstor_request flush = command_6(0x35);
	struct vstor_result result;
	char command[512];

	make_folder();
	make_disk(DISK_BYTES);
	snprintf(command, sizeof(command), "qemu-img convert -q -O qcow2 %s %s/q",
	         disk_path, folder);
	ck_assert_int_eq(system(command), 0);
	start_server("exec qemu-nbd -t -f qcow2 -x disk -k %s %s/q", socket_path, folder);
	open_disk("");
	fill(&buffer, 7);
	result = execute(&write, &buffer);
	assert_good(&result, DATA_BYTES);
	flush.cdb_length = 10;
	result = execute(&flush, &no_buffer);
	assert_good(&result, 0);
	kill_server();
	snprintf(command, sizeof(command),
	         "qemu-img convert -q -n -U -O raw %s/q %s; rm %s/q %s/socket", folder,
	         disk_path, folder, folder);
	ck_assert_int_eq(system(command), 0);
	check_on_disk(&buffer, 640 * 512);
	expect_news("disk-lost", "");
	tear_down_disk();
}
END_TEST

/* ---- Servers that go away ---- */

enum { LOAD = 100, LOAD_BLOCKS = 64 };

static struct buffer load_buffer(unsigned int number)
{
	return (struct buffer){ (DATA_PFN + number * LOAD_BLOCKS / 8) * PAGE_4K,
		                LOAD_BLOCKS * 512, false };
}

static void put_load(unsigned int round)
{
	for (unsigned int i = 0; i < LOAD; i++) {
		struct buffer buffer = load_buffer(i);
		struct vstor_request write =
			read_or_write_10(0x2a, i * LOAD_BLOCKS, LOAD_BLOCKS);

		memset(guest(buffer.gpa), (int)(round * 3 + i + 1), buffer.bytes);
		ck_assert_int_eq(try_put(round * LOAD + i, &write, &buffer), RING_OK);
	}
}

/* Each is answered once, and in the file. */
static void take_load(unsigned int round)
{
	static uint8_t written[LOAD_BLOCKS * 512];
	unsigned int answers[LOAD] = { 0 };

	for (unsigned int got = 0; got < LOAD; got++) {
		struct storvsc_packet answer;
		struct vstor_result result;
		struct buffer buffer;
		uint64_t id;

		answer = receive_answer(&id);
		ck_assert_uint_eq(id / LOAD, round);
		id %= LOAD;
		ck_assert_uint_eq(++answers[id], 1);
		ck_assert(vstor_result_read(&answer, &result));
		assert_good(&result, LOAD_BLOCKS * 512);
		buffer = load_buffer((unsigned int)id);
		ck_assert_int_eq(pread(disk_fd, written, sizeof(written),
		                       (off_t)(id * sizeof(written))),
		                 sizeof(written));
		ck_assert_mem_eq(written, guest(buffer.gpa), sizeof(written));
	}
}

START_TEST(a_server_that_is_killed_and_started_again_loses_nothing)
{
	unsigned int seed = 7;

	for (unsigned int round = 0; round < 8; round++) {
		put_load(round);
		usleep(rand_r(&seed) % 3000);
		kill_server();
		expect_news("disk-lost", "");
		ck_assert_uint_eq(statistic("server"), 0);
		start_file_server();
		expect_news("disk-back", "");
		take_load(round);
	}
}
END_TEST

START_TEST(a_provider_that_is_killed_is_followed_by_one_that_goes_on)
{
	unsigned int seed = 3;

	for (unsigned int round = 0; round < 8; round++) {
		put_load(round);
		usleep(rand_r(&seed) % 3000);
		replace_provider("");
		take_load(round);
	}
}
END_TEST

/* A reply to a request for a connection; its sockets are closed unseen. False: the connector has gone. */
static bool ask_connector(int fd, uint64_t number)
{
	const struct nbd_connect_request request = { .number = number };
	struct nbd_connect_reply reply;

	return write(fd, &request, sizeof(request)) == sizeof(request) &&
	       read(fd, &reply, sizeof(reply)) == sizeof(reply) &&
	       reply.number == number && !reply.failed;
}

/* By it the provider's connections end in good order, which is of no less use when the keeper was killed. */
START_TEST(a_connector_outlives_its_keeper_and_not_its_provider)
{
	int lifeline[2], ends[2];
	struct pollfd gone;
	pid_t keeper;
	char text[256];
	int count;

	ck_assert_int_eq(pipe2(lifeline, O_CLOEXEC), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	keeper = fork();
	if (keeper == 0) {
		const struct vsp_spawn with = { ends[1], STDERR_FILENO, lifeline[1], -1 };

		_exit(vsp_spawn(CONNECTOR, &with, &keeper) == 0 ? pause() : 1);
	}
	close(ends[1]);
	close(lifeline[1]);
	count = snprintf(text, sizeof(text), "%u\n0 nbd+unix:///disk?socket=%s\n",
	                 vsp_user_of(HOST_PARTITION), socket_path);
	ck_assert_int_eq(write(ends[0], text, (size_t)count), count);
	ck_assert(ask_connector(ends[0], 1));
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	ck_assert_int_eq(waitpid(keeper, NULL, 0), keeper);
	ck_assert(ask_connector(ends[0], 2));
	close(ends[0]);
	gone = (struct pollfd){ .fd = lifeline[0] };
	ck_assert_int_eq(poll(&gone, 1, 10000), 1);
	close(lifeline[0]);
}
END_TEST

/* It knows the disk from the one before it, and waits. */
START_TEST(a_provider_that_is_killed_without_its_server_is_followed_too)
{
	put_load(0);
	usleep(500);
	kill_server();
	expect_news("disk-lost", "");
	for (unsigned int i = 0; i < 3; i++)
		replace_provider("");
	start_file_server();
	expect_news("disk-back", "");
	take_load(0);
	ck_assert_uint_eq(statistic("bytes"), DISK_BYTES);
}
END_TEST

START_TEST(after_its_time_a_request_fails_and_later_ones_work)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;
	uint64_t start;

	set_up_file();
	open_disk("\"timeout\":1,");
	kill_server();
	expect_news("disk-lost", "");
	start = milliseconds();
	result = execute(&read, &buffer);
	assert_sense(&result, 4, 0x44); /* HARDWARE ERROR, internal target failure */
	ck_assert_uint_ge(milliseconds() - start, 600);
	ck_assert_uint_le(milliseconds() - start, 4000);
	start = milliseconds();
	result = execute(&read, &buffer); /* as the server is known to be gone */
	assert_sense(&result, 4, 0x44);
	ck_assert_uint_le(milliseconds() - start, 500);
	start_file_server();
	expect_news("disk-back", "");
	result = execute(&read, &buffer);
	assert_good(&result, 4096);
	tear_down_disk();
}
END_TEST

START_TEST(a_server_that_hangs_is_given_up_after_that_time_too)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;

	set_up_file();
	open_disk("\"timeout\":1,");
	stop_server();
	result = execute(&read, &buffer);
	assert_sense(&result, 4, 0x44);
	expect_news("disk-lost", "does not answer");
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	expect_news("disk-back", "");
	result = execute(&read, &buffer);
	assert_good(&result, 4096);
	tear_down_disk();
}
END_TEST

/* The guest's pages are its own again, whatever becomes of the server: with a time of for ever, too. */
START_TEST(a_channel_is_closed_though_its_server_is_gone)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	uint64_t start;

	set_up_file();
	open_disk("\"timeout\":0,");
	if (_i == 0) {
		kill_server();
		expect_news("disk-lost", "");
	} else {
		stop_server();
	}
	ck_assert_int_eq(try_put(1, &read, &buffer), RING_OK);
	usleep(100000);
	start = milliseconds();
	host_send(&host, VSP_CLOSE, channel.id, 0, "");
	(void)host_expect(&host, VSP_CLOSED);
	ck_assert_uint_le(milliseconds() - start, 8000);
	/* That a stopped server does not answer is news that may come when nobody listens: then it ends with 1. */
	ck_assert_int_le(host_stop(&host), _i);
	if (server > 0)
		kill(server, SIGCONT);
	tear_down_file();
}
END_TEST

START_TEST(a_server_that_returns_with_a_smaller_disk_is_not_taken)
{
	struct hostile hostile = { .how = HOSTILE_SHRINKS };
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;

	make_folder();
	server = hostile_start(&hostile, socket_path);
	open_disk("\"timeout\":1,");
	result = execute(&read, &buffer);
	assert_good(&result, 4096);
	replace_provider("\"timeout\":1,");
	result = execute(&read, &buffer);
	assert_sense(&result, 4, 0x44);
	expect_news("disk-lost", "smaller");
	tear_down_hostile();
}
END_TEST

/* What a dead one left is checked: here the worst that its guest can have had it write. */
START_TEST(a_table_of_nonsense_is_survived)
{
	static const uint8_t bytes[] = { 0x01, 0x7f, 0xff };
	uint8_t *table = vsp_sealed_map(host.table, VSP_TABLE_BYTES);

	ck_assert_ptr_nonnull(table);
	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		static const char identity[8] = { (char)0x84, (char)0xf3, 0x19, 0x5b,
			                          0x0c,       0x7d,       0x2a, 0x6e };
		size_t at = offsetof(struct in_flight_table, disks);

		memset(table + at, bytes[i], sizeof(struct in_flight_disk));
		memcpy(table + at, identity, sizeof(identity));
		host_replace(&host, PROVIDER);
		ck_assert(host_configure(&host, configuration("")));
	}
	munmap(table, VSP_TABLE_BYTES);
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	ck_assert_uint_eq(statistic("bytes"), DISK_BYTES);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("storage_nbd");
	TCase *disk = tcase_create("disk");
	TCase *alone = tcase_create("alone");

	tcase_set_timeout(disk, 120);
	tcase_add_checked_fixture(disk, set_up_disk, tear_down_disk);
	tcase_add_loop_test(disk, what_the_guest_writes_is_in_the_servers_file, 0, 4);
	tcase_add_test(disk, what_the_guest_reads_is_what_the_server_has);
	tcase_add_test(disk, the_longest_transfer_takes_many_commands);
	tcase_add_test(disk, what_is_unmapped_or_zeroed_is_gone_from_the_servers_file);
	tcase_add_test(disk, a_server_that_is_killed_and_started_again_loses_nothing);
	tcase_add_test(disk, a_provider_that_is_killed_is_followed_by_one_that_goes_on);
	tcase_add_test(disk, a_connector_outlives_its_keeper_and_not_its_provider);
	tcase_add_test(disk,
	               a_provider_that_is_killed_without_its_server_is_followed_too);
	tcase_add_test(disk, a_table_of_nonsense_is_survived);
	suite_add_tcase(suite, disk);
	tcase_set_timeout(alone, 60);
	tcase_add_test(alone, a_server_without_fua_is_asked_to_flush_in_its_place);
	tcase_add_test(alone, a_limited_disk_does_no_more_than_it_may);
	tcase_add_test(alone, a_read_only_export_wants_a_read_only_disk);
	tcase_add_test(alone, what_the_server_reports_is_a_medium_error);
	tcase_add_test(alone, a_qcow2_image_comes_by_qemu_nbd);
	tcase_add_test(alone, after_its_time_a_request_fails_and_later_ones_work);
	tcase_add_test(alone, a_server_that_hangs_is_given_up_after_that_time_too);
	tcase_add_loop_test(alone, a_channel_is_closed_though_its_server_is_gone, 0, 2);
	tcase_add_test(alone, a_server_that_returns_with_a_smaller_disk_is_not_taken);
	suite_add_tcase(suite, alone);
	return suite;
}

UNIT_MAIN(make_suite)
