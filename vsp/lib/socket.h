/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending and receiving the provider protocol's datagrams with their descriptors; both ends. */
#ifndef VIRIDIS_VSP_SOCKET_H
#define VIRIDIS_VSP_SOCKET_H

#include <stdbool.h>

#include "vsp/lib/core/protocol.h"
#include "vsp/lib/datagram.h"

/* A received message; `message.tail` points into `bytes`, text there ends with a NUL. */
struct vsp_packet {
	struct vsp_message message;
	struct datagram datagram; /* its descriptors */
	_Alignas(8) unsigned char bytes[VSP_DATAGRAM_BYTES_MAX + 1];
};
_Static_assert(VSP_DESCRIPTORS_MAX <= DATAGRAM_DESCRIPTORS_MAX, "all fit");

/* Does not block when the socket is non-blocking. `descriptors` stay the caller's. */
enum vsp_socket_status vsp_socket_send(int socket, const struct vsp_message *message,
                                       const int *descriptors,
                                       unsigned int descriptor_count) MUST_CHECK;

/* The next message of `sender`. On any status but OK the packet holds no descriptors. */
enum vsp_socket_status vsp_socket_receive(int socket, enum vsp_side sender,
                                          struct vsp_packet *packet) MUST_CHECK;

#endif
