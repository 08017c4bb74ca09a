/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lifeline, kept by a thread of the test for a while after the provider is dead. */
#define _GNU_SOURCE
#include "worker_io.h"

#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IO_US 700000

static gint io_over;

bool io_is_over(void)
{
	return g_atomic_int_get(&io_over);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	return address;
}

static int receive_descriptor(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof(control) };
	int fd;

	ck_assert_int_eq(recvmsg(from, &message, 0), 1);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Goes on for a while, with the lifeline alone, when the provider that gave it is dead. */
static gpointer kernel_that_goes_on(gpointer data)
{
	int listener = GPOINTER_TO_INT(data);
	int provider = accept(listener, NULL, NULL);
	int lifeline = receive_descriptor(provider);
	char byte;

	ck_assert_int_eq(read(provider, &byte, 1), 0);
	g_usleep(IO_US);
	g_atomic_int_set(&io_over, 1);
	close(lifeline);
	close(provider);
	close(listener);
	return NULL;
}

GThread *io_start(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return g_thread_new("kernel", kernel_that_goes_on, GINT_TO_POINTER(fd));
}

bool io_hand_over(const char *path, int lifeline)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof(control) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &lifeline, sizeof(int));
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       sendmsg(fd, &message, 0) == 1;
}
