/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of NBD servers: bytes go between the guest's pages and the socket, by libnbd. It has no call that takes an
 * array of pieces, so each piece of a request is a command of its own; all of them are under way together.
 *
 * What is sent again after a loss does no harm: to the guest a request that has no answer is under way, and
 * viridis-nbd-connect has waited for the end of the connection before.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/lib/sandbox.h"
#include "vsp/storage/core/scsi_codes.h"
#include "vsp/storage/nbd.h"

#define SECOND_NS UINT64_C(1000000000)

/* What somebody who waits for the end of all I/O waits for an answer that may come. */
#define LET_GO_NS (5 * SECOND_NS)

/* Of commands without data; the protocol has 32 bits for it. */
#define SPAN_BYTES (UINT64_C(1) << 30)

static struct nbd_ios finished = TAILQ_HEAD_INITIALIZER(finished);

static struct remote_disk *disk_of(const struct backend_io *io)
{
	return io->backend->remote;
}

static bool has(const struct remote_disk *disk, enum nbd_feature feature)
{
	return disk->export.features & feature;
}

/* ---- Ends ---- */

/* From no list. */
static void finish(struct backend_io *io, int error)
{
	io->remote.error = error;
	TAILQ_INSERT_TAIL(&finished, io, remote.node);
	nbd_link_wake();
}

void nbd_finish(void)
{
	struct backend_io *io;

	while ((io = TAILQ_FIRST(&finished)) != NULL) {
		TAILQ_REMOVE(&finished, io, remote.node);
		io->done(io, io->remote.error);
	}
}

/* The connection's errors are none of the request's: it is sent again. A server says the latter when it ends. */
static bool is_loss(int error)
{
	return error == ENOTCONN || error == ESHUTDOWN;
}

static void begin_flush(struct backend_io *io);
static void begin_write(struct backend_io *io);

/* Written, but to be told so only when it is flushed: it waits for the next turn (N4). */
static bool is_to_be_flushed(const struct backend_io *io)
{
	return !io->remote.error && io->durable && io->remote.begin == begin_write &&
	       !has(disk_of(io), NBD_KNOWS_FUA);
}

/* A command is over, or will not be. N4 */
static void part_over(struct backend_io *io)
{
	struct remote_disk *disk = disk_of(io);

	if (--io->remote.parts != 0)
		return;
	if (is_loss(io->remote.error) || disk->broken) {
		disk->broken = true;
		nbd_link_wake();
		return; /* it stays active until the connection is closed */
	}
	TAILQ_REMOVE(&disk->active, io, remote.node);
	if (is_to_be_flushed(io)) {
		io->remote.begin = begin_flush;
		io->remote.written = true;
		TAILQ_INSERT_TAIL(&disk->waiting, io, remote.node);
		nbd_link_wake();
		return;
	}
	finish(io, io->remote.error);
}

/* libnbd's callback: 1 for "forget the command". N4 */
static int command_over(void *context, int *error)
{
	struct backend_io *io = context;

	if (*error && !is_loss(io->remote.error))
		io->remote.error = *error;
	part_over(io);
	return 1;
}

static nbd_completion_callback then(struct backend_io *io)
{
	return (nbd_completion_callback){ .callback = command_over, .user_data = io };
}

/* Each command is counted before it is given: its callback may come from inside the call. */
static void note_given(struct backend_io *io, int64_t cookie)
{
	struct remote_disk *disk = disk_of(io);

	if (cookie >= 0)
		return;
	if (nbd_aio_is_dead(disk->nbd) || nbd_aio_is_closed(disk->nbd))
		io->remote.error = ENOTCONN;
	else if (!io->remote.error)
		io->remote.error = nbd_get_errno() ? nbd_get_errno() : EIO;
	io->remote.parts--; /* never the last one: activate() has one of its own */
}

/* ---- Beginnings ---- */

static void give_transfer(struct backend_io *io, bool is_write, uint32_t flags)
{
	struct remote_disk *disk = disk_of(io);
	uint64_t offset = io->offset;

	for (unsigned int i = 0; i < io->memory_count; i++) {
		char *at = io->memory[i].iov_base;
		size_t left = io->memory[i].iov_len;

		while (left && !io->remote.error) {
			size_t bytes = left < disk->export.transfer_bytes ?
			                       left :
			                       disk->export.transfer_bytes;

			io->remote.parts++;
			note_given(io, is_write ?
			                       nbd_aio_pwrite(disk->nbd, at, bytes,
			                                      offset, then(io), flags) :
			                       nbd_aio_pread(disk->nbd, at, bytes, offset,
			                                     then(io), flags));
			at += bytes;
			offset += bytes;
			left -= bytes;
		}
	}
}

static void begin_read(struct backend_io *io)
{
	give_transfer(io, false, 0);
}

static void begin_flush(struct backend_io *io)
{
	struct remote_disk *disk = disk_of(io);

	if (!has(disk, NBD_FLUSHES)) /* it keeps nothing back */
		return;
	io->remote.parts++;
	note_given(io, nbd_aio_flush(disk->nbd, then(io), 0));
}

static void begin_write(struct backend_io *io)
{
	bool fua = io->durable && has(disk_of(io), NBD_KNOWS_FUA);

	give_transfer(io, true, fua ? LIBNBD_CMD_FLAG_FUA : 0);
}

/* Of the extent, by commands that carry no data. */
static void give_spans(struct backend_io *io,
                       int64_t (*give)(struct nbd_handle *nbd, uint64_t bytes,
                                       uint64_t offset, nbd_completion_callback callback,
                                       uint32_t flags),
                       uint32_t flags)
{
	uint64_t offset = io->offset;

	for (uint64_t left = io->bytes; left && !io->remote.error;) {
		uint64_t bytes = left < SPAN_BYTES ? left : SPAN_BYTES;

		io->remote.parts++;
		note_given(io, give(disk_of(io)->nbd, bytes, offset, then(io), flags));
		offset += bytes;
		left -= bytes;
	}
}

/* A hint: a server that has forgotten how to does nothing. */
static void begin_discard(struct backend_io *io)
{
	if (has(disk_of(io), NBD_TRIMS))
		give_spans(io, nbd_aio_trim, 0);
}

static void begin_zero(struct backend_io *io)
{
	give_spans(io, nbd_aio_zero, io->unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE);
}

/* N1. The disk is UP. */
static void activate(struct backend_io *io)
{
	struct remote_disk *disk = disk_of(io);

	TAILQ_INSERT_TAIL(&disk->active, io, remote.node);
	io->remote.error = 0;
	io->remote.parts = 1; /* this function's */
	io->remote.begin(io);
	part_over(io);
	nbd_link_listen(disk);
}

static uint64_t deadline(const struct remote_disk *disk)
{
	uint64_t from = disk->state == NBD_UP ? nbd_link_now_ns() : disk->down_since_ns;

	return disk->backend->timeout_s ? from + disk->backend->timeout_s * SECOND_NS :
	                                  NBD_FOREVER;
}

static void begin(struct backend_io *io, void (*how)(struct backend_io *io))
{
	struct remote_disk *disk = disk_of(io);

	io->remote.begin = how;
	io->remote.written = false;
	io->remote.deadline_ns = deadline(disk);
	nbd_link_tick();
	if (disk->state == NBD_UP && !disk->broken)
		activate(io);
	else if (io->remote.deadline_ns <= nbd_link_now_ns())
		finish(io, ETIMEDOUT);
	else
		TAILQ_INSERT_TAIL(&disk->waiting, io, remote.node);
}

/* ---- Connections come and go ---- */

void nbd_begin_waiting(struct remote_disk *disk)
{
	struct nbd_ios ios = TAILQ_HEAD_INITIALIZER(ios);
	struct backend_io *io;

	TAILQ_CONCAT(&ios, &disk->waiting, remote.node);
	while ((io = TAILQ_FIRST(&ios)) != NULL) {
		TAILQ_REMOVE(&ios, io, remote.node);
		activate(io);
	}
}

/* Ahead of what came later. What was written and not flushed is to be written again. */
void nbd_take_back(struct remote_disk *disk)
{
	struct backend_io *io;

	TAILQ_CONCAT(&disk->active, &disk->waiting, remote.node);
	TAILQ_CONCAT(&disk->waiting, &disk->active, remote.node);
	TAILQ_FOREACH(io, &disk->waiting, remote.node)
	{
		if (io->remote.written)
			io->remote.begin = begin_write;
		io->remote.written = false;
	}
}

bool nbd_expire(struct remote_disk *disk, uint64_t now_ns)
{
	struct backend_io *io, *next;

	for (io = TAILQ_FIRST(&disk->waiting); io; io = next) {
		next = TAILQ_NEXT(io, remote.node);
		if (io->remote.deadline_ns > now_ns)
			continue;
		TAILQ_REMOVE(&disk->waiting, io, remote.node);
		finish(io, ETIMEDOUT);
	}
	TAILQ_FOREACH(io, &disk->active, remote.node)
	if (io->remote.deadline_ns <= now_ns)
		return true;
	return false;
}

static void remote_let_go(struct backend *backend)
{
	struct remote_disk *disk = backend->remote;
	uint64_t now = nbd_link_now_ns();
	struct backend_io *io;

	TAILQ_FOREACH(io, &disk->waiting, remote.node)
	io->remote.deadline_ns = now;
	TAILQ_FOREACH(io, &disk->active, remote.node)
	if (io->remote.deadline_ns > now + LET_GO_NS)
		io->remote.deadline_ns = now + LET_GO_NS;
	nbd_link_tick();
}

/* ---- Opening ---- */

static bool failed(char *error, size_t error_bytes, const char *name, const char *why,
                   const char *way_out)
{
	snprintf(error, error_bytes, "disk %s: %s%s%s", name, why, way_out ? "; " : "",
	         way_out ? way_out : "");
	return false;
}

/* Of a process that served this very disk, if it makes sense: that one may have been its guest's. */
static bool recall(struct remote_disk *disk)
{
	const struct in_flight_disk *past = disk->backend->remembered;

	if (past->bytes == 0 || past->bytes % SCSI_BLOCK_BYTES ||
	    past->bytes > INT64_MAX || !nbd_is_power_of_2(past->block_bytes) ||
	    past->block_bytes > SCSI_BLOCK_BYTES ||
	    past->transfer_bytes < SCSI_BLOCK_BYTES)
		return false;
	disk->export = (struct nbd_export){
		.bytes = past->bytes,
		.features = past->features & ~IN_FLIGHT_DISK_LOST,
		.block_bytes = past->block_bytes,
		.physical_block_bytes = past->physical_block_bytes,
		.transfer_bytes = past->transfer_bytes,
	};
	return true;
}

static void remember(const struct remote_disk *disk)
{
	struct in_flight_disk *past = disk->backend->remembered;

	past->bytes = disk->export.bytes;
	past->features = (past->features & IN_FLIGHT_DISK_LOST) | disk->export.features;
	past->block_bytes = disk->export.block_bytes;
	past->physical_block_bytes = disk->export.physical_block_bytes;
	past->transfer_bytes = disk->export.transfer_bytes;
}

void nbd_describe(struct remote_disk *disk)
{
	struct backend *backend = disk->backend;

	backend->bytes = disk->export.bytes;
	backend->alignment = disk->export.block_bytes;
	backend->physical_block_bytes = disk->export.physical_block_bytes;
	backend->direct = true; /* past this root's caches */
	backend->can_unmap = !backend->read_only && has(disk, NBD_TRIMS) &&
	                     has(disk, NBD_ZEROES);
	backend->rotational = has(disk, NBD_ROTATIONAL);
	remember(disk);
}

/* Asks for the connection; who it is with is seen inside the sandbox. */
static bool remote_open(struct backend *backend, const char *path, char *error,
                        size_t error_bytes)
{
	struct nbd_uri uri;
	const char *why = nbd_uri_parse(path, &uri);

	if (why)
		return failed(error, error_bytes, path, why, NULL);
	backend->remote = nbd_link_add(backend, &uri, path);
	if (!backend->remote)
		return failed(error, error_bytes, path, "no memory for it", NULL);
	if (recall(backend->remote)) {
		nbd_describe(backend->remote);
		backend->remote->known = true;
	}
	return true;
}

static const char *way_out(const char *why)
{
	static const struct {
		const char *what;
		const char *how;
	} ways[] = {
		{ "no export", "'nbdinfo --list' shows what a server has" },
		{ "refused", "has its server been started, and does it listen there?" },
		{ "No such file",
		  "has its server been started, and does it listen there?" },
		{ "timed out", "can its server be reached from here?" },
		{ "TLS",
		  "TLS is not spoken here; have a tunnel (stunnel, ssh -L) in between" },
		{ "magic", "is it an NBD server?" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(ways); i++)
		if (strstr(why, ways[i].what))
			return ways[i].how;
	return NULL;
}

static bool remote_settle(struct backend *backend, char *error, size_t error_bytes)
{
	const struct remote_disk *disk = backend->remote;

	return nbd_link_await(backend->remote) ||
	       failed(error, error_bytes, disk->name, disk->why, way_out(disk->why));
}

static void remote_close(struct backend *backend)
{
	(void)backend; /* the process ends, and the connection with it */
}

/* As the server said when it was last connected. */
static bool remote_grow(struct backend *backend)
{
	struct remote_disk *disk = backend->remote;

	if (disk->export.bytes <= backend->bytes)
		return false;
	backend->bytes = disk->export.bytes;
	remember(disk);
	return true;
}

/* ---- For everybody else ---- */

static void remote_read(struct backend_io *io)
{
	begin(io, begin_read);
}

static void remote_write(struct backend_io *io)
{
	begin(io, begin_write);
}

static void remote_flush(struct backend_io *io)
{
	begin(io, begin_flush);
}

static void remote_discard(struct backend_io *io)
{
	begin(io, begin_discard);
}

static void remote_zero(struct backend_io *io)
{
	begin(io, begin_zero);
}

static const char *name_of(const struct backend *backend)
{
	return backend->remote->name;
}

static const char *why_lost(const struct backend *backend)
{
	return backend->remote->why;
}

static const struct backend_ops backend_nbd = {
	.name = "nbd",
	.open = remote_open,
	.settle = remote_settle,
	.close = remote_close,
	.grow = remote_grow,
	.read = remote_read,
	.write = remote_write,
	.flush = remote_flush,
	.discard = remote_discard,
	.zero = remote_zero,
	.let_go = remote_let_go,
};

/* On a socket that it was given: there is nothing else that it could send to, as there is no address in it. */
static const struct sandbox_call calls[] = {
	{ SCMP_SYS(recvfrom), true, 4, UINT64_MAX, 0 },
	{ SCMP_SYS(sendto), true, 4, UINT64_MAX, 0 },
	{ SCMP_SYS(fcntl), true, 1, UINT32_MAX, F_GETFD },
	{ SCMP_SYS(fcntl), true, 1, UINT32_MAX, F_SETFD },
	{ SCMP_SYS(fcntl), true, 1, UINT32_MAX, F_GETFL },
	{ SCMP_SYS(fcntl), true, 1, UINT32_MAX, F_SETFL },
};

static const struct remote remote_nbd = {
	.ops = &backend_nbd,
	.calls = calls,
	.call_count = ARRAY_COUNT(calls),
	.init = nbd_link_init,
	.fd = nbd_link_fd,
	.turn = nbd_link_turn,
	.name = name_of,
	.why = why_lost,
};

const struct remote *const storage_remote = &remote_nbd;
