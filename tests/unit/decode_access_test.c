/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own decoder: accesses to modelled pages, and MOV to CR8. */
#include "hypervisor/core/decode_access.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/unit/unit.h"

/* Register n holds NUMBERED(n). */
#define NUMBERED(n) (UINT64_C(0x1122334455667700) + 0x11 * (n))

static const uint64_t gpr[DECODE_GPRS] = {
	NUMBERED(0),  NUMBERED(1),  NUMBERED(2),  NUMBERED(3),
	NUMBERED(4),  NUMBERED(5),  NUMBERED(6),  NUMBERED(7),
	NUMBERED(8),  NUMBERED(9),  NUMBERED(10), NUMBERED(11),
	NUMBERED(12), NUMBERED(13), NUMBERED(14), NUMBERED(15),
};

/* As an assembler makes them. */
static const struct vector {
	const char *text;
	unsigned int bits;
	uint8_t bytes[DECODE_MAX_BYTES];
	struct decode_access expected;
} vectors[] = {
	{ "mov [rax+0xb0], ecx",
	  64,
	  { 0x89, 0x88, 0xb0, 0, 0, 0 },
	  { .value = 0x55667711, .length = 6, .bytes = 4 } },
	{ "mov eax, [abs -0xa03000]",
	  64,
	  { 0x8b, 0x04, 0x25, 0, 0xd0, 0x5f, 0xff },
	  { .length = 7, .bytes = 4, .reg = 0, .is_load = true } },
	{ "mov dword [rip+0x10], 0x12345678",
	  64,
	  { 0xc7, 0x05, 0x10, 0, 0, 0, 0x78, 0x56, 0x34, 0x12 },
	  { .value = 0x12345678, .length = 10, .bytes = 4 } },
	{ "mov qword [rax], -2",
	  64,
	  { 0x48, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff },
	  { .value = UINT64_MAX - 1, .length = 7, .bytes = 8 } },
	{ "mov word [rax+8], 0xfffe",
	  64,
	  { 0x66, 0xc7, 0x40, 0x08, 0xfe, 0xff },
	  { .value = 0xfffe, .length = 6, .bytes = 2 } },
	{ "mov r9d, gs:[r12+rcx*4+0x30]",
	  64,
	  { 0x65, 0x45, 0x8b, 0x4c, 0x8c, 0x30 },
	  { .length = 6, .bytes = 4, .reg = 9, .is_load = true } },
	{ "mov [rbp-8], rdx",
	  64,
	  { 0x48, 0x89, 0x55, 0xf8 },
	  { .value = NUMBERED(2), .length = 4, .bytes = 8 } },
	{ "mov [r13+rcx*2], edx",
	  64,
	  { 0x41, 0x89, 0x54, 0x4d, 0x00 },
	  { .value = 0x55667722, .length = 5, .bytes = 4 } },
	{ "mov [rcx*8+0x100], edx",
	  64,
	  { 0x89, 0x14, 0xcd, 0x00, 0x01, 0, 0 },
	  { .value = 0x55667722, .length = 7, .bytes = 4 } },
	{ "mov [0x1122334455667788], al",
	  64,
	  { 0xa2, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 },
	  { .value = 0, .length = 9, .bytes = 1 } },
	{ "mov [rdi], sil",
	  64,
	  { 0x40, 0x88, 0x37 },
	  { .value = 0x66, .length = 3, .bytes = 1 } },
	{ "mov [eax], cx",
	  64,
	  { 0x67, 0x66, 0x89, 0x08 },
	  { .value = 0x7711, .length = 4, .bytes = 2 } },
	{ "mov ss:[ebx], edx",
	  32,
	  { 0x36, 0x89, 0x13 },
	  { .value = 0x55667722, .length = 3, .bytes = 4 } },
	{ "mov eax, [0xfee00020]",
	  32,
	  { 0xa1, 0x20, 0, 0xe0, 0xfe },
	  { .length = 5, .bytes = 4, .is_load = true } },
	{ "mov [eax], ecx, in 16-bit code",
	  16,
	  { 0x66, 0x67, 0x89, 0x08 },
	  { .value = 0x55667711, .length = 4, .bytes = 4 } },
};

static bool decode(const struct vector *v, size_t count, struct decode_access *out)
{
	return decode_access(v->bytes, count, v->bits, gpr, out);
}

START_TEST(an_access_is_decoded_as_the_assembler_meant_it)
{
	const struct vector *v = &vectors[_i];
	const struct decode_access *want = &v->expected;
	struct decode_access got;

	ck_assert_msg(decode(v, sizeof(v->bytes), &got), "%s", v->text);
	if (!want->is_load)
		ck_assert_msg(got.value == want->value, "%s", v->text);
	ck_assert_msg(got.length == want->length, "%s", v->text);
	ck_assert_uint_eq(got.bytes, want->bytes);
	if (want->is_load)
		ck_assert_uint_eq(got.reg, want->reg);
	ck_assert_int_eq(got.is_load, want->is_load);
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
		{ "or [rax], ecx", 64, { 0x09, 0x08 }, { .length = 0 } },
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
	uint8_t bytes[20];
	struct decode_access got;

	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0x89;
	bytes[15] = 0x08;
	ck_assert(!decode_access(bytes, sizeof(bytes), 64, gpr, &got));
	bytes[13] = 0x89;
	bytes[14] = 0x08;
	ck_assert(decode_access(bytes, sizeof(bytes), 64, gpr, &got));
}
END_TEST

START_TEST(a_load_of_32_bits_clears_the_upper_half)
{
	const struct decode_access load = { .bytes = 4, .reg = 3, .is_load = true };
	uint64_t registers[DECODE_GPRS] = { [3] = UINT64_MAX };

	decode_load(&load, 0x80000001, registers);
	ck_assert_uint_eq(registers[3], 0x80000001);
}
END_TEST

START_TEST(a_load_of_16_bits_keeps_the_rest)
{
	const struct decode_access load = { .bytes = 2, .reg = 3, .is_load = true };
	uint64_t registers[DECODE_GPRS] = { [3] = UINT64_MAX };

	decode_load(&load, 0xabcd1234, registers);
	ck_assert_uint_eq(registers[3], UINT64_C(0xffffffffffff1234));
}
END_TEST

static const struct {
	uint8_t bytes[4];
	size_t count;
	bool is_64, writes_cr;
	uint8_t number, gpr;
} control_moves[] = {
	{ { 0x44, 0x0f, 0x22, 0xc2 }, 4, true, true, 8, 2 },
	{ { 0x45, 0x0f, 0x22, 0xc2 }, 4, true, true, 8, 10 },
	{ { 0xf0, 0x0f, 0x22, 0xc1 }, 4, true, true, 8, 1 },
	{ { 0xf0, 0x0f, 0x22, 0xc1 }, 4, false, true, 8, 1 },
	{ { 0x0f, 0x22, 0xc1 }, 3, true, true, 0, 1 },
	{ { 0x41, 0x0f, 0x22, 0xe1 }, 4, true, true, 4, 9 },
	{ { 0x44, 0x0f, 0x20, 0xc2 }, 4, true, false, 8, 2 },
	{ { 0x0f, 0x20, 0xe3 }, 3, false, false, 4, 3 },
};

START_TEST(a_move_of_a_control_register_names_both_registers)
{
	struct decode_mov_cr move;

	ck_assert(decode_mov_cr(control_moves[_i].bytes, control_moves[_i].count,
	                        control_moves[_i].is_64, &move));
	ck_assert_int_eq(move.writes_cr, control_moves[_i].writes_cr);
	ck_assert_uint_eq(move.number, control_moves[_i].number);
	ck_assert_uint_eq(move.gpr, control_moves[_i].gpr);
	ck_assert_uint_eq(move.length, control_moves[_i].count);
	ck_assert(!decode_mov_cr(control_moves[_i].bytes, control_moves[_i].count - 1,
	                         control_moves[_i].is_64, &move));
}
END_TEST

START_TEST(what_is_no_move_of_a_control_register_is_refused)
{
	static const uint8_t rex_in_32[] = { 0x41, 0x0f, 0x22, 0xe1 };
	static const uint8_t to_debug[] = { 0x0f, 0x23, 0xc1 };
	static const uint8_t one_byte[] = { 0x22, 0xc1, 0xc1 };
	struct decode_mov_cr move;

	ck_assert(!decode_mov_cr(rex_in_32, sizeof(rex_in_32), false, &move));
	ck_assert(!decode_mov_cr(to_debug, sizeof(to_debug), true, &move));
	ck_assert(!decode_mov_cr(one_byte, sizeof(one_byte), true, &move));
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
	tcase_add_loop_test(test, a_move_of_a_control_register_names_both_registers, 0,
	                    ARRAY_COUNT(control_moves));
	tcase_add_test(test, what_is_no_move_of_a_control_register_is_refused);
	suite_add_tcase(suite, test);
	return suite;
}

UNIT_MAIN(decode_access_suite)
