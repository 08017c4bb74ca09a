/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis-nbd-connect: opens the connections to NBD servers for a provider that can open none. It reads nothing of
 * what comes over them.
 *
 * It keeps a copy of each, and the provider's lifeline. When the provider is gone, or asks for another connection to
 * the same disk, the old one is ended in good order: we say that nothing more comes, and wait (a little) until the
 * server hangs up, which has carried out by then what it had begun. So whoever repeats a dead provider's requests is
 * not overtaken by them. It is what files have their locks for.
 */
#define _GNU_SOURCE
#include "vsp/storage/nbd_connect.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/lib/core/protocol.h"
#include "vsp/lib/datagram.h"
#include "vsp/storage/core/nbd_uri.h"
#include "vsp/storage/core/scsi_device.h"

#define PROVIDER_FD VSP_SOCKET_FD

#define CONNECT_MS 5000
#define END_MS     2000
/* Between two attempts at one server, whatever a provider asks. */
#define PAUSE_US 50000

struct target {
	bool exists;
	bool busy; /* a thread is at it */
	int held;  /* a copy of the last connection; -1: none */
	uint64_t number;
	struct nbd_uri uri;
};

static struct target targets[SCSI_LUNS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* `busy` and `held` */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Ending a connection ---- */

/* Until the server hangs up, or the time is over. What comes meanwhile is for nobody. */
static void await_end(int fd, int64_t deadline_ms)
{
	static _Thread_local char rest[1 << 16];
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	(void)shutdown(fd, SHUT_WR); /* of one that has ended it fails */
	for (;;) {
		int64_t left = deadline_ms - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return;
		got = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
}

/* ---- Making one ---- */

static const char *wait_connected(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	socklen_t bytes = sizeof(int);
	int error = 0;

	if (poll(&wait, 1, CONNECT_MS) == 0)
		return strerror(ETIMEDOUT);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
		error = errno;
	return error ? strerrordesc_np(error) : NULL;
}

/* NULL, and the socket; or why not. */
static const char *connect_to(int family, const void *address, socklen_t bytes, int *fd)
{
	const char *why = NULL;

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return strerrordesc_np(errno);
	/* A UNIX socket whose server does not take us yet answers EAGAIN: that is its refusal. */
	if (connect(*fd, address, bytes) != 0)
		why = errno == EINPROGRESS ? wait_connected(*fd) : strerrordesc_np(errno);
	if (why)
		close(*fd);
	return why;
}

/* So that a server whose machine is gone is missed by the kernel, whoever waits. Without them, it takes longer. */
static void keep_alive(int fd)
{
	static const struct {
		int level;
		int option;
		int value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 10 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 25000 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].option,
		                 &options[i].value, sizeof(options[i].value));
}

static const char *connect_tcp(const struct nbd_uri *uri, int *fd)
{
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	const char *why = "no address";
	struct addrinfo *found;
	char port[8];
	int result;

	snprintf(port, sizeof(port), "%u", uri->port);
	result = getaddrinfo(uri->host, port, &wanted, &found);
	if (result != 0)
		return gai_strerror(result);
	for (const struct addrinfo *one = found; one && why; one = one->ai_next)
		why = connect_to(one->ai_family, one->ai_addr, one->ai_addrlen, fd);
	freeaddrinfo(found);
	if (!why)
		keep_alive(*fd);
	return why;
}

static const char *connect_unix(const struct nbd_uri *uri, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* As long as the path may be: one without its NUL is allowed (unix(7)). */
	memcpy(address.sun_path, uri->socket, sizeof(address.sun_path));
	return connect_to(AF_UNIX, &address, sizeof(address), fd);
}

static void reply(struct target *target, const char *why, int fd)
{
	struct nbd_connect_reply answer = {
		.lun = (uint32_t)(target - targets),
		.failed = why != NULL,
		.number = target->number,
	};
	const struct iovec parts[2] = { { &answer, sizeof(answer) } };

	if (why)
		nbd_copy_text(answer.why, sizeof(answer.why), why);
	/* One that is gone needs none. */
	(void)!datagram_send(PROVIDER_FD, parts, (const int[]){ fd, fd }, why ? 0 : 2);
}

static void *attempt(void *context)
{
	struct target *target = context;
	const char *why;
	int fd = -1;

	if (target->held >= 0) {
		await_end(target->held, now_ms() + END_MS);
		pthread_mutex_lock(&lock);
		close(target->held);
		target->held = -1;
		pthread_mutex_unlock(&lock);
	}
	usleep(PAUSE_US);
	why = target->uri.is_unix ? connect_unix(&target->uri, &fd) :
	                            connect_tcp(&target->uri, &fd);
	pthread_mutex_lock(&lock);
	if (!why)
		target->held = fd;
	reply(target, why, fd);
	target->busy = false;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void begin(struct target *target, uint64_t number)
{
	pthread_t thread;
	bool busy;

	pthread_mutex_lock(&lock);
	busy = target->busy;
	if (!busy) {
		target->busy = true;
		target->number = number;
	}
	pthread_mutex_unlock(&lock);
	if (busy)
		return;
	if (pthread_create(&thread, NULL, attempt, target) == 0) {
		pthread_detach(thread);
		return;
	}
	reply(target, "no thread for it", -1);
	target->busy = false;
}

/* ---- The process ---- */

static bool take_target(const char *line)
{
	char *uri;
	unsigned long lun = strtoul(line, &uri, 10);

	if (lun >= SCSI_LUNS_MAX || *uri != ' ')
		return false;
	targets[lun].exists = true;
	return nbd_uri_parse(uri + 1, &targets[lun].uri) == NULL;
}

/* Sockets in the file system belong to whom they belong: without one, nothing here takes the root's rights. */
static bool give_up_rights(uint32_t user)
{
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (targets[lun].exists && targets[lun].uri.is_unix)
			return true;
	return geteuid() != 0 ||
	       (setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 &&
	        setresuid(user, user, user) == 0);
}

static bool take_configuration(void)
{
	static char text[NBD_CONNECT_TEXT_BYTES + 1];
	struct datagram datagram;
	char *rest, *line;
	uint32_t user;

	if (datagram_receive(PROVIDER_FD, text, sizeof(text) - 1, &datagram) !=
	    VSP_SOCKET_OK)
		return false;
	datagram_close(&datagram);
	text[datagram.bytes] = '\0';
	line = strtok_r(text, "\n", &rest);
	if (!line)
		return false;
	user = (uint32_t)strtoul(line, NULL, 10);
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL)
		if (!take_target(line))
			return false;
	return give_up_rights(user) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Until the provider hangs up, or makes no sense. */
static void serve(void)
{
	struct nbd_connect_request request;
	struct datagram datagram;

	while (datagram_receive(PROVIDER_FD, &request, sizeof(request), &datagram) ==
	       VSP_SOCKET_OK) {
		datagram_close(&datagram);
		if (datagram.bytes != sizeof(request) || request.lun >= SCSI_LUNS_MAX ||
		    !targets[request.lun].exists)
			return;
		begin(&targets[request.lun], request.number);
	}
}

int main(void)
{
	int64_t deadline;

	/* It ends with its provider, which dies with the keeper, and not at once with that. */
	prctl(PR_SET_NAME, "viridis-nbd-connect");
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		targets[lun].held = -1;
	if (!take_configuration()) {
		fprintf(stderr, "viridis-nbd-connect: to be started by viridis-vm\n");
		return EXIT_FAILURE;
	}
	serve();
	pthread_mutex_lock(&lock); /* and nothing more is made */
	deadline = now_ms() + END_MS;
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (targets[lun].held >= 0)
			(void)shutdown(targets[lun].held, SHUT_WR);
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++)
		if (targets[lun].held >= 0)
			await_end(targets[lun].held, deadline);
	return EXIT_SUCCESS;
}
