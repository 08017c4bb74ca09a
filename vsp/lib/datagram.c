/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sendmsg(2), recvmsg(2), SCM_RIGHTS. */
#include "vsp/lib/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(DATAGRAM_DESCRIPTORS_MAX * sizeof(int))];
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

enum vsp_socket_status datagram_send(int socket, const struct iovec parts[2],
                                     const int *descriptors,
                                     unsigned int descriptor_count)
{
	struct msghdr header = { .msg_iov = (struct iovec *)parts, .msg_iovlen = 2 };
	union control control;
	ssize_t sent;

	attach_descriptors(&header, &control, descriptors, descriptor_count);
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? failed() : VSP_SOCKET_OK;
}

/* Takes the descriptors out of the control data; the kernel has installed them already. */
static void take_descriptors(struct msghdr *header, struct datagram *datagram)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);

	if (!rights || rights->cmsg_level != SOL_SOCKET ||
	    rights->cmsg_type != SCM_RIGHTS)
		return;
	datagram->descriptor_count =
		(unsigned int)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(datagram->descriptors, CMSG_DATA(rights),
	       datagram->descriptor_count * sizeof(int));
}

enum vsp_socket_status datagram_receive(int socket, void *buffer, size_t capacity,
                                        struct datagram *datagram)
{
	struct iovec part = { buffer, capacity };
	union control control;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t bytes;

	*datagram = (struct datagram){ .descriptors = { -1, -1, -1 } };
	do {
		bytes = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return failed();
	if (bytes == 0)
		return VSP_SOCKET_CLOSED;
	datagram->bytes = (size_t)bytes;
	take_descriptors(&header, datagram);
	if (!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return VSP_SOCKET_OK;
	datagram_close(datagram);
	return VSP_SOCKET_BROKEN;
}

void datagram_close(struct datagram *datagram)
{
	for (unsigned int i = 0; i < DATAGRAM_DESCRIPTORS_MAX; i++) {
		if (datagram->descriptors[i] >= 0)
			close(datagram->descriptors[i]);
		datagram->descriptors[i] = -1;
	}
}
