/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 instruction decoder, for processors that give neither the next RIP nor the
 * instruction's bytes on an exit. One parser finds prefixes, opcode, ModRM, SIB,
 * displacement and immediate; on top of it stand the length, moves to and from control
 * registers, and the instructions that software uses on device memory. APM3 1 and A, SDM2
 * 2 and A.
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
	DECODE_UNSUPPORTED, /* unknown (VEX, EVEX, XOP), or not of the kind asked for */
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

/* Instructions that reach control and debug registers. */
enum decode_control_kind {
	DECODE_MOV_CR,
	DECODE_MOV_DR,
	DECODE_CLTS,
	DECODE_LMSW,
	DECODE_SMSW,
};

struct decode_control {
	enum decode_control_kind kind;
	uint8_t length;
	uint8_t number;  /* of the control or debug register */
	uint8_t gpr;     /* DECODE_NO_REGISTER: CLTS, or memory at `address` */
	uint8_t bytes;   /* operand size */
	bool to_control; /* false: reads the control or debug register */
	struct decode_address address;
};

MUST_CHECK enum decode_status decode_control(const uint8_t *bytes, size_t count,
                                             enum decode_mode mode,
                                             struct decode_control *out);

/*
 * ADD to CMP and BT to BTC are in the order in which opcodes number them; arithmetic,
 * moves, bits and strings follow one another.
 */
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
	DECODE_MOV, /* MOVNTI too */
	DECODE_MOVZX,
	DECODE_MOVSX, /* MOVSXD too */
	DECODE_XCHG,
	DECODE_BT,
	DECODE_BTS,
	DECODE_BTR,
	DECODE_BTC,
	DECODE_STOS,
	DECODE_LODS,
	DECODE_MOVS,
};

/*
 * An instruction with one memory operand (MOVS has two), as an emulator of device memory
 * needs it.
 */
struct decode_memory {
	enum decode_operation operation;
	enum decode_mode mode;
	uint8_t length;
	uint8_t bytes;          /* the memory operand: 1, 2, 4 or 8 */
	uint8_t register_bytes; /* the register operand; differs for MOVZX and MOVSX */
	uint8_t reg;      /* DECODE_NO_REGISTER: the other operand is the immediate */
	bool high_byte;   /* reg is AH, CH, DH or BH: bits 15:8 of register reg */
	bool to_register; /* reg is first operand and result (XCHG: one of two) */
	bool reads;       /* memory at `address`; MOVS reads at `source` */
	bool writes;      /* memory at `address` */
	bool lock;
	bool rep;          /* of a string instruction, either prefix */
	int64_t immediate; /* sign-extended */
	struct decode_address address;
	struct decode_address source; /* MOVS only */
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
	bool repeats; /* a REP has more to do: RIP stays at this instruction */
	uint64_t memory;
};

/*
 * True when a REP has no element left: the access that faulted cannot have been this
 * instruction's, and memory must not be touched.
 */
bool decode_repeat_done(const struct decode_memory *m, const uint64_t gpr[DECODE_GPRS]);

/*
 * Carries the instruction out, one element of a string: `memory` is what was read
 * (ignored when it reads nothing). Registers and rflags are changed in place; the caller
 * stores result->memory if writes_memory, and moves RIP by length unless repeats.
 */
void decode_apply(const struct decode_memory *m, uint64_t memory,
                  uint64_t gpr[DECODE_GPRS], uint64_t *rflags,
                  struct decode_result *result);

#endif
