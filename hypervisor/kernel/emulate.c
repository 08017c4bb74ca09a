/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruction emulation for modelled pages: emulate.h. The decoder: core/decode_access.h */
#include "hypervisor/kernel/emulate.h"
#include "hypervisor/core/decode_access.h"
#include "hypervisor/kernel/guest_memory.h"
#include "hypervisor/kernel/partition.h"

void emulate_access(struct vp *vp, uint64_t gpa, const struct emulated_page *page)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = guest_fetch(vp, bytes, sizeof(bytes));
	struct decode_access access;

	if (!decode_access(bytes, count, guest_code_bits(vp), vp->arch.gpr, &access)) {
		vp_exception(vp, EXCEPTION_UD);
		return;
	}
	vp_advance(vp, access.length);
	if (access.is_load)
		decode_load(&access, page->read(vp, gpa, access.bytes), vp->arch.gpr);
	else
		page->write(vp, gpa, access.bytes, access.value);
}
