/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes through the decoder: it stays within them, agrees with itself when they are cut, and
 * what it accepts can be addressed and carried out. First byte: the mode.
 */
#include "root-partition/vm/model/decode.h"
#include <string.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

static void check_length(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
	uint8_t length, cut;

	if (decode_length(bytes, count, mode, &length) != DECODE_OK)
		return;
	CHECK(length > 0 && length <= count && length <= DECODE_MAX_BYTES);
	CHECK(decode_length(bytes, length, mode, &cut) == DECODE_OK && cut == length);
	CHECK(decode_length(bytes, length - 1, mode, &cut) == DECODE_MORE);
}

static void check_vector(const struct decode_memory *m)
{
	static uint8_t area[DECODE_XSAVE_BYTES];
	uint8_t memory[DECODE_VECTOR_BYTES] = { 0 };

	CHECK(m->reads != m->writes && m->reg < DECODE_GPRS);
	CHECK(m->bytes >= 4 && m->bytes <= DECODE_VECTOR_BYTES);
	decode_apply_vector(m, area, memory);
}

static void check_memory(const uint8_t *bytes, size_t count, enum decode_mode mode)
{
	static const uint64_t segments[DECODE_SEGMENTS] = { 1, 2, 3, 4, 5, 6 };
	uint64_t gpr[DECODE_GPRS], rflags = 2;
	struct decode_result result;
	struct decode_memory m;
	uint64_t linear;

	if (decode_memory(bytes, count, mode, &m) != DECODE_OK)
		return;
	for (unsigned int n = 0; n < DECODE_GPRS; n++)
		gpr[n] = (uint64_t)bytes[0] << 56 | n << 4;
	linear = decode_linear(&m, &m.address, gpr, segments, 0x1000);
	CHECK(mode == DECODE_64 || linear <= UINT32_MAX);
	CHECK(m.reg < DECODE_GPRS || m.reg == DECODE_NO_REGISTER);
	if (m.operation == DECODE_VECTOR) {
		check_vector(&m);
		return;
	}
	CHECK(m.reads || m.writes || m.operation == DECODE_FLUSH);
	CHECK(m.bytes == 1 || m.bytes == 2 || m.bytes == 4 || m.bytes == 8);
	decode_apply(&m, 0x8877665544332211, bytes[0], gpr, &rflags, &result);
	CHECK(m.bytes == 8 || result.memory >> 8 * m.bytes == 0);
	CHECK(m.writes || !result.writes_memory);
	CHECK(m.rep || !result.repeats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum decode_mode mode;

	if (size < 2)
		return 0;
	mode = (enum decode_mode)(data[0] % 3);
	check_length(data + 1, size - 1, mode);
	check_memory(data + 1, size - 1, mode);
	return 0;
}
