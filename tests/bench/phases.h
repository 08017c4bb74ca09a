/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs that measure in phases share: the clock, which phases are asked for, the marks around each (marks.h),
 * and the line that each ends in:
 *
 *	phase NAME OPERATIONS BYTES NANOSECONDS
 *
 * The variable `phases` of the environment may name some, with commas between them; else all are run.
 */
#ifndef TESTS_BENCH_PHASES_H
#define TESTS_BENCH_PHASES_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/marks.h"

#define PHASE_NS UINT64_C(250000000)

static inline _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
	        strerror(errno));
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void pause_ns(uint64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

static inline bool phase_is_wanted(const char *name)
{
	const char *list = getenv("phases");
	size_t length = strlen(name);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, name, length) == 0 && strchr(",", list[length]))
			return true;
	return !getenv("phases");
}

/* Nothing without a file to write them to: fd below 0. */
static inline void phase_mark(int fd, char byte)
{
	if (fd >= 0 && write(fd, &byte, 1) != 1)
		die("mark");
	if (fd >= 0)
		pause_ns(byte == MARK_END ? MARK_REST_NS : MARK_PAUSE_NS);
}

static inline void phase_print(const char *name, uint64_t operations, uint64_t bytes,
                               uint64_t ns)
{
	printf("phase %s %llu %llu %llu\n", name, (unsigned long long)operations,
	       (unsigned long long)bytes, (unsigned long long)ns);
}

#endif
