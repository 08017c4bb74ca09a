/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * So much a second: requests, or bytes. What was not used is kept for a tenth of a second and no longer. What is
 * begun may be larger than what is left; the next one waits the longer. PURE.
 */
#ifndef VIRIDIS_VSP_STORAGE_LIMIT_H
#define VIRIDIS_VSP_STORAGE_LIMIT_H

#include <stdint.h>

struct limit {
	uint64_t per_second; /* 0: there is none; constant */
	uint64_t paid_ns;    /* what was begun is paid for by the time that ends here */
};

/* How long the next one has to wait; 0: not at all. */
uint64_t limit_wait_ns(const struct limit *limit, uint64_t now_ns);

/* It is begun. */
void limit_pay(struct limit *limit, uint64_t amount, uint64_t now_ns);

#endif
