/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding of accesses to modelled pages: decode_access.h */
#include "hypervisor/core/decode_access.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>

#define REX_W 8u
#define REX_R 4u
#define REX_B 1u

#define RSP 4u
#define RBP 5u

/* Opcodes but for bit 0, which says that the operands are words or larger. */
enum {
	STORE = 0x88,
	LOAD = 0x8a,
	LOAD_DIRECT = 0xa0, /* AL to RAX, and an address instead of ModRM */
	STORE_DIRECT = 0xa2,
	STORE_IMMEDIATE = 0xc6,
};

struct instruction {
	struct cursor at;
	bool lock, operand_size, address_size; /* prefixes */
	uint8_t rex, opcode, modrm;
};

/* REP has no meaning in front of these instructions, so none that has it is accepted. */
static bool take_prefix(struct instruction *i, uint8_t byte)
{
	i->operand_size |= byte == 0x66;
	i->address_size |= byte == 0x67;
	i->lock |= byte == 0xf0;
	/* 26, 2e, 36, 3e, 64, 65 are segments: the fault tells the address. */
	return byte == 0x66 || byte == 0x67 || byte == 0xf0 || (byte & 0xe7) == 0x26 ||
	       (byte & 0xfe) == 0x64;
}

/* A REX prefix counts only right before the opcode. APM3 1.2.7 */
static struct instruction take_opcode(const uint8_t *bytes, size_t count, bool is_64)
{
	struct instruction i = {
		.at = cursor_over(bytes,
		                  count < DECODE_MAX_BYTES ? count : DECODE_MAX_BYTES),
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

/* ModRM of a memory operand, and what follows it: SIB, displacement. APM3 1.4.2 */
static bool take_modrm(struct instruction *i)
{
	uint8_t modrm = cursor_u8(&i->at), base = modrm & 7;

	i->modrm = modrm;
	if (modrm >= 0xc0)
		return false;
	if (base == RSP)
		base = cursor_u8(&i->at) & 7;
	if (modrm >> 6 == 1)
		cursor_skip(&i->at, 1);
	else if (modrm >> 6 == 2 || base == RBP)
		cursor_skip(&i->at, 4);
	return true;
}

static uint8_t operand_bytes(const struct instruction *i, unsigned int bits)
{
	if (!(i->opcode & 1))
		return 1;
	if (i->rex & REX_W)
		return 8;
	return (bits == 16) != i->operand_size ? 2 : 4;
}

bool decode_access(const uint8_t *bytes, size_t count, unsigned int bits,
                   const uint64_t gpr[DECODE_GPRS], struct decode_access *out)
{
	struct instruction i = take_opcode(bytes, count, bits == 64);
	uint8_t form = i.opcode & 0xfe;
	bool ours = true;

	*out = (struct decode_access){ .bytes = operand_bytes(&i, bits),
		                       .is_load = form == LOAD || form == LOAD_DIRECT };
	if (bits != 64 && i.address_size == (bits == 32))
		return false; /* 16-bit addresses */
	switch (form) {
	case STORE:
	case LOAD:
		ours = take_modrm(&i);
		out->reg = modrm_reg(&i);
		/* Without REX these are AH to BH, which nobody moves to a device. APM3 1.2.7 */
		if (out->bytes == 1 && !i.rex && out->reg >= 4)
			ours = false;
		break;
	case LOAD_DIRECT:
	case STORE_DIRECT:
		cursor_skip(&i.at, bits == 64 && !i.address_size ? 8 : 4);
		break;
	case STORE_IMMEDIATE:
		ours = take_modrm(&i) && (i.modrm >> 3 & 7) == 0;
		break;
	default:
		return false;
	}
	out->value = gpr[out->reg];
	if (form == STORE_IMMEDIATE) /* sign-extended when the operand has 8 bytes */
		out->value = out->bytes < 4 ? cursor_le(&i.at, out->bytes) :
		                              (uint64_t)(int32_t)cursor_le32(&i.at);
	out->value &= bits_mask(0, 8u * out->bytes);
	out->length = (uint8_t)i.at.at;
	return ours && !i.at.overrun;
}

/* 32-bit results clear the upper half, narrower ones keep the rest. APM1 3.1.2 */
void decode_load(const struct decode_access *access, uint64_t memory,
                 uint64_t gpr[DECODE_GPRS])
{
	uint64_t mask = bits_mask(0, 8u * access->bytes);
	uint64_t kept = access->bytes == 4 ? 0 : ~mask;

	gpr[access->reg] = (gpr[access->reg] & kept) | (memory & mask);
}

bool decode_mov_cr(const uint8_t *bytes, size_t count, bool is_64,
                   struct decode_mov_cr *out)
{
	struct instruction i = take_opcode(bytes, count, is_64);
	uint8_t second = cursor_u8(&i.at);

	i.modrm = cursor_u8(&i.at);
	*out = (struct decode_mov_cr){
		.writes_cr = second == 0x22,
		.number = (uint8_t)(modrm_reg(&i) + (i.lock ? 8 : 0)),
		.gpr = (i.modrm & 7) | (i.rex & REX_B ? 8 : 0),
		.length = (uint8_t)i.at.at,
	};
	return i.opcode == 0x0f && (second & 0xfd) == 0x20 && !i.at.overrun;
}
