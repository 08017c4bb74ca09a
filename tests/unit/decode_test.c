/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder's lengths and memory operands. */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include "tests/unit/decode_vectors.h"
#include "tests/unit/unit.h"

#define NONE DECODE_NO_REGISTER

START_TEST(every_vector_has_the_assemblers_length)
{
	const struct length_vector *v = &length_vectors[_i];
	uint8_t length;

	ck_assert_int_eq(decode_length(v->bytes, DECODE_MAX_BYTES, v->mode, &length),
	                 DECODE_OK);
	ck_assert_uint_eq(length, v->length);
	ck_assert_int_eq(decode_length(v->bytes, v->length, v->mode, &length), DECODE_OK);
}
END_TEST

START_TEST(a_cut_instruction_asks_for_more_bytes)
{
	const struct length_vector *v = &length_vectors[_i];
	uint8_t length;

	for (size_t count = 0; count < v->length; count++) {
		ck_assert_int_eq(decode_length(v->bytes, count, v->mode, &length),
		                 DECODE_MORE);
		ck_assert_uint_eq(length, 0);
	}
}
END_TEST

START_TEST(fifteen_bytes_are_the_most)
{
	uint8_t bytes[16];
	uint8_t length;

	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0x90;
	ck_assert_int_eq(decode_length(bytes, 16, DECODE_64, &length), DECODE_OK);
	ck_assert_uint_eq(length, 15);
	bytes[14] = 0x66;
	bytes[15] = 0x90;
	ck_assert_int_eq(decode_length(bytes, 16, DECODE_64, &length), DECODE_INVALID);
	ck_assert_int_eq(decode_length(bytes, 14, DECODE_64, &length), DECODE_MORE);
}
END_TEST

START_TEST(a_rex_prefix_before_another_prefix_is_void)
{
	static const uint8_t bytes[] = { 0x48, 0x66, 0x89, 0x03 }; /* mov %ax, (%rbx) */
	struct decode_memory m;

	ck_assert_int_eq(decode_memory(bytes, sizeof(bytes), DECODE_64, &m), DECODE_OK);
	ck_assert_uint_eq(m.length, 4);
	ck_assert_uint_eq(m.bytes, 2);
}
END_TEST

static const struct {
	enum decode_mode mode;
	enum decode_status status;
	uint8_t bytes[4];
} refused[] = {
	{ DECODE_64, DECODE_UNSUPPORTED, { 0xc4, 0xe0, 0x78, 0x10 } }, /* VEX, map 0 */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0xc4, 0xe4, 0x78, 0x10 } }, /* VEX, map 4 */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0x66, 0xc5, 0xf8, 0x77 } }, /* 66 VEX */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0x48, 0xc5, 0xf8, 0x77 } }, /* REX VEX */
	{ DECODE_32, DECODE_UNSUPPORTED, { 0xf0, 0xc5, 0xf8, 0x77 } }, /* LOCK VEX */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0x62, 0xf1, 0x7c, 0x48 } }, /* EVEX */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0x8f, 0xe9, 0x78, 0x01 } }, /* XOP */
	{ DECODE_64, DECODE_UNSUPPORTED, { 0x0f, 0x04, 0x90, 0x90 } },
	{ DECODE_64, DECODE_INVALID, { 0x06, 0x90, 0x90, 0x90 } }, /* push %es */
	{ DECODE_64, DECODE_INVALID, { 0x60, 0x90, 0x90, 0x90 } }, /* pusha */
	{ DECODE_64, DECODE_INVALID, { 0x82, 0x00, 0x01, 0x90 } },
};

START_TEST(what_the_decoder_does_not_know_is_refused)
{
	uint8_t length;

	ck_assert_int_eq(decode_length(refused[_i].bytes, 4, refused[_i].mode, &length),
	                 refused[_i].status);
}
END_TEST

/* operation, length, bytes, register bytes, register, immediate; flags as below. */
enum { READS = 1, WRITES = 2, TO_REG = 4, HIGH = 8, REP = 16, LOCK = 32 };

static const struct {
	uint8_t code[9];
	enum decode_operation operation;
	uint8_t length, bytes, register_bytes, reg;
	unsigned int flags;
	int64_t immediate;
	uint8_t base;
	int64_t displacement;
} memories[] = {
	/* clang-format off */
	{ { 0x89, 0x03 }, DECODE_MOV, 2, 4, 4, 0, WRITES, 0, 3, 0 },
	{ { 0x49, 0x89, 0x44, 0x24, 0x10 }, DECODE_MOV, 5, 8, 8, 0, WRITES, 0, 12, 16 },
	{ { 0x66, 0x42, 0x89, 0x04, 0x88 }, DECODE_MOV, 5, 2, 2, 0, WRITES, 0, 0, 0 },
	{ { 0x88, 0x21 }, DECODE_MOV, 2, 1, 1, 0, WRITES | HIGH, 0, 1, 0 },
	{ { 0x40, 0x88, 0x31 }, DECODE_MOV, 3, 1, 1, 6, WRITES, 0, 1, 0 },
	{ { 0x8a, 0x3b }, DECODE_MOV, 2, 1, 1, 3, READS | TO_REG | HIGH, 0, 3, 0 },
	{ { 0x8b, 0x87, 0xb0 }, DECODE_MOV, 6, 4, 4, 0, READS | TO_REG, 0, 7, 0xb0 },
	{ { 0x4c, 0x89, 0x5d, 0xf8 }, DECODE_MOV, 4, 8, 8, 11, WRITES, 0, 5, -8 },
	{ { 0x44, 0x8b, 0x15, 0x44, 0x33, 0x22, 0x11 }, DECODE_MOV, 7, 4, 4, 10,
	  READS | TO_REG, 0, NONE, 0x11223344 },
	{ { 0xc6, 0x00, 0x80 }, DECODE_MOV, 3, 1, 1, NONE, WRITES, -128, 0, 0 },
	{ { 0x66, 0xc7, 0x00, 0x00, 0x80 }, DECODE_MOV, 5, 2, 2, NONE, WRITES, -32768, 0, 0 },
	{ { 0xc7, 0x00, 0x00, 0x00, 0x00, 0x80 }, DECODE_MOV, 6, 4, 4, NONE, WRITES,
	  INT32_MIN, 0, 0 },
	{ { 0x48, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff }, DECODE_MOV, 7, 8, 8, NONE, WRITES,
	  -2, 0, 0 },
	{ { 0xa1, 0x20, 0x00, 0xe0, 0xfe }, DECODE_MOV, 9, 4, 4, 0, READS | TO_REG, 0, NONE,
	  0xfee00020 },
	{ { 0xa2, 0xb0, 0x00, 0xe0, 0xfe }, DECODE_MOV, 9, 1, 1, 0, WRITES, 0, NONE,
	  0xfee000b0 },
	{ { 0x0f, 0xb6, 0x08 }, DECODE_MOVZX, 3, 1, 4, 1, READS | TO_REG, 0, 0, 0 },
	{ { 0x44, 0x0f, 0xb7, 0x08 }, DECODE_MOVZX, 4, 2, 4, 9, READS | TO_REG, 0, 0, 0 },
	{ { 0x66, 0x0f, 0xb6, 0x08 }, DECODE_MOVZX, 4, 1, 2, 1, READS | TO_REG, 0, 0, 0 },
	{ { 0x48, 0x0f, 0xbe, 0x08 }, DECODE_MOVSX, 4, 1, 8, 1, READS | TO_REG, 0, 0, 0 },
	{ { 0x0f, 0xbf, 0x08 }, DECODE_MOVSX, 3, 2, 4, 1, READS | TO_REG, 0, 0, 0 },
	{ { 0x48, 0x63, 0x08 }, DECODE_MOVSX, 3, 4, 8, 1, READS | TO_REG, 0, 0, 0 },
	{ { 0x0f, 0xc3, 0x07 }, DECODE_MOV, 3, 4, 4, 0, WRITES, 0, 7, 0 },
	{ { 0x48, 0x0f, 0xc3, 0x07 }, DECODE_MOV, 4, 8, 8, 0, WRITES, 0, 7, 0 },
	{ { 0xaa }, DECODE_STOS, 1, 1, 1, 0, WRITES, 0, 7, 0 },
	{ { 0xf3, 0xab }, DECODE_STOS, 2, 4, 4, 0, WRITES | REP, 0, 7, 0 },
	{ { 0x66, 0xad }, DECODE_LODS, 2, 2, 2, 0, READS | TO_REG, 0, 6, 0 },
	{ { 0x48, 0xa5 }, DECODE_MOVS, 2, 8, 8, 0, WRITES, 0, 7, 0 },
	{ { 0x21, 0x03 }, DECODE_AND, 2, 4, 4, 0, READS | WRITES, 0, 3, 0 },
	{ { 0x0b, 0x03 }, DECODE_OR, 2, 4, 4, 0, READS | TO_REG, 0, 3, 0 },
	{ { 0xf0, 0x48, 0x31, 0x03 }, DECODE_XOR, 4, 8, 8, 0, READS | WRITES | LOCK, 0, 3, 0 },
	{ { 0x80, 0x03, 0xff }, DECODE_ADD, 3, 1, 1, NONE, READS | WRITES, -1, 3, 0 },
	{ { 0x83, 0x2b, 0xff }, DECODE_SUB, 3, 4, 4, NONE, READS | WRITES, -1, 3, 0 },
	{ { 0x66, 0x81, 0x3b, 0x34, 0x12 }, DECODE_CMP, 5, 2, 2, NONE, READS, 0x1234, 3, 0 },
	{ { 0x3a, 0x13 }, DECODE_CMP, 2, 1, 1, 2, READS | TO_REG, 0, 3, 0 },
	{ { 0x10, 0x0b }, DECODE_ADC, 2, 1, 1, 1, READS | WRITES, 0, 3, 0 },
	{ { 0x1b, 0x0b }, DECODE_SBB, 2, 4, 4, 1, READS | TO_REG, 0, 3, 0 },
	{ { 0x85, 0x03 }, DECODE_TEST, 2, 4, 4, 0, READS, 0, 3, 0 },
	{ { 0xf6, 0x03, 0x40 }, DECODE_TEST, 3, 1, 1, NONE, READS, 0x40, 3, 0 },
	{ { 0x48, 0xf7, 0x03, 0xfc, 0xff, 0xff, 0xff }, DECODE_TEST, 7, 8, 8, NONE, READS, -4,
	  3, 0 },
	{ { 0x87, 0x03 }, DECODE_XCHG, 2, 4, 4, 0, READS | WRITES | TO_REG, 0, 3, 0 },
	{ { 0x0f, 0xba, 0x23, 0x21 }, DECODE_BT, 4, 4, 4, NONE, READS, 33, 3, 0 },
	{ { 0xf0, 0x0f, 0xba, 0x2b, 0x03 }, DECODE_BTS, 5, 4, 4, NONE, READS | WRITES | LOCK,
	  3, 3, 0 },
	{ { 0x48, 0x0f, 0xb3, 0x03 }, DECODE_BTR, 4, 8, 8, 0, READS | WRITES, 0, 3, 0 },
	{ { 0x66, 0x0f, 0xbb, 0x0b }, DECODE_BTC, 4, 2, 2, 1, READS | WRITES, 0, 3, 0 },
	{ { 0xf0, 0xff, 0x03 }, DECODE_INC, 3, 4, 4, NONE, READS | WRITES | LOCK, 0, 3, 0 },
	{ { 0xf6, 0x13 }, DECODE_NOT, 2, 1, 1, NONE, READS | WRITES, 0, 3, 0 },
	{ { 0xc1, 0x23, 0x05 }, DECODE_SHL, 3, 4, 4, NONE, READS | WRITES, 5, 3, 0 },
	{ { 0xd1, 0x3b }, DECODE_SAR, 2, 4, 4, NONE, READS | WRITES, 1, 3, 0 },
	{ { 0x0f, 0xa4, 0x03, 0x07 }, DECODE_SHLD, 4, 4, 4, 0, READS | WRITES, 7, 3, 0 },
	{ { 0xf7, 0x33 }, DECODE_DIV, 2, 4, 4, NONE, READS, 0, 3, 0 },
	{ { 0x6b, 0x0b, 0xff }, DECODE_IMUL_IMMEDIATE, 3, 4, 4, 1, READS | TO_REG, -1, 3, 0 },
	{ { 0xf0, 0x0f, 0xc1, 0x0b }, DECODE_XADD, 4, 4, 4, 1, READS | WRITES | LOCK, 0, 3, 0 },
	{ { 0x0f, 0xb0, 0x0b }, DECODE_CMPXCHG, 3, 1, 1, 1, READS | WRITES, 0, 3, 0 },
	{ { 0x0f, 0xc7, 0x0b }, DECODE_CMPXCHG8B, 3, 8, 4, NONE, READS | WRITES, 0, 3, 0 },
	{ { 0x48, 0x0f, 0x44, 0x0b }, DECODE_CMOV, 4, 8, 8, 1, READS | TO_REG, 0, 3, 0 },
	{ { 0x0f, 0x95, 0x03 }, DECODE_SET, 3, 1, 1, NONE, WRITES, 0, 3, 0 },
	{ { 0xff, 0x33 }, DECODE_PUSH, 2, 8, 4, NONE, WRITES, 0, 4, -8 },
	{ { 0x66, 0x8f, 0x03 }, DECODE_POP, 3, 2, 2, NONE, WRITES, 0, 3, 0 },
	{ { 0x8f, 0x04, 0x24 }, DECODE_POP, 3, 8, 4, NONE, WRITES, 0, 4, 8 },
	{ { 0xf3, 0xa6 }, DECODE_CMPS, 2, 1, 1, 0, READS | REP, 0, 7, 0 },
	{ { 0xf2, 0xaf }, DECODE_SCAS, 2, 4, 4, 0, READS | REP, 0, 7, 0 },
	{ { 0x0f, 0xae, 0x3b }, DECODE_FLUSH, 3, 1, 1, NONE, 0, 0, 3, 0 },
	{ { 0x44, 0x0f, 0x10, 0x03 }, DECODE_VECTOR, 4, 16, 16, 8, READS | TO_REG, 0, 3, 0 },
	{ { 0xc5, 0xfc, 0x11, 0x03 }, DECODE_VECTOR, 4, 32, 32, 0, WRITES, 0, 3, 0 },
	{ { 0xc4, 0x41, 0x78, 0x10, 0x00 }, DECODE_VECTOR, 5, 16, 16, 8, READS | TO_REG, 0, 8, 0 },
	{ { 0xc4, 0xe1, 0xf9, 0x7e, 0x03 }, DECODE_VECTOR, 5, 8, 8, 0, WRITES, 0, 3, 0 },
	/* clang-format on */
};

START_TEST(memory_instructions_are_taken_apart)
{
	struct decode_memory m;

	ck_assert_int_eq(decode_memory(memories[_i].code, 9, DECODE_64, &m), DECODE_OK);
	ck_assert_int_eq(m.operation, memories[_i].operation);
	ck_assert_uint_eq(m.length, memories[_i].length);
	ck_assert_uint_eq(m.bytes, memories[_i].bytes);
	ck_assert_uint_eq(m.register_bytes, memories[_i].register_bytes);
	ck_assert_uint_eq(m.reg, memories[_i].reg);
	ck_assert_uint_eq((m.reads ? READS : 0) | (m.writes ? WRITES : 0) |
	                          (m.to_register ? TO_REG : 0) |
	                          (m.high_byte ? HIGH : 0) | (m.rep ? REP : 0) |
	                          (m.lock ? LOCK : 0),
	                  memories[_i].flags);
	ck_assert_int_eq(m.immediate, memories[_i].immediate);
	ck_assert_uint_eq(m.address.base, memories[_i].base);
	ck_assert_int_eq(m.address.displacement, memories[_i].displacement);
}
END_TEST

static const struct {
	enum decode_status status;
	uint8_t code[5];
} not_memory[] = {
	{ DECODE_UNSUPPORTED, { 0x89, 0xc3 } },       /* mov %eax, %ebx */
	{ DECODE_UNSUPPORTED, { 0x0f, 0xa2 } },       /* cpuid */
	{ DECODE_UNSUPPORTED, { 0xff, 0x10 } },       /* call *(%rax) */
	{ DECODE_UNSUPPORTED, { 0xff, 0x20 } },       /* jmp *(%rax) */
	{ DECODE_UNSUPPORTED, { 0xfe, 0x30 } },       /* no such extension */
	{ DECODE_UNSUPPORTED, { 0xd8, 0x00 } },       /* fadds (%rax) */
	{ DECODE_UNSUPPORTED, { 0x0f, 0xae, 0x00 } }, /* fxsave (%rax) */
	{ DECODE_UNSUPPORTED, { 0xf3, 0x0f, 0xae, 0x38 } },
	{ DECODE_UNSUPPORTED, { 0x0f, 0x6f, 0x00 } },       /* movq (%rax), %mm0 */
	{ DECODE_UNSUPPORTED, { 0xf2, 0x0f, 0x12, 0x00 } }, /* movddup */
	{ DECODE_UNSUPPORTED, { 0xc5, 0xf0, 0x12, 0x00 } }, /* vmovlps, 3 operands */
	{ DECODE_UNSUPPORTED, { 0xc5, 0xf8, 0x58, 0x00 } }, /* vaddps */
	{ DECODE_UNSUPPORTED, { 0xc5, 0xf8, 0xaf, 0x00 } }, /* no IMUL under VEX */
	{ DECODE_UNSUPPORTED, { 0x48, 0x0f, 0xc7, 0x08 } }, /* cmpxchg16b */
	{ DECODE_UNSUPPORTED, { 0x0f, 0xb8, 0x00 } },       /* popcnt has F3 */
	{ DECODE_UNSUPPORTED, { 0xf2, 0x0f, 0x38, 0xf0, 0x00 } }, /* crc32b */
	{ DECODE_INVALID, { 0xf0, 0xd1, 0x00 } },                 /* lock rol */
	{ DECODE_INVALID, { 0xf0, 0x0f, 0x10, 0x00 } },           /* lock movups */
	{ DECODE_INVALID, { 0xf0, 0xf7, 0x20 } },                 /* lock mul */
	{ DECODE_UNSUPPORTED, { 0xc6, 0xf8, 0x00 } },             /* xabort */
	{ DECODE_UNSUPPORTED, { 0x0f, 0xba, 0x00, 0x00 } },       /* no such extension */
	{ DECODE_INVALID, { 0xf0, 0x89, 0x03 } },                 /* lock mov */
	{ DECODE_INVALID, { 0xf0, 0x39, 0x03 } },                 /* lock cmp */
	{ DECODE_INVALID, { 0xf0, 0x03, 0x03 } },       /* lock add (%rbx), %eax */
	{ DECODE_INVALID, { 0xf0, 0xa4 } },             /* lock movsb */
	{ DECODE_INVALID, { 0x66, 0x0f, 0xc3, 0x07 } }, /* movnti has no 16-bit form */
};

START_TEST(other_instructions_are_not_emulated)
{
	struct decode_memory m;

	ck_assert_int_eq(decode_memory(not_memory[_i].code, 5, DECODE_64, &m),
	                 not_memory[_i].status);
}
END_TEST

static const uint64_t segments[DECODE_SEGMENTS] = { 0x100000, 0x200000, 0x300000,
	                                            0x400000, 0x500000, 0x600000 };

static const struct {
	enum decode_mode mode;
	uint8_t code[8];
	uint64_t linear;
} addresses[] = {
	/* gpr n holds (n + 1) << 12; rip is 0x7000. */
	{ DECODE_64, { 0x89, 0x03 }, 0x4000 },
	{ DECODE_64, { 0x42, 0x89, 0x04, 0x88 }, 0x1000 + 4 * 0xa000 },
	{ DECODE_64, { 0x89, 0x44, 0x24, 0xfc }, 0x5000 - 4 },
	{ DECODE_64, { 0x89, 0x05, 0x10, 0, 0, 0 }, 0x7000 + 6 + 0x10 },
	{ DECODE_64, { 0x89, 0x04, 0x25, 0x00, 0x00, 0xe0, 0xfe }, 0xfffffffffee00000 },
	{ DECODE_64, { 0x67, 0x89, 0x43, 0x80 }, 0x4000 - 128 },
	{ DECODE_64, { 0x65, 0x89, 0x03 }, 0x604000 },
	{ DECODE_64, { 0x64, 0x89, 0x03 }, 0x504000 },
	{ DECODE_64, { 0x2e, 0x89, 0x03 }, 0x4000 },
	{ DECODE_64, { 0x65, 0x2e, 0x89, 0x03 }, 0x604000 },
	{ DECODE_64, { 0x43, 0x89, 0x44, 0x25, 0x00 }, 0xe000 + 0xd000 }, /* r13 + r12 */
	{ DECODE_64, { 0xaa }, 0x8000 },
	{ DECODE_64, { 0x64, 0xac }, 0x507000 },
	{ DECODE_64, { 0x64, 0xaa }, 0x8000 },
	{ DECODE_32, { 0x89, 0x03 }, 0x404000 },
	{ DECODE_32, { 0x89, 0x45, 0x00 }, 0x306000 },
	{ DECODE_32, { 0x89, 0x04, 0x24 }, 0x305000 },
	{ DECODE_32, { 0x3e, 0x89, 0x04, 0x24 }, 0x405000 },
	{ DECODE_32, { 0x89, 0x05, 0x00, 0x00, 0xe0, 0xfe }, 0xff200000 },
	{ DECODE_32, { 0xa3, 0x00, 0x00, 0xe0, 0xff }, 0x00200000 },
	{ DECODE_32, { 0xaa }, 0x108000 },
	{ DECODE_16, { 0x89, 0x00 }, 0x400000 + 0x4000 + 0x7000 },
	{ DECODE_16, { 0x89, 0x02 }, 0x300000 + 0x6000 + 0x7000 },
	{ DECODE_16, { 0x89, 0x46, 0xfe }, 0x300000 + 0x6000 - 2 },
	{ DECODE_16, { 0x89, 0x06, 0x34, 0x12 }, 0x401234 },
	{ DECODE_16, { 0x89, 0x80, 0x00, 0xf0 }, 0x400000 + 0xa000 },
	{ DECODE_16, { 0x67, 0x89, 0x44, 0x24, 0x10 }, 0x305010 },
	{ DECODE_64, { 0x0f, 0xa3, 0x03 }, 0x4000 + 0x1000 / 8 },
	{ DECODE_64, { 0x0f, 0xab, 0x2b }, 0x4000 + 0x6000 / 8 },
};

START_TEST(linear_addresses_follow_mode_segment_and_size)
{
	struct decode_memory m;
	uint64_t gpr[DECODE_GPRS];

	for (unsigned int n = 0; n < DECODE_GPRS; n++)
		gpr[n] = (n + 1) << 12;
	ck_assert_int_eq(decode_memory(addresses[_i].code, 8, addresses[_i].mode, &m),
	                 DECODE_OK);
	ck_assert_uint_eq(decode_linear(&m, &m.address, gpr, segments, 0x7000),
	                  addresses[_i].linear);
}
END_TEST

START_TEST(a_negative_bit_number_reaches_below_the_operand)
{
	static const uint8_t code[] = { 0x0f, 0xa3, 0x03 }; /* bt %eax, (%rbx) */
	struct decode_memory m;
	uint64_t gpr[DECODE_GPRS] = { 0xffffffff, 0, 0, 0x1000 };

	ck_assert_int_eq(decode_memory(code, 3, DECODE_64, &m), DECODE_OK);
	ck_assert_uint_eq(decode_linear(&m, &m.address, gpr, segments, 0), 0xffc);
	gpr[0] = 31;
	ck_assert_uint_eq(decode_linear(&m, &m.address, gpr, segments, 0), 0x1000);
}
END_TEST

START_TEST(movs_names_both_of_its_operands)
{
	static const uint8_t code[] = { 0x65, 0x67, 0xf3, 0xa4 };
	uint64_t gpr[DECODE_GPRS] = { [1] = 2, [6] = 0x100001000, [7] = 0x100002000 };
	struct decode_memory m;

	ck_assert_int_eq(decode_memory(code, 4, DECODE_64, &m), DECODE_OK);
	ck_assert_uint_eq(decode_linear(&m, &m.address, gpr, segments, 0), 0x2000);
	ck_assert_uint_eq(decode_linear(&m, &m.source, gpr, segments, 0), 0x601000);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("decode");
	TCase *tc = tcase_create("decode");

	tcase_add_loop_test(tc, every_vector_has_the_assemblers_length, 0,
	                    ARRAY_COUNT(length_vectors));
	tcase_add_loop_test(tc, a_cut_instruction_asks_for_more_bytes, 0,
	                    ARRAY_COUNT(length_vectors));
	tcase_add_test(tc, fifteen_bytes_are_the_most);
	tcase_add_test(tc, a_rex_prefix_before_another_prefix_is_void);
	tcase_add_loop_test(tc, what_the_decoder_does_not_know_is_refused, 0,
	                    ARRAY_COUNT(refused));
	tcase_add_loop_test(tc, memory_instructions_are_taken_apart, 0,
	                    ARRAY_COUNT(memories));
	tcase_add_loop_test(tc, other_instructions_are_not_emulated, 0,
	                    ARRAY_COUNT(not_memory));
	tcase_add_loop_test(tc, linear_addresses_follow_mode_segment_and_size, 0,
	                    ARRAY_COUNT(addresses));
	tcase_add_test(tc, a_negative_bit_number_reaches_below_the_operand);
	tcase_add_test(tc, movs_names_both_of_its_operands);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(make_suite)
