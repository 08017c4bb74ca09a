/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far apart are two processors' time stamp counters? In each round the first reads its own, the other
 * answers with its own, and the first reads again. If the two count alike, the answer lies between the
 * readings around it; so each round bounds by how much the other's is ahead, and all rounds hold.
 */
#pragma once

#include <stdint.h>

/* The other's TSC is ahead by `low` to `high` ticks. */
struct tsc_bounds {
	int64_t low, high;
};
#define TSC_BOUNDS_NONE ((struct tsc_bounds){ INT64_MIN, INT64_MAX })

/* Another round; `before` and `after` are less than 2^62 from the answer. */
void tsc_bounds_add(struct tsc_bounds *bounds, uint64_t before, uint64_t answer,
                    uint64_t after);

/* By how much it is ahead, to half the bounds' distance; 0: the rounds found none, they count together. */
int64_t tsc_bounds_skew(const struct tsc_bounds *bounds);

/* From a reading (or an offset) of the processor that is ahead by `skew` to the first one's, and back. */
static inline uint64_t tsc_to_first(uint64_t ticks, int64_t skew)
{
	return ticks - (uint64_t)skew;
}

static inline uint64_t tsc_from_first(uint64_t ticks, int64_t skew)
{
	return ticks + (uint64_t)skew;
}
