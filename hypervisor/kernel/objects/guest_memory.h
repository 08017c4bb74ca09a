/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short copies from and to guest memory, through this CPU's windows; and instructions. Every byte is fetched once. A
 * page is looked up and used between two quiescent points, so that it cannot change hands meanwhile.
 */
#ifndef VIRIDIS_KERNEL_GUEST_MEMORY_H
#define VIRIDIS_KERNEL_GUEST_MEMORY_H

#include <viridis/abi/hv_hypercall.h>

struct partition;
struct vp;

/* RAM only. False: some page is not mapped, not RAM, or not writable; nothing or a part was copied. */
bool guest_read(const struct partition *partition, uint64_t gpa, void *to,
                size_t bytes) MUST_CHECK;
bool guest_write(const struct partition *partition, uint64_t gpa, const void *from,
                 size_t bytes) MUST_CHECK;

/*
 * Walk the VP's own page tables. access: HV_TRANSLATE_* bits READ, WRITE, EXECUTE, PRIVILEGE_EXEMPT.
 * Accessed and dirty bits are not set.
 */
enum hv_translate_code guest_translate(const struct vp *vp, uint64_t gva, uint64_t access,
                                       uint64_t *gpa) MUST_CHECK;

/* Of 48 bits or, with five levels of tables, 57, sign-extended. APM2 1.1.3 */
bool guest_is_canonical(uint64_t gva, unsigned int levels);

/* Of the code the VP runs: 16, 32 or 64. */
unsigned int guest_code_bits(const struct vp *vp);

/* Up to `max` instruction bytes at CS:RIP; returns how many could be had. */
size_t guest_fetch(const struct vp *vp, uint8_t *to, size_t max);

/*
 * Carry out an instruction that touched a page the hypervisor models: the virtual APIC's page, and
 * the root's IOAPICs. Everything else is left to the parent. The instruction at RIP faulted at
 * `gpa`. What we cannot decode raises #UD in the guest.
 */
struct emulated_page {
	uint64_t (*read)(struct vp *vp, uint64_t gpa, unsigned int bytes);
	void (*write)(struct vp *vp, uint64_t gpa, unsigned int bytes, uint64_t value);
};
void emulate_access(struct vp *vp, uint64_t gpa, const struct emulated_page *page);

#endif
