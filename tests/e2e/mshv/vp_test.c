// SPDX-License-Identifier: GPL-2.0-or-later
/* Running VPs: what stops them, and what is left of them. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>

static const uint8_t code_out[] = {
	0xb0, 0x42, 0xe6, 0x80, 0xeb, 0xfc
}; /* mov, 2: out, jmp 2 */
static const uint8_t code_spin[] = { 0xeb, 0xfe };
static const uint8_t code_store[] = { 0xa2, 0x00, 0x80 }; /* mov [0x8000], al */

static void on_alarm(int signal)
{
	(void)signal;
}

static void alarm_after_ms(unsigned int ms)
{
	struct itimerval timer = { .it_value.tv_usec = ms * 1000 };
	struct sigaction action = { .sa_handler = on_alarm };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

START_TEST(a_partition_comes_and_goes_and_leaves_no_page_behind)
{
	struct guest guest;

	for (int i = 0; i < 3; i++) {
		guest_start(&guest, code_spin, sizeof(code_spin));
		guest_end(&guest);
	}
}
END_TEST

START_TEST(an_access_to_a_port_comes_back_with_its_port_and_value)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
		ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
		ck_assert_uint_eq(message.sender, guest.partition.id);
		memcpy(&io, message.payload, sizeof(io));
		ck_assert_uint_eq(io.port_number, 0x80);
		ck_assert_uint_eq(io.rax & 0xff, 0x42);
		ck_assert_uint_eq(io.header.rip, GUEST_CODE_GPA + 2);
		ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RIP,
		                                   io.header.rip + 2),
		                 0);
	}
	guest_end(&guest);
}
END_TEST

START_TEST(a_store_to_unmapped_memory_comes_back_with_its_address)
{
	struct hv_x64_memory_intercept memory;
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_store, sizeof(code_store));
	ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_UNMAPPED_GPA);
	memcpy(&memory, message.payload, sizeof(memory));
	ck_assert_uint_eq(memory.gpa, 0x8000);
	ck_assert_uint_eq(memory.header.access_type, HV_INTERCEPT_WRITE);
	guest_end(&guest);
}
END_TEST

START_TEST(a_signal_stops_a_spinning_vp_and_it_goes_on_after)
{
	struct hv_message message;
	struct guest guest;
	uint64_t rip;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (int i = 0; i < 5; i++) {
		alarm_after_ms(50);
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), -EINTR);
		ck_assert_int_eq(mshv_get_register(&guest.vp, HV_X64_REGISTER_RIP, &rip),
		                 0);
		ck_assert_uint_eq(rip, GUEST_CODE_GPA);
	}
	guest_end(&guest);
}
END_TEST

static bool alarm_waits(void)
{
	struct itimerval timer;

	ck_assert_int_eq(getitimer(ITIMER_REAL, &timer), 0);
	return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

/* The alarm is there to end the call all the same, so that the test ends where the signal was lost. */
START_TEST(a_signal_between_two_calls_ends_the_second)
{
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (int i = 0; i < 5; i++) {
		alarm_after_ms(900);
		ck_assert_int_eq(raise(SIGALRM), 0);
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), -EINTR);
		ck_assert(alarm_waits());
	}
	alarm_after_ms(0);
	guest_end(&guest);
}
END_TEST

static void run_into_signal(struct guest *guest, uint64_t rip)
{
	struct hv_message message;
	uint64_t found;

	ck_assert_int_eq(raise(SIGALRM), 0);
	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), -EINTR);
	ck_assert_uint_eq(guest->vp.registers->valid, 0);
	ck_assert_int_eq(mshv_get_register(&guest->vp, HV_X64_REGISTER_RIP, &found), 0);
	ck_assert_uint_eq(found, rip);
}

START_TEST(a_signal_leaves_no_register_page_that_is_older_than_the_vp)
{
	struct hv_message message;
	struct guest guest;
	uint64_t next = GUEST_CODE_GPA + 4;

	guest_start(&guest, code_out, sizeof(code_out));
	alarm_after_ms(0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
		ck_assert_uint_eq(guest.vp.registers->valid, 1);
		if (i % 2) {
			guest.vp.registers->rip = next;
			guest.vp.registers->dirty = HV_REGISTER_PAGE_DIRTY_RIP;
		} else {
			ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RIP,
			                                   next),
			                 0);
		}
		run_into_signal(&guest, next);
	}
	guest_end(&guest);
}
END_TEST

START_TEST(registers_that_were_set_are_read_back)
{
	union hv_register_value values[16];
	struct hv_register_assoc registers[16];
	uint32_t names[16];
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (uint32_t i = 0; i < 16; i++) {
		names[i] = HV_X64_REGISTER_RAX + i;
		registers[i] = (struct hv_register_assoc){ .name = names[i],
			                                   .value.reg64 = 0x1000 + i };
	}
	ck_assert_int_eq(mshv_set_registers(&guest.vp, registers, 16), 0);
	ck_assert_int_eq(mshv_get_registers(&guest.vp, names, values, 16), 0);
	for (uint32_t i = 0; i < 16; i++)
		ck_assert_uint_eq(values[i].reg64, 0x1000 + i);
	guest_end(&guest);
}
END_TEST

static _Noreturn void run_for_ever(void)
{
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	while (mshv_run_vp(&guest.vp, &message) == -EINTR)
		; /* until we are killed */
	abort();
}

START_TEST(a_killed_process_leaves_no_partition_behind)
{
	int device = mshv_open();
	int status;
	pid_t pid;

	ck_assert_int_ge(device, 0);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			run_for_ever();
		usleep(300000);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		check_nothing_is_left(device);
	}
	close(device);
}
END_TEST

START_TEST(a_mapped_register_page_keeps_the_partition)
{
	struct hv_register_page *page;
	struct viridis_info totals;
	uint32_t count = 0;
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, guest.vp.fd, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	mshv_close_vp(&guest.vp);
	mshv_close_partition(&guest.partition);
	ck_assert_int_eq(mshv_info(guest.device, NULL, &count, &totals), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(munmap(page, sizeof(*page)), 0);
	guest_end(&guest);
}
END_TEST

Suite *mshv_vp_suite(void)
{
	Suite *suite = suite_create("vp");
	TCase *tcase = tcase_create("vp");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_partition_comes_and_goes_and_leaves_no_page_behind);
	tcase_add_test(tcase, an_access_to_a_port_comes_back_with_its_port_and_value);
	tcase_add_test(tcase, a_store_to_unmapped_memory_comes_back_with_its_address);
	tcase_add_test(tcase, a_signal_stops_a_spinning_vp_and_it_goes_on_after);
	tcase_add_test(tcase, a_signal_between_two_calls_ends_the_second);
	tcase_add_test(tcase, a_signal_leaves_no_register_page_that_is_older_than_the_vp);
	tcase_add_test(tcase, registers_that_were_set_are_read_back);
	tcase_add_test(tcase, a_killed_process_leaves_no_partition_behind);
	tcase_add_test(tcase, a_mapped_register_page_keeps_the_partition);
	suite_add_tcase(suite, tcase);
	return suite;
}
