/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up for good what a process no longer needs once it has begun its work. */
#ifndef VIRIDIS_VSP_SANDBOX_H
#define VIRIDIS_VSP_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A system call that stays allowed: any arguments, or those for which (argument & mask) == value. */
struct sandbox_call {
	int number;
	bool judged;
	unsigned int argument;
	uint64_t mask;
	uint64_t value;
};

struct sandbox {
	uint32_t user;         /* user and group from then on */
	uint64_t growth_bytes; /* of address space, beyond what is mapped by then */
	uint32_t threads; /* of all processes of the user, io_uring's included; 0: no limit */
	uint64_t file_bytes; /* how long its files may grow; 0: no limit */
	const struct sandbox_call *calls;
	size_t call_count;
	int missing_call; /* answered with ENOSYS, as by an older kernel; 0: none */
};

/*
 * From here on: no new privileges, no capabilities, a user of its own without groups, an empty file system,
 * network, IPC and UTS namespaces of its own, a limit to its memory, the end with its parent, and no system call
 * but those listed (others get EPERM). Without CAP_SYS_ADMIN, only what needs no privilege is done. False and
 * errno: the process must not go on.
 */
bool sandbox_enter(const struct sandbox *sandbox);

/* What providers keep, and what one of them needs beside it: vsp.h has how much. They have no threads. */
bool vsp_sandbox_enter(uint32_t user, const struct sandbox_call *more, size_t more_count);

#endif
