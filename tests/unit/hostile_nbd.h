/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server of NBD exports that lies, at a UNIX socket. */
#ifndef VIRIDIS_TESTS_HOSTILE_NBD_H
#define VIRIDIS_TESTS_HOSTILE_NBD_H

#include <stdint.h>
#include <sys/types.h>

#define HOSTILE_KNOWS_FLUSH 4u

enum hostile_how {
	HOSTILE_NOT, /* it serves zeros */
	HOSTILE_MUTE,
	HOSTILE_HANGS_UP,
	HOSTILE_MAGIC,
	HOSTILE_WANTS_TLS,
	HOSTILE_LONG_OPTION,    /* an answer of 4 GiB */
	HOSTILE_CUT_OPTION,     /* and no end of it */
	HOSTILE_NO_INFO,        /* it acknowledges, and says nothing of the export */
	HOSTILE_UNKNOWN_COOKIE, /* of the first read */
	HOSTILE_REPLY_MAGIC,
	HOSTILE_CUT_DATA,
	HOSTILE_NO_REPLY,
	HOSTILE_TWO_REPLIES, /* to one read */
	HOSTILE_ERROR,       /* of a number that nobody knows */
	HOSTILE_SHRINKS,     /* from connection to connection */
};

struct hostile {
	enum hostile_how how;
	uint64_t bytes;         /* of the export; 8 MiB when 0 */
	uint32_t block_minimum; /* with these, sizes of blocks are told */
	uint32_t block_preferred;
	uint32_t block_maximum;
	uint16_t flags;        /* of the export; HAS_FLAGS is added */
	unsigned int *flushes; /* counted there, in memory that is shared; or NULL */
};

/* A process of its own, to be killed. It serves one connection after the other. */
pid_t hostile_start(const struct hostile *hostile, const char *socket_path);

#endif
