/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that was taken over (hostile_worker.c) tries what it should not be able to do, by system calls and by
 * what it asks of its keeper.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <viridis/abi/mshv.h>

#include "root-partition/keeper/protocol.h"
#include "sandboxed.h"
#include "vsp/lib/core/protocol.h"

#define RAM_BYTES      (64u << 20)
#define FAKE_PARTITION 7
#define WAIT_MS        10000
#define LOG_BYTES      (1u << 20) /* VM_LOG_BYTES */

static char folder[] = "/tmp/viridis-XXXXXX";
static FILE *to, *from;
static pid_t keeper, worker;

static void order(const char *line, long *result, int *second)
{
	fprintf(to, "%s\n", line);
	fflush(to);
	ck_assert_int_eq(fscanf(from, "%ld %d", result, second), 2);
}

/* The errno of the call, 0 when it worked. */
static int attempt(long number, const char *arguments)
{
	char line[256];
	long result;
	int error;

	snprintf(line, sizeof(line), "%ld %s", number, arguments);
	order(line, &result, &error);
	return error;
}

static void run(int orders, int answers)
{
	dup2(orders, STDIN_FILENO);
	dup2(answers, STDOUT_FILENO);
	close_range(3, ~0u, 0);
	execl(WORKER, WORKER, folder, NULL);
	_exit(127);
}

static void set_up(void)
{
	int orders[2], answers[2];
	int process;

	ck_assert_ptr_nonnull(mkdtemp(strcpy(folder, "/tmp/viridis-XXXXXX")));
	ck_assert_int_eq(pipe2(orders, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(answers, O_CLOEXEC), 0);
	keeper = fork();
	if (keeper == 0)
		run(orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	to = fdopen(orders[1], "w");
	from = fdopen(answers[0], "r");
	ck_assert_int_eq(fscanf(from, "%d %d", &process, &worker), 2);
	ck_assert_int_eq(process, keeper);
	/* Once it obeys it is in its sandbox. */
	(void)attempt(SYS_getpid, "");
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

/* The keeper ends with its worker and leaves no lock and no socket. */
static void expect_end(void)
{
	static const char *const files[] = { "hostile.lock", "hostile.sock",
		                             "hostile.console" };
	int status;

	ck_assert_int_eq(waitpid(keeper, &status, 0), keeper);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x",
	              status);
	for (int i = 0; i < 3; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		ck_assert_int_ne(access(path, F_OK), 0);
	}
	ck_assert_int_ne(kill(worker, 0), 0);
}

static void tear_down(void)
{
	fclose(to);
	expect_end();
	fclose(from);
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static long value_of(long number, const char *arguments)
{
	char line[256];
	long result;
	int error;

	snprintf(line, sizeof(line), "%ld %s", number, arguments);
	order(line, &result, &error);
	return result;
}

/* ---- What it is ---- */

START_TEST(it_is_a_user_of_its_vms_own_without_groups)
{
	sandboxed_check_user(worker, vsp_user_of(FAKE_PARTITION));
}
END_TEST

START_TEST(it_has_no_capability_and_gets_none)
{
	sandboxed_check_capabilities(worker);
}
END_TEST

START_TEST(its_namespaces_are_its_own)
{
	sandboxed_check_namespace(worker, _i);
}
END_TEST

START_TEST(its_memory_and_its_files_have_limits)
{
	char line[256];

	sandboxed_line(worker, "limits", "Max address space", line);
	ck_assert_uint_lt(strtoull(line, NULL, 10), UINT64_C(2) << 30);
	sandboxed_line(worker, "limits", "Max file size", line);
	ck_assert_uint_lt(strtoull(line, NULL, 10), UINT64_C(64) << 20);
	ck_assert_int_eq(attempt(SYS_mmap, "0 0x80000000 3 0x22 -1 0"), ENOMEM);
	if (sandboxed_unprivileged())
		return;
	sandboxed_line(worker, "limits", "Max processes", line);
	ck_assert_uint_lt(strtoull(line, NULL, 10), 2048);
}
END_TEST

START_TEST(it_has_nothing_open_but_its_own)
{
	static const char *const allowed[] = { "pipe:", "socket:", "/memfd:viridis-guest",
		                               "/dev/null" };

	for (int fd = 0; fd < 64; fd++) {
		char path[64], name[128] = "";
		bool known = false;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", worker, fd);
		if (readlink(path, name, sizeof(name) - 1) <= 0)
			continue;
		for (int i = 0; i < 4; i++)
			known |= strncmp(name, allowed[i], strlen(allowed[i])) == 0;
		/* Its partition is /dev/null here. */
		ck_assert_msg(known, "it has %s", name);
	}
}
END_TEST

/* ---- What it cannot do ---- */

START_TEST(an_attempt_fails)
{
	sandboxed_check_attempt(attempt, &sandboxed_attempts[_i]);
}
END_TEST

/* Sizes, holes and seals of the guest's RAM; more memory shown to the guest; other partitions. */
static const struct sandboxed_attempt others[] = {
	{ "a hole in the RAM", SYS_fallocate, "@memory 3 0 0x800000", EPERM },
	{ "a smaller RAM", SYS_ftruncate, "@memory 0", EPERM },
	{ "another seal", SYS_fcntl, "@memory 1033 0", EPERM },
	{ "a lock", SYS_fcntl, "@memory 37 @block", EPERM },
	{ "a lease", SYS_fcntl, "@memory 1024 1", EPERM },
	{ "huge pages", SYS_madvise, "@ram 0x200000 14", EPERM },
	{ "bind", SYS_bind, "@keeper @block 16", EPERM },
	{ "listen", SYS_listen, "@keeper 1", EPERM },
	{ "pipe", SYS_pipe2, "@block 0", EPERM },
	{ "a new process by clone3", SYS_clone3, "@block 88", ENOSYS },
	{ "vfork", SYS_vfork, "", EPERM },

	/* and what it needs for its work */
	{ "its own signals", SYS_tgkill, "1 1 0", 0 },
	{ "MADV_DONTNEED", SYS_madvise, "@ram 0x100000 4", 0 },
	{ "eventfd2", SYS_eventfd2, "0 0", 0 },
	{ "getpid", SYS_getpid, "", 0 },
};

START_TEST(another_attempt_fails)
{
	sandboxed_check_attempt(attempt, &others[_i]);
}
END_TEST

START_TEST(no_device_and_no_other_request_is_to_be_had)
{
	static const unsigned long requests[] = {
		MSHV_CREATE_PARTITION,
		MSHV_SET_GUEST_MEMORY,
		VIRIDIS_INFO,
		VIRIDIS_READ_LOG,
		VIRIDIS_READ_TRACE,
		TIOCSTI,
		FIONREAD,
		VIRIDIS_PARTITION_ID,
	};
	char arguments[128];

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		snprintf(arguments, sizeof(arguments), "@partition %lu @block",
		         requests[i]);
		ck_assert_int_eq(attempt(SYS_ioctl, arguments), EPERM);
	}
	/* One of its own gets as far as the stand-in, which knows none. */
	snprintf(arguments, sizeof(arguments), "@partition %lu @block",
	         (unsigned long)MSHV_CREATE_VP);
	ck_assert_int_eq(attempt(SYS_ioctl, arguments), ENOTTY);
}
END_TEST

START_TEST(the_guests_ram_stays_as_large_as_it_is)
{
	ck_assert_int_eq(value_of(SYS_lseek, "@memory 0 2"), RAM_BYTES);
	ck_assert_int_eq(value_of(SYS_write, "@memory @block 1"), -1);
	ck_assert_int_eq(value_of(SYS_lseek, "@memory 0 2"), RAM_BYTES);
}
END_TEST

static const int kept[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_lseek, SYS_fstat,
	SYS_newfstatat, SYS_close, SYS_dup2, SYS_dup3, SYS_accept4, SYS_recvfrom,
	SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_poll, SYS_ppoll, SYS_eventfd2,
	SYS_clock_gettime, SYS_gettimeofday, SYS_clock_nanosleep, SYS_nanosleep, SYS_brk,
	SYS_munmap, SYS_mremap, SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_sigaltstack,
	SYS_sched_yield, SYS_sched_getaffinity, SYS_getrandom, SYS_getpid, SYS_gettid,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_exit, SYS_exit_group,
	/* with some arguments */
	SYS_clone, SYS_mmap, SYS_mprotect, SYS_madvise, SYS_tgkill,
	/* as by an older kernel */
	SYS_clone3
};

START_TEST(no_call_beyond_the_list_is_made)
{
	sandboxed_check_calls(attempt, kept, sizeof(kept) / sizeof(kept[0]));
}
END_TEST

/* ---- What it asks of its keeper ---- */

/* A request in the keeper's words: type, number, then text. *failed: the reply says so. -1: it hung up. */
static int ask(uint32_t type, uint32_t number, const char *text, int *descriptors)
{
	char line[512] = "send ";
	size_t at = strlen(line);
	long failed;

	for (int i = 0; i < 4; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x",
		                       type >> 8 * i & 0xff);
	for (int i = 0; i < 4; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x",
		                       number >> 8 * i & 0xff);
	for (; *text; text++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x",
		                       (unsigned char)*text);
	order(line, &failed, descriptors);
	return (int)failed;
}

START_TEST(files_are_the_definitions_own_whatever_is_asked)
{
	int descriptors;

	ck_assert_int_eq(ask(KEEPER_KERNEL, 0, "", &descriptors), 0);
	ck_assert_int_eq(descriptors, 1);
	ck_assert_int_eq(ask(KEEPER_INITRD, 0, "", &descriptors), 1); /* it has none */
	ck_assert_int_eq(descriptors, 0);
	ck_assert_int_eq(ask(KEEPER_PROVIDER, 0, "", &descriptors), 1); /* no disks */
	ck_assert_int_eq(descriptors, 0);
	/* It is not as long as it may be. */
	ck_assert_int_eq(ask(KEEPER_SERIAL_NEXT, 0, "", &descriptors), 0);
	ck_assert_int_eq(descriptors, 0);
}
END_TEST

START_TEST(what_it_tells_is_kept_as_harmless_text)
{
	char path[64], text[512] = "";
	int descriptors;
	FILE *file;

	ck_assert_int_eq(ask(KEEPER_STATE, KEEPER_PANICKED, "\033[2Jlast\twords",
	                     &descriptors),
	                 0);
	snprintf(path, sizeof(path), "%s/hostile.state", folder);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	ck_assert_msg(strstr(text, "?[2Jlast words"), "%s", text);
}
END_TEST

static off_t file_bytes(const char *name)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &status) == 0 ? status.st_size : 0;
}

/* What the pipe has no room for is lost, so that a busy machine's keeper sees only a part of them. */
static void write_to_log(size_t bytes)
{
	for (size_t written = 0; written < bytes; written += 4096)
		(void)attempt(SYS_write, "2 @block 4096");
}

START_TEST(its_log_is_the_keepers_and_does_not_grow_whatever_it_writes)
{
	off_t longest = LOG_BYTES + (64 << 10); /* a pipe's contents at a time */
	int descriptors;

	ck_assert_int_eq(attempt(SYS_lseek, "2 0x1000000 0"), ESPIPE);
	for (int ms = 0; file_bytes("log.old") == 0 && ms < WAIT_MS; ms++) {
		write_to_log(LOG_BYTES / 16);
		usleep(1000);
	}
	ck_assert_int_gt(file_bytes("log.old"), 0);
	write_to_log(2 * LOG_BYTES);
	(void)ask(KEEPER_POOL, 0, "", &descriptors);
	ck_assert_int_le(file_bytes("log.old"), longest);
	ck_assert_int_le(file_bytes("log"), longest);
}
END_TEST

static const struct {
	uint32_t type, number;
	const char *text;
} broken[] = {
	{ 0, 0, "" },
	{ KEEPER_REQUESTS, 0, "" },
	{ 0xffffffff, 0, "" },
	{ KEEPER_MACHINE, 1, "" },
	{ KEEPER_KERNEL, 0, "/etc/passwd" },
	{ KEEPER_PROVIDER, 1000, "" },
	{ KEEPER_PROVIDER_KILL, 1000, "" },
	{ KEEPER_STATE, KEEPER_STATES, "" },
	{ KEEPER_STATE, KEEPER_OFF, "\377" },
};

START_TEST(a_request_that_breaks_the_protocol_ends_the_worker)
{
	char line[512] = "";

	fprintf(to, "send %08x%08x", __builtin_bswap32(broken[_i].type),
	        __builtin_bswap32(broken[_i].number));
	for (const char *at = broken[_i].text; *at; at++)
		fprintf(to, "%02x", (unsigned char)*at);
	fprintf(to, "\n");
	fflush(to);
	/* It is killed, before or after it was told that nobody listens any more. */
	(void)!fgets(line, sizeof(line), from);
	ck_assert_int_ne(strncmp(line, "0 ", 2), 0);
	for (int waited = 0; kill(worker, 0) == 0 && waited < WAIT_MS; waited++)
		usleep(1000);
	ck_assert_int_ne(kill(worker, 0), 0);
}
END_TEST

START_TEST(descriptors_and_short_requests_end_the_worker_too)
{
	static const char *const lines[] = { "send 01000000", "send fd0200000000000000" };

	fprintf(to, "%s\n", lines[_i]);
	fflush(to);
	for (int waited = 0; kill(worker, 0) == 0 && waited < WAIT_MS; waited++)
		usleep(1000);
	ck_assert_int_ne(kill(worker, 0), 0);
}
END_TEST

/* ---- Its end ---- */

START_TEST(one_that_hears_nobody_ends_with_its_keeper)
{
	pid_t ended = 0;
	int status;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	fprintf(to, "deaf\n");
	fflush(to);
	usleep(100000);
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	ck_assert_int_eq(waitpid(keeper, &status, 0), keeper);
	for (int waited = 0; ended == 0 && waited < WAIT_MS; waited++) {
		ended = waitpid(worker, &status, WNOHANG);
		usleep(1000);
	}
	ck_assert_int_eq(ended, worker);
	fclose(to);
	fclose(from);
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker_sandbox");
	TCase *inside = tcase_create("inside");
	TCase *end = tcase_create("end");

	tcase_set_timeout(inside, 60);
	tcase_set_timeout(end, 60);
	tcase_add_checked_fixture(inside, set_up, tear_down);
	tcase_add_checked_fixture(end, set_up, NULL);
	tcase_add_test(inside, it_is_a_user_of_its_vms_own_without_groups);
	tcase_add_test(inside, it_has_no_capability_and_gets_none);
	tcase_add_loop_test(inside, its_namespaces_are_its_own, 0, SANDBOXED_NAMESPACES);
	tcase_add_test(inside, its_memory_and_its_files_have_limits);
	tcase_add_test(inside, it_has_nothing_open_but_its_own);
	tcase_add_loop_test(inside, an_attempt_fails, 0, sandboxed_attempt_count);
	tcase_add_loop_test(inside, another_attempt_fails, 0,
	                    (int)(sizeof(others) / sizeof(others[0])));
	tcase_add_test(inside, no_device_and_no_other_request_is_to_be_had);
	tcase_add_test(inside, the_guests_ram_stays_as_large_as_it_is);
	tcase_add_test(inside, no_call_beyond_the_list_is_made);
	tcase_add_test(inside, files_are_the_definitions_own_whatever_is_asked);
	tcase_add_test(inside, what_it_tells_is_kept_as_harmless_text);
	tcase_add_test(inside,
	               its_log_is_the_keepers_and_does_not_grow_whatever_it_writes);
	tcase_add_loop_test(inside, a_request_that_breaks_the_protocol_ends_the_worker, 0,
	                    (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_loop_test(inside, descriptors_and_short_requests_end_the_worker_too, 0,
	                    2);
	tcase_add_test(end, one_that_hears_nobody_ends_with_its_keeper);
	suite_add_tcase(suite, inside);
	suite_add_tcase(suite, end);
	return suite;
}

UNIT_MAIN(make_suite)
