/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MODE SENSE: a header, a block descriptor unless it is not wanted, mode pages.
 *
 *   header (6)   length - 1, medium type, device-specific, descriptor length
 *   header (10)  length - 2 (2), medium type, device-specific, reserved (2), descriptor length (2)
 */
#include <viridis/base/bits.h>

#include "vsp/storage/core/scsi_internal.h"

#define WRITE_PROTECTED 0x80u /* SBC-3 6.4.1, device-specific parameter */
#define FUA_HONOURED    0x10u /* DPOFUA */

#define DESCRIPTOR_BYTES 8u

#define CONTROL_CHANGEABLE 1u
#define CONTROL_SAVED      3u

/* SBC-3 6.4.5: the cache may hold writes back until SYNCHRONIZE CACHE (WCE). */
static uint32_t caching_page(const struct scsi_disk *disk, uint8_t *to, bool values)
{
	to[0] = SCSI_MODE_PAGE_CACHING;
	to[1] = 18;
	to[2] = values && !disk->write_through ? 0x04 : 0;
	return 20;
}

/* SPC-4 7.5.8: commands may be reordered without restriction. */
static uint32_t control_page(const struct scsi_disk *disk, uint8_t *to, bool values)
{
	(void)disk;
	to[0] = SCSI_MODE_PAGE_CONTROL;
	to[1] = 10;
	to[3] = values ? 0x10 : 0;
	return 12;
}

static const struct {
	uint8_t page;
	uint32_t (*fill)(const struct scsi_disk *disk, uint8_t *to, bool values);
} mode_pages[] = {
	{ SCSI_MODE_PAGE_CACHING, caching_page },
	{ SCSI_MODE_PAGE_CONTROL, control_page },
};

/* The pages asked for, and 0 when there is no such page. */
static uint32_t fill_pages(const struct scsi_call *call, uint8_t *to)
{
	const struct scsi_command *command = &call->command;
	bool all = command->page == SCSI_MODE_PAGE_ALL;
	bool values = command->control != CONTROL_CHANGEABLE; /* none can be changed */
	uint32_t bytes = 0;

	if (command->subpage != 0 && !(all && command->subpage == SCSI_MODE_SUBPAGE_ALL))
		return 0;
	for (unsigned int i = 0; i < ARRAY_COUNT(mode_pages); i++) {
		if (all || mode_pages[i].page == command->page)
			bytes += mode_pages[i].fill(call->disk, to + bytes, values);
	}
	return bytes;
}

/* SBC-3 6.4.2: short LBA mode parameter block descriptor. */
static uint32_t fill_descriptor(const struct scsi_call *call, uint8_t *to)
{
	if (call->command.flags & SCSI_MODE_NO_DESCRIPTOR)
		return 0;
	scsi_store_be(to, 4,
	              call->disk->blocks < UINT32_MAX ? call->disk->blocks : UINT32_MAX);
	scsi_store_be(to + 5, 3, SCSI_BLOCK_BYTES);
	return DESCRIPTOR_BYTES;
}

/* Everything behind a header of `header_bytes`; the whole's length, or 0 when it failed. */
static uint32_t mode_sense(struct scsi_call *call, uint8_t *data, uint32_t header_bytes,
                           uint32_t *descriptor_bytes)
{
	uint32_t page_bytes;

	if (call->command.control == CONTROL_SAVED) {
		scsi_fail(call, SCSI_SENSE_SAVING_NOT_SUPPORTED);
		return 0;
	}
	*descriptor_bytes = fill_descriptor(call, data + header_bytes);
	page_bytes = fill_pages(call, data + header_bytes + *descriptor_bytes);
	if (page_bytes == 0) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
		return 0;
	}
	return header_bytes + *descriptor_bytes + page_bytes;
}

static uint8_t device_specific(const struct scsi_disk *disk)
{
	return disk->read_only ? WRITE_PROTECTED | FUA_HONOURED : FUA_HONOURED;
}

void scsi_mode_sense_6(struct scsi_call *call)
{
	uint8_t *data = scsi_data(call);
	uint32_t descriptor_bytes;
	uint32_t bytes = mode_sense(call, data, 4, &descriptor_bytes);

	if (bytes == 0)
		return;
	data[0] = (uint8_t)(bytes - 1);
	data[2] = device_specific(call->disk);
	data[3] = (uint8_t)descriptor_bytes;
	scsi_reply(call, bytes);
}

void scsi_mode_sense_10(struct scsi_call *call)
{
	uint8_t *data = scsi_data(call);
	uint32_t descriptor_bytes;
	uint32_t bytes = mode_sense(call, data, 8, &descriptor_bytes);

	if (bytes == 0)
		return;
	scsi_store_be(data, 2, bytes - 2);
	data[3] = device_specific(call->disk);
	scsi_store_be(&data[6], 2, descriptor_bytes);
	scsi_reply(call, bytes);
}
