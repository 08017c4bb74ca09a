/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bucket that is told by the time at which it will be full again. */
#include "vsp/storage/core/limit.h"

#define SECOND_NS UINT64_C(1000000000)
#define BURST_NS  (SECOND_NS / 10)

uint64_t limit_wait_ns(const struct limit *limit, uint64_t now_ns)
{
	uint64_t free_ns = limit->paid_ns < BURST_NS ? 0 : limit->paid_ns - BURST_NS;

	return limit->per_second == 0 || free_ns <= now_ns ? 0 : free_ns - now_ns;
}

/* Nothing overflows: a rate is below 2^34 (limits above are none to any disk), and an amount at most 2 GiB. */
void limit_pay(struct limit *limit, uint64_t amount, uint64_t now_ns)
{
	if (limit->per_second == 0)
		return;
	if (limit->paid_ns < now_ns)
		limit->paid_ns = now_ns;
	limit->paid_ns += amount / limit->per_second * SECOND_NS +
	                  amount % limit->per_second * SECOND_NS / limit->per_second;
}
