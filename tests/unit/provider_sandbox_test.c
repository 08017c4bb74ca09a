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
#include "sandboxed.h"

#define WAIT_MS 10000

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

/* ---- What it is ---- */

START_TEST(it_is_a_user_of_its_own_without_groups)
{
	sandboxed_check_user(host.pid, vsp_user_of(HOST_PARTITION));
}
END_TEST

START_TEST(it_has_no_capability_and_gets_none)
{
	sandboxed_check_capabilities(host.pid);
}
END_TEST

START_TEST(its_namespaces_are_its_own)
{
	sandboxed_check_namespace(host.pid, _i);
}
END_TEST

START_TEST(its_memory_has_a_limit)
{
	char line[256];
	unsigned long long bytes;

	sandboxed_line(host.pid, "limits", "Max address space", line);
	bytes = strtoull(line, NULL, 10);
	ck_assert_uint_gt(bytes, HOST_RAM_BYTES);
	ck_assert_uint_lt(bytes, UINT64_C(1) << 30);
	sandboxed_line(host.pid, "limits", "Max core file size", line);
	ck_assert_uint_eq(strtoull(line, NULL, 10), 0);
	/* MAP_PRIVATE | MAP_ANONYMOUS */
	ck_assert_int_eq(attempt(SYS_mmap, "0 0x100000 3 0x22 -1 0"), 0);
	ck_assert_int_eq(attempt(SYS_mmap, "0 0x40000000 3 0x22 -1 0"), ENOMEM);
}
END_TEST

/* ---- What it cannot do ---- */

/* What it needs for its work, and what lies beside that. */
static const struct sandboxed_attempt needs[] = {
	{ "its own signals", SYS_tgkill, "1 1 0", 0 },
	{ "MADV_DONTNEED", SYS_madvise, "@ram 0x100000 4", 0 },
	{ "mmap", SYS_mmap, "0 4096 3 0x22 -1 0", 0 },
	{ "getpid", SYS_getpid, "", 0 },
	/* of a waiter, which 63 is not: the filter lets them through */
	{ "VIRIDIS_WATCH", SYS_ioctl, "63 0x4010b8b0 @ram", EBADF },
	{ "VIRIDIS_WAIT", SYS_ioctl, "63 0xb8b1 0", EBADF },
	{ "no other of the module's", SYS_ioctl, "63 0xb885 0", EPERM },
};

START_TEST(an_attempt_fails)
{
	sandboxed_check_attempt(attempt, &sandboxed_attempts[_i]);
}
END_TEST

START_TEST(a_call_that_it_needs_is_made)
{
	sandboxed_check_attempt(attempt, &needs[_i]);
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

START_TEST(no_call_beyond_the_list_is_made)
{
	sandboxed_check_calls(attempt, kept, sizeof(kept) / sizeof(kept[0]));
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
	tcase_add_loop_test(inside, an_attempt_fails, 0, sandboxed_attempt_count);
	tcase_add_loop_test(inside, a_call_that_it_needs_is_made, 0,
	                    (int)(sizeof(needs) / sizeof(needs[0])));
	tcase_add_test(inside, the_guests_ram_stays_as_large_as_it_is);
	tcase_add_test(inside, no_call_beyond_the_list_is_made);
	tcase_add_test(end, one_that_hears_nobody_ends_with_its_worker);
	suite_add_tcase(suite, inside);
	suite_add_tcase(suite, end);
	return suite;
}

UNIT_MAIN(make_suite)
