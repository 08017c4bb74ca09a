/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox of provider processes, in the order in which each step's privilege is given up:
 * namespaces and root directory, user, capabilities, system calls. A provider parses a hostile
 * guest's packets; what is left to one that was taken over is the guest's own RAM, the disks it
 * had open, and the socket to its worker.
 */
#define _GNU_SOURCE
#include "vsp/lib/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#define NOBODY 65534

/* What libc, the event loop and I/O on open files use. No open, no exec, no socket, no clone. */
static const int usual_syscalls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(close),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/*
 * An own mount namespace whose root is an empty read-only file system. /proc is the one
 * directory sure to exist; only this process sees it covered.
 */
static bool leave_file_system(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/proc", "tmpfs",
	             MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0") == 0 &&
	       chroot("/proc") == 0 && chdir("/") == 0;
}

static bool leave_namespaces(void)
{
	return unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0 &&
	       leave_file_system();
}

static bool become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

/* Namespaces and the change of user take CAP_SYS_ADMIN, whoever the user is. */
static bool is_privileged(void)
{
	struct __user_cap_header_struct header = { .version =
		                                           _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, held) == 0 &&
	       (held[0].effective & BIT32(CAP_SYS_ADMIN));
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version =
		                                           _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capset, &header, none) == 0;
}

/* mmap and mprotect may not make memory executable, so that no code can be brought in. */
static int allow_memory_calls(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (error)
		return error;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	                        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int fill_filter(scmp_filter_ctx filter, const int *extra)
{
	int error = allow_memory_calls(filter);

	for (size_t i = 0; !error && i < ARRAY_COUNT(usual_syscalls); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, usual_syscalls[i], 0);
	for (; !error && extra && *extra != -1; extra++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, *extra, 0);
	return error;
}

static bool restrict_syscalls(const int *extra)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter) {
		errno = ENOMEM;
		return false;
	}
	error = fill_filter(filter, extra);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	errno = -error;
	return error == 0;
}

bool vsp_sandbox_enter(const int *extra)
{
	if (is_privileged() && !(leave_namespaces() && become_nobody()))
		return false;
	if (!drop_capabilities())
		return false;
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return restrict_syscalls(extra);
}
