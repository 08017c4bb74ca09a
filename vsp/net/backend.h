/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an adapter's frames go to and come from. A backend knows neither RNDIS nor VMBus: it
 * moves Ethernet frames, each behind a virtio-net header (struct net_header).
 */
#ifndef VIRIDIS_VSP_NET_BACKEND_H
#define VIRIDIS_VSP_NET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <viridis/base/assert.h>

struct net_config;
struct net_backend;

/* What is left to who takes the frames; a backend does it for them where it is false. */
struct net_backend_offloads {
	bool checksums;    /* of TCP and UDP may be open in frames that come in */
	bool large_frames; /* TCP may come in frames of up to 64 KiB */
};

struct net_backend_ops {
	const char *name;
	bool own_sockets; /* frames become the root's own traffic: where they lead to is looked at */
	bool renewed; /* one that is gone: whoever takes this process's place gets another */

	/* Fill in the rest of *backend; on false, one line why. */
	bool (*open)(struct net_backend *backend, const struct net_config *config,
	             char *error, size_t error_bytes);

	/* What may be left to the guest from now on; after the sandbox too. */
	void (*set_offloads)(struct net_backend *backend,
	                     const struct net_backend_offloads *offloads);

	/* The next frame, header first; its length, or -1 and errno (EAGAIN: none). */
	ssize_t (*receive)(struct net_backend *backend, const struct iovec *memory,
	                   int memory_count);
	/* One frame, header first, of which a rest may be left unsent; -1 and errno. */
	ssize_t (*send)(struct net_backend *backend, const struct iovec *memory,
	                int memory_count);
	/* Sends more of that rest; false and errno: it can never be sent. NULL: there is never a rest. */
	bool (*flush)(struct net_backend *backend);
	/* Bytes sent that the far end has not taken yet, at least as many as there are. NULL: it always takes them. */
	uint64_t (*unread)(struct net_backend *backend);
};

struct net_stream;

struct net_backend {
	/* set before open */
	const struct net_backend_ops *ops;
	int fd; /* readable when there is a frame; open makes it, but for a stream */

	/* set by open, then constant */
	struct net_backend_offloads capabilities; /* and takes such frames itself */
	int room_fd; /* readable when flush() would do something; where there is one */
	struct net_stream *stream; /* of that kind alone */

	/* Kept by send and flush: no frames should be given while there are some. */
	uint32_t unsent_bytes;
};

/* A TAP device that exists, or a new one as a port of a bridge. */
extern const struct net_backend_ops net_backend_tap;
/* None: for the last process of an adapter, which is only to see it taken from the guest. */
extern const struct net_backend_ops net_backend_none;
/* A user-mode network stack at the far end of the stream socket `fd`, which does not block. */
extern const struct net_backend_ops net_backend_stream;

#endif
