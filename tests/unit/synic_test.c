/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SynIC registers, message slots and event flags. TLFS 11 */
#include "hypervisor/core/synic.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

static struct synic synic;
static uint16_t rescan;
static struct hv_message slot;

static const struct hv_message hello = {
	.type = 1,
	.payload_size = 5,
	.sender = 0x1234,
	.payload = "hello",
};

static void setup(void)
{
	synic_reset(&synic);
	memset(&slot, 0, sizeof(slot));
}

static bool write_msr(uint32_t msr, uint64_t value)
{
	return synic_write(&synic, msr, value, &rescan);
}

static uint64_t read_msr(uint32_t msr)
{
	return msr >= HV_MSR_SINT0 ? synic.sint[msr - HV_MSR_SINT0] :
	                             synic.registers[msr - HV_MSR_SCONTROL];
}

START_TEST(after_reset_everything_is_off_and_masked)
{
	uint8_t vector;

	ck_assert_uint_eq(read_msr(HV_MSR_SCONTROL), 0);
	ck_assert_uint_eq(read_msr(HV_MSR_SVERSION), 1);
	ck_assert_uint_eq(read_msr(HV_MSR_SIMP), 0);
	ck_assert_uint_eq(read_msr(HV_MSR_SIEFP), 0);
	ck_assert_uint_eq(read_msr(HV_MSR_EOM), 0);
	for (uint32_t i = 0; i < HV_SINT_COUNT; i++) {
		ck_assert_uint_eq(read_msr(HV_MSR_SINT0 + i), 0x10000);
		ck_assert(!synic_vector(&synic, i, &vector));
	}
	ck_assert(!synic_takes_messages(&synic));
	ck_assert(!synic_takes_events(&synic));
}
END_TEST

START_TEST(what_linux_writes_at_boot_enables_sint2)
{
	uint8_t vector;

	ck_assert(write_msr(HV_MSR_SIMP, 0x5000 | 1));
	ck_assert(write_msr(HV_MSR_SIEFP, 0x6000 | 1));
	ck_assert(write_msr(HV_MSR_SINT0 + 2, 0xf3));
	ck_assert_uint_eq(rescan, 1 << 2);
	ck_assert(!synic_vector(&synic, 2, &vector));
	ck_assert(write_msr(HV_MSR_SCONTROL, 1));
	ck_assert_uint_eq(rescan, SYNIC_ALL_SINTS);
	ck_assert(synic_vector(&synic, 2, &vector));
	ck_assert_uint_eq(vector, 0xf3);
	ck_assert(synic_takes_messages(&synic));
	ck_assert(synic_takes_events(&synic));
	ck_assert_uint_eq(synic_sints_of_vector(&synic, 0xf3), 1 << 2);
}
END_TEST

START_TEST(a_page_register_keeps_no_reserved_bits)
{
	ck_assert(write_msr(HV_MSR_SIMP, 0x5001));
	ck_assert(write_msr(HV_MSR_SIMP, 0x5001 | 0xffe));
	ck_assert_uint_eq(read_msr(HV_MSR_SIMP), 0x5001);
}
END_TEST

START_TEST(kexec_teardown_is_accepted)
{
	ck_assert(write_msr(HV_MSR_SIMP, 0x5001));
	ck_assert(write_msr(HV_MSR_SCONTROL, 1));
	ck_assert(write_msr(HV_MSR_SINT0 + 2, 0xf3));
	ck_assert(write_msr(HV_MSR_SINT0 + 2, 0xf3 | HV_SINT_MASKED));
	ck_assert(write_msr(HV_MSR_SIMP, 0x5000));
	ck_assert(write_msr(HV_MSR_SCONTROL, 0));
	ck_assert(!synic_takes_messages(&synic));
}
END_TEST

START_TEST(an_unmasked_source_without_a_deliverable_vector_faults)
{
	ck_assert(!write_msr(HV_MSR_SINT0 + 3, (uint64_t)_i));
	ck_assert_uint_eq(read_msr(HV_MSR_SINT0 + 3), 0x10000);
	ck_assert(write_msr(HV_MSR_SINT0 + 3, (uint64_t)_i | HV_SINT_MASKED));
	ck_assert(write_msr(HV_MSR_SINT0 + 3, (uint64_t)_i | HV_SINT_POLLING));
}
END_TEST

START_TEST(a_polled_source_takes_messages_without_interrupt)
{
	uint8_t vector;

	ck_assert(write_msr(HV_MSR_SCONTROL, 1));
	ck_assert(write_msr(HV_MSR_SINT0 + 4, 0x40 | HV_SINT_POLLING | HV_SINT_AUTO_EOI));
	ck_assert(!synic_vector(&synic, 4, &vector));
	ck_assert_uint_eq(vector, 0x40);
}
END_TEST

START_TEST(only_who_asks_for_it_has_interrupts_that_end_by_themselves)
{
	ck_assert(write_msr(HV_MSR_SINT0 + 4, 0x40));
	ck_assert(!synic_is_auto_eoi(&synic, 0x40));
	ck_assert(write_msr(HV_MSR_SINT0 + 5, 0x50 | HV_SINT_AUTO_EOI));
	ck_assert(synic_is_auto_eoi(&synic, 0x50) && !synic_is_auto_eoi(&synic, 0x40));
	ck_assert(write_msr(HV_MSR_SINT0 + 5, 0x50));
	ck_assert(!synic_is_auto_eoi(&synic, 0x50));
}
END_TEST

START_TEST(hostile_registers_fault_or_keep_no_reserved_bit)
{
	ck_assert(write_msr(HV_MSR_SIEFP, ~UINT64_C(1)));
	ck_assert(!synic_takes_events(&synic));
	ck_assert(!write_msr(HV_MSR_SVERSION, 1));
	ck_assert(!write_msr(HV_MSR_SINT0 - 1, 0));
	ck_assert(!write_msr(HV_MSR_SINT15 + 1, 0));
	ck_assert(!write_msr(0, 0));
	ck_assert(write_msr(HV_MSR_SINT15, ~UINT64_C(0)));
	ck_assert_uint_eq(read_msr(HV_MSR_SINT15), 0x700ff);
	ck_assert(write_msr(HV_MSR_SCONTROL, ~UINT64_C(0)));
	ck_assert_uint_eq(read_msr(HV_MSR_SCONTROL), 1);
	ck_assert(write_msr(HV_MSR_EOM, ~UINT64_C(0)));
	ck_assert_uint_eq(rescan, SYNIC_ALL_SINTS);
}
END_TEST

START_TEST(a_free_slot_takes_the_message)
{
	ck_assert(synic_slot_post(&slot, &hello));
	ck_assert_mem_eq(&slot, &hello, sizeof(slot));
}
END_TEST

START_TEST(a_busy_slot_is_marked_pending_and_not_overwritten)
{
	struct hv_message second = hello;

	second.type = 7;
	memcpy(second.payload, "other", 5);
	ck_assert(synic_slot_post(&slot, &hello));
	ck_assert(!synic_slot_post(&slot, &second));
	ck_assert_uint_eq(slot.flags, HV_MESSAGE_FLAG_PENDING);
	ck_assert_uint_eq(slot.type, 1);
	ck_assert_mem_eq(slot.payload, "hello", 5);
	slot.type = HV_MESSAGE_NONE;
	ck_assert(synic_slot_post(&slot, &second));
	ck_assert_uint_eq(slot.flags, 0);
}
END_TEST

START_TEST(an_overlong_payload_is_cut_at_the_slots_end)
{
	struct {
		struct hv_message slot;
		uint8_t canary[64];
	} page;
	struct hv_message big = hello;

	memset(&page, 0xaa, sizeof(page));
	page.slot.type = HV_MESSAGE_NONE;
	big.payload_size = 255;
	ck_assert(synic_slot_post(&page.slot, &big));
	ck_assert_uint_eq(page.slot.payload_size, HV_MESSAGE_PAYLOAD_BYTES);
	for (size_t i = 0; i < sizeof(page.canary); i++)
		ck_assert_uint_eq(page.canary[i], 0xaa);
}
END_TEST

/* The guest's side, as Linux does it: free the slot, then look at msg_pending (SYNIC-4). */
/* As many as ten seconds give, for beside busy machines each may cost a turn of the host's scheduler. */
#define RACE_MESSAGES 200000u
#define RACE_LEAST    1000u
#define RACE_SECONDS  10
#define RACE_LAST     16u /* the last one's bytes */
static uint32_t guest_got;
static uint32_t eom_count;

static void *guest(void *unused)
{
	(void)unused; /* the slot is static */
	for (bool last = false; !last;) {
		uint32_t type = __atomic_load_n(&slot.type, __ATOMIC_ACQUIRE);

		if (type == HV_MESSAGE_NONE) {
			sched_yield();
			continue;
		}
		if (type != guest_got + 1)
			break;
		guest_got++;
		last = slot.payload_size == RACE_LAST;
		__atomic_store_n(&slot.type, HV_MESSAGE_NONE, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&slot.flags, __ATOMIC_RELAXED) &
		    HV_MESSAGE_FLAG_PENDING)
			__atomic_fetch_add(&eom_count, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

START_TEST(a_busy_answer_is_always_followed_by_the_guests_eom)
{
	const time_t end = time(NULL) + RACE_SECONDS;
	pthread_t thread;
	uint32_t n = 1;

	ck_assert_int_eq(pthread_create(&thread, NULL, guest, NULL), 0);
	for (bool last = false; !last;) {
		struct hv_message message = { .type = n, .payload_size = 8 };
		uint32_t eom = __atomic_load_n(&eom_count, __ATOMIC_SEQ_CST);

		last = n == RACE_MESSAGES || (n >= RACE_LEAST && time(NULL) >= end);
		if (last)
			message.payload_size = RACE_LAST;
		if (synic_slot_post(&slot, &message)) {
			n++;
			continue;
		}
		last = false;
		/* Never try again but for an EOM: the join would hang if one were lost. */
		while (__atomic_load_n(&eom_count, __ATOMIC_SEQ_CST) == eom)
			sched_yield();
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(guest_got, n - 1);
	ck_assert_uint_ge(guest_got, RACE_LEAST);
}
END_TEST

START_TEST(a_flag_interrupts_once_until_it_is_cleared)
{
	struct hv_event_flags_page page = { .flags = { { 0 } } };
	const uint8_t *bytes = (const uint8_t *)&page;

	ck_assert(synic_flag_set(&page, 2, 2047));
	ck_assert(!synic_flag_set(&page, 2, 2047));
	ck_assert_uint_eq(bytes[2 * 256 + 255], 0x80);
	ck_assert(synic_flag_set(&page, 2, 9));
	ck_assert_uint_eq(bytes[2 * 256 + 1], 0x02);
	page.flags[2][0] = 0;
	ck_assert(synic_flag_set(&page, 2, 9));
}
END_TEST

START_TEST(a_flag_that_does_not_exist_is_not_set)
{
	struct hv_event_flags_page page = { .flags = { { 0 } } };
	static const struct hv_event_flags_page zero;

	ck_assert(!synic_flag_set(&page, 16, 0));
	ck_assert(!synic_flag_set(&page, 0, 2048));
	ck_assert(!synic_flag_set(&page, UINT32_MAX, UINT32_MAX));
	ck_assert_mem_eq(&page, &zero, sizeof(page));
}
END_TEST

static Suite *synic_suite(void)
{
	Suite *suite = suite_create("synic");
	TCase *tcase = tcase_create("synic");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, after_reset_everything_is_off_and_masked);
	tcase_add_test(tcase, what_linux_writes_at_boot_enables_sint2);
	tcase_add_test(tcase, a_page_register_keeps_no_reserved_bits);
	tcase_add_test(tcase, kexec_teardown_is_accepted);
	tcase_add_loop_test(tcase, an_unmasked_source_without_a_deliverable_vector_faults,
	                    0, 16);
	tcase_add_test(tcase, only_who_asks_for_it_has_interrupts_that_end_by_themselves);
	tcase_add_test(tcase, a_polled_source_takes_messages_without_interrupt);
	tcase_add_test(tcase, hostile_registers_fault_or_keep_no_reserved_bit);
	tcase_add_test(tcase, a_free_slot_takes_the_message);
	tcase_add_test(tcase, a_busy_slot_is_marked_pending_and_not_overwritten);
	tcase_add_test(tcase, an_overlong_payload_is_cut_at_the_slots_end);
	tcase_add_test(tcase, a_busy_answer_is_always_followed_by_the_guests_eom);
	tcase_add_test(tcase, a_flag_interrupts_once_until_it_is_cleared);
	tcase_add_test(tcase, a_flag_that_does_not_exist_is_not_set);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(synic_suite)
