/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One SCSI request: the guest's pages as iovecs, the command through the device model, the I/O
 * by the disk's backend straight from and to those pages.
 *
 * The guest can write its pages at any time; what is looked at (parameters of UNMAP and the
 * like) is copied first, once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <viridis/base/bits.h>

#include "vsp/storage/storage.h"

/* ---- Slots ---- */

bool storage_requests_init(struct storage *storage, void *table)
{
	storage->table = table;
	(void)in_flight_init(
		storage->table); /* an empty one has nothing to be taken up */
	storage->requests = calloc(STORAGE_REQUESTS_MAX, sizeof(*storage->requests));
	if (!storage->requests)
		return false;
	for (unsigned int i = STORAGE_REQUESTS_MAX; i-- > 0;) {
		storage->requests[i].storage = storage;
		storage->requests[i].slot = &storage->table->slots[i];
		if (storage->table->slots[i].busy)
			storage->orphans++;
		else
			storage_request_free(&storage->requests[i]);
	}
	for (unsigned int i = 0; i < STORAGE_BOUNCES_MAX; i++) {
		void *buffer = aligned_alloc(PAGE_4K, STORAGE_TRANSFER_BYTES);

		if (!buffer)
			return false;
		storage->free_bounces[storage->free_bounce_count++] = buffer;
	}
	return true;
}

static void forget(struct storage *storage, unsigned int number)
{
	storage->table->slots[number].busy = 0;
	storage->orphans--;
	storage_request_free(&storage->requests[number]);
}

void storage_requests_forget(struct storage *storage, uint32_t channel)
{
	for (unsigned int i = 0; storage->orphans && i < STORAGE_REQUESTS_MAX; i++) {
		const struct in_flight_slot *slot = &storage->table->slots[i];

		if (slot->busy && slot->channel == channel)
			forget(storage, i);
	}
}

static bool is_open(const struct storage *storage, uint32_t id)
{
	for (unsigned int i = 0; i < storage->channel_limit; i++)
		if (storage->channels[i].vsp && storage->channels[i].vsp->id == id)
			return true;
	return false;
}

/* Of channels that were closed while nobody served them. */
static void forget_orphans(struct storage *storage)
{
	for (unsigned int i = 0; i < STORAGE_REQUESTS_MAX; i++) {
		const struct in_flight_slot *slot = &storage->table->slots[i];

		if (slot->busy && !is_open(storage, slot->channel))
			forget(storage, i);
	}
	storage->orphans = 0; /* those of open channels were taken up */
}

static void clear(struct storage_request *request)
{
	request->next = NULL;
	request->disk = NULL;
	request->memory_count = 0;
	request->memory_bytes = 0;
	request->bounce = NULL;
	request->extents_left = 0;
	request->handshakes = false;
}

unsigned int storage_requests_resume(struct storage *storage,
                                     struct in_flight_channel *record,
                                     uint32_t write_index, uint16_t *numbers,
                                     uint32_t *answered)
{
	bool was_busy[STORAGE_REQUESTS_MAX];
	unsigned int count;

	for (unsigned int i = 0; i < STORAGE_REQUESTS_MAX; i++)
		was_busy[i] = storage->table->slots[i].busy &&
		              storage->table->slots[i].channel == record->id;
	count = in_flight_resume(storage->table, record, write_index, numbers, answered);
	for (unsigned int i = 0; i < STORAGE_REQUESTS_MAX; i++)
		if (was_busy[i] && !storage->table->slots[i].busy)
			forget(storage, i);
	for (unsigned int i = 0; i < count; i++)
		clear(&storage->requests[numbers[i]]);
	storage->orphans -= count;
	return count;
}

struct storage_request *storage_request_take(struct storage *storage)
{
	struct storage_request *request;

	if (!storage->free_requests && storage->orphans)
		forget_orphans(storage);
	request = storage->free_requests;
	if (!request)
		return NULL;
	storage->free_requests = request->next;
	clear(request);
	return request;
}

void storage_request_free(struct storage_request *request)
{
	struct storage *storage = request->storage;

	request->next = storage->free_requests;
	storage->free_requests = request;
}

/* ---- The guest's buffer ---- */

/* Behind the pieces up to `end`: as a part of the last, or as another. The new end. */
static inline struct iovec *add_piece(const struct storage_request *request,
                                      struct iovec *end, uint8_t *at, uint32_t bytes)
{
	struct iovec *last = end - 1;

	if (end != request->memory && (uint8_t *)last->iov_base + last->iov_len == at) {
		last->iov_len += bytes;
		return end;
	}
	*end = (struct iovec){ .iov_base = at, .iov_len = bytes };
	return end + 1;
}

static bool map_range(struct storage_request *request, struct vsp_ram *ram,
                      const struct gpa_list *list, const struct gpa_range *range)
{
	const struct vsp *vsp = request->storage->vsp;
	const uint64_t *pfns = &list->pfns[range->first_pfn];
	struct iovec *end = &request->memory[request->memory_count];
	uint32_t offset = range->offset;
	uint32_t left = range->bytes;
	uint32_t run;

	for (uint32_t i = 0; i < range->page_count; i += run) {
		uint8_t *pages;
		uint32_t bytes;

		run = gpa_run_length(pfns + i, range->page_count - i);
		pages = vsp_ram_pages(vsp, ram, pfns[i], &run);
		if (!pages)
			return false;
		bytes = run * VMBUS_PAGE_BYTES - offset;
		if (bytes > left)
			bytes = left;
		end = add_piece(request, end, pages + offset, bytes);
		left -= bytes;
		offset = 0;
	}
	request->memory_count = (unsigned int)(end - request->memory);
	request->memory_bytes += range->bytes;
	return true;
}

bool storage_request_map(struct storage_request *request, const struct gpa_list *list)
{
	struct vsp_ram ram = { .bytes = 0 };

	for (uint32_t i = 0; i < list->range_count; i++) {
		if (!map_range(request, &ram, list, &list->ranges[i]))
			return false;
	}
	return true;
}

/* To or from the start of the guest's buffer; returns how much of it there was. */
static uint32_t copy_memory(const struct storage_request *request, uint8_t *ours,
                            uint32_t bytes, bool to_guest)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < request->memory_count && done < bytes; i++) {
		const struct iovec *piece = &request->memory[i];
		uint32_t length = bytes - done;

		if (length > piece->iov_len)
			length = (uint32_t)piece->iov_len;
		if (to_guest)
			memcpy(piece->iov_base, ours + done, length);
		else
			memcpy(ours + done, piece->iov_base, length);
		done += length;
	}
	return done;
}

/* ---- Answers ---- */

static void answer_medium(struct storage_request *request, enum scsi_medium_status status)
{
	struct vstor_result result;
	bool moves_data = request->type == SCSI_READ || request->type == SCSI_WRITE;

	scsi_answer_medium(request->type, status,
	                   moves_data ? (uint32_t)request->bytes : 0, &result);
	vstor_complete(&request->packet, &result, &request->answer);
}

static enum storage_begin answer_response(struct storage_request *request,
                                          struct scsi_response *response,
                                          uint32_t room_bytes)
{
	uint32_t bytes = response->data_bytes < room_bytes ? response->data_bytes :
	                                                     room_bytes;
	struct vstor_result result;

	bytes = copy_memory(request, response->data, bytes, true);
	scsi_answer_response(response, bytes, &result);
	vstor_complete(&request->packet, &result, &request->answer);
	return STORAGE_ANSWERED;
}

/* The one place where errno becomes something a guest understands. */
static enum scsi_medium_status medium_status(int error)
{
	switch (error) {
	case 0:
		return SCSI_MEDIUM_OK;
	case ENOSPC:
	case EDQUOT:
		return SCSI_MEDIUM_NO_SPACE;
	case EROFS:
	case EPERM:
	case EBADF:
		return SCSI_MEDIUM_READ_ONLY;
	case ENOMEM:
	case EAGAIN:
	case EINTR:
	case EFAULT:
	case ETIMEDOUT: /* its server is gone */
		return SCSI_MEDIUM_FAILURE;
	default:
		return SCSI_MEDIUM_ERROR;
	}
}

static void count_done(struct storage_request *request, int error)
{
	struct storage_disk_counts *counts = &request->disk->counts;

	if (error != 0) {
		counts->errors++;
		storage_log(request->storage, VSP_LOG_WARNING, "lun %u: %s failed: %s",
		            (unsigned int)(request->disk - request->storage->disks),
		            request->type == SCSI_READ ? "a read" : "a write or flush",
		            strerror(error));
		return;
	}
	switch (request->type) {
	case SCSI_READ:
		counts->reads++;
		counts->read_bytes += request->bytes;
		break;
	case SCSI_WRITE:
		counts->writes++;
		counts->written_bytes += request->bytes;
		break;
	case SCSI_FLUSH:
		counts->flushes++;
		break;
	case SCSI_DISCARD:
	case SCSI_ZERO:
		counts->unmaps++;
		break;
	case SCSI_RESPOND:
		break;
	}
}

static void give_back_bounce(struct storage_request *request, int error)
{
	struct storage *storage = request->storage;

	if (!request->bounce)
		return;
	if (error == 0 && request->type == SCSI_READ)
		(void)copy_memory(request, request->bounce, (uint32_t)request->bytes,
		                  true); /* the buffer was found long enough */
	storage->free_bounces[storage->free_bounce_count++] = request->bounce;
	request->bounce = NULL;
}

/* ---- I/O ---- */

static void io_done(struct backend_io *io, int error);

static void start_io(struct storage_request *request, const struct scsi_extent *extent)
{
	const struct backend_ops *ops = request->disk->backend.ops;
	struct backend_io *io = &request->io;

	io->backend = &request->disk->backend;
	io->done = io_done;
	io->offset = extent->offset;
	io->bytes = extent->bytes;
	switch (request->type) {
	case SCSI_READ:
		ops->read(io);
		break;
	case SCSI_WRITE:
		ops->write(io);
		break;
	case SCSI_FLUSH:
		ops->flush(io);
		break;
	case SCSI_DISCARD:
		ops->discard(io);
		break;
	case SCSI_ZERO:
		ops->zero(io);
		break;
	case SCSI_RESPOND:
		abort(); /* answered without I/O */
	}
}

static void io_done(struct backend_io *io, int error)
{
	/* io is the request's first member. */
	struct storage_request *request = (struct storage_request *)io;

	if (error == 0 && request->extents_left != 0) {
		start_io(request, &request->extents[--request->extents_left]);
		return;
	}
	give_back_bounce(request, error);
	count_done(request, error);
	answer_medium(request, medium_status(error));
	storage_request_done(request);
}

void storage_request_start(struct storage_request *request)
{
	start_io(request, &request->first);
}

/* The first `bytes` of the guest's buffer as the backend's own array. Is all of it aligned? */
static bool lay_out_work(struct storage_request *request, uint64_t bytes,
                         uint32_t alignment)
{
	unsigned int count = 0;
	uint64_t bits = 0;

	for (uint64_t left = bytes; left != 0; count++) {
		struct iovec piece = request->memory[count];

		if (piece.iov_len > left)
			piece.iov_len = left;
		bits |= (uintptr_t)piece.iov_base | piece.iov_len;
		left -= piece.iov_len;
		request->work[count] = piece;
	}
	request->io.memory = request->work;
	request->io.memory_count = count;
	return is_aligned(bits, alignment);
}

/* Direct I/O wants alignment that a guest need not give: then, and only then, copy. */
static bool take_bounce(struct storage_request *request)
{
	struct storage *storage = request->storage;

	if (storage->free_bounce_count == 0)
		return false;
	request->bounce = storage->free_bounces[--storage->free_bounce_count];
	if (request->type == SCSI_WRITE)
		(void)copy_memory(request, request->bounce, (uint32_t)request->bytes,
		                  false); /* the buffer was found long enough */
	request->work[0] = (struct iovec){ request->bounce, request->bytes };
	request->io.memory_count = 1;
	storage->counts.bounced++;
	storage->counts.bounced_bytes += request->bytes;
	return true;
}

static enum storage_begin begin_io(struct storage_request *request,
                                   const struct scsi_action *action, uint8_t lun)
{
	bool moves_data = action->type == SCSI_READ || action->type == SCSI_WRITE;
	static const struct scsi_extent nothing; /* FLUSH has no extent */
	const struct scsi_extent *first = action->extent_count ? action->extents :
	                                                         &nothing;

	request->disk = &request->storage->disks[lun];
	request->type = action->type;
	request->bytes = first->bytes;
	request->io.durable = action->durable || request->disk->model.write_through;
	request->io.unmap = action->unmap;
	if (moves_data &&
	    !lay_out_work(request, first->bytes, request->disk->backend.alignment) &&
	    !take_bounce(request))
		return STORAGE_NO_ROOM;
	if (action->extent_count > 1) {
		request->extents_left = action->extent_count - 1;
		memcpy(request->extents, &action->extents[1],
		       request->extents_left * sizeof(action->extents[0]));
	}
	request->first = *first;
	storage_limits_start(request);
	return STORAGE_BEGUN;
}

bool storage_disk_grow(struct storage *storage, unsigned int lun)
{
	struct storage_disk *disk = &storage->disks[lun];

	if (!disk->backend.ops->grow(&disk->backend))
		return false;
	disk->model.blocks = disk->backend.bytes / SCSI_BLOCK_BYTES;
	storage_log(storage, VSP_LOG_INFO, "lun %u: has grown to %llu bytes", lun,
	            (unsigned long long)disk->backend.bytes);
	return true;
}

/* Who asks for the capacity, in a rescan, gets it as it is now; and is told so by the answer alone. */
static void look_again(struct storage *storage, const struct scsi_request *scsi)
{
	bool asks = scsi->cdb_length > 1 && (scsi->cdb[0] == SCSI_READ_CAPACITY_10 ||
	                                     scsi->cdb[0] == SCSI_SERVICE_ACTION_IN_16);

	if (asks && scsi->path == 0 && scsi->target == 0 && scsi->lun < SCSI_LUNS_MAX &&
	    storage->target.disk[scsi->lun])
		(void)storage_disk_grow(storage, scsi->lun);
}

enum storage_begin storage_request_begin(struct storage_request *request,
                                         const struct vstor_request *vstor)
{
	/* Scratch of the one thread: on the stack the compiler would fill it with zeros for every request. */
	static uint8_t parameters[SCSI_PARAMETER_BYTES_MAX];
	static struct scsi_action action;
	struct scsi_request scsi;

	scsi_request_from(vstor, &scsi);
	scsi.parameters = parameters;
	scsi.parameter_bytes =
		copy_memory(request, parameters, scsi_parameter_bytes(&scsi), false);
	look_again(request->storage, &scsi);
	scsi_execute(&request->storage->target, &scsi, &action);
	if (action.type == SCSI_RESPOND)
		return answer_response(request, &action.response, scsi.data_in_bytes);
	return begin_io(request, &action, vstor->lun);
}
