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

/* Pages of a window of ours, which nothing is mapped in at first: at PAGING_WINDOW + index * 4096, index < 512. */
#define PAGING_WINDOW UINT64_C(0x6000000000)

enum paging_rights {
	PAGING_NONE = 0,
	PAGING_READ = 1,
	PAGING_WRITE = 3,
	PAGING_USER_READ = 5,
	PAGING_USER_WRITE = 7
};

/* The page becomes a view of the one at `address`; on this VP alone are old views gone by then. */
void paging_view(unsigned int index, uint64_t address, enum paging_rights rights);

/* An address no table can map. APM2 5.3.1 */
#define PAGING_NONCANONICAL UINT64_C(0x8000000000000000)

#endif
