/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few instructions by which software reaches a page that the hypervisor models (the xAPIC's,
 * the root's IOAPICs): MOV, AND, OR, XOR and TEST of memory with a register or an immediate, and
 * MOV to CR8. APM3 1 and 3. Every other access is decoded in the root, by the VM's worker.
 *
 * The bytes come from memory that a guest may rewrite while we look: a caller must check that the
 * address is the one that faulted, and trust nothing else about the instruction.
 */
#ifndef VIRIDIS_HYPERVISOR_CORE_DECODE_ACCESS_H
#define VIRIDIS_HYPERVISOR_CORE_DECODE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define DECODE_MAX_BYTES 15u /* longer instructions raise #GP. APM3 1.1 */
#define DECODE_GPRS      16u /* in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8 */

/* Where the instruction is. */
struct decode_place {
	const uint64_t *gpr; /* DECODE_GPRS of them */
	uint64_t rip;
	unsigned int bits; /* of the code: 16, 32 or 64 */
};

/* Segments in encoding order; the others lie between. */
enum decode_segment { DECODE_ES, DECODE_SS = 2, DECODE_DS, DECODE_FS, DECODE_GS };

enum decode_operation { DECODE_MOV, DECODE_OR, DECODE_AND, DECODE_XOR, DECODE_TEST };

struct decode_access {
	enum decode_operation operation;
	enum decode_segment segment;
	uint64_t offset;  /* of the memory operand in its segment */
	uint64_t operand; /* what the register or the immediate holds */
	uint8_t length;
	uint8_t bytes;    /* of each operand: 1, 2, 4 or 8 */
	uint8_t reg;      /* the register operand, if there is one */
	bool to_register; /* which takes the result; else memory does, or with TEST nobody */
};

/* False: cut short, longer than 15 bytes, or none of ours. */
bool decode_access(const uint8_t *bytes, size_t count, const struct decode_place *place,
                   struct decode_access *out) MUST_CHECK;

bool decode_reads(const struct decode_access *access);
bool decode_writes(const struct decode_access *access);

/*
 * Carry it out, with what was read from memory; the answer is what to write there. Register and
 * flags are changed in place.
 */
uint64_t decode_carry_out(const struct decode_access *access, uint64_t memory,
                          uint64_t gpr[DECODE_GPRS], uint64_t *rflags);

/* MOV to CR8 in 64-bit code, or LOCK MOV to CR0, which is the same. APM3 MOV CRn */
bool decode_mov_to_cr8(const uint8_t *bytes, size_t count, uint8_t *gpr,
                       uint8_t *length) MUST_CHECK;

#endif
