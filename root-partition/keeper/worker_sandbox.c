/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker keeps. It carries out a hostile guest's accesses to ports and memory and parses its VMBus
 * messages; what is left to one that was taken over is its own partition, the guest's RAM (which it can write, but
 * not make smaller, larger or take away), and the sockets to keeper, providers and whoever speaks to the VM.
 */
#define _GNU_SOURCE
#include "root-partition/keeper/worker_sandbox.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <viridis/abi/mshv.h>
#include <viridis/base/bits.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/vm/serial_file.h"
#include "vsp/lib/sandbox.h"

/* The guest's RAM; kernel, heap and the VMBus server's lists; a stack for each VP. */
#define GROWTH_BYTES (UINT64_C(512) << 20)
#define STACK_BYTES  (UINT64_C(12) << 20)

/* Main, GLib's, and those of the providers, with the many that io_uring may have for them. */
#define OTHER_THREADS 1024u

/* No file of the worker's grows longer than its limit and what one write may exceed it by. */
#define FILE_BYTES (MAX(SERIAL_FILE_BYTES, 2 * VM_LOG_BYTES) + (4u << 20))

#define ANY(name)                        \
	{                                \
		.number = SCMP_SYS(name) \
	}
#define IOCTL(request)                                          \
	{                                                       \
		SCMP_SYS(ioctl), true, 1, UINT32_MAX, (request) \
	}
#define FCNTL(command)                                          \
	{                                                       \
		SCMP_SYS(fcntl), true, 1, UINT32_MAX, (command) \
	}
#define MADVISE(advice)                                          \
	{                                                        \
		SCMP_SYS(madvise), true, 2, UINT32_MAX, (advice) \
	}

/* What libc, GLib's loop and threads use. No open, no exec, no socket, no new process. */
static const struct sandbox_call calls[] = {
	ANY(read),
	ANY(write),
	ANY(readv),
	ANY(writev),
	ANY(pread64),
	ANY(lseek),
	ANY(fstat),
	ANY(newfstatat),
	ANY(close),
	ANY(dup2),
	ANY(dup3),
	ANY(accept4),
	ANY(recvfrom),
	ANY(recvmsg),
	ANY(sendto),
	ANY(sendmsg),
	ANY(poll),
	ANY(ppoll),
	ANY(eventfd2),
	ANY(clock_gettime),
	ANY(gettimeofday),
	ANY(clock_nanosleep),
	ANY(nanosleep),
	ANY(brk),
	ANY(munmap),
	ANY(mremap),
	ANY(futex),
	ANY(set_robust_list),
	ANY(rseq),
	ANY(sigaltstack),
	ANY(sched_yield),
	ANY(sched_getaffinity),
	ANY(getrandom),
	ANY(getpid),
	ANY(gettid),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(restart_syscall),
	ANY(exit),
	ANY(exit_group),

	/* Threads alone. */
	{ SCMP_SYS(clone), true, 0, CLONE_THREAD, CLONE_THREAD },
	{ SCMP_SYS(prctl), true, 0, UINT32_MAX, PR_SET_NAME },

	/* Not F_ADD_SEALS, nor anything that tells others of us. */
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_SETFD),
	FCNTL(F_GET_SEALS),
	FCNTL(F_DUPFD_CLOEXEC),

	/* Its own partition and VPs. No device, and no memory of its own shown to the guest. */
	IOCTL(MSHV_CREATE_VP),
	IOCTL(MSHV_ROOT_HVCALL),
	IOCTL(MSHV_RUN_VP),
	IOCTL(MSHV_GET_VP_STATE),
	IOCTL(MSHV_SET_VP_STATE),
	IOCTL(VIRIDIS_SIGNAL_EVENTFD),
	IOCTL(VIRIDIS_EVENTFD_FLAG),
	IOCTL(VIRIDIS_MESSAGE_FD),
	IOCTL(VIRIDIS_POST_MESSAGE),
	IOCTL(VIRIDIS_GET_STATS),
	IOCTL(VIRIDIS_ATTACHED_MEMORY),

	/* No code can be brought in. */
	{ SCMP_SYS(mmap), true, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), true, 2, PROT_EXEC, 0 },
	/* malloc() and ended threads give pages of their own back. MADV_REMOVE would take the guest's. */
	MADVISE(MADV_DONTNEED),
};

bool worker_sandbox_enter(uint32_t user, const struct definition *definition)
{
	const struct sandbox sandbox = {
		.user = user,
		.growth_bytes = definition->memory_bytes + GROWTH_BYTES +
		                definition->vps * STACK_BYTES,
		.threads = definition->vps + OTHER_THREADS,
		.file_bytes = FILE_BYTES,
		.calls = calls,
		.call_count = ARRAY_COUNT(calls),
		/* The C library makes threads by clone() where there is none. */
		.missing_call = SCMP_SYS(clone3),
	};

	/* An arena for each thread would take address space that is not to be had. */
	mallopt(M_ARENA_MAX, 1);
	return sandbox_enter(&sandbox);
}
