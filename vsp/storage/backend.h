/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a disk's bytes are kept. A backend knows neither SCSI nor VMBus: it moves bytes between
 * a medium and memory, and everything it does beyond opening ends in a call of io->done.
 *
 * B1 An I/O belongs to the backend from its start until `done`; `done` comes once, and never
 *    from inside the call that starts the I/O.
 * B2 Extents lie within `bytes`; memory and length are multiples of `alignment`.
 * B3 FLUSH covers the writes that were done when it starts; a durable WRITE covers itself.
 */
#ifndef VIRIDIS_VSP_STORAGE_BACKEND_H
#define VIRIDIS_VSP_STORAGE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <viridis/base/assert.h>

#include "vsp/storage/core/in_flight.h"
#include "vsp/storage/uring.h"

struct backend;
struct remote_disk;
struct backend_io;

typedef void (*backend_done_function)(struct backend_io *io, int error);

struct backend_io {
	/* set by the caller */
	struct backend *backend;
	backend_done_function done; /* error: 0 or an errno */
	bool durable;               /* WRITE */
	bool unmap;                 /* ZERO: by deallocation, if that can be */

	/* set by the caller, used up by the backend; memory (READ, WRITE) is `bytes` long */
	uint64_t offset;
	uint64_t bytes;
	struct iovec *memory;
	unsigned int memory_count;

	/* the backend's */
	struct uring_io uring;
	unsigned int attempts;
	int mode;
	struct remote_io {
		TAILQ_ENTRY(backend_io) node;
		uint64_t deadline_ns;
		unsigned int parts; /* commands under way */
		int error;
		bool written; /* what is left is to flush it */
		void (*begin)(struct backend_io *io);
	} remote;
};

struct backend_ops {
	const char *name;

	/* Fill in the rest of *backend; on false, one line why. */
	bool (*open)(struct backend *backend, const char *path, char *error,
	             size_t error_bytes);
	/* Optional, once inside the sandbox: what open() left to be filled in. */
	bool (*settle)(struct backend *backend, char *error, size_t error_bytes);
	void (*close)(struct backend *backend);
	/* Looks at the medium's size again: true when it has grown, and `bytes` with it. Never less. */
	bool (*grow)(struct backend *backend);

	void (*read)(struct backend_io *io);
	void (*write)(struct backend_io *io);
	void (*flush)(struct backend_io *io);
	void (*discard)(struct backend_io *io); /* a hint; only with can_unmap */
	void (*zero)(struct backend_io *io);    /* only with can_unmap */

	/* Optional: somebody waits for the end of all I/O; what has no hope fails soon. */
	void (*let_go)(struct backend *backend);
};

struct backend {
	/* set before open */
	const struct backend_ops *ops;
	struct uring *uring;
	bool read_only;
	bool cached;        /* by the host, though it need not be */
	uint32_t timeout_s; /* of a remote one; 0: none */
	unsigned int lun;   /* of a remote one */
	struct in_flight_disk
		*remembered; /* of a remote one: in memory that outlives the process */

	/* set by open or settle, then constant but for `bytes`, which grow() may make more */
	uint64_t bytes;
	uint32_t alignment;            /* of memory, a power of two */
	uint32_t physical_block_bytes; /* what is written at one stroke */
	bool direct;                   /* past the host's page cache */
	bool can_unmap;
	bool unmapped_reads_zero; /* a device may leave some blocks of a range as they are */
	bool rotational;

	/* the backend's */
	int fd;
	unsigned int file; /* in the io_uring */
	struct remote_disk *remote;
	bool lost; /* a remote one's server: it is waited for */
};

/* Regular files and block devices, by io_uring. */
extern const struct backend_ops backend_file;

#endif
