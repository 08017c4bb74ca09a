/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit numbers, masks and rounding; little-endian loads of unaligned memory. */
#ifndef VIRIDIS_BASE_BITS_H
#define VIRIDIS_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT32(n)           (UINT32_C(1) << (n))
#define BIT64(n)           (UINT64_C(1) << (n))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PAGE_SHIFT_4K 12u
#define PAGE_4K       UINT64_C(0x1000)
#define PAGE_2M       UINT64_C(0x200000)
#define PAGE_1G       UINT64_C(0x40000000)

/* A mask of `count` bits from bit `low` up; count 1..64. */
static inline uint64_t bits_mask(unsigned int low, unsigned int count)
{
	return (~UINT64_C(0) >> (64 - count)) << low;
}

static inline uint64_t bits_get(uint64_t value, unsigned int low, unsigned int count)
{
	return (value & bits_mask(low, count)) >> low;
}

/* `unit` is a power of two. */
static inline uint64_t round_down(uint64_t value, uint64_t unit)
{
	return value & ~(unit - 1);
}

/* Wraps to 0 when value is within the last unit of the address space. */
static inline uint64_t round_up(uint64_t value, uint64_t unit)
{
	return round_down(value + unit - 1, unit);
}

static inline bool is_aligned(uint64_t value, uint64_t unit)
{
	return (value & (unit - 1)) == 0;
}

/* Number of the highest set bit; value is not 0. */
static inline unsigned int highest_bit32(uint32_t value)
{
	return 31u - (unsigned int)__builtin_clz(value);
}

/* Of the lowest; likewise. */
static inline unsigned int lowest_bit32(uint32_t value)
{
	return (unsigned int)__builtin_ctz(value);
}

static inline unsigned int highest_bit64(uint64_t value)
{
	return 63u - (unsigned int)__builtin_clzll(value);
}

#endif
