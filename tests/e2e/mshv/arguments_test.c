// SPDX-License-Identifier: GPL-2.0-or-later
/* Arguments of a process that means ill: each is refused, and nothing leaks. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANDOM_THREADS 3
#define RANDOM_CALLS   2000

static const uint8_t code_spin[] = { 0xeb, 0xfe };

START_TEST(memory_that_makes_no_sense_is_refused)
{
	struct guest guest;
	uint8_t *m;

	guest_start(&guest, code_spin, sizeof(code_spin));
	m = guest.memory;
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x7000, m, 0x2000, 3),
	                 -EEXIST);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x10000, m + 1, 0x1000, 3),
	                 -EINVAL);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x10000, m, 0, 3), -EINVAL);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x10000, m, 0x1001, 3),
	                 -EINVAL);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, ~UINT64_C(0xfff), m, 0x2000,
	                                 3),
	                 -EINVAL);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x10000, m, BIT64(62), 3),
	                 -EINVAL);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, 0x10000, (void *)0x1000,
	                                 0x1000, 3),
	                 -EFAULT);
	ck_assert_int_eq(mshv_unmap_memory(&guest.partition, 0, 0x1000), -ENOENT);
	ck_assert_int_eq(mshv_unmap_memory(&guest.partition, 0, GUEST_BYTES), 0);
	/* What is not mapped need not be unmapped. */
	ck_assert_int_eq(mshv_unmap_memory(&guest.partition, 0, GUEST_BYTES), 0);
	ck_assert_int_eq(mshv_unmap_memory(&guest.partition, BIT64(40), 0x1000), 0);
	guest_end(&guest);
}
END_TEST

START_TEST(a_vp_index_is_used_once_and_bounded)
{
	struct guest guest;
	struct mshv_vp other;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_create_vp(&guest.partition, 0, &other), -EEXIST);
	ck_assert_int_eq(mshv_create_vp(&guest.partition, MSHV_VP_MAX, &other), -EINVAL);
	guest_end(&guest);
}
END_TEST

START_TEST(vp_pages_are_mapped_shared_and_whole_or_not_at_all)
{
	struct guest guest;
	int fd;

	guest_start(&guest, code_spin, sizeof(code_spin));
	fd = guest.vp.fd;
	ck_assert_ptr_eq(mmap(NULL, 0x1000, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	ck_assert_ptr_eq(mmap(NULL, 0x2000, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_ptr_eq(mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, fd, 0x2000),
	                 MAP_FAILED);
	ck_assert_ptr_eq(mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	                      0x1000),
	                 MAP_FAILED);
	guest_end(&guest);
}
END_TEST

START_TEST(only_hypercalls_of_the_list_pass)
{
	uint64_t input[2] = { 0 };
	struct mshv_hypercall call = { .input = input, .input_bytes = sizeof(input) };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	call.code = HVCALL_DEPOSIT_MEMORY;
	ck_assert_int_eq(mshv_hypercall(guest.partition.fd, &call), -EOPNOTSUPP);
	call.code = HVCALL_SET_PARTITION_PROPERTY;
	ck_assert_int_eq(mshv_hypercall(guest.device, &call), -EOPNOTSUPP);
	call.code = HVCALL_SET_VP_REGISTERS;
	call.reps = 4095;
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	guest_end(&guest);
}
END_TEST

START_TEST(an_unknown_request_is_no_request_at_all)
{
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(ioctl(guest.device, MSHV_IO(0x7fu), NULL), -1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_INITIALIZE_PARTITION, NULL), -1);
	ck_assert_int_eq(errno, ENOTTY);
	guest_end(&guest);
}
END_TEST

START_TEST(the_log_is_read_to_its_end_and_once)
{
	static char text[4080];
	uint64_t sequence = 0, end;
	int device = mshv_open(), got;
	uint32_t lost;

	ck_assert_int_ge(device, 0);
	got = mshv_read_log(device, &sequence, text, sizeof(text), &lost);
	ck_assert_int_gt(got, 0);
	ck_assert_uint_eq(sequence, (uint64_t)got + lost);
	if (lost == 0) /* it began with the boot's time */
		ck_assert_mem_eq(text, "[    0.000000] ", 15);
	while (got > 0)
		got = mshv_read_log(device, &sequence, text, sizeof(text), &lost);
	ck_assert_int_eq(got, 0);
	end = sequence;
	sequence = UINT64_MAX; /* of another boot: from the oldest on */
	ck_assert_int_gt(mshv_read_log(device, &sequence, text, sizeof(text), &lost), 0);
	ck_assert_uint_lt(sequence, end + 1);
	close(device);
}
END_TEST

/* ---- Of a user who may open the device ---- */

static int errno_of(int device, uint32_t request)
{
	uint64_t block[64] = { 0 };

	return ioctl(device, request, block) < 0 ? errno : 0;
}

/* Of the group, not root: a partition of its own, and nothing of others. */
static int be_a_member(int device)
{
	const struct mshv_create_partition request = { .flags = MSHV_PARTITION_LAPIC };
	int partition;

	if (!become_member(NOBODY))
		return 1;
	if (errno_of(device, VIRIDIS_INFO) != EPERM ||
	    errno_of(device, VIRIDIS_READ_LOG) != EPERM ||
	    errno_of(device, VIRIDIS_READ_TRACE) != EPERM ||
	    errno_of(device, VIRIDIS_GET_STATS) != EPERM)
		return 2;
	partition = ioctl(device, MSHV_CREATE_PARTITION, &request);
	if (partition < 0 || ioctl(partition, MSHV_INITIALIZE_PARTITION))
		return 3;
	return close(partition) ? 4 : 0;
}

START_TEST(who_is_not_root_makes_partitions_and_sees_no_others)
{
	int device = mshv_open(), status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(be_a_member(device));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	check_nothing_is_left(device);
	close(device);
}
END_TEST

/* ---- Random calls from several threads ---- */

/* Physical address 0, where what was written to no address in particular would be. */
static void read_page_0(uint8_t page[4096])
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, page, 4096, 0), 4096);
	close(fd);
}

START_TEST(output_that_nobody_asked_for_goes_nowhere)
{
	static uint8_t before[4096], after[4096];
	struct hv_register_assoc rax = { .name = HV_X64_REGISTER_RAX,
		                         .value.reg64 = UINT64_C(0x5ca1ab1e0ddba115) };
	struct {
		struct hv_input_get_vp_registers header;
		uint32_t name;
	} input = { .name = HV_X64_REGISTER_RAX };
	struct mshv_hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = 1,
		.input = &input,
		.input_bytes = sizeof(input),
	};
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_set_registers(&guest.vp, &rax, 1), 0);
	read_page_0(before);
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), 0);
	ck_assert_uint_eq(call.reps, 1);
	read_page_0(after);
	ck_assert_mem_eq(before, after, sizeof(before));
	guest_end(&guest);
}
END_TEST

/* Nor what an earlier call left in the module: what an answer does not fill is 0, and so is what a caller left out. */
START_TEST(nothing_is_left_over_from_an_earlier_call)
{
	enum { COUNT = 17 }; /* their values are more than a small call has */
	struct {
		struct hv_input_get_vp_registers header;
		uint32_t names[COUNT];
	} input;
	static uint8_t output[4096], zero[4096];
	struct hv_input_translate_va address = { .gva_page = 1 };
	struct mshv_hypercall all = { .code = HVCALL_GET_VP_REGISTERS,
		                      .reps = COUNT,
		                      .input = &input,
		                      .input_bytes = sizeof(input),
		                      .output = output,
		                      .output_bytes = sizeof(output) };
	struct mshv_hypercall less = all;
	struct mshv_hypercall translation = { .code = HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		                              .input = &address,
		                              .input_bytes = sizeof(address),
		                              .output = output,
		                              .output_bytes = sizeof(output) };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	memset(&input, 0, sizeof(input));
	for (unsigned int i = 0; i < COUNT; i++)
		input.names[i] = HV_X64_REGISTER_CR0;
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &all), 0);
	ck_assert_mem_ne(output + 16ul * (COUNT - 1), zero, 16);
	ck_assert_mem_eq(output + 16ul * COUNT, zero, sizeof(zero) - 16ul * COUNT);
	less.input_bytes = sizeof(input.header) + sizeof(input.names[0]) * (COUNT - 1);
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &less), 0); /* 0 is a name, too */
	ck_assert_mem_eq(output, output + 16ul * (COUNT - 2), 16);
	ck_assert_mem_ne(output, output + 16ul * (COUNT - 1), 16);
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &translation), 0);
	ck_assert_mem_eq(output + sizeof(struct hv_output_translate_va), zero,
	                 sizeof(zero) - sizeof(struct hv_output_translate_va));
	guest_end(&guest);
}
END_TEST

/* Small calls and large ones take different ways through the module. */
START_TEST(registers_by_the_page_are_those_read_one_by_one)
{
	enum { COUNT = 200 };
	static union hv_register_value values[COUNT];
	static uint32_t names[COUNT];
	struct guest guest;
	uint64_t value;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (unsigned int i = 0; i < COUNT; i++)
		names[i] = HV_X64_REGISTER_RAX + i % 18;
	ck_assert_int_eq(mshv_get_registers(&guest.vp, names, values, COUNT), 0);
	for (unsigned int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(mshv_get_register(&guest.vp, names[i], &value), 0);
		ck_assert_uint_eq(values[i].reg64, value);
	}
	guest_end(&guest);
}
END_TEST

struct random_calls {
	const struct guest *guest;
	unsigned int seed;
};

static void random_block(uint64_t *block, size_t words, unsigned int *seed)
{
	for (size_t i = 0; i < words; i++)
		block[i] = rand_r(seed) % 3 ? (uint64_t)rand_r(seed) % 8 :
		                              (uint64_t)rand_r(seed) << 20;
	block[rand_r(seed) % 4] = (uintptr_t)block & ~UINT64_C(0xfff);
}

/* A page with nothing behind it: a call that writes on and on ends there. */
static uint8_t *lonely_page(void)
{
	uint8_t *page = mmap(NULL, 2 * PAGE_4K, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(page != MAP_FAILED);
	ck_assert_int_eq(mprotect(page + PAGE_4K, PAGE_4K, PROT_NONE), 0);
	return page;
}

static void *make_random_calls(void *argument)
{
	static const uint32_t requests[] = {
		MSHV_CREATE_PARTITION,
		MSHV_INITIALIZE_PARTITION,
		MSHV_CREATE_VP,
		MSHV_SET_GUEST_MEMORY,
		MSHV_ROOT_HVCALL,
		MSHV_GET_VP_STATE,
		MSHV_SET_VP_STATE,
		VIRIDIS_INFO,
		VIRIDIS_READ_LOG,
		VIRIDIS_GET_STATS,
		VIRIDIS_SIGNAL_EVENTFD,
		VIRIDIS_EVENTFD_FLAG,
		VIRIDIS_MESSAGE_FD,
		VIRIDIS_POST_MESSAGE,
		MSHV_IRQFD,
		MSHV_IOEVENTFD,
		MSHV_SET_MSI_ROUTING,
		MSHV_GET_GPAP_ACCESS_BITMAP,
	};
	struct random_calls *calls = argument;
	const struct guest *guest = calls->guest;
	const int fds[] = { guest->device, guest->partition.fd, guest->vp.fd };
	uint8_t *page = lonely_page();
	uint64_t block[256];

	for (int i = 0; i < RANDOM_CALLS; i++) {
		uint32_t request = requests[(unsigned int)rand_r(&calls->seed) %
		                            ARRAY_COUNT(requests)];
		int made;

		random_block(block, ARRAY_COUNT(block), &calls->seed);
		/* How long its bitmap is the call says itself: the stack is no place for it. */
		if (request == MSHV_GET_GPAP_ACCESS_BITMAP)
			((struct mshv_gpap_access_bitmap *)block)->bitmap =
				(uintptr_t)page +
				(uintptr_t)rand_r(&calls->seed) % PAGE_4K;
		made = ioctl(fds[rand_r(&calls->seed) % 3], request, block);
		if (made > 2)
			close(made);
	}
	munmap(page, 2 * PAGE_4K);
	return NULL;
}

START_TEST(random_calls_from_all_sides_break_nothing)
{
	struct random_calls calls[RANDOM_THREADS];
	pthread_t threads[RANDOM_THREADS];
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (unsigned int i = 0; i < RANDOM_THREADS; i++) {
		calls[i] = (struct random_calls){ &guest, i + 1 };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, make_random_calls,
		                                &calls[i]),
		                 0);
	}
	for (unsigned int i = 0; i < RANDOM_THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	guest_end(&guest);
}
END_TEST

Suite *mshv_arguments_suite(void)
{
	Suite *suite = suite_create("arguments");
	TCase *tcase = tcase_create("arguments");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, memory_that_makes_no_sense_is_refused);
	tcase_add_test(tcase, a_vp_index_is_used_once_and_bounded);
	tcase_add_test(tcase, vp_pages_are_mapped_shared_and_whole_or_not_at_all);
	tcase_add_test(tcase, only_hypercalls_of_the_list_pass);
	tcase_add_test(tcase, an_unknown_request_is_no_request_at_all);
	tcase_add_test(tcase, the_log_is_read_to_its_end_and_once);
	tcase_add_test(tcase, output_that_nobody_asked_for_goes_nowhere);
	tcase_add_test(tcase, nothing_is_left_over_from_an_earlier_call);
	tcase_add_test(tcase, registers_by_the_page_are_those_read_one_by_one);
	tcase_add_test(tcase, who_is_not_root_makes_partitions_and_sees_no_others);
	tcase_add_test(tcase, random_calls_from_all_sides_break_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
