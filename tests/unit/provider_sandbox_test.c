/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A provider that was taken over (hostile_provider.c) tries what it should not be able to do. Each layer is held
 * by itself: a call that the filter refuses fails with EPERM, and without the filter with another error.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provider_host.h"

#define CALLS_MAX 470 /* every number that kernels have given so far, and some more */
#define WAIT_MS   10000

static struct host host;

static void set_up(void)
{
	host_start(&host, PROVIDER);
	ck_assert(host_configure(&host, "{}"));
}

static void tear_down(void)
{
	ck_assert_int_eq(host_stop(&host), 0);
}

/* Without privilege there are neither namespaces nor users to be had. */
static bool unprivileged(void)
{
	return geteuid() != 0;
}

/* The errno of the call, 0 when it worked. */
static int attempt(long number, const char *arguments)
{
	char text[256];
	long result;
	int error;

	snprintf(text, sizeof(text), "%ld %s", number, arguments);
	host_send(&host, VSP_COMMAND, 0, 1, text);
	ck_assert_int_eq(sscanf(host_expect(&host, VSP_EVENT)->tail, "%ld %d", &result,
	                        &error),
	                 2);
	return error;
}

/* Of /proc/PID/NAME, what follows `label` in its line. */
static void proc_line(const char *name, const char *label, char line[256])
{
	char path[64];
	FILE *file;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/%s", host.pid, name);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (!found && fgets(line, 256, file))
		found = strncmp(line, label, strlen(label)) == 0;
	fclose(file);
	ck_assert_msg(found, "no %s in %s", label, path);
	memmove(line, line + strlen(label), strlen(line) - strlen(label) + 1);
}

/* ---- What it is ---- */

START_TEST(it_is_a_user_of_its_own_without_groups)
{
	unsigned int user = vsp_user_of(HOST_PARTITION);
	static const char *const labels[] = { "Uid:", "Gid:" };
	char line[256];

	if (unprivileged())
		return;
	for (int i = 0; i < 2; i++) {
		unsigned int ids[4] = { 0 };

		proc_line("status", labels[i], line);
		ck_assert_int_eq(sscanf(line, "%u %u %u %u", &ids[0], &ids[1], &ids[2],
		                        &ids[3]),
		                 4);
		for (int id = 0; id < 4; id++)
			ck_assert_uint_eq(ids[id], user);
	}
	proc_line("status", "Groups:", line);
	ck_assert_uint_eq(strspn(line, " \t\n"), strlen(line));
}
END_TEST

START_TEST(it_has_no_capability_and_gets_none)
{
	static const char *const labels[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };
	char line[256];

	for (int i = 0; i < 4; i++) {
		proc_line("status", labels[i], line);
		ck_assert_uint_eq(strtoull(line, NULL, 16), 0);
	}
	proc_line("status", "NoNewPrivs:", line);
	ck_assert_int_eq(atoi(line), 1);
	proc_line("status", "Seccomp:", line);
	ck_assert_int_eq(atoi(line), 2);
}
END_TEST

START_TEST(its_namespaces_are_its_own)
{
	static const char *const names[] = { "mnt", "net", "ipc", "uts", "pid" };
	char path[64];
	struct stat its, ours;

	if (unprivileged())
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", host.pid, names[_i]);
	ck_assert_int_eq(stat(path, &its), 0);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", names[_i]);
	ck_assert_int_eq(stat(path, &ours), 0);
	ck_assert_uint_ne(its.st_ino, ours.st_ino);
}
END_TEST

START_TEST(its_memory_has_a_limit)
{
	char line[256];
	unsigned long long bytes;

	proc_line("limits", "Max address space", line);
	bytes = strtoull(line, NULL, 10);
	ck_assert_uint_gt(bytes, HOST_RAM_BYTES);
	ck_assert_uint_lt(bytes, UINT64_C(1) << 30);
	proc_line("limits", "Max core file size", line);
	ck_assert_uint_eq(strtoull(line, NULL, 10), 0);
	/* MAP_PRIVATE | MAP_ANONYMOUS */
	ck_assert_int_eq(attempt(SYS_mmap, "0 0x100000 3 0x22 -1 0"), 0);
	ck_assert_int_eq(attempt(SYS_mmap, "0 0x40000000 3 0x22 -1 0"), ENOMEM);
}
END_TEST

/* ---- What it cannot do ---- */

static const struct {
	const char *what;
	long number;
	const char *arguments;
	int error;
} attempts[] = {
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

	/* and what it needs for its work */
	{ "its own signals", SYS_tgkill, "1 1 0", 0 },
	{ "MADV_DONTNEED", SYS_madvise, "@ram 0x100000 4", 0 },
	{ "mmap", SYS_mmap, "0 4096 3 0x22 -1 0", 0 },
	{ "getpid", SYS_getpid, "", 0 },
};

START_TEST(an_attempt_fails)
{
	int error;

	if (unprivileged() && attempts[_i].error != EPERM)
		return;
	error = attempt(attempts[_i].number, attempts[_i].arguments);
	ck_assert_msg(error == attempts[_i].error, "%s: %s", attempts[_i].what,
	              strerror(error));
}
END_TEST

/* The guest's memory among its descriptors. */
static int find_memory(void)
{
	for (int fd = 4; fd < 64; fd++) {
		char path[64], name[64] = "";

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", host.pid, fd);
		if (readlink(path, name, sizeof(name) - 1) > 0 &&
		    strncmp(name, "/memfd:", 7) == 0)
			return fd;
	}
	ck_abort_msg("it has no guest memory");
	return -1;
}

START_TEST(the_guests_ram_stays_as_large_as_it_is)
{
	struct stat before, after;
	char arguments[64];
	int fd = find_memory();

	memset(host.memory.base, 0x5a, HOST_RAM_BYTES);
	ck_assert_int_eq(fstat(host.memory.fd, &before), 0);
	snprintf(arguments, sizeof(arguments), "%d 3 0 0x800000", fd);
	ck_assert_int_eq(attempt(SYS_fallocate, arguments), EPERM);
	snprintf(arguments, sizeof(arguments), "%d 0", fd);
	ck_assert_int_eq(attempt(SYS_ftruncate, arguments), EPERM);
	snprintf(arguments, sizeof(arguments), "%d 1033 0", fd); /* F_ADD_SEALS */
	ck_assert_int_eq(attempt(SYS_fcntl, arguments), EPERM);
	ck_assert_int_eq(attempt(SYS_madvise, "@ram 0x1000000 9"), EPERM);
	ck_assert_int_eq(attempt(SYS_madvise, "@ram 0x1000000 4"), 0);
	ck_assert_int_eq(fstat(host.memory.fd, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size);
	ck_assert_int_eq(after.st_blocks, before.st_blocks);
	ck_assert_uint_eq(host.memory.base[0], 0x5a);
}
END_TEST

/* ---- The whole list ---- */

static const int kept[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv,
	SYS_pwritev, SYS_fsync, SYS_fdatasync, SYS_lseek, SYS_fstat, SYS_newfstatat,
	SYS_close, SYS_recvmsg, SYS_sendmsg, SYS_epoll_wait, SYS_epoll_pwait,
	SYS_epoll_ctl, SYS_poll, SYS_ppoll, SYS_timerfd_create, SYS_timerfd_settime,
	SYS_timerfd_gettime, SYS_io_uring_enter, SYS_clock_gettime, SYS_gettimeofday,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_brk, SYS_munmap, SYS_mremap, SYS_futex,
	SYS_getrandom, SYS_getpid, SYS_gettid, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,
	/* with some arguments: `attempts` */
	SYS_mmap, SYS_mprotect, SYS_madvise, SYS_tgkill
};

/* uretprobe and uprobe: kernels since 6.14 let no filter see them, and end who makes them by himself. */
static bool is_own_end(int number)
{
	return number == 335 || number == 336;
}

static bool is_kept(int number)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i] == number)
			return true;
	return false;
}

START_TEST(no_call_beyond_the_list_is_made)
{
	for (int number = 0; number < CALLS_MAX; number++)
		if (!is_kept(number) && !is_own_end(number))
			ck_assert_msg(attempt(number, "-1 -1 -1 -1 -1 -1") == EPERM,
			              "system call %d is made", number);
}
END_TEST

/* ---- Its end ---- */

/* In a process that is worker to a provider, and is killed with it running. */
static void be_worker(int pipe)
{
	set_up();
	host_send(&host, VSP_COMMAND, 0, 1, "deaf");
	usleep(100000);
	if (write(pipe, &host.pid, sizeof(host.pid)) == sizeof(host.pid))
		raise(SIGKILL);
}

START_TEST(one_that_hears_nobody_ends_with_its_worker)
{
	int ends[2], status;
	pid_t worker, provider, ended = 0;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	worker = fork();
	if (worker == 0)
		be_worker(ends[1]);
	ck_assert_int_eq(read(ends[0], &provider, sizeof(provider)), sizeof(provider));
	ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
	for (int waited = 0; ended == 0 && waited < WAIT_MS; waited++) {
		ended = waitpid(provider, &status, WNOHANG);
		usleep(1000);
	}
	if (ended == 0)
		kill(provider, SIGKILL);
	ck_assert_int_eq(ended, provider);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("provider_sandbox");
	TCase *inside = tcase_create("inside");
	TCase *end = tcase_create("end");

	tcase_set_timeout(inside, 60);
	tcase_set_timeout(end, 60);
	tcase_add_checked_fixture(inside, set_up, tear_down);
	tcase_add_test(inside, it_is_a_user_of_its_own_without_groups);
	tcase_add_test(inside, it_has_no_capability_and_gets_none);
	tcase_add_loop_test(inside, its_namespaces_are_its_own, 0, 5);
	tcase_add_test(inside, its_memory_has_a_limit);
	tcase_add_loop_test(inside, an_attempt_fails, 0,
	                    (int)(sizeof(attempts) / sizeof(attempts[0])));
	tcase_add_test(inside, the_guests_ram_stays_as_large_as_it_is);
	tcase_add_test(inside, no_call_beyond_the_list_is_made);
	tcase_add_test(end, one_that_hears_nobody_ends_with_its_worker);
	suite_add_tcase(suite, inside);
	suite_add_tcase(suite, end);
	return suite;
}

UNIT_MAIN(make_suite)
