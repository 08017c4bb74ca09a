/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a provider keeps. It parses a hostile guest's packets; what is left to one that was taken over is the
 * guest's own RAM (which it can write, but not make smaller or take away), the disks it had open, and the socket
 * to its worker.
 */
#include "vsp/lib/sandbox.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <viridis/abi/mshv.h>
#include <viridis/base/bits.h>

#include "vsp/lib/vsp.h"

/* Rings of all channels (the worker lends 128 MiB at most), and the heap. */
#define GROWTH_BYTES (UINT64_C(192) << 20)

/* What libc, the event loop and I/O on open files use. No open, no exec, no socket, no clone. */
static const struct sandbox_call calls[] = {
	{ .number = SCMP_SYS(read) },
	{ .number = SCMP_SYS(write) },
	{ .number = SCMP_SYS(readv) },
	{ .number = SCMP_SYS(writev) },
	{ .number = SCMP_SYS(pread64) },
	{ .number = SCMP_SYS(pwrite64) },
	{ .number = SCMP_SYS(preadv) },
	{ .number = SCMP_SYS(pwritev) },
	{ .number = SCMP_SYS(fsync) },
	{ .number = SCMP_SYS(fdatasync) },
	{ .number = SCMP_SYS(lseek) },
	{ .number = SCMP_SYS(fstat) },
	{ .number = SCMP_SYS(newfstatat) },
	{ .number = SCMP_SYS(close) },
	{ .number = SCMP_SYS(recvmsg) },
	{ .number = SCMP_SYS(sendmsg) },
	{ .number = SCMP_SYS(epoll_wait) },
	{ .number = SCMP_SYS(epoll_pwait) },
	{ .number = SCMP_SYS(epoll_ctl) },
	{ .number = SCMP_SYS(poll) },
	{ .number = SCMP_SYS(ppoll) },
	{ .number = SCMP_SYS(timerfd_create) },
	{ .number = SCMP_SYS(timerfd_settime) },
	{ .number = SCMP_SYS(timerfd_gettime) },
	{ .number = SCMP_SYS(io_uring_enter) },
	{ .number = SCMP_SYS(clock_gettime) },
	{ .number = SCMP_SYS(gettimeofday) },
	{ .number = SCMP_SYS(clock_nanosleep) },
	{ .number = SCMP_SYS(nanosleep) },
	{ .number = SCMP_SYS(brk) },
	{ .number = SCMP_SYS(munmap) },
	{ .number = SCMP_SYS(mremap) },
	{ .number = SCMP_SYS(futex) },
	{ .number = SCMP_SYS(getrandom) },
	{ .number = SCMP_SYS(getpid) },
	{ .number = SCMP_SYS(gettid) },
	{ .number = SCMP_SYS(rt_sigaction) },
	{ .number = SCMP_SYS(rt_sigprocmask) },
	{ .number = SCMP_SYS(rt_sigreturn) },
	{ .number = SCMP_SYS(restart_syscall) },
	{ .number = SCMP_SYS(exit) },
	{ .number = SCMP_SYS(exit_group) },

	/* No code can be brought in. */
	{ SCMP_SYS(mmap), true, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), true, 2, PROT_EXEC, 0 },
	/* A network's offloads, which the guest may change at any time. Nothing but a TAP device knows it. */
	{ SCMP_SYS(ioctl), true, 1, UINT32_MAX, TUNSETOFFLOAD },
	/* The waiter that the keeper gave it. Nothing else knows these. */
	{ SCMP_SYS(ioctl), true, 1, UINT32_MAX, VIRIDIS_WATCH },
	{ SCMP_SYS(ioctl), true, 1, UINT32_MAX, VIRIDIS_WAIT },
	/* malloc() gives pages of its own back. MADV_REMOVE would take the guest's. */
	{ SCMP_SYS(madvise), true, 2, UINT32_MAX, MADV_DONTNEED },
};

bool vsp_sandbox_enter(uint32_t user, const struct sandbox_call *more, size_t more_count)
{
	struct sandbox_call all[ARRAY_COUNT(calls) + VSP_MORE_CALLS_MAX];
	const struct sandbox sandbox = {
		.user = user,
		.growth_bytes = GROWTH_BYTES,
		.calls = all,
		.call_count = ARRAY_COUNT(calls) + more_count,
	};

	if (more_count > VSP_MORE_CALLS_MAX) {
		errno = E2BIG;
		return false;
	}
	memcpy(all, calls, sizeof(calls));
	if (more_count)
		memcpy(all + ARRAY_COUNT(calls), more, more_count * sizeof(*more));

	return sandbox_enter(&sandbox);
}
