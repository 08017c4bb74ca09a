/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruction emulation for modelled pages: emulate.h. The decoder: core/decode_access.h */
#include "hypervisor/kernel/emulate.h"
#include "hypervisor/core/decode_access.h"
#include "hypervisor/kernel/guest_memory.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/vp_register.h"

/* The instruction's own address must be the one that faulted: the bytes may have changed since. */
static bool address_agrees(const struct vp *vp, const struct decode_access *access,
                           unsigned int bits, uint64_t gpa)
{
	uint32_t segment = HV_X64_REGISTER_ES + access->segment;
	uint64_t linear = access->offset, found;

	/* Bases other than those of FS and GS count as 0 in 64-bit mode. APM2 4.5.3 */
	if (bits != 64)
		linear = (uint32_t)(linear + vp_register(vp, segment).segment.base);
	else if (access->segment >= DECODE_FS)
		linear += vp_register(vp, segment).segment.base;
	return guest_translate(vp, linear, HV_TRANSLATE_PRIVILEGE_EXEMPT, &found) ==
	               HV_TRANSLATE_SUCCESS &&
	       found == gpa;
}

void emulate_access(struct vp *vp, uint64_t gpa, const struct emulated_page *page)
{
	const struct decode_place place = { vp->arch.gpr, vp->arch.rip,
		                            guest_code_bits(vp) };
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = guest_fetch(vp, bytes, sizeof(bytes));
	struct decode_access access;
	uint64_t value = 0;

	if (!decode_access(bytes, count, &place, &access) ||
	    !address_agrees(vp, &access, place.bits, gpa)) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	if (decode_reads(&access))
		value = page->read(vp, gpa, access.bytes);
	value = decode_carry_out(&access, value, vp->arch.gpr, &vp->arch.rflags);
	vp_advance(vp, access.length);
	if (decode_writes(&access))
		page->write(vp, gpa, access.bytes, value);
}
