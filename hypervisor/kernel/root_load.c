/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting the root: its loader goes into the root's own memory, and VP 0 enters it there. All that
 * reads a kernel's image runs in the root. include/viridis/abi/root_loader.h
 */
#include <viridis/abi/root_loader.h>
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/boot_info.h"
#include "hypervisor/kernel/guest_memory.h"
#include "hypervisor/kernel/log.h"
#include "hypervisor/kernel/partition.h"
#include "hypervisor/kernel/root.h"

extern const char root_loader_start[], root_loader_end[];

static void set(struct vp *vp, uint32_t name, union hv_register_value value)
{
	enum hv_status status = virt->set_register(vp, name, &value);

	ASSERT(status == HV_STATUS_SUCCESS);
}

static void set_segment(struct vp *vp, uint32_t name, uint16_t attributes)
{
	set(vp, name,
	    (union hv_register_value){
		    .segment = { .limit = UINT32_MAX, .attributes = attributes } });
}

/* Flat 32-bit protected mode, paging off. */
static void set_entry_state(struct vp *vp)
{
	set(vp, HV_X64_REGISTER_CR0,
	    (union hv_register_value){ .reg64 = CR0_PE | CR0_ET });
	for (uint32_t name = HV_X64_REGISTER_ES; name <= HV_X64_REGISTER_GS; name++)
		set_segment(vp, name, 0xc093);
	set_segment(vp, HV_X64_REGISTER_CS, 0xc09b);
	vp->arch.rip = ROOT_LOADER_HPA;
}

static void copy_to_root(uint64_t hpa, const void *from, size_t bytes)
{
	if (!guest_write(root_partition, hpa, from, bytes))
		panic("root: no memory at %#lx for its loader", hpa);
}

void root_load(void)
{
	if (boot_info_find_free(&boot_info, ROOT_LOADER_END_HPA - ROOT_LOADER_HPA,
	                        PAGE_4K, ROOT_LOADER_HPA, ROOT_LOADER_END_HPA) == 0)
		panic("root: memory at %#x is not free for its loader", ROOT_LOADER_HPA);
	copy_to_root(ROOT_LOADER_HPA, root_loader_start,
	             (size_t)(root_loader_end - root_loader_start));
	copy_to_root(ROOT_LOADER_HANDOFF_HPA, &boot_handoff, sizeof(boot_handoff));
	set_entry_state(root_partition->vps[0]);
}
