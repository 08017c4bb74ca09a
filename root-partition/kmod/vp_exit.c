// SPDX-License-Identifier: GPL-2.0-or-later
/* RUN_VP's own share of intercepts: vp_exit.h */
#include "abi.h"
#include "vp_exit.h"

#include "hypercall.h"
#include "hypervisor/core/decode_access.h"
#include "ioeventfd.h"
#include "irq.h"
#include "partition.h"
#include "vp.h"
#include <asm/processor-flags.h>
#include <linux/mm.h>
#include <linux/string.h>

#define ATTRIBUTE_LONG BIT32(13)
#define ATTRIBUTE_BIG  BIT32(14)
#define GPR_RCX        1

/* 16, 32 or 64. APM2 4.8.1 */
static unsigned int exit_code_bits(const struct hv_x64_intercept_header *header)
{
	if (header->execution_state & HV_EXECUTION_EFER_LMA &&
	    header->cs.attributes & ATTRIBUTE_LONG)
		return 64;
	return header->cs.attributes & ATTRIBUTE_BIG ? 32 : 16;
}

/* A write that may be answered here; what is single-stepped is more work. APM2 13.1.3 */
static bool exit_is_write(const struct hv_x64_intercept_header *header)
{
	return header->access_type == HV_INTERCEPT_WRITE &&
	       !(header->rflags & X86_EFLAGS_TF);
}

/* The instruction is done: RIP behind it, which ends the shadow of an STI too. */
static bool exit_complete(struct viridis_vp *vp, u64 rip)
{
	struct hv_register_page *registers = vp->registers;

	registers->rip = rip;
	registers->dirty |= HV_REGISTER_PAGE_DIRTY_RIP;
	WRITE_ONCE(vp->intercepted, false);
	return true;
}

/* ---- Ports ---- */

/* An address size prefix among the instruction's. APM3 1.2 */
static bool exit_has_67(const struct hv_x64_io_port_intercept *io)
{
	unsigned int i;

	for (i = 0; i < io->instruction_byte_count && i < 15; i++) {
		u8 byte = io->instruction_bytes[i];

		if (byte == 0x67)
			return true;
		if ((byte & 0xe7) != 0x26 && (byte & 0xfe) != 0x64 && byte != 0x66 &&
		    byte != 0xf2 && byte != 0xf3)
			return false;
	}
	return false;
}

/* Of a count, what the address size makes of it, for the VMM too. */
static void exit_note_rep(struct viridis_vp *vp, struct hv_x64_io_port_intercept *io)
{
	const u32 string = HV_IO_PORT_STRING | HV_IO_PORT_REP;
	unsigned int bits = exit_code_bits(&io->header);

	if ((io->access_info & string) != string)
		return;
	if (exit_has_67(io))
		bits = bits == 32 ? 16 : 32;
	vp->rep.pending = true;
	vp->rep.rip = io->header.rip + (io->header.length_and_cr8 & 0xf);
	vp->rep.rcx = io->rcx;
	vp->rep.mask = bits == 64 ? U64_MAX : bits == 32 ? U32_MAX : U16_MAX;
	io->rcx &= vp->rep.mask;
}

static bool exit_port(struct viridis_vp *vp, const struct hv_x64_io_port_intercept *io)
{
	u32 bytes = io->access_info & HV_IO_PORT_SIZE_MASK;

	if (io->access_info & HV_IO_PORT_STRING || !exit_is_write(&io->header) ||
	    !ioeventfd_signal(vp->partition, true, io->port_number, bytes, io->rax))
		return false;
	return exit_complete(vp, io->header.rip + (io->header.length_and_cr8 & 0xf));
}

/* A count with 32-bit addresses ends as 0 in all of RCX: APM1 3.1.2. */
static u64 exit_counted(const struct vp_rep *rep)
{
	return rep->mask == U16_MAX ? rep->rcx & ~rep->mask : 0;
}

static bool exit_get(const struct viridis_vp *vp, const u32 names[2],
                     union hv_register_value values[2])
{
	struct hv_input_get_vp_registers header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};
	struct hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = 2,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = names,
		.list_bytes = 2 * sizeof(names[0]),
		.output = values,
		.output_bytes = 2 * sizeof(values[0]),
	};

	return hypercall(&call) == HV_STATUS_SUCCESS;
}

/*
 * RIP and RCX as the vp would go on with them. What was marked in the register page counts before what was set by
 * hypercall, and this before what the vp has.
 */
static bool exit_answer_locked(struct viridis_vp *vp, u64 *rip, u64 *rcx)
{
	static const u32 names[2] = { HV_X64_REGISTER_RIP,
		                      HV_X64_REGISTER_RAX + GPR_RCX };
	const u32 marks = HV_REGISTER_PAGE_DIRTY_RIP | HV_REGISTER_PAGE_DIRTY_GP;
	const struct hv_register_page *registers = vp->registers;
	union hv_register_value values[2];
	u32 dirty = READ_ONCE(registers->dirty);

	*rip = ~vp->rep.rip;
	*rcx = vp->rep.rcx;
	if ((~dirty & marks) && !(vp_answer_tell_locked(vp, names[0], rip) &&
	                          vp_answer_tell_locked(vp, names[1], rcx))) {
		vp_answer_settle_locked(vp);
		if (!exit_get(vp, names, values))
			return false;
		*rip = values[0].reg64;
		*rcx = values[1].reg64;
	}
	if (dirty & HV_REGISTER_PAGE_DIRTY_RIP)
		*rip = registers->rip;
	if (dirty & HV_REGISTER_PAGE_DIRTY_GP)
		*rcx = registers->gp[GPR_RCX];
	return true;
}

/* Whoever goes on behind the instruction has carried out all of its elements: then the count is 0, whatever the VMM says. */
static void exit_mend_locked(struct viridis_vp *vp)
{
	struct hv_register_page *registers = vp->registers;
	struct hv_register_assoc count = { .name = HV_X64_REGISTER_RAX + GPR_RCX };
	u64 rip, rcx;

	if (!exit_answer_locked(vp, &rip, &rcx) || rip != vp->rep.rip ||
	    rcx != vp->rep.rcx)
		return;
	count.value.reg64 = exit_counted(&vp->rep);
	if (READ_ONCE(registers->dirty) & HV_REGISTER_PAGE_DIRTY_GP)
		registers->gp[GPR_RCX] = count.value.reg64;
	else
		vp_answer_add_locked(vp, &count);
}

void vp_exit_mend(struct viridis_vp *vp)
{
	vp->rep.pending = false;
	mutex_lock(&vp->answer.lock); /* ANSWER-3 */
	exit_mend_locked(vp);
	mutex_unlock(&vp->answer.lock);
}

/* ---- Memory ---- */

/* Instructions other than MOV are the VMM's to carry out. */
static bool exit_memory(struct viridis_vp *vp,
                        const struct hv_x64_memory_intercept *memory)
{
	const struct hv_register_page *registers = vp->registers;
	struct decode_access access;
	u8 bytes[DECODE_MAX_BYTES];
	u64 gpr[DECODE_GPRS];
	size_t count = min_t(size_t, memory->instruction_byte_count, sizeof(bytes));

	if (!exit_is_write(&memory->header) ||
	    !ioeventfd_is_at(vp->partition, false, memory->gpa))
		return false;
	memcpy(bytes, memory->instruction_bytes, count);
	memcpy(gpr, registers->gp, sizeof(gpr));
	if (!decode_access(bytes, count, exit_code_bits(&memory->header), gpr, &access) ||
	    access.is_load)
		return false;
	if (!ioeventfd_signal(vp->partition, false, memory->gpa, access.bytes,
	                      access.value))
		return false;
	return exit_complete(vp, memory->header.rip + access.length);
}

static __always_inline bool exit_signalled(struct viridis_vp *vp,
                                           const struct hv_message *message)
{
	const void *payload = message->payload;

	switch (message->type) {
	case HV_MESSAGE_X64_IO_PORT:
		return exit_port(vp, payload);
	case HV_MESSAGE_UNMAPPED_GPA:
	case HV_MESSAGE_GPA_INTERCEPT:
		return exit_memory(vp, payload);
	default:
		return false;
	}
}

bool vp_exit_signalled(struct viridis_vp *vp)
{
	return exit_signalled(vp, &vp->intercept->message);
}

bool vp_exit_answered(struct viridis_vp *vp)
{
	struct hv_message *message = &vp->intercept->message;
	void *payload = message->payload;

	if (exit_signalled(vp, message))
		return true;
	if (message->type == HV_MESSAGE_X64_IO_PORT)
		exit_note_rep(vp, payload);
	else if (message->type == HV_MESSAGE_X64_APIC_EOI)
		irq_ended(vp->partition,
		          ((struct hv_x64_apic_eoi_message *)payload)->vector);
	return false;
}
