/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few instructions by which software reaches a page that the hypervisor models (the xAPIC's,
 * the root's IOAPICs): MOV of memory with a register or an immediate; and MOV of control registers. APM3 1 and 3.
 * Every other access is decoded in the root, by the VM's worker.
 *
 * The fault has told where the access goes. The bytes come from memory that a guest may rewrite while we
 * look: then another value is moved, which it could have had anyway.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define DECODE_MAX_BYTES 15u /* longer instructions raise #GP. APM3 1.1 */
#define DECODE_GPRS      16u /* in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8 */

struct decode_access {
	uint64_t value; /* a store's */
	uint8_t length;
	uint8_t bytes; /* of the operands: 1, 2, 4 or 8 */
	uint8_t reg;   /* a load's */
	bool is_load;
};

/* In code of 16, 32 or 64 `bits`. False: cut short, longer than 15 bytes, or none of ours. */
bool decode_access(const uint8_t *bytes, size_t count, unsigned int bits,
                   const uint64_t gpr[DECODE_GPRS], struct decode_access *out) MUST_CHECK;

/* Carry out a load of what was read from memory. */
void decode_load(const struct decode_access *access, uint64_t memory,
                 uint64_t gpr[DECODE_GPRS]);

/* MOV from or to a control register; LOCK MOV to CR0 is one to CR8. APM3 MOV CRn */
struct decode_mov_cr {
	bool writes_cr;
	uint8_t number, gpr, length;
};
bool decode_mov_cr(const uint8_t *bytes, size_t count, bool is_64,
                   struct decode_mov_cr *out) MUST_CHECK;
