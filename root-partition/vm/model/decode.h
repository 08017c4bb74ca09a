/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 instruction decoder, for processors that give neither the next RIP nor the
 * instruction's bytes on an exit. One parser finds prefixes, opcode, ModRM, SIB,
 * displacement and immediate; on top of it stand the length and the instructions that
 * software uses on device memory. APM3 1 and A, SDM2 2 and A.
 *
 * The bytes come from memory that a guest may rewrite while we look: a caller must check
 * that the address it computes is the one that faulted, and trust nothing else about the
 * instruction.
 */
#ifndef VIRIDIS_VM_MODEL_DECODE_H
#define VIRIDIS_VM_MODEL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define DECODE_MAX_BYTES   15u /* longer instructions raise #GP. APM3 1.1 */
#define DECODE_GPRS        16u /* in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8 */
#define DECODE_NO_REGISTER 0xffu

enum decode_status {
	DECODE_OK,
	DECODE_MORE,        /* the bytes end inside the instruction: fetch more */
	DECODE_INVALID,     /* over 15 bytes, or undefined in this mode: #GP or #UD */
	DECODE_UNSUPPORTED, /* unknown (EVEX, XOP), or not of the kind asked for */
};

enum decode_mode {
	DECODE_16, /* real mode too */
	DECODE_32,
	DECODE_64,
};

/* Segments in encoding order. */
enum decode_segment {
	DECODE_ES,
	DECODE_CS,
	DECODE_SS,
	DECODE_DS,
	DECODE_FS,
	DECODE_GS,
	DECODE_SEGMENTS,
};

enum decode_map {
	DECODE_MAP_ONE, /* one-byte opcodes */
	DECODE_MAP_0F,
	DECODE_MAP_0F38,
	DECODE_MAP_0F3A,
};

/*
 * Where a memory operand is. base and index are register numbers or DECODE_NO_REGISTER.
 */
struct decode_address {
	uint8_t bytes; /* address size: 2, 4 or 8 */
	uint8_t base;
	uint8_t index;
	uint8_t shift; /* the index is scaled by 1 << shift */
	bool rip_relative;
	enum decode_segment segment; /* after overrides and defaults */
	int64_t displacement;
};

/* Any instruction, taken apart. */
struct decode_instruction {
	enum decode_mode mode;
	enum decode_map map;
	enum decode_segment override; /* DECODE_SEGMENTS when there is none */
	uint8_t opcode;
	uint8_t length;
	uint8_t rex;
	uint8_t modrm;
	bool has_modrm;
	bool has_memory; /* by a ModRM byte or a direct offset: `address` holds */
	bool lock;
	bool rep;   /* F3 */
	bool repne; /* F2 */
	bool operand_size_prefix;
	bool vex;      /* its prefix stands for REX and for 66, F2 or F3 */
	bool vex_wide; /* VEX.L: 32 bytes */
	bool bad_vex;
	uint8_t operand_bytes; /* 2, 4 or 8 for a word-or-larger operand */
	uint8_t address_bytes;
	uint8_t immediate_bytes;
	int64_t immediate; /* sign-extended */
	struct decode_address address;
};

static inline enum decode_mode decode_mode(bool efer_lma, bool cs_l, bool cs_d)
{
	if (efer_lma && cs_l)
		return DECODE_64;
	return cs_d ? DECODE_32 : DECODE_16;
}

MUST_CHECK enum decode_status decode_instruction(const uint8_t *bytes, size_t count,
                                                 enum decode_mode mode,
                                                 struct decode_instruction *out);
MUST_CHECK enum decode_status decode_length(const uint8_t *bytes, size_t count,
                                            enum decode_mode mode, uint8_t *length);

/* ADD to CMP, ROL to SAR and BT to BTC are in the order in which opcodes number them. */
enum decode_operation {
	DECODE_ADD,
	DECODE_OR,
	DECODE_ADC,
	DECODE_SBB,
	DECODE_AND,
	DECODE_SUB,
	DECODE_XOR,
	DECODE_CMP,
	DECODE_TEST,
	DECODE_INC,
	DECODE_DEC,
	DECODE_NOT,
	DECODE_NEG,
	DECODE_ROL,
	DECODE_ROR,
	DECODE_RCL,
	DECODE_RCR,
	DECODE_SHL,
	DECODE_SHR,
	DECODE_SAL, /* SHL under another number */
	DECODE_SAR,
	DECODE_SHLD,
	DECODE_SHRD,
	DECODE_MUL, /* RDX:RAX, as DIV and IDIV */
	DECODE_IMUL,
	DECODE_DIV,
	DECODE_IDIV,
	DECODE_IMUL_REGISTER,  /* by memory */
	DECODE_IMUL_IMMEDIATE, /* memory by it, to the register */
	DECODE_XADD,
	DECODE_CMPXCHG,
	DECODE_CMPXCHG8B,
	DECODE_BSF,
	DECODE_BSR,
	DECODE_TZCNT,
	DECODE_LZCNT,
	DECODE_POPCNT,
	DECODE_CMOV,
	DECODE_SET,
	DECODE_MOV, /* MOVNTI too */
	DECODE_MOVZX,
	DECODE_MOVSX, /* MOVSXD too */
	DECODE_MOVBE,
	DECODE_XCHG,
	DECODE_PUSH,
	DECODE_POP,
	DECODE_BT,
	DECODE_BTS,
	DECODE_BTR,
	DECODE_BTC,
	DECODE_STOS,
	DECODE_LODS,
	DECODE_MOVS,
	DECODE_CMPS,
	DECODE_SCAS,
	DECODE_FLUSH,  /* a cache line, of which a device has none: nothing to do */
	DECODE_VECTOR, /* a move between memory and an XMM or YMM register */
	DECODE_OPERATIONS,
};

/* Which part of a vector register a move is about. */
enum decode_part {
	DECODE_WHOLE, /* from bit 0; loads clear the rest of the XMM register */
	DECODE_LOW,   /* bits 63:0, loads keep the rest */
	DECODE_HIGH,  /* bits 127:64, likewise */
};

/*
 * An instruction with a memory operand at `address`, as an emulator of device memory needs
 * it. MOVS, CMPS, PUSH and POP have another at `source`, which is only read.
 */
struct decode_memory {
	enum decode_operation operation;
	enum decode_mode mode;
	uint8_t length;
	uint8_t bytes;          /* the memory operand: 1, 2, 4 or 8; VECTOR: 16, 32 too */
	uint8_t register_bytes; /* the register operand; differs for MOVZX and MOVSX */
	uint8_t reg;       /* DECODE_NO_REGISTER: the other operand is the immediate */
	uint8_t condition; /* of CMOV and SET, as opcodes number them */
	enum decode_part part;
	bool vex;         /* a VECTOR load clears the rest of the YMM register */
	bool count_in_cl; /* of a shift; else it is the immediate */
	bool high_byte;   /* reg is AH, CH, DH or BH: bits 15:8 of register reg */
	bool to_register; /* reg is first operand and result (XCHG: one of two) */
	bool reads;       /* memory at `address` */
	bool reads_source;
	bool writes; /* memory at `address` */
	bool lock;
	bool rep;          /* of a string instruction, either prefix */
	bool repne;        /* F2, which CMPS and SCAS tell from F3 */
	int64_t immediate; /* sign-extended */
	struct decode_address address;
	struct decode_address source;
};

MUST_CHECK enum decode_status decode_memory(const uint8_t *bytes, size_t count,
                                            enum decode_mode mode,
                                            struct decode_memory *out);

/*
 * The linear address of a memory operand: `address` is &m->address or &m->source. rip is
 * the instruction's own. A bit string instruction's register moves the address, as the
 * manual says. Segment bases other than FS and GS count as 0 in 64-bit mode. Limits are
 * not checked.
 */
uint64_t decode_linear(const struct decode_memory *m,
                       const struct decode_address *address,
                       const uint64_t gpr[DECODE_GPRS],
                       const uint64_t segment_base[DECODE_SEGMENTS], uint64_t rip);

/* The same for an operand without a decode_memory around it (LMSW, INS, INVLPG). */
uint64_t decode_address_linear(const struct decode_address *address,
                               enum decode_mode mode, const uint64_t gpr[DECODE_GPRS],
                               const uint64_t segment_base[DECODE_SEGMENTS],
                               uint64_t next_rip);

struct decode_result {
	bool writes_memory;
	bool repeats;      /* a REP has more to do: RIP stays at this instruction */
	bool divide_error; /* #DE: nothing was changed */
	uint64_t memory;
};

/*
 * True when a REP has no element left: the access that faulted cannot have been this
 * instruction's, and memory must not be touched.
 */
bool decode_repeat_done(const struct decode_memory *m, const uint64_t gpr[DECODE_GPRS]);

/*
 * Carries the instruction out, one element of a string: `memory` and `source` are what was
 * read there (ignored where it reads nothing). Registers and rflags are changed in place; the
 * caller stores result->memory if writes_memory, and moves RIP by length unless repeats. Flags
 * that the manual leaves undefined stay as they are, or are what is simplest.
 */
void decode_apply(const struct decode_memory *m, uint64_t memory, uint64_t source,
                  uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                  struct decode_result *result);

#define DECODE_VECTOR_BYTES 32u /* the widest memory operand */
#define DECODE_XSAVE_BYTES \
	4096u /* an area in the standard format: SSE and AVX have their fixed place */

/* The same for DECODE_VECTOR, with the VP's XSAVE area: loads take `memory`, stores fill it. */
void decode_apply_vector(const struct decode_memory *m, uint8_t area[DECODE_XSAVE_BYTES],
                         uint8_t memory[DECODE_VECTOR_BYTES]);

#endif
