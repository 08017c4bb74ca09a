/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows each opcode: the decoder's length table. APM3 A, SDM2 A. */
#ifndef VIRIDIS_VM_MODEL_DECODE_TABLES_H
#define VIRIDIS_VM_MODEL_DECODE_TABLES_H

#include <stdint.h>
#include "root-partition/vm/model/decode.h"

/* Sizes add up: ENTER has a word and a byte, a far pointer an offset and a word. */
enum decode_trait {
	DECODE_HAS_MODRM = 1 << 0,
	DECODE_IMM8 = 1 << 1,
	DECODE_IMM16 = 1 << 2,
	DECODE_IMM_Z = 1 << 3,    /* the operand size, 4 at most */
	DECODE_IMM_V = 1 << 4,    /* the operand size, 8 too */
	DECODE_IMM_TEST = 1 << 5, /* only where ModRM.reg is 0 or 1: TEST */
	DECODE_OFFSET = 1 << 6,   /* a direct address of the address size */
	DECODE_LEGACY = 1 << 7,   /* not in 64-bit mode */
	DECODE_UNDEFINED = 1 << 8,
	DECODE_VECTOR_PREFIX =
		1 << 9, /* VEX, EVEX: in 64-bit mode, elsewhere if mod is 3 */
};

uint16_t decode_traits(enum decode_map map, uint8_t opcode);

#endif
