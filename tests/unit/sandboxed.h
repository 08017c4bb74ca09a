/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process in a sandbox is, as /proc tells it; each fails the test that calls it. */
#ifndef VIRIDIS_TESTS_SANDBOXED_H
#define VIRIDIS_TESTS_SANDBOXED_H

#include <stdbool.h>
#include <stddef.h>
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

/* Has the sandboxed process make a call with arguments of that form; the errno it got, or 0. */
typedef int (*sandboxed_try)(long number, const char *arguments);

void sandboxed_check_attempt(sandboxed_try attempt, const struct sandboxed_attempt *at);

/* Every system call there is fails with EPERM, but those that it keeps. */
void sandboxed_check_calls(sandboxed_try attempt, const int *kept, size_t count);

#endif
