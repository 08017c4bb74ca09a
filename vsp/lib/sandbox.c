/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox, in the order in which each step's privilege is given up: namespaces and root directory, user,
 * capabilities, memory, system calls.
 */
#define _GNU_SOURCE
#include "vsp/lib/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <viridis/base/bits.h>

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

static bool become_user(uint32_t user)
{
	return setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 &&
	       setresuid(user, user, user) == 0;
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

static bool limit(int resource, rlim_t most)
{
	return setrlimit(resource, &(struct rlimit){ most, most }) == 0;
}

static bool limit_resources(const struct sandbox *sandbox, uint64_t mapped_bytes)
{
	return limit(RLIMIT_AS, mapped_bytes + sandbox->growth_bytes) &&
	       limit(RLIMIT_CORE, 0) &&
	       (!sandbox->file_bytes || limit(RLIMIT_FSIZE, sandbox->file_bytes));
}

/* Only where the user is the VM's own: the limit counts all processes of a user. */
static bool limit_threads(const struct sandbox *sandbox)
{
	return !sandbox->threads || limit(RLIMIT_NPROC, sandbox->threads);
}

/* How large our address space is; /proc is still there. */
static bool measure_memory(uint64_t *bytes)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	bool read = file && fscanf(file, "%llu", &pages) == 1;

	if (file)
		fclose(file);
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return read;
}

static int allow(scmp_filter_ctx filter, const struct sandbox_call *call)
{
	struct scmp_arg_cmp condition = {
		.arg = call->argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = call->mask,
		.datum_b = call->value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number,
	                              call->judged ? 1 : 0, &condition);
}

/* To ourselves alone, by the number that we have in our namespace. */
static int allow_own_signals(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	                        SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
}

static bool restrict_syscalls(const struct sandbox *sandbox)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter) {
		errno = ENOMEM;
		return false;
	}
	/* Binary search: the list is long, and read before every call. */
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; !error && i < sandbox->call_count; i++)
		error = allow(filter, &sandbox->calls[i]);
	if (!error)
		error = allow_own_signals(filter);
	if (!error && sandbox->missing_call)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
		                         sandbox->missing_call, 0);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	errno = -error;
	return error == 0;
}

bool sandbox_enter(const struct sandbox *sandbox)
{
	uint64_t mapped_bytes;

	if (!measure_memory(&mapped_bytes))
		return false;
	if (is_privileged() &&
	    !(leave_namespaces() && become_user(sandbox->user) && limit_threads(sandbox)))
		return false;
	/* The change of user has cleared what was said of the parent's death before. */
	if (!drop_capabilities() || !limit_resources(sandbox, mapped_bytes) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return restrict_syscalls(sandbox);
}
