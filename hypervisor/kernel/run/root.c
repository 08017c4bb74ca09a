/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root partition is made of all physical memory as it is, less what would let it out. D3
 *
 *   - the hypervisor's image and reserve: absent, but for log and traces, which are read-only; else #GP
 *   - 0xfee00000-0xfeefffff: absent; the first page is the virtual APIC's, a store above is an MSI
 *   - what it may not do to devices: root_devices.c
 *
 * Tables for splitting every large page of its RAM have room in the reserve.
 */
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/kernel/run/main.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/trace.h"

#define MSI_WINDOW_START UINT64_C(0xfee00000)
#define MSI_WINDOW_END   UINT64_C(0xfef00000)
#define ROOT_WEIGHT      400 /* it serves everyone's devices */

extern const char root_loader_start[], root_loader_end[];

static void add_vp(unsigned int index)
{
	enum hv_status status = partition_add_vp(root_partition, index);
	uint64_t trace = frame_map_hpa(cpus[index]->trace);

	ASSERT(status == HV_STATUS_SUCCESS);
	cpus[index]->root_vp = partition_vp(root_partition, index);
	vp_resume(cpus[index]->root_vp, SUSPEND_EXPLICIT);
	root_map(trace, trace + TRACE_BYTES, NPT_READ);
}

void root_add_vps(void)
{
	for (unsigned int i = 1; i < cpu_count; i++)
		add_vp(i);
}

void root_map(uint64_t start, uint64_t end, uint32_t flags)
{
	enum npt_level level, largest = NPT_LEVEL_2M;

	if (flags && paging_has_1g_pages())
		largest = NPT_LEVEL_1G;
	for (uint64_t hpa = round_down(start, PAGE_4K); hpa < end;
	     hpa += npt_level_bytes(level)) {
		for (level = largest; level > NPT_LEVEL_4K; level--)
			if (is_aligned(hpa, npt_level_bytes(level)) &&
			    end - hpa >= npt_level_bytes(level))
				break;
		partition_map_root(hpa, level, flags);
	}
}

/* Once, by the root's loader, before any other code of the root's has run. */
enum hv_status hc_describe_machine(struct hypercall *call)
{
	const struct viridis_input_describe_machine *in = call->input;

	if (!call->partition->is_root || machine.cpu_count != 0)
		return HV_STATUS_ACCESS_DENIED;
	if (in->cpu_count == 0 || in->cpu_count > VIRIDIS_MACHINE_CPUS ||
	    in->ioapic_count > VIRIDIS_MACHINE_IOAPICS ||
	    in->iommu_count > VIRIDIS_MACHINE_IOMMUS || in->reserved != 0 ||
	    in->tsc_hz < VIRIDIS_MACHINE_TSC_HZ_MIN)
		return HV_STATUS_INVALID_PARAMETER;
	machine = *in;
	log_line("machine: %u CPUs, %u I/O APICs, %u IOMMUs, PM1 control %#x, S5 %#x",
	         machine.cpu_count, machine.ioapic_count, machine.iommu_count,
	         machine.pm1_control[0], machine.s5_type);
	log_warning("the root's devices can reach all memory by DMA: %s",
	            machine.iommu_count == 0 ? "no IOMMU" : "IOMMUs are not driven");
	boot_finish();
	call->settle = true;
	return HV_STATUS_SUCCESS;
}

void root_create(void)
{
	uint64_t end = UINT64_C(1) << paging_address_bits();

	frames_init();
	partition_make_root();
	root_map(0, end < NPT_GPA_LIMIT ? end : NPT_GPA_LIMIT, NPT_ALL);
	root_map(boot_image.start, boot_image.end, 0);
	root_map(boot_reserve.start, boot_reserve.end, 0);
	root_map(image_hpa(log_ring), image_hpa(log_ring) + VIRIDIS_LOG_BYTES, NPT_READ);
	root_map(MSI_WINDOW_START, MSI_WINDOW_END, 0);
	root_partition->weight = ROOT_WEIGHT;
	add_vp(0);
}

/*
 * The root's loader goes into the root's own memory, and VP 0 enters it there. All that reads a kernel's
 * image runs in the root. include/viridis/abi/root_loader.h
 */
void root_load(void)
{
	if (boot_info_find_free(&boot_info, ROOT_LOADER_END_HPA - ROOT_LOADER_HPA,
	                        PAGE_4K, ROOT_LOADER_HPA, ROOT_LOADER_END_HPA) == 0)
		panic("root: memory at %#x is not free for its loader", ROOT_LOADER_HPA);
	if (!guest_write(root_partition, ROOT_LOADER_HPA, root_loader_start,
	                 (size_t)(root_loader_end - root_loader_start)) ||
	    !guest_write(root_partition, ROOT_LOADER_HANDOFF_HPA, &boot_handoff,
	                 sizeof(boot_handoff)))
		panic("root: its loader cannot be written");
	vp_post_startup(root_partition->vps[0], ROOT_LOADER_HPA / PAGE_4K);
}

_Noreturn void root_ended(const char *why)
{
	log_error("root: %s; the machine ends here", why);
	if (machine.reset_port)
		cpu_outb(machine.reset_port, machine.reset_value);
	cpu_outb(0xcf9, 0x06);
	cpu_outb(0x64, 0xfe);
	panic("the machine does not reset");
}
