/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions that software uses on device memory, with their operands. APM3 3. */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define REX_R 4u
#define REX_W 8u
#define RSP   4u
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
	UNARY = 1 << 9,             /* no other operand */
	BY_ONE = 1 << 10,           /* a shift's count */
	BY_CL = 1 << 11,
	BYTE = 1 << 12,
	STACK = 1 << 13,     /* the other operand is on the stack */
	NO_PREFIX = 1 << 14, /* 66, F2 and F3 make another instruction of it */
	NEEDS_REP = 1 << 15, /* F3 makes it this instruction */
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

/* The first that fits counts. */
static const struct pattern patterns[] = {
	{ DECODE_MAP_ONE, 0xc6, 0x00, ANY, DECODE_ADD, BY_OPCODE },
	{ DECODE_MAP_ONE, 0xc6, 0x02, ANY, DECODE_ADD, BY_OPCODE | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfd, 0x69, ANY, DECODE_IMUL_IMMEDIATE,
	  TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_ONE, 0xfc, 0x80, ANY, DECODE_ADD, BY_MODRM | IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0x84, ANY, DECODE_TEST, 0 },
	{ DECODE_MAP_ONE, 0xfe, 0x86, ANY, DECODE_XCHG, TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0x88, ANY, DECODE_MOV, 0 },
	{ DECODE_MAP_ONE, 0xfe, 0x8a, ANY, DECODE_MOV, TO_REGISTER },
	{ DECODE_MAP_ONE, 0xff, 0x8f, 0x01, DECODE_POP, UNARY | FULL_SIZE | STACK },
	{ DECODE_MAP_ONE, 0xfe, 0xa0, ANY, DECODE_MOV, ACCUMULATOR | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0xa2, ANY, DECODE_MOV, ACCUMULATOR },
	{ DECODE_MAP_ONE, 0xfe, 0xa4, ANY, DECODE_MOVS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xa6, ANY, DECODE_CMPS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xaa, ANY, DECODE_STOS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xac, ANY, DECODE_LODS, STRING | TO_REGISTER },
	{ DECODE_MAP_ONE, 0xfe, 0xae, ANY, DECODE_SCAS, STRING },
	{ DECODE_MAP_ONE, 0xfe, 0xc0, ANY, DECODE_ROL, BY_MODRM | IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0xc6, 0x01, DECODE_MOV, IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0xd0, ANY, DECODE_ROL, BY_MODRM | UNARY | BY_ONE },
	{ DECODE_MAP_ONE, 0xfe, 0xd2, ANY, DECODE_ROL, BY_MODRM | UNARY | BY_CL },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x03, DECODE_TEST, IMMEDIATE },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x04, DECODE_NOT, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x08, DECODE_NEG, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x10, DECODE_MUL, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x20, DECODE_IMUL, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x40, DECODE_DIV, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xf6, 0x80, DECODE_IDIV, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xfe, 0x01, DECODE_INC, UNARY },
	{ DECODE_MAP_ONE, 0xfe, 0xfe, 0x02, DECODE_DEC, UNARY },
	{ DECODE_MAP_ONE, 0xff, 0xff, 0x40, DECODE_PUSH, UNARY | FULL_SIZE | STACK },
	{ DECODE_MAP_0F, 0xf0, 0x40, ANY, DECODE_CMOV, TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_0F, 0xf0, 0x90, ANY, DECODE_SET, UNARY | BYTE },
	{ DECODE_MAP_0F, 0xff, 0xa4, ANY, DECODE_SHLD, FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xa5, ANY, DECODE_SHLD, FULL_SIZE | BY_CL },
	{ DECODE_MAP_0F, 0xff, 0xac, ANY, DECODE_SHRD, FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xad, ANY, DECODE_SHRD, FULL_SIZE | BY_CL },
	{ DECODE_MAP_0F, 0xe7, 0xa3, ANY, DECODE_BT, BY_OPCODE | FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xaf, ANY, DECODE_IMUL_REGISTER, TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_0F, 0xfe, 0xb0, ANY, DECODE_CMPXCHG, 0 },
	{ DECODE_MAP_0F, 0xfe, 0xb6, ANY, DECODE_MOVZX, WIDENS | TO_REGISTER },
	{ DECODE_MAP_0F, 0xff, 0xb8, ANY, DECODE_POPCNT,
	  TO_REGISTER | FULL_SIZE | NEEDS_REP },
	{ DECODE_MAP_0F, 0xff, 0xba, 0xf0, DECODE_BT,
	  LOW_BITS_BY_MODRM | IMMEDIATE | FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xbc, ANY, DECODE_TZCNT,
	  TO_REGISTER | FULL_SIZE | NEEDS_REP },
	{ DECODE_MAP_0F, 0xff, 0xbc, ANY, DECODE_BSF, TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_0F, 0xff, 0xbd, ANY, DECODE_LZCNT,
	  TO_REGISTER | FULL_SIZE | NEEDS_REP },
	{ DECODE_MAP_0F, 0xff, 0xbd, ANY, DECODE_BSR, TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_0F, 0xfe, 0xbe, ANY, DECODE_MOVSX, WIDENS | TO_REGISTER },
	{ DECODE_MAP_0F, 0xfe, 0xc0, ANY, DECODE_XADD, 0 },
	{ DECODE_MAP_0F, 0xff, 0xc7, 0x02, DECODE_CMPXCHG8B,
	  UNARY | FULL_SIZE | NO_PREFIX },
	{ DECODE_MAP_0F, 0xff, 0xae, 0x80, DECODE_FLUSH, UNARY | BYTE },
	{ DECODE_MAP_0F38, 0xff, 0xf0, ANY, DECODE_MOVBE, TO_REGISTER | FULL_SIZE },
	{ DECODE_MAP_0F38, 0xff, 0xf1, ANY, DECODE_MOVBE, FULL_SIZE },
};

static const struct pattern movsxd = { .operation = DECODE_MOVSX, .form = TO_REGISTER };
static const struct pattern movnti = { .operation = DECODE_MOV, .form = FULL_SIZE };

static bool prefixes_fit(const struct decode_instruction *insn, const struct pattern *p)
{
	bool repeats = insn->rep || insn->repne;

	if (p->form & NEEDS_REP)
		return insn->rep;
	if (p->form & NO_PREFIX) /* nor 16 bytes */
		return !repeats && !insn->operand_size_prefix && !(insn->rex & REX_W);
	if (p->operation == DECODE_MOVBE || p->operation == DECODE_FLUSH)
		return !repeats;
	return true;
}

static const struct pattern *find_pattern(const struct decode_instruction *insn)
{
	unsigned int extension = insn->modrm >> 3 & 7;

	if (insn->vex)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
		const struct pattern *p = &patterns[i];

		if (p->map == insn->map && (insn->opcode & p->mask) == p->opcode &&
		    p->extensions >> extension & 1 && prefixes_fit(insn, p))
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
	} else if (p->operation == DECODE_CMPXCHG8B ||
	           (p->form & STACK && insn->mode == DECODE_64 &&
	            insn->operand_bytes == 4)) { /* has no 32-bit form. APM3 PUSH */
		out->bytes = 8;
	} else if (p->form & BYTE || (!(p->form & FULL_SIZE) && !word)) {
		out->bytes = 1;
		out->register_bytes = 1;
	}
}

/* Without REX, byte registers 4 to 7 are AH, CH, DH and BH. APM3 1.2.7 */
static void set_register(const struct decode_instruction *insn, const struct pattern *p,
                         struct decode_memory *out)
{
	out->immediate = p->form & BY_ONE ? 1 : insn->immediate;
	out->count_in_cl = p->form & BY_CL;
	if (p->form & (IMMEDIATE | UNARY)) {
		out->reg = DECODE_NO_REGISTER;
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
	if (out->operation == DECODE_MOVS || out->operation == DECODE_CMPS)
		out->source = at_rsi;
	out->rep = insn->rep || insn->repne;
	out->repne = insn->repne;
}

/*
 * The stack's addresses are as wide as the code's, which what is called SS.B can change; nobody
 * pushes what a device says on such a stack. POP names its memory with RSP as it is afterwards.
 */
static void set_stack_addresses(const struct decode_instruction *insn,
                                struct decode_memory *out)
{
	static const uint8_t widths[] = { 2, 4, 8 };
	struct decode_address stack = {
		.bytes = widths[insn->mode],
		.base = RSP,
		.index = DECODE_NO_REGISTER,
		.segment = DECODE_SS,
	};

	if (out->operation == DECODE_PUSH) {
		stack.displacement = -(int64_t)out->bytes;
		out->source = out->address;
		out->address = stack;
		return;
	}
	out->source = stack;
	if (out->address.base == RSP)
		out->address.displacement += out->bytes;
}

enum { READS = 1, WRITES = 2, CHANGES = READS | WRITES, SOURCE = 4, MAY_LOCK = 8 };

/* What each operation does to memory. ALU operations to a register only read: set_accesses(). */
static const uint8_t accesses[DECODE_OPERATIONS] = {
	[DECODE_ADD... DECODE_XOR] = CHANGES | MAY_LOCK,
	[DECODE_CMP... DECODE_TEST] = READS,
	[DECODE_INC... DECODE_NEG] = CHANGES | MAY_LOCK,
	[DECODE_ROL... DECODE_SHRD] = CHANGES,
	[DECODE_MUL... DECODE_IMUL_IMMEDIATE] = READS,
	[DECODE_XADD... DECODE_CMPXCHG8B] = CHANGES | MAY_LOCK,
	[DECODE_BSF... DECODE_CMOV] = READS,
	[DECODE_SET] = WRITES,
	[DECODE_MOV] = WRITES,
	[DECODE_MOVZX... DECODE_MOVSX] = READS,
	[DECODE_MOVBE] = WRITES,
	[DECODE_XCHG] = CHANGES | MAY_LOCK,
	[DECODE_PUSH... DECODE_POP] = SOURCE | WRITES,
	[DECODE_BT] = READS,
	[DECODE_BTS... DECODE_BTC] = CHANGES | MAY_LOCK,
	[DECODE_STOS] = WRITES,
	[DECODE_LODS] = READS,
	[DECODE_MOVS] = SOURCE | WRITES,
	[DECODE_CMPS] = SOURCE | READS,
	[DECODE_SCAS] = READS,
	[DECODE_VECTOR] = WRITES,
};

/* LOCK is for those that read, change and write memory. APM3 1.2.5 */
static enum decode_status set_accesses(struct decode_memory *out)
{
	unsigned int access = accesses[out->operation];

	if (out->to_register && out->operation != DECODE_XCHG &&
	    out->operation != DECODE_LODS)
		access = READS;
	out->reads = access & READS;
	out->writes = access & WRITES;
	out->reads_source = access & SOURCE;
	return out->lock && !(access & MAY_LOCK) ? DECODE_INVALID : DECODE_OK;
}

/* Moves of vector registers: VEX forms of two operands and those without VEX. APM4 2 */
enum { NONE = 1, P66 = 2, PF3 = 4, PF2 = 8, STORE = 16 };

static const struct vector_pattern {
	enum decode_map map;
	uint8_t opcode;
	uint8_t form;
	uint8_t bytes; /* WIDE: the register's; BY_W: 4, or 8 with W */
	enum decode_part part;
} vectors[] = {
#define WIDE 0
#define BY_W 1
	{ DECODE_MAP_0F, 0x10, NONE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x10, PF3, 4, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x10, PF2, 8, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x11, STORE | NONE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x11, STORE | PF3, 4, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x11, STORE | PF2, 8, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x12, NONE | P66, 8, DECODE_LOW },
	{ DECODE_MAP_0F, 0x13, STORE | NONE | P66, 8, DECODE_LOW },
	{ DECODE_MAP_0F, 0x16, NONE | P66, 8, DECODE_HIGH },
	{ DECODE_MAP_0F, 0x17, STORE | NONE | P66, 8, DECODE_HIGH },
	{ DECODE_MAP_0F, 0x28, NONE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x29, STORE | NONE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x2b, STORE | NONE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x6e, P66, BY_W, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x6f, P66 | PF3, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x7e, STORE | P66, BY_W, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x7e, PF3, 8, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0x7f, STORE | P66 | PF3, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0xd6, STORE | P66, 8, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0xe7, STORE | P66, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F, 0xf0, PF2, WIDE, DECODE_WHOLE },
	{ DECODE_MAP_0F38, 0x2a, P66, WIDE, DECODE_WHOLE },
};

/* F2 and F3 go before 66. APM3 1.2.1 */
static unsigned int vector_prefix(const struct decode_instruction *insn)
{
	if (insn->rep)
		return PF3;
	if (insn->repne)
		return PF2;
	return insn->operand_size_prefix ? P66 : NONE;
}

static uint8_t vector_bytes(const struct decode_instruction *insn,
                            const struct vector_pattern *p)
{
	if (p->bytes == WIDE)
		return insn->vex_wide ? 32 : 16;
	if (p->bytes == BY_W)
		return insn->rex & REX_W ? 8 : 4;
	return p->bytes;
}

/* With VEX, loads of a part take the rest from a third operand: no moves. */
static bool vector_fits(const struct decode_instruction *insn,
                        const struct vector_pattern *p)
{
	return p->map == insn->map && p->opcode == insn->opcode &&
	       p->form & vector_prefix(insn) &&
	       (!insn->vex || p->part == DECODE_WHOLE || p->form & STORE);
}

static enum decode_status decode_vector(const struct decode_instruction *insn,
                                        struct decode_memory *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		const struct vector_pattern *p = &vectors[i];

		if (!vector_fits(insn, p))
			continue;
		out->operation = DECODE_VECTOR;
		out->bytes = out->register_bytes = vector_bytes(insn, p);
		out->part = p->part;
		out->vex = insn->vex;
		out->reg = (insn->modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
		out->to_register = !(p->form & STORE);
		return set_accesses(out);
	}
	return DECODE_UNSUPPORTED;
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
	out->mode = mode;
	out->length = insn.length;
	out->lock = insn.lock;
	out->address = insn.address;
	p = find_pattern(&insn);
	if (!insn.has_memory && !(p && p->form & STRING))
		return DECODE_UNSUPPORTED;
	if (!p)
		return decode_vector(&insn, out);
	if (p == &movnti && (insn.operand_size_prefix || insn.rep || insn.repne))
		return DECODE_INVALID;
	out->operation = operation_of(&insn, p);
	out->condition = insn.opcode & 0xf;
	/* CMP r, m writes no register; to_register then only orders its operands. */
	out->to_register = p->form & TO_REGISTER;
	set_sizes(&insn, p, out);
	set_register(&insn, p, out);
	if (p->form & STRING)
		set_string_addresses(&insn, out);
	if (p->form & STACK)
		set_stack_addresses(&insn, out);
	return set_accesses(out);
}
