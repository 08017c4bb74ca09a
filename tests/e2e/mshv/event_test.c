// SPDX-License-Identifier: GPL-2.0-or-later
/* Ports, message descriptors and eventfds, as far as a child without drivers can show them. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MESSAGE_FDS_MAX 8u
#define SIGNALS         100u

static const uint8_t code_spin[] = { 0xeb, 0xfe };

START_TEST(a_connection_carries_one_eventfd_at_a_time)
{
	int eventfd_a = eventfd(0, EFD_CLOEXEC), eventfd_b = eventfd(0, EFD_CLOEXEC);
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, 5, eventfd_a), 0);
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, 5, eventfd_b), -EEXIST);
	ck_assert_int_eq(mshv_message_fd(&guest.partition, 5), -EEXIST);
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, 5, -1), 0);
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, 5, -1), -ENOENT);
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, 5, eventfd_b), 0);
	close(eventfd_a);
	close(eventfd_b);
	guest_end(&guest);
}
END_TEST

START_TEST(many_connections_are_taken_down_with_their_partition)
{
	int eventfds[SIGNALS];
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (uint32_t i = 0; i < SIGNALS; i++) {
		eventfds[i] = eventfd(0, EFD_CLOEXEC);
		ck_assert_int_eq(
			mshv_signal_eventfd(&guest.partition, 100 + i, eventfds[i]), 0);
	}
	guest_end(&guest);
	for (uint32_t i = 0; i < SIGNALS; i++)
		close(eventfds[i]);
}
END_TEST

START_TEST(message_descriptors_are_bounded_and_hold_their_partition)
{
	struct guest guest;
	struct viridis_info totals;
	int fds[MESSAGE_FDS_MAX];
	uint32_t count = 0;
	struct hv_message message;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (uint32_t i = 0; i < MESSAGE_FDS_MAX; i++) {
		fds[i] = mshv_message_fd(&guest.partition, 1 + i);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_eq(mshv_message_fd(&guest.partition, 100), -ENOSPC);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(read(fds[0], &message, sizeof(message)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(read(fds[0], &message, sizeof(message) - 1), -1);
	ck_assert_int_eq(errno, EINVAL);

	mshv_close_vp(&guest.vp);
	mshv_close_partition(&guest.partition);
	ck_assert_int_eq(mshv_info(guest.device, NULL, &count, &totals), 0);
	ck_assert_uint_eq(count, 1);
	for (uint32_t i = 0; i < MESSAGE_FDS_MAX; i++)
		close(fds[i]);
	guest_end(&guest);
}
END_TEST

START_TEST(an_eventfd_has_one_flag_and_may_be_retargeted)
{
	int fd = eventfd(1, EFD_CLOEXEC);
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_eventfd_retarget(&guest.partition, fd, 0, 2, 3), -ENOENT);
	ck_assert_int_eq(mshv_eventfd_assign(&guest.partition, fd, 0, 2, 3), 0);
	ck_assert_int_eq(mshv_eventfd_assign(&guest.partition, fd, 0, 2, 4), -EEXIST);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	ck_assert_int_eq(mshv_eventfd_retarget(&guest.partition, fd, 0, 2, 2047), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	ck_assert_int_eq(mshv_eventfd_deassign(&guest.partition, fd), 0);
	ck_assert_int_eq(mshv_eventfd_deassign(&guest.partition, fd), -ENOENT);
	ck_assert_int_eq(mshv_eventfd_assign(&guest.partition, fd, 0, 2, 3), 0);
	close(fd);
	guest_end(&guest);
}
END_TEST

START_TEST(a_child_that_listens_to_nothing_takes_no_message)
{
	struct hv_message message = { .type = 1, .payload_size = 4 };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_post_message(&guest.partition, 0, 2, &message), -EAGAIN);
	guest_end(&guest);
}
END_TEST

Suite *mshv_event_suite(void)
{
	Suite *suite = suite_create("event");
	TCase *tcase = tcase_create("event");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_connection_carries_one_eventfd_at_a_time);
	tcase_add_test(tcase, many_connections_are_taken_down_with_their_partition);
	tcase_add_test(tcase, message_descriptors_are_bounded_and_hold_their_partition);
	tcase_add_test(tcase, an_eventfd_has_one_flag_and_may_be_retargeted);
	tcase_add_test(tcase, a_child_that_listens_to_nothing_takes_no_message);
	suite_add_tcase(suite, tcase);
	return suite;
}
