/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a port that no device has, again and again, and prints, in the form of disk_reader,
 *
 *	phase port-read READS 0 NANOSECONDS
 *
 * The profiler sees it. Static, for initrds.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/io.h>
#include <time.h>

#include "tests/profiler/mark.h"

#define PORT          0xe0u
#define READS         3000u
#define PROFILE_PHASE 40u /* tests/profiler/works.py */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int main(void)
{
	uint64_t begin;

	if (ioperm(PORT, 1, 1)) {
		perror("port_reader");
		return 1;
	}
	(void)inb(PORT);
	begin = now_ns();
	PROFILE_MARK(PROFILE_BEGIN, PROFILE_PHASE);
	for (unsigned int i = 0; i < READS; i++)
		(void)inb(PORT);
	PROFILE_MARK(PROFILE_END, READS);
	printf("phase port-read %u 0 %llu\n", READS,
	       (unsigned long long)(now_ns() - begin));
	return 0;
}
