/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending and receiving the provider protocol's datagrams with their descriptors; both ends. */
#ifndef VIRIDIS_VSP_SOCKET_H
#define VIRIDIS_VSP_SOCKET_H

#include <stdbool.h>

#include "vsp/lib/core/protocol.h"

/* A received message; `message.tail` points into `datagram`, text there ends with a NUL. */
struct vsp_packet {
	struct vsp_message message;
	int descriptors[VSP_DESCRIPTORS_MAX]; /* ours to close; -1 where there is none */
	_Alignas(8) unsigned char datagram[VSP_DATAGRAM_BYTES_MAX + 1];
};

enum vsp_socket_status {
	VSP_SOCKET_OK,
	VSP_SOCKET_AGAIN,  /* nothing there, or no room; errno says which way */
	VSP_SOCKET_CLOSED, /* the peer hung up */
	VSP_SOCKET_BROKEN, /* the peer broke the protocol, or the socket failed */
};

/* Does not block when the socket is non-blocking. `descriptors` stay the caller's. */
enum vsp_socket_status vsp_socket_send(int socket, const struct vsp_message *message,
                                       const int *descriptors,
                                       unsigned int descriptor_count) MUST_CHECK;

/* The next message of `sender`. On any status but OK the packet holds no descriptors. */
enum vsp_socket_status vsp_socket_receive(int socket, enum vsp_side sender,
                                          struct vsp_packet *packet) MUST_CHECK;

/* Close what the receiver did not keep. */
void vsp_packet_close(struct vsp_packet *packet);

#endif
