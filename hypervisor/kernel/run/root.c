/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root's machine: all of physical memory as it is, less what would let it out. D3
 *
 *   - the hypervisor's image and reserve, and IOMMU registers: absent; touching them is #GP
 *   - 0xfee00000-0xfeefffff: absent; the first page is the virtual APIC's, a store above is an MSI
 *   - IOAPICs: read-only; each write passes core/ioapic_guard
 *   - PM1 control ports: S5 is obeyed, any other sleep refused
 *
 * Tables for splitting every large page of its RAM have room in the reserve.
 */
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/core/ioapic_guard.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/guest_memory.h"
#include "hypervisor/kernel/guest/hypercall.h"
#include "hypervisor/kernel/objects/partition.h"

#define MSI_WINDOW_START      UINT64_C(0xfee00000)
#define MSI_WINDOW_END        UINT64_C(0xfef00000)
#define ROOT_WEIGHT           400 /* it serves everyone's devices */
#define PM1_SLEEP_ENABLE      BIT32(13)
#define PM1_SLEEP_TYPE(value) ((value) >> 10 & 7)

extern const char root_loader_start[], root_loader_end[];

static struct guarded_ioapic {
	struct ioapic_guard guard;
	volatile uint32_t *registers;
	uint64_t hpa;
} ioapics[VIRIDIS_MACHINE_IOAPICS];
static struct spinlock ioapic_lock =
	SPINLOCK(LOCK_POOL); /* held across guard and write */

static void add_vp(unsigned int index)
{
	enum hv_status status = partition_add_vp(root_partition, index);

	ASSERT(status == HV_STATUS_SUCCESS);
	cpus[index]->root_vp = partition_vp(root_partition, index);
	vp_resume(cpus[index]->root_vp, SUSPEND_EXPLICIT);
}

void root_add_vps(void)
{
	for (unsigned int i = 1; i < cpu_count; i++)
		add_vp(i);
}

static void map_all(void)
{
	enum npt_level level = paging_has_1g_pages() ? NPT_LEVEL_1G : NPT_LEVEL_2M;
	uint64_t end = UINT64_C(1) << paging_address_bits();

	if (end > NPT_GPA_LIMIT)
		end = NPT_GPA_LIMIT;
	for (uint64_t hpa = 0; hpa < end; hpa += npt_level_bytes(level))
		partition_map_root(hpa, level, NPT_ALL);
}

static void hide(uint64_t start, uint64_t end)
{
	enum npt_level level;

	for (uint64_t hpa = round_down(start, PAGE_4K); hpa < end;
	     hpa += npt_level_bytes(level)) {
		level = is_aligned(hpa, PAGE_2M) && end - hpa >= PAGE_2M ? NPT_LEVEL_2M :
		                                                           NPT_LEVEL_4K;
		partition_map_root(hpa, level, 0);
	}
}

static void guard_ioapic(unsigned int index)
{
	struct guarded_ioapic *ioapic = &ioapics[index];

	ioapic->hpa = machine.ioapic_hpa[index];
	ioapic->registers = mmio_map(ioapic->hpa);
	ioapic->registers[0] = IOAPIC_REGISTER_VERSION;
	ioapic_guard_init(&ioapic->guard, ioapic->registers[IOAPIC_WINDOW / 4]);
	ioapic->registers[0] = 0; /* and of the entries the loader has left none */
	partition_map_root(round_down(ioapic->hpa, PAGE_4K), NPT_LEVEL_4K, NPT_READ);
}

void root_guard_devices(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(machine.pm1_control); i++)
		if (machine.pm1_control[i])
			virt->intercept_root_ports(machine.pm1_control[i], 2);
	for (unsigned int i = 0; i < machine.iommu_count; i++)
		hide(machine.iommu[i].hpa, machine.iommu[i].hpa + machine.iommu[i].bytes);
	for (unsigned int i = 0; i < machine.ioapic_count; i++)
		guard_ioapic(i);
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
	frames_init();
	partition_make_root();
	map_all();
	hide(boot_image.start, boot_image.end);
	hide(boot_reserve.start, boot_reserve.end);
	hide(MSI_WINDOW_START, MSI_WINDOW_END);
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

/* S5 is what the root wants when it powers off; S1-S4 would resume it outside the hypervisor. */
static void pm1_write(struct vp *vp, uint16_t port, uint32_t value)
{
	bool sleeps = (value & PM1_SLEEP_ENABLE) != 0;

	if (sleeps && PM1_SLEEP_TYPE(value) != machine.s5_type) {
		log_limited("root vp%u: sleep type %u refused", vp->index,
		            PM1_SLEEP_TYPE(value));
		return;
	}
	if (sleeps)
		log_line("root: powers the machine off");
	cpu_outw(port, (uint16_t)value);
}

void root_io(struct vp *vp, const struct exit_port *exit)
{
	uint64_t *rax = &vp->arch.gpr[GPR_RAX];

	if (exit->string || exit->bytes != 2 ||
	    (exit->port != machine.pm1_control[0] &&
	     exit->port != machine.pm1_control[1])) {
		log_limited("root vp%u: odd access of %u bytes to port %#x refused",
		            vp->index, exit->bytes, exit->port);
		if (exit->in)
			*rax |= exit->bytes == 4 ? UINT32_MAX :
			                           bits_mask(0, 8u * exit->bytes);
	} else if (exit->in) {
		*rax = (*rax & ~UINT64_C(0xffff)) | cpu_inw(exit->port);
	} else {
		pm1_write(vp, exit->port, (uint16_t)*rax);
	}
	vp_advance(vp);
}

static struct guarded_ioapic *find_ioapic(uint64_t gpa)
{
	for (unsigned int i = 0; i < machine.ioapic_count; i++) {
		if (round_down(ioapics[i].hpa, PAGE_4K) == round_down(gpa, PAGE_4K))
			return &ioapics[i];
	}
	return NULL;
}

static uint64_t ioapic_read(struct vp *vp, uint64_t gpa, unsigned int bytes)
{
	const struct guarded_ioapic *ioapic = find_ioapic(gpa);

	(void)vp, (void)bytes; /* the device answers aligned dwords */
	return ioapic->registers[(gpa - ioapic->hpa) / 4];
}

static void ioapic_write(struct vp *vp, uint64_t gpa, unsigned int bytes, uint64_t value)
{
	struct guarded_ioapic *ioapic = find_ioapic(gpa);
	uint32_t offset = (uint32_t)(gpa - ioapic->hpa), allowed = (uint32_t)value;
	enum ioapic_verdict verdict;

	SPIN_HOLD(&ioapic_lock);
	verdict = ioapic_guard_write(&ioapic->guard, offset, bytes, &allowed);
	if (verdict == IOAPIC_PASSED || verdict == IOAPIC_FORCED_MASKED)
		ioapic->registers[offset / 4] = allowed;
	if (verdict == IOAPIC_FORCED_MASKED || verdict == IOAPIC_REFUSED)
		log_limited("root vp%u: IOAPIC write of %#x at %#lx refused", vp->index,
		            (uint32_t)value, gpa);
}

void root_fault(struct vp *vp, const struct exit_fault *exit)
{
	const struct emulated_page page = { .read = ioapic_read, .write = ioapic_write };

	if (exit->write && find_ioapic(exit->gpa)) {
		emulate_access(vp, exit->gpa, &page);
		return;
	}
	log_limited("root vp%u: %s of %#lx at rip %#lx refused", vp->index,
	            exit->write ? "write" : "read", exit->gpa, vp->arch.rip);
	vp_exception(vp, EXCEPTION_GP);
}
