/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process's one io_uring. It reaches nothing but the files that were added before it was
 * sealed, and does nothing to them but read, write, flush and fallocate: system call filters do
 * not see what goes through it, so it carries restrictions of its own.
 */
#ifndef VIRIDIS_VSP_STORAGE_URING_H
#define VIRIDIS_VSP_STORAGE_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <viridis/base/assert.h>

#define URING_FILES_MAX 65u

/* Linux has them from 6.15 on, liburing's headers of Debian 12 do not. */
#define URING_OP_READV_FIXED  60
#define URING_OP_WRITEV_FIXED 61

struct uring {
	struct io_uring ring;
	int files[URING_FILES_MAX];
	unsigned int file_count;
	uint8_t *memory; /* what I/O may name by number */
	uint64_t memory_bytes;
	bool takes_lists;     /* of that memory */
	uint64_t submissions; /* system calls that began I/O */
	uint64_t held;        /* operations on what memory has a number */
};

/* One operation in flight; complete() runs in uring_reap(). */
struct uring_io {
	void (*complete)(struct uring_io *io, int result);
};

/* Room for `depth` operations. On false errno says why. */
MUST_CHECK bool uring_init(struct uring *uring, unsigned int depth);
void uring_fini(struct uring *uring);

/* The number by which operations name the file; false: too many. */
MUST_CHECK bool uring_add_file(struct uring *uring, int fd, unsigned int *file);

/* Keep the file open until the ring is gone, with all I/O in flight; false: too many files. */
MUST_CHECK bool uring_hold_file(struct uring *uring, int fd);

#define URING_MEMORY_MAX (UINT64_C(64) << 30)

/*
 * Memory that stays for as long as the ring, URING_MEMORY_MAX at most: its pages are looked up and held once, by uring_seal(), and not again by each
 * operation that names them by uring_piece().
 */
void uring_add_memory(struct uring *uring, void *base, uint64_t bytes);

/*
 * From here on the ring works, and only with the files added. On false errno says why. Where the kernel does not hold that
 * memory for us, no piece of it has a number.
 */
MUST_CHECK bool uring_seal(struct uring *uring);

/* The number of the piece that [at, at + bytes) lies in; -1: it is in none. */
int uring_piece(const struct uring *uring, const void *at, uint64_t bytes);

/*
 * The number by which an operation on this list, whose order is of no matter, can name its memory; -1: by none. A list of
 * several is for URING_OP_READV_FIXED and URING_OP_WRITEV_FIXED.
 */
int uring_list_piece(const struct uring *uring, const struct iovec *list,
                     unsigned int count);

/*
 * An empty entry whose completion goes to `io`; the caller prepares it by io_uring_prep_*()
 * with the file's number, then calls uring_queue(). The caller keeps count: at most `depth`.
 */
struct io_uring_sqe *uring_entry(struct uring *uring);
void uring_queue(struct io_uring_sqe *entry, struct uring_io *io);

/* Hand what was queued to the kernel, in one call. */
void uring_submit(struct uring *uring);

/* Complete what has finished. */
void uring_reap(struct uring *uring);

/* Readable when there is something to reap. */
int uring_fd(const struct uring *uring);

#endif
