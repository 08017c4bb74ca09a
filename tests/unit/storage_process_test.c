/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The storage provider as a process: a worker and a guest in this program, the real
 * viridis-storage at the other end, a disk in a temporary file.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage_guest.h"

/* ---- The tests ---- */

START_TEST(what_the_guest_writes_is_in_the_file)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, true };
	struct vstor_request write = read_or_write_10(0x2a, 100, DATA_BYTES / 512);
	struct vstor_request flush = command_6(0x35);
	struct vstor_result result;

	fill(&buffer, 1);
	result = execute(&write, &buffer);
	assert_good(&result, DATA_BYTES);
	flush.cdb_length = 10;
	result = execute(&flush, &no_buffer);
	assert_good(&result, 0);
	assert_on_disk(&buffer, 100 * 512);
	ck_assert_uint_eq(statistic("bounced"), 0);
	ck_assert_uint_eq(statistic("written-bytes"), DATA_BYTES);
	ck_assert_uint_eq(statistic("flushes"), 1);
}
END_TEST

START_TEST(a_read_lands_in_the_guests_scattered_pages)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K + 512, DATA_BYTES, true };
	struct vstor_request read = read_or_write_10(0x28, 33, DATA_BYTES / 512);
	struct vstor_result result = execute(&read, &buffer);

	assert_good(&result, DATA_BYTES);
	for (uint32_t i = 0; i < DATA_BYTES; i++)
		ck_assert_uint_eq(*byte_of(&buffer, i), pattern(33 * 512 + i));
	ck_assert_uint_eq(statistic("bounced"), 0);
	ck_assert_uint_eq(statistic("read-bytes"), DATA_BYTES);
}
END_TEST

/* Without privilege the kernel holds no more than RLIMIT_MEMLOCK allows. */
static uint64_t held_if_privileged(uint64_t count)
{
	return geteuid() == 0 ? count : statistic("held");
}

/*
 * The kernel holds the guest's pages from the beginning: one operation names all that lie in a row, and none is looked for.
 * From Linux 6.15 on that is so for those that lie anywhere.
 */
START_TEST(pages_that_are_held_are_not_looked_for)
{
	struct buffer row = { DATA_PFN * PAGE_4K + 512, DATA_BYTES, false };
	struct buffer scattered = { DATA_PFN * PAGE_4K, DATA_BYTES, true };
	struct vstor_request write = read_or_write_10(0x2a, 7, DATA_BYTES / 512);
	struct vstor_request read = read_or_write_10(0x28, 33, DATA_BYTES / 512);
	struct vstor_result result;

	fill(&row, 3);
	result = execute(&write, &row);
	assert_good(&result, DATA_BYTES);
	assert_on_disk(&row, 7 * 512);
	ck_assert_uint_eq(statistic("held"), held_if_privileged(1));
	result = execute(&read, &row);
	assert_good(&result, DATA_BYTES);
	assert_on_disk(&row, 33 * 512);
	ck_assert_uint_eq(statistic("held"), held_if_privileged(2));
	result = execute(&read, &scattered);
	assert_good(&result, DATA_BYTES);
	assert_on_disk(&scattered, 33 * 512);
	ck_assert_uint_eq(statistic("held"),
	                  held_if_privileged(kernel_takes_lists() ? 3 : 2));
}
END_TEST

/*
 * A balloon of QEMU's takes pages out of the file, and the guest has those that the module holds all the same. A pipe holds
 * one here. I/O goes where the guest looks.
 */
START_TEST(a_page_that_is_gone_from_the_file_is_still_the_guests)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, PAGE_4K, false };
	struct vstor_request request = read_or_write_10(0x28, 33, PAGE_4K / 512);
	uint8_t *at = guest(buffer.gpa);
	struct iovec page = { at, PAGE_4K };
	struct vstor_result result;
	uint8_t seen[PAGE_4K];
	int pipe_ends[2];

	if (geteuid() != 0)
		return;
	at[0] = 1;
	ck_assert_int_eq(pipe(pipe_ends), 0);
	ck_assert_int_eq(vmsplice(pipe_ends[1], &page, 1, 0), PAGE_4K);
	ck_assert_int_eq(fallocate(host.memory.fd,
	                           FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                           at - host.memory.base, PAGE_4K),
	                 0);
	result = execute(&request, &buffer);
	assert_good(&result, PAGE_4K);
	ck_assert_uint_eq(at[0], 0); /* another page, which no guest has */
	ck_assert_int_eq(read(pipe_ends[0], seen, PAGE_4K), PAGE_4K);
	for (uint32_t i = 0; i < PAGE_4K; i++)
		ck_assert_uint_eq(seen[i], pattern(33 * 512 + i));
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

/* With relatime, too, a read is noted where the last one is older than what was written. */
START_TEST(a_guests_read_is_no_access_to_the_file)
{
	const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, false };
	struct vstor_request read = read_or_write_10(0x28, 33, DATA_BYTES / 512);
	struct vstor_result result;
	struct stat status;

	ck_assert_int_eq(futimens(disk_fd, times), 0);
	result = execute(&read, &buffer);
	assert_good(&result, DATA_BYTES);
	ck_assert_int_eq(fstat(disk_fd, &status), 0);
	ck_assert_int_eq(status.st_atim.tv_sec, 1);
}
END_TEST

START_TEST(the_longest_transfer_from_the_middle_of_a_page_works)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K + 2048, 1 << 20, true };
	struct vstor_request read = read_or_write_10(0x28, 1, (1 << 20) / 512);
	struct vstor_result result = execute(&read, &buffer);

	assert_good(&result, 1 << 20);
	ck_assert_uint_eq(*byte_of(&buffer, (1 << 20) - 1), pattern(511 + (1 << 20)));
}
END_TEST

START_TEST(memory_that_direct_io_cannot_take_is_copied_and_counted)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K + 8, 8192, false };
	struct vstor_request write = read_or_write_10(0x2a, 4, 16);
	struct vstor_request read = read_or_write_10(0x28, 4, 16);
	struct vstor_result result;

	fill(&buffer, 2);
	result = execute(&write, &buffer);
	assert_good(&result, 8192);
	assert_on_disk(&buffer, 4 * 512);
	result = execute(&read, &buffer);
	assert_good(&result, 8192);
	assert_on_disk(&buffer, 4 * 512);
	ck_assert_uint_eq(statistic("bounced"), 2 * statistic("direct"));
}
END_TEST

START_TEST(a_full_ring_of_requests_is_answered_once_each)
{
	enum { REQUESTS = 1000 };
	static unsigned int answers[REQUESTS];
	unsigned int put = 0, got = 0;

	while (got < REQUESTS) {
		struct buffer buffer = { DATA_PFN * PAGE_4K + (put % 512) * PAGE_4K, 4096,
			                 false };
		struct vstor_request read = read_or_write_10(0x28, 8 * (put % 1024), 8);
		struct storvsc_packet answer;
		struct vstor_result result;
		uint64_t id;

		if (put < REQUESTS && try_put(put, &read, &buffer) == RING_OK) {
			put++;
			continue;
		}
		answer = receive_answer(&id);
		ck_assert_uint_lt(id, put);
		ck_assert(vstor_result_read(&answer, &result));
		assert_good(&result, 4096);
		answers[id]++;
		got++;
	}
	for (unsigned int i = 0; i < REQUESTS; i++)
		ck_assert_uint_eq(answers[i], 1);
}
END_TEST

START_TEST(answers_wait_until_the_guest_makes_room)
{
	enum { REQUESTS = 100 }; /* 46 answers fill a ring of one page */
	struct vstor_request ready = command_6(0x00);
	unsigned int put = 0, got = 0;
	uint64_t id;

	host_close(&channel);
	host_open(&host, &channel, CHANNEL, RING_PFN, SMALL_PAGES);
	initialize();
	while (put < REQUESTS) {
		if (try_put(put, &ready, &no_buffer) == RING_OK)
			put++;
		else
			usleep(1000); /* the provider takes them, and keeps the answers */
	}
	for (; got < REQUESTS; got++) {
		(void)receive_answer(&id);
		ck_assert_uint_eq(id, got);
	}
}
END_TEST

START_TEST(an_absent_disk_says_so_in_its_inquiry_data)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 36, false };
	struct vstor_request inquiry = {
		.lun = 3,
		.cdb_length = 6,
		.cdb = { 0x12, 0, 0, 0, 36, 0 },
		.direction = STORVSC_DATA_IN,
		.transfer_bytes = 36,
	};
	struct vstor_request ready = command_6(0x00);
	struct vstor_result result = execute(&inquiry, &buffer);

	assert_good(&result, 36);
	ck_assert_uint_eq(*byte_of(&buffer, 0), 0x7f);
	ready.lun = 3;
	result = execute(&ready, &no_buffer);
	ck_assert_uint_eq(result.srb_status, STORVSC_SRB_INVALID_LUN);
}
END_TEST

START_TEST(pages_that_are_no_ram_are_refused)
{
	static const uint64_t evil[] = { HOST_RAM_BYTES, UINT64_C(1) << 63,
		                         UINT64_C(0xc0000000) };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct ring_gpa_range range = { .bytes = 4096, .page_count = 1 };
	uint64_t pfn = evil[_i] / PAGE_4K;
	struct storvsc_packet packet, answer;
	bool signal = false;
	uint64_t id;

	range.pfns = &pfn;
	vstor_execute(&read, &packet);
	ck_assert_int_eq(ring_put_gpa_direct(&channel.out, 6, &range, &packet,
	                                     sizeof(packet), &signal),
	                 RING_OK);
	if (signal)
		host_signal(&channel);
	answer = receive_answer(&id);
	ck_assert_uint_eq(id, 6);
	ck_assert(!vstor_succeeded(&answer));
	ck_assert_uint_eq(statistic("rejected"), 1);
}
END_TEST

START_TEST(a_hostile_write_index_kills_the_channel_and_not_the_provider)
{
	struct vstor_request ready = command_6(0x00);
	struct vstor_result result;

	channel.upstream.control->write_index = 0xfffffff0;
	host_signal(&channel);
	ck_assert_uint_eq(host_expect(&host, VSP_LOG)->number, VSP_LOG_ERROR);
	host_close(&channel);
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	result = execute(&ready, &no_buffer);
	assert_good(&result, 0);
}
END_TEST

START_TEST(a_reset_behind_many_reads_is_answered_last)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct storvsc_packet reset;
	unsigned int before = 0;
	uint64_t id = 0;

	for (unsigned int i = 0; i < 64; i++)
		ck_assert_int_eq(try_put(i, &read, &buffer), RING_OK);
	vstor_command(STORVSC_RESET_BUS, &reset);
	put_init(&reset);
	for (; id != INIT_ID; before++)
		(void)receive_answer(&id);
	ck_assert_uint_eq(before, 65);
}
END_TEST

START_TEST(unmapped_blocks_leave_the_file_and_read_as_zeros)
{
	struct buffer list = { DATA_PFN * PAGE_4K, 24, false };
	struct buffer data = { (DATA_PFN + 1) * PAGE_4K, 4096, false };
	struct vstor_request unmap = {
		.cdb_length = 10,
		.cdb = { 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0 },
		.direction = STORVSC_DATA_OUT,
		.transfer_bytes = 24,
	};
	static const uint8_t parameters[24] = { 0, 22, 0, 16, 0, 0, 0,    0, 0, 0, 0, 0,
		                                0, 0,  0, 64, 0, 0, 0x10, 0, 0, 0, 0, 0 };
	struct vstor_request read = read_or_write_10(0x28, 64, 8);
	struct stat before, after;
	struct vstor_result result;

	ck_assert_int_eq(fstat(disk_fd, &before), 0);
	memcpy(guest(list.gpa), parameters, sizeof(parameters));
	result = execute(&unmap, &list);
	assert_good(&result, 0);
	ck_assert_int_eq(fstat(disk_fd, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size);
	ck_assert_int_lt(after.st_blocks, before.st_blocks);
	fill(&data, 3);
	result = execute(&read, &data);
	assert_good(&result, 4096);
	for (uint32_t i = 0; i < 4096; i++)
		ck_assert_uint_eq(*byte_of(&data, i), 0);
}
END_TEST

START_TEST(a_file_cut_short_under_the_guest_is_a_read_error)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 8192, false };
	struct vstor_request read = read_or_write_10(0x28, 8, 16);
	struct vstor_result result;

	ck_assert_int_eq(ftruncate(disk_fd, 8192), 0);
	result = execute(&read, &buffer); /* the first half is there */
	assert_sense(&result, 3, 0x11);
	ck_assert_uint_eq(statistic("errors"), 1);
}
END_TEST

/* It is there until the process lets go; for the next one it is not. */
START_TEST(a_file_that_is_removed_is_the_guests_still)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 8192, false };
	struct vstor_request write = read_or_write_10(0x2a, 8, 16);
	struct vstor_request flush = command_6(0x35);
	struct vstor_request read = read_or_write_10(0x28, 8, 16);
	struct vstor_result result;
	struct host second;

	ck_assert_int_eq(unlink(disk_path), 0);
	fill(&buffer, 5);
	result = execute(&write, &buffer);
	assert_good(&result, 8192);
	flush.cdb_length = 10;
	result = execute(&flush, &no_buffer);
	assert_good(&result, 0);
	assert_on_disk(&buffer, 4096);
	fill(&buffer, 6);
	result = execute(&read, &buffer);
	assert_good(&result, 8192);
	assert_on_disk(&buffer, 4096);
	ck_assert(!configure(&second, false));
	ck_assert_ptr_nonnull(strstr(second.packet.message.tail, disk_path));
	ck_assert_ptr_nonnull(strstr(second.packet.message.tail, "No such file"));
	ck_assert_int_eq(host_stop(&second), EXIT_FAILURE);
}
END_TEST

static uint32_t last_block(void)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 8, false };
	struct vstor_request capacity = {
		.cdb_length = 10,
		.cdb = { 0x25 },
		.direction = STORVSC_DATA_IN,
		.transfer_bytes = 8,
	};
	struct vstor_result result = execute(&capacity, &buffer);
	uint32_t value = 0;

	assert_good(&result, 8);
	for (uint32_t i = 0; i < 4; i++)
		value = value << 8 | *byte_of(&buffer, i);
	return value;
}

static unsigned int order_resize(void)
{
	const char *text;
	unsigned int grown;

	host_send(&host, VSP_COMMAND, 0, 9, "{\"command\":\"resize\"}");
	text = host_expect(&host, VSP_EVENT)->tail;
	ck_assert_int_eq(sscanf(text, "{\"ok\":true,\"grown\":%u}", &grown), 1);
	return grown;
}

START_TEST(a_disk_that_grows_is_shown_to_the_guest)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request ready = command_6(0);
	struct vstor_request behind = read_or_write_10(0x28, DISK_BYTES / 512, 8);
	struct ring_received received;
	struct storvsc_packet packet;
	struct vstor_result result;

	ck_assert_uint_eq(order_resize(), 0);
	result = execute(&ready, &no_buffer);
	assert_good(&result, 0);
	ck_assert_int_eq(ftruncate(disk_fd, DISK_BYTES + 4096 + 100), 0);
	ck_assert_uint_eq(order_resize(), 1);
	host_receive(&channel, &received);
	ck_assert_uint_eq(received.type, VMBUS_PACKET_INBAND);
	ck_assert_uint_eq(received.transaction_id, 0);
	ck_assert(vstor_packet_read(&packet, received.payload, received.payload_bytes));
	ck_assert_uint_eq(packet.operation, STORVSC_ENUMERATE_BUS);
	result = execute(&ready, &no_buffer);
	assert_sense(&result, 6, 0x2a);
	ck_assert_uint_eq(result.sense[13], 0x09);
	result = execute(&ready, &no_buffer);
	assert_good(&result, 0);
	ck_assert_uint_eq(last_block(), DISK_BYTES / 512 + 7);
	result = execute(&behind, &buffer);
	assert_good(&result, 4096);
}
END_TEST

START_TEST(a_rescan_sees_a_disk_that_has_grown_and_none_becomes_smaller)
{
	struct vstor_request ready = command_6(0);
	struct vstor_result result;

	ck_assert_int_eq(ftruncate(disk_fd, 2 * DISK_BYTES), 0);
	ck_assert_uint_eq(last_block(), 2 * DISK_BYTES / 512 - 1);
	ck_assert_int_eq(ftruncate(disk_fd, DISK_BYTES), 0);
	ck_assert_uint_eq(last_block(), 2 * DISK_BYTES / 512 - 1);
	ck_assert_uint_eq(order_resize(), 0);
	result = execute(&ready, &no_buffer);
	assert_good(&result, 0);
}
END_TEST

START_TEST(a_disk_in_use_is_refused_to_others)
{
	struct host second;

	ck_assert(!configure(&second, _i == 0));
	ck_assert_ptr_nonnull(strstr(second.packet.message.tail, disk_path));
	ck_assert_ptr_nonnull(strstr(second.packet.message.tail, "another process"));
	ck_assert_int_eq(host_stop(&second), EXIT_FAILURE);
}
END_TEST

/* Like the I/O in flight of a provider that was killed, which ends after it. */
START_TEST(a_claim_that_ends_soon_is_waited_for)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	pid_t holder;

	make_disk(DISK_BYTES);
	ck_assert_int_eq(fcntl(disk_fd, F_OFD_SETLK, &whole), 0);
	holder = fork();
	ck_assert_int_ge(holder, 0);
	if (holder == 0) {
		usleep(300000);
		_exit(0);
	}
	close(disk_fd); /* the child's copy holds the lock on */
	ck_assert(configure(&host, false));
	ck_assert_int_eq(waitpid(holder, NULL, 0), holder);
	ck_assert_int_eq(host_stop(&host), EXIT_SUCCESS);
	unlink(disk_path);
}
END_TEST

/* In a name space of the test's own, which goes with it. False: not permitted here. */
static bool small_file_system(const char *at)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("small", at, "tmpfs", 0, "size=1M") == 0;
}

/* The disk is longer than what holds it: writes fail, nothing else does. */
START_TEST(a_full_file_system_is_an_error_of_the_write_alone)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, false };
	struct vstor_request read = read_or_write_10(0x28, 0, DATA_BYTES / 512);
	struct vstor_result result;
	unsigned int written = 0;

	if (!small_file_system("/mnt"))
		return;
	snprintf(disk_path, sizeof(disk_path), "/mnt/full-XXXXXX");
	make_disk(0);
	ck_assert_int_eq(ftruncate(disk_fd, DISK_BYTES), 0);
	ck_assert(configure(&host, false));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	fill(&buffer, 3);
	for (;;) {
		struct vstor_request write = read_or_write_10(
			0x2a, written * (DATA_BYTES / 512), DATA_BYTES / 512);

		result = execute(&write, &buffer);
		if (result.srb_status != STORVSC_SRB_SUCCESS)
			break;
		ck_assert_uint_lt(++written, DISK_BYTES / DATA_BYTES);
	}
	ck_assert_uint_ge(written, 8);
	assert_sense(&result, 7, 0x27); /* DATA PROTECT, space allocation failed */
	result = execute(&read, &buffer);
	assert_good(&result, DATA_BYTES);
	tear_down();
}
END_TEST

START_TEST(an_unknown_order_is_answered)
{
	host_send(&host, VSP_COMMAND, 0, 4, _i == 0 ? "{\"command\":\"dance\"}" : "[");
	ck_assert_uint_eq(host_expect(&host, VSP_EVENT)->number, 4);
	ck_assert_ptr_nonnull(strstr(host.packet.message.tail, "error"));
}
END_TEST

START_TEST(a_read_only_disk_is_shared_and_refuses_writes)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request write = read_or_write_10(0x2a, 0, 8);
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	struct vstor_result result;
	struct host second;

	make_disk(DISK_BYTES);
	ck_assert(configure(&host, true));
	ck_assert(configure(&second, true));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	result = execute(&write, &buffer);
	assert_sense(&result, 7, 0x27);
	result = execute(&read, &buffer);
	assert_good(&result, 4096);
	ck_assert_int_eq(host_stop(&second), 0);
	tear_down();
}
END_TEST

START_TEST(a_disk_that_is_none_is_refused_by_name)
{
	static const char *const configurations[] = {
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/nowhere/disk.img\"," DISK_NAMES
		"}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/tmp\"," DISK_NAMES "}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/dev/null\"," DISK_NAMES "}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":7," DISK_NAMES "}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/x\",\"lun\":0}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/x\",\"lun\":64,\"id\":\"" ID
		"\"}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/x\",\"lun\":-1,\"id\":\"" ID
		"\"}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/x\",\"lun\":0,\"id\":\"x\"}]}",
		"{\"vm\":\"t\",\"disks\":[{\"path\":\"/x\"," DISK_NAMES "},"
		"{\"path\":\"/y\"," DISK_NAMES "}]}",
		"{\"vm\":\"t\",\"disks\":[{}]}",
		"{\"vm\":\"t\"}",
		"{\"disks\":[]}",
		"{\"vm\":\"t\",\"disks\":[],\"vm\":\"u\"}",
		"[]",
		"{",
		"",
	};

	host_start(&host, PROVIDER);
	ck_assert(!host_configure(&host, configurations[_i]));
	ck_assert_uint_gt(host.packet.message.count, 10);
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
}
END_TEST

START_TEST(a_size_that_is_no_multiple_of_512_is_refused)
{
	make_disk(_i == 0 ? 1000 : 0);
	ck_assert(!configure(&host, false));
	ck_assert_ptr_nonnull(strstr(host.packet.message.tail, "multiple of 512"));
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
	remove_disk();
}
END_TEST

/* ---- Options of a disk ---- */

static bool configure_with(const char *options)
{
	char json[640];

	snprintf(json, sizeof(json),
	         "{\"vm\":\"test\",\"channels\":[{\"id\":%u,\"class\":\"scsi\"}],"
	         "\"disks\":[{\"path\":\"%s\",%s," DISK_NAMES "}]}",
	         CHANNEL, disk_path, options);
	host_start(&host, PROVIDER);
	return host_configure(&host, json);
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *const limits[] = { "\"iops\":100", "\"bps\":\"400K\"" };

/* 60 requests of 4 KiB: a tenth of a second's worth at once, the others in their time. */
START_TEST(a_limited_disk_does_no_more_than_it_may)
{
	enum { REQUESTS = 60 };
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 0, 8);
	uint64_t start;

	make_disk(DISK_BYTES);
	ck_assert(configure_with(limits[_i]));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	start = milliseconds();
	for (unsigned int i = 0; i < REQUESTS; i++)
		ck_assert_int_eq(try_put(i, &read, &buffer), RING_OK);
	for (unsigned int i = 0; i < REQUESTS; i++) {
		uint64_t id;

		(void)receive_answer(&id);
		ck_assert_uint_eq(id, i); /* in their order */
	}
	ck_assert_uint_ge(milliseconds() - start, 10 * (REQUESTS - 12));
	ck_assert_uint_ge(statistic("delayed"), REQUESTS - 12);
	tear_down();
}
END_TEST

/* Who waits for the end of what was begun does not wait for the limits. */
START_TEST(a_limited_disk_can_be_closed_at_once)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, DATA_BYTES, false };
	struct vstor_request read = read_or_write_10(0x28, 0, DATA_BYTES / 512);
	uint64_t start = milliseconds();

	make_disk(DISK_BYTES);
	ck_assert(configure_with("\"iops\":1"));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	for (unsigned int i = 0; i < 3; i++)
		initialize();
	for (unsigned int i = 0; i < 30; i++)
		ck_assert_int_eq(try_put(i, &read, &buffer), RING_OK);
	tear_down();
	ck_assert_uint_lt(milliseconds() - start, 15000);
}
END_TEST

START_TEST(a_disk_that_writes_through_has_no_cache_to_flush)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 24, false };
	struct vstor_request sense = { .cdb_length = 6,
		                       .cdb = { 0x1a, 8, 8, 0, 24, 0 },
		                       .direction = STORVSC_DATA_IN,
		                       .transfer_bytes = 24 };
	static const struct {
		const char *options;
		uint8_t write_cache;
	} caches[] = { { "\"cache\":\"direct\"", 4 },
		       { "\"cache\":\"host\"", 4 },
		       { "\"cache\":\"through\"", 0 } };
	struct vstor_result result;

	make_disk(DISK_BYTES);
	ck_assert(configure_with(caches[_i].options));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	result = execute(&sense, &buffer);
	assert_good(&result, 24);
	ck_assert_uint_eq(*byte_of(&buffer, 6), caches[_i].write_cache);
	if (_i > 0)
		ck_assert_uint_eq(statistic("direct"), 0);
	tear_down();
}
END_TEST

START_TEST(a_serial_number_is_what_it_shall_be)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 64, false };
	struct vstor_request inquiry = { .cdb_length = 6,
		                         .cdb = { 0x12, 1, 0x80, 0, 64, 0 },
		                         .direction = STORVSC_DATA_IN,
		                         .transfer_bytes = 64 };
	struct vstor_result result;

	make_disk(DISK_BYTES);
	ck_assert(configure_with("\"serial\":\"data-1\""));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
	result = execute(&inquiry, &buffer);
	assert_good(&result, 4 + 6);
	ck_assert_mem_eq(byte_of(&buffer, 4), "data-1", 6);
	inquiry.cdb[2] = 0x83;
	result = execute(&inquiry, &buffer);
	assert_good(&result, 4 + 4 + 8 + 6 + 4 + 8);
	ck_assert_uint_eq(*byte_of(&buffer, 7), 8 + 6);
	ck_assert_mem_eq(byte_of(&buffer, 8), "Viridis data-1", 14);
	ck_assert_uint_eq(*byte_of(&buffer, 4 + 4 + 8 + 6 + 3), 8);
	tear_down();
}
END_TEST

static const char *const bad_options[] = {
	"\"serial\":\"\"",
	"\"serial\":\"12345678901234567\"",
	"\"serial\":\"a b\"",
	"\"serial\":7",
	"\"cache\":\"much\"",
	"\"cache\":true",
	"\"iops\":-1",
	"\"iops\":\"many\"",
	"\"iops\":99999999999",
	"\"bps\":1",
	"\"bps\":\"10X\"",
	"\"bps\":\"10MM\"",
	"\"bps\":\"99999999999G\"",
};

START_TEST(an_option_that_makes_no_sense_is_refused)
{
	make_disk(DISK_BYTES);
	ck_assert(!configure_with(bad_options[_i]));
	ck_assert_ptr_nonnull(strstr(host.packet.message.tail, "must be"));
	ck_assert_int_eq(host_stop(&host), 1);
	remove_disk();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("storage_process");
	TCase *serving = tcase_create("serving");
	TCase *starting = tcase_create("starting");

	tcase_set_timeout(serving, 60);
	tcase_set_timeout(starting, 60);
	tcase_add_checked_fixture(serving, set_up, tear_down);
	tcase_add_test(serving, what_the_guest_writes_is_in_the_file);
	tcase_add_test(serving, a_read_lands_in_the_guests_scattered_pages);
	tcase_add_test(serving, pages_that_are_held_are_not_looked_for);
	tcase_add_test(serving, a_guests_read_is_no_access_to_the_file);
	tcase_add_test(serving, a_page_that_is_gone_from_the_file_is_still_the_guests);
	tcase_add_test(serving, the_longest_transfer_from_the_middle_of_a_page_works);
	tcase_add_test(serving, memory_that_direct_io_cannot_take_is_copied_and_counted);
	tcase_add_test(serving, a_full_ring_of_requests_is_answered_once_each);
	tcase_add_test(serving, answers_wait_until_the_guest_makes_room);
	tcase_add_test(serving, an_absent_disk_says_so_in_its_inquiry_data);
	tcase_add_loop_test(serving, pages_that_are_no_ram_are_refused, 0, 3);
	tcase_add_test(serving,
	               a_hostile_write_index_kills_the_channel_and_not_the_provider);
	tcase_add_test(serving, a_reset_behind_many_reads_is_answered_last);
	tcase_add_test(serving, unmapped_blocks_leave_the_file_and_read_as_zeros);
	tcase_add_test(serving, a_file_cut_short_under_the_guest_is_a_read_error);
	tcase_add_test(serving, a_file_that_is_removed_is_the_guests_still);
	tcase_add_test(serving, a_disk_that_grows_is_shown_to_the_guest);
	tcase_add_test(serving,
	               a_rescan_sees_a_disk_that_has_grown_and_none_becomes_smaller);
	tcase_add_loop_test(serving, a_disk_in_use_is_refused_to_others, 0, 2);
	tcase_add_loop_test(serving, an_unknown_order_is_answered, 0, 2);
	tcase_add_test(starting, a_claim_that_ends_soon_is_waited_for);
	tcase_add_test(starting, a_full_file_system_is_an_error_of_the_write_alone);
	tcase_add_test(starting, a_read_only_disk_is_shared_and_refuses_writes);
	tcase_add_loop_test(starting, a_disk_that_is_none_is_refused_by_name, 0, 16);
	tcase_add_loop_test(starting, a_size_that_is_no_multiple_of_512_is_refused, 0, 2);
	tcase_add_loop_test(starting, a_limited_disk_does_no_more_than_it_may, 0, 2);
	tcase_add_test(starting, a_limited_disk_can_be_closed_at_once);
	tcase_add_loop_test(starting, a_disk_that_writes_through_has_no_cache_to_flush, 0,
	                    3);
	tcase_add_test(starting, a_serial_number_is_what_it_shall_be);
	tcase_add_loop_test(starting, an_option_that_makes_no_sense_is_refused, 0,
	                    sizeof(bad_options) / sizeof(bad_options[0]));
	suite_add_tcase(suite, serving);
	suite_add_tcase(suite, starting);
	return suite;
}

UNIT_MAIN(make_suite)
