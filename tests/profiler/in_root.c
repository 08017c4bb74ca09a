/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the profiled root runs:
 *
 *	in_root tasks                              tells the profiler where the kernel keeps its tasks
 *	in_root keep NAME                          gives the profiler its input, for a file of that name
 *	in_root mark NUMBER begin|end OPERATIONS   a phase of that number begins; it ended, after so many operations
 *	in_root wait FILE                          until a child's console in it has the last of bench/marks.h
 *	in_root child NUMBER COMMAND... -- COMMAND...
 *	        a phase of that number begins; both commands run, one behind the other; the phase ends
 *	        with a child's first instruction
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/marks.h"
#include "tests/profiler/mark.h"

static int usage(void)
{
	fprintf(stderr,
	        "in_root: tasks | keep NAME | mark NUMBER begin|end OPERATIONS | wait FILE | child NUMBER COMMAND... -- COMMAND...\n");
	return 2;
}

/* Newer kernels keep `current` in front of a CPU's hot data, older and the newest by itself. */
static int tell_tasks(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	uint64_t address, current = 0, first = 0, switched = 0;
	char line[512], name[256], kind;

	if (!symbols) {
		perror("in_root: /proc/kallsyms");
		return 1;
	}
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &kind, name) != 3)
			continue;
		if (strcmp(name, "current_task") == 0 || strcmp(name, "pcpu_hot") == 0)
			current = address;
		else if (strcmp(name, "init_task") == 0)
			first = address;
		else if (strncmp(name, "finish_task_switch", 18) == 0 &&
		         (name[18] == '\0' || name[18] == '.') && strchr("tT", kind) &&
		         !strstr(name, ".cold"))
			switched = address;
	}
	fclose(symbols);
	if (!current || !first || !switched) {
		fprintf(stderr, "in_root: the kernel hides its symbols\n");
		return 1;
	}
	PROFILE_MARK(PROFILE_TASK, current);
	PROFILE_MARK(PROFILE_TASK_NAMED, first);
	PROFILE_MARK(PROFILE_TASK_SWITCH, switched);
	return 0;
}

/* Reading has brought each page into memory. */
static int keep(const char *name)
{
	static struct profile_kept kept;
	size_t size = 0, room = 1 << 20, got;
	char *bytes = malloc(room);

	while (bytes && (got = fread(bytes + size, 1, room - size, stdin)) > 0) {
		size += got;
		if (size == room)
			bytes = realloc(bytes, room *= 2);
	}
	if (!bytes || ferror(stdin)) {
		perror("in_root: keep");
		return 1;
	}
	snprintf(kept.name, sizeof(kept.name), "%s", name);
	kept.address = (uintptr_t)bytes;
	kept.bytes = size;
	PROFILE_MARK(PROFILE_KEEP, (uintptr_t)&kept);
	return 0;
}

static int mark(const char *number, const char *what, const char *operations)
{
	if (strcmp(what, "begin") == 0)
		PROFILE_MARK(PROFILE_BEGIN, strtoull(number, NULL, 0));
	else if (strcmp(what, "end") == 0)
		PROFILE_MARK(PROFILE_END, strtoull(operations, NULL, 0));
	else
		return usage();
	return 0;
}

/* Looks rarely, and so is hardly seen in what it waits for. */
static int wait_for_last(const char *path)
{
	const struct timespec rest = { .tv_nsec = 300000000 };
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[256];
	ssize_t count;

	if (file < 0) {
		perror(path);
		return 1;
	}
	while ((count = read(file, bytes, sizeof(bytes))) >= 0) {
		if (memchr(bytes, MARK_LAST, (size_t)count))
			return 0;
		if (count == 0)
			nanosleep(&rest, NULL);
	}
	perror(path);
	return 1;
}

static int run_both(uint64_t number, char **first, char **second)
{
	int status = 1;
	pid_t pid;

	PROFILE_MARK(PROFILE_BEGIN_CHILD, number);
	pid = vfork();
	if (pid == 0) {
		execvp(first[0], first);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "in_root: %s: status %#x\n", first[0], status);
		return 1;
	}
	execvp(second[0], second);
	fprintf(stderr, "in_root: %s: %s\n", second[0], strerror(errno));
	return 127;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "tasks") == 0)
		return tell_tasks();
	if (argc == 3 && strcmp(argv[1], "keep") == 0)
		return keep(argv[2]);
	if (argc == 5 && strcmp(argv[1], "mark") == 0)
		return mark(argv[2], argv[3], argv[4]);
	if (argc == 3 && strcmp(argv[1], "wait") == 0)
		return wait_for_last(argv[2]);
	if (argc < 6 || strcmp(argv[1], "child") != 0)
		return usage();
	for (int i = 4; i < argc - 1; i++)
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			return run_both(strtoull(argv[2], NULL, 0), argv + 3,
			                argv + i + 1);
		}
	return usage();
}
