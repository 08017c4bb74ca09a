// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers that a VMM sets between two calls of RUN_VP: nobody can tell that they wait for the second. */
#define _GNU_SOURCE /* affinity */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_status.h>
#include <viridis/abi/mshv.h>

#define ROUNDS 200

/* 0: in al, 0x80; out 0x80, al; jmp 0 */
static const uint8_t code_in_out[] = { 0xe4, 0x80, 0xe6, 0x80, 0xeb, 0xfa };

static struct hv_x64_io_port_intercept run_to_port(struct guest *guest, uint8_t access)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	ck_assert_uint_eq(io.header.access_type, access);
	return io;
}

/* As QEMU does: RIP behind the instruction, and what was read. */
static void answer(struct guest *guest, const struct hv_x64_io_port_intercept *io,
                   uint64_t rax)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_RIP, .value.reg64 = io->header.rip + 2 },
		{ .name = HV_X64_REGISTER_RAX, .value.reg64 = rax },
	};

	ck_assert_int_eq(
		mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers)), 0);
}

static void set(struct guest *guest, uint32_t name, uint64_t value)
{
	ck_assert_int_eq(mshv_set_register(&guest->vp, name, value), 0);
}

static uint64_t get(struct guest *guest, uint32_t name)
{
	uint64_t value;

	ck_assert_int_eq(mshv_get_register(&guest->vp, name, &value), 0);
	return value;
}

/* By the partition's descriptor, which names the vp. */
static uint64_t get_of_partition(struct guest *guest, uint32_t name)
{
	struct {
		struct hv_input_get_vp_registers header;
		uint32_t name;
	} input = { .name = name };
	union hv_register_value value;
	struct mshv_hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = 1,
		.input = &input,
		.input_bytes = sizeof(input.header) + sizeof(input.name),
		.output = &value,
		.output_bytes = sizeof(value),
	};

	ck_assert_int_eq(mshv_hypercall(guest->partition.fd, &call), 0);
	return value.reg64;
}

/* Which lets IN and OUT pass, in turn: what was answered to the one is written by the other. */
START_TEST(the_vp_goes_on_with_what_was_set)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		io = run_to_port(&guest, HV_INTERCEPT_READ);
		answer(&guest, &io, 0x5500 + i);
		io = run_to_port(&guest, HV_INTERCEPT_WRITE);
		ck_assert_uint_eq(io.rax, 0x5500 + i);
		set(&guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	}
	guest_end(&guest);
}
END_TEST

START_TEST(what_was_set_is_read_back_at_once_by_either_descriptor)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		io = run_to_port(&guest, HV_INTERCEPT_READ);
		answer(&guest, &io, 0x66 + i);
		if (i % 2)
			ck_assert_uint_eq(get(&guest, HV_X64_REGISTER_RAX), 0x66 + i);
		else
			ck_assert_uint_eq(get_of_partition(&guest, HV_X64_REGISTER_RIP),
			                  GUEST_CODE_GPA + 2);
		io = run_to_port(&guest, HV_INTERCEPT_WRITE);
		ck_assert_uint_eq(io.rax, 0x66 + i);
		set(&guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	}
	guest_end(&guest);
}
END_TEST

START_TEST(of_several_values_the_last_counts)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	io = run_to_port(&guest, HV_INTERCEPT_READ);
	for (uint64_t i = 0; i < 40; i++) {
		set(&guest, HV_X64_REGISTER_RAX + i % 16, i);
		if (i % 16 == 7) /* one that is not for later */
			set(&guest, HV_X64_REGISTER_RFLAGS, 2);
	}
	for (uint64_t i = 0; i < 16; i++)
		ck_assert_uint_eq(get(&guest, (uint32_t)(HV_X64_REGISTER_RAX + i)),
		                  i < 8 ? i + 32 : i + 16);
	set(&guest, HV_X64_REGISTER_RIP, 0);
	answer(&guest, &io, 0x77);
	io = run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_uint_eq(io.rax, 0x77);
	guest_end(&guest);
}
END_TEST

/* Its VMM lets it go by the register itself, without RUN_VP. */
START_TEST(a_vp_that_is_resumed_by_hypercall_has_what_was_set)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	io = run_to_port(&guest, HV_INTERCEPT_READ);
	answer(&guest, &io, 0x88);
	set(&guest, HV_REGISTER_INTERCEPT_SUSPEND, 0);
	for (int i = 0; i < 1000 && !get(&guest, HV_REGISTER_INTERCEPT_SUSPEND); i++)
		usleep(10000);
	io = run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_uint_eq(io.rax, 0x88);
	guest_end(&guest);
}
END_TEST

/* Others of the root make some, too. */
START_TEST(an_intercept_is_answered_by_one_hypercall)
{
	const unsigned int rounds = 10 * ROUNDS;
	struct hv_x64_io_port_intercept io;
	struct guest guest;
	uint64_t before;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	before = hypercalls_of_root(guest.device);
	for (unsigned int i = 0; i < rounds; i++) {
		io = run_to_port(&guest, HV_INTERCEPT_READ);
		answer(&guest, &io, i);
		io = run_to_port(&guest, HV_INTERCEPT_WRITE);
		set(&guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	}
	ck_assert_uint_lt(hypercalls_of_root(guest.device) - before, 3 * rounds);
	guest_end(&guest);
}
END_TEST

/* ---- Set while the message is there and RUN_VP has not returned with it ---- */

#define RCX       (HV_X64_REGISTER_RAX + 1)
#define DIRECTORY 0x3000u
#define CR0_PE_PG 0x80000011u
#define COUNT     3u
#define RACES     8u

/* cld; mov $0x80, %dx; 0: mov $3, %cx; mov $0x2000, %si; rep outsb; mov %cx, %ax; out %ax, $0x80; jmp 0 */
static const uint8_t code_rep_out[] = {
	0xfc, 0xba, 0x80, 0x00, 0xb9, COUNT, 0x00, 0xbe, 0x00,
	0x20, 0xf3, 0x6e, 0x89, 0xc8, 0xe7,  0x80, 0xeb, 0xf2,
};

static bool is_suspended(const struct mshv_vp *vp)
{
	uint64_t value;

	ck_assert_int_eq(mshv_get_register(vp, HV_REGISTER_INTERCEPT_SUSPEND, &value), 0);
	return value & 1;
}

/* Goes on without RUN_VP, and stops at its next access to a port. */
static void run_by_register(struct guest *guest)
{
	set(guest, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	set(guest, HV_REGISTER_INTERCEPT_SUSPEND, 0);
	for (int i = 0; i < 1000 && !is_suspended(&guest->vp); i++)
		usleep(10000);
	ck_assert(is_suspended(&guest->vp));
}

/* All three elements are written at once, and the count is left to others. */
static uint64_t count_behind_rep(struct guest *guest)
{
	struct hv_x64_io_port_intercept io = run_to_port(guest, HV_INTERCEPT_WRITE);

	ck_assert(io.access_info & HV_IO_PORT_REP);
	ck_assert_uint_eq(io.rcx, COUNT);
	set(guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	return run_to_port(guest, HV_INTERCEPT_WRITE).rax & 0xffff;
}

START_TEST(a_count_that_was_set_before_run_vp_returned_stays)
{
	struct guest guest;

	guest_start(&guest, code_rep_out, sizeof(code_rep_out));
	run_by_register(&guest);
	set(&guest, RCX, 0x55);
	ck_assert_uint_eq(count_behind_rep(&guest), 0x55);
	guest_end(&guest);
}
END_TEST

/* Paging with an empty directory: nothing is there. */
START_TEST(an_address_is_translated_by_what_was_set_before_run_vp_returned)
{
	static const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_CR3, .value.reg64 = DIRECTORY },
		{ .name = HV_X64_REGISTER_CR0, .value.reg64 = CR0_PE_PG },
	};
	enum hv_translate_code code;
	struct guest guest;
	uint64_t gpa;

	guest_start(&guest, code_rep_out, sizeof(code_rep_out));
	run_by_register(&guest);
	ck_assert_int_eq(mshv_set_registers(&guest.vp, registers, ARRAY_COUNT(registers)),
	                 0);
	(void)run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_int_eq(
		mshv_translate_gva(&guest.vp, 0x2000, HV_TRANSLATE_READ, &code, &gpa), 0);
	ck_assert_uint_eq(code, HV_TRANSLATE_PAGE_NOT_PRESENT);
	guest_end(&guest);
}
END_TEST

/* A second or less; then as code_rep_out. */
static const uint8_t code_late_rep_out[] = {
	0xbb, 0x00,  0x02,             /* mov $512, %bx */
	0xb9, 0x00,  0x00, 0xe2, 0xfe, /* 1: xor %cx, %cx; 2: loop 2b */
	0x4b, 0x75,  0xf8,             /* dec %bx; jnz 1b */
	0xfc, 0xba,  0x80, 0x00,       /* cld; mov $0x80, %dx */
	0xb9, COUNT, 0x00,             /* mov $3, %cx */
	0xbe, 0x00,  0x20, 0xf3, 0x6e, /* mov $0x2000, %si; rep outsb */
	0x89, 0xc8,  0xe7, 0x80,       /* mov %cx, %ax; out %ax, $0x80 */
	0xeb, 0xe3,                    /* jmp to the beginning */
};

/* Rounds, of the thread that runs the vp and of the one that sets its count. */
struct race {
	struct guest guest;
	atomic_uint begun, done;
};

/* Both threads on one CPU: the one that does not sleep keeps the other from returning from RUN_VP. */
static void run_alone(int policy)
{
	const struct sched_param parameter = { .sched_priority = policy == SCHED_FIFO };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	ck_assert_int_eq(sched_setscheduler(0, policy, &parameter), 0);
}

static void *set_counts(void *context)
{
	struct race *race = context;

	run_alone(SCHED_FIFO);
	for (unsigned int round = 1; round <= RACES; round++) {
		while (atomic_load(&race->begun) < round || is_suspended(&race->guest.vp))
			usleep(1000);
		while (!is_suspended(&race->guest.vp))
			;
		set(&race->guest, RCX, 0x100 + round);
		atomic_store(&race->done, round);
	}
	return NULL;
}

START_TEST(a_count_that_another_thread_sets_before_run_vp_returned_stays)
{
	struct race race = { 0 };
	struct guest *guest = &race.guest;
	struct hv_x64_io_port_intercept io;
	pthread_t thread;

	guest_start(guest, code_late_rep_out, sizeof(code_late_rep_out));
	run_alone(SCHED_OTHER);
	ck_assert_int_eq(pthread_create(&thread, NULL, set_counts, &race), 0);
	for (unsigned int round = 1; round <= RACES; round++) {
		atomic_store(&race.begun, round);
		io = run_to_port(guest, HV_INTERCEPT_WRITE);
		ck_assert(io.access_info & HV_IO_PORT_REP);
		while (atomic_load(&race.done) < round)
			usleep(1000);
		set(guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
		io = run_to_port(guest, HV_INTERCEPT_WRITE);
		ck_assert_uint_eq(io.rax & 0xffff, 0x100 + round);
		set(guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	guest_end(guest);
}
END_TEST

/* RAX goes to the hypervisor by the page; nothing else of its class does, unless its VMM marks it. */
START_TEST(what_is_not_marked_in_the_page_does_not_count)
{
	struct hv_register_page *page;
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	page = guest.vp.registers;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		io = run_to_port(&guest, HV_INTERCEPT_READ);
		page->gp[6] = 0xbad;
		answer(&guest, &io, 0x99 + i);
		io = run_to_port(&guest, HV_INTERCEPT_WRITE);
		ck_assert_uint_eq(io.rax, 0x99 + i);
		ck_assert_uint_eq(io.rsi, 0);
		set(&guest, HV_X64_REGISTER_RIP, io.header.rip + 2);
	}
	guest_end(&guest);
}
END_TEST

START_TEST(what_its_vmm_marked_in_the_page_counts_before_what_was_set)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	io = run_to_port(&guest, HV_INTERCEPT_READ);
	guest.vp.registers->gp[0] = 0xaa;
	guest.vp.registers->dirty = HV_REGISTER_PAGE_DIRTY_GP;
	answer(&guest, &io, 0x11);
	io = run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_uint_eq(io.rax, 0xaa);
	ck_assert_uint_eq(io.header.rip, GUEST_CODE_GPA + 2);
	guest.vp.registers->rip = GUEST_CODE_GPA + 2; /* once more */
	guest.vp.registers->dirty = HV_REGISTER_PAGE_DIRTY_RIP;
	answer(&guest, &io, 0x22);
	io = run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_uint_eq(io.rax, 0x22);
	guest_end(&guest);
}
END_TEST

static int set_two(const struct guest *guest, uint32_t first, uint64_t first_value,
                   uint32_t second, uint64_t second_value)
{
	const struct hv_register_assoc registers[] = {
		{ .name = first, .value.reg64 = first_value },
		{ .name = second, .value.reg64 = second_value },
	};

	return mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers));
}

/* Of two, RIP and RAX are known by their names, not by their places. */
START_TEST(two_registers_are_set_whichever_they_are)
{
	const uint32_t rax = HV_X64_REGISTER_RAX, rip = HV_X64_REGISTER_RIP;
	const uint64_t behind_in = GUEST_CODE_GPA + 2;
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		(void)run_to_port(&guest, HV_INTERCEPT_READ);
		switch (i % 4) {
		case 0:
			ck_assert_int_eq(set_two(&guest, rax, i, rip, behind_in), 0);
			break;
		case 1:
			ck_assert_int_eq(set_two(&guest, rip, 0x77, rip, behind_in), 0);
			ck_assert_int_eq(set_two(&guest, rax, 0x88, rax, i), 0);
			break;
		case 2:
			ck_assert_int_eq(set_two(&guest, rax + 3, 0x99, rax, i), 0);
			set(&guest, rip, behind_in);
			ck_assert_uint_eq(get(&guest, rax + 3), 0x99);
			break;
		case 3:
			ck_assert_int_eq(set_two(&guest, rip, 0x77, rax, 0x88), 0);
			ck_assert_int_eq(set_two(&guest, rip, behind_in, rax, i), 0);
			break;
		}
		io = run_to_port(&guest, HV_INTERCEPT_WRITE);
		ck_assert_uint_eq(io.rax, i);
		if (i % 3)
			ck_assert_int_eq(set_two(&guest, rip, GUEST_CODE_GPA, rax, ~i),
			                 0);
		else /* two of them, behind two that were RIP and RAX: the last counts */
			ck_assert_int_eq(set_two(&guest, rip, 0x77, rip, GUEST_CODE_GPA),
			                 0);
	}
	guest_end(&guest);
}
END_TEST

/* What QEMU's is taken by, word by word; as it was before, it is refused where anything of it is amiss. */
START_TEST(a_bad_answer_is_refused_and_sets_nothing)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc registers[2];
	} input = { .registers = {
			    { .name = HV_X64_REGISTER_RIP, .value.reg64 = 0x77 },
			    { .name = HV_X64_REGISTER_RAX, .value.reg64 = 0x88 } } };
	const struct mshv_root_hvcall good = { .code = HVCALL_SET_VP_REGISTERS,
		                               .reps = 2,
		                               .input_bytes = sizeof(input),
		                               .input = (uintptr_t)&input };
	struct mshv_root_hvcall call = good;
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	io = run_to_port(&guest, HV_INTERCEPT_READ);
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_ROOT_HVCALL, NULL), -1);
	ck_assert_int_eq(errno, EFAULT);
	for (unsigned int i = 0; i < 3; i++) {
		call.input = (const uint64_t[]){ 0, 0x1000, UINT64_MAX - 40 }[i];
		ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_ROOT_HVCALL, &call), -1);
		ck_assert_int_eq(errno, EFAULT);
	}
	call = good;
	call.reserved[5] = 1;
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_ROOT_HVCALL, &call), -1);
	ck_assert_int_eq(errno, EINVAL);
	call = good;
	input.header.input_vtl = 1;
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_ROOT_HVCALL, &call), -1);
	ck_assert_int_eq(errno, EINVAL);

	ck_assert_uint_eq(get(&guest, HV_X64_REGISTER_RIP), io.header.rip);
	answer(&guest, &io, 0x99);
	io = run_to_port(&guest, HV_INTERCEPT_WRITE);
	ck_assert_uint_eq(io.rax, 0x99);
	input.header.input_vtl = 0;
	call = good;
	call.status = 0x1234; /* an output */
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_ROOT_HVCALL, &call), 0);
	ck_assert_uint_eq(call.status, HV_STATUS_SUCCESS);
	ck_assert_uint_eq(get(&guest, HV_X64_REGISTER_RIP), 0x77);
	ck_assert_uint_eq(get(&guest, HV_X64_REGISTER_RAX), 0x88);
	guest_end(&guest);
}
END_TEST

/* RUN_VP lets go whatever its VMM held the vp by. */
START_TEST(a_vp_that_its_vmm_has_suspended_goes_on_with_run_vp)
{
	struct hv_x64_io_port_intercept io;
	struct guest guest;

	guest_start(&guest, code_in_out, sizeof(code_in_out));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		io = run_to_port(&guest, i % 2 ? HV_INTERCEPT_WRITE : HV_INTERCEPT_READ);
		answer(&guest, &io, i);
		if (i % 3)
			set(&guest, HV_REGISTER_EXPLICIT_SUSPEND, 1);
	}
	guest_end(&guest);
}
END_TEST

Suite *mshv_answer_suite(void)
{
	Suite *suite = suite_create("answer");
	TCase *tcase = tcase_create("answer");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_vp_goes_on_with_what_was_set);
	tcase_add_test(tcase, what_was_set_is_read_back_at_once_by_either_descriptor);
	tcase_add_test(tcase, of_several_values_the_last_counts);
	tcase_add_test(tcase, a_vp_that_is_resumed_by_hypercall_has_what_was_set);
	tcase_add_test(tcase, an_intercept_is_answered_by_one_hypercall);
	tcase_add_test(tcase, a_count_that_was_set_before_run_vp_returned_stays);
	tcase_add_test(tcase,
	               an_address_is_translated_by_what_was_set_before_run_vp_returned);
	tcase_add_test(tcase,
	               a_count_that_another_thread_sets_before_run_vp_returned_stays);
	tcase_add_test(tcase, what_is_not_marked_in_the_page_does_not_count);
	tcase_add_test(tcase, what_its_vmm_marked_in_the_page_counts_before_what_was_set);
	tcase_add_test(tcase, two_registers_are_set_whichever_they_are);
	tcase_add_test(tcase, a_bad_answer_is_refused_and_sets_nothing);
	tcase_add_test(tcase, a_vp_that_its_vmm_has_suspended_goes_on_with_run_vp);
	suite_add_tcase(suite, tcase);
	return suite;
}
