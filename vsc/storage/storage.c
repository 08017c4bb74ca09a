/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A SCSI controller over VMBus, one command at a time. SBC-4, SPC-5 */
#include "vsc/storage/storage.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>

#define BUFFER_PAGES_MAX  129u
#define TIMEOUT_SECONDS   60
#define PACKET_BYTES_MAX  256u
#define STRAY_PACKETS_MAX 16u

enum scsi_code {
	SCSI_INQUIRY = 0x12,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_SERVICE_ACTION_IN = 0x9e,
	SCSI_READ_CAPACITY_16 = 0x10, /* its service action */
};

static void put_be(uint8_t *to, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t get_be(const uint8_t *from, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

/* The completion of `transaction`; what the host sends unasked is passed over. */
static bool receive(struct storage *storage, uint64_t transaction,
                    struct storvsc_packet *answer)
{
	uint64_t buffer[PACKET_BYTES_MAX / sizeof(uint64_t)];
	struct ring_received packet;

	for (unsigned int i = 0; i < STRAY_PACKETS_MAX; i++) {
		if (!vmbus_pipe_receive(&storage->pipe, buffer, sizeof(buffer), &packet))
			return false;
		if (packet.type == VMBUS_PACKET_COMPLETION &&
		    packet.transaction_id == transaction)
			return vstor_packet_read(answer, packet.payload,
			                         packet.payload_bytes);
	}
	return false;
}

bool storage_exchange(struct storage *storage, const struct storvsc_packet *request,
                      struct storvsc_packet *answer)
{
	uint64_t transaction = ++storage->next_transaction;
	bool signal = false;

	if (ring_put_inband(&storage->pipe.out, transaction,
	                    VMBUS_PACKET_WANTS_COMPLETION, request, sizeof(*request),
	                    &signal) != RING_OK)
		return false;
	if (signal)
		vmbus_pipe_signal(&storage->pipe);
	return receive(storage, transaction, answer);
}

static bool exchange_with_pages(struct storage *storage,
                                const struct storvsc_packet *request, const void *buffer,
                                uint32_t bytes, struct storvsc_packet *answer)
{
	uint64_t transaction = ++storage->next_transaction;
	uint64_t pfns[BUFFER_PAGES_MAX];
	struct ring_gpa_range range = { .bytes = bytes, .pfns = pfns };
	bool signal = false;

	range.page_count = (uint32_t)(round_up(bytes, PAGE_4K) / PAGE_4K);
	if (range.page_count > BUFFER_PAGES_MAX)
		return false;
	for (uint32_t i = 0; i < range.page_count; i++)
		pfns[i] = ((uint64_t)buffer >> PAGE_SHIFT_4K) + i;
	if (ring_put_gpa_direct(&storage->pipe.out, transaction, &range, request,
	                        sizeof(*request), &signal) != RING_OK)
		return false;
	if (signal)
		vmbus_pipe_signal(&storage->pipe);
	return receive(storage, transaction, answer);
}

static bool plain(struct storage *storage, enum storvsc_operation operation,
                  struct storvsc_packet *answer)
{
	struct storvsc_packet request;

	vstor_command(operation, &request);
	return storage_exchange(storage, &request, answer) && vstor_succeeded(answer);
}

static bool agree_on_version(struct storage *storage)
{
	static const uint16_t versions[] = { STORVSC_VERSION_6_2, STORVSC_VERSION_6_0,
		                             STORVSC_VERSION_5_1 };
	struct storvsc_packet request, answer;

	for (unsigned int i = 0; i < ARRAY_COUNT(versions); i++) {
		vstor_query_version(versions[i], &request);
		if (!storage_exchange(storage, &request, &answer))
			return false;
		storage->version = versions[i];
		if (vstor_succeeded(&answer))
			return true;
	}
	return false;
}

bool storage_start(struct storage *storage)
{
	struct storvsc_packet answer;

	if (!plain(storage, STORVSC_BEGIN_INITIALIZATION, &answer) ||
	    !agree_on_version(storage) ||
	    !plain(storage, STORVSC_QUERY_PROPERTIES, &answer))
		return false;
	storage->sub_channels_max = answer.body.properties.sub_channels_max;
	storage->max_transfer_bytes = answer.body.properties.max_transfer_bytes;
	return plain(storage, STORVSC_END_INITIALIZATION, &answer);
}

bool storage_command(struct storage *storage, const struct vstor_request *request,
                     void *buffer, struct vstor_result *result)
{
	struct storvsc_packet packet, answer;
	bool came;

	vstor_execute(request, &packet);
	if (request->transfer_bytes)
		came = exchange_with_pages(storage, &packet, buffer,
		                           request->transfer_bytes, &answer);
	else
		came = storage_exchange(storage, &packet, &answer);
	return came && vstor_result_read(&answer, result);
}

static bool is_good(const struct vstor_result *result)
{
	return result->srb_status == STORVSC_SRB_SUCCESS && result->scsi_status == 0;
}

bool storage_inquiry(struct storage *storage, uint8_t lun, void *buffer, uint32_t bytes,
                     struct vstor_result *result)
{
	struct vstor_request request = {
		.lun = lun,
		.cdb_length = 6,
		.cdb = { SCSI_INQUIRY },
		.direction = STORVSC_DATA_IN,
		.transfer_bytes = bytes,
		.timeout_seconds = TIMEOUT_SECONDS,
	};

	put_be(&request.cdb[3], bytes, 2);
	return storage_command(storage, &request, buffer, result);
}

bool storage_capacity(struct storage *storage, uint8_t lun, void *page, uint64_t *blocks,
                      uint32_t *block_bytes)
{
	struct vstor_request request = {
		.lun = lun,
		.cdb_length = 16,
		.cdb = { SCSI_SERVICE_ACTION_IN, SCSI_READ_CAPACITY_16 },
		.direction = STORVSC_DATA_IN,
		.transfer_bytes = 32,
		.timeout_seconds = TIMEOUT_SECONDS,
	};
	struct vstor_result result;
	const uint8_t *data = page;

	put_be(&request.cdb[10], request.transfer_bytes, 4);
	if (!storage_command(storage, &request, page, &result) || !is_good(&result) ||
	    result.transferred_bytes < 12)
		return false;
	*blocks = get_be(data, 8) + 1;
	*block_bytes = (uint32_t)get_be(data + 8, 4);
	return true;
}

bool storage_transfer(struct storage *storage, uint8_t lun, bool write, uint64_t block,
                      uint32_t count, void *buffer, uint32_t bytes)
{
	struct vstor_request request = {
		.lun = lun,
		.cdb_length = 16,
		.cdb = { write ? SCSI_WRITE_16 : SCSI_READ_16 },
		.direction = write ? STORVSC_DATA_OUT : STORVSC_DATA_IN,
		.transfer_bytes = bytes,
		.timeout_seconds = TIMEOUT_SECONDS,
	};
	struct vstor_result result;

	put_be(&request.cdb[2], block, 8);
	put_be(&request.cdb[10], count, 4);
	return storage_command(storage, &request, buffer, &result) && is_good(&result) &&
	       result.transferred_bytes == bytes;
}

bool storage_flush(struct storage *storage, uint8_t lun)
{
	struct vstor_request request = {
		.lun = lun,
		.cdb_length = 10,
		.cdb = { SCSI_SYNCHRONIZE_CACHE_10 },
		.direction = STORVSC_DATA_NONE,
		.timeout_seconds = TIMEOUT_SECONDS,
	};
	struct vstor_result result;

	return storage_command(storage, &request, NULL, &result) && is_good(&result);
}
