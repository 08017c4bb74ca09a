// SPDX-License-Identifier: GPL-2.0-or-later
/* A child's memory as its VMM asks for it, by guest physical and by virtual addresses. */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_intercept.h>

#define PML4_GPA  0x2000u
#define PDPT_GPA  0x3000u
#define PD_GPA    0x4000u
#define PT_GPA    0x5000u
#define GUARD     0x5e
#define READ_ONLY 0x10000u /* a page beside a hole */
#define HOLE_GPA  0x100000u
#define SPAN      16u

static const uint8_t code_spin[] = { 0xeb, 0xfe };
/* 0: out 0x80, al; jmp 0 */
static const uint8_t code_out[] = { 0xe6, 0x80, 0xeb, 0xfc };
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
	put64(&guest, PD_GPA + 8, HOLE_GPA | 7);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_GPA_UNMAPPED, 0);
	guest_end(&guest);
}
END_TEST

/* Until it stands at its OUT. */
static void run_to_port(struct guest *guest)
{
	struct hv_x64_io_port_intercept io;
	struct hv_message message;

	ck_assert_int_eq(mshv_run_vp(&guest->vp, &message), 0);
	ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
	memcpy(&io, message.payload, sizeof(io));
	ck_assert_int_eq(mshv_set_register(&guest->vp, HV_X64_REGISTER_RIP,
	                                   io.header.rip + sizeof(code_out) / 2),
	                 0);
}

/* As programs are, but that it may use ports. */
static void user_mode(struct guest *guest)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_X64_REGISTER_CS,
		  .value.segment = { .limit = 0xffff,
		                     .selector = 3,
		                     .attributes = 0xfb } },
		{ .name = HV_X64_REGISTER_SS,
		  .value.segment = { .limit = 0xffff,
		                     .selector = 3,
		                     .attributes = 0xf3 } },
		{ .name = HV_X64_REGISTER_RFLAGS, .value.reg64 = 0x3002 },
	};

	ck_assert_int_eq(
		mshv_set_registers(&guest->vp, registers, ARRAY_COUNT(registers)), 0);
}

/* At its intercept the module knows what the vp has, until its VMM sets that anew. */
START_TEST(a_vp_that_waits_for_its_vmm_has_its_own_tables)
{
	struct guest guest;

	guest_start(&guest, code_out, sizeof(code_out));
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS, 0x200123);
	long_mode(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x123);
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x123);
	translates(&guest, 0x200123, HV_TRANSLATE_WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION,
	           0);
	user_mode(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_PRIVILEGE_VIOLATION,
	           0);
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_PRIVILEGE_VIOLATION,
	           0);
	put64(&guest, PT_GPA, GUEST_CODE_GPA | 5);
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x123);
	put64(&guest, PT_GPA, PML4_GPA | 5); /* as an entry of a TLB, until it goes on */
	translates(&guest, 0x200124, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x124);
	translates(&guest, 0x200123, HV_TRANSLATE_WRITE, HV_TRANSLATE_PRIVILEGE_VIOLATION,
	           0);
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           PML4_GPA + 0x123);
	guest_end(&guest);
}
END_TEST

/* Nobody's TLB has what was not found: once its VMM has brought the table, it is found at the same intercept. */
START_TEST(a_table_that_comes_at_an_intercept_is_seen)
{
	uint64_t *table = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct guest guest;

	ck_assert_ptr_ne(table, MAP_FAILED);
	table[0] = GUEST_CODE_GPA | 1;
	guest_start(&guest, code_out, sizeof(code_out));
	long_mode(&guest);
	put64(&guest, PD_GPA + 8, HOLE_GPA | 7);
	run_to_port(&guest);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_GPA_UNMAPPED, 0);
	ck_assert_int_eq(mshv_map_memory(&guest.partition, HOLE_GPA, table, 4096, 0), 0);
	translates(&guest, 0x200123, HV_TRANSLATE_READ, HV_TRANSLATE_SUCCESS,
	           GUEST_CODE_GPA + 0x123);
	guest_end(&guest);
	munmap(table, 4096);
}
END_TEST

/* QEMU asks for each word of REP INSW. Others of the root make hypercalls, too. */
START_TEST(a_translation_at_an_intercept_is_no_hypercall)
{
	const unsigned int count = 1000;
	struct guest guest;
	uint64_t before;

	guest_start(&guest, code_out, sizeof(code_out));
	run_to_port(&guest);
	before = hypercalls_of_root(guest.device);
	for (unsigned int i = 0; i < count; i++)
		translates(&guest, i, HV_TRANSLATE_WRITE, HV_TRANSLATE_SUCCESS, i);
	ck_assert_uint_lt(hypercalls_of_root(guest.device) - before, count / 2);
	guest_end(&guest);
}
END_TEST

START_TEST(a_translation_of_bad_arguments_is_refused)
{
	struct hv_input_translate_va input = { .flags = 16 };
	struct hv_output_translate_va output;
	struct mshv_hypercall call = { .code = HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		                       .input = &input,
		                       .input_bytes = sizeof(input) };
	struct guest guest;

	guest_start(&guest, code_spin, sizeof(code_spin));
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	input = (struct hv_input_translate_va){ .gva_page = UINT64_C(1) << 52 };
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	call.output = &output;
	call.output_bytes = sizeof(output);
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	input = (struct hv_input_translate_va){ .reserved = 1 };
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EINVAL);
	input = (struct hv_input_translate_va){ 0 };
	call.output = (void *)UINT64_C(0x1000);
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EFAULT);
	call.input = call.output;
	ck_assert_int_eq(mshv_hypercall(guest.vp.fd, &call), -EFAULT);
	call.input = &input;
	call.output_bytes = 0;
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
	tcase_add_test(tcase, a_vp_that_waits_for_its_vmm_has_its_own_tables);
	tcase_add_test(tcase, a_table_that_comes_at_an_intercept_is_seen);
	tcase_add_test(tcase, a_translation_at_an_intercept_is_no_hypercall);
	tcase_add_test(tcase, a_translation_of_bad_arguments_is_refused);
	tcase_add_test(tcase, bytes_cross_pages_and_no_more_are_touched);
	tcase_add_test(tcase, holes_and_rights_are_kept);
	suite_add_tcase(suite, tcase);
	return suite;
}
