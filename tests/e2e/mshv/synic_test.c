// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages and events between a child and its parent, both ways, with a guest that makes them. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_status.h>

/* The guest's pages; GUEST_CODE_GPA and guest_code.S know the rest. */
#define PML4_GPA     0x2000u
#define PDPT_GPA     0x3000u
#define PD_GPA       0x4000u
#define MESSAGE_GPA  0x6000u /* input of HvPostMessage, later the SIMP page */
#define FLAGS_GPA    0x7000u /* stack below, later the SIEFP page */
#define CONNECTION   7u
#define SINT         2u
#define WAIT_MS      10000
#define FLOOD        500u
#define SIGNAL_EVENT (HVCALL_SIGNAL_EVENT | HV_CONTROL_FAST)

extern const uint8_t guest_caller[], guest_caller_end[];

static void put64(struct guest *guest, uint32_t gpa, uint64_t value)
{
	memcpy(guest->memory + gpa, &value, sizeof(value));
}

static void enter_long_mode(struct guest *guest)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_CR3, .value.reg64 = PML4_GPA },
		{ .name = HV_X64_REGISTER_CR4, .value.reg64 = 0x20 },   /* PAE */
		{ .name = HV_X64_REGISTER_EFER, .value.reg64 = 0x500 }, /* LME, LMA */
		{ .name = HV_X64_REGISTER_CR0, .value.reg64 = 0x80000011 },
		{ .name = HV_X64_REGISTER_CS,
		  .value.segment = { .limit = 0xffffffff,
		                     .selector = 8,
		                     .attributes = 0xa09b } },
		{ .name = HV_X64_REGISTER_SS,
		  .value.segment = { .limit = 0xffffffff,
		                     .selector = 16,
		                     .attributes = 0xc093 } },
		{ .name = HV_X64_REGISTER_RAX + 4, .value.reg64 = FLAGS_GPA }, /* RSP */
	};

	put64(guest, PML4_GPA, PDPT_GPA | 3);
	put64(guest, PDPT_GPA, PD_GPA | 3);
	put64(guest, PD_GPA, 0x83); /* 2 MiB at 0 */
	ck_assert_int_eq(
		mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers)), 0);
}

/* To the next request for work; answers the result of the last. */
static uint64_t run_to_port(struct guest *guest)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP, io.header.rip + 2), 0);
	return io.rax;
}

static void caller_start(struct guest *guest)
{
	guest_start(guest, guest_caller, (size_t)(guest_caller_end - guest_caller));
	enter_long_mode(guest);
	ck_assert_uint_eq(run_to_port(guest), 0);
}

/* Up to `times` hypercalls of the guest; how many succeeded. */
static uint64_t guest_calls(struct guest *guest, uint64_t control, uint64_t input,
                            uint64_t times, uint64_t *result)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_RAX + 1, .value.reg64 = control },
		{ .name = HV_X64_REGISTER_RAX + 2, .value.reg64 = input },
		{ .name = HV_X64_REGISTER_RAX + 9, .value.reg64 = times },
	};
	uint64_t count;

	ck_assert_int_eq(
		mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers)), 0);
	*result = run_to_port(guest);
	ck_assert_int_eq(mshv_get_register(&guest->vp, HV_X64_REGISTER_RAX + 3, &count),
	                 0);
	return count;
}

START_TEST(a_signal_of_the_child_reaches_its_eventfd)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	struct guest guest;
	uint64_t result, sent = 0, heard = 0;
	eventfd_t value;

	caller_start(&guest);
	ck_assert_uint_eq(guest_calls(&guest, SIGNAL_EVENT, CONNECTION, 1, &result), 0);
	ck_assert_uint_eq(result, HV_STATUS_INVALID_CONNECTION_ID);
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, CONNECTION, fd), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_uint_eq(
			guest_calls(&guest, SIGNAL_EVENT, CONNECTION, 5, &result), 5);
		ck_assert_int_eq(poll(&poller, 1, WAIT_MS), 1);
		ck_assert_int_eq(eventfd_read(fd, &value), 0);
		ck_assert_uint_ge(value, 1);
		sent += 5;
		heard += value;
		ck_assert_uint_le(heard, sent); /* the last one may come a round late */
	}
	ck_assert_int_eq(mshv_signal_eventfd(&guest.partition, CONNECTION, -1), 0);
	ck_assert_uint_eq(guest_calls(&guest, SIGNAL_EVENT, CONNECTION, 1, &result), 0);
	ck_assert_uint_eq(result, HV_STATUS_INVALID_CONNECTION_ID);
	close(fd);
	guest_end(&guest);
}
END_TEST

/* Reads what there is; each message must carry the next number. */
static void drain(int fd, uint32_t *next)
{
	struct hv_message message;
	uint32_t number;

	while (read(fd, &message, sizeof(message)) == sizeof(message)) {
		ck_assert_uint_eq(message.sender, CONNECTION);
		ck_assert_uint_eq(message.type, 1);
		ck_assert_uint_eq(message.payload_size, 4);
		memcpy(&number, message.payload, sizeof(number));
		ck_assert_uint_eq(number, *next);
		(*next)++;
	}
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(a_flood_of_messages_is_slowed_down_and_none_is_lost)
{
	const struct hv_input_post_message input = {
		.connection_id = CONNECTION,
		.message_type = 1,
		.payload_size = 4,
	};
	struct pollfd poller = { .events = POLLIN };
	uint64_t result, posted = 0, refused = 0;
	struct guest guest;
	uint32_t read = 0;
	int fd;

	caller_start(&guest);
	memcpy(guest.memory + MESSAGE_GPA, &input, sizeof(input));
	fd = mshv_message_fd(&guest.partition, CONNECTION);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	poller.fd = fd;
	while (posted < FLOOD) {
		posted += guest_calls(&guest, HVCALL_POST_MESSAGE, MESSAGE_GPA,
		                      FLOOD - posted, &result);
		if (posted < FLOOD) {
			ck_assert(result == HV_STATUS_INVALID_CONNECTION_ID ||
			          result == HV_STATUS_INSUFFICIENT_BUFFERS);
			refused++;
		}
		ck_assert_int_eq(poll(&poller, 1, WAIT_MS), 1);
		drain(fd, &read);
	}
	while (read < posted) {
		ck_assert_int_eq(poll(&poller, 1, WAIT_MS), 1);
		drain(fd, &read);
	}
	ck_assert_uint_eq(read, posted);
	ck_assert_uint_gt(refused, 0);
	close(fd);
	guest_end(&guest);
}
END_TEST

/* Of the page of messages or of flags, which lies over the child's memory. */
static uint8_t page_byte(const struct guest *guest, uint8_t type, unsigned int at)
{
	static _Alignas(4096) uint8_t page[4096];

	ck_assert_int_eq(mshv_get_vp_state(&guest->vp, type, page, sizeof(page)), 0);
	return page[at];
}

static void set_register(struct guest *guest, uint32_t name, uint64_t value)
{
	ck_assert_int_eq(mshv_set_register(&guest->vp, name, value), 0);
}

START_TEST(a_write_to_an_eventfd_raises_its_flag_in_the_child)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct guest guest;

	caller_start(&guest);
	set_register(&guest, HV_REGISTER_SIEFP, FLAGS_GPA | 1);
	set_register(&guest, HV_REGISTER_SCONTROL, 1);
	ck_assert_int_eq(mshv_eventfd_assign(&guest.partition, fd, 0, SINT, 9), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	ck_assert_uint_eq(page_byte(&guest, MSHV_VP_STATE_SIEFP, SINT * 256 + 1), 0x02);
	ck_assert_int_eq(mshv_eventfd_retarget(&guest.partition, fd, 0, SINT, 2047), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	ck_assert_uint_eq(page_byte(&guest, MSHV_VP_STATE_SIEFP, SINT * 256 + 255), 0x80);
	close(fd);
	guest_end(&guest);
}
END_TEST

START_TEST(a_message_to_the_child_waits_for_its_slot)
{
	struct hv_message message = { .type = 1, .payload_size = 4, .payload = { 0x5a } };
	struct guest guest;

	caller_start(&guest);
	set_register(&guest, HV_REGISTER_SIMP, MESSAGE_GPA | 1);
	set_register(&guest, HV_REGISTER_SCONTROL, 1);
	ck_assert_int_eq(mshv_post_message(&guest.partition, 0, SINT, &message), 0);
	ck_assert_int_eq(mshv_post_message(&guest.partition, 0, SINT, &message), -EAGAIN);
	ck_assert_uint_eq(page_byte(&guest, MSHV_VP_STATE_SIMP, SINT * 256 + 16), 0x5a);
	guest_end(&guest);
}
END_TEST

Suite *mshv_synic_suite(void)
{
	Suite *suite = suite_create("synic");
	TCase *tcase = tcase_create("synic");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_signal_of_the_child_reaches_its_eventfd);
	tcase_add_test(tcase, a_flood_of_messages_is_slowed_down_and_none_is_lost);
	tcase_add_test(tcase, a_write_to_an_eventfd_raises_its_flag_in_the_child);
	tcase_add_test(tcase, a_message_to_the_child_waits_for_its_slot);
	suite_add_tcase(suite, tcase);
	return suite;
}
