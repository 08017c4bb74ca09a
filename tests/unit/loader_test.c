/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a kernel and its initrd go, and what the first VP finds. */
#include "unit.h"

#include <stdbool.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "root-partition/vm/model/boot.h"
#include "vsp/lib/core/memory_map.h"

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

static void assert_ranges(const struct bzimage_e820 *found,
                          const struct bzimage_e820 *expected, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(found[i].start, expected[i].start);
		ck_assert_uint_eq(found[i].bytes, expected[i].bytes);
		ck_assert_uint_eq(found[i].type, expected[i].type);
	}
}

START_TEST(kernel_and_initrd_get_places_of_their_own)
{
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.kernel_gpa, 16 * MIB);
	ck_assert_uint_eq(plan.boot.initrd_gpa, 509 * MIB);
	ck_assert_uint_eq(plan.boot.initrd_bytes, 3 * MIB);
	ck_assert_uint_eq(plan.boot.command_line_gpa, 0x20000);
	ck_assert_uint_eq(plan.boot.command_line_bytes, 13);
	ck_assert_uint_eq(plan.boot.rsdp_gpa, 0xe0000);
	input.initrd_bytes = 0;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.initrd_gpa, 0);
}
END_TEST

START_TEST(an_initrd_stays_below_what_the_kernel_can_reach)
{
	input.ram_bytes = 8192 * MIB;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.initrd_gpa, UINT64_C(0x80000000) - 3 * MIB);
	put32(BP_INITRD_ADDR_MAX, 0x7ffffffe);
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.initrd_gpa, UINT64_C(0x7ffff000) - 3 * MIB);
}
END_TEST

/* The kernel is at 16 MiB and needs 4: behind it there are 3 MiB, or a page less. */
START_TEST(an_initrd_never_lies_on_the_kernel)
{
	input.ram_bytes = 23 * MIB;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.initrd_gpa, 20 * MIB);
	input.ram_bytes = 23 * MIB - 4096;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.initrd_gpa, 13 * MIB);
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
	line[0x10000] = 0;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_LONG_COMMAND_LINE);
	line[0xffff] = 0;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
}
END_TEST

START_TEST(the_memory_map_covers_ram_and_keeps_the_tables)
{
	static const struct bzimage_e820 large[] = {
		{ 0, 0xa0000, E820_RAM },
		{ 0xe0000, 0x1f000, E820_ACPI },
		{ MIB, VSP_LOW_RAM_MAX - MIB, E820_RAM },
		{ 4096 * MIB, 4096 * MIB - VSP_LOW_RAM_MAX, E820_RAM },
	};
	static const struct bzimage_e820 small = { MIB, 511 * MIB, E820_RAM };

	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.e820_count, 3);
	assert_ranges(plan.e820, large, 2);
	assert_ranges(&plan.e820[2], &small, 1);
	input.ram_bytes = 4096 * MIB;
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_uint_eq(plan.boot.e820_count, 4);
	ck_assert_ptr_eq(plan.boot.e820, plan.e820);
	assert_ranges(plan.e820, large, 4);
}
END_TEST

START_TEST(low_memory_holds_command_line_and_parameters)
{
	uint64_t entry;
	uint32_t address;

	memset(low, 0xa5, sizeof(low));
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_int_eq(boot_write(&input, &plan, low), BZIMAGE_OK);
	ck_assert_str_eq((const char *)low + plan.boot.command_line_gpa, "console=ttyS0");
	ck_assert_uint_eq(low[plan.boot.command_line_gpa + 14], 0xa5);
	memcpy(&address, low + 0x2000 + BP_CMD_LINE_PTR, 4);
	ck_assert_uint_eq(address, plan.boot.command_line_gpa);
	memcpy(&entry, low + 0x2000 + BP_ACPI_RSDP_ADDR, 8);
	ck_assert_uint_eq(entry, 0xe0000);
}
END_TEST

/* APM2 5.3: PML4 at 0x3000, PDPT, four directories of large pages; then the stack. */
START_TEST(page_tables_map_4_gib_to_themselves)
{
	uint64_t entries[6 * 512];

	memset(low, 0xa5, sizeof(low));
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_int_eq(boot_write(&input, &plan, low), BZIMAGE_OK);
	memcpy(entries, low + 0x3000, sizeof(entries));
	for (uint64_t i = 0; i < 512; i++) {
		ck_assert_uint_eq(entries[i], i == 0 ? 0x4003 : 0);
		ck_assert_uint_eq(entries[512 + i], i < 4 ? 0x5003 + i * 0x1000 : 0);
	}
	for (uint64_t i = 0; i < 2048; i++)
		ck_assert_uint_eq(entries[1024 + i], i << 21 | 0x83);
	for (unsigned int i = 0x9000; i < 0xa000; i++)
		ck_assert_uint_eq(low[i], 0xa5);
}
END_TEST

START_TEST(descriptors_and_the_reset_vector_are_the_manuals)
{
	static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	/* mov al, 1; mov dx, 0x602; out dx, al; hlt; jmp to the hlt */
	static const uint8_t code[] = { 0xb0, 0x01, 0xba, 0x02, 0x06,
		                        0xee, 0xf4, 0xeb, 0xfd };

	memset(low, 0xa5, sizeof(low));
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	ck_assert_int_eq(boot_write(&input, &plan, low), BZIMAGE_OK);
	ck_assert_mem_eq(low + 0x1000, gdt, sizeof(gdt));
	ck_assert_uint_eq(low[0x1000 + sizeof(gdt)], 0xa5);
	ck_assert_mem_eq(low + 0xffff0, code, sizeof(code));
}
END_TEST

static const struct segment {
	uint32_t name;
	uint16_t selector, attributes;
	uint32_t limit;
} segments[] = {
	{ HV_X64_REGISTER_CS, 0x10, 0xa09b, UINT32_MAX },
	{ HV_X64_REGISTER_DS, 0x18, 0xc093, UINT32_MAX },
	{ HV_X64_REGISTER_ES, 0x18, 0xc093, UINT32_MAX },
	{ HV_X64_REGISTER_FS, 0x18, 0xc093, UINT32_MAX },
	{ HV_X64_REGISTER_GS, 0x18, 0xc093, UINT32_MAX },
	{ HV_X64_REGISTER_SS, 0x18, 0xc093, UINT32_MAX },
	{ HV_X64_REGISTER_LDTR, 0, 0x0082, 0xffff },
	{ HV_X64_REGISTER_TR, 0, 0x008b, 0xffff },
};
enum { SEGMENTS = 8, TABLES = 2 };

static const struct {
	uint32_t name;
	uint64_t value;
} values[] = {
	{ HV_X64_REGISTER_CR0, 0x80000033 },
	{ HV_X64_REGISTER_CR3, 0x3000 },
	{ HV_X64_REGISTER_CR4, 0x20 },
	{ HV_X64_REGISTER_EFER, 0x500 },
	{ HV_X64_REGISTER_RIP, 16 * MIB + 0x200 },
	{ HV_X64_REGISTER_RFLAGS, 2 },
	{ HV_X64_REGISTER_RAX + 4, 0xa000 },
	{ HV_X64_REGISTER_RAX + 6, 0x2000 },
};
enum { VALUES = 8 };

static struct hv_register_assoc registers[BOOT_REGISTERS_MAX];
static uint32_t register_count;

static const struct hv_register_assoc *find_register(uint32_t name)
{
	for (uint32_t i = 0; i < register_count; i++)
		if (registers[i].name == name)
			return &registers[i];
	ck_abort_msg("register %#x is not set", name);
}

START_TEST(the_first_vp_enters_at_the_64_bit_entry_with_rsi_set)
{
	ck_assert_int_eq(boot_plan(&input, &plan), BZIMAGE_OK);
	register_count = boot_registers(&plan, registers);
	ck_assert_uint_eq(register_count, SEGMENTS + TABLES + VALUES);
	for (unsigned int i = 0; i < SEGMENTS; i++) {
		const struct segment *expected = &segments[i];
		const struct hv_register_assoc *found = find_register(expected->name);

		ck_assert_uint_eq(found->value.segment.base, 0);
		ck_assert_uint_eq(found->value.segment.limit, expected->limit);
		ck_assert_uint_eq(found->value.segment.selector, expected->selector);
		ck_assert_uint_eq(found->value.segment.attributes, expected->attributes);
	}
	for (unsigned int i = 0; i < VALUES; i++)
		ck_assert_uint_eq(find_register(values[i].name)->value.reg64,
		                  values[i].value);
	ck_assert_uint_eq(find_register(HV_X64_REGISTER_GDTR)->value.table.limit, 31);
	ck_assert_uint_eq(find_register(HV_X64_REGISTER_GDTR)->value.table.base, 0x1000);
	ck_assert_uint_eq(find_register(HV_X64_REGISTER_IDTR)->value.table.limit, 0);
	ck_assert_uint_eq(find_register(HV_X64_REGISTER_IDTR)->value.table.base, 0);
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
	tcase_add_test(tcase, an_initrd_never_lies_on_the_kernel);
	tcase_add_test(tcase, low_memory_holds_command_line_and_parameters);
	tcase_add_test(tcase, page_tables_map_4_gib_to_themselves);
	tcase_add_test(tcase, descriptors_and_the_reset_vector_are_the_manuals);
	tcase_add_test(tcase, the_first_vp_enters_at_the_64_bit_entry_with_rsi_set);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
