/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of commands and what holds for all of them: is there such a disk, is the CDB whole,
 * may it be written.
 */
#include "vsp/storage/core/scsi_device.h"

#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#include "vsp/storage/core/scsi_internal.h"

#define REPORT_LUNS_BYTES_MIN 16u /* SPC-4 6.33 */
#define REPORT_WELL_KNOWN     1u
#define REPORT_ALL            2u

static void test_unit_ready(struct scsi_call *call)
{
	(void)call; /* a disk that is there is ready */
}

/* What a disk has to tell on its own, once: SAM-5 5.14. */
static enum scsi_sense take_attention(struct scsi_disk *disk)
{
	bool told = disk->has_grown;

	disk->has_grown = false;
	return told ? SCSI_SENSE_CAPACITY_CHANGED : SCSI_SENSE_NONE;
}

/* Sense data goes along with the answer it belongs to, so there is none left but what was not told. */
static void request_sense(struct scsi_call *call)
{
	bool descriptor = call->command.flags & SCSI_SENSE_DESCRIPTOR;

	scsi_reply(call, scsi_sense_write(take_attention(call->disk), descriptor,
	                                  scsi_data(call)));
}

/* Single-level LUNs by the peripheral device addressing method: SAM-5 4.7.7.2. */
static void report_luns(struct scsi_call *call)
{
	uint8_t *data = scsi_data(call);
	uint32_t bytes = 0;

	if (call->command.length < REPORT_LUNS_BYTES_MIN ||
	    call->command.control > REPORT_ALL) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		if (!call->target->disk[lun] ||
		    call->command.control == REPORT_WELL_KNOWN)
			continue;
		data[8 + bytes + 1] = (uint8_t)lun;
		bytes += 8;
	}
	scsi_store_be(data, 4, bytes);
	scsi_reply(call, 8 + bytes);
}

#define NEEDS_NO_DISK BIT32(0)
#define WRITES        BIT32(1)
#define TELLS         BIT32(2) /* carried out though the disk has something to tell: SPC-4 5.16 */

static const struct command_entry {
	uint8_t opcode;
	unsigned int flags;
	scsi_decode_function decode;
	void (*execute)(struct scsi_call *call);
} commands[] = {
	/* What there is most of is found first. */
	{ SCSI_READ_10, 0, scsi_decode_block_10, scsi_read },
	{ SCSI_WRITE_10, WRITES, scsi_decode_block_10, scsi_write },
	{ SCSI_READ_16, 0, scsi_decode_block_16, scsi_read },
	{ SCSI_WRITE_16, WRITES, scsi_decode_block_16, scsi_write },
	{ SCSI_TEST_UNIT_READY, 0, scsi_decode_nothing, test_unit_ready },
	{ SCSI_REQUEST_SENSE, TELLS, scsi_decode_request_sense, request_sense },
	{ SCSI_READ_6, 0, scsi_decode_block_6, scsi_read },
	{ SCSI_WRITE_6, WRITES, scsi_decode_block_6, scsi_write },
	{ SCSI_INQUIRY, NEEDS_NO_DISK | TELLS, scsi_decode_inquiry, scsi_inquiry },
	{ SCSI_MODE_SENSE_6, 0, scsi_decode_mode_sense_6, scsi_mode_sense_6 },
	{ SCSI_START_STOP_UNIT, 0, scsi_decode_start_stop, scsi_start_stop },
	{ SCSI_READ_CAPACITY_10, 0, scsi_decode_block_10, scsi_read_capacity_10 },
	{ SCSI_VERIFY_10, 0, scsi_decode_block_10, scsi_verify },
	{ SCSI_SYNCHRONIZE_CACHE_10, 0, scsi_decode_block_10, scsi_synchronize_cache },
	{ SCSI_UNMAP, WRITES, scsi_decode_unmap, scsi_unmap },
	{ SCSI_MODE_SENSE_10, 0, scsi_decode_mode_sense_10, scsi_mode_sense_10 },
	{ SCSI_VERIFY_16, 0, scsi_decode_block_16, scsi_verify },
	{ SCSI_SYNCHRONIZE_CACHE_16, 0, scsi_decode_block_16, scsi_synchronize_cache },
	{ SCSI_WRITE_SAME_16, WRITES, scsi_decode_block_16, scsi_write_same },
	{ SCSI_SERVICE_ACTION_IN_16, 0, scsi_decode_service_16,
	  scsi_service_action_in_16 },
	{ SCSI_REPORT_LUNS, NEEDS_NO_DISK | TELLS, scsi_decode_report_luns, report_luns },
	{ SCSI_READ_12, 0, scsi_decode_block_12, scsi_read },
	{ SCSI_WRITE_12, WRITES, scsi_decode_block_12, scsi_write },
	{ SCSI_VERIFY_12, 0, scsi_decode_block_12, scsi_verify },
};

static const struct command_entry *find_command(uint8_t opcode)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(commands); i++) {
		if (commands[i].opcode == opcode)
			return &commands[i];
	}
	return NULL;
}

uint32_t scsi_parameter_bytes(const struct scsi_request *request)
{
	uint32_t wanted = 0;

	if (request->cdb_length == 0)
		return 0;
	if (request->cdb[0] == SCSI_UNMAP)
		wanted = SCSI_PARAMETER_BYTES_MAX;
	else if (request->cdb[0] == SCSI_WRITE_SAME_16)
		wanted = SCSI_BLOCK_BYTES;
	return wanted < request->data_out_bytes ? wanted : request->data_out_bytes;
}

/* Guests look for INQUIRY's data whatever its status, and ask any target for its list of LUNs. */
static bool absence_matters(const struct scsi_call *call,
                            const struct command_entry *entry)
{
	return !call->disk && !(entry && (entry->flags & NEEDS_NO_DISK));
}

/*
 * INVALID_LUN tells Linux to remove the LUN, of target 0 on path 0 whatever path the command was for: so
 * elsewhere it is told by sense data.
 */
static void fail_absent(struct scsi_call *call, bool our_target)
{
	if (our_target)
		call->action->response.no_such_lun = true;
	else
		scsi_fail(call, SCSI_SENSE_UNIT_NOT_SUPPORTED);
}

static void dispatch(struct scsi_call *call, const struct command_entry *entry)
{
	struct cursor cdb = cursor_over(call->request->cdb, call->request->cdb_length);

	call->command.opcode = cursor_u8(&cdb);
	entry->decode(&cdb, &call->command);
	if (cdb.overrun)
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	else if (!(entry->flags & TELLS) && call->disk->has_grown)
		scsi_fail(call, take_attention(call->disk));
	else if ((entry->flags & WRITES) && call->disk->read_only)
		scsi_fail(call, SCSI_SENSE_WRITE_PROTECTED);
	else
		entry->execute(call);
}

/* Not the arrays: extents[] are filled in as they are counted, and data by scsi_data(). Most commands have none. */
static void scsi_action_init(struct scsi_action *action)
{
	action->type = SCSI_RESPOND;
	action->durable = false;
	action->unmap = false;
	action->extent_count = 0;
	action->response.no_such_lun = false;
	action->response.sense = SCSI_SENSE_NONE;
	action->response.data_bytes = 0;
}

uint8_t *scsi_data(struct scsi_call *call)
{
	uint8_t *data = call->action->response.data;

	memset(data, 0, SCSI_DATA_BYTES_MAX);
	return data;
}

void scsi_execute(const struct scsi_target *target, const struct scsi_request *request,
                  struct scsi_action *action)
{
	static const struct scsi_target nothing;
	bool our_target = request->path == 0 && request->target == 0;
	struct scsi_call call = {
		.target = our_target ? target : &nothing,
		.request = request,
		.action = action,
	};
	const struct command_entry *entry = NULL;

	scsi_action_init(action);
	if (our_target && request->lun < SCSI_LUNS_MAX)
		call.disk = target->disk[request->lun];
	if (request->cdb_length > 0)
		entry = find_command(request->cdb[0]);
	if (absence_matters(&call, entry))
		fail_absent(&call, our_target);
	else if (!entry)
		scsi_fail(&call, SCSI_SENSE_INVALID_OPCODE);
	else
		dispatch(&call, entry);
}

enum scsi_sense scsi_medium_sense(enum scsi_action_type type,
                                  enum scsi_medium_status status)
{
	switch (status) {
	case SCSI_MEDIUM_OK:
		return SCSI_SENSE_NONE;
	case SCSI_MEDIUM_ERROR:
		return type == SCSI_READ ? SCSI_SENSE_READ_ERROR : SCSI_SENSE_WRITE_ERROR;
	case SCSI_MEDIUM_NO_SPACE:
		return SCSI_SENSE_SPACE_ALLOCATION_FAILED;
	case SCSI_MEDIUM_READ_ONLY:
		return SCSI_SENSE_WRITE_PROTECTED;
	case SCSI_MEDIUM_FAILURE:
		break;
	}
	return SCSI_SENSE_INTERNAL_FAILURE;
}
