/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and effects of the instructions that decode_memory knows. APM3 3, APM1 3.1.4.
 */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define RAX 0u
#define RCX 1u
#define RDX 2u
#define RBX 3u
#define RSP 4u
#define RSI 6u
#define RDI 7u

#define RFLAGS_CF BIT64(0)
#define RFLAGS_PF BIT64(2)
#define RFLAGS_AF BIT64(4)
#define RFLAGS_ZF BIT64(6)
#define RFLAGS_SF BIT64(7)
#define RFLAGS_DF BIT64(10)
#define RFLAGS_OF BIT64(11)
#define RFLAGS_STATUS \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t width_mask(unsigned int bytes)
{
	return bits_mask(0, 8 * bytes);
}

static uint64_t sign_extend(uint64_t value, unsigned int bytes)
{
	unsigned int unused = 64 - 8 * bytes;

	return (uint64_t)((int64_t)(value << unused) >> unused);
}

static uint64_t effective(const struct decode_address *a, const uint64_t gpr[DECODE_GPRS],
                          uint64_t next_rip)
{
	uint64_t sum = (uint64_t)a->displacement;

	if (a->base != DECODE_NO_REGISTER)
		sum += gpr[a->base];
	if (a->index != DECODE_NO_REGISTER)
		sum += gpr[a->index] << a->shift;
	if (a->rip_relative)
		sum += next_rip;
	return sum & width_mask(a->bytes);
}

static uint64_t add_segment(const struct decode_address *a, enum decode_mode mode,
                            const uint64_t segment_base[DECODE_SEGMENTS], uint64_t offset)
{
	if (mode == DECODE_64)
		return a->segment >= DECODE_FS ? offset + segment_base[a->segment] :
		                                 offset;
	return (offset + segment_base[a->segment]) & UINT32_MAX;
}

uint64_t decode_address_linear(const struct decode_address *address,
                               enum decode_mode mode, const uint64_t gpr[DECODE_GPRS],
                               const uint64_t segment_base[DECODE_SEGMENTS],
                               uint64_t next_rip)
{
	return add_segment(address, mode, segment_base,
	                   effective(address, gpr, next_rip));
}

static bool is_bit_string(const struct decode_memory *m)
{
	return m->operation >= DECODE_BT && m->operation <= DECODE_BTC &&
	       m->reg != DECODE_NO_REGISTER;
}

/* The word that holds the bit: a signed bit number from the operand's start. APM3 BT */
static uint64_t bit_string_offset(const struct decode_memory *m,
                                  const uint64_t gpr[DECODE_GPRS])
{
	int64_t bit = (int64_t)sign_extend(gpr[m->reg], m->bytes);
	int64_t bits = 8 * m->bytes;
	int64_t word = (bit - (bit & (bits - 1))) / bits;

	return (uint64_t)(word * m->bytes);
}

uint64_t decode_linear(const struct decode_memory *m,
                       const struct decode_address *address,
                       const uint64_t gpr[DECODE_GPRS],
                       const uint64_t segment_base[DECODE_SEGMENTS], uint64_t rip)
{
	uint64_t offset = effective(address, gpr, rip + m->length);

	if (is_bit_string(m))
		offset = (offset + bit_string_offset(m, gpr)) &
		         width_mask(address->bytes);
	return add_segment(address, m->mode, segment_base, offset);
}

/* 32-bit results clear the upper half, narrower ones keep the rest. APM1 3.1.2 */
static void set_gpr(uint64_t *gpr, unsigned int bytes, uint64_t value)
{
	uint64_t mask = bytes == 4 ? ~UINT64_C(0) : width_mask(bytes);

	*gpr = (*gpr & ~mask) | (value & width_mask(bytes));
}

static void set_register(const struct decode_memory *m, uint64_t gpr[DECODE_GPRS],
                         uint64_t value)
{
	if (m->high_byte)
		gpr[m->reg] = (gpr[m->reg] & ~UINT64_C(0xff00)) | (value & 0xff) << 8;
	else
		set_gpr(&gpr[m->reg], m->register_bytes, value);
}

static uint64_t other_operand(const struct decode_memory *m,
                              const uint64_t gpr[DECODE_GPRS])
{
	if (m->reg == DECODE_NO_REGISTER)
		return (uint64_t)m->immediate & width_mask(m->bytes);
	return gpr[m->reg] >> (m->high_byte ? 8 : 0) & width_mask(m->register_bytes);
}

struct alu {
	unsigned int bytes;
	uint64_t a, b, result;
	uint64_t carries;  /* out of each bit */
	uint64_t overflow; /* in the top bit */
};

static void alu_add(struct alu *x, uint64_t carry)
{
	x->result = x->a + x->b + carry;
	x->carries = (x->a & x->b) | ((x->a | x->b) & ~x->result);
	x->overflow = (x->result ^ x->a) & (x->result ^ x->b);
}

static void alu_subtract(struct alu *x, uint64_t borrow)
{
	x->result = x->a - x->b - borrow;
	x->carries = (~x->a & x->b) | ((~x->a | x->b) & x->result);
	x->overflow = (x->a ^ x->b) & (x->a ^ x->result);
}

static void set_flag(uint64_t *rflags, uint64_t flag, bool on)
{
	*rflags = on ? *rflags | flag : *rflags & ~flag;
}

/* SF, ZF and PF, which follow from the result alone. */
static void set_result_flags(uint64_t *rflags, uint64_t result, unsigned int bytes)
{
	set_flag(rflags, RFLAGS_SF, result & BIT64(8 * bytes - 1));
	set_flag(rflags, RFLAGS_ZF, (result & width_mask(bytes)) == 0);
	set_flag(rflags, RFLAGS_PF, !__builtin_parity((unsigned int)(result & 0xff)));
}

/* After logic CF and OF are 0, AF is undefined: here 0. */
static void alu_flags(const struct alu *x, uint64_t *rflags)
{
	uint64_t top = BIT64(8 * x->bytes - 1);

	set_flag(rflags, RFLAGS_CF, x->carries & top);
	set_flag(rflags, RFLAGS_AF, x->carries & BIT64(3));
	set_flag(rflags, RFLAGS_OF, x->overflow & top);
	set_result_flags(rflags, x->result, x->bytes);
}

static uint64_t alu(enum decode_operation operation, struct alu *x, uint64_t *rflags)
{
	uint64_t carry = *rflags & RFLAGS_CF ? 1 : 0;

	if (operation == DECODE_ADD || operation == DECODE_ADC)
		alu_add(x, operation == DECODE_ADC ? carry : 0);
	else if (operation == DECODE_AND || operation == DECODE_TEST)
		x->result = x->a & x->b;
	else if (operation == DECODE_OR)
		x->result = x->a | x->b;
	else if (operation == DECODE_XOR)
		x->result = x->a ^ x->b;
	else /* SUB, SBB, CMP */
		alu_subtract(x, operation == DECODE_SBB ? carry : 0);
	alu_flags(x, rflags);
	return x->result & width_mask(x->bytes);
}

/*
 * Arithmetic and logic: memory with the other operand, in the order that to_register
 * says.
 */
static void apply_alu(const struct decode_memory *m, uint64_t memory,
                      uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                      struct decode_result *result)
{
	uint64_t other = other_operand(m, gpr);
	struct alu x = {
		.bytes = m->bytes,
		.a = m->to_register ? other : memory,
		.b = m->to_register ? memory : other,
	};
	uint64_t value = alu(m->operation, &x, rflags);

	if (m->writes)
		result->memory = value;
	else if (m->to_register && m->operation != DECODE_CMP)
		set_register(m, gpr, value);
}

/* ZF stays, the other status flags are undefined: kept. APM3 BT */
static void apply_bit(const struct decode_memory *m, uint64_t memory,
                      const uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                      struct decode_result *result)
{
	uint64_t bit = BIT64(other_operand(m, gpr) & (8 * m->bytes - 1));

	*rflags = memory & bit ? *rflags | RFLAGS_CF : *rflags & ~RFLAGS_CF;
	if (m->operation == DECODE_BTS)
		result->memory = memory | bit;
	else if (m->operation == DECODE_BTR)
		result->memory = memory & ~bit;
	else if (m->operation == DECODE_BTC)
		result->memory = memory ^ bit;
}

bool decode_repeat_done(const struct decode_memory *m, const uint64_t gpr[DECODE_GPRS])
{
	return m->rep && (gpr[RCX] & width_mask(m->address.bytes)) == 0;
}

/* The flags of first - second. */
static void compare(const struct decode_memory *m, uint64_t first, uint64_t second,
                    uint64_t *rflags)
{
	struct alu x = { .bytes = m->bytes, .a = first, .b = second };

	(void)alu(DECODE_CMP, &x, rflags); /* its flags are wanted */
}

/* INC and DEC leave CF alone. */
static void apply_unary(const struct decode_memory *m, uint64_t memory, uint64_t *rflags,
                        struct decode_result *result)
{
	bool negates = m->operation == DECODE_NEG;
	uint64_t carry = *rflags & RFLAGS_CF;
	struct alu x = { .bytes = m->bytes,
		         .a = negates ? 0 : memory,
		         .b = negates ? memory : 1 };

	result->memory = ~memory;
	if (m->operation == DECODE_NOT)
		return;
	result->memory =
		alu(m->operation == DECODE_INC ? DECODE_ADD : DECODE_SUB, &x, rflags);
	if (!negates)
		*rflags = (*rflags & ~RFLAGS_CF) | carry;
}

/* ---- Shifts and rotates, a bit at a time: at most 63. APM3 ROL, RCL, SAL, SHLD ---- */

static unsigned int shift_count(const struct decode_memory *m,
                                const uint64_t gpr[DECODE_GPRS])
{
	uint64_t count = m->count_in_cl ? gpr[RCX] : (uint64_t)m->immediate;

	return count & (m->bytes == 8 ? 63 : 31);
}

static uint64_t shift_left(uint64_t value, bool in, uint64_t top, bool *out)
{
	*out = value & top;
	return value << 1 | in;
}

static uint64_t shift_right(uint64_t value, bool in, uint64_t top, bool *out)
{
	*out = value & 1;
	return (value & (2 * top - 1)) >> 1 | (in ? top : 0);
}

static uint64_t shift_one(enum decode_operation operation, uint64_t value, uint64_t top,
                          bool *carry)
{
	bool high = value & top, low = value & 1;

	switch (operation) {
	case DECODE_ROL:
		return shift_left(value, high, top, carry);
	case DECODE_ROR:
		return shift_right(value, low, top, carry);
	case DECODE_RCL:
		return shift_left(value, *carry, top, carry);
	case DECODE_RCR:
		return shift_right(value, *carry, top, carry);
	case DECODE_SHR:
		return shift_right(value, false, top, carry);
	case DECODE_SAR:
		return shift_right(value, high, top, carry);
	default:
		return shift_left(value, false, top, carry);
	}
}

/* OF is defined after a shift by one: the sign changed. SAR's 0 is the same. */
static void apply_shift(const struct decode_memory *m, uint64_t memory,
                        const uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                        struct decode_result *result)
{
	uint64_t top = BIT64(8 * m->bytes - 1);
	unsigned int count = shift_count(m, gpr);
	bool carry = *rflags & RFLAGS_CF;
	uint64_t value = memory, before = memory;

	for (unsigned int i = 0; i < count; i++) {
		before = value;
		value = shift_one(m->operation, value, top, &carry);
	}
	result->memory = value;
	if (count == 0)
		return;
	set_flag(rflags, RFLAGS_CF, carry);
	set_flag(rflags, RFLAGS_OF, (before ^ value) & top);
	if (m->operation >= DECODE_SHL)
		set_result_flags(rflags, value, m->bytes);
}

/* What comes in are the register's bits. More of them than it has, of 16, is undefined. */
static void apply_double_shift(const struct decode_memory *m, uint64_t memory,
                               const uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                               struct decode_result *result)
{
	uint64_t top = BIT64(8 * m->bytes - 1), source = other_operand(m, gpr);
	unsigned int count = shift_count(m, gpr);
	uint64_t value = memory, before = memory;
	bool carry = false, in;

	for (unsigned int i = 0; i < count; i++) {
		before = value;
		if (m->operation == DECODE_SHLD) {
			source = shift_left(source, false, top, &in);
			value = shift_left(value, in, top, &carry);
		} else {
			source = shift_right(source, false, top, &in);
			value = shift_right(value, in, top, &carry);
		}
	}
	result->memory = value;
	if (count == 0)
		return;
	set_flag(rflags, RFLAGS_CF, carry);
	set_flag(rflags, RFLAGS_OF, (before ^ value) & top);
	set_result_flags(rflags, value, m->bytes);
}

/* ---- Multiplication and division: of RDX:RAX, or AX for bytes. APM3 MUL, DIV ---- */

typedef unsigned __int128 wide;

static wide wide_sign_extend(wide value, unsigned int bytes)
{
	unsigned int unused = 128 - 8 * bytes;

	return (wide)((__int128)(value << unused) >> unused);
}

static wide double_register(const struct decode_memory *m,
                            const uint64_t gpr[DECODE_GPRS])
{
	if (m->bytes == 1)
		return gpr[RAX] & UINT16_MAX;
	return (wide)(gpr[RDX] & width_mask(m->bytes)) << (8 * m->bytes) |
	       (gpr[RAX] & width_mask(m->bytes));
}

static void set_double_register(const struct decode_memory *m, uint64_t gpr[DECODE_GPRS],
                                uint64_t high, uint64_t low)
{
	if (m->bytes == 1) {
		set_gpr(&gpr[RAX], 2, (high & 0xff) << 8 | (low & 0xff));
		return;
	}
	set_gpr(&gpr[RAX], m->bytes, low);
	set_gpr(&gpr[RDX], m->bytes, high);
}

/* CF and OF: the upper half says something. */
static void apply_multiply(const struct decode_memory *m, uint64_t memory,
                           uint64_t gpr[DECODE_GPRS], uint64_t *rflags)
{
	bool is_signed = m->operation != DECODE_MUL;
	uint64_t factor = gpr[RAX] & width_mask(m->bytes);
	wide product, low;

	if (m->operation == DECODE_IMUL_REGISTER)
		factor = other_operand(m, gpr);
	else if (m->operation == DECODE_IMUL_IMMEDIATE)
		factor = (uint64_t)m->immediate & width_mask(m->bytes);
	if (is_signed)
		product = wide_sign_extend(memory, m->bytes) *
		          wide_sign_extend(factor, m->bytes);
	else
		product = (wide)memory * factor;
	low = product & width_mask(m->bytes);
	if (is_signed)
		low = wide_sign_extend(low, m->bytes);
	set_flag(rflags, RFLAGS_CF | RFLAGS_OF, low != product);
	if (m->to_register)
		set_register(m, gpr, (uint64_t)product);
	else
		set_double_register(m, gpr, (uint64_t)(product >> (8 * m->bytes)),
		                    (uint64_t)product);
}

/* By magnitudes, so that nothing overflows; a quotient that does not fit is #DE too. */
static void apply_divide(const struct decode_memory *m, uint64_t memory,
                         uint64_t gpr[DECODE_GPRS], struct decode_result *result)
{
	wide dividend = double_register(m, gpr), divisor = memory, quotient, most;
	bool negative = false, negative_quotient = false;

	if (m->operation == DECODE_IDIV) {
		dividend = wide_sign_extend(dividend, 2 * m->bytes);
		divisor = wide_sign_extend(divisor, m->bytes);
		negative = (__int128)dividend < 0;
		negative_quotient = negative != ((__int128)divisor < 0);
		dividend = negative ? 0 - dividend : dividend;
		divisor = (__int128)divisor < 0 ? 0 - divisor : divisor;
	}
	most = width_mask(m->bytes);
	if (m->operation == DECODE_IDIV)
		most = (most >> 1) + negative_quotient;
	if (divisor == 0 || dividend / divisor > most) {
		result->divide_error = true;
		return;
	}
	quotient = dividend / divisor;
	dividend %= divisor;
	set_double_register(m, gpr, (uint64_t)(negative ? 0 - dividend : dividend),
	                    (uint64_t)(negative_quotient ? 0 - quotient : quotient));
}

/* ---- Exchanges ---- */

static void apply_exchange_add(const struct decode_memory *m, uint64_t memory,
                               uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                               struct decode_result *result)
{
	struct alu x = { .bytes = m->bytes, .a = memory, .b = other_operand(m, gpr) };

	result->memory = alu(DECODE_ADD, &x, rflags);
	set_register(m, gpr, memory);
}

/* Memory is written in any case. APM3 CMPXCHG */
static void apply_compare_exchange(const struct decode_memory *m, uint64_t memory,
                                   uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                                   struct decode_result *result)
{
	compare(m, gpr[RAX] & width_mask(m->bytes), memory, rflags);
	result->memory = memory;
	if (*rflags & RFLAGS_ZF)
		result->memory = other_operand(m, gpr);
	else
		set_gpr(&gpr[RAX], m->bytes, memory);
}

static void apply_compare_exchange_8b(uint64_t memory, uint64_t gpr[DECODE_GPRS],
                                      uint64_t *rflags, struct decode_result *result)
{
	bool equal = memory == (gpr[RDX] << 32 | (uint32_t)gpr[RAX]);

	set_flag(rflags, RFLAGS_ZF, equal);
	result->memory = equal ? gpr[RCX] << 32 | (uint32_t)gpr[RBX] : memory;
	if (equal)
		return;
	set_gpr(&gpr[RAX], 4, memory);
	set_gpr(&gpr[RDX], 4, memory >> 32);
}

/* ---- Searches, conditions, moves ---- */

/* BSF and BSR leave the register alone when there is no bit; the counts give the width then. */
static void apply_search(const struct decode_memory *m, uint64_t memory,
                         uint64_t gpr[DECODE_GPRS], uint64_t *rflags)
{
	bool finds = m->operation == DECODE_BSF || m->operation == DECODE_BSR;
	unsigned int bits = 8u * m->bytes, number = bits;

	if (finds)
		set_flag(rflags, RFLAGS_ZF, memory == 0);
	if (finds && memory == 0)
		return;
	if (m->operation == DECODE_BSR)
		number = 63 - (unsigned int)__builtin_clzll(memory);
	else if (m->operation == DECODE_LZCNT && memory)
		number = (unsigned int)__builtin_clzll(memory) - (64 - bits);
	else if (m->operation != DECODE_LZCNT && memory)
		number = (unsigned int)__builtin_ctzll(memory);
	if (!finds) {
		set_flag(rflags, RFLAGS_CF, memory == 0);
		set_flag(rflags, RFLAGS_ZF, number == 0);
	}
	set_register(m, gpr, number);
}

static void apply_count(const struct decode_memory *m, uint64_t memory,
                        uint64_t gpr[DECODE_GPRS], uint64_t *rflags)
{
	unsigned int count = 0;

	for (uint64_t left = memory; left; left &= left - 1)
		count++;
	*rflags &= ~RFLAGS_STATUS;
	set_flag(rflags, RFLAGS_ZF, memory == 0);
	set_register(m, gpr, count);
}

/* Bit 0 turns the condition round. APM3 1.7, "Jcc" */
static bool condition_holds(uint8_t condition, uint64_t rflags)
{
	bool overflow = rflags & RFLAGS_OF, sign = rflags & RFLAGS_SF;
	bool zero = rflags & RFLAGS_ZF, carry = rflags & RFLAGS_CF;
	const bool holds[8] = { overflow,
		                carry,
		                zero,
		                carry || zero,
		                sign,
		                rflags & RFLAGS_PF,
		                sign != overflow,
		                zero || sign != overflow };

	return holds[condition >> 1 & 7] != (condition & 1);
}

static uint64_t swap_bytes(uint64_t value, unsigned int bytes)
{
	return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

/* A CMOV that does not move clears the upper half of a 32-bit register all the same. */
static void apply_move(const struct decode_memory *m, uint64_t memory,
                       uint64_t gpr[DECODE_GPRS], uint64_t rflags,
                       struct decode_result *result)
{
	uint64_t other = other_operand(m, gpr), value = memory;

	if (m->operation == DECODE_MOVSX)
		value = sign_extend(memory, m->bytes);
	else if (m->operation == DECODE_MOVBE)
		value = swap_bytes(memory, m->bytes);
	else if (m->operation == DECODE_CMOV && !condition_holds(m->condition, rflags))
		value = other;
	result->memory = m->operation == DECODE_MOVBE ? swap_bytes(other, m->bytes) :
	                                                other;
	if (m->to_register)
		set_register(m, gpr, value);
}

static void apply_stack(const struct decode_memory *m, uint64_t source,
                        uint64_t gpr[DECODE_GPRS], struct decode_result *result)
{
	bool pushes = m->operation == DECODE_PUSH;
	unsigned int width = pushes ? m->address.bytes : m->source.bytes;

	set_gpr(&gpr[RSP], width, pushes ? gpr[RSP] - m->bytes : gpr[RSP] + m->bytes);
	result->memory = source;
}

/* ---- Strings ---- */

static bool goes_on(const struct decode_memory *m, const uint64_t gpr[DECODE_GPRS],
                    uint64_t rflags)
{
	bool compares = m->operation == DECODE_CMPS || m->operation == DECODE_SCAS;

	if (decode_repeat_done(m, gpr))
		return false;
	return !compares || !(rflags & RFLAGS_ZF) == m->repne;
}

static void apply_string(const struct decode_memory *m, uint64_t memory, uint64_t source,
                         uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                         struct decode_result *result)
{
	unsigned int width = m->address.bytes;
	uint64_t step = *rflags & RFLAGS_DF ? 0 - (uint64_t)m->bytes : m->bytes;

	if (m->operation == DECODE_LODS)
		set_register(m, gpr, memory);
	else if (m->operation == DECODE_CMPS)
		compare(m, source, memory, rflags);
	else if (m->operation == DECODE_SCAS)
		compare(m, other_operand(m, gpr), memory, rflags);
	else
		result->memory = m->operation == DECODE_MOVS ? source :
		                                               other_operand(m, gpr);
	if (m->operation != DECODE_STOS && m->operation != DECODE_SCAS)
		set_gpr(&gpr[RSI], width, gpr[RSI] + step);
	if (m->operation != DECODE_LODS)
		set_gpr(&gpr[RDI], width, gpr[RDI] + step);
	if (m->rep) {
		set_gpr(&gpr[RCX], width, gpr[RCX] - 1);
		result->repeats = goes_on(m, gpr, *rflags);
	}
}

static void apply(const struct decode_memory *m, uint64_t memory, uint64_t source,
                  uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                  struct decode_result *result)
{
	switch (m->operation) {
	case DECODE_ADD ... DECODE_TEST:
		apply_alu(m, memory, gpr, rflags, result);
		break;
	case DECODE_INC ... DECODE_NEG:
		apply_unary(m, memory, rflags, result);
		break;
	case DECODE_ROL ... DECODE_SAR:
		apply_shift(m, memory, gpr, rflags, result);
		break;
	case DECODE_SHLD ... DECODE_SHRD:
		apply_double_shift(m, memory, gpr, rflags, result);
		break;
	case DECODE_MUL ... DECODE_IMUL:
	case DECODE_IMUL_REGISTER ... DECODE_IMUL_IMMEDIATE:
		apply_multiply(m, memory, gpr, rflags);
		break;
	case DECODE_DIV ... DECODE_IDIV:
		apply_divide(m, memory, gpr, result);
		break;
	case DECODE_XADD:
		apply_exchange_add(m, memory, gpr, rflags, result);
		break;
	case DECODE_CMPXCHG:
		apply_compare_exchange(m, memory, gpr, rflags, result);
		break;
	case DECODE_CMPXCHG8B:
		apply_compare_exchange_8b(memory, gpr, rflags, result);
		break;
	case DECODE_BSF ... DECODE_LZCNT:
		apply_search(m, memory, gpr, rflags);
		break;
	case DECODE_POPCNT:
		apply_count(m, memory, gpr, rflags);
		break;
	case DECODE_SET:
		result->memory = condition_holds(m->condition, *rflags);
		break;
	case DECODE_CMOV:
	case DECODE_MOV ... DECODE_XCHG:
		apply_move(m, memory, gpr, *rflags, result);
		break;
	case DECODE_PUSH ... DECODE_POP:
		apply_stack(m, source, gpr, result);
		break;
	case DECODE_BT ... DECODE_BTC:
		apply_bit(m, memory, gpr, rflags, result);
		break;
	case DECODE_STOS ... DECODE_SCAS:
		apply_string(m, memory, source, gpr, rflags, result);
		break;
	case DECODE_FLUSH:
	case DECODE_VECTOR: /* decode_apply_vector() */
	case DECODE_OPERATIONS:
		break;
	}
}

void decode_apply(const struct decode_memory *m, uint64_t memory, uint64_t source,
                  uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                  struct decode_result *result)
{
	memset(result, 0, sizeof(*result));
	if (decode_repeat_done(m, gpr))
		return;
	apply(m, memory & width_mask(m->bytes), source & width_mask(m->bytes), gpr,
	      rflags, result);
	result->writes_memory = m->writes;
	result->memory &= width_mask(m->bytes);
}
