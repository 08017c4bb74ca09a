/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket_send PATH: stdin to a unix socket, what it answers to stdout, until it hangs up or 2 s. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUIET_MS 2000

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror(path);
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	char bytes[4096];
	ssize_t count;
	int fd = argc == 2 ? connect_to(argv[1]) : -1;
	struct pollfd answer = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return 2;
	while ((count = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL) < 0)
			break; /* it hung up; what it said before is still there */
	while (poll(&answer, 1, QUIET_MS) > 0) {
		count = read(fd, bytes, sizeof(bytes));
		if (count <= 0 || write(STDOUT_FILENO, bytes, (size_t)count) < 0 ||
		    memchr(bytes, '\n', (size_t)count))
			break;
	}
	return 0;
}
