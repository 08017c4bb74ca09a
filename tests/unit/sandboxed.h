/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process in a sandbox is, as /proc tells it; each fails the test that calls it. */
#ifndef VIRIDIS_TESTS_SANDBOXED_H
#define VIRIDIS_TESTS_SANDBOXED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Without privilege there are neither namespaces nor users to be had. */
bool sandboxed_unprivileged(void);

/* Of /proc/PID/NAME, what follows `label` in its line. */
void sandboxed_line(pid_t pid, const char *name, const char *label, char line[256]);

void sandboxed_check_user(pid_t pid, uint32_t user);
void sandboxed_check_capabilities(pid_t pid);

#define SANDBOXED_NAMESPACES 5
void sandboxed_check_namespace(pid_t pid, int index);

/* What no sandboxed process may do, as "NUMBER ARGUMENT...", all of which must fail with EPERM. */
struct sandboxed_attempt {
	const char *what;
	long number;
	const char *arguments;
	int error;
};
extern const struct sandboxed_attempt sandboxed_attempts[];
extern const int sandboxed_attempt_count;

/* Calls by these numbers end their caller whatever a filter says: uretprobe and uprobe, since kernel 6.14. */
bool sandboxed_own_end(int number);

/* Every number that kernels have given so far, and some more. */
#define SANDBOXED_CALLS_MAX 470

#endif
