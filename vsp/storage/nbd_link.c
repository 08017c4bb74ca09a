/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections to NBD servers: asked for, negotiated by libnbd, lost and made again. Sockets come from
 * viridis-nbd-connect, each twice: libnbd closes its own when it likes, and only a descriptor that is still open can be
 * taken out of an epoll set.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/lib/datagram.h"
#include "vsp/storage/core/scsi_codes.h"
#include "vsp/storage/core/scsi_device.h"
#include "vsp/storage/nbd.h"
#include "vsp/storage/nbd_connect.h"

#define SECOND_NS UINT64_C(1000000000)
#define TICK_NS   (SECOND_NS / 5)
#define SHAKE_NS  (5 * SECOND_NS)
/* Less than a worker waits for a provider to be ready. */
#define AWAIT_NS   (20 * SECOND_NS)
#define BACKOFF_NS (5 * SECOND_NS)
#define EVENTS     16

/* Of servers that do not say. */
#define TRANSFER_BYTES (UINT32_C(32) << 20)
#define DISK_BYTES_MAX (UINT64_C(1) << 62)

static struct links {
	int epoll_fd;
	int wake_fd; /* eventfd */
	int timer_fd;
	int connector;
	bool ticking;
	struct remote_disk *disks[SCSI_LUNS_MAX];
	unsigned int count;
} links;

uint64_t nbd_link_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- Being woken ---- */

static bool watch(int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(links.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool nbd_link_init(int connector)
{
	links.connector = connector;
	links.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	links.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	links.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return links.epoll_fd >= 0 && links.wake_fd >= 0 && links.timer_fd >= 0 &&
	       watch(connector, &links.connector) &&
	       watch(links.wake_fd, &links.wake_fd) &&
	       watch(links.timer_fd, &links.timer_fd);
}

int nbd_link_fd(void)
{
	return links.epoll_fd;
}

void nbd_link_wake(void)
{
	uint64_t one = 1;

	(void)!write(links.wake_fd, &one, sizeof(one)); /* full: is set */
}

static void set_timer(uint64_t period_ns)
{
	struct itimerspec time = { .it_interval.tv_nsec = (long)period_ns,
		                   .it_value.tv_nsec = (long)period_ns };

	(void)timerfd_settime(links.timer_fd, 0, &time, NULL); /* it is valid */
	links.ticking = period_ns != 0;
}

void nbd_link_tick(void)
{
	if (!links.ticking)
		set_timer(TICK_NS);
}

void nbd_link_listen(struct remote_disk *disk)
{
	unsigned int wanted = disk->nbd ? nbd_aio_get_direction(disk->nbd) : 0;
	struct epoll_event event = { .data.ptr = disk };

	event.events = (wanted & LIBNBD_AIO_DIRECTION_READ ? EPOLLIN : 0) |
	               (wanted & LIBNBD_AIO_DIRECTION_WRITE ? EPOLLOUT : 0);
	if (disk->watched < 0 || event.events == disk->interest)
		return;
	disk->interest = event.events;
	(void)epoll_ctl(links.epoll_fd, EPOLL_CTL_MOD, disk->watched, &event);
}

/* ---- Down ---- */

static uint64_t pause_ns(const struct remote_disk *disk)
{
	uint64_t pause = (SECOND_NS / 10) << (disk->tries < 6 ? disk->tries : 6);

	return pause < BACKOFF_NS ? pause : BACKOFF_NS;
}

/* N2: from here on nothing of what was begun is touched by libnbd. `why` may be libnbd's own text. */
static void go_down(struct remote_disk *disk, const char *why)
{
	uint64_t now = nbd_link_now_ns();

	nbd_copy_text(disk->why, sizeof(disk->why), why && why[0] ? why : "it hung up");
	if (disk->watched >= 0) {
		(void)epoll_ctl(links.epoll_fd, EPOLL_CTL_DEL, disk->watched, NULL);
		close(disk->watched);
	}
	disk->watched = -1;
	nbd_close(disk->nbd);
	disk->nbd = NULL;
	disk->broken = false;
	if (disk->state == NBD_UP)
		disk->down_since_ns = now;
	disk->state = NBD_DOWN;
	disk->next_try_ns = now + pause_ns(disk);
	disk->tries++;
	disk->backend->lost = true;
	nbd_take_back(disk);
	nbd_link_tick();
}

/* ---- Up ---- */

static void ask_for_socket(struct remote_disk *disk)
{
	struct nbd_connect_request request = { .lun = disk->backend->lun,
		                               .number = ++disk->number };
	const struct iovec parts[2] = { { &request, sizeof(request) } };

	disk->state = NBD_ASKED;
	if (datagram_send(links.connector, parts, NULL, 0) != VSP_SOCKET_OK)
		go_down(disk, "viridis-nbd-connect is gone");
}

/* What it may do, of all that libnbd can: plain replies, no TLS, nothing but this export. */
static bool shake_hands(struct remote_disk *disk, int socket)
{
	disk->nbd = nbd_create();
	if (!disk->nbd || nbd_set_export_name(disk->nbd, disk->uri.export_name) != 0 ||
	    nbd_set_request_structured_replies(disk->nbd, false) != 0 ||
	    nbd_set_pread_initialize(disk->nbd, false) != 0) {
		close(socket);
		return false;
	}
	return nbd_aio_connect_socket(disk->nbd, socket) == 0; /* which closes it */
}

/* ---- What the server says ---- */

static uint32_t feature(int answer, enum nbd_feature bit)
{
	return answer > 0 ? bit : 0;
}

static uint32_t features_of(struct nbd_handle *nbd)
{
	return feature(nbd_is_read_only(nbd), NBD_READ_ONLY) |
	       feature(nbd_can_flush(nbd), NBD_FLUSHES) |
	       feature(nbd_can_fua(nbd), NBD_KNOWS_FUA) |
	       feature(nbd_can_trim(nbd), NBD_TRIMS) |
	       feature(nbd_can_zero(nbd), NBD_ZEROES) |
	       feature(nbd_is_rotational(nbd), NBD_ROTATIONAL);
}

/* 0 stands for "it does not say", as it does in libnbd. */
static uint32_t block_size(struct nbd_handle *nbd, int which, uint32_t otherwise)
{
	int64_t bytes = nbd_get_block_size(nbd, which);

	return bytes <= 0 ? otherwise : bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

static void ask_export(struct nbd_handle *nbd, struct nbd_export *export)
{
	int64_t bytes = nbd_get_size(nbd);

	*export = (struct nbd_export){
		.bytes = bytes < 0 ? 0 : (uint64_t)bytes,
		.features = features_of(nbd),
		.block_bytes = block_size(nbd, LIBNBD_SIZE_MINIMUM, 1),
		.physical_block_bytes =
			block_size(nbd, LIBNBD_SIZE_PREFERRED, SCSI_BLOCK_BYTES),
		.transfer_bytes = block_size(nbd, LIBNBD_SIZE_MAXIMUM, TRANSFER_BYTES),
	};
	if (export->transfer_bytes > TRANSFER_BYTES)
		export->transfer_bytes = TRANSFER_BYTES;
	export->transfer_bytes =
		(uint32_t)round_down(export->transfer_bytes, SCSI_BLOCK_BYTES);
}

/* What a guest cannot use: then why. */
static const char *reject_reason(const struct nbd_export *export)
{
	if (export->bytes == 0 || export->bytes % SCSI_BLOCK_BYTES)
		return "its size is not a multiple of 512 bytes, or 0";
	if (export->bytes > DISK_BYTES_MAX)
		return "its size makes no sense";
	if (export->block_bytes > SCSI_BLOCK_BYTES ||
	    !nbd_is_power_of_2(export->block_bytes))
		return "it takes no blocks of 512 bytes; nbdkit --filter=blocksize does, "
		       "and qemu-nbd without --cache=none";
	if (export->transfer_bytes == 0)
		return "it takes less than 512 bytes in a command";
	return NULL;
}

static const char *reject_change(const struct remote_disk *disk,
                                 const struct nbd_export *export)
{
	if (!disk->backend->read_only && (export->features & NBD_READ_ONLY))
		return "the server lets nobody write to it; say ',ro' behind its name";
	if (!disk->known)
		return NULL;
	return export->bytes < disk->export.bytes ? "it has become smaller" : NULL;
}

static void come_up(struct remote_disk *disk)
{
	struct nbd_export export;
	const char *why;

	ask_export(disk->nbd, &export);
	why = reject_reason(&export);
	if (!why)
		why = reject_change(disk, &export);
	if (why) {
		go_down(disk, why);
		return;
	}
	disk->export = export;
	disk->state = NBD_UP;
	disk->tries = 0;
	disk->backend->lost = false;
	if (!disk->known)
		nbd_describe(disk);
	disk->known = true;
	nbd_begin_waiting(disk);
}

/* ---- Turns ---- */

/* What became of it; libnbd says why by nbd_get_error(). */
static void look_at(struct remote_disk *disk)
{
	if (!disk->nbd)
		return;
	if (disk->broken || nbd_aio_is_dead(disk->nbd) || nbd_aio_is_closed(disk->nbd))
		go_down(disk, nbd_get_error());
	else if (disk->state == NBD_SHAKING && nbd_aio_is_ready(disk->nbd))
		come_up(disk);
	else if (disk->state == NBD_UP)
		nbd_begin_waiting(disk);
	nbd_link_listen(disk);
}

static void socket_ready(struct remote_disk *disk, uint32_t events)
{
	bool ended = events & (EPOLLHUP | EPOLLERR);

	if (disk->nbd && (ended || (events & EPOLLIN)) &&
	    (nbd_aio_get_direction(disk->nbd) & LIBNBD_AIO_DIRECTION_READ))
		(void)nbd_aio_notify_read(disk->nbd); /* look_at() sees */
	if (disk->nbd && (ended || (events & EPOLLOUT)) &&
	    (nbd_aio_get_direction(disk->nbd) & LIBNBD_AIO_DIRECTION_WRITE))
		(void)nbd_aio_notify_write(disk->nbd);
	look_at(disk);
}

static void take_socket(struct remote_disk *disk, int socket, int watched)
{
	disk->state = NBD_SHAKING;
	disk->shaken_by_ns = nbd_link_now_ns() + SHAKE_NS;
	disk->watched = watched;
	disk->interest = EPOLLIN;
	if (!watch(watched, disk) || !shake_hands(disk, socket))
		go_down(disk, nbd_get_error());
	/* A quick server may have said all by now: nothing more comes then. */
	look_at(disk);
}

static struct remote_disk *find_disk(const struct nbd_connect_reply *reply)
{
	for (unsigned int i = 0; i < links.count; i++) {
		struct remote_disk *disk = links.disks[i];

		if (disk->backend->lun == reply->lun && disk->number == reply->number &&
		    disk->state == NBD_ASKED)
			return disk;
	}
	return NULL;
}

static void connector_ready(void)
{
	struct nbd_connect_reply reply;
	struct datagram datagram;
	struct remote_disk *disk;

	if (datagram_receive(links.connector, &reply, sizeof(reply), &datagram) !=
	    VSP_SOCKET_OK) {
		(void)epoll_ctl(links.epoll_fd, EPOLL_CTL_DEL, links.connector, NULL);
		return;
	}
	disk = datagram.bytes == sizeof(reply) ? find_disk(&reply) : NULL;
	reply.why[sizeof(reply.why) - 1] = '\0';
	if (disk && datagram.descriptor_count == 2) {
		take_socket(disk, datagram.descriptors[0], datagram.descriptors[1]);
		datagram.descriptors[0] = -1;
		datagram.descriptors[1] = -1;
	} else if (disk) {
		go_down(disk, reply.why);
	}
	datagram_close(&datagram);
}

static void look_at_clock(struct remote_disk *disk, uint64_t now)
{
	if (disk->state == NBD_DOWN && now >= disk->next_try_ns)
		ask_for_socket(disk);
	else if (disk->state == NBD_SHAKING && now >= disk->shaken_by_ns)
		go_down(disk, "the server does not finish the handshake");
	if (nbd_expire(disk, now)) {
		go_down(disk, "the server does not answer");
		(void)!nbd_expire(disk, now); /* all of them wait by now */
	}
}

static void timer_ready(void)
{
	uint64_t now = nbd_link_now_ns();
	bool needed = false;
	uint64_t count;

	(void)!read(links.timer_fd, &count, sizeof(count)); /* it comes again */
	for (unsigned int i = 0; i < links.count; i++) {
		struct remote_disk *disk = links.disks[i];

		look_at_clock(disk, now);
		needed = needed || disk->state != NBD_UP || !TAILQ_EMPTY(&disk->active);
	}
	if (!needed)
		set_timer(0);
}

static void woken(void)
{
	uint64_t count;

	(void)!read(links.wake_fd, &count, sizeof(count));
	for (unsigned int i = 0; i < links.count; i++)
		look_at(links.disks[i]);
}

static void event_ready(const struct epoll_event *event)
{
	if (event->data.ptr == &links.connector)
		connector_ready();
	else if (event->data.ptr == &links.timer_fd)
		timer_ready();
	else if (event->data.ptr == &links.wake_fd)
		woken();
	else
		socket_ready(event->data.ptr, event->events);
}

void nbd_link_turn(void)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(links.epoll_fd, events, EVENTS, 0);

	for (int i = 0; i < count; i++)
		event_ready(&events[i]);
	nbd_finish();
}

/* ---- A disk ---- */

struct remote_disk *nbd_link_add(struct backend *backend, const struct nbd_uri *uri,
                                 const char *name)
{
	struct remote_disk *disk = calloc(1, sizeof(*disk));

	if (!disk || links.count == ARRAY_COUNT(links.disks)) {
		free(disk);
		return NULL;
	}
	disk->backend = backend;
	disk->uri = *uri;
	nbd_copy_text(disk->name, sizeof(disk->name), name);
	disk->watched = -1;
	disk->down_since_ns = nbd_link_now_ns();
	TAILQ_INIT(&disk->waiting);
	TAILQ_INIT(&disk->active);
	links.disks[links.count++] = disk;
	ask_for_socket(disk);
	nbd_link_tick();
	return disk;
}

bool nbd_link_await(struct remote_disk *disk)
{
	uint64_t until = nbd_link_now_ns() + AWAIT_NS;
	struct pollfd wait = { .fd = links.epoll_fd, .events = POLLIN };

	while (!disk->known) {
		if (disk->tries)
			return false;
		if (nbd_link_now_ns() >= until) {
			go_down(disk, "no connection in time");
			return false;
		}
		(void)poll(&wait, 1, (int)(TICK_NS / 1000000));
		nbd_link_turn();
	}
	return true;
}
