/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that its guest has taken over: the keeper is the product's, and so are fork and sandbox. Then it makes
 * whatever system call it is told to on its standard input, as "NUMBER ARGUMENT...", and tells "RESULT ERRNO" on
 * its standard output. An argument that begins with a slash is a path, @ram the guest's memory, @block a page of
 * its own, @FD a descriptor: partition, memory or keeper. "send HEX" sends bytes to the keeper, and tells the
 * reply's first word and its number of descriptors. "deaf" makes it hear nobody any more.
 *
 * The first line is the process ids of keeper and worker.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/client.h"
#include "root-partition/keeper/keeper.h"
#include "root-partition/keeper/worker_sandbox.h"
#include "worker_fake.h"
#include "worker_guest.h"

#define ARGUMENTS 6
#define NAME      "hostile"
#define RAM_BYTES (64u << 20)

static int keeper_socket, partition, memory;
static void *ram;
static char block[4096];

static long argument(const char *word)
{
	if (word[0] == '/')
		return (long)word;
	if (strcmp(word, "@ram") == 0)
		return (long)ram;
	if (strcmp(word, "@block") == 0)
		return (long)block;
	if (strcmp(word, "@partition") == 0)
		return partition;
	if (strcmp(word, "@memory") == 0)
		return memory;
	if (strcmp(word, "@keeper") == 0)
		return keeper_socket;
	return (long)strtoul(word, NULL, 0);
}

static void call(char *rest)
{
	long arguments[ARGUMENTS] = { 0 };
	const char *number = strsep(&rest, " ");
	long result;

	for (int i = 0; i < ARGUMENTS && rest; i++)
		arguments[i] = argument(strsep(&rest, " "));
	errno = 0;
	result = syscall(strtol(number, NULL, 10), arguments[0], arguments[1],
	                 arguments[2], arguments[3], arguments[4], arguments[5]);
	printf("%ld %d\n", result, result == -1 ? errno : 0);
}

/* With the descriptor of the memory beside it when the bytes begin with "fd". */
static void send_bytes(const char *hex)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	uint64_t reply[512] = { 0 };
	struct iovec part = { block, 0 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got;

	if (strncmp(hex, "fd", 2) == 0) {
		struct cmsghdr *rights;

		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(sizeof(int));
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &memory, sizeof(memory));
		hex += 2;
	}
	for (; hex[0] && hex[1] && part.iov_len < sizeof(block); hex += 2)
		(void)sscanf(hex, "%2hhx", (unsigned char *)&block[part.iov_len++]);
	got = sendmsg(keeper_socket, &header, MSG_NOSIGNAL);
	part = (struct iovec){ reply, sizeof(reply) };
	header.msg_control = control;
	header.msg_controllen = sizeof(control);
	if (got >= 0)
		got = recvmsg(keeper_socket, &header, MSG_CMSG_CLOEXEC);
	printf("%ld %d\n", got <= 0 ? -1 : (long)reply[0],
	       got > 0 && header.msg_controllen ? 1 : 0);
}

static void obey(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (strcmp(line, "deaf") == 0)
			for (;;)
				nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		else if (strncmp(line, "send ", 5) == 0)
			send_bytes(line + 5);
		else
			call(line);
		fflush(stdout);
	}
}

static void work(const struct definition *definition, struct keeper *keeper)
{
	struct keeper_lent lent = keeper_lend(keeper);
	struct keeper_client *client;
	struct serial_file serial;
	uint64_t id;

	keeper_socket = dup(lent.socket);
	client = keeper_client_new(lent.socket);
	close(keeper_leave(keeper, &serial));
	serial_file_close(&serial);
	if (!worker_sandbox_enter(lent.user, definition) ||
	    !keeper_client_machine(client, &partition, &id, &memory, NULL))
		_exit(EXIT_FAILURE);
	ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (ram == MAP_FAILED)
		_exit(EXIT_FAILURE);
	obey();
	_exit(EXIT_SUCCESS);
}

static bool no_step(struct hv_message *message)
{
	(void)message;
	return false;
}

/* The folder for all its files. */
int main(int argc, char **argv)
{
	struct definition *definition = definition_new();
	g_autofree char *log = NULL;
	g_autofree char *old_log = NULL;
	g_autoptr(GError) error = NULL;
	struct keeper *keeper;
	pid_t worker;

	if (argc != 2)
		return EXIT_FAILURE;
	fake_reset(no_step);
	g_setenv("VIRIDIS_RUN_DIR", argv[1], TRUE);
	definition->name = g_strdup(NAME);
	definition->memory_bytes = RAM_BYTES;
	definition->vps = 1;
	definition->kernel = guest_write_kernel(argv[1]);
	g_free(definition->serial);
	definition->serial = g_build_filename(argv[1], "serial", NULL);
	log = g_build_filename(argv[1], "log", NULL);
	old_log = g_build_filename(argv[1], "log.old", NULL);
	if (!vm_log_open(log, old_log, &error))
		return EXIT_FAILURE;
	keeper = keeper_new(definition, state_lock(NAME, NULL), &error);
	if (!keeper) {
		fprintf(stderr, "%s\n", error->message);
		return EXIT_FAILURE;
	}
	worker = keeper_fork(keeper);
	if (worker == 0)
		work(definition, keeper);
	printf("%d %d\n", getpid(), worker);
	fflush(stdout);
	keeper_serve(keeper, NULL, NULL);
	(void)keeper_reap(keeper);
	keeper_free(keeper);
	return EXIT_SUCCESS;
}
