/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows each opcode. One row is 16 opcodes. APM3 A, SDM2 A. */
#include "root-partition/vm/model/decode_tables.h"

/* clang-format off */
enum {
	o  = 0,				/* nothing; prefixes too, taken before */
	M  = DECODE_HAS_MODRM,
	B  = DECODE_IMM8,
	Z  = DECODE_IMM_Z,
	V  = DECODE_IMM_V,
	W  = DECODE_IMM16,
	O  = DECODE_OFFSET,
	L  = DECODE_LEGACY,
	X  = DECODE_UNDEFINED,
	LB = L | B,
	MB = M | B,
	MZ = M | Z,
	MV = M | L | DECODE_VECTOR_PREFIX,	/* BOUND, LES, LDS */
	MT = M | DECODE_IMM_TEST,
	WB = W | B,			/* ENTER */
	FP = L | Z | W,			/* far pointer */
	L8 = L | M | B,			/* 82: the alias of 80 */
};

static const uint16_t one_byte[256] = {
	/*        0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */   M,  M,  M,  M,  B,  Z,  L,  L,  M,  M,  M,  M,  B,  Z,  L,  o,
	/* 1 */   M,  M,  M,  M,  B,  Z,  L,  L,  M,  M,  M,  M,  B,  Z,  L,  L,
	/* 2 */   M,  M,  M,  M,  B,  Z,  o,  L,  M,  M,  M,  M,  B,  Z,  o,  L,
	/* 3 */   M,  M,  M,  M,  B,  Z,  o,  L,  M,  M,  M,  M,  B,  Z,  o,  L,
	/* 4 */   L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,  L,
	/* 5 */   o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,  o,
	/* 6 */   L,  L, MV,  M,  o,  o,  o,  o,  Z, MZ,  B, MB,  o,  o,  o,  o,
	/* 7 */   B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
	/* 8 */  MB, MZ, L8, MB,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 9 */   o,  o,  o,  o,  o,  o,  o,  o,  o,  o, FP,  o,  o,  o,  o,  o,
	/* a */   O,  O,  O,  O,  o,  o,  o,  o,  B,  Z,  o,  o,  o,  o,  o,  o,
	/* b */   B,  B,  B,  B,  B,  B,  B,  B,  V,  V,  V,  V,  V,  V,  V,  V,
	/* c */  MB, MB,  W,  o, MV, MV, MB, MZ, WB,  o,  W,  o,  o,  B,  L,  o,
	/* d */   M,  M,  M,  M, LB, LB,  X,  o,  M,  M,  M,  M,  M,  M,  M,  M,
	/* e */   B,  B,  B,  B,  B,  B,  B,  B,  Z,  Z, FP,  B,  o,  o,  o,  o,
	/* f */   o,  o,  o,  o,  o,  o, MT, MT,  o,  o,  o,  o,  o,  o,  M,  M,
};

static const uint16_t two_byte[256] = {
	/*        0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */   M,  M,  M,  M,  X,  o,  o,  o,  o,  o,  X,  o,  X,  M,  o, MB,
	/* 1 */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 2 */   M,  M,  M,  M,  X,  X,  X,  X,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 3 */   o,  o,  o,  o,  o,  o,  X,  o,  o,  X,  o,  X,  X,  X,  X,  X,
	/* 4 */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 5 */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 6 */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* 7 */  MB, MB, MB, MB,  M,  M,  M,  o,  X,  X,  X,  X,  M,  M,  M,  M,
	/* 8 */   Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,  Z,
	/* 9 */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* a */   o,  o,  o,  M, MB,  M,  X,  X,  o,  o,  o,  M, MB,  M,  M,  M,
	/* b */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M, MB,  M,  M,  M,  M,  M,
	/* c */   M,  M, MB,  M, MB, MB, MB,  M,  o,  o,  o,  o,  o,  o,  o,  o,
	/* d */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* e */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
	/* f */   M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
};
/* clang-format on */

uint16_t decode_traits(enum decode_map map, uint8_t opcode)
{
	switch (map) {
	case DECODE_MAP_ONE:
		return one_byte[opcode];
	case DECODE_MAP_0F:
		return two_byte[opcode];
	case DECODE_MAP_0F38:
		return M;
	case DECODE_MAP_0F3A:
		return MB;
	}
	return X;
}
