/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses to guest physical addresses without RAM: the instruction is decoded and carried out
 * here, its memory operands going to device models or, for the other end of a string move, RAM.
 */
#include <string.h>
#include <viridis/base/bits.h>

#include "root-partition/vm/guest_access.h"
#include "root-partition/config/vm_log.h"

static bool crash(struct vp *vp, const struct hv_x64_memory_intercept *message,
                  const char *what)
{
	machine_set_end(vp->machine, MACHINE_CRASHED,
	                "vp%u %s: rip 0x%" G_GINT64_MODIFIER
	                "x, address 0x%" G_GINT64_MODIFIER "x",
	                vp->mshv.index, what, message->header.rip, message->gpa);
	return false;
}

/* The message's instruction bytes, or the guest's memory when it has none. */
static size_t instruction_bytes(struct vp *vp,
                                const struct hv_x64_memory_intercept *message,
                                uint8_t bytes[DECODE_MAX_BYTES])
{
	size_t count = message->instruction_byte_count;

	if (count == 0)
		return guest_fetch(vp, &message->header, bytes);
	if (count > DECODE_MAX_BYTES)
		count = DECODE_MAX_BYTES;
	memcpy(bytes, message->instruction_bytes, count);
	return count;
}

static enum decode_status decode(struct vp *vp,
                                 const struct hv_x64_memory_intercept *message,
                                 struct decode_memory *instruction)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = instruction_bytes(vp, message, bytes);

	return decode_memory(bytes, count, vp_code_mode(&message->header), instruction);
}

/* One element. False: an operand's page is not there for the VP, which has its fault; nothing was changed. */
static bool execute(struct vp *vp, const struct hv_x64_intercept_header *header,
                    const struct decode_memory *instruction,
                    struct vp_registers *registers)
{
	uint64_t address = decode_linear(instruction, &instruction->address,
	                                 registers->gpr, registers->segment_base,
	                                 registers->rip);
	uint64_t source = address;
	struct vp_registers changed = *registers;
	struct decode_result result;
	uint64_t memory = 0;

	if (decode_repeat_done(instruction, registers->gpr))
		return false;
	if (instruction->operation == DECODE_MOVS)
		source = decode_linear(instruction, &instruction->source, registers->gpr,
		                       registers->segment_base, registers->rip);
	/* A device's register may give what it has only once. */
	if (instruction->operation == DECODE_MOVS &&
	    !guest_may_store(vp, address, instruction->bytes))
		return false;
	if (instruction->reads && !guest_load(vp, source, instruction->bytes, &memory))
		return false;
	decode_apply(instruction, memory, changed.gpr, &changed.rflags, &result);
	if (result.writes_memory &&
	    !guest_store(vp, address, instruction->bytes, result.memory))
		return false;
	if (!result.repeats)
		changed.rip = vp_next_rip(header, instruction->length);
	*registers = changed;
	return true;
}

bool vp_memory_intercept(struct vp *vp, const struct hv_x64_memory_intercept *message)
{
	struct decode_memory instruction;
	struct vp_registers registers;

	if (message->header.access_type == HV_INTERCEPT_EXECUTE)
		return crash(vp, message, "executes where no memory is");
	switch (decode(vp, message, &instruction)) {
	case DECODE_OK:
		break;
	case DECODE_MORE: /* its code went away under it: it will fault by itself */
		return true;
	case DECODE_INVALID:
	case DECODE_UNSUPPORTED:
		return crash(vp, message, "uses an unknown instruction on device memory");
	}
	if (!vp_load_registers(vp, &registers))
		return false;
	if (!execute(vp, &message->header, &instruction, &registers))
		return true;
	return vp_finish(vp, &message->header, &registers);
}
