/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Utility packets from server to client and back; hostile ones. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/ic.h"
#include "tests/unit/unit.h"

static uint8_t packet[IC_PACKET_BYTES_MAX];
static struct ic_message message;
static struct ic_agreement ours, theirs;

/* Server and client agree on the newest of both lists. */
static void negotiate(const struct ic_versions *server, const struct ic_versions *client)
{
	uint32_t bytes = ic_encode_negotiate(packet, server, 1);

	ck_assert(ic_answer_negotiate(packet, bytes, client, &theirs));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_agreement(&message, server, &ours));
	ck_assert_mem_eq(&ours, &theirs, sizeof(ours));
}

START_TEST(both_ends_choose_the_newest_versions)
{
	negotiate(&ic_shutdown_versions, &ic_shutdown_versions);
	ck_assert_uint_eq(ours.framework.major, 3);
	ck_assert_uint_eq(ours.message.major, 3);
	ck_assert_uint_eq(ours.message.minor, 2);
}
END_TEST

START_TEST(an_old_client_gets_what_it_knows)
{
	static const struct ic_version one[] = { { 1, 0 } };
	static const struct ic_versions old = {
		.framework = one,
		.framework_count = 1,
		.message = one,
		.message_count = 1,
	};

	negotiate(&ic_timesync_versions, &old);
	ck_assert_uint_eq(ours.framework.major, 1);
	ck_assert_uint_eq(ours.message.major, 1);
}
END_TEST

START_TEST(no_version_in_common_is_said_so)
{
	static const struct ic_version nine[] = { { 9, 9 } };
	static const struct ic_versions strange = {
		.framework = nine,
		.framework_count = 1,
		.message = nine,
		.message_count = 1,
	};
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	ck_assert(!ic_answer_negotiate(packet, bytes, &strange, &theirs));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(!ic_decode_agreement(&message, &ic_heartbeat_versions, &ours));
}
END_TEST

START_TEST(a_choice_that_was_not_on_the_list_is_refused)
{
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	ck_assert(ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
	packet[IC_HEADERS_BYTES + sizeof(struct ic_negotiate)] = 77;
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(!ic_decode_agreement(&message, &ic_heartbeat_versions, &ours));
}
END_TEST

START_TEST(version_counts_beyond_the_packet_are_refused)
{
	static const uint16_t counts[] = { 3, 100, 101, 0xffff };
	struct ic_negotiate lie = { .framework_count = counts[_i],
		                    .message_count = counts[_i] };
	uint32_t bytes = ic_encode_negotiate(packet, &ic_heartbeat_versions, 1);

	memcpy(packet + IC_HEADERS_BYTES, &lie, sizeof(lie));
	ck_assert(!ic_answer_negotiate(packet, bytes, &ic_heartbeat_versions, &theirs));
}
END_TEST

START_TEST(a_heartbeat_comes_back_one_higher)
{
	uint64_t sequence;
	uint32_t bytes;

	negotiate(&ic_heartbeat_versions, &ic_heartbeat_versions);
	bytes = ic_encode_heartbeat(packet, &ours, 9, 0xffffffff);
	ck_assert(ic_answer_heartbeat(packet, bytes));
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_HEARTBEAT));
	ck_assert_uint_eq(message.header.transaction_id, 9);
	ck_assert_uint_eq(message.header.status, IC_STATUS_OK);
	ck_assert(ic_decode_heartbeat(&message, &sequence));
	ck_assert_uint_eq(sequence, UINT64_C(0x100000000));
}
END_TEST

START_TEST(a_shutdown_has_its_full_length)
{
	static char text[3000];
	uint32_t flags, timeout, bytes;

	memset(text, 'x', sizeof(text) - 1);
	negotiate(&ic_shutdown_versions, &ic_shutdown_versions);
	bytes = ic_encode_shutdown(packet, &ours, 2, IC_SHUTDOWN_RESTART, 30, text);
	ck_assert_uint_eq(bytes, 28 + 2060);
	ck_assert_uint_eq(packet[bytes - 1], 0);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_shutdown(&message, &flags, &timeout));
	ck_assert_uint_eq(flags, IC_SHUTDOWN_RESTART);
	ck_assert_uint_eq(timeout, 30);
	ck_assert(!ic_is_answer(&message, IC_SHUTDOWN));
	ic_answer(packet, IC_STATUS_FAIL);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_is_answer(&message, IC_SHUTDOWN));
	ck_assert_uint_eq(message.header.status, IC_STATUS_FAIL);
}
END_TEST

START_TEST(the_time_goes_in_the_layout_of_the_version)
{
	static const uint16_t majors[] = { 1, 3, 4 };
	static const uint32_t lengths[] = { 25, 25, 22 };
	const struct ic_agreement agreed = { .message = { majors[_i], 0 } };
	uint32_t bytes =
		ic_encode_timesync(packet, &agreed, 3, IC_TIMESYNC_SYNC, 1234567, 89);
	uint64_t time;
	uint8_t flags;

	ck_assert_uint_eq(bytes, 28 + lengths[_i]);
	ck_assert(ic_decode(&message, packet, bytes));
	ck_assert(ic_decode_timesync(&message, &agreed, &flags, &time));
	ck_assert_uint_eq(flags, IC_TIMESYNC_SYNC);
	ck_assert_uint_eq(time, 1234567);
}
END_TEST

START_TEST(a_cut_packet_is_refused_at_every_length)
{
	uint32_t bytes;

	negotiate(&ic_heartbeat_versions, &ic_heartbeat_versions);
	bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	for (uint32_t cut = 0; cut < bytes; cut++)
		ck_assert(!ic_decode(&message, packet, cut));
}
END_TEST

START_TEST(lengths_that_do_not_fit_together_are_refused)
{
	uint32_t bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	uint32_t inner = sizeof(struct ic_header);

	memcpy(packet + 4, &inner, sizeof(inner)); /* shorter than header and body */
	ck_assert(!ic_decode(&message, packet, bytes));
	bytes = ic_encode_heartbeat(packet, &ours, 9, 1);
	packet[0] = 2; /* not data */
	ck_assert(!ic_decode(&message, packet, bytes));
}
END_TEST

static Suite *ic_suite(void)
{
	Suite *suite = suite_create("ic");
	TCase *tc = tcase_create("ic");

	tcase_add_test(tc, both_ends_choose_the_newest_versions);
	tcase_add_test(tc, an_old_client_gets_what_it_knows);
	tcase_add_test(tc, no_version_in_common_is_said_so);
	tcase_add_test(tc, a_choice_that_was_not_on_the_list_is_refused);
	tcase_add_loop_test(tc, version_counts_beyond_the_packet_are_refused, 0, 4);
	tcase_add_test(tc, a_heartbeat_comes_back_one_higher);
	tcase_add_test(tc, a_shutdown_has_its_full_length);
	tcase_add_loop_test(tc, the_time_goes_in_the_layout_of_the_version, 0, 3);
	tcase_add_test(tc, a_cut_packet_is_refused_at_every_length);
	tcase_add_test(tc, lengths_that_do_not_fit_together_are_refused);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(ic_suite)
