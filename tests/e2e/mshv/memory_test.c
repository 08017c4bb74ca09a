// SPDX-License-Identifier: GPL-2.0-or-later
/* A child's memory as its VMM asks for it, by guest physical and by virtual addresses. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <viridis/abi/hv_hypercall.h>

#define PML4_GPA  0x2000u
#define PDPT_GPA  0x3000u
#define PD_GPA    0x4000u
#define PT_GPA    0x5000u
#define GUARD     0x5e
#define READ_ONLY 0x10000u /* a page beside a hole */
#define SPAN      16u

static const uint8_t code_spin[] = { 0xeb, 0xfe };
static const uint8_t sixteen[SPAN] = "sixteen bytes..";

static void put64(struct guest *guest, uint32_t gpa, uint64_t value)
{
	memcpy(guest->memory + gpa, &value, sizeof(value));
}

/* 2 MiB at 0, and at 2 MiB a page for the kernel to read, which is GUEST_CODE_GPA's. */
static void long_mode(struct guest *guest)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_CR3, .value.reg64 = PML4_GPA },
		{ .name = HV_X64_REGISTER_CR4, .value.reg64 = 0x20 },       /* PAE */
		{ .name = HV_X64_REGISTER_EFER, .value.reg64 = 0x500 },     /* LME, LMA */
		{ .name = HV_X64_REGISTER_CR0, .value.reg64 = 0x80010011 }, /* WP */
	};

	put64(guest, PML4_GPA, PDPT_GPA | 7);
	put64(guest, PDPT_GPA, PD_GPA | 7);
	put64(guest, PD_GPA, 0x87);
	put64(guest, PD_GPA + 8, PT_GPA | 7);
	put64(guest, PT_GPA, GUEST_CODE_GPA | 1);
	ck_assert_int_eq(
		mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers)), 0);
}

static void translates(const struct guest *guest, uint64_t gva, uint64_t access,
                       enum hv_translate_code code, uint64_t gpa)
{
	enum hv_translate_code got;
	uint64_t found = 0;

	ck_assert_int_eq(mshv_translate_gva(&guest->vp, gva, access, &got, &found), 0);
	ck_assert_int_eq(got, code);
	if (code == HV_TRANSLATE_SUCCESS)
		ck_assert_uint_eq(found, gpa);
}

START_TEST(virtual_addresses_are_translated_by_the_childs_tables)
{
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	translates(&guest, 0x12345, HV_TRANSLATE_WRITE, HV_TRANSLATE_SUCCESS, 0x12345);
	long_mode(&guest);
	translates(&guest, 0x12345, HV_TRANSLATE_WRITE, HV_TRANSLATE_SUCCESS, 0x12345);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x123);
	translates(&guest, 0x200123, HV_TRANSLATE_WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION,
	           0);
	translates(&guest, 0x201000, HV_TRANSLATE_READ, HV_TRANSLATE_PAGE_NOT_PRESENT, 0);
	put64(&guest, PD_GPA + 8, 0x100000 | 7); /* a hole */
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_GPA_UNMAPPED, 0);
	guest_end(&guest);
}
END_TEST

START_TEST(a_translation_of_bad_arguments_is_refused)
{
	struct hv_input_translate_va input = { .flags = 16 };
	struct mshv_hypercall call = { .code = HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		                       .input = &input,
		                       .input_bytes = sizeof(input) };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	input = (struct hv_input_translate_va){ .gva_page = UINT64_C(1) << 52 };
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	input = (struct hv_input_translate_va){ .vp_index = 7 };
	ck_assert_int_eq(mshv_hypercall(guest.partition.fd, &call), -ENOENT);
	input = (struct hv_input_translate_va){ 0 };
	call.reps = 1;
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	ck_assert_int_eq(mshv_hypercall(guest.device, &call), -EOPNOTSUPP);
	guest_end(&guest);
}
END_TEST

START_TEST(bytes_cross_pages_and_no_more_are_touched)
{
	const uint64_t gpa = PDPT_GPA - 5;
	uint8_t got[SPAN] = { 0 };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	memset(guest.memory + gpa - 1, GUARD, SPAN + 2);
	ck_assert_int_eq(mshv_write_gpa(&guest.vp, gpa, sixteen, SPAN), 0);
	ck_assert_mem_eq(guest.memory + gpa, sixteen, SPAN);
	ck_assert_uint_eq(guest.memory[gpa - 1], GUARD);
	ck_assert_uint_eq(guest.memory[gpa + SPAN], GUARD);
	ck_assert_int_eq(mshv_read_gpa(&guest.vp, gpa, got, 3), 0);
	ck_assert_mem_eq(got, sixteen, 3);
	ck_assert_uint_eq(got[3], 0);
	guest_end(&guest);
}
END_TEST

START_TEST(holes_and_rights_are_kept)
{
	static const uint64_t holes[] = { GUEST_BYTES, GUEST_BYTES - 8, READ_ONLY - 8,
		                          (UINT64_C(1) << 52) - 8, UINT64_MAX - 7 };
	uint8_t got[SPAN];
	struct guest guest;
	uint8_t *page;

	guest_start(&guest, code_spin, sizeof(code_spin));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	            0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	memset(page, GUARD, 4096);
	memset(guest.memory + GUEST_BYTES - 8, GUARD, 8);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, READ_ONLY, page, 4096, 0), 0);
	ck_assert_int_eq(mshv_read_gpa(&guest.vp, READ_ONLY, got, SPAN), 0);
	ck_assert_uint_eq(got[15], GUARD);
	ck_assert_int_eq(mshv_write_gpa(&guest.vp, READ_ONLY, sixteen, SPAN), -EFAULT);
	for (unsigned int i = 0; i < ARRAY_COUNT(holes); i++) {
		ck_assert_int_eq(mshv_read_gpa(&guest.vp, holes[i], got, SPAN), -EFAULT);
		ck_assert_int_eq(mshv_write_gpa(&guest.vp, holes[i], sixteen, SPAN),
		                 -EFAULT);
	}
	ck_assert_uint_eq(page[0], GUARD);
	ck_assert_uint_eq(guest.memory[GUEST_BYTES - 8], GUARD);
	ck_assert_int_eq(mshv_read_gpa(&guest.vp, 0, got, 0), -EINVAL);
	guest_end(&guest);
	munmap(page, 4096);
}
END_TEST

Suite *mshv_memory_suite(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = tcase_create("memory");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, virtual_addresses_are_translated_by_the_childs_tables);
	tcase_add_test(tcase, a_translation_of_bad_arguments_is_refused);
	tcase_add_test(tcase, bytes_cross_pages_and_no_more_are_touched);
	tcase_add_test(tcase, holes_and_rights_are_kept);
	suite_add_tcase(suite, tcase);
	return suite;
}
