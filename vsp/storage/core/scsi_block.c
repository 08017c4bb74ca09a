/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on blocks: capacity, read, write, flush, unmap. Ranges are checked here. */
#include <viridis/base/bits.h>

#include "vsp/storage/core/scsi_internal.h"

#define CAPACITY_10_BYTES 8u
#define CAPACITY_16_BYTES 32u

#define UNMAP_HEADER_BYTES     8u
#define UNMAP_DESCRIPTOR_BYTES 16u

static bool on_disk(const struct scsi_disk *disk, uint64_t lba, uint32_t blocks)
{
	return lba <= disk->blocks && blocks <= disk->blocks - lba;
}

static void add_extent(struct scsi_action *action, uint64_t lba, uint32_t blocks)
{
	action->extents[action->extent_count++] = (struct scsi_extent){
		.offset = lba << SCSI_BLOCK_SHIFT,
		.bytes = (uint64_t)blocks << SCSI_BLOCK_SHIFT,
	};
}

/* SBC-3 5.15: a capacity that does not fit sends the guest to READ CAPACITY(16). */
void scsi_read_capacity_10(struct scsi_call *call)
{
	uint8_t *data = scsi_data(call);
	uint64_t last = call->disk->blocks - 1;

	scsi_store_be(data, 4, last < UINT32_MAX ? last : UINT32_MAX);
	scsi_store_be(&data[4], 4, SCSI_BLOCK_BYTES);
	call->command.length = CAPACITY_10_BYTES; /* the CDB has no field for it */
	scsi_reply(call, CAPACITY_10_BYTES);
}

/* SBC-3 5.16. Byte 14: provisioning is managed, unmapped blocks read as zeros. */
static void read_capacity_16(struct scsi_call *call)
{
	uint8_t *data = scsi_data(call);

	scsi_store_be(data, 8, call->disk->blocks - 1);
	scsi_store_be(&data[8], 4, SCSI_BLOCK_BYTES);
	data[13] = call->disk->physical_exponent;
	data[14] = call->disk->can_unmap ? 0x80 : 0;
	data[14] |= call->disk->unmapped_reads_zero ? 0x40 : 0;
	scsi_reply(call, CAPACITY_16_BYTES);
}

void scsi_service_action_in_16(struct scsi_call *call)
{
	if (call->command.flags == SCSI_SERVICE_READ_CAPACITY_16)
		read_capacity_16(call);
	else
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
}

/* READ or WRITE of what the guest has `room_bytes` of memory for. */
static void transfer(struct scsi_call *call, enum scsi_action_type type,
                     uint32_t room_bytes)
{
	const struct scsi_command *command = &call->command;

	if (command->flags & SCSI_BLOCK_PROTECT) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	} else if (!on_disk(call->disk, command->lba, command->blocks)) {
		scsi_fail(call, SCSI_SENSE_LBA_OUT_OF_RANGE);
	} else if (command->blocks > room_bytes >> SCSI_BLOCK_SHIFT) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	} else if (command->blocks != 0) {
		call->action->type = type;
		add_extent(call->action, command->lba, command->blocks);
	}
}

/* A flush comes before a read with FUA only if the medium lags behind the cache; ours does
 * not: both are the host's, and reads always see what was written. */
void scsi_read(struct scsi_call *call)
{
	transfer(call, SCSI_READ, call->request->data_in_bytes);
}

void scsi_write(struct scsi_call *call)
{
	call->action->durable = call->command.flags & SCSI_BLOCK_FUA;
	transfer(call, SCSI_WRITE, call->request->data_out_bytes);
}

/* Without BYTCHK nothing is compared; what the host's file system holds is not re-read. */
void scsi_verify(struct scsi_call *call)
{
	const struct scsi_command *command = &call->command;

	if (command->flags & (SCSI_BLOCK_PROTECT | SCSI_VERIFY_BYTCHK))
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	else if (!on_disk(call->disk, command->lba, command->blocks))
		scsi_fail(call, SCSI_SENSE_LBA_OUT_OF_RANGE);
}

/* Everything is flushed whatever the range; nothing is ever dirty on a read-only disk. */
static void flush(struct scsi_call *call)
{
	if (!call->disk->read_only)
		call->action->type = SCSI_FLUSH;
}

void scsi_synchronize_cache(struct scsi_call *call)
{
	if (!on_disk(call->disk, call->command.lba, call->command.blocks))
		scsi_fail(call, SCSI_SENSE_LBA_OUT_OF_RANGE);
	else
		flush(call);
}

/* There is nothing to spin; but what is stopped must be safe. SBC-3 5.25 */
void scsi_start_stop(struct scsi_call *call)
{
	if (!call->command.start)
		flush(call);
}

/* The descriptors at the cursor become extents. */
static enum scsi_sense take_descriptors(const struct scsi_disk *disk, struct cursor *list,
                                        uint32_t count, struct scsi_action *action)
{
	uint64_t total = 0;

	if (count > SCSI_UNMAP_EXTENTS_MAX)
		return SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t lba = cursor_be64(list);
		uint32_t blocks = cursor_be32(list);

		cursor_skip(list, 4);
		if (!on_disk(disk, lba, blocks))
			return SCSI_SENSE_LBA_OUT_OF_RANGE;
		total += blocks;
		if (blocks != 0)
			add_extent(action, lba, blocks);
	}
	if (list->overrun)
		return SCSI_SENSE_PARAMETER_LIST_LENGTH;
	return total > SCSI_UNMAP_BLOCKS_MAX ? SCSI_SENSE_INVALID_FIELD_IN_PARAMETERS :
	                                       SCSI_SENSE_NONE;
}

/* SBC-3 5.28: { u16 length, u16 descriptors' length, u32, { u64 lba, u32 blocks, u32 }[] } */
void scsi_unmap(struct scsi_call *call)
{
	const struct scsi_request *request = call->request;
	struct cursor list = cursor_over(request->parameters, request->parameter_bytes);
	enum scsi_sense sense;
	uint32_t bytes;

	if (!call->disk->can_unmap) {
		scsi_fail(call, SCSI_SENSE_INVALID_OPCODE);
		return;
	}
	if (call->command.flags & SCSI_UNMAP_ANCHOR) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	if (call->command.length == 0)
		return;
	cursor_skip(&list, 2);
	bytes = cursor_be16(&list);
	cursor_skip(&list, 4);
	if (list.overrun || call->command.length < UNMAP_HEADER_BYTES ||
	    bytes > call->command.length - UNMAP_HEADER_BYTES) {
		scsi_fail(call, SCSI_SENSE_PARAMETER_LIST_LENGTH);
		return;
	}
	sense = take_descriptors(call->disk, &list, bytes / UNMAP_DESCRIPTOR_BYTES,
	                         call->action);
	if (sense != SCSI_SENSE_NONE)
		scsi_fail(call, sense);
	else if (call->action->extent_count != 0)
		call->action->type = SCSI_DISCARD;
}

static bool all_zero(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* The block to be repeated is there, and all zeros: the one pattern that files can hold cheaply. */
static bool pattern_is_zero(const struct scsi_call *call)
{
	if (call->command.flags & SCSI_SAME_NO_DATA)
		return true;
	return call->request->parameter_bytes == SCSI_BLOCK_BYTES &&
	       all_zero(call->request->parameters, SCSI_BLOCK_BYTES);
}

/* SBC-3 5.44 */
void scsi_write_same(struct scsi_call *call)
{
	const struct scsi_command *command = &call->command;

	if (!call->disk->can_unmap) {
		scsi_fail(call, SCSI_SENSE_INVALID_OPCODE);
	} else if ((command->flags & (SCSI_BLOCK_PROTECT | SCSI_SAME_ANCHOR)) ||
	           command->blocks == 0 || command->blocks > SCSI_UNMAP_BLOCKS_MAX) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	} else if (!on_disk(call->disk, command->lba, command->blocks)) {
		scsi_fail(call, SCSI_SENSE_LBA_OUT_OF_RANGE);
	} else if (!pattern_is_zero(call)) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	} else {
		call->action->type = SCSI_ZERO;
		call->action->unmap = command->flags & SCSI_SAME_UNMAP;
		add_extent(call->action, command->lba, command->blocks);
	}
}
