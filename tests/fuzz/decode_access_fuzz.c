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
	struct decode_access access, cut;
	struct decode_mov_cr move;

	if (size < 1)
		return 0;
	const unsigned int code = bits[data[0] % 3];

	if (decode_mov_cr(data + 1, size - 1, data[0] & 8, &move))
		CHECK(move.gpr < DECODE_GPRS && move.length <= DECODE_MAX_BYTES &&
		      move.length < size);
	if (!decode_access(data + 1, size - 1, code, gpr, &access))
		return 0;
	CHECK(access.length <= DECODE_MAX_BYTES && access.length < size);
	CHECK(access.reg < DECODE_GPRS);
	CHECK(!decode_access(data + 1, access.length - 1u, code, gpr, &cut));
	CHECK(decode_access(data + 1, access.length, code, gpr, &cut));
	CHECK(cut.value == access.value && cut.bytes == access.bytes);
	CHECK(access.bytes == 8 || access.value >> 8 * access.bytes == 0);
	decode_load(&access, 0x8877665544332211, gpr);
	CHECK(access.bytes != 8 || gpr[access.reg] == 0x8877665544332211);
	CHECK(access.bytes != 4 || gpr[access.reg] == 0x44332211);
	return 0;
}
