/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk over VMBus: the handshake, INQUIRY, and patterns written and read back. Writes to the disk
 * only when the command line has write=yes, and then to its first MiB.
 */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/storage/storage.h"

#define RING_PAGES    33u
#define BUFFER_PAGES  16u
#define BUFFER_BYTES  ((uint32_t)(BUFFER_PAGES * PAGE_4K))
#define ABSENT_LUN    200
#define ROUNDS        16u
#define INQUIRY_BYTES 36u
#define NO_DEVICE     0x7f

static const struct vmbus_guid scsi = VMBUS_TYPE_SCSI;

static void inquiries(struct storage *storage, uint8_t *page)
{
	struct vstor_result result;

	memset(page, 0xee, PAGE_4K);
	ok(storage_inquiry(storage, 0, page, INQUIRY_BYTES, &result),
	   "INQUIRY is answered");
	ok_equal(result.srb_status, STORVSC_SRB_SUCCESS, "with success");
	ok_equal(page[0], 0, "LUN 0 is a disk");
	ok_equal(page[INQUIRY_BYTES], 0xee, "and nothing is written past the buffer");
	memset(page, 0xee, PAGE_4K);
	ok(storage_inquiry(storage, ABSENT_LUN, page, INQUIRY_BYTES, &result),
	   "INQUIRY of an absent LUN is answered");
	ok_equal(page[0], NO_DEVICE, "with data that says so");
}

static void fill(uint64_t *words, uint64_t seed)
{
	for (unsigned int i = 0; i < BUFFER_BYTES / sizeof(*words); i++)
		words[i] = seed * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static bool holds(const uint64_t *words, uint64_t seed)
{
	for (unsigned int i = 0; i < BUFFER_BYTES / sizeof(*words); i++)
		if (words[i] != seed * UINT64_C(0x9e3779b97f4a7c15) + i)
			return false;
	return true;
}

static void patterns(struct storage *storage, uint64_t *buffer, uint32_t block_bytes)
{
	uint32_t count = BUFFER_BYTES / block_bytes;
	unsigned int written = 0, right = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		fill(buffer, i + 1);
		written += storage_transfer(storage, 0, true, (uint64_t)i * count, count,
		                            buffer, BUFFER_BYTES);
	}
	ok_equal(written, ROUNDS, "%u writes of 64 KiB are done", ROUNDS);
	ok(storage_flush(storage, 0), "SYNCHRONIZE CACHE is done");
	for (unsigned int i = ROUNDS; i-- > 0;) {
		memset(buffer, 0, BUFFER_BYTES);
		right += storage_transfer(storage, 0, false, (uint64_t)i * count, count,
		                          buffer, BUFFER_BYTES) &&
		         holds(buffer, i + 1);
	}
	ok_equal(right, ROUNDS, "and %u reads give back what was written", ROUNDS);
}

static void refusals(struct storage *storage, void *buffer, uint64_t blocks,
                     uint32_t block_bytes)
{
	struct vstor_request unknown = { .cdb_length = 6,
		                         .cdb = { 0xff },
		                         .direction = STORVSC_DATA_NONE };
	struct vstor_result result = { 0 };
	struct storvsc_packet packet, answer;

	ok(!storage_transfer(storage, 0, false, blocks, 1, buffer, block_bytes),
	   "a read past the end is refused");
	ok(!storage_transfer(storage, 0, false, blocks - 1, 2, buffer, 2 * block_bytes),
	   "a read across the end is refused");
	ok(!storage_transfer(storage, 0, false, ~UINT64_C(0), 1, buffer, block_bytes),
	   "a read of the last block of all is refused");
	ok(!storage_transfer(storage, ABSENT_LUN, false, 0, 1, buffer, block_bytes),
	   "a read from an absent LUN is refused");
	ok(storage_command(storage, &unknown, NULL, &result) && result.scsi_status == 2 &&
	           result.sense_length >= 14 && (result.sense[2] & 15) == 5,
	   "an unknown command gets CHECK CONDITION, ILLEGAL REQUEST");
	memset(&packet, 0xff, sizeof(packet));
	ok(storage_exchange(storage, &packet, &answer) && !vstor_succeeded(&answer),
	   "an unknown operation gets an error");
	ok(storage_transfer(storage, 0, false, 0, 1, buffer, block_bytes),
	   "and after all this the disk still reads");
}

static void one_disk(struct storage *storage)
{
	uint8_t *buffer = pages_take(BUFFER_PAGES);
	uint64_t blocks = 0;
	uint32_t block_bytes = 0;
	char may_write[8];

	inquiries(storage, buffer);
	if (!ok(storage_capacity(storage, 0, buffer, &blocks, &block_bytes),
	        "READ CAPACITY is answered"))
		return;
	note("%lu blocks of %u bytes", blocks, block_bytes);
	if (!ok((block_bytes == 512 || block_bytes == 4096) &&
	                blocks * block_bytes >= (uint64_t)ROUNDS * BUFFER_BYTES,
	        "the disk has a block size and 1 MiB"))
		return;
	if (guest_option("write", may_write, sizeof(may_write)) &&
	    !memcmp(may_write, "yes", 4))
		patterns(storage, (uint64_t *)buffer, block_bytes);
	else
		skip("no write=yes: the disk is not written to");
	refusals(storage, buffer, blocks, block_bytes);
}

void group_storage(void)
{
	static struct storage storage;
	struct client_channel *channel;

	if (!ok(vmbus_connect(0) && vmbus_request_offers(), "VMBus is connected"))
		return;
	channel = client_find(vmbus_client(), &scsi, 0);
	if (!channel) {
		skip("no SCSI controller is offered");
	} else if (ok(vmbus_pipe_open(&storage.pipe, channel, RING_PAGES),
	              "the controller opens") &&
	           ok(storage_start(&storage), "its handshake is done")) {
		note("version %x, %u sub-channels, transfers up to %u bytes",
		     storage.version, storage.sub_channels_max,
		     storage.max_transfer_bytes);
		one_disk(&storage);
		ok(vmbus_pipe_close(&storage.pipe), "the controller closes");
	}
	ok(vmbus_unload(), "UNLOAD is answered");
}
