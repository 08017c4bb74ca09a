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
	vp_post_startup(root_partition->vps[0], ROOT_LOADER_HPA / PAGE_4K);
}
