/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the root may not do to the machine's devices, which are its own otherwise. D3
 *
 *   - IOMMUs' registers: absent from its tables
 *   - IOAPICs: read-only; each write passes core/ioapic_guard
 *   - PM1 control ports: S5 is obeyed, any other sleep refused
 */
#include "hypervisor/kernel/run/root_devices.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/core/ioapic_guard.h"
#include "hypervisor/kernel/base/boot_info.h"
#include "hypervisor/kernel/objects/guest_view.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/run/root.h"

#define PM1_SLEEP_ENABLE      BIT32(13)
#define PM1_SLEEP_TYPE(value) ((value) >> 10 & 7)

static struct guarded_ioapic {
	struct ioapic_guard guard;
	volatile uint32_t *registers;
	uint64_t hpa;
} ioapics[VIRIDIS_MACHINE_IOAPICS];
static struct spinlock ioapic_lock =
	SPINLOCK(LOCK_POOL); /* held across guard and write */

static void guard_ioapic(unsigned int index)
{
	struct guarded_ioapic *ioapic = &ioapics[index];

	ioapic->hpa = machine.ioapic_hpa[index];
	ioapic->registers = mmio_map(ioapic->hpa);
	ioapic->registers[0] = IOAPIC_REGISTER_VERSION;
	ioapic_guard_init(&ioapic->guard, ioapic->registers[IOAPIC_WINDOW / 4]);
	ioapic->registers[0] = 0; /* and of the entries the loader has left none */
	root_map(ioapic->hpa, ioapic->hpa + 1, NPT_READ);
}

void root_devices_guard(void)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(machine.pm1_control); i++)
		if (machine.pm1_control[i])
			virt->intercept_root_ports(machine.pm1_control[i], 2);
	for (unsigned int i = 0; i < machine.iommu_count; i++)
		root_map(machine.iommu[i].hpa,
		         machine.iommu[i].hpa + machine.iommu[i].bytes, 0);
	for (unsigned int i = 0; i < machine.ioapic_count; i++)
		guard_ioapic(i);
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

void root_devices_io(struct vp *vp, const struct exit_port *exit)
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

static void ioapic_write(struct vp *vp, struct guarded_ioapic *ioapic, uint64_t gpa,
                         const struct decode_access *access)
{
	uint32_t offset = (uint32_t)(gpa - ioapic->hpa),
		 allowed = (uint32_t)access->value;
	enum ioapic_verdict verdict;

	SPIN_HOLD(&ioapic_lock);
	verdict = ioapic_guard_write(&ioapic->guard, offset, access->bytes, &allowed);
	if (verdict == IOAPIC_PASSED || verdict == IOAPIC_FORCED_MASKED)
		ioapic->registers[offset / 4] = allowed;
	if (verdict == IOAPIC_FORCED_MASKED || verdict == IOAPIC_REFUSED)
		log_limited("root vp%u: IOAPIC write of %#x at %#lx refused", vp->index,
		            (uint32_t)access->value, gpa);
}

/* Reads do not fault: a load that is found now has been put where the store was, and loads nothing. */
void root_devices_fault(struct vp *vp, const struct exit_fault *exit)
{
	struct guarded_ioapic *ioapic = exit->write ? find_ioapic(exit->gpa) : NULL;
	struct decode_access access;

	if (!ioapic) {
		log_limited("root vp%u: %s of %#lx at rip %#lx refused", vp->index,
		            exit->write ? "write" : "read", exit->gpa, vp->arch.rip);
		vp_exception(vp, EXCEPTION_GP);
	} else if (guest_decode_access(vp, &access) && !access.is_load) {
		ioapic_write(vp, ioapic, exit->gpa, &access);
	}
}
