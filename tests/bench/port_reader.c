/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a port that no device has, again and again, byte by byte and by REP INSW as a BIOS reads a sector, and prints, in
 * the form of disk_reader,
 *
 *	phase port-read READS 0 NANOSECONDS
 *	phase port-sector SECTORS 0 NANOSECONDS
 *
 * The profiler sees it. Static, for initrds.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/io.h>
#include <time.h>

#include "tests/profiler/mark.h"

#define PORT           0xe0u
#define READS          3000u
#define SECTORS        100u
#define SECTOR_BYTES   512u
#define PROFILE_READ   40u /* tests/profiler/works.py */
#define PROFILE_SECTOR 41u

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void print_phase(const char *name, unsigned int count, uint64_t begin)
{
	printf("phase %s %u 0 %llu\n", name, count,
	       (unsigned long long)(now_ns() - begin));
}

static void read_bytes(void)
{
	uint64_t begin;

	(void)inb(PORT);
	begin = now_ns();
	PROFILE_MARK(PROFILE_BEGIN, PROFILE_READ);
	for (unsigned int i = 0; i < READS; i++)
		(void)inb(PORT);
	PROFILE_MARK(PROFILE_END, READS);
	print_phase("port-read", READS, begin);
}

static void read_sectors(void)
{
	static uint8_t sector[SECTOR_BYTES];
	uint64_t begin;

	insw(PORT, sector, SECTOR_BYTES / 2);
	begin = now_ns();
	PROFILE_MARK(PROFILE_BEGIN, PROFILE_SECTOR);
	for (unsigned int i = 0; i < SECTORS; i++)
		insw(PORT, sector, SECTOR_BYTES / 2);
	PROFILE_MARK(PROFILE_END, SECTORS);
	print_phase("port-sector", SECTORS, begin);
}

int main(void)
{
	if (ioperm(PORT, 2, 1)) {
		perror("port_reader");
		return 1;
	}
	read_bytes();
	read_sectors();
	return 0;
}
