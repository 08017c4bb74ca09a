/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush_writer PATH WORKERS BYTES: writes until it is ended, and says what is safe. Each worker has a part of the
 * device to itself and goes through it in blocks, over and over; block N's content is the worker's number and N. It
 * prints "safe WORKER N" once all up to N is: the first worker because each of its writes was O_DSYNC (FUA), the others
 * after a flush. "bad ..." tells of a call that failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u
#define FLUSH_EVERY 5u

/* One write() a line, so that lines of several workers do not mix. */
static void say(const char *what, unsigned int worker, uint64_t number)
{
	char line[64];
	int bytes = snprintf(line, sizeof(line), "%s %u %llu\n", what, worker,
	                     (unsigned long long)number);

	if (write(STDOUT_FILENO, line, (size_t)bytes) != bytes)
		_exit(1);
}

static void work(const char *path, unsigned int worker, uint64_t blocks)
{
	int fd = open(path, O_RDWR | O_DIRECT | (worker == 0 ? O_DSYNC : 0));
	uint64_t *block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);

	if (fd < 0 || !block) {
		say("bad", worker, 0);
		_exit(1);
	}
	for (uint64_t number = 1;; number++) {
		off_t at = (off_t)((worker * blocks + number % blocks) * BLOCK_BYTES);

		for (unsigned int i = 0; i < BLOCK_BYTES / sizeof(*block); i += 2) {
			block[i] = worker;
			block[i + 1] = number;
		}
		if (pwrite(fd, block, BLOCK_BYTES, at) != BLOCK_BYTES ||
		    (worker != 0 && number % FLUSH_EVERY == 0 && fdatasync(fd) != 0)) {
			say("bad", worker, number);
			_exit(1);
		}
		if (worker == 0 || number % FLUSH_EVERY == 0)
			say("safe", worker, number);
	}
}

int main(int argc, char **argv)
{
	unsigned int workers = argc == 4 ? (unsigned int)atoi(argv[2]) : 0;
	uint64_t blocks = workers ? (uint64_t)atoll(argv[3]) / workers / BLOCK_BYTES : 0;

	if (blocks == 0)
		return 2;
	for (unsigned int worker = 0; worker < workers; worker++)
		if (fork() == 0)
			work(argv[1], worker, blocks);
	while (wait(NULL) > 0)
		;
	return 1;
}
