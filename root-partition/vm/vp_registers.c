/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stopped VP's registers: through the page it shares with us while that is valid, which costs
 * no call, else through hypercalls.
 */
#include <string.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/vm/vp.h"

#define CS_LONG    BIT32(13)
#define CS_DEFAULT BIT32(14)
#define RFLAGS_TF  BIT64(8)
#define RFLAGS_RF  BIT64(16)
#define DR6_BS     BIT64(14) /* a single step */

enum { EXCEPTION = 3, VECTOR_DB = 1 };

/* In the order of struct vp_registers; segments are numbered as instructions encode them. */
#define NAMES (DECODE_GPRS + 2 + DECODE_SEGMENTS)

static void register_names(uint32_t names[NAMES])
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < DECODE_GPRS; i++)
		names[at++] = HV_X64_REGISTER_RAX + i;
	names[at++] = HV_X64_REGISTER_RIP;
	names[at++] = HV_X64_REGISTER_RFLAGS;
	for (unsigned int i = 0; i < DECODE_SEGMENTS; i++)
		names[at++] = HV_X64_REGISTER_ES + i;
}

static bool page_valid(const struct vp *vp)
{
	return vp->mshv.registers && vp->mshv.registers->valid;
}

static bool failed(struct vp *vp, int error)
{
	machine_set_end(vp->machine, MACHINE_FAILED, "vp%u registers: %s", vp->mshv.index,
	                g_strerror(-error));
	return false;
}

static void load_from_page(const struct hv_register_page *page,
                           struct vp_registers *registers)
{
	memcpy(registers->gpr, page->gp, sizeof(registers->gpr));
	registers->rip = page->rip;
	registers->rflags = page->rflags;
	for (unsigned int i = 0; i < DECODE_SEGMENTS; i++)
		registers->segment_base[i] = page->segment[i].base;
}

bool vp_load_registers(struct vp *vp, struct vp_registers *registers)
{
	union hv_register_value values[NAMES];
	uint32_t names[NAMES];
	int error;

	if (page_valid(vp)) {
		load_from_page(vp->mshv.registers, registers);
		return true;
	}
	register_names(names);
	error = mshv_get_registers(&vp->mshv, names, values, NAMES);
	if (error)
		return failed(vp, error);
	for (unsigned int i = 0; i < DECODE_GPRS; i++)
		registers->gpr[i] = values[i].reg64;
	registers->rip = values[DECODE_GPRS].reg64;
	registers->rflags = values[DECODE_GPRS + 1].reg64;
	for (unsigned int i = 0; i < DECODE_SEGMENTS; i++)
		registers->segment_base[i] = values[DECODE_GPRS + 2 + i].segment.base;
	return true;
}

bool vp_store_registers(struct vp *vp, const struct vp_registers *registers)
{
	struct hv_register_assoc assoc[DECODE_GPRS + 2] = { 0 };
	struct hv_register_page *page = vp->mshv.registers;
	int error;

	if (page_valid(vp)) {
		memcpy(page->gp, registers->gpr, sizeof(page->gp));
		page->rip = registers->rip;
		page->rflags = registers->rflags;
		page->dirty |= HV_REGISTER_PAGE_DIRTY_GP | HV_REGISTER_PAGE_DIRTY_RIP |
		               HV_REGISTER_PAGE_DIRTY_RFLAGS;
		return true;
	}
	for (unsigned int i = 0; i < DECODE_GPRS; i++) {
		assoc[i].name = HV_X64_REGISTER_RAX + i;
		assoc[i].value.reg64 = registers->gpr[i];
	}
	assoc[DECODE_GPRS].name = HV_X64_REGISTER_RIP;
	assoc[DECODE_GPRS].value.reg64 = registers->rip;
	assoc[DECODE_GPRS + 1].name = HV_X64_REGISTER_RFLAGS;
	assoc[DECODE_GPRS + 1].value.reg64 = registers->rflags;
	error = mshv_set_registers(&vp->mshv, assoc, G_N_ELEMENTS(assoc));
	return error ? failed(vp, error) : true;
}

enum decode_mode vp_code_mode(const struct hv_x64_intercept_header *header)
{
	return decode_mode(header->execution_state & HV_EXECUTION_EFER_LMA,
	                   header->cs.attributes & CS_LONG,
	                   header->cs.attributes & CS_DEFAULT);
}

uint64_t vp_next_rip(const struct hv_x64_intercept_header *header, unsigned int length)
{
	uint64_t rip = header->rip + length;

	return vp_code_mode(header) == DECODE_64 ? rip : rip & UINT32_MAX;
}

bool vp_raise(struct vp *vp, uint64_t exception)
{
	const struct hv_register_assoc pending = {
		.name = HV_REGISTER_PENDING_INTERRUPTION,
		.value.reg64 = HV_PENDING_INTERRUPTION_VALID | EXCEPTION << 1 | exception,
	};
	int error = mshv_set_registers(&vp->mshv, &pending, 1);

	return error ? failed(vp, error) : true;
}

/* A trap: after the instruction, and DR6 says why. APM2 13.1.3 */
static bool single_step(struct vp *vp)
{
	uint64_t dr6;
	int error = mshv_get_register(&vp->mshv, HV_X64_REGISTER_DR6, &dr6);

	if (error == 0)
		error = mshv_set_register(&vp->mshv, HV_X64_REGISTER_DR6, dr6 | DR6_BS);
	return error ? failed(vp, error) : vp_raise(vp, VP_EXCEPTION(VECTOR_DB));
}

/* The register page ends it by its RIP. abi/hv_register.h */
static bool end_shadow(struct vp *vp)
{
	uint64_t state;
	int error = mshv_get_register(&vp->mshv, HV_REGISTER_INTERRUPT_STATE, &state);

	if (error == 0)
		error = mshv_set_register(&vp->mshv, HV_REGISTER_INTERRUPT_STATE,
		                          state & ~HV_INTERRUPT_STATE_SHADOW);
	return error ? failed(vp, error) : true;
}

static bool after_instruction(struct vp *vp, const struct hv_x64_intercept_header *header)
{
	if ((header->execution_state & HV_EXECUTION_INTERRUPT_SHADOW) &&
	    !page_valid(vp) && !end_shadow(vp))
		return false;
	return header->rflags & RFLAGS_TF ? single_step(vp) : true;
}

/* RF is over with the whole instruction. APM2 3.1.6 */
bool vp_finish(struct vp *vp, const struct hv_x64_intercept_header *header,
               const struct vp_registers *registers)
{
	struct vp_registers after = *registers;

	if (after.rip != header->rip)
		after.rflags &= ~RFLAGS_RF;
	return vp_store_registers(vp, &after) && after_instruction(vp, header);
}

static bool store_short(struct vp *vp, uint64_t rip, const uint64_t *rax)
{
	struct hv_register_assoc assoc[2] = { { .name = HV_X64_REGISTER_RIP },
		                              { .name = HV_X64_REGISTER_RAX } };
	struct hv_register_page *page = vp->mshv.registers;
	int error;

	if (page_valid(vp)) {
		page->rip = rip;
		page->dirty |= HV_REGISTER_PAGE_DIRTY_RIP;
		if (rax) {
			page->gp[0] = *rax;
			page->dirty |= HV_REGISTER_PAGE_DIRTY_GP;
		}
		return true;
	}
	assoc[0].value.reg64 = rip;
	if (rax)
		assoc[1].value.reg64 = *rax;
	error = mshv_set_registers(&vp->mshv, assoc, rax ? 2 : 1);
	return error ? failed(vp, error) : true;
}

bool vp_finish_port(struct vp *vp, const struct hv_x64_intercept_header *header,
                    uint64_t rip, const uint64_t *rax)
{
	struct vp_registers registers;

	if (!(header->rflags & RFLAGS_RF))
		return store_short(vp, rip, rax) && after_instruction(vp, header);
	if (!vp_load_registers(vp, &registers))
		return false;
	registers.rip = rip;
	if (rax)
		registers.gpr[0] = *rax;
	return vp_finish(vp, header, &registers);
}
