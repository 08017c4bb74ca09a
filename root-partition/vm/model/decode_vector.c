/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector registers in an XSAVE area, and moves between them and memory. APM2 11.5.2, APM4 2 */
#include "root-partition/vm/model/decode.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

/* The standard format: XMM0 to 15, the header's first word, and the upper halves of YMM. */
#define XMM_OFFSET    160u
#define XSTATE_BV     512u
#define YMM_OFFSET    576u
#define HALF_BYTES    16u
#define COMPONENT_SSE BIT64(1)
#define COMPONENT_AVX BIT64(2)

static uint64_t components(const uint8_t area[DECODE_XSAVE_BYTES])
{
	uint64_t bits;

	memcpy(&bits, area + XSTATE_BV, sizeof(bits));
	return bits;
}

/* A component that is not there counts as zeros. */
static void read_register(const uint8_t area[DECODE_XSAVE_BYTES], uint8_t number,
                          uint8_t value[DECODE_VECTOR_BYTES])
{
	memset(value, 0, DECODE_VECTOR_BYTES);
	if (components(area) & COMPONENT_SSE)
		memcpy(value, area + XMM_OFFSET + HALF_BYTES * number, HALF_BYTES);
	if (components(area) & COMPONENT_AVX)
		memcpy(value + HALF_BYTES, area + YMM_OFFSET + HALF_BYTES * number,
		       HALF_BYTES);
}

/* What appears for the first time has zeros for the other registers. */
static void add_component(uint8_t area[DECODE_XSAVE_BYTES], uint64_t bit,
                          unsigned int offset)
{
	uint64_t bits = components(area);

	if (bits & bit)
		return;
	memset(area + offset, 0, DECODE_GPRS * HALF_BYTES);
	bits |= bit;
	memcpy(area + XSTATE_BV, &bits, sizeof(bits));
}

static void write_register(uint8_t area[DECODE_XSAVE_BYTES], uint8_t number, bool vex,
                           const uint8_t value[DECODE_VECTOR_BYTES])
{
	add_component(area, COMPONENT_SSE, XMM_OFFSET);
	memcpy(area + XMM_OFFSET + HALF_BYTES * number, value, HALF_BYTES);
	if (!vex)
		return;
	add_component(area, COMPONENT_AVX, YMM_OFFSET);
	memcpy(area + YMM_OFFSET + HALF_BYTES * number, value + HALF_BYTES, HALF_BYTES);
}

void decode_apply_vector(const struct decode_memory *m, uint8_t area[DECODE_XSAVE_BYTES],
                         uint8_t memory[DECODE_VECTOR_BYTES])
{
	unsigned int at = m->part == DECODE_HIGH ? 8 : 0;
	uint8_t value[DECODE_VECTOR_BYTES];

	read_register(area, m->reg % DECODE_GPRS, value);
	if (!m->to_register) {
		memcpy(memory, value + at, m->bytes);
		return;
	}
	if (m->part == DECODE_WHOLE)
		memset(value, 0, sizeof(value));
	memcpy(value + at, memory, m->bytes);
	write_register(area, m->reg % DECODE_GPRS, m->vex, value);
}
