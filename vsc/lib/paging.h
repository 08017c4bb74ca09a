/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own page tables: the low 4 GiB identity-mapped, for every privilege level. */
#ifndef VSC_LIB_PAGING_H
#define VSC_LIB_PAGING_H

#include <stdint.h>

void paging_init(void);

/* The CR3 every VP uses; below 4 GiB. */
uint64_t paging_root(void);

/* An address of the lower half that nothing is mapped at. */
#define PAGING_UNMAPPED UINT64_C(0x4000000000)

/* An address no table can map. APM2 5.3.1 */
#define PAGING_NONCANONICAL UINT64_C(0x8000000000000000)

#endif
