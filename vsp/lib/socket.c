/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams with descriptors over SOCK_SEQPACKET: sendmsg(2), recvmsg(2), SCM_RIGHTS. */
#include "vsp/lib/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(VSP_DESCRIPTORS_MAX * sizeof(int))];
	struct cmsghdr align;
};

static void attach_descriptors(struct msghdr *header, union control *control,
                               const int *descriptors, unsigned int count)
{
	struct cmsghdr *rights;

	if (count == 0)
		return;
	memset(control, 0, sizeof(*control));
	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(count * sizeof(int));
	rights = CMSG_FIRSTHDR(header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(rights), descriptors, count * sizeof(int));
}

static enum vsp_socket_status failed(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return VSP_SOCKET_AGAIN;
	if (errno == EPIPE || errno == ECONNRESET)
		return VSP_SOCKET_CLOSED;
	return VSP_SOCKET_BROKEN;
}

enum vsp_socket_status vsp_socket_send(int socket, const struct vsp_message *message,
                                       const int *descriptors,
                                       unsigned int descriptor_count)
{
	struct vsp_wire wire = vsp_message_header(message);
	struct iovec parts[] = {
		{ .iov_base = &wire, .iov_len = sizeof(wire) },
		{ .iov_base = (void *)message->tail,
		  .iov_len = wire.bytes - sizeof(wire) },
	};
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };
	union control control;
	ssize_t sent;

	attach_descriptors(&header, &control, descriptors, descriptor_count);
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? failed() : VSP_SOCKET_OK;
}

/* Takes the descriptors out of the control data; the kernel has installed them already. */
static unsigned int take_descriptors(struct msghdr *header, struct vsp_packet *packet)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);
	unsigned int count;

	if (!rights || rights->cmsg_level != SOL_SOCKET ||
	    rights->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (unsigned int)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(packet->descriptors, CMSG_DATA(rights), count * sizeof(int));
	return count;
}

enum vsp_socket_status vsp_socket_receive(int socket, enum vsp_side sender,
                                          struct vsp_packet *packet)
{
	struct iovec part = { packet->datagram, VSP_DATAGRAM_BYTES_MAX };
	union control control;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	unsigned int count;
	ssize_t bytes;

	memset(packet->descriptors, 0xff, sizeof(packet->descriptors));
	do {
		bytes = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return failed();
	if (bytes == 0)
		return VSP_SOCKET_CLOSED;
	packet->datagram[bytes] = 0;
	count = take_descriptors(&header, packet);
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    !vsp_message_decode(packet->datagram, (size_t)bytes, count, sender,
	                        &packet->message)) {
		vsp_packet_close(packet);
		return VSP_SOCKET_BROKEN;
	}
	return VSP_SOCKET_OK;
}

void vsp_packet_close(struct vsp_packet *packet)
{
	for (unsigned int i = 0; i < VSP_DESCRIPTORS_MAX; i++) {
		if (packet->descriptors[i] >= 0)
			close(packet->descriptors[i]);
		packet->descriptors[i] = -1;
	}
}
