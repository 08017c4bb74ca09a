/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis-storage killed at any moment, and another process in its place: worker and guest are this program. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "storage_guest.h"

enum { KILLS = 25, KILL_REQUESTS = 120, KILL_BLOCKS = 64 };

static const char *configuration(bool read_only)
{
	static char json[512];

	snprintf(json, sizeof(json),
	         "{\"vm\":\"test\",\"channels\":[{\"id\":%u,\"class\":\"scsi\"}],"
	         "\"disks\":[{\"path\":\"%s\",\"read-only\":%s," DISK_NAMES "}]}",
	         CHANNEL, disk_path, read_only ? "true" : "false");
	return json;
}

static uint64_t begun_again; /* requests that the process before had taken */

/* At any moment, whatever it was doing; another takes its place. */
static void replace_provider(void)
{
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, configuration(false)));
	host_resume(&channel);
	begun_again += statistic("again");
}

static struct buffer kill_buffer(unsigned int number)
{
	return (struct buffer){ (DATA_PFN + number * KILL_BLOCKS / 8) * PAGE_4K,
		                KILL_BLOCKS * 512, false };
}

/* Two writes to each read. */
static bool reads(unsigned int number)
{
	return number % 3 == 2;
}

static void put_all(unsigned int round)
{
	for (unsigned int i = 0; i < KILL_REQUESTS; i++)
		memset(byte_of(&(struct buffer){ kill_buffer(i).gpa, 1, false }, 0),
		       (int)(reads(i) ? 0 : round + i + 1), KILL_BLOCKS * 512);
	for (unsigned int i = 0; i < KILL_REQUESTS; i++) {
		struct buffer buffer = kill_buffer(i);
		struct vstor_request request = read_or_write_10(
			reads(i) ? 0x28 : 0x2a, i * KILL_BLOCKS, KILL_BLOCKS);

		ck_assert_int_eq(try_put(round * KILL_REQUESTS + i, &request, &buffer),
		                 RING_OK);
	}
}

static void check_place(unsigned int round, unsigned int number)
{
	uint8_t block[KILL_BLOCKS * 512];
	struct buffer buffer = kill_buffer(number);

	ck_assert_int_eq(pread(disk_fd, block, sizeof(block),
	                       (off_t)(number * sizeof(block))),
	                 sizeof(block));
	ck_assert_mem_eq(block, guest(buffer.gpa), sizeof(block));
	if (!reads(number))
		ck_assert_uint_eq(block[0], (uint8_t)(round + number + 1));
}

static void take_all(unsigned int round)
{
	unsigned int answers[KILL_REQUESTS] = { 0 };

	for (unsigned int got = 0; got < KILL_REQUESTS; got++) {
		struct storvsc_packet answer;
		struct vstor_result result;
		uint64_t id;

		answer = receive_answer(&id);
		ck_assert_uint_eq(id / KILL_REQUESTS, round);
		id %= KILL_REQUESTS;
		ck_assert_uint_eq(++answers[id], 1);
		ck_assert(vstor_result_read(&answer, &result));
		assert_good(&result, KILL_BLOCKS * 512);
		check_place(round, (unsigned int)id);
	}
	ck_assert(!host_poll(&channel, &(struct ring_received){ 0 }));
}

/* Each request is answered once, and what was asked for is done, whoever did it. */
START_TEST(a_provider_killed_at_any_moment_is_followed_by_one_that_goes_on)
{
	unsigned int seed = 1;

	for (unsigned int round = 0; round < KILLS; round++) {
		put_all(round);
		usleep(rand_r(&seed) % 300);
		replace_provider();
		take_all(round);
	}
	ck_assert_uint_ge(begun_again, KILLS);
}
END_TEST

/* Each step of the driver's initialisation is answered by whoever lives then, and means what it meant. */
START_TEST(an_initialisation_goes_on_though_its_provider_dies)
{
	struct vstor_request ready = command_6(0x00);
	struct storvsc_packet steps[4], answer;
	struct vstor_result result;
	uint64_t id;

	vstor_command(STORVSC_BEGIN_INITIALIZATION, &steps[0]);
	vstor_query_version(STORVSC_VERSION_6_2, &steps[1]);
	vstor_command(STORVSC_QUERY_PROPERTIES, &steps[2]);
	vstor_command(STORVSC_END_INITIALIZATION, &steps[3]);
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 4; i++) {
			put_init(&steps[i]);
			usleep(40 * round * (i + 1));
			replace_provider();
			answer = receive_answer(&id);
			ck_assert_uint_eq(id, INIT_ID);
			ck_assert_msg(vstor_succeeded(&answer), "round %u step %u", round,
			              i);
		}
		result = execute(&ready, &no_buffer);
		assert_good(&result, 0);
	}
}
END_TEST

#define SUB_CHANNEL 9u
#define SUB_PFN     200u

/* A read on whichever channel, which is asked for there and answered there. */
static void read_on(struct host_channel *on, uint64_t id)
{
	struct buffer buffer = { DATA_PFN * PAGE_4K, 4096, false };
	struct vstor_request read = read_or_write_10(0x28, 16, 8);
	struct host_channel first = channel;
	struct storvsc_packet answer;
	struct vstor_result result;
	uint64_t answered;

	channel = *on;
	memset(guest(buffer.gpa), 0, 4096);
	ck_assert_int_eq(try_put(id, &read, &buffer), RING_OK);
	answer = receive_answer(&answered);
	*on = channel;
	if (on != &channel)
		channel = first;
	ck_assert_uint_eq(answered, id);
	ck_assert(vstor_result_read(&answer, &result));
	assert_good(&result, 4096);
	assert_on_disk(&buffer, 16 * 512);
}

START_TEST(sub_channels_serve_the_same_disks_and_outlive_their_process)
{
	static struct host_channel sub;
	struct storvsc_packet create, answer;
	uint64_t id;

	vstor_create_sub_channels(2, &create);
	put_init(&create);
	ck_assert_uint_eq(host_expect(&host, VSP_OFFER)->number, 2);
	host_send(&host, VSP_OFFERED, CHANNEL, 2, "");
	answer = receive_answer(&id);
	ck_assert(vstor_succeeded(&answer));
	host_open_sub(&host, &sub, SUB_CHANNEL, 1, SUB_PFN, SMALL_PAGES);
	read_on(&channel, 1);
	read_on(&sub, 2);
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, configuration(false)));
	if (_i == 0)
		host_resume(&channel);
	host_resume(&sub); /* it may come first */
	if (_i == 1)
		host_resume(&channel);
	read_on(&sub, 3);
	read_on(&channel, 4);
	host_close(&sub);
	read_on(&channel, 5);
	vstor_create_sub_channels(8, &create); /* one too many */
	put_init(&create);
	answer = receive_answer(&id);
	ck_assert(!vstor_succeeded(&answer));
}
END_TEST

/* What a dead one left is checked: here the worst that its guest can have had it write. */
START_TEST(a_table_of_nonsense_is_survived)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x7f, 0xff };
	uint8_t *table = vsp_sealed_map(host.table, VSP_TABLE_BYTES);

	ck_assert_ptr_nonnull(table);
	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		memset(table + 8, bytes[i],
		       VSP_TABLE_BYTES - 8); /* behind the mark that it is one */
		host_replace(&host, PROVIDER);
		ck_assert(host_configure(&host, configuration(false)));
		if (host_try_resume(&channel))
			usleep(10000);
		ck_assert_uint_gt(statistic("requests") + 1, 0); /* it lives */
	}
	memset(table, 0, VSP_TABLE_BYTES);
	munmap(table, VSP_TABLE_BYTES);
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, configuration(false)));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
}
END_TEST

static uint64_t memory_blocks(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(host.memory.fd, &status), 0);
	return (uint64_t)status.st_blocks;
}

/* By a balloon, before the provider comes again: nobody has those pages, and it makes no new ones. A little may be gone. */
START_TEST(memory_that_is_gone_from_the_file_is_not_made_anew)
{
	const uint64_t gone = _i ? HOST_RAM_BYTES / 2 : PAGE_4K;
	struct buffer row = { DATA_PFN * PAGE_4K, DATA_BYTES, false };
	struct vstor_request read = read_or_write_10(0x28, 33, DATA_BYTES / 512);
	struct vstor_result result;
	uint64_t before;

	ck_assert_int_eq(fallocate(host.memory.fd,
	                           FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                           (off_t)(HOST_RAM_BYTES / 2), (off_t)gone),
	                 0);
	before = memory_blocks();
	replace_provider();
	if (_i)
		ck_assert_uint_eq(memory_blocks(), before);
	result = execute(&read, &row);
	assert_good(&result, DATA_BYTES);
	if (geteuid() == 0) /* else RLIMIT_MEMLOCK is in the way */
		ck_assert_uint_eq(statistic("held"), !_i);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("storage_restart");
	TCase *tcase = tcase_create("dying");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase,
	               a_provider_killed_at_any_moment_is_followed_by_one_that_goes_on);
	tcase_add_test(tcase, an_initialisation_goes_on_though_its_provider_dies);
	tcase_add_loop_test(
		tcase, sub_channels_serve_the_same_disks_and_outlive_their_process, 0, 2);
	tcase_add_test(tcase, a_table_of_nonsense_is_survived);
	tcase_add_loop_test(tcase, memory_that_is_gone_from_the_file_is_not_made_anew, 0,
	                    2);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
