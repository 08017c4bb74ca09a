/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses to guest physical addresses without RAM: the instruction is decoded and carried out
 * here, its memory operands going to device models or, for the other end of a string move, RAM.
 * One that no software uses on a device is undefined in the guest.
 */
#include <string.h>
#include <viridis/base/bits.h>

#include "root-partition/vm/guest_access.h"
#include "root-partition/vm/intercepts.h"
#include "root-partition/config/vm_log.h"

enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_DF = 8 };

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

/* 16 and 32 bytes, a word at a time; what is stored is there whole or not at all. */
static bool load_wide(struct vp *vp, uint64_t gva, unsigned int bytes, uint8_t *value)
{
	for (unsigned int at = 0; at < bytes; at += 8) {
		unsigned int now = bytes < 8 ? bytes : 8;
		uint64_t word;

		if (!guest_load(vp, gva + at, now, &word))
			return false;
		memcpy(value + at, &word, now);
	}
	return true;
}

static bool store_wide(struct vp *vp, uint64_t gva, unsigned int bytes,
                       const uint8_t *value)
{
	unsigned int step = bytes < 8 ? bytes : 8;

	for (unsigned int at = 0; at < bytes; at += step)
		if (!guest_may_store(vp, gva + at, step))
			return false;
	for (unsigned int at = 0; at < bytes; at += step) {
		uint64_t word = 0;

		memcpy(&word, value + at, step);
		if (!guest_store(vp, gva + at, step, word))
			return false;
	}
	return true;
}

/* Between memory and a register of the XSAVE area, which is asked for and given back whole. */
static bool execute_vector(struct vp *vp, const struct decode_memory *instruction,
                           uint64_t address)
{
	uint8_t area[DECODE_XSAVE_BYTES], memory[DECODE_VECTOR_BYTES] = { 0 };
	int error;

	if (instruction->reads && !load_wide(vp, address, instruction->bytes, memory))
		return false;
	error = mshv_get_vp_state(&vp->mshv, MSHV_VP_STATE_XSAVE, area, sizeof(area));
	if (error == 0) {
		decode_apply_vector(instruction, area, memory);
		if (instruction->writes)
			return store_wide(vp, address, instruction->bytes, memory);
		error = mshv_set_vp_state(&vp->mshv, MSHV_VP_STATE_XSAVE, area,
		                          sizeof(area));
	}
	if (error)
		machine_set_end(vp->machine, MACHINE_FAILED, "vp%u vector registers: %s",
		                vp->mshv.index, g_strerror(-error));
	return error == 0;
}

/* What it reads, what becomes of it, what it stores. */
static bool execute_scalar(struct vp *vp, const struct decode_memory *instruction,
                           uint64_t address, struct vp_registers *registers,
                           struct decode_result *result)
{
	uint64_t at_source = 0, memory = 0;

	/* A device's register may give what it has only once. */
	if (instruction->reads_source && instruction->writes &&
	    !guest_may_store(vp, address, instruction->bytes))
		return false;
	if (instruction->reads_source &&
	    !guest_load(vp,
	                decode_linear(instruction, &instruction->source, registers->gpr,
	                              registers->segment_base, registers->rip),
	                instruction->bytes, &at_source))
		return false;
	if (instruction->reads && !guest_load(vp, address, instruction->bytes, &memory))
		return false;
	decode_apply(instruction, memory, at_source, registers->gpr, &registers->rflags,
	             result);
	if (result->divide_error) {
		(void)vp_raise(vp, VP_EXCEPTION(VECTOR_DE)); /* or the machine ends */
		return false;
	}
	return !result->writes_memory ||
	       guest_store(vp, address, instruction->bytes, result->memory);
}

/* One element. False: nothing was changed, and the VP has a fault, or looks at its instruction again. */
static bool execute(struct vp *vp, const struct hv_x64_intercept_header *header,
                    const struct decode_memory *instruction,
                    struct vp_registers *registers)
{
	uint64_t address = decode_linear(instruction, &instruction->address,
	                                 registers->gpr, registers->segment_base,
	                                 registers->rip);
	struct vp_registers changed = *registers;
	struct decode_result result = { 0 };

	if (decode_repeat_done(instruction, registers->gpr))
		return false;
	if (!(instruction->operation == DECODE_VECTOR ?
	              execute_vector(vp, instruction, address) :
	              execute_scalar(vp, instruction, address, &changed, &result)))
		return false;
	if (!result.repeats)
		changed.rip = vp_next_rip(header, instruction->length);
	*registers = changed;
	return true;
}

/*
 * An event on its way to the guest met no memory (a stack, or a table): it cannot be delivered, and no
 * instruction is to be carried out. #DF, and if it was that, the end. APM2 8.2.9
 */
static bool event_lost(struct vp *vp, const struct hv_x64_memory_intercept *message)
{
	uint64_t event;
	int error =
		mshv_get_register(&vp->mshv, HV_REGISTER_PENDING_INTERRUPTION, &event);

	if (error == 0 && HV_PENDING_INTERRUPTION_VECTOR(event) == VECTOR_DF)
		return crash(vp, message, "has no memory for its double fault");
	vm_log_limited("vp%u memory: no event can be delivered at 0x%" G_GINT64_MODIFIER
	               "x, rip 0x%" G_GINT64_MODIFIER "x",
	               vp->mshv.index, message->gpa, message->header.rip);
	return vp_raise(vp, VP_EXCEPTION_WITH(VECTOR_DF, 0));
}

/* Nothing that software does to a device: the guest is told, and so is whoever reads the log. */
static bool refuse(struct vp *vp, const struct hv_x64_memory_intercept *message)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = instruction_bytes(vp, message, bytes);
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < count; i++)
		g_string_append_printf(text, " %02x", bytes[i]);
	vm_log_limited("vp%u memory: #UD for an unknown instruction on device memory:"
	               " rip 0x%" G_GINT64_MODIFIER "x, address 0x%" G_GINT64_MODIFIER
	               "x, bytes%s",
	               vp->mshv.index, message->header.rip, message->gpa, text->str);
	return vp_raise(vp, VP_EXCEPTION(VECTOR_UD));
}

bool vp_memory_intercept(struct vp *vp, const struct hv_x64_memory_intercept *message)
{
	struct decode_memory instruction;
	struct vp_registers registers;

	if (message->header.access_type == HV_INTERCEPT_EXECUTE)
		return crash(vp, message, "executes where no memory is");
	if (message->header.execution_state & HV_EXECUTION_INTERRUPT_PENDING)
		return event_lost(vp, message);
	switch (decode(vp, message, &instruction)) {
	case DECODE_OK:
		break;
	case DECODE_MORE: /* its code went away under it: it will fault by itself */
		return true;
	case DECODE_INVALID:
	case DECODE_UNSUPPORTED:
		return refuse(vp, message);
	}
	if (!vp_load_registers(vp, &registers))
		return false;
	if (!execute(vp, &message->header, &instruction, &registers))
		return true;
	return vp_finish(vp, &message->header, &registers);
}
