/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the provider protocol as datagrams. */
#include "vsp/lib/socket.h"

enum vsp_socket_status vsp_socket_send(int socket, const struct vsp_message *message,
                                       const int *descriptors,
                                       unsigned int descriptor_count)
{
	struct vsp_wire wire = vsp_message_header(message);
	const struct iovec parts[2] = {
		{ .iov_base = &wire, .iov_len = sizeof(wire) },
		{ .iov_base = (void *)message->tail,
		  .iov_len = wire.bytes - sizeof(wire) },
	};

	return datagram_send(socket, parts, descriptors, descriptor_count);
}

enum vsp_socket_status vsp_socket_receive(int socket, enum vsp_side sender,
                                          struct vsp_packet *packet)
{
	struct datagram *datagram = &packet->datagram;
	enum vsp_socket_status status =
		datagram_receive(socket, packet->bytes, VSP_DATAGRAM_BYTES_MAX, datagram);

	if (status != VSP_SOCKET_OK)
		return status;
	packet->bytes[datagram->bytes] = 0;
	if (vsp_message_decode(packet->bytes, datagram->bytes, datagram->descriptor_count,
	                       sender, &packet->message))
		return VSP_SOCKET_OK;
	datagram_close(datagram);
	return VSP_SOCKET_BROKEN;
}
