// SPDX-License-Identifier: GPL-2.0-or-later
/* A vp's state in one piece: what is set is there, what is forged is refused. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/base/bits.h>

#define PAGE_BYTES    4096u
#define SVR_ON        0x1ffu
#define VECTOR_PLACED 0x40u
#define VECTOR_TIMER  0x41u
#define XMM0_OFFSET   160u
#define STACK_TOP     0x3000u

/* sti, 1: hlt, jmp 1b; at 8 and 16 the handlers: out, with the vector in AL; iret */
static const uint8_t code_waits[] = {
	0xfb, 0xf4,          0xeb, 0xfd, 0,    0, 0, 0, /**/
	0xb0, VECTOR_PLACED, 0xe6, 0x80, 0xcf, 0, 0, 0, /**/
	0xb0, VECTOR_TIMER,  0xe6, 0x80, 0xcf, 0, 0, 0, /**/
};
static const uint8_t code_spin[] = { 0xeb, 0xfe };

static _Alignas(PAGE_BYTES) uint8_t page[PAGE_BYTES], other_page[PAGE_BYTES];

static int get(const struct guest *guest, uint8_t type)
{
	memset(page, 0xa5, sizeof(page));
	return mshv_get_vp_state(&guest->vp, type, page, sizeof(page));
}

static int set(const struct guest *guest, uint8_t type)
{
	return mshv_set_vp_state(&guest->vp, type, page, sizeof(page));
}

static void set_vector(struct guest *guest, unsigned int vector, uint16_t offset)
{
	const uint16_t entry[2] = { offset, 0 };

	memcpy(guest->memory + 4 * vector, entry, sizeof(entry));
}

/* The next access to a port must be of an interrupt's handler; the guest goes on after it. */
static void expect_vector(struct guest *guest, uint8_t vector)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	ck_assert_uint_eq(io.rax & 0xff, vector);
	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP, io.header.rip + 2), 0);
}

/* Switched on, with a vector requested; and that vector's handler. */
static void waiting_guest(struct guest *guest)
{
	struct hv_local_interrupt_controller_state *lapic = (void *)page;

	guest_start(guest, code_waits, sizeof(code_waits));
	set_vector(guest, VECTOR_PLACED, GUEST_CODE_GPA + 8);
	set_vector(guest, VECTOR_TIMER, GUEST_CODE_GPA + 16);
	ck_assert_int_eq(
		mshv_set_register(&guest->vp, HV_X64_REGISTER_RAX + 4, STACK_TOP), 0);
	ck_assert_int_eq(get(guest, MSHV_VP_STATE_LAPIC), 0);
	ck_assert_uint_eq(lapic->spurious, 0xff);
	lapic->spurious = SVR_ON;
	lapic->lvt_lint0 = 0x700;
	lapic->irr[VECTOR_PLACED / 32] = BIT32(VECTOR_PLACED % 32);
	ck_assert_int_eq(set(guest, MSHV_VP_STATE_LAPIC), 0);
}

START_TEST(an_apic_that_was_set_raises_what_it_holds)
{
	struct hv_local_interrupt_controller_state *lapic = (void *)page;
	struct guest guest;

	waiting_guest(&guest);
	expect_vector(&guest, VECTOR_PLACED);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_LAPIC), 0);
	ck_assert_uint_eq(lapic->lvt_lint0, 0x700);
	ck_assert_uint_eq(lapic->irr[VECTOR_PLACED / 32], 0);
	ck_assert_uint_eq(lapic->isr[VECTOR_PLACED / 32], BIT32(VECTOR_PLACED % 32));
	guest_end(&guest);
}
END_TEST

START_TEST(an_interrupt_that_was_not_taken_yet_is_in_the_state)
{
	const struct mshv_interrupt interrupt = { .type = HV_INTERRUPT_FIXED,
		                                  .vector = VECTOR_TIMER };
	struct hv_local_interrupt_controller_state *lapic = (void *)page;
	struct guest guest;

	waiting_guest(&guest);
	ck_assert_int_eq(mshv_assert_interrupt(&guest.partition, &interrupt), 0);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_LAPIC), 0);
	ck_assert_uint_eq(lapic->irr[VECTOR_TIMER / 32],
	                  BIT32(VECTOR_PLACED % 32) | BIT32(VECTOR_TIMER % 32));
	guest_end(&guest);
}
END_TEST

START_TEST(timers_that_were_set_expire)
{
	struct hv_synthetic_timers_state *timers = (void *)page;
	struct mshv_get_set_vp_state request = { .type = MSHV_VP_STATE_STIMERS,
		                                 .buffer_bytes = sizeof(page),
		                                 .buffer = (uintptr_t)page };
	struct guest guest;

	waiting_guest(&guest);
	ck_assert_int_eq(ioctl(guest.vp.fd, MSHV_GET_VP_STATE, &request), 0);
	ck_assert_uint_eq(request.buffer_bytes, sizeof(*timers));
	ck_assert_uint_eq(timers->timer[1].config, 0);
	timers->timer[1].config = HV_STIMER_ENABLE | HV_STIMER_DIRECT | VECTOR_TIMER << 4;
	timers->timer[1].count = 1; /* that is over */
	ck_assert_int_eq(set(&guest, MSHV_VP_STATE_STIMERS), 0);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_STIMERS), 0);
	ck_assert_uint_eq(timers->timer[1].config,
	                  HV_STIMER_ENABLE | HV_STIMER_DIRECT | VECTOR_TIMER << 4);
	expect_vector(&guest, VECTOR_TIMER);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_STIMERS), 0);
	ck_assert_uint_eq(timers->timer[1].config & HV_STIMER_ENABLE, 0);
	guest_end(&guest);
}
END_TEST

START_TEST(registers_are_in_the_xsave_area_and_come_out_of_it)
{
	const uint64_t low = 0x1122334455667788, other = 0xa1a2a3a4a5a6a7a8;
	struct guest guest;
	uint64_t value;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_XMM0, low), 0);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_XSAVE), 0);
	ck_assert_mem_eq(page + XMM0_OFFSET, &low, sizeof(low));
	memcpy(page + XMM0_OFFSET, &other, sizeof(other));
	ck_assert_int_eq(set(&guest, MSHV_VP_STATE_XSAVE), 0);
	ck_assert_int_eq(mshv_get_register(&guest.vp, HV_X64_REGISTER_XMM0, &value), 0);
	ck_assert_uint_eq(value, other);
	guest_end(&guest);
}
END_TEST

START_TEST(the_synics_pages_keep_what_they_get)
{
	static const uint8_t types[] = { MSHV_VP_STATE_SIMP, MSHV_VP_STATE_SIEFP };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (unsigned int i = 0; i < ARRAY_COUNT(types); i++) {
		ck_assert_int_eq(get(&guest, types[i]), 0);
		for (unsigned int at = 0; at < sizeof(page); at++) {
			ck_assert_uint_eq(page[at], 0);
			page[at] = (uint8_t)(at * 7 + i);
		}
		memcpy(other_page, page, sizeof(page));
		ck_assert_int_eq(set(&guest, types[i]), 0);
		ck_assert_int_eq(get(&guest, types[i]), 0);
		ck_assert_mem_eq(page, other_page, sizeof(page));
	}
	guest_end(&guest);
}
END_TEST

/* A 32-bit word in a state of that type, exchanged for another. */
static const struct {
	uint8_t type;
	uint32_t offset, value;
} forged[] = {
	{ MSHV_VP_STATE_LAPIC, offsetof(struct hv_local_interrupt_controller_state, irr),
	  1 },
	{ MSHV_VP_STATE_LAPIC, offsetof(struct hv_local_interrupt_controller_state, id),
	  77 },
	{ MSHV_VP_STATE_XSAVE, HV_XSAVE_XSTATE_BV_OFFSET + 4, BIT32(31) },
	{ MSHV_VP_STATE_XSAVE, HV_XSAVE_XCOMP_BV_OFFSET, BIT32(9) },
	{ MSHV_VP_STATE_XSAVE, HV_XSAVE_XCOMP_BV_OFFSET + 4, BIT32(30) },
	{ MSHV_VP_STATE_XSAVE, HV_XSAVE_MXCSR_OFFSET, UINT32_MAX },
	{ MSHV_VP_STATE_STIMERS, offsetof(struct hv_stimer_state, config), 0x1001 },
	{ MSHV_VP_STATE_STIMERS, offsetof(struct hv_synthetic_timers_state, reserved),
	  1 },
};

START_TEST(forged_states_are_refused_and_change_nothing)
{
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	for (unsigned int i = 0; i < ARRAY_COUNT(forged); i++) {
		ck_assert_int_eq(get(&guest, forged[i].type), 0);
		memcpy(other_page, page, sizeof(page));
		memcpy(page + forged[i].offset, &forged[i].value, sizeof(uint32_t));
		ck_assert_int_eq(set(&guest, forged[i].type), -EINVAL);
		ck_assert_int_eq(get(&guest, forged[i].type), 0);
		ck_assert_mem_eq(page, other_page, sizeof(page));
	}
	guest_end(&guest);
}
END_TEST

START_TEST(requests_that_make_no_sense_are_refused)
{
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(get(&guest, 5), -EINVAL);
	ck_assert_int_eq(set(&guest, 255), -EINVAL);
	ck_assert_int_eq(mshv_get_vp_state(&guest.vp, MSHV_VP_STATE_LAPIC, page, 176),
	                 -EINVAL);
	ck_assert_int_eq(mshv_get_vp_state(&guest.vp, MSHV_VP_STATE_LAPIC, page, 0),
	                 -EINVAL);
	ck_assert_int_eq(mshv_get_vp_state(&guest.vp, MSHV_VP_STATE_LAPIC, (void *)8,
	                                   sizeof(page)),
	                 -EFAULT);
	guest_end(&guest);
}
END_TEST

static void on_alarm(int signal)
{
	(void)signal;
}

static void *get_from_running(void *argument)
{
	usleep(100000);
	return (void *)(intptr_t)get(argument, MSHV_VP_STATE_LAPIC);
}

START_TEST(a_vp_that_runs_has_no_state_to_tell)
{
	const struct itimerval timer = { .it_value.tv_sec = 1 };
	const struct sigaction action = { .sa_handler = on_alarm };
	struct hv_message message;
	struct guest guest;
	pthread_t thread;
	void *answer;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, get_from_running, &guest), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
	while (mshv_run_vp(&guest.vp, &message) == 0)
		;
	ck_assert_int_eq(pthread_join(thread, &answer), 0);
	ck_assert_int_eq((int)(intptr_t)answer, -EBUSY);
	ck_assert_int_eq(get(&guest, MSHV_VP_STATE_LAPIC), 0);
	guest_end(&guest);
}
END_TEST

Suite *mshv_state_suite(void)
{
	Suite *suite = suite_create("state");
	TCase *tcase = tcase_create("state");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_apic_that_was_set_raises_what_it_holds);
	tcase_add_test(tcase, an_interrupt_that_was_not_taken_yet_is_in_the_state);
	tcase_add_test(tcase, timers_that_were_set_expire);
	tcase_add_test(tcase, registers_are_in_the_xsave_area_and_come_out_of_it);
	tcase_add_test(tcase, the_synics_pages_keep_what_they_get);
	tcase_add_test(tcase, forged_states_are_refused_and_change_nothing);
	tcase_add_test(tcase, requests_that_make_no_sense_are_refused);
	tcase_add_test(tcase, a_vp_that_runs_has_no_state_to_tell);
	suite_add_tcase(suite, tcase);
	return suite;
}
