/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a kernel and its initrd go, and what the first VP finds. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "root-partition/vm/model/boot.h"

#define MIB (UINT64_C(1) << 20)

static uint8_t kernel[8192];
static _Alignas(4096) uint8_t low[BOOT_LOW_BYTES];
static struct boot_plan plan;
static struct boot_input input;

static void put32(unsigned int at, uint32_t value)
{
	memcpy(kernel + at, &value, 4);
}

/* A relocatable kernel that wants 16 MiB and needs 4 MiB there. */
static void setup(void)
{
	memset(kernel, 0, sizeof(kernel));
	kernel[BP_SETUP_SECTS] = 1;
	put32(BP_SYSSIZE, (sizeof(kernel) - 1024) / 16);
	kernel[BP_BOOT_FLAG] = 0x55;
	kernel[BP_BOOT_FLAG + 1] = 0xaa;
	kernel[0x200] = 0xeb;
	kernel[BP_JUMP_LENGTH] = 0x66;
	put32(BP_HEADER_MAGIC, BP_MAGIC_HDRS);
	kernel[BP_VERSION] = 0x0f;
	kernel[BP_VERSION + 1] = 0x02;
	kernel[BP_LOADFLAGS] = BP_LOADED_HIGH;
	put32(BP_INITRD_ADDR_MAX, 0x7fffffff);
	put32(BP_KERNEL_ALIGNMENT, 2 * MIB);
	kernel[BP_RELOCATABLE] = 1;
	kernel[BP_MIN_ALIGNMENT] = 21;
	kernel[BP_XLOADFLAGS] = BP_XLF_KERNEL_64;
	put32(BP_CMDLINE_SIZE, 2047);
	put32(BP_PREF_ADDRESS, 16 * MIB);
	put32(BP_INIT_SIZE, 4 * MIB);
	input = (struct boot_input){
		.ram_bytes = 512 * MIB,
		.kernel = kernel,
		.kernel_bytes = sizeof(kernel),
		.initrd_bytes = 3 * MIB,
		.command_line = "console=ttyS0",
	};
}

START_TEST(kernel_and_initrd_get_places_of_their_own)
{
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.kernel_gpa, 16 * MIB);
	ck_assert_uint_ge(plan.boot.initrd_gpa, 20 * MIB);
	ck_assert_uint_le(plan.boot.initrd_gpa + 3 * MIB, 512 * MIB);
}
END_TEST

START_TEST(an_initrd_stays_below_what_the_kernel_can_reach)
{
	input.ram_bytes = 8192 * MIB;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_le(plan.boot.initrd_gpa + 3 * MIB, UINT64_C(0x80000000));
}
END_TEST

START_TEST(what_does_not_fit_into_ram_is_refused)
{
	input.ram_bytes = 18 * MIB;
	kernel[BP_RELOCATABLE] = 0;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_NO_ROOM);
	setup();
	input.initrd_bytes = 600 * MIB;
	ck_assert_int_ne(boot_plan(&input, &plan), BZIMAGE_OK);
	setup();
	input.initrd_bytes = UINT64_MAX;
	ck_assert_int_ne(boot_plan(&input, &plan), BZIMAGE_OK);
}
END_TEST

START_TEST(a_file_that_is_no_kernel_is_refused)
{
	kernel[BP_HEADER_MAGIC] = 'x';
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_NOT_A_KERNEL);
	input.kernel_bytes = 0;
	ck_assert_int_ne(boot_plan(&input, &plan), BZIMAGE_OK);
}
END_TEST

START_TEST(a_command_line_too_long_for_the_kernel_is_refused)
{
	static char line[70000];

	memset(line, 'x', 2048);
	input.command_line = line;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_LONG_COMMAND_LINE);
	line[2047] = 0;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	memset(line, 'x', 69999);
	put32(BP_CMDLINE_SIZE, 0xffffffff);
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_LONG_COMMAND_LINE);
}
END_TEST

START_TEST(the_memory_map_covers_ram_and_keeps_the_tables)
{
	uint64_t ram = 0;

	input.ram_bytes = 4096 * MIB;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.e820_count, 4);
	for (size_t i = 0; i < plan.boot.e820_count; i++)
		if (plan.e820[i].type == E820_RAM)
			ram += plan.e820[i].bytes;
	ck_assert_uint_eq(ram, 4096 * MIB - 0x60000);
	ck_assert_uint_eq(plan.e820[1].start, 0xe0000);
	ck_assert_uint_eq(plan.e820[1].type, E820_ACPI);
	ck_assert_uint_eq(plan.e820[3].start, 4096 * MIB);
}
END_TEST

START_TEST(low_memory_holds_command_line_parameters_and_page_tables)
{
	uint64_t entry;
	uint32_t address;

	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_int_eq(boot_write(&input, &plan, low), BZIMAGE_OK);
	ck_assert_str_eq((const char *)low + plan.boot.command_line_gpa, "console=ttyS0");
	memcpy(&address, low + 0x2000 + BP_CMD_LINE_PTR, 4);
	ck_assert_uint_eq(address, plan.boot.command_line_gpa);
	memcpy(&entry, low + 0x2000 + BP_ACPI_RSDP_ADDR, 8);
	ck_assert_uint_eq(entry, 0xe0000);
	memcpy(&entry, low + 0x3000, 8);
	ck_assert_uint_eq(entry & ~UINT64_C(0xfff), 0x4000);
	memcpy(&entry, low + 0x8000 + 511 * 8, 8); /* the last 2 MiB below 4 GiB */
	ck_assert_uint_eq(entry & ~UINT64_C(0xfff), 0xffe00000);
	ck_assert_uint_eq(low[0xffff0],
	                  0xb0); /* not zeros: a restart would run into them */
}
END_TEST

START_TEST(the_first_vp_enters_at_the_64_bit_entry_with_rsi_set)
{
	struct hv_register_assoc registers[BOOT_REGISTERS_MAX];
	unsigned int seen = 0;
	uint32_t count;

	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	count = boot_registers(&plan, registers);
	ck_assert_uint_le(count, BOOT_REGISTERS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = registers[i].value.reg64;

		if (registers[i].name == HV_X64_REGISTER_RIP && value == 16 * MIB + 0x200)
			seen++;
		if (registers[i].name == HV_X64_REGISTER_RAX + 6 && value == 0x2000)
			seen++;
		if (registers[i].name == HV_X64_REGISTER_CS)
			ck_assert_uint_eq(registers[i].value.segment.selector, 0x10);
	}
	ck_assert_uint_eq(seen, 2);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("loader");
	TCase *tcase = tcase_create("boot");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, kernel_and_initrd_get_places_of_their_own);
	tcase_add_test(tcase, an_initrd_stays_below_what_the_kernel_can_reach);
	tcase_add_test(tcase, what_does_not_fit_into_ram_is_refused);
	tcase_add_test(tcase, a_file_that_is_no_kernel_is_refused);
	tcase_add_test(tcase, a_command_line_too_long_for_the_kernel_is_refused);
	tcase_add_test(tcase, the_memory_map_covers_ram_and_keeps_the_tables);
	tcase_add_test(tcase, low_memory_holds_command_line_parameters_and_page_tables);
	tcase_add_test(tcase, the_first_vp_enters_at_the_64_bit_entry_with_rsi_set);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
