/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's stock of pages for deposits. */
#include "tests/guest/partition.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"

#define STOCK_MAX 1024u
#define STEP      64u
#define PATTERN   0x3c

static uint64_t stock[STOCK_MAX]; /* PFNs in hand */
static unsigned int in_hand;
static uint64_t lent; /* pages the hypervisor has */

void stock_deposit(uint64_t id, unsigned int count)
{
	while (count) {
		unsigned int step = count < STEP ? count : STEP;
		unsigned int done;
		enum hv_status status;

		while (in_hand < step)
			stock[in_hand++] = (uint64_t)pages_take(1) >> PAGE_SHIFT_4K;
		for (unsigned int i = in_hand - step; i < in_hand; i++)
			memset((void *)(stock[i] << PAGE_SHIFT_4K), PATTERN, PAGE_4K);
		status = memory_deposit(id, &stock[in_hand - step], step, &done);
		if (status != HV_STATUS_SUCCESS || done != step)
			bail_out("deposit: status %x after %u of %u pages", status, done,
			         step);
		in_hand -= step;
		lent += step;
		count -= step;
	}
}

static bool is_wiped(uint64_t pfn)
{
	const uint64_t *page = (const uint64_t *)(pfn << PAGE_SHIFT_4K);

	for (unsigned int i = 0; i < PAGE_4K / sizeof(*page); i++)
		if (page[i] != 0)
			return false;
	return true;
}

bool stock_withdraw(uint64_t id, unsigned int *count)
{
	bool good = true;
	unsigned int done;

	*count = 0;
	do {
		uint64_t pfns[STEP];
		enum hv_status status = memory_withdraw(id, pfns, STEP, &done);

		if (status != HV_STATUS_SUCCESS && status != HV_STATUS_NO_RESOURCES)
			bail_out("withdraw: status %x", status);
		for (unsigned int i = 0; i < done; i++) {
			good &= lent > 0 && is_wiped(pfns[i]);
			lent -= lent > 0;
			if (in_hand < STOCK_MAX)
				stock[in_hand++] = pfns[i];
		}
		*count += done;
	} while (done);
	return good;
}
