/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw disks in regular files and block devices.
 *
 * Opening is all-or-nothing: type, size, lock, then what the file can do. O_DIRECT is tried by
 * reading a block at an odd place; where that is refused, the host's page cache is used instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/storage/backend.h"

#define SECTOR_BYTES 512u
#define ATTEMPTS_MAX 8u

/* Two seconds: a provider that was killed may have I/O to end before its claim goes. */
#define CLAIM_TRIES   40u
#define CLAIM_STEP_US 50000u

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

static bool failed(char *error, size_t error_bytes, const char *path, const char *why)
{
	snprintf(error, error_bytes, "disk %s: %s", path, why);
	return false;
}

/* ---- What kind of file it is ---- */

static bool measure_device(struct backend *backend)
{
	unsigned int physical;
	unsigned short rotational = 0;

	if (ioctl(backend->fd, BLKGETSIZE64, &backend->bytes) != 0 ||
	    ioctl(backend->fd, BLKPBSZGET, &physical) != 0)
		return false;
	(void)ioctl(backend->fd, BLKROTATIONAL, &rotational); /* else it stays 0 */
	backend->physical_block_bytes = physical;
	backend->rotational = rotational != 0;
	return true;
}

static bool measure(struct backend *backend, const struct stat *status)
{
	if (S_ISBLK(status->st_mode))
		return measure_device(backend);
	backend->bytes = (uint64_t)status->st_size;
	backend->physical_block_bytes = (uint32_t)status->st_blksize;
	return true;
}

/* A guest's partition table counts in blocks of 512 bytes, so that is what a disk is made of. */
static bool check_size(const struct backend *backend, const char *path, char *error,
                       size_t error_bytes)
{
	char why[96];

	if (backend->bytes != 0 && backend->bytes % SECTOR_BYTES == 0)
		return true;
	snprintf(why, sizeof(why), "its %llu bytes are not a multiple of 512, or none",
	         (unsigned long long)backend->bytes);
	return failed(error, error_bytes, path, why);
}

/*
 * An open file description lock: it lives as long as anything uses this open file, I/O in
 * flight of a process that died included, which is why it is waited for a little. Readers share a disk,
 * a writer has it alone.
 */
static bool lock(const struct backend *backend)
{
	struct flock whole = {
		.l_type = backend->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	for (unsigned int i = 0; fcntl(backend->fd, F_OFD_SETLK, &whole) != 0; i++) {
		if ((errno != EAGAIN && errno != EACCES) || i == CLAIM_TRIES)
			return false;
		usleep(CLAIM_STEP_US);
	}
	return true;
}

/* A block device is claimed by opening it. */
static int open_claiming(const char *path, int flags)
{
	int fd;

	for (unsigned int i = 0; (fd = open(path, flags)) < 0; i++) {
		if (errno != EBUSY || i == CLAIM_TRIES)
			break;
		usleep(CLAIM_STEP_US);
	}
	return fd;
}

/* ---- What it can do ---- */

static bool set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 &&
	       fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* Every guest may ask for any 512 bytes, into memory aligned no better than that. */
static bool direct_read_works(const struct backend *backend)
{
	off_t offset = backend->bytes > SECTOR_BYTES ? SECTOR_BYTES : 0;
	uint8_t *page = aligned_alloc(PAGE_4K, PAGE_4K);
	bool works = page && pread(backend->fd, page + SECTOR_BYTES, SECTOR_BYTES,
	                           offset) == SECTOR_BYTES;

	free(page);
	return works;
}

static void choose_caching(struct backend *backend)
{
	backend->direct = !backend->cached && set_direct(backend->fd, true) &&
	                  direct_read_works(backend);
	backend->alignment = backend->direct ? SECTOR_BYTES : 1;
	if (!backend->direct)
		(void)set_direct(backend->fd, false); /* clearing a flag does not fail */
}

/* Does the kernel pass discards on for this device (or, for a partition, its parent)? */
static bool device_discards(dev_t device)
{
	static const char *const formats[] = {
		"/sys/dev/block/%u:%u/queue/discard_max_bytes",
		"/sys/dev/block/%u:%u/../queue/discard_max_bytes",
	};
	unsigned long long most = 0;

	for (unsigned int i = 0; i < ARRAY_COUNT(formats); i++) {
		char path[80];
		FILE *file;

		snprintf(path, sizeof(path), formats[i], major(device), minor(device));
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &most) != 1)
			most = 0;
		fclose(file);
		break;
	}
	return most != 0;
}

/* Beyond the end of a regular file there is nothing to lose by punching a hole. */
static bool punching_works(const struct backend *backend, const struct stat *status)
{
	if (backend->read_only)
		return false;
	if (S_ISBLK(status->st_mode))
		return device_discards(status->st_rdev);
	return fallocate(backend->fd, PUNCH, (off_t)round_up(backend->bytes, PAGE_4K),
	                 PAGE_4K) == 0;
}

/* ---- Opening ---- */

static bool set_up(struct backend *backend, const char *path, char *error,
                   size_t error_bytes)
{
	struct stat status;

	if (fstat(backend->fd, &status) != 0)
		return failed(error, error_bytes, path, strerror(errno));
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return failed(error, error_bytes, path,
		              "neither a regular file nor a block device");
	if (!lock(backend))
		return failed(error, error_bytes, path,
		              errno == EAGAIN || errno == EACCES ?
		                      "another process uses it" :
		                      strerror(errno));
	if (!measure(backend, &status))
		return failed(error, error_bytes, path, strerror(errno));
	if (!check_size(backend, path, error, error_bytes))
		return false;
	choose_caching(backend);
	backend->can_unmap = punching_works(backend, &status);
	backend->unmapped_reads_zero = backend->can_unmap && S_ISREG(status.st_mode);
	if (!uring_add_file(backend->uring, backend->fd, &backend->file))
		return failed(error, error_bytes, path, "too many disks");
	return true;
}

/*
 * O_NONBLOCK: a FIFO must not hold us up before we see that it is one. O_EXCL without O_CREAT
 * claims a block device, so that one in use (mounted, say) is refused, and means nothing for
 * files (open(2)).
 */
static int open_flags(const char *path, bool read_only)
{
	struct stat status;
	int flags = O_CLOEXEC | O_NONBLOCK | (read_only ? O_RDONLY : O_RDWR);

	if (!read_only && stat(path, &status) == 0 && S_ISBLK(status.st_mode))
		flags |= O_EXCL;
	return flags;
}

/* That a guest reads is no access to the file; noting it for each read costs. To be allowed it takes the file's owner, or root. */
static bool clear_flags(int fd)
{
	return fcntl(fd, F_SETFL, O_NOATIME) == 0 || fcntl(fd, F_SETFL, 0) == 0;
}

static bool file_open(struct backend *backend, const char *path, char *error,
                      size_t error_bytes)
{
	backend->fd = open_claiming(path, open_flags(path, backend->read_only));
	if (backend->fd < 0)
		return failed(error, error_bytes, path, strerror(errno));
	if (clear_flags(backend->fd) && set_up(backend, path, error, error_bytes))
		return true;
	close(backend->fd);
	return false;
}

static void file_close(struct backend *backend)
{
	close(backend->fd);
}

/* By a call that works on files and block devices, and in the sandbox. The rest of a sector is left. */
static bool file_grow(struct backend *backend)
{
	off_t end = lseek(backend->fd, 0, SEEK_END);
	uint64_t bytes = end > 0 ? round_down((uint64_t)end, SECTOR_BYTES) : 0;

	if (bytes <= backend->bytes)
		return false;
	backend->bytes = bytes;
	return true;
}

/* ---- I/O ---- */

static void start_io(struct backend_io *io, void (*complete)(struct uring_io *, int),
                     struct io_uring_sqe *entry)
{
	io->uring.complete = complete;
	uring_queue(entry, &io->uring);
}

static struct backend_io *io_of(struct uring_io *uring)
{
	return (struct backend_io *)((char *)uring - offsetof(struct backend_io, uring));
}

static void read_complete(struct uring_io *uring, int result);
static void write_complete(struct uring_io *uring, int result);

/* One operation for each form that the guest's buffer may have. */
struct transfer_codes {
	int scattered; /* pages that the kernel looks up */
	int held;      /* one run of pages that it holds: it need not look for them */
	int held_scattered; /* a list of those */
};

static const struct transfer_codes read_codes = { IORING_OP_READV, IORING_OP_READ_FIXED,
	                                          URING_OP_READV_FIXED };
static const struct transfer_codes write_codes = { IORING_OP_WRITEV,
	                                           IORING_OP_WRITE_FIXED,
	                                           URING_OP_WRITEV_FIXED };

static struct io_uring_sqe *transfer_entry(struct backend_io *io,
                                           const struct transfer_codes *codes)
{
	struct uring *uring = io->backend->uring;
	struct io_uring_sqe *entry = uring_entry(uring);
	int file = (int)io->backend->file;
	int piece = uring_list_piece(uring, io->memory, io->memory_count);

	if (piece >= 0 && io->memory_count == 1)
		io_uring_prep_rw(codes->held, entry, file, io->memory->iov_base,
		                 (unsigned int)io->memory->iov_len, io->offset);
	else
		io_uring_prep_rw(piece >= 0 ? codes->held_scattered : codes->scattered,
		                 entry, file, io->memory, io->memory_count, io->offset);
	if (piece >= 0) {
		entry->buf_index = (uint16_t)piece;
		uring->held++;
	}
	return entry;
}

static void read_rest(struct backend_io *io)
{
	start_io(io, read_complete, transfer_entry(io, &read_codes));
}

static void write_rest(struct backend_io *io)
{
	struct io_uring_sqe *entry = transfer_entry(io, &write_codes);

	entry->rw_flags = io->durable ? RWF_DSYNC : 0;
	start_io(io, write_complete, entry);
}

/* `bytes` have been moved, and are fewer than there were to move. */
static void advance(struct backend_io *io, uint64_t bytes)
{
	io->offset += bytes;
	io->bytes -= bytes;
	while (bytes >= io->memory->iov_len) {
		bytes -= io->memory->iov_len;
		io->memory++;
		io->memory_count--;
	}
	io->memory->iov_base = (char *)io->memory->iov_base + bytes;
	io->memory->iov_len -= bytes;
}

/* Interrupted, or short of something for the moment: worth trying again, within bounds. */
static bool try_again(struct backend_io *io, int result)
{
	return (result == -EINTR || result == -EAGAIN) && ++io->attempts < ATTEMPTS_MAX;
}

static void transfer_complete(struct backend_io *io, int result,
                              void (*rest)(struct backend_io *io))
{
	if (try_again(io, result)) {
		rest(io);
	} else if (result < 0) {
		io->done(io, -result);
	} else if (result == 0) { /* someone has cut the file short */
		io->done(io, EIO);
	} else if ((uint64_t)result >= io->bytes) {
		io->done(io, 0);
	} else {
		advance(io, (uint64_t)result);
		rest(io);
	}
}

static void read_complete(struct uring_io *uring, int result)
{
	transfer_complete(io_of(uring), result, read_rest);
}

static void write_complete(struct uring_io *uring, int result)
{
	transfer_complete(io_of(uring), result, write_rest);
}

static void file_read(struct backend_io *io)
{
	io->attempts = 0;
	read_rest(io);
}

static void file_write(struct backend_io *io)
{
	io->attempts = 0;
	write_rest(io);
}

static void sync_rest(struct backend_io *io);

static void sync_complete(struct uring_io *uring, int result)
{
	struct backend_io *io = io_of(uring);

	if (try_again(io, result))
		sync_rest(io);
	else
		io->done(io, result < 0 ? -result : 0);
}

static void sync_rest(struct backend_io *io)
{
	struct io_uring_sqe *entry = uring_entry(io->backend->uring);

	io_uring_prep_fsync(entry, (int)io->backend->file, IORING_FSYNC_DATASYNC);
	start_io(io, sync_complete, entry);
}

static void file_flush(struct backend_io *io)
{
	io->attempts = 0;
	sync_rest(io);
}

static void fallocate_rest(struct backend_io *io,
                           void (*complete)(struct uring_io *uring, int result))
{
	struct io_uring_sqe *entry = uring_entry(io->backend->uring);

	io_uring_prep_fallocate(entry, (int)io->backend->file, io->mode,
	                        (off_t)io->offset, (off_t)io->bytes);
	start_io(io, complete, entry);
}

/* Only a hint: what the device cannot punch (or not at this place) stays as it is. */
static void discard_complete(struct uring_io *uring, int result)
{
	struct backend_io *io = io_of(uring);

	if (try_again(io, result))
		fallocate_rest(io, discard_complete);
	else if (result == -EOPNOTSUPP || result == -EINVAL)
		io->done(io, 0);
	else
		io->done(io, result < 0 ? -result : 0);
}

static void file_discard(struct backend_io *io)
{
	io->attempts = 0;
	io->mode = PUNCH;
	fallocate_rest(io, discard_complete);
}

static int preferred_mode(const struct backend_io *io)
{
	return io->unmap ? PUNCH : ZERO;
}

/* Files and devices that lack one way to make zeros may have the other. */
static void zero_complete(struct uring_io *uring, int result)
{
	struct backend_io *io = io_of(uring);

	if (result == -EOPNOTSUPP && io->mode == preferred_mode(io)) {
		io->mode = io->unmap ? ZERO : PUNCH;
		fallocate_rest(io, zero_complete);
	} else if (try_again(io, result)) {
		fallocate_rest(io, zero_complete);
	} else {
		io->done(io, result < 0 ? -result : 0);
	}
}

static void file_zero(struct backend_io *io)
{
	io->attempts = 0;
	io->mode = preferred_mode(io);
	fallocate_rest(io, zero_complete);
}

const struct backend_ops backend_file = {
	.name = "file",
	.open = file_open,
	.close = file_close,
	.grow = file_grow,
	.read = file_read,
	.write = file_write,
	.flush = file_flush,
	.discard = file_discard,
	.zero = file_zero,
};
