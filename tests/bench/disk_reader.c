/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes a block device for a fixed time per phase, O_DIRECT and native AIO. What is printed, and which phases are
 * run: phases.h. With a second argument, a file, the marks of marks.h are written to it around each phase, and the profiler
 * sees it.
 * Static and without any library but libc: it is put into initrds as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/phases.h"
#include "tests/profiler/mark.h"

#define DEPTH_MAX 32u
#define BLOCK_MAX (128u * 1024)
/* For the profiler phases are numbered from there on, new ones last; tests/profiler/works.py */
#define PROFILE_FIRST 10u

struct phase {
	const char *name;
	unsigned int depth; /* 0: one at a time by pread, pwrite */
	uint32_t bytes;
	uint16_t opcode; /* IOCB_CMD_* */
	int sequential;
};

static const struct phase phases[] = {
	{ "idle", 0, 0, 0, 0 }, /* nothing is read: what the machine does by itself */
	{ "read-4k-depth-1", 0, 4096, IOCB_CMD_PREAD, 0 },
	{ "read-4k-aio-1", 1, 4096, IOCB_CMD_PREAD, 0 },
	{ "read-4k-depth-32", 32, 4096, IOCB_CMD_PREAD, 0 },
	{ "read-128k", 0, BLOCK_MAX, IOCB_CMD_PREAD, 1 },
	{ "write-128k", 0, BLOCK_MAX, IOCB_CMD_PWRITE, 1 },
	{ "read-4k-depth-4", 4, 4096, IOCB_CMD_PREAD, 0 },
	{ "read-128k-depth-8", 8, BLOCK_MAX, IOCB_CMD_PREAD, 1 },
};
#define PHASES (sizeof(phases) / sizeof(phases[0]))

struct run {
	const struct phase *phase;
	int fd;
	aio_context_t context;
	uint64_t blocks; /* of phase->bytes on the device */
	uint64_t next;   /* block, when sequential */
	uint64_t random;
	uint64_t done;
	uint64_t ns;
	struct iocb iocbs[DEPTH_MAX];
	char *buffers;
};

static uint64_t next_block(struct run *run)
{
	if (run->phase->sequential)
		return run->next++ % run->blocks;
	run->random ^= run->random << 13; /* xorshift64 */
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	return run->random % run->blocks;
}

static void fill(struct run *run, unsigned int slot)
{
	const struct phase *phase = run->phase;

	run->iocbs[slot] = (struct iocb){
		.aio_data = slot,
		.aio_lio_opcode = phase->opcode,
		.aio_fildes = (uint32_t)run->fd,
		.aio_buf = (uintptr_t)(run->buffers + (size_t)slot * phase->bytes),
		.aio_nbytes = phase->bytes,
		.aio_offset = (int64_t)(next_block(run) * phase->bytes),
	};
}

static void submit(struct run *run, struct iocb **list, unsigned int count)
{
	for (unsigned int sent = 0; sent < count;) {
		long result =
			syscall(SYS_io_submit, run->context, count - sent, list + sent);

		if (result <= 0)
			die("io_submit");
		sent += (unsigned int)result;
	}
}

/* What has completed, at least one; the free slots are in `list` as requests not yet sent. */
static unsigned int collect(struct run *run, struct iocb **list)
{
	struct io_event events[DEPTH_MAX];
	long count = syscall(SYS_io_getevents, run->context, 1, run->phase->depth, events,
	                     NULL);

	if (count <= 0)
		die("io_getevents");
	for (long i = 0; i < count; i++) {
		unsigned int slot = (unsigned int)events[i].data;

		if (events[i].res != run->phase->bytes) {
			errno = events[i].res < 0 ? (int)-events[i].res : EIO;
			die(run->phase->name);
		}
		list[i] = &run->iocbs[slot];
	}
	run->done += (uint64_t)count;
	return (unsigned int)count;
}

/* Keeps `depth` requests in flight until the time is over, then waits for the last. */
static void drive(struct run *run)
{
	struct iocb *list[DEPTH_MAX];
	unsigned int free_slots = run->phase->depth;
	unsigned int in_flight = 0;
	uint64_t start = now_ns();
	uint64_t now = start;

	for (unsigned int i = 0; i < free_slots; i++)
		list[i] = &run->iocbs[i];
	while (in_flight || now - start < PHASE_NS) {
		if (now - start < PHASE_NS) {
			for (unsigned int i = 0; i < free_slots; i++)
				fill(run, (unsigned int)(list[i] - run->iocbs));
			submit(run, list, free_slots);
			in_flight += free_slots;
		}
		free_slots = collect(run, list);
		in_flight -= free_slots;
		now = now_ns();
	}
	run->ns = now - start;
}

static void one_by_one(struct run *run)
{
	const struct phase *phase = run->phase;
	uint64_t start = now_ns();

	do {
		off_t offset = (off_t)(next_block(run) * phase->bytes);
		ssize_t count =
			phase->opcode == IOCB_CMD_PREAD ?
				pread(run->fd, run->buffers, phase->bytes, offset) :
				pwrite(run->fd, run->buffers, phase->bytes, offset);

		if (count != (ssize_t)phase->bytes)
			die(phase->name);
		run->done++;
		run->ns = now_ns() - start;
	} while (run->ns < PHASE_NS);
}

static void measure(struct run *run)
{
	if (run->phase->depth)
		drive(run);
	else if (run->phase->bytes)
		one_by_one(run);
	else
		pause_ns(run->ns = PHASE_NS);
}

/* For the profiler the phase is numbered. */
static void measure_marked(struct run *run)
{
	PROFILE_MARK(PROFILE_BEGIN, PROFILE_FIRST + (run->phase - phases));
	measure(run);
	PROFILE_MARK(PROFILE_END, run->done);
}

int main(int argc, char **argv)
{
	struct run runs[PHASES] = { { .fd = -1 } };
	int marks = argc > 2 ? open(argv[2], O_WRONLY | O_NOCTTY) : -1;
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
	char *buffers = aligned_alloc(4096, DEPTH_MAX * BLOCK_MAX);
	uint64_t bytes;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) != 0)
		die(argc > 1 ? argv[1] : "no device named");
	if (!buffers)
		die("memory");
	memset(buffers, 0x5a, DEPTH_MAX * BLOCK_MAX);
	for (size_t i = 0; i < PHASES; i++) {
		runs[i] = (struct run){ .phase = &phases[i],
			                .fd = fd,
			                .random = 88172645463325252,
			                .buffers = buffers };
		if (!phase_is_wanted(phases[i].name))
			continue;
		if (phases[i].bytes)
			runs[i].blocks = bytes / phases[i].bytes;
		/* Setting up and tearing down, which waits for RCU, are outside of the marks. */
		if (phases[i].depth &&
		    syscall(SYS_io_setup, phases[i].depth, &runs[i].context) != 0)
			die("io_setup");
		phase_mark(marks, MARK_BEGIN);
		if (marks >= 0)
			measure_marked(&runs[i]);
		else
			measure(&runs[i]);
		phase_mark(marks, MARK_END);
		if (phases[i].depth)
			syscall(SYS_io_destroy, runs[i].context);
	}
	for (size_t i = 0; i < PHASES; i++)
		if (phase_is_wanted(phases[i].name))
			phase_print(phases[i].name, runs[i].done,
			            runs[i].done * phases[i].bytes, runs[i].ns);
	return 0;
}
