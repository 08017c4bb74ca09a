/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The provider's loop, with a waiter that the test plays: what is told of, and when signals go out. */
#include "unit.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "root-partition/libmshv/mshv.h"
#include "vsp/lib/loop.h"

#define WAITER   77 /* no descriptor */
#define CHANNELS 3u

static struct vsp_loop loop;

/* The waiter's side. */
static struct viridis_watch watches[VIRIDIS_WATCHES_MAX]; /* fd -1: none */
static uint32_t news[8];    /* what each wait answers; then the loop is stopped */
static uint32_t signals[8]; /* what each was told to signal */
static unsigned int answers, waits;
static bool has_waiter;
static int refused_fd;

/* The provider's. */
static struct channel {
	int in, out;
	unsigned int calls;
	bool answers;          /* signals its child when it is called */
	bool stops;            /* the loop */
	struct channel *ends;  /* another, whose watch it ends */
	struct channel *wakes; /* another, whose child it signals */
} channels[CHANNELS];

int mshv_watch(int waiter, const struct viridis_watch *watch)
{
	struct viridis_watch *slot = &watches[watch->number];

	if (!has_waiter || waiter != WAITER)
		return -EBADF;
	ck_assert_uint_lt(watch->number, VIRIDIS_WATCHES_MAX);
	if (watch->fd == refused_fd)
		return -EPERM;
	ck_assert_msg((slot->fd == -1) != (watch->fd == -1), "number %u is %s",
	              watch->number, slot->fd == -1 ? "free" : "taken");
	*slot = *watch;
	return 0;
}

int mshv_wait(int waiter, uint32_t which)
{
	ck_assert_int_eq(waiter, WAITER);
	ck_assert_uint_lt(waits, ARRAY_COUNT(signals));
	signals[waits++] = which;
	if (waits > answers) {
		vsp_loop_stop(&loop);
		return -EINTR;
	}
	return (int)news[waits - 1];
}

static void ready(struct vsp *vsp, int fd, void *context)
{
	struct channel *channel = context;

	(void)vsp;
	ck_assert_int_eq(fd, channel->in);
	channel->calls++;
	if (channel->answers)
		vsp_loop_signal(&loop, fd, channel->out);
	if (channel->wakes)
		vsp_loop_signal(&loop, channel->wakes->in, channel->wakes->out);
	if (channel->ends)
		vsp_loop_unwatch(&loop, channel->ends->in);
	if (channel->stops)
		vsp_loop_stop(&loop);
}

static void start(bool waiter)
{
	has_waiter = waiter;
	refused_fd = -2;
	answers = waits = 0;
	for (unsigned int i = 0; i < VIRIDIS_WATCHES_MAX; i++)
		watches[i].fd = -1;
	ck_assert(vsp_loop_init(&loop, NULL, WAITER));
	for (unsigned int i = 0; i < CHANNELS; i++)
		channels[i] = (struct channel){ .in = eventfd(0, EFD_NONBLOCK),
			                        .out = eventfd(0, EFD_NONBLOCK) };
}

static void end(void)
{
	for (unsigned int i = 0; i < CHANNELS; i++) {
		close(channels[i].in);
		close(channels[i].out);
	}
	close(loop.epoll_fd);
}

static void with_waiter(void)
{
	start(true);
}

static void add(struct channel *channel)
{
	ck_assert(
		vsp_loop_watch_channel(&loop, channel->in, channel->out, ready, channel));
}

/* The waiter's bit for the descriptor. */
static uint32_t bit_of(int fd)
{
	for (unsigned int i = 0; i < VIRIDIS_WATCHES_MAX; i++)
		if (watches[i].fd == fd)
			return BIT32(i);
	return 0;
}

/* The answers of the waiter, one wait each. */
static void run(const uint32_t *told, unsigned int count)
{
	for (answers = 0; answers < count; answers++)
		news[answers] = told[answers];
	vsp_loop_run(&loop);
}

static uint64_t written(int fd)
{
	uint64_t count = 0;

	(void)!read(fd, &count, sizeof(count)); /* EAGAIN: it was not */
	return count;
}

START_TEST(a_signal_goes_out_by_the_call_that_waits)
{
	add(&channels[0]);
	channels[0].answers = true;
	ck_assert_int_eq(watches[lowest_bit32(bit_of(channels[0].in))].signal,
	                 channels[0].out);
	ck_assert_uint_eq(watches[lowest_bit32(bit_of(channels[0].in))].flags,
	                  VIRIDIS_WATCH_EDGES);
	run((uint32_t[]){ bit_of(channels[0].in) }, 1);
	ck_assert_uint_eq(channels[0].calls, 1);
	ck_assert_uint_eq(signals[0], 0);
	ck_assert_uint_eq(signals[1], bit_of(channels[0].in));
	ck_assert_uint_eq(written(channels[0].out), 0);
}
END_TEST

START_TEST(a_signal_does_not_wait_for_another_callback)
{
	for (unsigned int i = 0; i < CHANNELS; i++) {
		add(&channels[i]);
		channels[i].answers = true;
	}
	run((uint32_t[]){ bit_of(channels[0].in) | bit_of(channels[1].in) }, 1);
	ck_assert_uint_eq(channels[0].calls, 1);
	ck_assert_uint_eq(channels[1].calls, 1);
	ck_assert_uint_eq(channels[2].calls, 0);
	ck_assert_uint_eq(written(channels[0].out), 1);
	ck_assert_uint_eq(written(channels[1].out), 0);
	ck_assert_uint_eq(signals[1], bit_of(channels[1].in));
}
END_TEST

START_TEST(what_the_waiter_refuses_is_waited_for_by_epoll)
{
	uint64_t one = 1;

	refused_fd = channels[0].in;
	add(&channels[0]);
	channels[0].answers = true;
	ck_assert_uint_eq(bit_of(channels[0].in), 0);
	ck_assert_uint_eq(bit_of(loop.epoll_fd), BIT32(VSP_LOOP_EPOLL));
	ck_assert_int_eq(write(channels[0].in, &one, sizeof(one)), sizeof(one));
	run((uint32_t[]){ BIT32(VSP_LOOP_EPOLL) }, 1);
	ck_assert_uint_eq(channels[0].calls, 1);
	ck_assert_uint_eq(written(channels[0].out), 1);
	vsp_loop_unwatch(&loop, channels[0].in);
	waits = 0;
	loop.stop = false;
	run((uint32_t[]){ BIT32(VSP_LOOP_EPOLL) }, 1);
	ck_assert_uint_eq(channels[0].calls, 1);
}
END_TEST

START_TEST(without_a_waiter_all_goes_by_epoll)
{
	uint64_t one = 1;

	add(&channels[0]);
	channels[0].answers = channels[0].stops = true;
	ck_assert_int_eq(write(channels[0].in, &one, sizeof(one)), sizeof(one));
	vsp_loop_run(&loop);
	ck_assert_uint_eq(waits, 0);
	ck_assert_uint_eq(channels[0].calls, 1);
	ck_assert_uint_eq(written(channels[0].out), 1);
}
END_TEST

/* As many as there may be, and all of them are told of. */
START_TEST(more_than_the_waiter_takes_are_waited_for)
{
	int fds[VSP_LOOP_WATCHES];
	uint64_t one = 1;

	for (unsigned int i = 0; i < VSP_LOOP_WATCHES; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		channels[0].in = fds[i];
		ck_assert(vsp_loop_watch(&loop, fds[i], ready, &channels[0]));
	}
	ck_assert(!vsp_loop_watch(&loop, channels[1].in, ready, &channels[1]));
	for (unsigned int i = 0; i < VIRIDIS_WATCHES_MAX; i++) {
		ck_assert_int_ne(watches[i].fd, -1);
		ck_assert_uint_eq(watches[i].flags, 0);
	}
	ck_assert_int_eq(write(fds[VSP_LOOP_WATCHES - 1], &one, sizeof(one)),
	                 sizeof(one));
	run((uint32_t[]){ BIT32(VSP_LOOP_EPOLL) }, 1);
	ck_assert_uint_eq(channels[0].calls, 1);
	for (unsigned int i = 0; i < VSP_LOOP_WATCHES; i++)
		close(fds[i]);
}
END_TEST

/* News of it may have been told already. */
START_TEST(one_that_ends_in_its_turn_is_not_called)
{
	uint32_t both;

	add(&channels[0]);
	add(&channels[1]);
	both = bit_of(channels[0].in) | bit_of(channels[1].in);
	channels[0].ends = &channels[1];
	run((uint32_t[]){ both, both }, 2);
	ck_assert_uint_eq(channels[0].calls, 2);
	ck_assert_uint_eq(channels[1].calls, 0);
	ck_assert_uint_eq(bit_of(channels[1].in), 0);
	add(&channels[2]); /* its number is free again */
	ck_assert_uint_eq(bit_of(channels[0].in) | bit_of(channels[2].in), both);
}
END_TEST

/* Its guest may wait for it, whatever became of who served it before. */
START_TEST(a_channel_that_is_not_watched_yet_is_signalled)
{
	add(&channels[0]);
	channels[0].wakes = &channels[1];
	run((uint32_t[]){ bit_of(channels[0].in) }, 1);
	ck_assert_uint_eq(written(channels[1].out), 1);
	ck_assert_uint_eq(signals[1], 0);
}
END_TEST

START_TEST(a_signal_goes_out_before_its_channel_ends)
{
	add(&channels[0]);
	channels[0].answers = true;
	channels[0].ends = &channels[0];
	run((uint32_t[]){ bit_of(channels[0].in) }, 1);
	ck_assert_uint_eq(written(channels[0].out), 1);
	ck_assert_uint_eq(signals[1], 0);
}
END_TEST

START_TEST(a_signal_goes_out_before_the_loop_ends)
{
	add(&channels[0]);
	channels[0].answers = channels[0].stops = true;
	run((uint32_t[]){ bit_of(channels[0].in) }, 1);
	ck_assert_uint_eq(waits, 1);
	ck_assert_uint_eq(written(channels[0].out), 1);
}
END_TEST

static void without_waiter(void)
{
	start(false);
}

static Suite *vsp_loop_suite(void)
{
	Suite *suite = suite_create("vsp_loop");
	TCase *waiter = tcase_create("waiter");
	TCase *epoll = tcase_create("epoll");

	tcase_add_checked_fixture(waiter, with_waiter, end);
	tcase_add_checked_fixture(epoll, without_waiter, end);
	tcase_add_test(waiter, a_signal_goes_out_by_the_call_that_waits);
	tcase_add_test(waiter, a_signal_does_not_wait_for_another_callback);
	tcase_add_test(waiter, what_the_waiter_refuses_is_waited_for_by_epoll);
	tcase_add_test(waiter, more_than_the_waiter_takes_are_waited_for);
	tcase_add_test(waiter, one_that_ends_in_its_turn_is_not_called);
	tcase_add_test(waiter, a_channel_that_is_not_watched_yet_is_signalled);
	tcase_add_test(waiter, a_signal_goes_out_before_its_channel_ends);
	tcase_add_test(waiter, a_signal_goes_out_before_the_loop_ends);
	tcase_add_test(epoll, without_a_waiter_all_goes_by_epoll);
	suite_add_tcase(suite, waiter);
	suite_add_tcase(suite, epoll);
	return suite;
}

UNIT_MAIN(vsp_loop_suite)
