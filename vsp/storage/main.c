/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis-storage: the provider of SCSI disks, one process a controller. This file opens
 * the disks and carries the worker's orders to the channel.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <viridis/base/bits.h>

#include "root-partition/config/json_text.h"
#include "vsp/storage/config.h"
#include "vsp/storage/core/nbd_uri.h"
#include "vsp/storage/remote.h"
#include "vsp/storage/storage.h"

#define LOG_LINES_PER_SECOND 5u

void storage_log(struct storage *storage, enum vsp_log_level level, const char *format,
                 ...)
{
	char line[256];
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != storage->log_second) {
		storage->log_second = now.tv_sec;
		storage->log_lines = 0;
	}
	if (storage->log_lines++ >= LOG_LINES_PER_SECOND)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	vsp_log(storage->vsp, level, "storage: %s", line);
}

/* ---- Configuration ---- */

static uint8_t physical_exponent(uint32_t physical_bytes)
{
	uint32_t blocks = physical_bytes / SCSI_BLOCK_BYTES;

	/* A file system's block is no sector; past 4 KiB guests only waste space on it. */
	if (blocks > PAGE_4K / SCSI_BLOCK_BYTES)
		blocks = PAGE_4K / SCSI_BLOCK_BYTES;
	return blocks == 0 ? 0 : (uint8_t)highest_bit32(blocks);
}

/* Once its medium is known. */
static void add_disk(struct storage *storage, const struct storage_disk_config *wanted)
{
	struct storage_disk *disk = &storage->disks[wanted->lun];
	const struct backend *backend = &disk->backend;

	disk->model = (struct scsi_disk){
		.blocks = backend->bytes / SCSI_BLOCK_BYTES,
		.max_transfer_blocks = STORAGE_TRANSFER_BYTES / SCSI_BLOCK_BYTES,
		.physical_exponent = physical_exponent(backend->physical_block_bytes),
		.read_only = backend->read_only,
		.can_unmap = backend->can_unmap,
		.unmapped_reads_zero = backend->unmapped_reads_zero,
		.rotational = backend->rotational,
		.write_through = wanted->write_through,
		.identity = wanted->identity,
		.has_grown = storage->table->grown & BIT64(wanted->lun),
	};
	storage->luns |= BIT64(wanted->lun);
	storage->target.disk[wanted->lun] = &disk->model;
	if (wanted->serial[0])
		memcpy(disk->model.serial, wanted->serial, sizeof(disk->model.serial));
	else
		snprintf(disk->model.serial, sizeof(disk->model.serial), "%016llx",
		         (unsigned long long)disk->model.identity);
}

/* Files and devices are; whoever has a server's disk is asked inside the sandbox. */
static bool settle_disk(struct storage *storage, const struct storage_disk_config *wanted,
                        char *error, size_t error_bytes)
{
	struct storage_disk *disk = &storage->disks[wanted->lun];
	const struct backend_ops *ops = disk->backend.ops;

	if (ops->settle && !ops->settle(&disk->backend, error, error_bytes))
		return false;
	add_disk(storage, wanted);
	return true;
}

/* Of the same disk before, or nothing but what was told of another. */
static struct in_flight_disk *recall_disk(struct storage *storage,
                                          const struct storage_disk_config *wanted)
{
	struct in_flight_disk *past = &storage->table->disks[wanted->lun];

	if (past->identity != wanted->identity)
		*past = (struct in_flight_disk){ .identity = wanted->identity,
			                         .features = past->features &
			                                     IN_FLIGHT_DISK_LOST };
	return past;
}

static bool open_disk(struct storage *storage, const struct storage_disk_config *wanted,
                      char *error, size_t error_bytes)
{
	struct storage_disk *disk = &storage->disks[wanted->lun];
	bool is_remote = nbd_uri_is(wanted->path);

	if (is_remote && !storage_remote) {
		snprintf(error, error_bytes, "disk %s: viridis-storage-nbd is needed",
		         wanted->path);
		return false;
	}
	disk->backend = (struct backend){
		.ops = is_remote ? storage_remote->ops : &backend_file,
		.uring = &storage->uring,
		.read_only = wanted->read_only,
		.cached = wanted->cached,
		.timeout_s = wanted->timeout_s,
		.lun = wanted->lun,
		.remembered = recall_disk(storage, wanted),
	};
	disk->iops.per_second = wanted->iops;
	disk->bps.per_second = wanted->bps;
	if (!disk->backend.ops->open(&disk->backend, wanted->path, error, error_bytes))
		return false;
	if (!is_remote && !disk->backend.direct && !wanted->cached)
		storage_log(storage, VSP_LOG_WARNING,
		            "%s refuses direct I/O: the root's page cache is used",
		            wanted->path);
	return true;
}

static void completions_ready(struct vsp *vsp, int fd, void *context)
{
	struct storage *storage = context;

	(void)vsp;
	(void)fd;
	uring_reap(&storage->uring);
	storage_pump(storage);
	/* An I/O whose rest was queued while the channel is closing. */
	uring_submit(&storage->uring);
}

static void remote_ready(struct vsp *vsp, int fd, void *context)
{
	struct storage *storage = context;

	(void)vsp;
	(void)fd;
	storage_remote->turn();
	storage_pump(storage);
	storage_tell_servers(storage);
}

/* There is a disk that is one of a server's, or one that is not. */
static bool any_disk(const struct storage_config *config, bool remote)
{
	for (unsigned int i = 0; i < config->disk_count; i++)
		if (nbd_uri_is(config->disk[i].path) == remote)
			return true;
	return false;
}

/*
 * What files and devices read and write. A server's bytes come by a socket, and nothing would use it. Very much memory would
 * take too long: a provider has its time to be ready.
 */
static void add_memory(struct storage *storage, const struct storage_config *config)
{
	uint64_t bytes;
	void *memory = vsp_whole_memory(storage->vsp, &bytes);

	if (!memory || !any_disk(config, false) || bytes > URING_MEMORY_MAX)
		return;
	/* Many pages at a fault, where holding them would take one for each. What fails here is seen there. */
	(void)madvise(memory, bytes, MADV_POPULATE_READ);
	uring_add_memory(&storage->uring, memory, bytes);
}

static bool set_up(struct storage *storage, const struct storage_config *config,
                   char *error, size_t error_bytes)
{
	if (storage_remote && any_disk(config, true) &&
	    (!storage_remote->init(VSP_BACKEND_FD) ||
	     !vsp_watch(storage->vsp, storage_remote->fd(), remote_ready, storage))) {
		snprintf(error, error_bytes, "disks of servers: %s", strerror(errno));
		return false;
	}
	for (unsigned int i = 0; i < config->disk_count; i++) {
		if (!open_disk(storage, &config->disk[i], error, error_bytes))
			return false;
	}
	if (!storage_limits_init(storage)) {
		snprintf(error, error_bytes, "timer: %s", strerror(errno));
		return false;
	}
	add_memory(storage, config);
	if (!uring_hold_file(&storage->uring, vsp_lifeline(storage->vsp)) ||
	    !uring_seal(&storage->uring) ||
	    !vsp_watch(storage->vsp, uring_fd(&storage->uring), completions_ready,
	               storage)) {
		snprintf(error, error_bytes, "io_uring: %s", strerror(errno));
		return false;
	}
	return true;
}

/* A process that fails here ends, which closes and frees everything. */
static bool configure(struct vsp *vsp, const char *json, char *error, size_t error_bytes)
{
	struct storage *storage = vsp_context(vsp);

	storage->vsp = vsp;
	if (!storage_config_parse(&storage->config, json, error, error_bytes))
		return false;
	if (!storage_requests_init(storage, vsp_table(vsp)) ||
	    !uring_init(&storage->uring, STORAGE_REQUESTS_MAX)) {
		snprintf(error, error_bytes, "io_uring: %s", strerror(errno));
		return false;
	}
	return set_up(storage, &storage->config, error, error_bytes);
}

static bool settle(struct vsp *vsp, char *error, size_t error_bytes)
{
	struct storage *storage = vsp_context(vsp);
	const struct storage_config *config = &storage->config;

	for (unsigned int i = 0; i < config->disk_count; i++)
		if (!settle_disk(storage, &config->disk[i], error, error_bytes))
			return false;
	storage_config_free(&storage->config);
	return true;
}

/* ---- The channel ---- */

static bool channel_open(struct vsp *vsp, struct vsp_channel *channel)
{
	return storage_channel_open(vsp_context(vsp), channel);
}

static bool channel_resume(struct vsp *vsp, struct vsp_channel *channel)
{
	return storage_channel_resume(vsp_context(vsp), channel);
}

static void channels_offered(struct vsp *vsp, struct vsp_channel *channel, uint32_t count)
{
	(void)vsp;
	(void)channel;
	(void)count; /* the guest uses those that it is offered */
}

static void channel_started(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	storage_channel_pump(channel->context);
}

static void channel_signalled(struct vsp *vsp, struct vsp_channel *channel)
{
	struct storage *storage = vsp_context(vsp);

	storage->counts.signals_in++;
	storage_channel_pump(channel->context);
}

static void channel_close(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	storage_channel_close(channel->context);
}

/* ---- Orders ---- */

/* The order's name, to be freed; NULL when the text is none. */
static char *command_name(const char *json)
{
	g_autoptr(json_t)
		order = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
	const char *name = NULL;

	(void)json_text_get_string(json_object_get(order, "command"), &name);
	return g_strdup(name);
}

/* The guest learns it by unit attention at its next command, which the announcement makes it give. */
static void grow_disks(struct storage *storage, uint32_t tag)
{
	g_autofree char *answer = NULL;
	unsigned int grown = 0;

	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		if (!storage->target.disk[lun] || !storage_disk_grow(storage, lun))
			continue;
		/* It stays noted: who is told twice only looks twice. */
		storage->table->grown |= BIT64(lun);
		storage->disks[lun].model.has_grown = true;
		grown++;
	}
	if (grown)
		storage_channel_announce(storage);
	answer = g_strdup_printf("{\"ok\":true,\"grown\":%u}", grown);
	vsp_event(storage->vsp, tag, answer);
}

static void command(struct vsp *vsp, uint32_t tag, const char *json)
{
	g_autofree char *name = command_name(json);
	g_autofree char *statistics = NULL;

	if (g_strcmp0(name, "stats") == 0) {
		statistics = storage_statistics_json(vsp_context(vsp));
		vsp_event(vsp, tag, statistics);
	} else if (g_strcmp0(name, "resize") == 0) {
		grow_disks(vsp_context(vsp), tag);
	} else {
		vsp_event(vsp, tag, "{\"ok\":false,\"error\":\"no such command\"}");
	}
}

int main(void)
{
	const struct vsp_provider provider = {
		.name = "viridis-storage",
		.configure = configure,
		.settle = settle,
		.more_calls = storage_remote ? storage_remote->calls : NULL,
		.more_call_count = storage_remote ? storage_remote->call_count : 0,
		.open = channel_open,
		.resume = channel_resume,
		.offered = channels_offered,
		.started = channel_started,
		.signalled = channel_signalled,
		.close = channel_close,
		.command = command,
	};
	static struct storage storage;

	return vsp_main(&provider, &storage);
}
