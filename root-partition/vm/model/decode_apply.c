/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and effects of the instructions that decode_memory knows. APM3 3, APM1 3.1.4.
 */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define RCX 1u
#define RSI 6u
#define RDI 7u

#define RFLAGS_CF BIT64(0)
#define RFLAGS_PF BIT64(2)
#define RFLAGS_AF BIT64(4)
#define RFLAGS_ZF BIT64(6)
#define RFLAGS_SF BIT64(7)
#define RFLAGS_DF BIT64(10)
#define RFLAGS_OF BIT64(11)

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

/* After logic CF and OF are 0, AF is undefined: here 0. */
static void alu_flags(const struct alu *x, uint64_t *rflags)
{
	uint64_t top = BIT64(8 * x->bytes - 1);
	uint64_t flags = *rflags & ~(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF |
	                             RFLAGS_SF | RFLAGS_OF);

	if (x->carries & top)
		flags |= RFLAGS_CF;
	if (x->carries & BIT64(3))
		flags |= RFLAGS_AF;
	if (x->overflow & top)
		flags |= RFLAGS_OF;
	if (x->result & top)
		flags |= RFLAGS_SF;
	if ((x->result & width_mask(x->bytes)) == 0)
		flags |= RFLAGS_ZF;
	if (!__builtin_parity((unsigned int)(x->result & 0xff)))
		flags |= RFLAGS_PF;
	*rflags = flags;
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

static bool is_string(const struct decode_memory *m)
{
	return m->operation >= DECODE_STOS;
}

bool decode_repeat_done(const struct decode_memory *m, const uint64_t gpr[DECODE_GPRS])
{
	return m->rep && (gpr[RCX] & width_mask(m->address.bytes)) == 0;
}

static void apply_string(const struct decode_memory *m, uint64_t memory,
                         uint64_t gpr[DECODE_GPRS], uint64_t rflags,
                         struct decode_result *result)
{
	unsigned int width = m->address.bytes;
	uint64_t step = rflags & RFLAGS_DF ? 0 - (uint64_t)m->bytes : m->bytes;

	if (m->operation == DECODE_LODS)
		set_register(m, gpr, memory);
	else
		result->memory = m->operation == DECODE_MOVS ? memory :
		                                               other_operand(m, gpr);
	if (m->operation != DECODE_STOS)
		set_gpr(&gpr[RSI], width, gpr[RSI] + step);
	if (m->operation != DECODE_LODS)
		set_gpr(&gpr[RDI], width, gpr[RDI] + step);
	if (m->rep) {
		set_gpr(&gpr[RCX], width, gpr[RCX] - 1);
		result->repeats = !decode_repeat_done(m, gpr);
	}
}

static void apply_move(const struct decode_memory *m, uint64_t memory,
                       uint64_t gpr[DECODE_GPRS], struct decode_result *result)
{
	result->memory = other_operand(m, gpr);
	if (!m->to_register)
		return;
	set_register(m, gpr,
	             m->operation == DECODE_MOVSX ? sign_extend(memory, m->bytes) :
	                                            memory);
}

void decode_apply(const struct decode_memory *m, uint64_t memory,
                  uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                  struct decode_result *result)
{
	memset(result, 0, sizeof(*result));
	if (decode_repeat_done(m, gpr))
		return;
	memory &= width_mask(m->bytes);
	if (is_string(m))
		apply_string(m, memory, gpr, *rflags, result);
	else if (m->operation >= DECODE_BT)
		apply_bit(m, memory, gpr, rflags, result);
	else if (m->operation >= DECODE_MOV)
		apply_move(m, memory, gpr, result);
	else
		apply_alu(m, memory, gpr, rflags, result);
	result->writes_memory = m->writes;
	result->memory &= width_mask(m->bytes);
}
