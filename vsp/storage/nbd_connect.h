/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a provider of disks asks of viridis-nbd-connect, the process that opens its connections: one SOCK_SEQPACKET
 * socketpair. The first datagram is the keeper's, a text: the VM's user, and a line "LUN URI" for each disk of an
 * NBD server. Then a request asks for a new connection to a disk's server, and is answered by a reply, with two
 * descriptors of the socket unless it failed. A request is not answered while one for the same disk is under way.
 *
 * Whoever asks names nothing but a LUN: where it leads is the definition's affair.
 */
#ifndef VIRIDIS_VSP_STORAGE_NBD_CONNECT_H
#define VIRIDIS_VSP_STORAGE_NBD_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#define NBD_CONNECT_TEXT_BYTES (128u << 10)
#define NBD_CONNECT_WHY_BYTES  112u

struct nbd_connect_request {
	uint32_t lun;
	uint32_t reserved;
	uint64_t number; /* returned in the reply */
};

struct nbd_connect_reply {
	uint32_t lun;
	uint32_t failed;
	uint64_t number;
	char why[NBD_CONNECT_WHY_BYTES]; /* of one that failed; ends with a NUL */
};

/* As much of it as there is room for. */
static inline void nbd_copy_text(char *to, size_t bytes, const char *from)
{
	size_t count = 0;

	for (; from[count] && count < bytes - 1; count++)
		to[count] = from[count];
	to[count] = '\0';
}

#endif
