/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk_verify PATH SECONDS [WORKERS [BYTES]]: writes and reads back, past the page cache, for so long. Each worker
 * has a part of the file or device to itself and keeps in mind what it wrote where; in the end all of it is read once
 * more. Tells "verified W writes, R reads" and ends with 0 when each byte was as it must be and no call failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u
#define BLOCKS_MAX  4096u
#define WORKERS_MAX 16u
#define FLUSH_EVERY 16u

struct counts {
	uint64_t writes;
	uint64_t reads;
};

struct part {
	int fd;
	unsigned int worker;
	off_t start;
	unsigned int blocks;
	uint32_t written[BLOCKS_MAX]; /* the generation of each block; 0: none */
	uint64_t *buffer;             /* of the longest transfer */
	struct counts *counts;
};

static void fill(uint64_t *to, const struct part *part, unsigned int block,
                 uint32_t generation)
{
	uint64_t value = (uint64_t)part->worker << 56 | (uint64_t)block << 32 |
	                 generation;

	for (unsigned int i = 0; i < BLOCK_BYTES / sizeof(*to); i++)
		to[i] = value ^ (i * UINT64_C(0x9e3779b97f4a7c15));
}

static int fail(const char *what, unsigned int block)
{
	printf("disk_verify: %s block %u: %s\n", what, block, strerror(errno));
	return 0;
}

static int write_blocks(struct part *part, unsigned int first, unsigned int count,
                        uint32_t generation)
{
	size_t bytes = (size_t)count * BLOCK_BYTES;

	for (unsigned int i = 0; i < count; i++)
		fill(part->buffer + i * (BLOCK_BYTES / sizeof(uint64_t)), part, first + i,
		     generation);
	if (pwrite(part->fd, part->buffer, bytes,
	           part->start + (off_t)first * BLOCK_BYTES) != (ssize_t)bytes)
		return fail("write", first);
	for (unsigned int i = 0; i < count; i++)
		part->written[first + i] = generation;
	part->counts->writes++;
	if (generation % FLUSH_EVERY == 0 && fdatasync(part->fd) != 0)
		return fail("flush", first);
	return 1;
}

static int check_block(struct part *part, unsigned int block)
{
	static uint64_t expected[BLOCK_BYTES / sizeof(uint64_t)];

	if (part->written[block] == 0)
		return 1;
	if (pread(part->fd, part->buffer, BLOCK_BYTES,
	          part->start + (off_t)block * BLOCK_BYTES) != BLOCK_BYTES)
		return fail("read", block);
	part->counts->reads++;
	fill(expected, part, block, part->written[block]);
	errno = 0;
	return memcmp(expected, part->buffer, BLOCK_BYTES) == 0 ||
	       fail("wrong content,", block);
}

/* The last write to a place counts, whatever became of the process that carried it out. */
static int work(struct part *part, time_t end)
{
	unsigned int seed = part->worker + 1;

	for (uint32_t generation = 1; time(NULL) < end; generation++) {
		unsigned int count = 1u << rand_r(&seed) % 6;
		unsigned int first = (unsigned int)rand_r(&seed) % (part->blocks - count);

		if (!write_blocks(part, first, count, generation) ||
		    !check_block(part, (unsigned int)rand_r(&seed) % part->blocks))
			return 1;
	}
	for (unsigned int block = 0; block < part->blocks; block++)
		if (!check_block(part, block))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int workers = argc > 3 ? (unsigned int)atoi(argv[3]) : 4;
	off_t bytes = argc > 4 ? (off_t)atoll(argv[4]) : 4 << 20;
	struct counts *counts = mmap(NULL, WORKERS_MAX * sizeof(*counts),
	                             PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                             -1, 0);
	struct counts sum = { 0, 0 };
	int status, bad = 0;

	if (argc < 3 || workers < 1 || workers > WORKERS_MAX || counts == MAP_FAILED)
		return 2;
	for (unsigned int i = 0; i < workers; i++) {
		static struct part part;

		part.worker = i;
		part.counts = &counts[i];
		part.blocks = (unsigned int)(bytes / workers / BLOCK_BYTES);
		part.blocks = part.blocks > BLOCKS_MAX ? BLOCKS_MAX : part.blocks;
		part.start = (off_t)i * part.blocks * BLOCK_BYTES;
		if (fork() == 0) {
			part.fd = open(argv[1], O_RDWR | O_CREAT | O_DIRECT, 0600);
			part.buffer = aligned_alloc(BLOCK_BYTES, 64 * BLOCK_BYTES);
			if (part.fd < 0 || !part.buffer || part.blocks < 64)
				_exit(!fail("open", 0));
			status = work(&part, time(NULL) + atoi(argv[2]));
			fflush(stdout);
			_exit(status);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	for (unsigned int i = 0; i < workers; i++) {
		sum.writes += counts[i].writes;
		sum.reads += counts[i].reads;
	}
	printf("verified %llu writes, %llu reads\n", (unsigned long long)sum.writes,
	       (unsigned long long)sum.reads);
	return bad != 0;
}
