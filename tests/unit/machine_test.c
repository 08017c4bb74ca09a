/* SPDX-License-Identifier: GPL-2.0-or-later */
/* root-partition/loader/core/machine: whoever cannot boot is told why. */
#include "tests/unit/unit.h"

#include "root-partition/loader/core/machine.h"

static struct viridis_input_describe_machine machine;

static void setup(void)
{
	machine = (struct viridis_input_describe_machine){
		.cpu_count = 2,
		.ioapic_count = 1,
		.pm1_control = { 0x604 },
		.s5_type = 5,
		.tsc_hz = UINT64_C(2000000000),
	};
}

START_TEST(a_machine_that_has_all_is_taken_without_a_word)
{
	ck_assert_ptr_null(machine_reject_reason(&machine));
	ck_assert_ptr_null(machine_lack(&machine, 0));
}
END_TEST

START_TEST(what_the_hypervisor_refuses_has_a_reason)
{
	machine.tsc_hz = VIRIDIS_MACHINE_TSC_HZ_MIN;
	ck_assert_ptr_null(machine_reject_reason(&machine));
	machine.tsc_hz--;
	ck_assert_str_eq(machine_reject_reason(&machine),
	                 "the time stamp counter ticks slower than 100 MHz");
	setup();
	machine.cpu_count = 0;
	ck_assert_str_eq(machine_reject_reason(&machine),
	                 "ACPI's MADT names no CPU that is enabled");
	machine.cpu_count = VIRIDIS_MACHINE_CPUS;
	ck_assert_ptr_null(machine_reject_reason(&machine));
	machine.cpu_count++;
	ck_assert_str_eq(machine_reject_reason(&machine), "there are more than 64 CPUs");
	setup();
	machine.ioapic_count = VIRIDIS_MACHINE_IOAPICS;
	ck_assert_ptr_null(machine_reject_reason(&machine));
	machine.ioapic_count++;
	ck_assert_str_eq(machine_reject_reason(&machine),
	                 "there are more than 8 I/O APICs");
	setup();
	machine.iommu_count = VIRIDIS_MACHINE_IOMMUS;
	ck_assert_ptr_null(machine_reject_reason(&machine));
	machine.iommu_count++;
	ck_assert_str_eq(machine_reject_reason(&machine), "there are more than 8 IOMMUs");
}
END_TEST

START_TEST(what_will_not_work_is_named_each_once)
{
	machine.ioapic_count = 0;
	machine.pm1_control[0] = 0;
	machine.s5_type = VIRIDIS_MACHINE_NO_S5;
	ck_assert_ptr_null(machine_reject_reason(&machine));
	ck_assert_str_eq(machine_lack(&machine, 0),
	                 "no I/O APIC: only devices with MSI have interrupts");
	ck_assert_str_eq(
		machine_lack(&machine, 1),
		"no PM1 control port in ACPI's FADT: the root cannot power the machine off");
	ck_assert_ptr_null(machine_lack(&machine, 2));
	machine.pm1_control[0] = 0x604;
	ck_assert_str_eq(
		machine_lack(&machine, 1),
		"no \\_S5 object in ACPI's DSDT: the root cannot power the machine off");
	ck_assert_ptr_null(machine_lack(&machine, 2));
}
END_TEST

static Suite *machine_suite(void)
{
	Suite *suite = suite_create("machine");
	TCase *tests = tcase_create("machine");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, a_machine_that_has_all_is_taken_without_a_word);
	tcase_add_test(tests, what_the_hypervisor_refuses_has_a_reason);
	tcase_add_test(tests, what_will_not_work_is_named_each_once);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(machine_suite)
