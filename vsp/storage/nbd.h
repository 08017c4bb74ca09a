/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of NBD servers: nbd_link.c makes connections and loses them, backend_nbd.c moves bytes. All is on one thread.
 *
 *   DOWN -> ASKED -> SHAKING -> UP -> DOWN ...
 *
 * N1 An I/O is on one list: `waiting` unless the disk is UP, `active` when its commands were given to libnbd, or that
 *    of those that are done. It goes from `active` back to `waiting` when the connection is lost.
 * N2 libnbd touches an I/O's memory only while the connection is there: nbd_close() is the end of that.
 * N3 An I/O ends when the server has answered all its commands, or at its deadline; one that is active by then costs
 *    the connection (N2).
 * N4 libnbd's callbacks only take notes: they run with its lock held.
 */
#ifndef VIRIDIS_VSP_STORAGE_NBD_H
#define VIRIDIS_VSP_STORAGE_NBD_H

#include <libnbd.h>

#include "vsp/storage/core/nbd_uri.h"
#include "vsp/storage/remote.h"

#define NBD_FOREVER UINT64_MAX

enum nbd_feature {
	NBD_READ_ONLY = 1 << 0,
	NBD_FLUSHES = 1 << 1,
	NBD_KNOWS_FUA = 1 << 2,
	NBD_TRIMS = 1 << 3,
	NBD_ZEROES = 1 << 4,
	NBD_ROTATIONAL = 1 << 5,
};

enum nbd_state {
	NBD_DOWN,
	NBD_ASKED,   /* for a socket */
	NBD_SHAKING, /* hands */
	NBD_UP,
};

TAILQ_HEAD(nbd_ios, backend_io);

/* What a server says of its export. */
struct nbd_export {
	uint64_t bytes;
	uint32_t features;
	uint32_t block_bytes; /* what it takes, at least */
	uint32_t physical_block_bytes;
	uint32_t transfer_bytes; /* at most, in a command */
};

struct remote_disk {
	struct backend *backend;
	char name[192]; /* for people */
	struct nbd_uri uri;
	bool known; /* `export` is valid */
	struct nbd_export export;

	enum nbd_state state;
	bool broken; /* was found so when it could not be dealt with */
	struct nbd_handle *nbd;
	int watched; /* another descriptor of the same socket, in epoll; -1: none */
	uint32_t interest;
	uint64_t number; /* of the request for a socket */
	unsigned int tries;
	uint64_t next_try_ns;
	uint64_t shaken_by_ns;
	uint64_t down_since_ns;
	char why[160]; /* it was lost */

	struct nbd_ios waiting;
	struct nbd_ios active;
};

static inline bool nbd_is_power_of_2(uint32_t value)
{
	return value && !(value & (value - 1));
}

/* ---- nbd_link.c ---- */

bool nbd_link_init(int connector);
int nbd_link_fd(void);
void nbd_link_turn(void);

/* Adds a disk and begins to connect it; NULL: no memory, or too many. */
struct remote_disk *nbd_link_add(struct backend *backend, const struct nbd_uri *uri,
                                 const char *name);

/* Until the disk is known; false: `why` says why not. */
MUST_CHECK bool nbd_link_await(struct remote_disk *disk);

/* Have libnbd woken when its socket is; after each call that gives it something to do. */
void nbd_link_listen(struct remote_disk *disk);

/* There will be a turn soon; and several a second, while there is something to be waited for. */
void nbd_link_wake(void);
void nbd_link_tick(void);

uint64_t nbd_link_now_ns(void);

/* ---- backend_nbd.c ---- */

/* The disk is UP: what waits is begun. */
void nbd_begin_waiting(struct remote_disk *disk);
/* There is no connection any more: what was begun waits. */
void nbd_take_back(struct remote_disk *disk);
/* Those whose time is over. True: one of them is active, so that the connection has to go. */
MUST_CHECK bool nbd_expire(struct remote_disk *disk, uint64_t now_ns);
/* io->done() of all that are. */
void nbd_finish(void);

/* Into the backend, at first. */
void nbd_describe(struct remote_disk *disk);

#endif
