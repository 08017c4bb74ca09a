/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's registers that live in the VMCB, by their TLFS names. */
#include "hypervisor/arch/x86/svm/svm.h"
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/cpu.h"

#define SAVE_OFFSET(field) __builtin_offsetof(struct vmcb, save.field)

/* 64-bit registers that are stored as they are. */
static const struct plain_register {
	uint32_t name;
	uint16_t offset;
} plain_registers[] = {
	{ HV_X64_REGISTER_CR0, SAVE_OFFSET(cr0) },
	{ HV_X64_REGISTER_CR2, SAVE_OFFSET(cr2) },
	{ HV_X64_REGISTER_CR3, SAVE_OFFSET(cr3) },
	{ HV_X64_REGISTER_DR6, SAVE_OFFSET(dr6) },
	{ HV_X64_REGISTER_DR7, SAVE_OFFSET(dr7) },
	{ HV_X64_REGISTER_KERNEL_GS_BASE, SAVE_OFFSET(kernel_gs_base) },
	{ HV_X64_REGISTER_PAT, SAVE_OFFSET(pat) },
	{ HV_X64_REGISTER_SYSENTER_CS, SAVE_OFFSET(sysenter_cs) },
	{ HV_X64_REGISTER_SYSENTER_EIP, SAVE_OFFSET(sysenter_eip) },
	{ HV_X64_REGISTER_SYSENTER_ESP, SAVE_OFFSET(sysenter_esp) },
	{ HV_X64_REGISTER_STAR, SAVE_OFFSET(star) },
	{ HV_X64_REGISTER_LSTAR, SAVE_OFFSET(lstar) },
	{ HV_X64_REGISTER_CSTAR, SAVE_OFFSET(cstar) },
	{ HV_X64_REGISTER_SFMASK, SAVE_OFFSET(sfmask) },
};

/* HV_X64_REGISTER_ES .. TR in the order of their names. */
static const uint16_t segment_offsets[] = {
	SAVE_OFFSET(es), SAVE_OFFSET(cs), SAVE_OFFSET(ss),   SAVE_OFFSET(ds),
	SAVE_OFFSET(fs), SAVE_OFFSET(gs), SAVE_OFFSET(ldtr), SAVE_OFFSET(tr),
};

static uint64_t *plain_register(const struct vp *vp, uint32_t name)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(plain_registers); i++) {
		if (plain_registers[i].name == name)
			return (uint64_t *)((char *)vp->arch.control +
			                    plain_registers[i].offset);
	}
	return NULL;
}

static struct vmcb_segment *segment_register(const struct vp *vp, uint32_t name)
{
	if (name < HV_X64_REGISTER_ES || name > HV_X64_REGISTER_TR)
		return NULL;
	return (struct vmcb_segment *)((char *)vp->arch.control +
	                               segment_offsets[name - HV_X64_REGISTER_ES]);
}

static struct vmcb_segment *table_register(const struct vp *vp, uint32_t name)
{
	struct vmcb_save *save = &svm_vmcb(vp)->save;

	if (name == HV_X64_REGISTER_GDTR)
		return &save->gdtr;
	return name == HV_X64_REGISTER_IDTR ? &save->idtr : NULL;
}

/* TLFS attributes have a gap at 11:8 that the VMCB's do not. APM2 15.5.1 */
static uint16_t attributes_to_vmcb(uint16_t attributes)
{
	return (uint16_t)((attributes & 0xff) | (attributes >> 4 & 0xf00));
}

static uint16_t attributes_from_vmcb(uint16_t attributes)
{
	return (uint16_t)((attributes & 0xff) | (attributes & 0xf00) << 4);
}

static uint64_t guest_cr4(const struct vp *vp)
{
	return svm_vmcb(vp)->save.cr4 & ~(vp->arch.mce_withheld ? UINT64_C(CR4_MCE) : 0);
}

static uint64_t guest_efer(const struct vp *vp)
{
	return (svm_vmcb(vp)->save.efer & ~(uint64_t)EFER_SVME) |
	       (vp->arch.lme_withheld ? EFER_LME : 0);
}

/*
 * SVME must stay set while a guest runs. APM2 15.5.1. LME without PAE means nothing to a processor without
 * paging, but at an exit from this state TCG leaves the guest's CR0 in force, and with it the
 * hypervisor without paging: LME is withheld until PAE comes, which is why MOV to CR4 exits. MCE is set
 * whatever the guest says: a machine check is the host's, and without MCE it would be a shutdown.
 */
static void store_mode(struct vp *vp, uint64_t cr4, uint64_t efer)
{
	struct vmcb_save *save = &svm_vmcb(vp)->save;

	vp->arch.lme_withheld = (efer & EFER_LME) && !(cr4 & CR4_PAE);
	if (vp->arch.lme_withheld)
		efer &= ~(uint64_t)EFER_LME;
	vp->arch.mce_withheld = !(cr4 & CR4_MCE);
	save->cr4 = cr4 | CR4_MCE;
	save->efer = efer | EFER_SVME;
	vp->arch.tag_generation = 0;
}

bool svm_write_cr4(struct vp *vp, uint64_t value)
{
	uint64_t efer = guest_efer(vp);

	if ((value & ~context_cr4_allowed) || ((efer & EFER_LMA) && !(value & CR4_PAE)))
		return false;
	store_mode(vp, value, efer);
	return true;
}

enum hv_status svm_get_register(const struct vp *vp, uint32_t name,
                                union hv_register_value *value)
{
	const struct vmcb_segment *segment = segment_register(vp, name), *table;
	const uint64_t *plain;

	if (segment) {
		value->segment = (struct hv_x64_segment_register){
			.base = segment->base,
			.limit = segment->limit,
			.selector = segment->selector,
			.attributes = attributes_from_vmcb(segment->attributes),
		};
	} else if ((plain = plain_register(vp, name)) != NULL) {
		value->reg64 = *plain;
	} else if ((table = table_register(vp, name)) != NULL) {
		value->table =
			(struct hv_x64_table_register){ .limit = (uint16_t)table->limit,
			                                .base = table->base };
	} else if (name == HV_X64_REGISTER_CR4) {
		value->reg64 = guest_cr4(vp);
	} else if (name == HV_X64_REGISTER_EFER) {
		value->reg64 = guest_efer(vp);
	} else {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

/* CPL is SS.DPL; the processor reads its own field. TCG derives it from SS. */
static void set_segment(struct vp *vp, uint32_t name,
                        const struct hv_x64_segment_register *from)
{
	struct vmcb_segment *segment = segment_register(vp, name);

	segment->base = from->base;
	segment->limit = from->limit;
	segment->selector = from->selector;
	segment->attributes = attributes_to_vmcb(from->attributes);
	if (name == HV_X64_REGISTER_SS)
		svm_vmcb(vp)->save.cpl = segment->attributes >> 5 & 3;
}

enum hv_status svm_set_register(struct vp *vp, uint32_t name,
                                const union hv_register_value *value)
{
	uint64_t *plain = plain_register(vp, name);
	struct vmcb_segment *table = table_register(vp, name);

	if (plain) {
		*plain = value->reg64;
		/* A new address space or new rules for it: old translations must go. */
		vp->arch.tag_generation = 0;
	} else if (segment_register(vp, name)) {
		set_segment(vp, name, &value->segment);
	} else if (table) {
		table->limit = value->table.limit;
		table->base = value->table.base;
	} else if (name == HV_X64_REGISTER_CR4) {
		store_mode(vp, value->reg64, guest_efer(vp));
	} else if (name == HV_X64_REGISTER_EFER) {
		store_mode(vp, guest_cr4(vp), value->reg64);
	} else {
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

static void reset_segments(struct vmcb_save *save)
{
	const struct vmcb_segment data = { 0, 0x93, 0xffff, 0 };

	save->cs = (struct vmcb_segment){ 0xf000, 0x9b, 0xffff, 0xffff0000 };
	save->ss = save->ds = save->es = save->fs = save->gs = data;
	save->ldtr = (struct vmcb_segment){ 0, 0x82, 0xffff, 0 };
	save->tr = (struct vmcb_segment){ 0, 0x8b, 0xffff, 0 };
	save->gdtr = save->idtr = (struct vmcb_segment){ 0, 0, 0xffff, 0 };
	save->cpl = 0;
}

void svm_vp_reset(struct vp *vp)
{
	struct vmcb_save *save = &svm_vmcb(vp)->save;
	struct vp_arch *arch = &vp->arch;

	for (unsigned int i = 0; i < GPR_COUNT; i++)
		arch->gpr[i] = 0;
	arch->rip = 0xfff0;
	arch->rflags = RFLAGS_FIXED;
	arch->interrupt_shadow = false;
	reset_segments(save);
	store_mode(vp, 0, 0);
	save->cr0 = CR0_ET | CR0_CD | CR0_NW;
	save->cr2 = save->cr3 = 0;
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	save->pat = UINT64_C(0x0007040600070406);
}
