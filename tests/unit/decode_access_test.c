/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own decoder: accesses to modelled pages, and MOV to CR8. */
#include "hypervisor/core/decode_access.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/unit/unit.h"

#define RIP  UINT64_C(0x1000)
#define PAGE UINT64_C(0xfee00000)

/* Register n holds PAGE + 0x100 * n. */
static const uint64_t gpr[DECODE_GPRS] = {
	PAGE,         PAGE + 0x100, PAGE + 0x200, PAGE + 0x300,
	PAGE + 0x400, PAGE + 0x500, PAGE + 0x600, PAGE + 0x700,
	PAGE + 0x800, PAGE + 0x900, PAGE + 0xa00, PAGE + 0xb00,
	PAGE + 0xc00, PAGE + 0xd00, PAGE + 0xe00, PAGE + 0xf00,
};

/* As an assembler makes them; `operand` is that of the instruction. */
static const struct vector {
	const char *text;
	unsigned int bits;
	uint8_t bytes[DECODE_MAX_BYTES];
	struct decode_access expected;
} vectors[] = {
	{ "mov [rax+0xb0], ecx",
	  64,
	  { 0x89, 0x88, 0xb0, 0, 0, 0 },
	  { .segment = DECODE_DS,
	    .offset = PAGE + 0xb0,
	    .operand = PAGE + 0x100,
	    .length = 6,
	    .bytes = 4,
	    .reg = 1 } },
	{ "mov eax, [abs -0xa03000]",
	  64,
	  { 0x8b, 0x04, 0x25, 0, 0xd0, 0x5f, 0xff },
	  { .segment = DECODE_DS,
	    .offset = UINT64_C(0xffffffffff5fd000),
	    .operand = PAGE,
	    .length = 7,
	    .bytes = 4,
	    .to_register = true } },
	{ "mov dword [rip+0x10], 0x12345678",
	  64,
	  { 0xc7, 0x05, 0x10, 0, 0, 0, 0x78, 0x56, 0x34, 0x12 },
	  { .segment = DECODE_DS,
	    .offset = RIP + 10 + 0x10,
	    .operand = 0x12345678,
	    .length = 10,
	    .bytes = 4 } },
	{ "mov r9d, gs:[r12+rcx*4+0x30]",
	  64,
	  { 0x65, 0x45, 0x8b, 0x4c, 0x8c, 0x30 },
	  { .segment = DECODE_GS,
	    .offset = PAGE + 0xc00 + 4 * (PAGE + 0x100) + 0x30,
	    .operand = PAGE + 0x900,
	    .length = 6,
	    .bytes = 4,
	    .reg = 9,
	    .to_register = true } },
	{ "mov [rbp-8], rdx",
	  64,
	  { 0x48, 0x89, 0x55, 0xf8 },
	  { .segment = DECODE_SS,
	    .offset = PAGE + 0x4f8,
	    .operand = PAGE + 0x200,
	    .length = 4,
	    .bytes = 8,
	    .reg = 2 } },
	{ "mov [0x1122334455667788], al",
	  64,
	  { 0xa2, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 },
	  { .segment = DECODE_DS,
	    .offset = UINT64_C(0x1122334455667788),
	    .operand = PAGE,
	    .length = 9,
	    .bytes = 1 } },
	{ "mov [rdi], sil",
	  64,
	  { 0x40, 0x88, 0x37 },
	  { .segment = DECODE_DS,
	    .offset = PAGE + 0x700,
	    .operand = PAGE + 0x600,
	    .length = 3,
	    .bytes = 1,
	    .reg = 6 } },
	{ "mov [eax], cx",
	  64,
	  { 0x67, 0x66, 0x89, 0x08 },
	  { .segment = DECODE_DS,
	    .offset = PAGE,
	    .operand = PAGE + 0x100,
	    .length = 4,
	    .bytes = 2,
	    .reg = 1 } },
	{ "and dword [ebx], -2",
	  32,
	  { 0x83, 0x23, 0xfe },
	  { .operation = DECODE_AND,
	    .segment = DECODE_DS,
	    .offset = PAGE + 0x300,
	    .operand = UINT64_MAX - 1,
	    .length = 3,
	    .bytes = 4 } },
	{ "or ss:[ebx], edx",
	  32,
	  { 0x36, 0x09, 0x13 },
	  { .operation = DECODE_OR,
	    .segment = DECODE_SS,
	    .offset = PAGE + 0x300,
	    .operand = PAGE + 0x200,
	    .length = 3,
	    .bytes = 4,
	    .reg = 2 } },
	{ "test dword [esi], 0x1000",
	  32,
	  { 0xf7, 0x06, 0, 0x10, 0, 0 },
	  { .operation = DECODE_TEST,
	    .segment = DECODE_DS,
	    .offset = PAGE + 0x600,
	    .operand = 0x1000,
	    .length = 6,
	    .bytes = 4 } },
	{ "mov eax, [0xfee00020]",
	  32,
	  { 0xa1, 0x20, 0, 0xe0, 0xfe },
	  { .segment = DECODE_DS,
	    .offset = PAGE + 0x20,
	    .operand = PAGE,
	    .length = 5,
	    .bytes = 4,
	    .to_register = true } },
	{ "mov [eax], ecx, in 16-bit code",
	  16,
	  { 0x66, 0x67, 0x89, 0x08 },
	  { .segment = DECODE_DS,
	    .offset = PAGE,
	    .operand = PAGE + 0x100,
	    .length = 4,
	    .bytes = 4,
	    .reg = 1 } },
};

static bool decode(const struct vector *v, size_t count, struct decode_access *out)
{
	const struct decode_place place = { gpr, RIP, v->bits };

	return decode_access(v->bytes, count, &place, out);
}

START_TEST(an_access_is_decoded_as_the_assembler_meant_it)
{
	const struct vector *v = &vectors[_i];
	const struct decode_access *want = &v->expected;
	struct decode_access got;

	ck_assert_msg(decode(v, sizeof(v->bytes), &got), "%s", v->text);
	ck_assert_int_eq(got.operation, want->operation);
	ck_assert_int_eq(got.segment, want->segment);
	ck_assert_uint_eq(got.offset, want->offset);
	ck_assert_uint_eq(got.operand, want->operand);
	ck_assert_uint_eq(got.length, want->length);
	ck_assert_uint_eq(got.bytes, want->bytes);
	ck_assert_uint_eq(got.reg, want->reg);
	ck_assert_int_eq(got.to_register, want->to_register);
}
END_TEST

START_TEST(an_access_that_is_cut_is_not_decoded)
{
	const struct vector *v = &vectors[_i];
	struct decode_access got;

	for (size_t count = 0; count < v->expected.length; count++)
		ck_assert_msg(!decode(v, count, &got), "%s at %zu", v->text, count);
}
END_TEST

START_TEST(what_is_not_ours_is_refused)
{
	static const struct vector others[] = {
		{ "mov eax, ecx", 64, { 0x89, 0xc8 }, { .length = 0 } },
		{ "mov [rdi], dh", 64, { 0x88, 0x37 }, { .length = 0 } },
		{ "rep stosd", 64, { 0xf3, 0xab }, { .length = 0 } },
		{ "xchg [rax], ecx", 64, { 0x87, 0x08 }, { .length = 0 } },
		{ "add [rax], ecx", 64, { 0x01, 0x08 }, { .length = 0 } },
		{ "c7 with another extension", 64, { 0xc7, 0x48 }, { .length = 0 } },
		{ "mov [bx], ax", 16, { 0x89, 0x07 }, { .length = 0 } },
		{ "mov [bx], eax, in 32-bit code",
		  32,
		  { 0x67, 0x89, 0x07 },
		  { .length = 0 } },
	};
	struct decode_access got;

	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		ck_assert_msg(!decode(&others[i], DECODE_MAX_BYTES, &got), "%s",
		              others[i].text);
}
END_TEST

START_TEST(prefixes_past_fifteen_bytes_are_refused)
{
	const struct decode_place place = { gpr, RIP, 64 };
	uint8_t bytes[20];
	struct decode_access got;

	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0x89;
	bytes[15] = 0x08;
	ck_assert(!decode_access(bytes, sizeof(bytes), &place, &got));
	bytes[13] = 0x89;
	bytes[14] = 0x08;
	ck_assert(decode_access(bytes, sizeof(bytes), &place, &got));
}
END_TEST

START_TEST(a_load_of_32_bits_clears_the_upper_half)
{
	const struct decode_access load = { .bytes = 4, .reg = 3, .to_register = true };
	uint64_t registers[DECODE_GPRS] = { [3] = UINT64_MAX };
	uint64_t rflags = 2;

	(void)decode_carry_out(&load, 0x80000001, registers, &rflags);
	ck_assert(decode_reads(&load) && !decode_writes(&load));
	ck_assert_uint_eq(registers[3], 0x80000001);
	ck_assert_uint_eq(rflags, 2);
}
END_TEST

START_TEST(a_load_of_16_bits_keeps_the_rest)
{
	const struct decode_access load = { .bytes = 2, .reg = 3, .to_register = true };
	uint64_t registers[DECODE_GPRS] = { [3] = UINT64_MAX };
	uint64_t rflags = 2;

	(void)decode_carry_out(&load, 0xabcd1234, registers, &rflags);
	ck_assert_uint_eq(registers[3], UINT64_C(0xffffffffffff1234));
}
END_TEST

START_TEST(logic_sets_the_flags)
{
	const struct decode_access test = { .operation = DECODE_TEST,
		                            .operand = 0x1000,
		                            .bytes = 4 };
	const struct decode_access or
		= { .operation = DECODE_OR, .operand = 0x80000000, .bytes = 4 };
	uint64_t registers[DECODE_GPRS] = { 0 };
	uint64_t rflags = 0x8d7;

	(void)decode_carry_out(&test, 0xeff, registers, &rflags);
	ck_assert_uint_eq(rflags, 0x46); /* ZF, PF */
	ck_assert(decode_reads(&test) && !decode_writes(&test));
	ck_assert_uint_eq(decode_carry_out(& or, 1, registers, &rflags), 0x80000001);
	ck_assert_uint_eq(rflags, 0x82); /* SF */
	ck_assert(decode_reads(& or) && decode_writes(& or));
}
END_TEST

START_TEST(a_move_to_cr8_names_its_register)
{
	static const uint8_t plain[] = { 0x44, 0x0f, 0x22, 0xc2 };
	static const uint8_t high[] = { 0x45, 0x0f, 0x22, 0xc2 };
	static const uint8_t locked[] = { 0xf0, 0x0f, 0x22, 0xc1 };
	static const uint8_t to_cr0[] = { 0x0f, 0x22, 0xc1 };
	static const uint8_t from_cr8[] = { 0x44, 0x0f, 0x20, 0xc2 };
	uint8_t reg, length;

	ck_assert(decode_mov_to_cr8(plain, sizeof(plain), &reg, &length));
	ck_assert(reg == 2 && length == 4);
	ck_assert(decode_mov_to_cr8(high, sizeof(high), &reg, &length));
	ck_assert(reg == 10 && length == 4);
	ck_assert(decode_mov_to_cr8(locked, sizeof(locked), &reg, &length));
	ck_assert(reg == 1 && length == 4);
	ck_assert(!decode_mov_to_cr8(plain, 3, &reg, &length));
	ck_assert(!decode_mov_to_cr8(to_cr0, sizeof(to_cr0), &reg, &length));
	ck_assert(!decode_mov_to_cr8(from_cr8, sizeof(from_cr8), &reg, &length));
}
END_TEST

static Suite *decode_access_suite(void)
{
	Suite *suite = suite_create("decode_access");
	TCase *test = tcase_create("access");

	tcase_add_loop_test(test, an_access_is_decoded_as_the_assembler_meant_it, 0,
	                    ARRAY_COUNT(vectors));
	tcase_add_loop_test(test, an_access_that_is_cut_is_not_decoded, 0,
	                    ARRAY_COUNT(vectors));
	tcase_add_test(test, what_is_not_ours_is_refused);
	tcase_add_test(test, prefixes_past_fifteen_bytes_are_refused);
	tcase_add_test(test, a_load_of_32_bits_clears_the_upper_half);
	tcase_add_test(test, a_load_of_16_bits_keeps_the_rest);
	tcase_add_test(test, logic_sets_the_flags);
	tcase_add_test(test, a_move_to_cr8_names_its_register);
	suite_add_tcase(suite, test);
	return suite;
}

UNIT_MAIN(decode_access_suite)
