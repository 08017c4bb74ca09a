/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's registers that live in the VMCB, by their TLFS names. */
#include "hypervisor/arch/x86/svm/registers.h"
#include "hypervisor/arch/x86/context.h"

#define SAVE(field) __builtin_offsetof(struct vmcb, save.field)

enum shape { PLAIN, SEGMENT, TABLE };

/* One, or several that follow each other in the VMCB as their names do. */
static const struct place {
	uint32_t name;
	uint8_t count, shape;
	uint16_t offset;
} places[] = {
	{ HV_X64_REGISTER_ES, 6, SEGMENT, SAVE(es) }, /* to GS */
	{ HV_X64_REGISTER_CR0, 1, PLAIN, SAVE(cr0) },
	{ HV_X64_REGISTER_EFER, 1, PLAIN, SAVE(efer) },
	{ HV_X64_REGISTER_CR3, 1, PLAIN, SAVE(cr3) },
	{ HV_X64_REGISTER_CR4, 1, PLAIN, SAVE(cr4) },
	{ HV_X64_REGISTER_DR7, 1, PLAIN, SAVE(dr7) },
	{ HV_X64_REGISTER_CR2, 1, PLAIN, SAVE(cr2) },
	{ HV_X64_REGISTER_LDTR, 1, SEGMENT, SAVE(ldtr) },
	{ HV_X64_REGISTER_TR, 1, SEGMENT, SAVE(tr) },
	{ HV_X64_REGISTER_GDTR, 1, TABLE, SAVE(gdtr) },
	{ HV_X64_REGISTER_IDTR, 1, TABLE, SAVE(idtr) },
	{ HV_X64_REGISTER_DR6, 1, PLAIN, SAVE(dr6) },
	{ HV_X64_REGISTER_PAT, 1, PLAIN, SAVE(pat) },
	{ HV_X64_REGISTER_KERNEL_GS_BASE, 1, PLAIN, SAVE(kernel_gs_base) },
	{ HV_X64_REGISTER_SYSENTER_CS, 1, PLAIN, SAVE(sysenter_cs) },
	{ HV_X64_REGISTER_SYSENTER_EIP, 1, PLAIN, SAVE(sysenter_eip) },
	{ HV_X64_REGISTER_SYSENTER_ESP, 1, PLAIN, SAVE(sysenter_esp) },
	{ HV_X64_REGISTER_STAR, 4, PLAIN, SAVE(star) }, /* to SFMASK */
};

static const struct place *find_place(uint32_t name)
{
	const struct place *place = places;

	while (name - place->name >= place->count)
		if (++place == places + ARRAY_COUNT(places))
			panic("svm: no register %#x", name);
	return place;
}

static void *content_of(const struct vp *vp, const struct place *place, uint32_t name)
{
	size_t bytes = place->shape == PLAIN ? 8 : sizeof(struct vmcb_segment);

	return (char *)vp->arch.control + place->offset + (name - place->name) * bytes;
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
	return svm_vmcb(vp)->save.cr4 & ~(vp->arch.mce_withheld ? (uint64_t)CR4_MCE : 0);
}

static uint64_t guest_efer(const struct vp *vp)
{
	return (svm_vmcb(vp)->save.efer & ~(uint64_t)EFER_SVME) |
	       (vp->arch.lme_withheld ? EFER_LME : 0);
}

/*
 * With the CR0 that is stored, always a combination that VMRUN takes: a parent may set the three in any
 * order. APM2 15.5.1. SVME must stay set while a guest runs. LME is withheld until PAE comes, which is why
 * MOV to CR4 exits: with paging the two would be refused, and without it TCG leaves the guest's CR0 in force
 * at the next exit, and with it the hypervisor without paging. LMA is what the processor makes of LME and
 * paging. MCE is set whatever the guest says: a machine check is the host's, and without MCE it would be a
 * shutdown.
 */
static void store_mode(struct vp *vp, uint64_t cr4, uint64_t efer)
{
	struct vmcb_save *save = &svm_vmcb(vp)->save;

	vp->arch.lme_withheld = (efer & EFER_LME) && !(cr4 & CR4_PAE);
	vp->arch.mce_withheld = !(cr4 & CR4_MCE);
	efer &= ~(uint64_t)(vp->arch.lme_withheld ? EFER_LMA | EFER_LME : EFER_LMA);
	if ((efer & EFER_LME) && (save->cr0 & CR0_PG))
		efer |= EFER_LMA;
	save->cr4 = cr4 | CR4_MCE;
	save->efer = efer | EFER_SVME;
	/* A new address space or new rules for it: old translations must go. */
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

static struct hv_x64_segment_register
segment_from_vmcb(const struct vmcb_segment *segment)
{
	return (struct hv_x64_segment_register){
		.base = segment->base,
		.limit = segment->limit,
		.selector = segment->selector,
		.attributes = attributes_from_vmcb(segment->attributes),
	};
}

union hv_register_value svm_get_register(const struct vp *vp, uint32_t name)
{
	const struct place *place = find_place(name);
	const void *content = content_of(vp, place, name);
	const struct vmcb_segment *segment = content;
	union hv_register_value value = { 0 };

	if (name == HV_X64_REGISTER_CR4)
		value.reg64 = guest_cr4(vp);
	else if (name == HV_X64_REGISTER_EFER)
		value.reg64 = guest_efer(vp);
	else if (place->shape == PLAIN)
		value.reg64 = *(const uint64_t *)content;
	else if (place->shape == TABLE)
		value.table =
			(struct hv_x64_table_register){ .limit = (uint16_t)segment->limit,
			                                .base = segment->base };
	else
		value.segment = segment_from_vmcb(segment);
	return value;
}

void svm_get_state(const struct vp *vp, struct vp_state *state)
{
	const struct vmcb_save *save = &svm_vmcb(vp)->save;
	/* The first row's. */
	const struct vmcb_segment *segments = content_of(vp, places, places->name);

	for (unsigned int i = 0; i < ARRAY_COUNT(state->segment); i++)
		state->segment[i] = segment_from_vmcb(&segments[i]);
	state->cr0 = save->cr0;
	state->cr3 = save->cr3;
	state->cr4 = guest_cr4(vp);
	state->efer = guest_efer(vp);
	state->dr7 = save->dr7;
}

void svm_set_register(struct vp *vp, uint32_t name, const union hv_register_value *value)
{
	const struct place *place = find_place(name);
	struct vmcb_segment *segment = content_of(vp, place, name);
	uint64_t cr4 = name == HV_X64_REGISTER_CR4 ? value->reg64 : guest_cr4(vp);
	uint64_t efer = name == HV_X64_REGISTER_EFER ? value->reg64 : guest_efer(vp);

	if (place->shape == PLAIN) {
		*(uint64_t *)content_of(vp, place, name) = value->reg64;
		store_mode(vp, cr4, efer);
	} else if (place->shape == TABLE) {
		segment->limit = value->table.limit;
		segment->base = value->table.base;
	} else {
		*segment = (struct vmcb_segment){
			.base = value->segment.base,
			.limit = value->segment.limit,
			.selector = value->segment.selector,
			.attributes = attributes_to_vmcb(value->segment.attributes),
		};
	}
	/* CPL is SS.DPL; the processor reads its own field. TCG derives it from SS. */
	if (name == HV_X64_REGISTER_SS)
		svm_vmcb(vp)->save.cpl = segment->attributes >> 5 & 3;
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
	save->cr0 = CR0_ET | CR0_CD | CR0_NW;
	store_mode(vp, 0, 0);
	save->cr2 = save->cr3 = 0;
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	save->pat = UINT64_C(0x0007040600070406);
}
