/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP between two ends, for a fixed time per phase:
 *
 *	net_speed listen ADDRESS        serves, until it is killed
 *	net_speed ADDRESS [FILE]        sends, receives, and sends single bytes that come back
 *
 * An operation is 64 KiB, or a byte there and back. What is printed, and which phases are run: phases.h. With FILE the marks
 * of marks.h are written to it around each phase, and the profiler sees it. Static and without any library but libc.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/phases.h"
#include "tests/profiler/mark.h"

#define PORT          5001
#define WARM_NS       UINT64_C(20000000)
#define BLOCK         65536u
#define PROFILE_FIRST 30u /* tests/profiler/works.py */

static char buffer[BLOCK];

static struct sockaddr_in place(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
		die(address);
	return in;
}

static void no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- The server: a connection's first byte says what it is for ---- */

static void serve(int fd)
{
	char what, byte = 0;

	no_delay(fd);
	if (read(fd, &what, 1) != 1)
		return;
	switch (what) {
	case 's': /* takes all there is, then says so */
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		(void)!write(fd, &byte, 1);
		break;
	case 'r': /* sends until nobody listens */
		while (write(fd, buffer, sizeof(buffer)) > 0)
			;
		break;
	case 'b': /* gives single bytes back */
		while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
			;
		break;
	default:
		break;
	}
}

static void serve_all(const char *address)
{
	struct sockaddr_in here = place(address);
	const int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    listen(listener, 4) != 0)
		die("listen");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}

/* ---- The client ---- */

static int call(const char *address, char what)
{
	struct sockaddr_in there = place(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int tries = 0;

	while (connect(fd, (struct sockaddr *)&there, sizeof(there)) != 0) {
		if (++tries == 50)
			die("connect");
		pause_ns(100000000);
	}
	no_delay(fd);
	if (write(fd, &what, 1) != 1)
		die("write");
	return fd;
}

/* Each returns the bytes that were moved in the time. */

static uint64_t send_for(int fd, uint64_t ns)
{
	uint64_t bytes = 0, start = now_ns();

	do {
		ssize_t sent = write(fd, buffer, sizeof(buffer));

		if (sent <= 0)
			die("send");
		bytes += (uint64_t)sent;
	} while (now_ns() - start < ns);
	return bytes;
}

static uint64_t receive_for(int fd, uint64_t ns)
{
	uint64_t bytes = 0, start = now_ns();

	do {
		ssize_t got = read(fd, buffer, sizeof(buffer));

		if (got <= 0)
			die("receive");
		bytes += (uint64_t)got;
	} while (now_ns() - start < ns);
	return bytes;
}

static uint64_t bounce_for(int fd, uint64_t ns)
{
	uint64_t bytes = 0, start = now_ns();
	char byte = 0;

	do {
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("bounce");
		bytes++;
	} while (now_ns() - start < ns);
	return bytes;
}

/* What was sent has come when the other end says so. */
static void finish_sending(int fd)
{
	char byte;

	if (shutdown(fd, SHUT_WR) != 0 || read(fd, &byte, 1) != 1)
		die("the other end");
}

static const struct phase {
	const char *name;
	char what;
	uint32_t operation_bytes;
	uint64_t (*run)(int fd, uint64_t ns);
	void (*finish)(int fd);
} phases[] = {
	{ "net-send", 's', BLOCK, send_for, finish_sending },
	{ "net-receive", 'r', BLOCK, receive_for, NULL },
	{ "net-bounce", 'b', 1, bounce_for, NULL },
};
#define PHASES (sizeof(phases) / sizeof(phases[0]))

struct result {
	uint64_t operations, bytes, ns;
};

static struct result measure(const struct phase *phase, const char *address, int marks)
{
	struct result result;
	uint64_t start;
	int fd = call(address, phase->what);

	(void)phase->run(fd, WARM_NS);
	phase_mark(marks, MARK_BEGIN);
	PROFILE_MARK(PROFILE_BEGIN, PROFILE_FIRST + (phase - phases));
	start = now_ns();
	result.bytes = phase->run(fd, PHASE_NS);
	if (phase->finish)
		phase->finish(fd);
	result.ns = now_ns() - start;
	result.operations = result.bytes / phase->operation_bytes;
	PROFILE_MARK(PROFILE_END, result.operations);
	close(fd);
	phase_mark(marks, MARK_END);
	return result;
}

int main(int argc, char **argv)
{
	struct result results[PHASES] = { { 0 } };
	int marks = argc > 2 ? open(argv[2], O_WRONLY | O_NOCTTY) : -1;

	signal(SIGPIPE, SIG_IGN);
	if (argc > 2 && strcmp(argv[1], "listen") == 0)
		serve_all(argv[2]);
	if (argc < 2)
		return 2;
	for (size_t i = 0; i < PHASES; i++)
		if (phase_is_wanted(phases[i].name))
			results[i] = measure(&phases[i], argv[1], marks);
	for (size_t i = 0; i < PHASES; i++)
		if (phase_is_wanted(phases[i].name))
			phase_print(phases[i].name, results[i].operations,
			            results[i].bytes, results[i].ns);
	return 0;
}
