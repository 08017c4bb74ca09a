/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes any instruction apart: prefixes, opcode, ModRM, SIB, displacement, immediate.
 * APM3 1.
 */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include "root-partition/vm/model/decode_tables.h"

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

#define RBX 3u
#define RSP 4u
#define RBP 5u
#define RSI 6u
#define RDI 7u

static int64_t take_signed(struct cursor *c, unsigned int bytes)
{
	unsigned int unused = 64 - 8 * bytes;

	return (int64_t)(cursor_le(c, bytes) << unused) >> unused;
}

/* In 64-bit mode the prefixes of ES, CS, SS and DS are ignored. APM3 1.2.4 */
static void override_segment(struct decode_instruction *insn, enum decode_segment segment)
{
	if (insn->mode != DECODE_64 || segment >= DECODE_FS)
		insn->override = segment;
}

static bool take_prefix(struct decode_instruction *insn, uint8_t byte, bool *address_size)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		override_segment(insn, (enum decode_segment)(byte >> 3 & 3));
		return true;
	case 0x64:
	case 0x65:
		override_segment(insn, byte == 0x64 ? DECODE_FS : DECODE_GS);
		return true;
	case 0x66:
		insn->operand_size_prefix = true;
		return true;
	case 0x67:
		*address_size = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2:
	case 0xf3: /* the later of the two counts */
		insn->rep = byte == 0xf3;
		insn->repne = byte == 0xf2;
		return true;
	default:
		return false;
	}
}

static void set_sizes(struct decode_instruction *insn, bool address_size)
{
	bool narrow = insn->mode == DECODE_16;

	insn->operand_bytes = narrow != insn->operand_size_prefix ? 2 : 4;
	if (insn->rex & REX_W)
		insn->operand_bytes = 8;
	if (insn->mode == DECODE_64)
		insn->address_bytes = address_size ? 4 : 8;
	else
		insn->address_bytes = narrow != address_size ? 2 : 4;
}

static bool is_rex(const struct decode_instruction *insn, uint8_t byte)
{
	return insn->mode == DECODE_64 && (byte & 0xf0) == 0x40;
}

/* Outside 64-bit mode these are LES and LDS unless their ModRM would name a register. APM3 1.8 */
static bool is_vex(const struct decode_instruction *insn, uint8_t byte,
                   const struct cursor *c)
{
	struct cursor ahead = *c;

	return (byte & 0xfe) == 0xc4 &&
	       (cursor_u8(&ahead) >= 0xc0 || (insn->mode == DECODE_64 && !ahead.overrun));
}

/* R, X, B and the number of another register are stored inverted. APM3 1.8.2 */
static uint8_t take_vex(struct decode_instruction *insn, struct cursor *c, uint8_t byte)
{
	static const enum decode_map maps[] = { DECODE_MAP_ONE, DECODE_MAP_0F,
		                                DECODE_MAP_0F38, DECODE_MAP_0F3A };
	uint8_t first = cursor_u8(c);
	uint8_t last = byte == 0xc4 ? cursor_u8(c) : first;
	unsigned int map = byte == 0xc4 ? first & 0x1f : 1;

	/* It stands alone, and there are no opcodes of one byte: the caller refuses those. */
	insn->vex = true;
	insn->bad_vex = insn->rex || insn->lock || insn->rep || insn->repne ||
	                insn->operand_size_prefix || map == 0 || map >= ARRAY_COUNT(maps);
	insn->map = insn->bad_vex ? DECODE_MAP_0F : maps[map];
	insn->rex = ~first >> 5 & REX_R;
	if (byte == 0xc4)
		insn->rex = (~first >> 5 & 7) | (last >> 4 & REX_W);
	if (insn->mode != DECODE_64)
		insn->rex = 0;
	insn->vex_wide = last & 4;
	insn->operand_size_prefix = (last & 3) == 1;
	insn->rep = (last & 3) == 2;
	insn->repne = (last & 3) == 3;
	return cursor_u8(c);
}

/* A REX prefix counts only right before the opcode. APM3 1.2.7 */
static void take_prefixes_and_opcode(struct decode_instruction *insn, struct cursor *c)
{
	bool address_size = false;
	uint8_t byte = cursor_u8(c);

	while (!c->overrun &&
	       (is_rex(insn, byte) || take_prefix(insn, byte, &address_size))) {
		insn->rex = is_rex(insn, byte) ? byte : 0;
		byte = cursor_u8(c);
	}
	if (is_vex(insn, byte, c))
		byte = take_vex(insn, c, byte);
	else if (byte == 0x0f) {
		insn->map = DECODE_MAP_0F;
		byte = cursor_u8(c);
		if (byte == 0x38 || byte == 0x3a) {
			insn->map = byte == 0x38 ? DECODE_MAP_0F38 : DECODE_MAP_0F3A;
			byte = cursor_u8(c);
		}
	}
	set_sizes(insn, address_size);
	insn->opcode = byte;
}

/* APM3 1.4.3 */
static void take_address_16(struct decode_instruction *insn, struct cursor *c)
{
	static const uint8_t bases[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	struct decode_address *a = &insn->address;
	unsigned int mod = insn->modrm >> 6;
	unsigned int rm = insn->modrm & 7;

	if (mod == 0 && rm == 6) {
		a->displacement = take_signed(c, 2);
		return;
	}
	a->base = bases[rm];
	if (rm < 4)
		a->index = rm & 1 ? RDI : RSI;
	if (mod != 0)
		a->displacement = take_signed(c, mod == 1 ? 1 : 2);
}

static void take_sib(struct decode_instruction *insn, struct cursor *c, bool *no_base)
{
	struct decode_address *a = &insn->address;
	uint8_t sib = cursor_u8(c);
	uint8_t index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);

	if (index != RSP) {
		a->index = index;
		a->shift = sib >> 6;
	}
	*no_base = (sib & 7) == RBP && insn->modrm < 0x40;
	if (!*no_base)
		a->base = (sib & 7) | (insn->rex & REX_B ? 8 : 0);
}

/* APM3 1.4.2, 1.7.1 */
static void take_address_32(struct decode_instruction *insn, struct cursor *c)
{
	struct decode_address *a = &insn->address;
	unsigned int mod = insn->modrm >> 6;
	uint8_t rm = insn->modrm & 7;
	bool no_base = false;

	if (rm == 4) {
		take_sib(insn, c, &no_base);
	} else if (mod == 0 && rm == 5) {
		no_base = true;
		a->rip_relative = insn->mode == DECODE_64;
	} else {
		a->base = rm | (insn->rex & REX_B ? 8 : 0);
	}
	if (mod == 1)
		a->displacement = take_signed(c, 1);
	else if (mod == 2 || no_base)
		a->displacement = take_signed(c, 4);
}

/* Moves to and from control and debug registers treat any mod as 3. APM3 MOV CRn */
static bool names_registers_only(const struct decode_instruction *insn)
{
	return insn->modrm >= 0xc0 ||
	       (insn->map == DECODE_MAP_0F && (insn->opcode & 0xfc) == 0x20);
}

static void take_modrm(struct decode_instruction *insn, struct cursor *c)
{
	insn->has_modrm = true;
	insn->modrm = cursor_u8(c);
	if (names_registers_only(insn))
		return;
	insn->has_memory = true;
	if (insn->address_bytes == 2)
		take_address_16(insn, c);
	else
		take_address_32(insn, c);
	if (insn->address.base == RSP || insn->address.base == RBP)
		insn->address.segment = DECODE_SS;
}

static void take_offset(struct decode_instruction *insn, struct cursor *c)
{
	insn->has_memory = true;
	insn->address.displacement = (int64_t)cursor_le(c, insn->address_bytes);
}

static unsigned int immediate_size(const struct decode_instruction *insn, uint16_t traits)
{
	unsigned int z = insn->operand_bytes == 2 ? 2 : 4;
	unsigned int bytes = 0;

	if (traits & DECODE_IMM8)
		bytes += 1;
	if (traits & DECODE_IMM16)
		bytes += 2;
	if (traits & DECODE_IMM_Z)
		bytes += z;
	if (traits & DECODE_IMM_V)
		bytes += insn->operand_bytes;
	if (traits & DECODE_IMM_TEST && (insn->modrm & 0x30) == 0)
		bytes += insn->opcode & 1 ? z : 1;
	return bytes;
}

/* EVEX begins where BOUND would be wrong; XOP where POP would. APM3 1.8 */
static bool is_vector(const struct decode_instruction *insn, uint16_t traits)
{
	if (traits & DECODE_VECTOR_PREFIX)
		return insn->mode == DECODE_64 || insn->modrm >= 0xc0;
	return insn->map == DECODE_MAP_ONE && insn->opcode == 0x8f && insn->modrm & 0x38;
}

static enum decode_status take_operands(struct decode_instruction *insn, struct cursor *c)
{
	uint16_t traits = decode_traits(insn->map, insn->opcode);

	if (insn->bad_vex || traits & DECODE_UNDEFINED)
		return DECODE_UNSUPPORTED;
	if (traits & DECODE_HAS_MODRM)
		take_modrm(insn, c);
	if (traits & DECODE_OFFSET)
		take_offset(insn, c);
	if (is_vector(insn, traits))
		return DECODE_UNSUPPORTED;
	if (traits & DECODE_LEGACY && insn->mode == DECODE_64)
		return DECODE_INVALID;
	insn->immediate_bytes = (uint8_t)immediate_size(insn, traits);
	if (insn->immediate_bytes != 0)
		insn->immediate = take_signed(c, insn->immediate_bytes);
	return DECODE_OK;
}

enum decode_status decode_instruction(const uint8_t *bytes, size_t count,
                                      enum decode_mode mode,
                                      struct decode_instruction *out)
{
	struct cursor c =
		cursor_over(bytes, count < DECODE_MAX_BYTES ? count : DECODE_MAX_BYTES);
	enum decode_status status;

	memset(out, 0, sizeof(*out));
	out->mode = mode;
	out->override = DECODE_SEGMENTS;
	out->address.base = DECODE_NO_REGISTER;
	out->address.index = DECODE_NO_REGISTER;
	out->address.segment = DECODE_DS;
	take_prefixes_and_opcode(out, &c);
	status = c.overrun ? DECODE_OK : take_operands(out, &c);
	if (c.overrun)
		return count < DECODE_MAX_BYTES ? DECODE_MORE : DECODE_INVALID;
	out->address.bytes = out->address_bytes;
	if (out->override != DECODE_SEGMENTS)
		out->address.segment = out->override;
	out->length = (uint8_t)c.at;
	return status;
}

enum decode_status decode_length(const uint8_t *bytes, size_t count,
                                 enum decode_mode mode, uint8_t *length)
{
	struct decode_instruction insn;
	enum decode_status status = decode_instruction(bytes, count, mode, &insn);

	*length = status == DECODE_OK ? insn.length : 0;
	return status;
}
