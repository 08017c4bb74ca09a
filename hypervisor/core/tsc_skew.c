/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds on the distance of two TSCs: tsc_skew.h */
#include "hypervisor/core/tsc_skew.h"

void tsc_bounds_add(struct tsc_bounds *bounds, uint64_t before, uint64_t answer,
                    uint64_t after)
{
	int64_t low = (int64_t)(answer - after), high = (int64_t)(answer - before);

	bounds->low = low > bounds->low ? low : bounds->low;
	bounds->high = high < bounds->high ? high : bounds->high;
}

int64_t tsc_bounds_skew(const struct tsc_bounds *bounds)
{
	if (bounds->low <= 0 && bounds->high >= 0)
		return 0;
	return bounds->low + (bounds->high - bounds->low) / 2;
}
