// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest that signals an eventfd while RUN_VP sleeps: who waits for the eventfd wakes up, RUN_VP's thread does not. */
#define _GNU_SOURCE
#include "tests/e2e/mshv/mshv_test.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>

#define ROUNDS      200u
#define WAIT_MS     20000
#define VECTOR_NMI  2u
#define STACK_TOP   0x3000u
#define DEVICE_PORT 0x90u
#define HANDLER     4u

/*
 * 0: hlt; jmp 0. At 4 the handler of NMIs, which comes late enough for those outside to sleep: mov $20000, %cx; loop .;
 * out %al, $DEVICE_PORT; iret
 */
static const uint8_t code_waits[] = {
	0xf4, 0xeb, 0xfd, 0x90, 0xb9, 0x20, 0x4e, 0xe2, 0xfe, 0xe6, DEVICE_PORT, 0xcf,
};

struct runner {
	struct guest guest;
	long switches; /* of its thread, by its own will, within RUN_VP */
	uint16_t port; /* of the intercept that ended it */
};

static long switches_of_this_thread(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

static void *run(void *argument)
{
	struct hv_x64_io_port_intercept io;
	struct runner *runner = argument;
	long before = switches_of_this_thread();
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&runner->guest.vp, &message), 0);
	runner->switches = switches_of_this_thread() - before;
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	runner->port = io.port_number;
	return NULL;
}

static void set_signal(const struct runner *runner, int fd, uint32_t flags)
{
	const struct mshv_user_ioeventfd request = {
		.address = DEVICE_PORT,
		.bytes = 1,
		.fd = fd,
		.flags = MSHV_IOEVENTFD_PIO | flags,
	};

	ck_assert_int_eq(ioctl(runner->guest.partition.fd, MSHV_IOEVENTFD, &request), 0);
}

static void send_nmi(const struct runner *runner)
{
	const struct mshv_interrupt nmi = { .type = HV_INTERRUPT_NMI };

	ck_assert_int_eq(mshv_assert_interrupt(&runner->guest.partition, &nmi), 0);
}

static void start(struct runner *runner, int fd, pthread_t *thread)
{
	const uint16_t entry[2] = { GUEST_CODE_GPA + HANDLER, 0 };
	struct guest *guest = &runner->guest;

	guest_start(guest, code_waits, sizeof(code_waits));
	memcpy(guest->memory + 4 * VECTOR_NMI, entry, sizeof(entry));
	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RAX + 4, STACK_TOP), 0);
	set_signal(runner, fd, 0);
	ck_assert_int_eq(pthread_create(thread, NULL, run, runner), 0);
	usleep(200000); /* it sleeps by then, and the guest has halted */
}

START_TEST(a_signal_wakes_only_who_waits_for_it)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct runner runner = { .port = 0 };
	pthread_t thread;
	uint64_t count;

	start(&runner, fd, &thread);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		send_nmi(&runner);
		ck_assert_int_eq(poll(&poll_fd, 1, WAIT_MS), 1);
		ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
		ck_assert_uint_eq(count, 1);
	}
	/* What no eventfd takes is RUN_VP's. */
	set_signal(&runner, fd, MSHV_IOEVENTFD_DEASSIGN);
	send_nmi(&runner);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(runner.port, DEVICE_PORT);
	ck_assert_int_lt(runner.switches, ROUNDS / 2);
	guest_end(&runner.guest);
	close(fd);
}
END_TEST

Suite *mshv_doze_suite(void)
{
	Suite *suite = suite_create("doze");
	TCase *tcase = tcase_create("doze");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_signal_wakes_only_who_waits_for_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
