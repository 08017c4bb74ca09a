/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes through the hypervisor's decoder: it agrees with itself when they are cut. */
#include "hypervisor/core/decode_access.h"

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t gpr[DECODE_GPRS] = { 1, 2,  3,  4,  5,  6,  7,  8,
		                      9, 10, 11, 12, 13, 14, 15, 16 };
	static const unsigned int bits[] = { 16, 32, 64 };
	uint64_t rflags = 2, result;
	struct decode_access access, cut;
	uint8_t reg, length;

	if (size < 1)
		return 0;
	const struct decode_place place = { gpr, 0x1000, bits[data[0] % 3] };

	if (decode_mov_to_cr8(data + 1, size - 1, &reg, &length))
		CHECK(reg < DECODE_GPRS && length <= DECODE_MAX_BYTES && length < size);
	if (!decode_access(data + 1, size - 1, &place, &access))
		return 0;
	CHECK(access.length <= DECODE_MAX_BYTES && access.length < size);
	CHECK(access.reg < DECODE_GPRS && access.segment <= DECODE_GS);
	CHECK(place.bits == 64 || access.offset <= UINT32_MAX);
	CHECK(!decode_access(data + 1, access.length - 1u, &place, &cut));
	CHECK(decode_access(data + 1, access.length, &place, &cut));
	CHECK(cut.offset == access.offset && cut.operand == access.operand);
	CHECK(decode_reads(&access) || decode_writes(&access));
	result = decode_carry_out(&access, 0x8877665544332211, gpr, &rflags);
	CHECK(access.bytes == 8 || result >> 8 * access.bytes == 0);
	return 0;
}
