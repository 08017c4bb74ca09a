/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VP's own page tables, walked for its VMM. PURE: the caller reads the child's memory. Accessed and dirty bits are
 * not set. APM2 5.2, 5.3
 */
#ifndef VIRIDIS_KMOD_CORE_GUEST_WALK_H
#define VIRIDIS_KMOD_CORE_GUEST_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/assert.h>

/* An entry of a table, 4 or 8 bytes, aligned to that. False: the child has no memory there. */
typedef bool guest_walk_read(void *context, uint64_t gpa, void *to, size_t bytes);

struct guest_walk {
	uint64_t cr0, cr3, cr4, efer;
	bool user; /* it runs at CPL 3 */
	guest_walk_read *read;
	void *context;
};

/* access: HV_TRANSLATE_* bits READ, WRITE, EXECUTE, PRIVILEGE_EXEMPT. *gpa: only with SUCCESS. */
MUST_CHECK enum hv_translate_code guest_walk(const struct guest_walk *walk, uint64_t gva,
                                             uint64_t access, uint64_t *gpa);

#endif
