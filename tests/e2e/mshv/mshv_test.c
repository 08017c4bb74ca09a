// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the module and this library on a running root; needs /dev/mshv and no other partition.
 * The program is in the root's image as viridis-mshv-test.
 */
#include "tests/e2e/mshv/mshv_test.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#define WAIT_STEP_US 10000
#define WAIT_STEPS   1000

void guest_set_real_mode(const struct mshv_vp *vp)
{
	struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_CS,
		  .value.segment = { .limit = 0xffff, .attributes = 0x9b } },
		{ .name = HV_X64_REGISTER_DS,
		  .value.segment = { .limit = 0xffff, .attributes = 0x93 } },
		{ .name = HV_X64_REGISTER_RIP, .value.reg64 = GUEST_CODE_GPA },
		{ .name = HV_X64_REGISTER_RFLAGS, .value.reg64 = 2 },
	};

	ck_assert_int_eq(mshv_set_registers(vp, registers, ARRAY_COUNT(registers)), 0);
}

void guest_start(struct guest *guest, const void *code, size_t bytes)
{
	guest->device = mshv_open();
	ck_assert_int_ge(guest->device, 0);
	ck_assert_int_eq(mshv_create_partition(guest->device, MSHV_PARTITION_X2APIC, NULL,
	                                       0, &guest->partition),
	                 0);
	guest->memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE,
	                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(guest->memory, MAP_FAILED);
	memcpy(guest->memory + GUEST_CODE_GPA, code, bytes);
	ck_assert_int_eq(mshv_map_memory(&guest->partition, 0, guest->memory, GUEST_BYTES,
	                                 MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE),
	                 0);
	ck_assert_int_eq(mshv_create_vp(&guest->partition, 0, &guest->vp), 0);
	guest_set_real_mode(&guest->vp);
}

void guest_end(struct guest *guest)
{
	mshv_close_vp(&guest->vp);
	mshv_close_partition(&guest->partition);
	munmap(guest->memory, GUEST_BYTES);
	check_nothing_is_left(guest->device);
	close(guest->device);
}

bool become_member(uid_t user)
{
	struct stat device;

	return stat("/dev/mshv", &device) == 0 && setgroups(1, &device.st_gid) == 0 &&
	       setgid(user) == 0 && setuid(user) == 0;
}

uint64_t hypercalls_of_root(int device)
{
	struct viridis_get_stats stats = { .partition_id = HV_PARTITION_ID_SELF,
		                           .object = VIRIDIS_STATS_VP };
	uint64_t sum = 0;

	for (; mshv_get_stats(device, &stats) == 0; stats.index++)
		sum += stats.counter[VIRIDIS_VP_STAT_EXIT_HYPERCALL];
	ck_assert_uint_gt(sum, 0);
	return sum;
}

void check_nothing_is_left(int device)
{
	struct viridis_info totals;
	uint32_t count = 0;

	for (unsigned int i = 0; i < WAIT_STEPS; i++) {
		count = 0;
		ck_assert_int_eq(mshv_info(device, NULL, &count, &totals), 0);
		if (count == 0 && totals.deposited_pages == totals.root_deposited_pages)
			break;
		usleep(WAIT_STEP_US);
	}
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(totals.pinned_pages, 0);
	ck_assert_uint_eq(totals.deposited_pages, 0);
}

int main(void)
{
	SRunner *runner = srunner_create(mshv_vp_suite());
	int failed;

	srunner_add_suite(runner, mshv_answer_suite());
	srunner_add_suite(runner, mshv_doze_suite());
	srunner_add_suite(runner, mshv_waiter_suite());
	srunner_add_suite(runner, mshv_death_suite());
	srunner_add_suite(runner, mshv_event_suite());
	srunner_add_suite(runner, mshv_pages_suite());
	srunner_add_suite(runner, mshv_memory_suite());
	srunner_add_suite(runner, mshv_synic_suite());
	srunner_add_suite(runner, mshv_arguments_suite());
	srunner_add_suite(runner, mshv_state_suite());
	srunner_add_suite(runner, mshv_vmm_suite());
	srunner_add_suite(runner, mshv_attach_suite());
	srunner_add_suite(runner, mshv_member_suite());
	srunner_add_suite(runner, mshv_hostile_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
