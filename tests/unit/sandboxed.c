/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks from outside, and attempts from inside. */
#define _GNU_SOURCE
#include "sandboxed.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool sandboxed_unprivileged(void)
{
	return geteuid() != 0;
}

void sandboxed_line(pid_t pid, const char *name, const char *label, char line[256])
{
	char path[64];
	FILE *file;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, 256, file))
		found = strncmp(line, label, strlen(label)) == 0;
	fclose(file);
	ck_assert_msg(found, "no %s in %s", label, path);
	memmove(line, line + strlen(label), strlen(line) - strlen(label) + 1);
}

void sandboxed_check_user(pid_t pid, uint32_t user)
{
	static const char *const labels[] = { "Uid:", "Gid:" };
	char line[256];

	if (sandboxed_unprivileged())
		return;
	for (int i = 0; i < 2; i++) {
		unsigned int ids[4] = { 0 };

		sandboxed_line(pid, "status", labels[i], line);
		ck_assert_int_eq(sscanf(line, "%u %u %u %u", &ids[0], &ids[1], &ids[2],
		                        &ids[3]),
		                 4);
		for (int id = 0; id < 4; id++)
			ck_assert_uint_eq(ids[id], user);
	}
	sandboxed_line(pid, "status", "Groups:", line);
	ck_assert_uint_eq(strspn(line, " \t\n"), strlen(line));
}

void sandboxed_check_capabilities(pid_t pid)
{
	static const char *const labels[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };
	char line[256];

	for (int i = 0; i < 4; i++) {
		sandboxed_line(pid, "status", labels[i], line);
		ck_assert_uint_eq(strtoull(line, NULL, 16), 0);
	}
	sandboxed_line(pid, "status", "NoNewPrivs:", line);
	ck_assert_int_eq(atoi(line), 1);
	sandboxed_line(pid, "status", "Seccomp:", line);
	ck_assert_int_eq(atoi(line), 2);
}

void sandboxed_check_namespace(pid_t pid, int index)
{
	static const char *const names[SANDBOXED_NAMESPACES] = { "mnt", "net", "ipc",
		                                                 "uts", "pid" };
	char path[64];
	struct stat its, ours;

	if (sandboxed_unprivileged())
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, names[index]);
	ck_assert_int_eq(stat(path, &its), 0);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", names[index]);
	ck_assert_int_eq(stat(path, &ours), 0);
	ck_assert_uint_ne(its.st_ino, ours.st_ino);
}

const struct sandboxed_attempt sandboxed_attempts[] = {
	/* other processes; the PID of the namespace is 1, so 2 is whoever else there might be */
	{ "kill", SYS_kill, "2 9", EPERM },
	{ "kill all", SYS_kill, "-1 9", EPERM },
	{ "tkill", SYS_tkill, "2 9", EPERM },
	{ "tgkill another", SYS_tgkill, "2 2 9", EPERM },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, "2 9 0", EPERM },
	{ "ptrace", SYS_ptrace, "16 2 0 0", EPERM },
	{ "process_vm_readv", SYS_process_vm_readv, "2 0 0 0 0 0", EPERM },
	{ "process_vm_writev", SYS_process_vm_writev, "2 0 0 0 0 0", EPERM },
	{ "pidfd_open", SYS_pidfd_open, "2 0", EPERM },
	{ "pidfd_getfd", SYS_pidfd_getfd, "0 0 0", EPERM },
	{ "kcmp", SYS_kcmp, "2 2 0 0 0", EPERM },
	{ "setpriority", SYS_setpriority, "0 0 0", EPERM },
	{ "fork", SYS_fork, "", EPERM },
	{ "clone", SYS_clone, "17 0 0 0 0", EPERM },
	{ "execve", SYS_execve, "/bin/true 0 0", EPERM },

	/* files: none opens, and there are none */
	{ "open a file", SYS_open, "/etc/passwd 0", EPERM },
	{ "open /dev/mshv", SYS_openat, "-100 /dev/mshv 2", EPERM },
	{ "open guest memory of others", SYS_openat, "-100 /proc/2/fd/3 2", EPERM },
	{ "openat2", SYS_openat2, "-100 /etc/passwd 0 24", EPERM },
	{ "look for a file", SYS_newfstatat, "-100 /etc/passwd @ram 0", ENOENT },
	{ "look for /dev/mshv", SYS_newfstatat, "-100 /dev/mshv @ram 0", ENOENT },
	{ "look into /proc", SYS_newfstatat, "-100 /proc/self @ram 0", ENOENT },
	{ "climb out", SYS_newfstatat, "-100 /../../etc/passwd @ram 0", ENOENT },
	{ "mkdir", SYS_mkdir, "/x 0700", EPERM },
	{ "unlink", SYS_unlink, "/x", EPERM },
	{ "mount", SYS_mount, "/x /x /x 0 0", EPERM },
	{ "chroot", SYS_chroot, "/", EPERM },
	{ "fchdir", SYS_fchdir, "3", EPERM },
	{ "memfd_create", SYS_memfd_create, "/x 0", EPERM },

	/* the network, and sockets at all */
	{ "socket", SYS_socket, "2 1 0", EPERM },
	{ "socketpair", SYS_socketpair, "1 1 0 @ram", EPERM },
	{ "connect", SYS_connect, "3 @ram 16", EPERM },

	/* more of the kernel */
	{ "ioctl", SYS_ioctl, "3 0x5401 @ram", EPERM },
	{ "io_uring_setup", SYS_io_uring_setup, "8 @ram", EPERM },
	{ "io_uring_register", SYS_io_uring_register, "3 0 0 0", EPERM },
	{ "bpf", SYS_bpf, "0 @ram 64", EPERM },
	{ "perf_event_open", SYS_perf_event_open, "@ram 0 -1 -1 0", EPERM },
	{ "userfaultfd", SYS_userfaultfd, "0", EPERM },
	{ "unshare", SYS_unshare, "0x10000000", EPERM },
	{ "setns", SYS_setns, "3 0", EPERM },
	{ "setuid", SYS_setuid, "0", EPERM },
	{ "prctl", SYS_prctl, "4 1 0 0 0", EPERM },
	{ "prlimit64", SYS_prlimit64, "0 9 0 @ram", EPERM },
	{ "seccomp", SYS_seccomp, "0 0 0", EPERM },

	/* code of its own */
	{ "mmap of code", SYS_mmap, "0 4096 7 0x22 -1 0", EPERM },
	{ "mprotect to code", SYS_mprotect, "@ram 4096 5", EPERM },
	{ "pkey_mprotect", SYS_pkey_mprotect, "@ram 4096 5 -1", EPERM },

	/* the guest's RAM */
	{ "MADV_REMOVE", SYS_madvise, "@ram 0x100000 9", EPERM },
	{ "MADV_POPULATE_WRITE", SYS_madvise, "@ram 0x100000 23", EPERM },
	{ "MADV_COLD", SYS_madvise, "@ram 0x100000 20", EPERM },
	{ "mlock", SYS_mlock, "@ram 0x100000", EPERM },
	{ "process_madvise", SYS_process_madvise, "0 @ram 1 20 0", EPERM },
};
const int sandboxed_attempt_count =
	sizeof(sandboxed_attempts) / sizeof(sandboxed_attempts[0]);

void sandboxed_check_attempt(sandboxed_try attempt, const struct sandboxed_attempt *at)
{
	int error;

	if (sandboxed_unprivileged() && at->error != EPERM)
		return;
	error = attempt(at->number, at->arguments);
	ck_assert_msg(error == at->error, "%s: %s", at->what, strerror(error));
}

/* Every number that kernels have given so far, and some more. */
#define CALLS_MAX 470

/* Calls by these numbers end their caller whatever a filter says: uretprobe and uprobe, since kernel 6.14. */
static bool ends_caller(int number)
{
	return number == 335 || number == 336;
}

static bool is_kept(const int *kept, size_t count, int number)
{
	for (size_t i = 0; i < count; i++)
		if (kept[i] == number)
			return true;
	return false;
}

void sandboxed_check_calls(sandboxed_try attempt, const int *kept, size_t count)
{
	for (int number = 0; number < CALLS_MAX; number++)
		if (!is_kept(kept, count, number) && !ends_caller(number))
			ck_assert_msg(attempt(number, "-1 -1 -1 -1 -1 -1") == EPERM,
			              "system call %d is made", number);
}
