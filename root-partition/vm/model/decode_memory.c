/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions that software uses on device memory, with their operands. APM3 3. */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define REX_R 4u
#define RSI   6u
#define RDI   7u

/* Which operand a form has beside memory, and which way it goes. */
enum form {
	TO_REGISTER = 1 << 0,
	IMMEDIATE = 1 << 1,
	ACCUMULATOR = 1 << 2,       /* the register is AL to RAX, not ModRM.reg */
	STRING = 1 << 3,            /* memory is at rSI or rDI */
	FULL_SIZE = 1 << 4,         /* opcode bit 0 does not select bytes */
	BY_OPCODE = 1 << 5,         /* opcode bits 5:3 are added to the operation */
	BY_MODRM = 1 << 6,          /* ModRM.reg is */
	LOW_BITS_BY_MODRM = 1 << 7, /* its low two bits are */
	WIDENS = 1 << 8,            /* opcode bit 0: byte or word from memory */
};

struct pattern {
	enum decode_map map;
	uint8_t mask;
	uint8_t opcode;
	uint8_t extensions; /* the ModRM.reg values it stands for, as bits */
	enum decode_operation operation;
	unsigned int form;
};

#define ANY 0xff

static const struct pattern patterns[] = {
	{ DECODE_MAP_ONE, 0xc6, 0x00, ANY, DECODE_ADD, BY_OPCODE },
	{ DECODE_MAP_ONE, 0xc6, 0x02, ANY, DECODE_ADD, BY_OPCODE | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfc, 0x80, ANY, DECODE_ADD, BY_MODRM | IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0x84, ANY, DECODE_TEST, 0 },
	{ DECODE_MAP_ONE, 0xfe, 0x86, ANY, DECODE_XCHG, TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0x88, ANY, DECODE_MOV, 0 },
	{ DECODE_MAP_ONE, 0xfe, 0x8a, ANY, DECODE_MOV, TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0xa0, ANY, DECODE_MOV, ACCUMULATOR | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0xa2, ANY, DECODE_MOV, ACCUMULATOR },
	{ DECODE_MAP_ONE, 0xfe, 0xa4, ANY, DECODE_MOVS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xaa, ANY, DECODE_STOS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xac, ANY, DECODE_LODS, STRING | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0xc6, 0x01, DECODE_MOV, IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x03, DECODE_TEST, IMMEDIATE },
	{ DECODE_MAP_0F, 0xe7, 0xa3, ANY, DECODE_BT, BY_OPCODE | FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xba, 0xf0, DECODE_BT,
	  LOW_BITS_BY_MODRM | IMMEDIATE | FULL_SIZE },
	{ DECODE_MAP_0F, 0xfe, 0xb6, ANY, DECODE_MOVZX, WIDENS | TO_REGISTER },
	{ DECODE_MAP_0F, 0xfe, 0xbe, ANY, DECODE_MOVSX, WIDENS | TO_REGISTER },
};

static const struct pattern movsxd = { .operation = DECODE_MOVSX, .form = TO_REGISTER };
static const struct pattern movnti = { .operation = DECODE_MOV, .form = FULL_SIZE };

static const struct pattern *find_pattern(const struct decode_instruction *insn)
{
	unsigned int extension = insn->modrm >> 3 & 7;

	for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
		const struct pattern *p = &patterns[i];

		if (p->map == insn->map && (insn->opcode & p->mask) == p->opcode &&
		    p->extensions >> extension & 1)
			return p;
	}
	if (insn->map == DECODE_MAP_ONE && insn->opcode == 0x63 &&
	    insn->mode == DECODE_64)
		return &movsxd;
	if (insn->map == DECODE_MAP_0F && insn->opcode == 0xc3)
		return &movnti;
	return NULL;
}

static enum decode_operation operation_of(const struct decode_instruction *insn,
                                          const struct pattern *p)
{
	unsigned int number = (unsigned int)p->operation;

	if (p->form & BY_OPCODE)
		number += insn->opcode >> 3 & (p->operation == DECODE_BT ? 3 : 7);
	if (p->form & BY_MODRM)
		number += insn->modrm >> 3 & 7;
	if (p->form & LOW_BITS_BY_MODRM)
		number += insn->modrm >> 3 & 3;
	return (enum decode_operation)number;
}

static void set_sizes(const struct decode_instruction *insn, const struct pattern *p,
                      struct decode_memory *out)
{
	bool word = insn->opcode & 1;

	out->register_bytes = insn->operand_bytes;
	out->bytes = insn->operand_bytes;
	if (p->form & WIDENS) {
		out->bytes = word ? 2 : 1;
	} else if (p == &movsxd) {
		out->bytes = insn->operand_bytes == 2 ? 2 : 4;
	} else if (p == &movnti) { /* has no 16-bit form */
		out->bytes = insn->operand_bytes == 8 ? 8 : 4;
		out->register_bytes = out->bytes;
	} else if (!(p->form & FULL_SIZE) && !word) {
		out->bytes = 1;
		out->register_bytes = 1;
	}
}

/* Without REX, byte registers 4 to 7 are AH, CH, DH and BH. APM3 1.2.7 */
static void set_register(const struct decode_instruction *insn, const struct pattern *p,
                         struct decode_memory *out)
{
	if (p->form & IMMEDIATE) {
		out->reg = DECODE_NO_REGISTER;
		out->immediate = insn->immediate;
		return;
	}
	if (p->form & (ACCUMULATOR | STRING))
		return; /* register 0 */
	out->reg = (insn->modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
	if (out->register_bytes == 1 && insn->rex == 0 && out->reg >= 4) {
		out->high_byte = true;
		out->reg -= 4;
	}
}

static void set_string_addresses(const struct decode_instruction *insn,
                                 struct decode_memory *out)
{
	struct decode_address at_rdi = {
		.bytes = insn->address_bytes,
		.base = RDI,
		.index = DECODE_NO_REGISTER,
		.segment = DECODE_ES, /* cannot be overridden. APM1 3.3.8 */
	};
	struct decode_address at_rsi = at_rdi;

	at_rsi.base = RSI;
	at_rsi.segment = insn->override != DECODE_SEGMENTS ? insn->override : DECODE_DS;
	out->address = out->operation == DECODE_LODS ? at_rsi : at_rdi;
	if (out->operation == DECODE_MOVS)
		out->source = at_rsi;
	out->rep = insn->rep || insn->repne;
}

static void set_accesses(struct decode_memory *out)
{
	switch (out->operation) {
	case DECODE_ADD:
	case DECODE_OR:
	case DECODE_ADC:
	case DECODE_SBB:
	case DECODE_AND:
	case DECODE_SUB:
	case DECODE_XOR:
		out->reads = true;
		out->writes = !out->to_register;
		break;
	case DECODE_CMP:
	case DECODE_TEST:
	case DECODE_BT:
	case DECODE_MOVZX:
	case DECODE_MOVSX:
	case DECODE_LODS:
		out->reads = true;
		break;
	case DECODE_MOV:
		out->reads = out->to_register;
		out->writes = !out->to_register;
		break;
	case DECODE_XCHG:
	case DECODE_BTS:
	case DECODE_BTR:
	case DECODE_BTC:
	case DECODE_MOVS:
		out->reads = true;
		out->writes = true;
		break;
	case DECODE_STOS:
		out->writes = true;
		break;
	}
}

/* LOCK is for those that read, change and write memory. APM3 1.2.5 */
static bool may_lock(const struct decode_memory *m)
{
	return m->reads && m->writes && m->operation != DECODE_MOVS;
}

enum decode_status decode_memory(const uint8_t *bytes, size_t count,
                                 enum decode_mode mode, struct decode_memory *out)
{
	struct decode_instruction insn;
	enum decode_status status = decode_instruction(bytes, count, mode, &insn);
	const struct pattern *p;

	memset(out, 0, sizeof(*out));
	if (status != DECODE_OK)
		return status;
	p = find_pattern(&insn);
	if (!p || (!insn.has_memory && !(p->form & STRING)))
		return DECODE_UNSUPPORTED;
	if (p == &movnti && (insn.operand_size_prefix || insn.rep || insn.repne))
		return DECODE_INVALID;
	out->operation = operation_of(&insn, p);
	out->mode = mode;
	out->length = insn.length;
	out->lock = insn.lock;
	/* CMP r, m writes no register; to_register then only orders its operands. */
	out->to_register = p->form & TO_REGISTER;
	out->address = insn.address;
	set_sizes(&insn, p, out);
	set_register(&insn, p, out);
	if (p->form & STRING)
		set_string_addresses(&insn, out);
	set_accesses(out);
	return out->lock && !may_lock(out) ? DECODE_INVALID : DECODE_OK;
}
