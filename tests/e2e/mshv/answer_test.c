// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers that a VMM sets between two calls of RUN_VP: nobody can tell that they wait for the second. */
#include "tests/e2e/mshv/mshv_test.h"

#include <string.h>
#include <unistd.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_intercept.h>

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
	suite_add_tcase(suite, tcase);
	return suite;
}
