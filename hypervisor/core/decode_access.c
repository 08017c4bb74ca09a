/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding of accesses to modelled pages: decode_access.h */
#include "hypervisor/core/decode_access.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

#define RSP 4u
#define RBP 5u

#define RFLAGS_PF    BIT64(2)
#define RFLAGS_ZF    BIT64(6)
#define RFLAGS_SF    BIT64(7)
#define RFLAGS_LOGIC (RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF | BIT64(0) | BIT64(4) | BIT64(11))

/* What an opcode has beside memory by ModRM and, in ModRM.reg, a register. */
enum form {
	TO_REGISTER = 1 << 0,
	IMMEDIATE = 1 << 1,      /* of the operands' size, 4 bytes at most */
	IMMEDIATE_BYTE = 1 << 2, /* sign-extended */
	ACCUMULATOR = 1 << 3,    /* AL to RAX, and a direct offset instead of ModRM */
};

#define ANY 0xffu

/* Bit 0 of the opcode says that the operands are words or larger. */
static const struct pattern {
	uint8_t opcode;
	uint8_t extension; /* ModRM.reg, or ANY */
	enum decode_operation operation;
	unsigned int form;
} patterns[] = {
	{ 0x08, ANY, DECODE_OR, 0 },
	{ 0x0a, ANY, DECODE_OR, TO_REGISTER },
	{ 0x20, ANY, DECODE_AND, 0 },
	{ 0x22, ANY, DECODE_AND, TO_REGISTER },
	{ 0x30, ANY, DECODE_XOR, 0 },
	{ 0x32, ANY, DECODE_XOR, TO_REGISTER },
	{ 0x80, 1, DECODE_OR, IMMEDIATE },
	{ 0x80, 4, DECODE_AND, IMMEDIATE },
	{ 0x80, 6, DECODE_XOR, IMMEDIATE },
	{ 0x82, 1, DECODE_OR, IMMEDIATE_BYTE },
	{ 0x82, 4, DECODE_AND, IMMEDIATE_BYTE },
	{ 0x82, 6, DECODE_XOR, IMMEDIATE_BYTE },
	{ 0x84, ANY, DECODE_TEST, 0 },
	{ 0x88, ANY, DECODE_MOV, 0 },
	{ 0x8a, ANY, DECODE_MOV, TO_REGISTER },
	{ 0xa0, ANY, DECODE_MOV, ACCUMULATOR | TO_REGISTER },
	{ 0xa2, ANY, DECODE_MOV, ACCUMULATOR },
	{ 0xc6, 0, DECODE_MOV, IMMEDIATE },
	{ 0xf6, 0, DECODE_TEST, IMMEDIATE },
};

struct instruction {
	struct cursor at;
	bool is_64;
	bool lock, operand_size, address_size; /* prefixes */
	bool rip_relative;
	int segment; /* -1: not overridden */
	uint8_t rex, opcode, modrm;
};

static uint64_t take_signed(struct cursor *c, unsigned int bytes)
{
	unsigned int unused = 64 - 8 * bytes;

	return (uint64_t)((int64_t)(cursor_le(c, bytes) << unused) >> unused);
}

/* REP in front of these instructions means nothing to us, and so nothing of ours has it. */
static bool take_prefix(struct instruction *i, uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e: /* ignored in 64-bit mode. APM3 1.2.4 */
		if (!i->is_64)
			i->segment = byte >> 3 & 3;
		return true;
	case 0x64:
	case 0x65:
		i->segment = byte == 0x64 ? DECODE_FS : DECODE_GS;
		return true;
	case 0x66:
		i->operand_size = true;
		return true;
	case 0x67:
		i->address_size = true;
		return true;
	case 0xf0:
		i->lock = true;
		return true;
	default:
		return false;
	}
}

/* A REX prefix counts only right before the opcode. APM3 1.2.7 */
static struct instruction take_opcode(const uint8_t *bytes, size_t count, bool is_64)
{
	struct instruction i = {
		.at = cursor_over(bytes,
		                  count < DECODE_MAX_BYTES ? count : DECODE_MAX_BYTES),
		.is_64 = is_64,
		.segment = -1,
	};
	uint8_t byte = cursor_u8(&i.at);

	while (take_prefix(&i, byte))
		byte = cursor_u8(&i.at);
	if (is_64 && (byte & 0xf0) == 0x40) {
		i.rex = byte;
		byte = cursor_u8(&i.at);
	}
	i.opcode = byte;
	return i;
}

static uint8_t modrm_reg(const struct instruction *i)
{
	return (i->modrm >> 3 & 7) | (i->rex & REX_R ? 8 : 0);
}

static uint8_t modrm_rm(const struct instruction *i)
{
	return (i->modrm & 7) | (i->rex & REX_B ? 8 : 0);
}

static const struct pattern *find_pattern(const struct instruction *i)
{
	for (size_t n = 0; n < ARRAY_COUNT(patterns); n++) {
		const struct pattern *p = &patterns[n];

		if (p->opcode == (i->opcode & ~1u) &&
		    (p->extension == ANY || p->extension == (i->modrm >> 3 & 7)))
			return p;
	}
	return NULL;
}

/* The scaled index; the base is left to the caller. */
static uint64_t take_sib(struct instruction *i, const uint64_t *gpr, uint8_t *base)
{
	uint8_t sib = cursor_u8(&i->at);
	uint8_t index = (sib >> 3 & 7) | (i->rex & REX_X ? 8 : 0);

	*base = (sib & 7) | (i->rex & REX_B ? 8 : 0);
	return index == RSP ? 0 : gpr[index] << (sib >> 6);
}

/* What ModRM, SIB and displacement add up to. APM3 1.4.2, 1.7.1 */
static uint64_t take_address(struct instruction *i, const struct decode_place *place,
                             struct decode_access *out)
{
	unsigned int mod = i->modrm >> 6;
	uint8_t base = modrm_rm(i);
	bool sib = (base & 7) == RSP;
	uint64_t sum = sib ? take_sib(i, place->gpr, &base) : 0;

	if (mod == 0 && (base & 7) == RBP) { /* a displacement stands for the base */
		i->rip_relative = i->is_64 && !sib;
		return sum + take_signed(&i->at, 4);
	}
	if (base == RSP || base == RBP)
		out->segment = DECODE_SS;
	if (mod != 0)
		sum += take_signed(&i->at, mod == 1 ? 1 : 4);
	return sum + place->gpr[base];
}

/* Without REX, byte registers 4 to 7 are AH to BH, which nobody moves to a device. APM3 1.2.7 */
static bool take_operand(struct instruction *i, const struct pattern *p,
                         const uint64_t *gpr, struct decode_access *out)
{
	if (p->form & (IMMEDIATE | IMMEDIATE_BYTE)) {
		bool byte = p->form & IMMEDIATE_BYTE;

		out->operand = take_signed(&i->at, byte           ? 1 :
		                                   out->bytes < 4 ? out->bytes :
		                                                    4);
		return true;
	}
	out->reg = p->form & ACCUMULATOR ? 0 : modrm_reg(i);
	out->operand = gpr[out->reg];
	out->to_register = p->form & TO_REGISTER;
	return out->bytes > 1 || i->rex || out->reg < 4;
}

static uint8_t operand_bytes(const struct instruction *i, unsigned int bits)
{
	if (!(i->opcode & 1))
		return 1;
	if (i->rex & REX_W)
		return 8;
	return (bits == 16) != i->operand_size ? 2 : 4;
}

bool decode_access(const uint8_t *bytes, size_t count, const struct decode_place *place,
                   struct decode_access *out)
{
	struct instruction i = take_opcode(bytes, count, place->bits == 64);
	uint8_t narrow = place->bits == 64 ? 4 : 2, wide = place->bits == 64 ? 8 : 4;
	uint8_t address_bytes = i.address_size == (place->bits != 16) ? narrow : wide;
	bool direct = (i.opcode & 0xfc) == 0xa0;
	const struct pattern *p;
	bool ours;

	*out = (struct decode_access){ .segment = DECODE_DS };
	if (!direct)
		i.modrm = cursor_u8(&i.at);
	p = find_pattern(&i);
	if (!p || address_bytes == 2 || (!direct && i.modrm >= 0xc0))
		return false;
	out->operation = p->operation;
	out->bytes = operand_bytes(&i, place->bits);
	out->offset = direct ? cursor_le(&i.at, address_bytes) :
	                       take_address(&i, place, out);
	ours = take_operand(&i, p, place->gpr, out);
	if (i.segment >= 0)
		out->segment = (enum decode_segment)i.segment;
	out->length = (uint8_t)i.at.at;
	if (i.rip_relative)
		out->offset += place->rip + out->length;
	out->offset &= bits_mask(0, 8u * address_bytes);
	return ours && !i.at.overrun;
}

bool decode_reads(const struct decode_access *access)
{
	return access->operation != DECODE_MOV || access->to_register;
}

bool decode_writes(const struct decode_access *access)
{
	return access->operation != DECODE_TEST && !access->to_register;
}

/* After logic CF and OF are 0; AF is undefined, here 0. */
static uint64_t logic_flags(uint64_t result, unsigned int bytes)
{
	uint64_t flags = result == 0 ? RFLAGS_ZF : 0;

	if (result >> (8 * bytes - 1) & 1)
		flags |= RFLAGS_SF;
	if (!__builtin_parity((unsigned int)(result & 0xff)))
		flags |= RFLAGS_PF;
	return flags;
}

static uint64_t compute(const struct decode_access *access, uint64_t memory)
{
	switch (access->operation) {
	case DECODE_MOV:
		return access->to_register ? memory : access->operand;
	case DECODE_OR:
		return memory | access->operand;
	case DECODE_XOR:
		return memory ^ access->operand;
	case DECODE_AND:
	case DECODE_TEST:
		return memory & access->operand;
	}
	return 0;
}

/* 32-bit results clear the upper half, narrower ones keep the rest. APM1 3.1.2 */
uint64_t decode_carry_out(const struct decode_access *access, uint64_t memory,
                          uint64_t gpr[DECODE_GPRS], uint64_t *rflags)
{
	uint64_t mask = bits_mask(0, 8u * access->bytes);
	uint64_t kept = access->bytes == 4 ? 0 : ~mask;
	uint64_t result = compute(access, memory) & mask;

	if (access->operation != DECODE_MOV)
		*rflags = (*rflags & ~RFLAGS_LOGIC) | logic_flags(result, access->bytes);
	if (access->to_register)
		gpr[access->reg] = (gpr[access->reg] & kept) | result;
	return result;
}

bool decode_mov_to_cr8(const uint8_t *bytes, size_t count, uint8_t *gpr, uint8_t *length)
{
	struct instruction i = take_opcode(bytes, count, true);
	bool is_move = i.opcode == 0x0f && cursor_u8(&i.at) == 0x22;

	i.modrm = cursor_u8(&i.at);
	*gpr = modrm_rm(&i);
	*length = (uint8_t)i.at.at;
	return is_move && modrm_reg(&i) == (i.lock ? 0 : 8) && !i.at.overrun;
}
