// SPDX-License-Identifier: GPL-2.0-or-later
/* What a member of the device's group can do to others, and what not: the same as SECURITY.md says. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>

#define ONE_MEMBER   NOBODY
#define OTHER_MEMBER (NOBODY - 1)
#define FILE_PATH    "/tmp/mshv-member-test"
#define STORED_GPA   0x2000u
#define FILLED       0x11
#define FLAGS        8192u /* of all CPUs together: root-partition/kmod/README.md */
#define OWN_FLAGS    (FLAGS / 4)
#define CONNECTION   0x3000u

/* movb $0x5a, (STORED_GPA); out %al, $0x80; 1: jmp 1b */
static const uint8_t code_store[] = {
	0xc6, 0x06, 0x00, 0x20, 0x5a, 0xe6, 0x80, 0xeb, 0xfe
};

/* ---- A process of a user's, and what it tells ---- */

struct process {
	pid_t pid;
	int told; /* it writes, we read */
	int end;  /* it ends once we close this */
};

static void start(struct process *process, int (*steps)(int tell, int end))
{
	int told[2], end[2];

	ck_assert_int_eq(pipe(told), 0);
	ck_assert_int_eq(pipe(end), 0);
	process->pid = fork();
	ck_assert_int_ge(process->pid, 0);
	if (process->pid == 0) {
		close(told[0]);
		close(end[1]);
		_exit(steps(told[1], end[0]));
	}
	close(told[1]);
	close(end[0]);
	process->told = told[0];
	process->end = end[1];
}

/* Nothing comes if it ended before it had anything to tell. */
static uint64_t told_by(const struct process *process)
{
	uint64_t value;

	ck_assert_int_eq(read(process->told, &value, sizeof(value)), sizeof(value));
	return value;
}

static void tell_and_wait(int tell, int end, uint64_t value)
{
	char byte;

	if (write(tell, &value, sizeof(value)) == sizeof(value))
		(void)!read(end, &byte, 1); /* its end is all that comes */
}

/* Its status says which step went wrong. */
static void finish(const struct process *process)
{
	int status;

	close(process->end);
	close(process->told);
	ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
	ck_assert_int_eq(status, 0);
}

static void check_steps(int (*steps)(int tell, int end))
{
	struct process process;

	start(&process, steps);
	finish(&process);
}

/* ---- The device ---- */

static int open_as_a_member(int tell, int end)
{
	(void)tell;
	(void)end;
	if (!become_member(ONE_MEMBER))
		return 1;
	return mshv_open() >= 0 ? 0 : 2;
}

static int open_as_another(int tell, int end)
{
	(void)tell;
	(void)end;
	if (setgroups(0, NULL) || setgid(ONE_MEMBER) || setuid(ONE_MEMBER))
		return 1;
	return mshv_open() == -EACCES ? 0 : 2;
}

START_TEST(the_device_opens_to_its_group_alone)
{
	check_steps(open_as_a_member);
	check_steps(open_as_another);
}
END_TEST

/* ---- Others' partitions ---- */

static int have_a_partition(int tell, int end)
{
	struct mshv_partition partition;
	int device;

	if (!become_member(ONE_MEMBER))
		return 1;
	device = mshv_open();
	if (device < 0 || mshv_create_partition(device, 0, NULL, 0, &partition))
		return 2;
	tell_and_wait(tell, end, partition.id);
	return 0;
}

static uint64_t partition_of_one;
static pid_t one_member;

static int attach_as_another_member(int tell, int end)
{
	struct mshv_partition attachment;
	int device;

	(void)tell;
	(void)end;
	if (!become_member(OTHER_MEMBER))
		return 1;
	device = mshv_open();
	if (mshv_attach(device, partition_of_one, 0, &attachment) != -EPERM)
		return 2;
	if (mshv_attach(device, 0, (uint32_t)one_member, &attachment) != -EPERM)
		return 3;
	return 0;
}

START_TEST(a_members_partition_is_attached_by_root_and_by_no_other_member)
{
	struct mshv_partition attachment;
	int device = mshv_open();
	struct process one;

	ck_assert_int_ge(device, 0);
	start(&one, have_a_partition);
	partition_of_one = told_by(&one);
	one_member = one.pid;
	check_steps(attach_as_another_member);
	ck_assert_int_eq(mshv_attach(device, partition_of_one, 0, &attachment), 0);
	mshv_close_partition(&attachment);
	finish(&one);
	check_nothing_is_left(device);
	close(device);
}
END_TEST

/* ---- Others' files ---- */

static uint8_t *file_page(int rights, int flags)
{
	int fd = open(FILE_PATH, O_RDONLY | O_CLOEXEC);
	void *page = mmap(NULL, PAGE_4K, rights, flags, fd, 0);

	close(fd);
	return page;
}

/* Its guest may have such a page as its own copy, and not else. */
static int store_into_a_file(int tell, int end)
{
	const uint32_t flags = MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE;
	uint8_t *shared, *copy;
	struct hv_message message;
	struct guest guest;

	(void)tell;
	(void)end;
	if (!become_member(ONE_MEMBER))
		return 1;
	if (open(FILE_PATH, O_RDWR | O_CLOEXEC) >= 0)
		return 2;
	guest_start(&guest, code_store, sizeof(code_store));
	shared = file_page(PROT_READ, MAP_SHARED);
	copy = file_page(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	if (shared == MAP_FAILED || copy == MAP_FAILED ||
	    mshv_unmap_memory(&guest.partition, 0, GUEST_BYTES) ||
	    mshv_map_memory(&guest.partition, 0, guest.memory, STORED_GPA, flags))
		return 3;
	for (uint32_t rights = 0; rights <= flags; rights++) {
		if (mshv_map_memory(&guest.partition, STORED_GPA, shared, PAGE_4K,
		                    rights) != -EFAULT)
			return 4;
	}
	if (mshv_map_memory(&guest.partition, STORED_GPA, copy, PAGE_4K, flags))
		return 5;
	if (mshv_run_vp(&guest.vp, &message) || message.type != HV_MESSAGE_X64_IO_PORT)
		return 6;
	return copy[0] == 0x5a ? 0 : 7;
}

START_TEST(a_file_that_a_member_may_only_read_stays_as_it_is)
{
	uint8_t filling[PAGE_4K], found[PAGE_4K];
	int fd = open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int device = mshv_open();

	memset(filling, FILLED, sizeof(filling));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(device, 0);
	ck_assert_int_eq(write(fd, filling, sizeof(filling)), sizeof(filling));
	check_steps(store_into_a_file);
	ck_assert_int_eq(pread(fd, found, sizeof(found), 0), sizeof(found));
	ck_assert_mem_eq(found, filling, sizeof(found));
	ck_assert_int_eq(unlink(FILE_PATH), 0);
	close(fd);
	check_nothing_is_left(device);
	close(device);
}
END_TEST

/* ---- What there is one supply of ---- */

/* Event flags in partition after partition, until there are no more. */
static int take_all_flags(int tell, int end)
{
	int fd = eventfd(0, EFD_CLOEXEC), device;
	struct mshv_partition partition;
	uint64_t taken = 0, before;

	if (!become_member(ONE_MEMBER))
		return 1;
	device = mshv_open();
	do {
		before = taken;
		if (mshv_create_partition(device, 0, NULL, 0, &partition))
			return 2;
		while (mshv_signal_eventfd(&partition,
		                           CONNECTION + (uint32_t)(taken - before),
		                           fd) == 0)
			taken++;
	} while (taken > before);
	tell_and_wait(tell, end, taken);
	return 0;
}

static int be_refused_a_flag(int tell, int end)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct mshv_partition partition;

	(void)tell;
	(void)end;
	if (!become_member(OTHER_MEMBER))
		return 1;
	if (mshv_create_partition(mshv_open(), 0, NULL, 0, &partition))
		return 2;
	return mshv_signal_eventfd(&partition, CONNECTION, fd) == -ENOSPC ? 0 : 3;
}

START_TEST(a_member_takes_other_members_event_flags_and_not_those_of_roots_machines)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct process process;
	struct guest guest;

	guest_start(&guest, code_store, sizeof(code_store));
	start(&process, take_all_flags);
	ck_assert_uint_eq(told_by(&process), FLAGS - OWN_FLAGS);
	check_steps(be_refused_a_flag);
	for (uint32_t i = 0; i < OWN_FLAGS; i++)
		ck_assert_int_eq(
			mshv_signal_eventfd(&guest.partition, CONNECTION + i, fd), 0);
	ck_assert_int_eq(kill(process.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(process.pid, NULL, 0), process.pid);
	close(process.end);
	close(process.told);
	close(fd);
	guest_end(&guest);
}
END_TEST

Suite *mshv_member_suite(void)
{
	Suite *suite = suite_create("member");
	TCase *tcase = tcase_create("member");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_device_opens_to_its_group_alone);
	tcase_add_test(tcase,
	               a_members_partition_is_attached_by_root_and_by_no_other_member);
	tcase_add_test(tcase, a_file_that_a_member_may_only_read_stays_as_it_is);
	tcase_add_test(
		tcase,
		a_member_takes_other_members_event_flags_and_not_those_of_roots_machines);
	suite_add_tcase(suite, tcase);
	return suite;
}
