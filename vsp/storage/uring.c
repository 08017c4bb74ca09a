/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io_uring: set up, locked down, fed in batches. */
#define _GNU_SOURCE /* syscall */
#include "vsp/storage/uring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#define REAP_BATCH 64u

/* The kernel takes no longer ones. */
#define PIECE_BYTES (UINT64_C(1) << 30)
#define PIECES_MAX  64u

static bool succeeded(int result)
{
	errno = -result;
	return result >= 0;
}

/*
 * Not IORING_SETUP_COOP_TASKRUN: with it a completion on another CPU interrupts no task that runs, which a task that halts its
 * CPU (the module's waiter) is taken for. It would learn of it by a tick.
 */
bool uring_init(struct uring *uring, unsigned int depth)
{
	*uring = (struct uring){ .file_count = 0 };
	return succeeded(io_uring_queue_init(depth, &uring->ring,
	                                     IORING_SETUP_R_DISABLED |
	                                             IORING_SETUP_SINGLE_ISSUER |
	                                             IORING_SETUP_SUBMIT_ALL));
}

void uring_fini(struct uring *uring)
{
	io_uring_queue_exit(&uring->ring);
}

bool uring_add_file(struct uring *uring, int fd, unsigned int *file)
{
	if (uring->file_count == URING_FILES_MAX)
		return false;
	*file = uring->file_count++;
	uring->files[*file] = fd;
	return true;
}

/* The kernel closes a ring's files when its last request is over, whatever became of the process. */
bool uring_hold_file(struct uring *uring, int fd)
{
	unsigned int file;

	return uring_add_file(uring, fd, &file);
}

/* liburing 2.3 has functions for these two, but its shared library does not export them. */
static bool register_ring(struct uring *uring, unsigned int operation,
                          const void *argument, unsigned int count)
{
	return syscall(SYS_io_uring_register, uring->ring.ring_fd, operation, argument,
	               count) == 0;
}

void uring_add_memory(struct uring *uring, void *base, uint64_t bytes)
{
	uring->memory = base;
	uring->memory_bytes = bytes;
}

static bool register_memory(struct uring *uring)
{
	struct iovec pieces[PIECES_MAX];
	unsigned int count = 0;

	for (uint64_t at = 0; at < uring->memory_bytes; at += PIECE_BYTES) {
		uint64_t left = uring->memory_bytes - at;

		if (count == PIECES_MAX)
			return false;
		pieces[count++] = (struct iovec){
			.iov_base = uring->memory + at,
			.iov_len = left < PIECE_BYTES ? left : PIECE_BYTES,
		};
	}
	return io_uring_register_buffers(&uring->ring, pieces, count) == 0;
}

int uring_piece(const struct uring *uring, const void *at, uint64_t bytes)
{
	uint64_t offset = (uint64_t)((uintptr_t)at - (uintptr_t)uring->memory);

	if (bytes == 0 || offset >= uring->memory_bytes ||
	    bytes > uring->memory_bytes - offset ||
	    offset / PIECE_BYTES != (offset + bytes - 1) / PIECE_BYTES)
		return -1;
	return (int)(offset / PIECE_BYTES);
}

int uring_list_piece(const struct uring *uring, const struct iovec *list,
                     unsigned int count)
{
	int piece;

	if (count == 0 || (count > 1 && !uring->takes_lists))
		return -1;
	piece = uring_piece(uring, list[0].iov_base, list[0].iov_len);
	for (unsigned int i = 1; i < count && piece >= 0; i++)
		if (uring_piece(uring, list[i].iov_base, list[i].iov_len) != piece)
			return -1;
	return piece;
}

static bool kernel_takes_lists(struct uring *uring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(&uring->ring);
	bool takes;

	if (!probe)
		return false;
	takes = io_uring_opcode_supported(probe, URING_OP_READV_FIXED) &&
	        io_uring_opcode_supported(probe, URING_OP_WRITEV_FIXED);
	io_uring_free_probe(probe);
	return takes;
}

/* Those of lists come last: a kernel refuses to allow what it does not have. */
#define LIST_OPERATIONS 2u

static bool restrict_to_files(struct uring *uring)
{
	struct io_uring_restriction allowed[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ_FIXED },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE_FIXED },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FALLOCATE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		  .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
		  .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = URING_OP_READV_FIXED },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = URING_OP_WRITEV_FIXED },
	};
	unsigned int count = ARRAY_COUNT(allowed);

	if (!uring->takes_lists)
		count -= LIST_OPERATIONS;
	return register_ring(uring, IORING_REGISTER_RESTRICTIONS, allowed, count);
}

bool uring_seal(struct uring *uring)
{
	if (uring->file_count != 0 &&
	    !succeeded(io_uring_register_files(&uring->ring, uring->files,
	                                       uring->file_count)))
		return false;
	if (!register_memory(uring))
		uring->memory_bytes = 0;
	uring->takes_lists = uring->memory_bytes != 0 && kernel_takes_lists(uring);
	return restrict_to_files(uring) &&
	       register_ring(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

struct io_uring_sqe *uring_entry(struct uring *uring)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);

	/* Every entry belongs to an operation in flight, and there are never more of those. */
	if (!entry)
		abort();
	return entry;
}

void uring_queue(struct io_uring_sqe *entry, struct uring_io *io)
{
	io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(entry, io);
}

void uring_submit(struct uring *uring)
{
	int result;

	if (io_uring_sq_ready(&uring->ring) == 0)
		return;
	do {
		uring->submissions++;
		result = io_uring_submit(&uring->ring);
		/* Short of memory, the kernel takes them at the next try, having slept in reclaim. */
	} while (result == -EAGAIN || result == -EINTR);
	if (result < 0)
		abort(); /* the ring's own rules are broken: nothing in flight can be trusted */
}

void uring_reap(struct uring *uring)
{
	static struct io_uring_cqe *entries[REAP_BATCH]; /* scratch of the one thread */
	unsigned int count;

	do {
		count = io_uring_peek_batch_cqe(&uring->ring, entries, REAP_BATCH);
		for (unsigned int i = 0; i < count; i++) {
			struct uring_io *io = io_uring_cqe_get_data(entries[i]);

			io->complete(io, entries[i]->res);
		}
		io_uring_cq_advance(&uring->ring, count);
	} while (count == REAP_BATCH);
}

int uring_fd(const struct uring *uring)
{
	return uring->ring.ring_fd;
}
