/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worker and guest in one, for tests of provider processes. */
#define _GNU_SOURCE
#include "provider_host.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/lib/spawn.h"

#define WAIT_MS        10000
#define RING_PAGES_MAX 64u
#define WORKER_BUFFER  (1 << 20)

int (*host_backend)(int lifeline);

static int sealed_memory(uint64_t bytes)
{
	int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	ck_assert_int_eq(fallocate(fd, 0, 0, (off_t)bytes), 0); /* as the module has it */
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

static void start_process(struct host *host, const char *program, int lifeline)
{
	int bytes = WORKER_BUFFER;
	struct vsp_spawn with = { .errors = STDERR_FILENO, .backend = -1, .waiter = -1 };
	int sockets[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets),
	                 0);
	for (int i = 0; i < 2; i++)
		(void)setsockopt(sockets[i], SOL_SOCKET, SO_SNDBUF, &bytes,
		                 sizeof(bytes)); /* the default does for short texts */
	with.socket = sockets[1];
	if (host_backend)
		with.backend = host_backend(lifeline);
	ck_assert_int_eq(vsp_spawn(program, &with, &host->pid), 0);
	if (with.backend >= 0)
		close(with.backend);
	close(sockets[1]);
	host->socket = sockets[0];
}

/* Started, and greeted with the memory and the table that there are. */
static void introduce(struct host *host, const char *program)
{
	struct vsp_message hello = { .type = VSP_HELLO,
		                     .number = VSP_PROTOCOL_VERSION,
		                     .offset = vsp_user_of(HOST_PARTITION) };
	struct vsp_map map;
	int lifeline[2];

	vsp_map_for_ram(&map, HOST_RAM_BYTES);
	ck_assert_int_eq(pipe2(lifeline, O_CLOEXEC), 0);
	start_process(host, program, lifeline[1]);
	hello.count = map.count;
	hello.tail = map.range;
	host->lifeline = lifeline[0];
	ck_assert_int_eq(vsp_socket_send(host->socket, &hello,
	                                 (const int[]){ host->memory.fd, lifeline[1],
	                                                host->table },
	                                 3),
	                 VSP_SOCKET_OK);
	close(lifeline[1]);
}

void host_start(struct host *host, const char *program)
{
	struct vsp_map map;

	memset(host, 0, sizeof(*host));
	vsp_map_for_ram(&map, HOST_RAM_BYTES);
	ck_assert(vsp_guest_memory_init(&host->memory, &map,
	                                sealed_memory(HOST_RAM_BYTES)));
	host->table = sealed_memory(VSP_TABLE_BYTES);
	introduce(host, program);
}

void host_replace(struct host *host, const char *program)
{
	int status;

	ck_assert_int_eq(kill(host->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(host->pid, &status, 0), host->pid);
	ck_assert(host_over(host, WAIT_MS));
	close(host->socket);
	close(host->lifeline);
	introduce(host, program);
}

bool host_over(const struct host *host, int milliseconds)
{
	struct pollfd wait = { .fd = host->lifeline };

	return poll(&wait, 1, milliseconds) == 1 && (wait.revents & POLLHUP);
}

void host_send(struct host *host, enum vsp_message_type type, uint32_t channel,
               uint32_t number, const char *text)
{
	struct vsp_message message = {
		.type = type,
		.channel = channel,
		.number = number,
		.count = (uint32_t)strlen(text),
		.tail = text,
	};

	ck_assert_int_eq(vsp_socket_send(host->socket, &message, NULL, 0), VSP_SOCKET_OK);
}

static void wait_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	ck_assert_msg(poll(&wait, 1, WAIT_MS) == 1, "the provider keeps silent");
}

const struct vsp_message *host_expect(struct host *host, enum vsp_message_type type)
{
	const struct vsp_message *message = &host->packet.message;

	do {
		wait_readable(host->socket);
		ck_assert_int_eq(vsp_socket_receive(host->socket, VSP_PROVIDER,
		                                    &host->packet),
		                 VSP_SOCKET_OK);
	} while (message->type == VSP_LOG && type != VSP_LOG);
	ck_assert_msg(message->type == type, "a message %s instead of %s",
	              vsp_message_name(message->type), vsp_message_name(type));
	return message;
}

bool host_configure(struct host *host, const char *json)
{
	host_send(host, VSP_CONFIG, 0, 0, json);
	return host_expect(host, VSP_READY)->number == 0;
}

int host_stop(struct host *host)
{
	int status;

	close(host->socket);
	ck_assert_int_eq(waitpid(host->pid, &status, 0), host->pid);
	close(host->lifeline);
	close(host->table);
	vsp_guest_memory_fini(&host->memory);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Odd pages first, so that no two neighbours stay together. */
static void wild_order(uint64_t *list, uint64_t pfn, uint32_t pages)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < pages; i += 2)
		list[at++] = pfn + i;
	for (uint32_t i = 0; i < pages; i += 2)
		list[at++] = pfn + i;
}

static void list_pages(const struct host_channel *channel, uint64_t *list)
{
	wild_order(list, channel->pfn, channel->pages);
	wild_order(list + channel->pages, channel->pfn + channel->pages, channel->pages);
}

static bool send_open(const struct host_channel *channel, enum vsp_message_type type)
{
	struct host *host = channel->host;
	uint64_t list[2 * RING_PAGES_MAX];
	struct vsp_message open = {
		.type = type,
		.channel = channel->id,
		.number = channel->index,
		.offset = channel->pages,
		.count = 2 * channel->pages,
		.tail = list,
	};
	int events[2] = { channel->event_to_provider, channel->event_to_guest };

	list_pages(channel, list);
	ck_assert_int_eq(vsp_socket_send(host->socket, &open, events, 2), VSP_SOCKET_OK);
	if (host_expect(host, VSP_OPENED)->number != 0)
		return false;
	ck_assert_uint_eq(host->packet.message.channel, channel->id);
	host_send(host, VSP_START, channel->id, 0, "");
	return true;
}

void host_open(struct host *host, struct host_channel *channel, uint32_t id, uint64_t pfn,
               uint32_t pages)
{
	host_open_sub(host, channel, id, 0, pfn, pages);
}

void host_open_sub(struct host *host, struct host_channel *channel, uint32_t id,
                   uint32_t index, uint64_t pfn, uint32_t pages)
{
	uint64_t list[2 * RING_PAGES_MAX];

	ck_assert_uint_le(pages, RING_PAGES_MAX);
	memset(channel, 0, sizeof(*channel));
	channel->host = host;
	channel->id = id;
	channel->index = index;
	channel->event_to_provider = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->event_to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->pfn = pfn;
	channel->pages = pages;
	list_pages(channel, list);
	memset(host->memory.base + pfn * PAGE_4K, 0, 2 * pages * PAGE_4K);
	ck_assert(vsp_ring_map(&host->memory, list, pages, &channel->upstream));
	ck_assert(vsp_ring_map(&host->memory, list + pages, pages, &channel->downstream));
	ck_assert_int_eq(ring_producer_init(&channel->out, &channel->upstream), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&channel->in, &channel->downstream), RING_OK);
	ck_assert(send_open(channel, VSP_OPEN));
}

bool host_try_resume(struct host_channel *channel)
{
	return send_open(channel, VSP_RESUME);
}

void host_resume(struct host_channel *channel)
{
	ck_assert(host_try_resume(channel));
}

void host_close(struct host_channel *channel)
{
	host_send(channel->host, VSP_CLOSE, channel->id, 0, "");
	ck_assert_uint_eq(host_expect(channel->host, VSP_CLOSED)->channel, channel->id);
	vsp_ring_unmap(&channel->upstream);
	vsp_ring_unmap(&channel->downstream);
	close(channel->event_to_provider);
	close(channel->event_to_guest);
}

void host_signal(const struct host_channel *channel)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(channel->event_to_provider, &one, sizeof(one)),
	                 sizeof(one));
}

bool host_poll(struct host_channel *channel, struct ring_received *received)
{
	enum ring_status status = ring_get(&channel->in, channel->packet,
	                                   sizeof(channel->packet), received);

	if (status == RING_EMPTY)
		return false;
	ck_assert_int_eq(status, RING_OK);
	if (ring_release(&channel->in))
		host_signal(channel);
	return true;
}

void host_receive(struct host_channel *channel, struct ring_received *received)
{
	while (!host_poll(channel, received)) {
		uint64_t count;

		wait_readable(channel->event_to_guest);
		ck_assert_int_eq(read(channel->event_to_guest, &count, sizeof(count)),
		                 sizeof(count));
	}
}
