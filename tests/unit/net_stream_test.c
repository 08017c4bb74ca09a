/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backend of user-mode networks over a socket: frames that come in parts of any size, that are too long or of no
 * length, far ends that take nothing for a while, and those that go.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vsp/net/backend.h"
#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"

#define SEND_BYTES 4096

static struct net_backend backend;
static int far; /* the network's end */
static struct net_header header;
static uint8_t first[100], second[2000];
static const struct iovec memory[] = { { &header, sizeof(header) },
	                               { first, sizeof(first) },
	                               { second, sizeof(second) } };

static void setup(void)
{
	char error[128];
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	far = ends[1];
	backend = (struct net_backend){ .ops = &net_backend_stream, .fd = ends[0] };
	ck_assert(backend.ops->open(&backend, NULL, error, sizeof(error)));
	ck_assert(!backend.capabilities.checksums);
	memset(first, 0xee, sizeof(first));
	memset(second, 0xee, sizeof(second));
}

static void teardown(void)
{
	close(far);
	close(backend.fd);
	close(backend.room_fd);
	free(backend.stream);
}

static uint8_t content(uint32_t frame, uint32_t at)
{
	return (uint8_t)(frame * 31 + at * 7 + at / 256);
}

static uint32_t make(uint8_t *out, uint32_t frame, uint32_t bytes)
{
	const uint8_t length[] = { (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16),
		                   (uint8_t)(bytes >> 8), (uint8_t)bytes };

	memcpy(out, length, sizeof(length));
	for (uint32_t i = 0; i < bytes; i++)
		out[sizeof(length) + i] = content(frame, i);
	return bytes + (uint32_t)sizeof(length);
}

static ssize_t receive(void)
{
	return backend.ops->receive(&backend, memory, 3);
}

static void is_frame(ssize_t got, uint32_t frame, uint32_t bytes)
{
	ck_assert_int_eq(got, (ssize_t)(sizeof(header) + bytes));
	for (uint32_t i = 0; i < bytes; i++)
		ck_assert_uint_eq(i < sizeof(first) ? first[i] :
		                                      second[i - sizeof(first)],
		                  content(frame, i));
	ck_assert_uint_eq(header.flags, 0);
}

static bool readable(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

static void give(const void *data, size_t bytes)
{
	ck_assert_int_eq(send(far, data, bytes, 0), (ssize_t)bytes);
}

/* Three frames of different sizes, in pieces of any one size. */
START_TEST(frames_in_parts_come_whole)
{
	static const uint32_t sizes[] = { 60, 1514, 2100 };
	uint32_t part = (uint32_t)_i;
	uint8_t stream[4000];
	uint32_t bytes = 0, seen = 0;

	for (uint32_t i = 0; i < 3; i++)
		bytes += make(stream + bytes, i, sizes[i]);
	for (uint32_t at = 0; at < bytes; at += part) {
		give(stream + at, bytes - at < part ? bytes - at : part);
		for (;;) {
			ssize_t got = receive();

			if (got < 0)
				break;
			is_frame(got, seen, sizes[seen]);
			seen++;
		}
		ck_assert_int_eq(errno, EAGAIN);
	}
	ck_assert_uint_eq(seen, 3);
}
END_TEST

START_TEST(the_descriptor_is_readable_while_there_is_a_frame)
{
	uint8_t stream[512];
	uint32_t bytes = make(stream, 0, 60);

	bytes += make(stream + bytes, 1, 61);
	give(stream, bytes);
	is_frame(receive(), 0, 60);
	ck_assert(readable(backend.fd));
	is_frame(receive(), 1, 61);
	ck_assert(!readable(backend.fd));
}
END_TEST

START_TEST(a_frame_for_which_there_is_no_room_is_cut_and_the_next_is_whole)
{
	static uint8_t stream[8192];
	uint32_t bytes = make(stream, 0, 5000);

	bytes += make(stream + bytes, 1, 64);
	give(stream, bytes);
	is_frame(receive(), 0, sizeof(first) + sizeof(second));
	is_frame(receive(), 1, 64);
}
END_TEST

START_TEST(a_length_that_cannot_be_ends_it)
{
	static const uint32_t lengths[] = { 0, NET_FRAME_BYTES_MAX + 1, 0x80000000,
		                            0xffffffff };
	uint32_t length = lengths[_i];
	const uint8_t head[] = { (uint8_t)(length >> 24),
		                 (uint8_t)(length >> 16),
		                 (uint8_t)(length >> 8),
		                 (uint8_t)length,
		                 1,
		                 2,
		                 3 };

	give(head, sizeof(head));
	ck_assert_int_eq(receive(), -1);
	ck_assert_int_eq(errno, EPROTO);
}
END_TEST
#define LENGTHS_COUNT 4

START_TEST(a_far_end_that_goes_is_an_error_each_way)
{
	static const uint8_t frame[60];
	const struct iovec out[] = { { &header, sizeof(header) },
		                     { (void *)frame, sizeof(frame) } };

	close(far);
	ck_assert_int_eq(receive(), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_int_eq(backend.ops->send(&backend, out, 2), -1);
	ck_assert_int_eq(errno, EPIPE);
	far = dup(backend.fd); /* for teardown */
}
END_TEST

static ssize_t send_frame(uint32_t frame, uint32_t bytes)
{
	static uint8_t stream[4 + NET_FRAME_BYTES_MAX];
	const struct iovec out[] = { { &header, sizeof(header) },
		                     { stream + 4, 10 },
		                     { stream + 14, bytes - 10 } };

	make(stream, frame, bytes);
	return backend.ops->send(&backend, out, 3);
}

static uint32_t drain(uint8_t *into, uint32_t room)
{
	uint32_t bytes = 0;
	ssize_t got;

	while ((got = recv(far, into + bytes, room - bytes, 0)) > 0)
		bytes += (uint32_t)got;
	return bytes;
}

/* What went, went in order and whole, however little the far end takes at a time. */
START_TEST(a_far_end_that_takes_nothing_for_a_while_gets_all_in_order)
{
	static uint8_t got[1 << 20], expected[1 << 20];
	const int small = SEND_BYTES;
	uint32_t bytes = 0, frames = 0, taken = 0;

	ck_assert_int_eq(
		setsockopt(backend.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	while (backend.unsent_bytes == 0) {
		ck_assert_int_ge(send_frame(frames, 3000), 0);
		bytes += make(expected + bytes, frames++, 3000);
	}
	ck_assert(!readable(backend.room_fd));
	for (; send_frame(frames, 40000) >= 0; frames++)
		bytes += make(expected + bytes, frames, 40000);
	ck_assert_int_eq(errno, ENOBUFS);
	for (int i = 0; backend.unsent_bytes != 0 && i < 1000; i++) {
		taken += drain(got + taken, sizeof(got) - taken);
		ck_assert(readable(backend.room_fd));
		ck_assert(backend.ops->flush(&backend));
	}
	ck_assert_uint_eq(backend.unsent_bytes, 0);
	ck_assert_int_ge(send_frame(frames, 60), 0);
	bytes += make(expected + bytes, frames, 60);
	taken += drain(got + taken, sizeof(got) - taken);
	ck_assert_uint_eq(taken, bytes);
	ck_assert_mem_eq(got, expected, bytes);
}
END_TEST

/* A socket that keeps what each call gave apart, so that it shows where the kernel may divide it. */
START_TEST(each_call_gives_whole_frames)
{
	static uint8_t got[1 << 16];
	const int small = 16384;
	uint32_t frames = 0, seen = 0;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(dup2(ends[0], backend.fd), backend.fd);
	ck_assert_int_eq(dup2(ends[1], far), far);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(
		setsockopt(backend.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (; frames < 40; frames++)
		ck_assert_int_ge(send_frame(frames, 60 + frames * 37), 0);
	ck_assert_uint_ne(backend.unsent_bytes, 0);
	while (seen < frames) {
		uint32_t bytes = 60 + seen * 37;

		ck_assert_int_eq(recv(far, got, sizeof(got), 0), (ssize_t)bytes + 4);
		ck_assert_uint_eq(got[4 + 17], content(seen, 17));
		seen++;
		ck_assert(backend.ops->flush(&backend));
	}
	ck_assert_uint_eq(backend.unsent_bytes, 0);
	ck_assert_int_eq(recv(far, got, sizeof(got), 0), -1);
}
END_TEST

START_TEST(what_is_left_for_a_far_end_that_goes_is_forgotten)
{
	while (backend.unsent_bytes == 0)
		ck_assert_int_ge(send_frame(0, 60000), 0);
	close(far);
	ck_assert(!backend.ops->flush(&backend));
	ck_assert_uint_eq(backend.unsent_bytes, 0);
	far = dup(backend.fd); /* for teardown */
}
END_TEST

static Suite *net_stream_suite(void)
{
	Suite *suite = suite_create("net_stream");
	TCase *tc = tcase_create("net_stream");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, frames_in_parts_come_whole, 1, 9);
	tcase_add_loop_test(tc, frames_in_parts_come_whole, 61, 67);
	tcase_add_loop_test(tc, frames_in_parts_come_whole, 1515, 1522);
	tcase_add_test(tc, the_descriptor_is_readable_while_there_is_a_frame);
	tcase_add_test(tc,
	               a_frame_for_which_there_is_no_room_is_cut_and_the_next_is_whole);
	tcase_add_loop_test(tc, a_length_that_cannot_be_ends_it, 0, LENGTHS_COUNT);
	tcase_add_test(tc, a_far_end_that_goes_is_an_error_each_way);
	tcase_add_test(tc, a_far_end_that_takes_nothing_for_a_while_gets_all_in_order);
	tcase_add_test(tc, each_call_gives_whole_frames);
	tcase_add_test(tc, what_is_left_for_a_far_end_that_goes_is_forgotten);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_stream_suite)
