/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that do no more than so much a second: what is too much waits in its order for a timer. */
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "vsp/storage/storage.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t wait_ns(const struct storage_disk *disk, uint64_t now)
{
	uint64_t iops = limit_wait_ns(&disk->iops, now);
	uint64_t bps = limit_wait_ns(&disk->bps, now);

	return iops > bps ? iops : bps;
}

static void start(struct storage_request *request, uint64_t now)
{
	bool moves_data = request->type == SCSI_READ || request->type == SCSI_WRITE;

	limit_pay(&request->disk->iops, 1, now);
	limit_pay(&request->disk->bps, moves_data ? request->bytes : 0, now);
	storage_request_start(request);
}

static bool is_limited(const struct storage_disk *disk)
{
	return disk->iops.per_second != 0 || disk->bps.per_second != 0;
}

static void set_timer(const struct storage *storage, uint64_t ns)
{
	const struct itimerspec next = { .it_value = { .tv_sec = (time_t)(ns / SECOND_NS),
		                                       .tv_nsec =
		                                               (long)(ns % SECOND_NS) } };

	/* The descriptor is a timer and the time is valid: it cannot fail. */
	(void)timerfd_settime(storage->limits_timer, 0, &next, NULL);
}

static struct storage_request *take_first(struct storage_request_list *list)
{
	struct storage_request *request = list->first;

	list->first = request->next;
	if (!list->first)
		list->last = &list->first;
	return request;
}

/* What may start by now does; `all`: whatever the limits say. */
static void start_delayed(struct storage *storage, bool all)
{
	uint64_t soonest = UINT64_MAX;
	uint64_t now = now_ns();

	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		struct storage_disk *disk = &storage->disks[lun];

		while (disk->delayed.first && (all || wait_ns(disk, now) == 0))
			start(take_first(&disk->delayed), now);
		if (disk->delayed.first && wait_ns(disk, now) < soonest)
			soonest = wait_ns(disk, now);
	}
	if (soonest != UINT64_MAX)
		set_timer(storage, soonest);
}

static void timer_ready(struct vsp *vsp, int fd, void *context)
{
	struct storage *storage = context;
	uint64_t count;

	(void)vsp;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return; /* it was set anew since, and will come again */
	start_delayed(storage, false);
	storage_pump(storage);
}

bool storage_limits_init(struct storage *storage)
{
	bool any = false;

	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		storage->disks[lun].delayed.last = &storage->disks[lun].delayed.first;
		any = any || is_limited(&storage->disks[lun]);
	}
	if (!any)
		return true;
	storage->limits_timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return storage->limits_timer >= 0 &&
	       vsp_watch(storage->vsp, storage->limits_timer, timer_ready, storage);
}

void storage_limits_start(struct storage_request *request)
{
	struct storage_disk *disk = request->disk;
	uint64_t now;

	if (!is_limited(disk)) {
		storage_request_start(request);
		return;
	}
	now = now_ns();
	if (!disk->delayed.first && wait_ns(disk, now) == 0) {
		start(request, now);
		return;
	}
	disk->counts.delayed++;
	request->next = NULL;
	*disk->delayed.last = request;
	disk->delayed.last = &request->next;
	if (disk->delayed.first == request)
		start_delayed(request->storage, false); /* it sets the timer */
}

void storage_limits_let_go(struct storage *storage)
{
	start_delayed(storage, true);
	for (unsigned int lun = 0; lun < SCSI_LUNS_MAX; lun++) {
		struct backend *backend = &storage->disks[lun].backend;

		if (storage->target.disk[lun] && backend->ops->let_go)
			backend->ops->let_go(backend);
	}
}
