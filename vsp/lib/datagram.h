/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams with descriptors between processes of one VM, over SOCK_SEQPACKET. */
#ifndef VIRIDIS_VSP_DATAGRAM_H
#define VIRIDIS_VSP_DATAGRAM_H

#include <stddef.h>
#include <sys/uio.h>
#include <viridis/base/assert.h>

#define DATAGRAM_DESCRIPTORS_MAX 3u

enum vsp_socket_status {
	VSP_SOCKET_OK,
	VSP_SOCKET_AGAIN,  /* nothing there, or no room; errno says which way */
	VSP_SOCKET_CLOSED, /* the peer hung up */
	VSP_SOCKET_BROKEN, /* the peer broke the protocol, or the socket failed */
};

/* A header and what follows it. `descriptors` stay the caller's. */
enum vsp_socket_status datagram_send(int socket, const struct iovec parts[2],
                                     const int *descriptors,
                                     unsigned int descriptor_count) MUST_CHECK;

struct datagram {
	size_t bytes;
	unsigned int descriptor_count;
	int descriptors[DATAGRAM_DESCRIPTORS_MAX]; /* ours to close; -1 where there is none */
};

/*
 * The next datagram into `buffer`. One that is longer is BROKEN, as is one with more descriptors. On any
 * status but OK no descriptors are held.
 */
enum vsp_socket_status datagram_receive(int socket, void *buffer, size_t capacity,
                                        struct datagram *datagram) MUST_CHECK;

/* Close what the receiver did not keep. */
void datagram_close(struct datagram *datagram);

#endif
