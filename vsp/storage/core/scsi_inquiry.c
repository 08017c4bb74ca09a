/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INQUIRY: what a disk is, and its pages of vital product data. */
#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#include "vsp/storage/core/scsi_internal.h"

#define VENDOR   "Viridis "         /* 8 */
#define PRODUCT  "Virtual Disk    " /* 16 */
#define REVISION "1.0 "             /* 4 */

#define STANDARD_BYTES 64u
#define ABSENT_BYTES   36u

/* SPC-4 6.6.2. The tail names standards: SAM-5, SPC-4, SBC-3 (table 140). */
static void standard_data(struct scsi_call *call)
{
	static const uint16_t standards[] = { 0x00a0, 0x0460, 0x04c0 };
	uint8_t *data = scsi_data(call);
	uint32_t bytes = call->disk ? STANDARD_BYTES : ABSENT_BYTES;

	data[0] = call->disk ? 0 : SCSI_PERIPHERAL_ABSENT;
	data[2] = 0x06; /* SPC-4 */
	data[3] = 0x12; /* LUNs are hierarchical; this response format */
	data[4] = (uint8_t)(bytes - 5);
	data[7] = 0x02; /* commands are queued */
	memcpy(&data[8], VENDOR, 8);
	memcpy(&data[16], PRODUCT, 16);
	memcpy(&data[32], REVISION, 4);
	for (unsigned int i = 0; call->disk && i < ARRAY_COUNT(standards); i++)
		scsi_store_be(&data[58 + 2 * i], 2, standards[i]);
	scsi_reply(call, bytes);
}

/* Each fills what follows the page's 4-byte header, and returns its length. */
typedef uint32_t (*vpd_function)(const struct scsi_disk *disk, uint8_t *to);

static uint32_t supported_pages(const struct scsi_disk *disk, uint8_t *to);

static uint32_t serial_bytes(const struct scsi_disk *disk)
{
	uint32_t bytes = 0;

	while (bytes < SCSI_SERIAL_BYTES && disk->serial[bytes])
		bytes++;
	return bytes;
}

/* SPC-4 7.8.15 */
static uint32_t serial_number(const struct scsi_disk *disk, uint8_t *to)
{
	uint32_t bytes = serial_bytes(disk);

	memcpy(to, disk->serial, bytes);
	return bytes;
}

/* SPC-4 7.8.6: a name (T10 vendor ID and serial) and a number (NAA, locally assigned). */
static uint32_t device_identification(const struct scsi_disk *disk, uint8_t *to)
{
	uint32_t bytes = serial_bytes(disk);
	uint8_t *number = to + 4 + 8 + bytes;

	to[0] = 0x02; /* ASCII */
	to[1] = 0x01; /* of the logical unit; T10 vendor ID */
	to[3] = (uint8_t)(8 + bytes);
	memcpy(&to[4], VENDOR, 8);
	memcpy(&to[12], disk->serial, bytes);
	number[0] = 0x01; /* binary */
	number[1] = 0x03; /* of the logical unit; NAA */
	number[3] = 8;
	scsi_store_be(&number[4], 8, UINT64_C(3) << 60 | bits_get(disk->identity, 0, 60));
	return 4 + 8 + bytes + 4 + 8;
}

/* SBC-3 6.5.3 */
static uint32_t block_limits(const struct scsi_disk *disk, uint8_t *to)
{
	uint8_t *page = to - 4; /* offsets below are the standard's */

	page[4] = 0x01; /* WRITE SAME of 0 blocks is refused */
	scsi_store_be(&page[6], 2, BIT32(disk->physical_exponent));
	scsi_store_be(&page[8], 4, disk->max_transfer_blocks);
	scsi_store_be(&page[12], 4, disk->max_transfer_blocks); /* and best */
	if (disk->can_unmap) {
		scsi_store_be(&page[20], 4, SCSI_UNMAP_BLOCKS_MAX);
		scsi_store_be(&page[24], 4, SCSI_UNMAP_EXTENTS_MAX);
		scsi_store_be(&page[28], 4, BIT32(disk->physical_exponent));
		scsi_store_be(&page[36], 8, SCSI_UNMAP_BLOCKS_MAX); /* WRITE SAME */
	}
	return 60;
}

/* SBC-3 6.5.2: rotation rate 1 means that nothing rotates, 0 that nobody knows. */
static uint32_t block_characteristics(const struct scsi_disk *disk, uint8_t *to)
{
	scsi_store_be(to, 2, disk->rotational ? 0 : 1);
	return 60;
}

/* SBC-3 6.5.4: UNMAP, WRITE SAME(16) with UNMAP; what reads as zeros then; thin. */
static uint32_t provisioning(const struct scsi_disk *disk, uint8_t *to)
{
	if (disk->can_unmap) {
		to[1] = 0x80 | 0x40 | (disk->unmapped_reads_zero ? 0x04 : 0);
		to[2] = 0x02;
	}
	return 4;
}

static const struct {
	uint8_t page;
	vpd_function fill;
} vpd_pages[] = {
	{ SCSI_VPD_SUPPORTED_PAGES, supported_pages },
	{ SCSI_VPD_SERIAL_NUMBER, serial_number },
	{ SCSI_VPD_DEVICE_IDENTIFICATION, device_identification },
	{ SCSI_VPD_BLOCK_LIMITS, block_limits },
	{ SCSI_VPD_BLOCK_CHARACTERISTICS, block_characteristics },
	{ SCSI_VPD_LOGICAL_BLOCK_PROVISIONING, provisioning },
};

/* SPC-4 7.8.14 */
static uint32_t supported_pages(const struct scsi_disk *disk, uint8_t *to)
{
	(void)disk;
	for (unsigned int i = 0; i < ARRAY_COUNT(vpd_pages); i++)
		to[i] = vpd_pages[i].page;
	return ARRAY_COUNT(vpd_pages);
}

static vpd_function find_page(uint8_t page)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(vpd_pages); i++) {
		if (vpd_pages[i].page == page)
			return vpd_pages[i].fill;
	}
	return NULL;
}

static void product_data(struct scsi_call *call)
{
	vpd_function fill = find_page(call->command.page);
	uint8_t *data = scsi_data(call);
	uint32_t bytes;

	if (!fill) {
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
		return;
	}
	bytes = fill(call->disk, data + 4);
	data[1] = call->command.page;
	scsi_store_be(&data[2], 2, bytes);
	scsi_reply(call, 4 + bytes);
}

/* Where no disk is, every page says so: guests take no other word for it. */
void scsi_inquiry(struct scsi_call *call)
{
	bool vpd = call->command.flags & SCSI_INQUIRY_EVPD;

	if (!call->disk)
		standard_data(call);
	else if (vpd)
		product_data(call);
	else if (call->command.page != 0)
		scsi_fail(call, SCSI_SENSE_INVALID_FIELD_IN_CDB);
	else
		standard_data(call);
}
