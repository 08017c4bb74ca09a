/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * root_watch FILE MARKS: follows FILE, which a child's serial port is written to, and at each mark in it
 * (marks.h) appends to MARKS the time and every counter the hypervisor has:
 *
 *	mark NUMBER NANOSECONDS {"cpus": [{...}], "root": [{...}], "child": [{...}]}
 *
 * A first line, mark 0, is written at once. The number alone goes to stdout, for a shell to act on. It
 * sleeps between marks, so it costs nothing then. Ends at the last mark.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/libmshv/mshv.h"
#include "tests/bench/marks.h"

#define STAT_NAME(id, name) name,
static const char *const vp_names[] = { VIRIDIS_VP_STATS(STAT_NAME) };
static const char *const cpu_names[] = { VIRIDIS_CPU_STATS(STAT_NAME) };
#undef STAT_NAME

/* The counters are read when the guest is about to begin: its pause is not part of the phase. */
static const struct timespec almost_a_pause = { .tv_nsec = MARK_PAUSE_NS - 2000000 };

static FILE *marks;

static void die(const char *what)
{
	fprintf(stderr, "root_watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* One object; false when the partition or CPU has no such index. */
static bool print_object(int device, struct viridis_get_stats *stats, uint32_t index)
{
	const char *const *names = stats->object == VIRIDIS_STATS_VP ? vp_names :
	                                                               cpu_names;
	uint32_t known = stats->object == VIRIDIS_STATS_VP ? VIRIDIS_VP_STAT_COUNT :
	                                                     VIRIDIS_CPU_STAT_COUNT;

	stats->index = index;
	if (mshv_get_stats(device, stats) != 0)
		return false;
	fprintf(marks, "%s{", index ? ", " : "");
	for (uint32_t i = 0; i < known && i < stats->count; i++)
		fprintf(marks, "%s\"%s\": %" PRIu64, i ? ", " : "", names[i],
		        stats->counter[i]);
	fputs("}", marks);
	return true;
}

static void print_objects(int device, const char *name, uint32_t object,
                          uint64_t partition_id)
{
	struct viridis_get_stats stats = { .partition_id = partition_id,
		                           .object = object };
	uint32_t index = 0;

	fprintf(marks, "\"%s\": [", name);
	while (print_object(device, &stats, index))
		index++;
	fputs("]", marks);
}

static void print_mark(int device, int number)
{
	struct viridis_partition_info child = { 0 };
	uint32_t count = 1;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(marks, "mark %d %" PRIu64 " {", number,
	        (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	print_objects(device, "cpus", VIRIDIS_STATS_CPU, 0);
	fputs(", ", marks);
	print_objects(device, "root", VIRIDIS_STATS_VP, HV_PARTITION_ID_SELF);
	if (mshv_info(device, &child, &count, NULL) == 0 && count > 0) {
		fputs(", ", marks);
		print_objects(device, "child", VIRIDIS_STATS_VP, child.partition_id);
	}
	fputs("}\n", marks);
	fflush(marks);
	printf("%d\n", number);
	fflush(stdout);
}

/* True at the last mark. */
static bool follow(int device, int file)
{
	char bytes[4096];
	ssize_t count;

	while ((count = read(file, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			if (bytes[i] < MARK_BEGIN || bytes[i] > MARK_LAST)
				continue;
			if (bytes[i] == MARK_BEGIN)
				nanosleep(&almost_a_pause, NULL);
			print_mark(device, bytes[i]);
			if (bytes[i] == MARK_LAST)
				return true;
		}
	}
	if (count < 0)
		die("read");
	return false;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "";
	int file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	int notify = inotify_init1(IN_CLOEXEC);
	int device = mshv_open();
	char events[4096];

	if (file < 0 || notify < 0 || inotify_add_watch(notify, path, IN_MODIFY) < 0)
		die(path);
	marks = fopen(argc > 2 ? argv[2] : "", "a");
	if (!marks)
		die(argc > 2 ? argv[2] : "no file for the marks");
	if (device < 0) {
		errno = -device;
		die("/dev/mshv");
	}
	print_mark(device, 0);
	while (!follow(device, file))
		if (read(notify, events, sizeof(events)) < 0)
			die("inotify");
	return 0;
}
