/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream socket to a user-mode network stack (passt; QEMU's "-netdev stream" and libslirp's helpers speak the
 * same): each frame behind its length, 32 bits, the most significant byte first. No offloads, no header.
 *
 * S1 One call takes a frame into the guest's memory and the next one's length with it; so the descriptor is
 *    readable exactly while there is something to be taken, and nothing waits here unseen.
 * S2 A frame of which only a part is there is put together in `kept`; one of which only a part would go leaves the
 *    rest in `unsent`, and until that has gone nothing else goes (net_backend.unsent_bytes).
 * S3 Each call gives a frame, or the rest of one. What one call gives the kernel may divide where it likes, and Debian
 *    12's passt loses its place for good when what it reads ends within a length. A frame is shorter than what is divided.
 */
#define _GNU_SOURCE
#include "vsp/net/backend.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"

#define LENGTH_BYTES     4u
#define PIECES_MAX       160
#define UNSENT_BYTES_MAX (256u << 10)

struct net_stream {
	/* Of the next frame: its length, or the part of it that is there; then what of the frame is. */
	uint8_t length[LENGTH_BYTES];
	uint32_t length_bytes;
	uint32_t kept_bytes;
	uint8_t kept[NET_FRAME_BYTES_MAX];

	uint32_t unsent_from;
	uint32_t unsent_frame_bytes; /* of the first frame there */
	uint8_t unsent[UNSENT_BYTES_MAX];
};

static uint32_t get_be32(const uint8_t bytes[LENGTH_BYTES])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_be32(uint8_t bytes[LENGTH_BYTES], uint32_t value)
{
	for (unsigned int i = 0; i < LENGTH_BYTES; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* ---- Opening ---- */

/* An epoll of its own tells that the socket takes more by being readable itself. */
static int watch_room(int fd)
{
	struct epoll_event event = { .events = EPOLLOUT };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		close(epoll);
		return -1;
	}
	return epoll;
}

static bool stream_open(struct net_backend *backend, const struct net_config *config,
                        char *error, size_t error_bytes)
{
	(void)config;
	backend->stream = calloc(1, sizeof(*backend->stream));
	backend->room_fd = watch_room(backend->fd);
	if (backend->stream && backend->room_fd >= 0)
		return true;
	snprintf(error, error_bytes, "user-mode network: %s", strerror(errno));
	return false;
}

static void set_offloads(struct net_backend *backend,
                         const struct net_backend_offloads *offloads)
{
	(void)backend;
	(void)offloads; /* there are none, as the capabilities say */
}

/* ---- In ---- */

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

/* readv(), in which the far end's end is an error. */
static ssize_t read_pieces(int fd, const struct iovec *memory, int memory_count)
{
	ssize_t got = readv(fd, memory, memory_count);

	return got == 0 ? fail(ECONNRESET) : got;
}

/* The first `bytes` of the memory, as pieces. Returns their number. */
static int cut(const struct iovec *memory, int memory_count, uint32_t bytes,
               struct iovec *pieces)
{
	int count = 0;

	for (; count < memory_count && bytes != 0; count++) {
		pieces[count] = memory[count];
		if (pieces[count].iov_len > bytes)
			pieces[count].iov_len = bytes;
		bytes -= (uint32_t)pieces[count].iov_len;
	}
	return count;
}

static void keep(struct net_stream *stream, const struct iovec *pieces, uint32_t bytes)
{
	for (uint32_t done = 0; done < bytes; pieces++) {
		uint32_t here = (uint32_t)pieces->iov_len;

		if (here > bytes - done)
			here = bytes - done;
		memcpy(stream->kept + done, pieces->iov_base, here);
		done += here;
	}
	stream->kept_bytes = bytes;
}

/* The rest of a frame goes behind what is kept of it; the whole then to the memory, as far as that goes. */
static ssize_t finish(struct net_backend *backend, const struct iovec *memory,
                      int memory_count, uint32_t frame_bytes)
{
	struct net_stream *stream = backend->stream;
	struct iovec pieces[2] = {
		{ stream->kept + stream->kept_bytes, frame_bytes - stream->kept_bytes },
		{ stream->length, LENGTH_BYTES },
	};
	ssize_t got = read_pieces(backend->fd, pieces, 2);
	size_t done = 0;

	if (got < 0)
		return got;
	if ((size_t)got < pieces[0].iov_len) {
		stream->kept_bytes += (uint32_t)got;
		return fail(EAGAIN);
	}
	stream->length_bytes = (uint32_t)((size_t)got - pieces[0].iov_len);
	stream->kept_bytes = 0;
	for (int i = 0; i < memory_count && done < frame_bytes; i++) {
		size_t here = frame_bytes - done;

		if (here > memory[i].iov_len)
			here = memory[i].iov_len;
		memcpy(memory[i].iov_base, stream->kept + done, here);
		done += here;
	}
	return (ssize_t)done;
}

/* A frame, or as much of it as there is memory for. */
static ssize_t take_frame(struct net_backend *backend, const struct iovec *memory,
                          int memory_count, uint32_t frame_bytes)
{
	struct net_stream *stream = backend->stream;
	struct iovec pieces[PIECES_MAX];
	size_t room = 0;
	ssize_t got;
	int count;

	for (int i = 0; i < memory_count; i++)
		room += memory[i].iov_len;
	if (stream->kept_bytes != 0 || frame_bytes > room)
		return finish(backend, memory, memory_count, frame_bytes);
	count = cut(memory, memory_count, frame_bytes, pieces);
	pieces[count] = (struct iovec){ stream->length, LENGTH_BYTES };
	got = read_pieces(backend->fd, pieces, count + 1);
	if (got < 0)
		return got;
	if ((size_t)got < frame_bytes) {
		keep(stream, pieces, (uint32_t)got);
		return fail(EAGAIN);
	}
	stream->length_bytes = (uint32_t)((size_t)got - frame_bytes);
	return (ssize_t)frame_bytes;
}

static ssize_t stream_receive(struct net_backend *backend, const struct iovec *memory,
                              int memory_count)
{
	struct net_stream *stream = backend->stream;
	uint32_t frame_bytes;
	ssize_t got;

	if (stream->length_bytes < LENGTH_BYTES) {
		struct iovec rest = { stream->length + stream->length_bytes,
			              LENGTH_BYTES - stream->length_bytes };

		got = read_pieces(backend->fd, &rest, 1);
		if (got < 0)
			return got;
		stream->length_bytes += (uint32_t)got;
		if (stream->length_bytes < LENGTH_BYTES)
			return fail(EAGAIN);
	}
	frame_bytes = get_be32(stream->length);
	/* Nothing that follows could be made sense of. */
	if (frame_bytes == 0 || frame_bytes > NET_FRAME_BYTES_MAX || memory_count < 1 ||
	    memory_count > PIECES_MAX)
		return fail(EPROTO);
	got = take_frame(backend, memory + 1, memory_count - 1, frame_bytes);
	if (got < 0)
		return got;
	memset(memory[0].iov_base, 0, memory[0].iov_len);
	return (ssize_t)memory[0].iov_len + got;
}

/* ---- Out ---- */

static size_t total(const struct iovec *pieces, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += pieces[i].iov_len;
	return bytes;
}

/* What lies behind the first `gone` bytes of the pieces is put behind what is unsent. */
static ssize_t leave(struct net_backend *backend, const struct iovec *pieces, int count,
                     size_t gone)
{
	struct net_stream *stream = backend->stream;

	if (total(pieces, count) - gone >
	    UNSENT_BYTES_MAX - stream->unsent_from - backend->unsent_bytes)
		return fail(ENOBUFS);
	if (backend->unsent_bytes == 0)
		stream->unsent_frame_bytes = (uint32_t)(total(pieces, count) - gone);
	for (int i = 0; i < count; i++) {
		size_t skipped = gone < pieces[i].iov_len ? gone : pieces[i].iov_len;
		size_t here = pieces[i].iov_len - skipped;

		memcpy(stream->unsent + stream->unsent_from + backend->unsent_bytes,
		       (const uint8_t *)pieces[i].iov_base + skipped, here);
		backend->unsent_bytes += (uint32_t)here;
		gone -= skipped;
	}
	return 0;
}

static ssize_t put(int fd, const struct iovec *pieces, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)pieces,
		                  .msg_iovlen = (size_t)count };

	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t stream_send(struct net_backend *backend, const struct iovec *memory,
                           int memory_count)
{
	struct iovec pieces[PIECES_MAX];
	uint8_t length[LENGTH_BYTES];
	ssize_t gone = 0;

	if (memory_count < 1 || memory_count > PIECES_MAX)
		return fail(EMSGSIZE);
	memcpy(pieces, memory, (size_t)memory_count * sizeof(*pieces));
	put_be32(length, (uint32_t)total(memory + 1, memory_count - 1));
	pieces[0] = (struct iovec){ length, sizeof(length) };
	if (backend->unsent_bytes == 0) {
		gone = put(backend->fd, pieces, memory_count);
		if (gone < 0 && errno != EAGAIN)
			return -1;
		if (gone < 0)
			gone = 0;
	}
	if ((size_t)gone == total(pieces, memory_count))
		return gone;
	return leave(backend, pieces, memory_count, (size_t)gone);
}

/* What is left of the first frame (S3). */
static uint32_t first_bytes(struct net_backend *backend, const uint8_t *from)
{
	struct net_stream *stream = backend->stream;

	if (stream->unsent_frame_bytes == 0)
		stream->unsent_frame_bytes = LENGTH_BYTES + get_be32(from);
	return stream->unsent_frame_bytes;
}

static bool stream_flush(struct net_backend *backend)
{
	struct net_stream *stream = backend->stream;

	while (backend->unsent_bytes != 0) {
		uint8_t *from = stream->unsent + stream->unsent_from;
		const struct iovec piece = { from, first_bytes(backend, from) };
		ssize_t gone = put(backend->fd, &piece, 1);

		if (gone < 0 && errno == EAGAIN)
			return true;
		if (gone < 0) {
			backend->unsent_bytes = 0;
			return false;
		}
		stream->unsent_from += (uint32_t)gone;
		stream->unsent_frame_bytes -= (uint32_t)gone;
		backend->unsent_bytes -= (uint32_t)gone;
	}
	stream->unsent_from = 0;
	return true;
}

/* The socket counts its own buffers too, each until the last byte of it is read; without an answer there is the rest alone. */
static uint64_t stream_unread(struct net_backend *backend)
{
	int queued = 0;

	if (ioctl(backend->fd, SIOCOUTQ, &queued) != 0 || queued < 0)
		queued = 0;
	return (uint64_t)queued + backend->unsent_bytes;
}

const struct net_backend_ops net_backend_stream = {
	.name = "stream",
	.own_sockets = true,
	.renewed = true,
	.open = stream_open,
	.set_offloads = set_offloads,
	.receive = stream_receive,
	.send = stream_send,
	.flush = stream_flush,
	.unread = stream_unread,
};
