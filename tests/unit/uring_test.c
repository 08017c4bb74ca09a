/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The storage provider's ring, as the kernel holds it to its restrictions: system call filters do not see what goes
 * through it. A provider that was taken over may write what it likes into the ring, so entries here are made by hand.
 */
#define _GNU_SOURCE
#include "vsp/storage/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define DEPTH       8u
#define PATIENCE_MS 10000

static struct uring uring;
static unsigned int file;
static int fd, result;
static char text[] = "as it was";
static struct iovec text_at = { text, sizeof(text) };
static _Alignas(4096) char memory[2 * PAGE_4K];

static void setup(void)
{
	char name[] = "/tmp/uring_test.XXXXXX";

	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_eq(write(fd, text, sizeof(text)), sizeof(text));
	ck_assert_msg(uring_init(&uring, DEPTH), "no io_uring: %s", strerror(errno));
	ck_assert(uring_add_file(&uring, fd, &file));
	uring_add_memory(&uring, memory, sizeof(memory));
	ck_assert(uring_seal(&uring));
}

static void teardown(void)
{
	uring_fini(&uring);
	close(fd);
}

static void completed(struct uring_io *io, int how)
{
	(void)io;
	result = how;
}

/* What the kernel makes of the entry. */
static int outcome(struct io_uring_sqe *entry)
{
	static struct uring_io io = { completed };
	struct pollfd ready = { .fd = uring_fd(&uring), .events = POLLIN };

	io_uring_sqe_set_data(entry, &io);
	result = INT32_MIN;
	uring_submit(&uring);
	ck_assert_int_eq(poll(&ready, 1, PATIENCE_MS), 1);
	uring_reap(&uring);
	ck_assert_int_ne(result, INT32_MIN);
	return result;
}

static int attempt(int opcode, int target, unsigned int flags)
{
	struct io_uring_sqe *entry = uring_entry(&uring);

	io_uring_prep_rw(opcode, entry, target, &text_at, 1, 0);
	io_uring_sqe_set_flags(entry, flags);
	return outcome(entry);
}

START_TEST(a_sealed_ring_reads_writes_and_flushes_its_files)
{
	ck_assert_int_eq(attempt(IORING_OP_READV, (int)file, IOSQE_FIXED_FILE),
	                 sizeof(text));
	ck_assert_int_eq(attempt(IORING_OP_WRITEV, (int)file, IOSQE_FIXED_FILE),
	                 sizeof(text));
	struct io_uring_sqe *entry = uring_entry(&uring);

	io_uring_prep_fsync(entry, (int)file, 0);
	io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
	ck_assert_int_eq(outcome(entry), 0);
}
END_TEST

static int read_to(void *to, unsigned int bytes, int piece)
{
	struct io_uring_sqe *entry = uring_entry(&uring);

	io_uring_prep_read_fixed(entry, (int)file, to, bytes, 0, piece);
	io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
	return outcome(entry);
}

START_TEST(memory_that_was_added_has_a_number)
{
	char *middle = memory + PAGE_4K - 2; /* across two pages */

	ck_assert_int_eq(uring_piece(&uring, middle, sizeof(text)), 0);
	ck_assert_int_eq(read_to(middle, sizeof(text), 0), sizeof(text));
	ck_assert_str_eq(middle, text);
}
END_TEST

/* Neither by us, nor by a process that was taken over. */
START_TEST(no_other_memory_has)
{
	char *end = memory + sizeof(memory);

	ck_assert_int_eq(uring_piece(&uring, end - 1, 1), 0);
	ck_assert_int_eq(uring_piece(&uring, end - 1, 2), -1);
	ck_assert_int_eq(uring_piece(&uring, end, 1), -1);
	ck_assert_int_eq(uring_piece(&uring, memory - 1, 2), -1);
	ck_assert_int_eq(uring_piece(&uring, memory, 0), -1);
	ck_assert_int_eq(uring_piece(&uring, memory + 1, UINT64_MAX), -1);
	ck_assert_int_eq(read_to(end - 1, 2, 0), -EFAULT);
	ck_assert_int_eq(read_to(memory - 1, 2, 0), -EFAULT);
	ck_assert_int_eq(read_to(text, sizeof(text), 0), -EFAULT);
	ck_assert_int_eq(read_to(memory, sizeof(text), 1), -EFAULT);
}
END_TEST

/* The kernel takes it in pieces of 1 GiB: what lies in two of them has no number. */
START_TEST(memory_is_numbered_by_the_gigabyte)
{
	const uint64_t piece = UINT64_C(1) << 30;
	uint8_t *base = mmap(NULL, 2 * piece + PAGE_4K, PROT_NONE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct uring other = { .file_count = 0 };

	ck_assert(base != MAP_FAILED);
	ck_assert_int_eq(uring_piece(&other, base, 1), -1);
	uring_add_memory(&other, base, 2 * piece + PAGE_4K);
	ck_assert_int_eq(uring_piece(&other, base, piece), 0);
	ck_assert_int_eq(uring_piece(&other, base + 1, piece), -1);
	ck_assert_int_eq(uring_piece(&other, base + piece - 1, 2), -1);
	ck_assert_int_eq(uring_piece(&other, base + piece, piece), 1);
	ck_assert_int_eq(uring_piece(&other, base + 2 * piece, PAGE_4K), 2);
	ck_assert_int_eq(uring_piece(&other, base + 2 * piece, PAGE_4K + 1), -1);
	other.takes_lists = true;
	ck_assert_int_eq(uring_list_piece(&other, &(struct iovec){ base, 1 }, 1), 0);
	ck_assert_int_eq(uring_list_piece(&other,
	                                  (struct iovec[]){ { base + piece, 1 },
	                                                    { base + 2 * piece - 1, 1 } },
	                                  2),
	                 1);
	ck_assert_int_eq(uring_list_piece(&other,
	                                  (struct iovec[]){ { base + piece, 1 },
	                                                    { base + piece - 1, 1 } },
	                                  2),
	                 -1);
	munmap(base, 2 * piece + PAGE_4K);
}
END_TEST

static int list_attempt(int opcode, const struct iovec *list, unsigned int count)
{
	struct io_uring_sqe *entry = uring_entry(&uring);

	io_uring_prep_rw(opcode, entry, (int)file, list, count, 0);
	io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
	return outcome(entry);
}

START_TEST(a_list_of_that_memory_has_its_number_where_the_kernel_takes_lists)
{
	char *ends[] = { memory + PAGE_4K, memory };
	struct iovec list[] = { { ends[0], 4 }, { ends[1], sizeof(text) - 4 } };
	char back[sizeof(text)] = "";

	ck_assert_int_eq(uring_list_piece(&uring, list, 0), -1);
	ck_assert_int_eq(uring_list_piece(&uring, list, 1), 0);
	ck_assert_int_eq(uring_list_piece(&uring, list, 2), uring.takes_lists ? 0 : -1);
	if (!uring.takes_lists) /* Linux before 6.15 */
		return;
	ck_assert_int_eq(list_attempt(URING_OP_READV_FIXED, list, 2), sizeof(text));
	memcpy(back, ends[0], 4);
	memcpy(back + 4, ends[1], sizeof(text) - 4);
	ck_assert_str_eq(back, text);
	ends[1][0]++;
	ck_assert_int_eq(list_attempt(URING_OP_WRITEV_FIXED, list, 2), sizeof(text));
	ck_assert_int_eq(pread(fd, back, sizeof(back), 0), sizeof(text));
	ck_assert_int_eq(back[4], text[4] + 1);
}
END_TEST

START_TEST(a_list_with_a_part_of_other_memory_has_none)
{
	struct iovec list[] = { { memory, 4 },
		                { text, sizeof(text) - 4 },
		                { memory, 4 } };

	ck_assert_int_eq(uring_list_piece(&uring, list, 2), -1);
	ck_assert_int_eq(uring_list_piece(&uring, list + 1, 2), -1);
	ck_assert_int_eq(uring_list_piece(&uring, list + 1, 1), -1);
	if (uring.takes_lists)
		ck_assert_int_eq(list_attempt(URING_OP_READV_FIXED, list, 2), -EFAULT);
}
END_TEST

/* That it can not be held is no reason to do without the disk. */
START_TEST(memory_that_the_kernel_does_not_hold_has_no_number)
{
	void *nothing =
		mmap(NULL, PAGE_4K, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uring other;

	ck_assert(nothing != MAP_FAILED);
	ck_assert(uring_init(&other, DEPTH));
	uring_add_memory(&other, nothing, PAGE_4K);
	ck_assert(uring_seal(&other));
	ck_assert_int_eq(uring_piece(&other, nothing, PAGE_4K), -1);
	uring_fini(&other);
	munmap(nothing, PAGE_4K);
}
END_TEST

/* One that is open in the process, and no file of the ring. */
START_TEST(it_reaches_no_descriptor_of_the_process)
{
	ck_assert_int_eq(attempt(IORING_OP_READV, fd, 0), -EACCES);
	ck_assert_int_eq(attempt(IORING_OP_WRITEV, fd, 0), -EACCES);
	ck_assert_int_eq(attempt(IORING_OP_READV, (int)file + 1, IOSQE_FIXED_FILE),
	                 -EBADF);
}
END_TEST

static int last_operation(void)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	int last;

	ck_assert_ptr_nonnull(probe);
	last = probe->last_op;
	io_uring_free_probe(probe);
	return last;
}

START_TEST(every_other_operation_is_refused)
{
	static const int allowed[] = { IORING_OP_READV,      IORING_OP_WRITEV,
		                       IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
		                       IORING_OP_FSYNC,      IORING_OP_FALLOCATE };
	bool is_allowed = uring.takes_lists &&
	                  (_i == URING_OP_READV_FIXED || _i == URING_OP_WRITEV_FIXED);

	if (_i > last_operation()) /* of which this kernel does not know */
		return;
	for (unsigned int i = 0; i < ARRAY_COUNT(allowed); i++)
		is_allowed |= allowed[i] == _i;
	if (!is_allowed)
		ck_assert_int_eq(attempt(_i, (int)file, IOSQE_FIXED_FILE), -EACCES);
}
END_TEST

/* IO_DRAIN, IO_LINK, ASYNC, BUFFER_SELECT and so on. */
START_TEST(every_other_flag_is_refused)
{
	for (unsigned int flag = 1; flag < 0x80; flag <<= 1)
		if (flag != IOSQE_FIXED_FILE)
			ck_assert_int_eq(attempt(IORING_OP_READV, (int)file,
			                         IOSQE_FIXED_FILE | flag),
			                 -EACCES);
}
END_TEST

static int register_call(unsigned int operation, const void *argument, unsigned int count)
{
	return syscall(SYS_io_uring_register, uring_fd(&uring), operation, argument,
	               count) == 0 ?
	               0 :
	               -errno;
}

/* Nor can more files be added, or the restrictions be made anew. */
START_TEST(what_is_sealed_stays_so)
{
	struct io_uring_restriction any = { .opcode = IORING_RESTRICTION_SQE_OP,
		                            .sqe_op = IORING_OP_OPENAT };
	struct io_uring_files_update update = { .fds = (uintptr_t)&fd };

	ck_assert_int_eq(register_call(IORING_UNREGISTER_FILES, NULL, 0), -EACCES);
	ck_assert_int_eq(register_call(IORING_REGISTER_FILES, &fd, 1), -EACCES);
	ck_assert_int_eq(register_call(IORING_REGISTER_FILES_UPDATE, &update, 1),
	                 -EACCES);
	ck_assert_int_eq(register_call(IORING_REGISTER_BUFFERS, &text_at, 1), -EACCES);
	ck_assert_int_eq(register_call(IORING_UNREGISTER_BUFFERS, NULL, 0), -EACCES);
	ck_assert_int_eq(register_call(IORING_REGISTER_BUFFERS_UPDATE, &update, 1),
	                 -EACCES);
	ck_assert_int_eq(register_call(IORING_REGISTER_RESTRICTIONS, &any, 1), -EACCES);
}
END_TEST

static Suite *uring_suite(void)
{
	Suite *suite = suite_create("uring");
	TCase *tcase = tcase_create("uring");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_sealed_ring_reads_writes_and_flushes_its_files);
	tcase_add_test(tcase, memory_that_was_added_has_a_number);
	tcase_add_test(tcase, no_other_memory_has);
	tcase_add_test(tcase, memory_is_numbered_by_the_gigabyte);
	tcase_add_test(tcase,
	               a_list_of_that_memory_has_its_number_where_the_kernel_takes_lists);
	tcase_add_test(tcase, a_list_with_a_part_of_other_memory_has_none);
	tcase_add_test(tcase, memory_that_the_kernel_does_not_hold_has_no_number);
	tcase_add_test(tcase, it_reaches_no_descriptor_of_the_process);
	tcase_add_loop_test(tcase, every_other_operation_is_refused, 0,
	                    URING_OP_WRITEV_FIXED + 4);
	tcase_add_test(tcase, every_other_flag_is_refused);
	tcase_add_test(tcase, what_is_sealed_stays_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(uring_suite)
