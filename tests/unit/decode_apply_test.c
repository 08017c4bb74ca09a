/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The effects of emulated instructions, arithmetic flags against the processor's own. */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include "tests/unit/unit.h"

#define CF           BIT64(0)
#define ZF           BIT64(6)
#define DF           BIT64(10)
#define STATUS_FLAGS UINT64_C(0x8d5) /* OF SF ZF AF PF CF */
#define WITHOUT_AF   UINT64_C(0x8c5) /* AF is undefined after logic */

static struct decode_result apply(const uint8_t *code, size_t count, uint64_t memory,
                                  uint64_t *gpr, uint64_t *rflags)
{
	struct decode_result result;
	struct decode_memory m;

	ck_assert_int_eq(decode_memory(code, count, DECODE_64, &m), DECODE_OK);
	decode_apply(&m, memory, memory, gpr, rflags, &result);
	return result;
}

#define APPLY(memory, gpr, rflags, ...)         \
	apply((const uint8_t[]){ __VA_ARGS__ }, \
	      sizeof((const uint8_t[]){ __VA_ARGS__ }), memory, gpr, rflags)

/* One arithmetic instruction on the processor that runs the test. */
#define NATIVE(name, type)                                                              \
	static type native_##name##_##type(type a, type b, bool carry, uint64_t *flags) \
	{                                                                               \
		uint16_t ah_al;                                                         \
                                                                                        \
		__asm__ volatile("bt $0, %3\n\t" #name " %2, %0\n\t"                    \
		                 "lahf\n\tseto %%al"                                    \
		                 : "+r"(a), "=&a"(ah_al)                                \
		                 : "r"(b), "r"((uint32_t)carry)                         \
		                 : "cc");                                               \
		*flags = ah_al >> 8 | (ah_al & 1) << 11;                                \
		return a;                                                               \
	}
#define NATIVE_ALL(type)                                                       \
	NATIVE(add, type)                                                      \
	NATIVE(or, type)                                                       \
	NATIVE(adc, type)                                                      \
	NATIVE(sbb, type)                                                      \
	NATIVE(and, type)                                                      \
	NATIVE(sub, type)                                                      \
	NATIVE(xor, type)                                                      \
	NATIVE(cmp, type)                                                      \
	NATIVE(test, type)                                                     \
	static type (*const native_##type[])(type, type, bool, uint64_t *) = { \
		native_add_##type, native_or_##type,  native_adc_##type,       \
		native_sbb_##type, native_and_##type, native_sub_##type,       \
		native_xor_##type, native_cmp_##type, native_test_##type,      \
	};
NATIVE_ALL(uint8_t)
NATIVE_ALL(uint64_t)

static bool is_logic(int operation)
{
	return operation == DECODE_OR || operation == DECODE_AND ||
	       operation == DECODE_XOR || operation == DECODE_TEST;
}

static uint64_t flags_mask(int operation)
{
	return is_logic(operation) ? WITHOUT_AF : STATUS_FLAGS;
}

START_TEST(byte_arithmetic_is_the_processors_for_every_input)
{
	struct decode_memory m = {
		.operation = (enum decode_operation)_i,
		.bytes = 1,
		.register_bytes = 1,
		.reads = true,
		.writes = _i < DECODE_CMP,
	};

	for (uint32_t input = 0; input < 0x20000; input++) {
		uint64_t gpr[DECODE_GPRS] = { input >> 8 & 0xff };
		uint8_t memory = input & 0xff;
		bool carry = input >> 16;
		uint64_t rflags = carry ? CF : 0;
		struct decode_result result;
		uint64_t want;
		uint8_t value = native_uint8_t[_i](memory, (uint8_t)gpr[0], carry, &want);

		decode_apply(&m, memory, 0, gpr, &rflags, &result);
		if ((rflags ^ want) & flags_mask(_i) ||
		    (m.writes && result.memory != value))
			ck_abort_msg("operation %d, input %x", _i, input);
	}
}
END_TEST

START_TEST(wide_arithmetic_is_the_processors)
{
	static const uint64_t corners[] = {
		0,
		1,
		0xf,
		0x10,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x7fffffffffffffff,
		0x8000000000000000,
		0xffffffffffffffff,
		0x123456789abcdef0,
	};
	struct decode_memory m = {
		.operation = (enum decode_operation)_i,
		.bytes = 8,
		.register_bytes = 8,
		.reads = true,
		.writes = _i < DECODE_CMP,
	};

	for (unsigned int n = 0; n < 2 * ARRAY_COUNT(corners) * ARRAY_COUNT(corners);
	     n++) {
		uint64_t memory = corners[n / 2 % ARRAY_COUNT(corners)];
		uint64_t gpr[DECODE_GPRS] = { corners[n / 2 / ARRAY_COUNT(corners)] };
		uint64_t rflags = n & 1 ? CF : 0;
		struct decode_result result;
		uint64_t want;
		uint64_t value = native_uint64_t[_i](memory, gpr[0], n & 1, &want);

		decode_apply(&m, memory, 0, gpr, &rflags, &result);
		ck_assert_uint_eq(rflags & flags_mask(_i), want & flags_mask(_i));
		if (m.writes)
			ck_assert_uint_eq(result.memory, value);
	}
}
END_TEST

START_TEST(loads_extend_as_their_size_says)
{
	uint64_t gpr[DECODE_GPRS] = { ~UINT64_C(0), ~UINT64_C(0), 0, 0x1122334455667788 };
	uint64_t rflags = 2;

	(void)APPLY(0x80, gpr, &rflags, 0x0f, 0xb6, 0x08); /* movzbl (%rax), %ecx */
	ck_assert_uint_eq(gpr[1], 0x80);
	(void)APPLY(0x80, gpr, &rflags, 0x0f, 0xbe, 0x08); /* movsbl */
	ck_assert_uint_eq(gpr[1], 0xffffff80);
	(void)APPLY(0x80, gpr, &rflags, 0x48, 0x0f, 0xbe, 0x08); /* movsbq */
	ck_assert_uint_eq(gpr[1], 0xffffffffffffff80);
	(void)APPLY(0x1234, gpr, &rflags, 0x66, 0x8b, 0x08); /* mov (%rax), %cx */
	ck_assert_uint_eq(gpr[1], 0xffffffffffff1234);
	(void)APPLY(0xaa, gpr, &rflags, 0x8a, 0x3b); /* mov (%rbx), %bh */
	ck_assert_uint_eq(gpr[3], 0x112233445566aa88);
	(void)APPLY(0xffffffff80000000, gpr, &rflags, 0x8b, 0x03); /* mov (%rbx), %eax */
	ck_assert_uint_eq(gpr[0], 0x80000000);
	ck_assert_uint_eq(rflags, 2);
}
END_TEST

START_TEST(stores_take_register_or_immediate)
{
	uint64_t gpr[DECODE_GPRS] = { 0x1122334455667788 };
	uint64_t rflags = 2;
	struct decode_result result;

	result = APPLY(0, gpr, &rflags, 0x88, 0x23); /* mov %ah, (%rbx) */
	ck_assert(result.writes_memory);
	ck_assert_uint_eq(result.memory, 0x77);
	result = APPLY(0, gpr, &rflags, 0x48, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff);
	ck_assert_uint_eq(result.memory, 0xfffffffffffffffe);
	result = APPLY(0, gpr, &rflags, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff);
	ck_assert_uint_eq(result.memory, 0xfffffffe);
	result = APPLY(0x55, gpr, &rflags, 0x87, 0x03); /* xchg %eax, (%rbx) */
	ck_assert_uint_eq(result.memory, 0x55667788);
	ck_assert_uint_eq(gpr[0], 0x55);
	result = APPLY(0x55, gpr, &rflags, 0x39, 0x03); /* cmp */
	ck_assert(!result.writes_memory);
	ck_assert(rflags & ZF);
}
END_TEST

START_TEST(a_register_destination_takes_the_result)
{
	uint64_t gpr[DECODE_GPRS] = { 10 };
	uint64_t rflags = 2;
	struct decode_result result =
		APPLY(3, gpr, &rflags, 0x2b, 0x03); /* sub (%rbx), %eax */

	ck_assert(!result.writes_memory);
	ck_assert_uint_eq(gpr[0], 7);
	(void)APPLY(8, gpr, &rflags, 0x3b, 0x03); /* cmp (%rbx), %eax */
	ck_assert_uint_eq(gpr[0], 7);
	ck_assert(rflags & CF);
}
END_TEST

START_TEST(bits_are_tested_then_changed)
{
	uint64_t gpr[DECODE_GPRS] = { 35 };
	uint64_t rflags = ZF;

	ck_assert_uint_eq(APPLY(0, gpr, &rflags, 0x0f, 0xba, 0x2b, 0x23).memory, 8);
	ck_assert_uint_eq(rflags, ZF);
	ck_assert_uint_eq(APPLY(0xf, gpr, &rflags, 0x0f, 0xb3, 0x03).memory,
	                  7); /* btr %eax */
	ck_assert_uint_eq(rflags, ZF | CF);
	ck_assert_uint_eq(APPLY(7, gpr, &rflags, 0x0f, 0xba, 0x3b, 0x02).memory, 3);
	ck_assert(!APPLY(0, gpr, &rflags, 0x0f, 0xba, 0x23, 0x02).writes_memory);
	ck_assert_uint_eq(rflags, ZF);
}
END_TEST

START_TEST(a_repeated_string_goes_one_element_at_a_time)
{
	uint64_t gpr[DECODE_GPRS] = { 0xabcd, 2, [6] = 0x100, [7] = 0x200 };
	uint64_t rflags = 2;
	struct decode_result result = APPLY(0, gpr, &rflags, 0xf3, 0xab); /* rep stosl */

	ck_assert(result.repeats);
	ck_assert_uint_eq(result.memory, 0xabcd);
	ck_assert_uint_eq(gpr[1], 1);
	ck_assert_uint_eq(gpr[7], 0x204);
	rflags |= DF;
	result = APPLY(0x77, gpr, &rflags, 0xf3, 0xa4); /* rep movsb, downwards */
	ck_assert(!result.repeats);
	ck_assert_uint_eq(result.memory, 0x77);
	ck_assert_uint_eq(gpr[6], 0xff);
	ck_assert_uint_eq(gpr[7], 0x203);
	ck_assert_uint_eq(gpr[1], 0);
	(void)APPLY(0x99, gpr, &rflags, 0xac); /* lodsb */
	ck_assert_uint_eq(gpr[0], 0xab99);
	ck_assert_uint_eq(gpr[6], 0xfe);
}
END_TEST

START_TEST(a_rep_with_nothing_left_touches_nothing)
{
	static const uint8_t code[] = { 0x67, 0xf3, 0xab }; /* the count is ECX */
	uint64_t gpr[DECODE_GPRS] = { 1, 0x100000000, [7] = 0x200 };
	uint64_t rflags = 2;
	struct decode_memory m;
	struct decode_result result;

	ck_assert_int_eq(decode_memory(code, 3, DECODE_64, &m), DECODE_OK);
	ck_assert(decode_repeat_done(&m, gpr));
	decode_apply(&m, 0, 0, gpr, &rflags, &result);
	ck_assert(!result.writes_memory && !result.repeats);
	ck_assert_uint_eq(gpr[7], 0x200);
	ck_assert_uint_eq(gpr[1], 0x100000000);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("decode_apply");
	TCase *tc = tcase_create("decode_apply");

	tcase_add_loop_test(tc, byte_arithmetic_is_the_processors_for_every_input,
	                    DECODE_ADD, DECODE_TEST + 1);
	tcase_add_loop_test(tc, wide_arithmetic_is_the_processors, DECODE_ADD,
	                    DECODE_TEST + 1);
	tcase_add_test(tc, loads_extend_as_their_size_says);
	tcase_add_test(tc, stores_take_register_or_immediate);
	tcase_add_test(tc, a_register_destination_takes_the_result);
	tcase_add_test(tc, bits_are_tested_then_changed);
	tcase_add_test(tc, a_repeated_string_goes_one_element_at_a_time);
	tcase_add_test(tc, a_rep_with_nothing_left_touches_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
