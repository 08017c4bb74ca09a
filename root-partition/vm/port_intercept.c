/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IN, OUT, INS and OUTS: APM3, and APM2 15.10 for what the intercept tells. */
#include <viridis/base/bits.h>

#include "root-partition/vm/guest_access.h"
#include "root-partition/vm/intercepts.h"

/* Elements of a REP moved before the VP runs on: interrupts and stops get their turn. */
#define REPEAT_MAX 256u

#define RFLAGS_TF BIT64(8)
#define RFLAGS_DF BIT64(10)

enum { RAX = 0, RCX = 1, RSI = 6, RDI = 7 };

static uint32_t port_read(struct vp *vp, uint16_t port, unsigned int bytes)
{
	struct machine *machine = vp->machine;
	struct platform_time now;
	uint32_t value;
	bool known;

	machine_time(&now);
	machine_lock(machine);
	known = platform_port_read(&machine->platform, port, bytes, &now, &value);
	machine_unlock(machine);
	if (!known)
		machine_tell_port(machine, vp->mshv.index, port);
	return value;
}

static void port_write(struct vp *vp, uint16_t port, unsigned int bytes, uint32_t value)
{
	struct machine *machine = vp->machine;
	struct platform_time now;
	bool known;

	machine_time(&now);
	machine_lock(machine);
	known = platform_port_write(&machine->platform, port, bytes, &now, value);
	machine_unlock(machine);
	if (!known)
		machine_tell_port(machine, vp->mshv.index, port);
}

/* A dword's write clears the upper half, smaller ones keep what they do not write. APM1 3.1.2 */
static uint64_t merge_rax(uint64_t rax, uint32_t value, unsigned int bytes)
{
	if (bytes == 4)
		return value;
	return (rax & ~bits_mask(0, 8 * bytes)) | (value & bits_mask(0, 8 * bytes));
}

/* The next RIP; the instruction's length when the message has it, else found by decoding. */
static bool next_rip(struct vp *vp, const struct hv_x64_intercept_header *header,
                     struct decode_instruction *instruction, uint64_t *rip)
{
	uint8_t bytes[DECODE_MAX_BYTES];
	size_t count = guest_fetch(vp, header, bytes);

	if (decode_instruction(bytes, count, vp_code_mode(header), instruction) !=
	    DECODE_OK)
		return false;
	*rip = vp_next_rip(header, instruction->length);
	return true;
}

static bool simple_access(struct vp *vp, const struct hv_x64_io_port_intercept *message)
{
	const struct hv_x64_intercept_header *header = &message->header;
	unsigned int bytes = message->access_info & HV_IO_PORT_SIZE_MASK;
	uint64_t rip = vp_next_rip(header, header->length_and_cr8 & 0xf);
	struct decode_instruction instruction;
	uint64_t rax;

	if (rip == header->rip && !next_rip(vp, header, &instruction, &rip))
		return true; /* it changed under us: let it run again */
	if (header->access_type == HV_INTERCEPT_WRITE) {
		port_write(vp, message->port_number, bytes, (uint32_t)message->rax);
		return vp_finish_port(vp, header, rip, NULL);
	}
	rax = merge_rax(message->rax, port_read(vp, message->port_number, bytes), bytes);
	return vp_finish_port(vp, header, rip, &rax);
}

/* A string instruction under way. */
struct string_access {
	uint16_t port;
	unsigned int bytes;
	bool input;
	uint64_t address_mask; /* address size: how much of RSI, RDI, RCX counts */
	uint64_t segment_base;
	uint64_t linear_mask; /* how much of the sum counts: 32 bits outside 64-bit code */
	unsigned int index;   /* RSI or RDI */
};

/* As any result of that size: one of 32 bits clears the upper half. APM1 3.1.2 */
static void set_address(uint64_t *gpr, uint64_t mask, uint64_t value)
{
	*gpr = (mask == UINT16_MAX ? *gpr & ~mask : 0) | (value & mask);
}

/* One element; false when the guest's memory is not there for it: the VP has a fault. */
static bool string_element(struct vp *vp, const struct string_access *access,
                           struct vp_registers *registers)
{
	uint64_t *index = &registers->gpr[access->index];
	uint64_t gva = (access->segment_base + (*index & access->address_mask)) &
	               access->linear_mask;
	uint64_t step = registers->rflags & RFLAGS_DF ? -(uint64_t)access->bytes :
	                                                access->bytes;
	uint64_t value;

	if (access->input) {
		/* The page is asked for first: what a device gives it gives only once. */
		if (!guest_may_store(vp, gva, access->bytes))
			return false;
		value = port_read(vp, access->port, access->bytes);
		if (!guest_store(vp, gva, access->bytes, value))
			return false;
	} else {
		if (!guest_load(vp, gva, access->bytes, &value))
			return false;
		port_write(vp, access->port, access->bytes, (uint32_t)value);
	}
	set_address(index, access->address_mask, *index + step);
	return true;
}

/* Up to REPEAT_MAX elements, under TF one. False: the VP has a fault at the one that is next. */
static bool repeat(struct vp *vp, const struct string_access *access, bool is_repeated,
                   struct vp_registers *registers)
{
	uint64_t *count = &registers->gpr[RCX];

	for (unsigned int i = 0; i < REPEAT_MAX; i++) {
		if (is_repeated && (*count & access->address_mask) == 0)
			return true;
		if (!string_element(vp, access, registers))
			return false;
		if (!is_repeated)
			return true;
		set_address(count, access->address_mask, *count - 1);
		if (registers->rflags & RFLAGS_TF)
			return true;
	}
	return true;
}

static bool string_access(struct vp *vp, const struct hv_x64_io_port_intercept *message)
{
	struct string_access access = {
		.port = message->port_number,
		.bytes = message->access_info & HV_IO_PORT_SIZE_MASK,
		.input = message->header.access_type == HV_INTERCEPT_READ,
	};
	struct decode_instruction instruction;
	struct vp_registers registers;
	enum decode_segment segment;
	bool is_repeated;
	uint64_t rip;

	if (!vp_load_registers(vp, &registers))
		return false;
	if (!next_rip(vp, &message->header, &instruction, &rip))
		return true;
	is_repeated = instruction.rep || instruction.repne;
	access.address_mask = bits_mask(0, 8 * instruction.address_bytes);
	access.linear_mask = instruction.mode == DECODE_64 ? UINT64_MAX : UINT32_MAX;
	access.index = access.input ? RDI : RSI;
	segment = access.input                            ? DECODE_ES :
	          instruction.override == DECODE_SEGMENTS ? DECODE_DS :
	                                                    instruction.override;
	if (instruction.mode != DECODE_64 || segment >= DECODE_FS)
		access.segment_base = registers.segment_base[segment];
	if (!repeat(vp, &access, is_repeated, &registers))
		return vp_store_registers(vp, &registers);
	if (!is_repeated || (registers.gpr[RCX] & access.address_mask) == 0)
		registers.rip = rip;
	return vp_finish(vp, &message->header, &registers);
}

bool vp_port_intercept(struct vp *vp, const struct hv_x64_io_port_intercept *message)
{
	unsigned int bytes = message->access_info & HV_IO_PORT_SIZE_MASK;

	if (bytes != 1 && bytes != 2 && bytes != 4) {
		machine_set_end(vp->machine, MACHINE_FAILED,
		                "vp%u io: access of %u bytes", vp->mshv.index, bytes);
		return false;
	}
	if (message->access_info & HV_IO_PORT_STRING)
		return string_access(vp, message);
	return simple_access(vp, message);
}
