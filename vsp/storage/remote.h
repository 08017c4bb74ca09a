/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that servers have, as far as main.c knows of them. Which program knows how to reach them is a matter of what
 * it is linked with: viridis-storage-nbd is, viridis-storage is not, which so starts without the libraries of others.
 */
#ifndef VIRIDIS_VSP_STORAGE_REMOTE_H
#define VIRIDIS_VSP_STORAGE_REMOTE_H

#include "vsp/storage/backend.h"

struct sandbox_call;

struct remote {
	const struct backend_ops *ops;

	/* What it needs of the kernel beside what all providers do. */
	const struct sandbox_call *calls;
	size_t call_count;

	/* With the socket to who opens connections, before any disk. On false errno says why. */
	bool (*init)(int connector);
	/* Readable when there is something to do; then turn() does it, and I/O is done. */
	int (*fd)(void);
	void (*turn)(void);
	/* The disk, as people know it, and why its server was lost. */
	const char *(*name)(const struct backend *backend);
	const char *(*why)(const struct backend *backend);
};

/* NULL: this program reaches none. */
extern const struct remote *const storage_remote;

#endif
