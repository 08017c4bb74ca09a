/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user-mode network that takes nothing any more, and has not ended: when the provider ends for another, and for which
 * that only seem so it does not. NET_STALL_MS is short here.
 */
#include "net_play.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define PERIOD_MS (NET_STALL_MS / 6)
#define FRAME     1000u

static int far;      /* the network's end */
static uint64_t ids; /* of the packets that were put */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A guest that has an adapter, then a socket in the place of its backend. */
static void setup_stream(void)
{
	const int small = 16384;
	char error[128];
	int pair[2];

	setup();
	bring_up();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	far = pair[1];
	ck_assert_int_eq(dup2(pair[0], BACKEND_FD), BACKEND_FD);
	close(pair[0]);
	net.backend =
		(struct net_backend){ .ops = &net_backend_stream, .fd = BACKEND_FD };
	ck_assert(net_backend_stream.open(&net.backend, NULL, error, sizeof(error)));
	ck_assert_int_eq(dup2(net.backend.room_fd, ROOM_FD), ROOM_FD);
	close(net.backend.room_fd);
	net.backend.room_fd = ROOM_FD;
	ck_assert(net_stall_init(&net));
	ids = 100;
}

static void teardown_stream(void)
{
	close(far);
	close(BACKEND_FD);
	close(ROOM_FD);
	close(net.stall.timer);
	free(net.backend.stream);
	teardown();
}

/* What the guest reads is of no interest. */
static void send_frames(unsigned int count)
{
	struct nvsp_message message = nvsp_rndis_packet(
		NVSP_CHANNEL_DATA, 0, write_frame(section(0), FRAME, 3));

	while (count--)
		put(ids++, &message);
	net_channel_pump(&net.queues[0]);
	while (next())
		;
}

/* As the event loop does. */
static void turn(void)
{
	struct pollfd polled[] = { { net.stall.timer, POLLIN, 0 },
		                   { ROOM_FD, POLLIN, 0 },
		                   { BACKEND_FD, POLLIN, 0 } };

	ck_assert_int_ge(poll(polled, 2 + (watched != NULL), 5), 0);
	if (polled[0].revents & POLLIN)
		watched_timer(NULL, net.stall.timer, &net);
	if (polled[1].revents && watched_room)
		watched_room(NULL, ROOM_FD, &net);
	if (polled[2].revents && watched)
		watched(NULL, BACKEND_FD, &net);
	while (next())
		;
}

static void run(unsigned int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end && !ended)
		turn();
}

static void take(size_t bytes)
{
	static char waste[1 << 20];

	ck_assert_int_gt(recv(far, waste, bytes, 0), 0);
}

static bool timer_runs(void)
{
	struct itimerspec left;

	ck_assert_int_eq(timerfd_gettime(net.stall.timer, &left), 0);
	return left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
}

/* One small frame is enough, and so are more than the socket takes. */
START_TEST(a_network_that_takes_nothing_is_given_up_after_the_time_and_not_before)
{
	int64_t since = now_ms();

	send_frames(_i == 0 ? 1 : 30);
	ck_assert_int_eq(net.backend.unsent_bytes != 0, _i);
	run(NET_STALL_MS * 5);
	ck_assert(ended);
	ck_assert_int_ge(now_ms() - since, NET_STALL_MS);
	ck_assert_int_lt(now_ms() - since, 3 * NET_STALL_MS);
	ck_assert(!net.link_up);
	ck_assert_ptr_null(watched);
	ck_assert(!timer_runs());
}
END_TEST

/* Frames that are sent to it meanwhile, as a guest does that asks again, are no sign of life. */
START_TEST(asking_again_and_again_does_not_put_it_off)
{
	int64_t since = now_ms();

	while (!ended && now_ms() - since < 5 * NET_STALL_MS) {
		send_frames(1);
		run(PERIOD_MS / 3);
	}
	ck_assert(ended);
	ck_assert_int_lt(now_ms() - since, 3 * NET_STALL_MS);
}
END_TEST

/* It never catches up with the guest. */
START_TEST(a_network_that_is_slow_is_left_alone)
{
	int64_t since = now_ms();

	send_frames(30);
	while (now_ms() - since < 4 * NET_STALL_MS) {
		ck_assert_uint_ne(net.backend.ops->unread(&net.backend), 0);
		take(4 + FRAME);
		send_frames(1);
		run(PERIOD_MS * 4 / 5);
		ck_assert(!ended);
	}
}
END_TEST

START_TEST(a_network_that_took_some_has_all_the_time_again)
{
	int64_t since;

	send_frames(2);
	run(NET_STALL_MS);
	take(4 + FRAME);
	since = now_ms();
	run(NET_STALL_MS * 5);
	ck_assert(ended);
	ck_assert_int_ge(now_ms() - since, NET_STALL_MS - PERIOD_MS);
}
END_TEST

START_TEST(a_network_that_took_all_is_not_looked_at)
{
	ck_assert(!timer_runs());
	send_frames(3);
	ck_assert(timer_runs());
	run(NET_STALL_MS / 2);
	take(1 << 20);
	run(PERIOD_MS * 2);
	ck_assert(!timer_runs());
	send_frames(1);
	ck_assert(timer_runs());
	ck_assert(!ended);
}
END_TEST

/* Frames for the guest come, though it takes none. */
START_TEST(a_network_that_sends_lives)
{
	static const uint8_t frame[4 + 60] = { 0, 0, 0, 60, 2, 1 };
	int64_t since = now_ms();

	send_frames(1);
	while (now_ms() - since < 2 * NET_STALL_MS) {
		ck_assert_int_eq(send(far, frame, sizeof(frame), 0), sizeof(frame));
		run(PERIOD_MS * 4 / 5);
		ck_assert(!ended);
	}
	ck_assert_uint_ge(net.counts.filtered, 10);
}
END_TEST

/* It may be waiting for us to read. */
START_TEST(while_the_guest_takes_no_frames_nobody_is_given_up)
{
	const uint32_t all = 0xb, none = 0;
	int64_t since;

	set_object(OID_GEN_CURRENT_PACKET_FILTER, &none, sizeof(none));
	ck_assert_ptr_null(watched);
	send_frames(1);
	run(2 * NET_STALL_MS);
	ck_assert(!ended);
	set_object(OID_GEN_CURRENT_PACKET_FILTER, &all, sizeof(all));
	ck_assert_ptr_nonnull(watched);
	since = now_ms();
	run(NET_STALL_MS * 5);
	ck_assert(ended);
	ck_assert_int_ge(now_ms() - since, NET_STALL_MS - 2 * PERIOD_MS);
}
END_TEST

static Suite *net_stall_suite(void)
{
	Suite *suite = suite_create("net_stall");
	TCase *tc = tcase_create("net_stall");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup_stream, teardown_stream);
	tcase_add_loop_test(
		tc,
		a_network_that_takes_nothing_is_given_up_after_the_time_and_not_before, 0,
		2);
	tcase_add_test(tc, asking_again_and_again_does_not_put_it_off);
	tcase_add_test(tc, a_network_that_is_slow_is_left_alone);
	tcase_add_test(tc, a_network_that_took_some_has_all_the_time_again);
	tcase_add_test(tc, a_network_that_took_all_is_not_looked_at);
	tcase_add_test(tc, a_network_that_sends_lives);
	tcase_add_test(tc, while_the_guest_takes_no_frames_nobody_is_given_up);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_stall_suite)
