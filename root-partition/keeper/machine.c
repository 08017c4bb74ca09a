/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes rights to make: a machine's memory and partition, and the processes of its providers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_host.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/store.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/internal.h"
#include "vsp/lib/socket.h"
#include "vsp/lib/spawn.h"

#define PARTITIONS_MAX 1024u
#define GONE_PERIOD_MS 5
#define GONE_LIMIT_MS  20000

/* More than viridis-nbd-connect waits for servers to hang up. */
#define HELPER_LIMIT_MS 3000

void keeper_show_definition(const struct keeper *keeper)
{
	g_autofree char *path = paths_of(keeper->definition->name, PATH_RUNNING);
	g_autofree char *text = definition_to_json(keeper->definition);
	g_autoptr(GError) error = NULL;

	if (!g_file_set_contents(path, text, -1, &error))
		vm_log("keeper: %s", error->message);
}

/* ---- Memory ---- */

#define SHMEM_HUGE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/*
 * A kernel that gives no huge pages to shared memory is told to give them to mappings that ask. Any other choice
 * is the administrator's and stays. Where this is not permitted, small pages are used.
 */
static void allow_huge_pages(void)
{
	char text[128] = "";
	int fd = open(SHMEM_HUGE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "[never]"))
		(void)!write(fd, "advise", strlen("advise"));
	close(fd);
}

/*
 * Sealed before anyone else sees it, so that no process can be surprised by a hole or an end.
 * Transparent huge pages where they can be had, as rings are mapped from single pages: see vsp/lib/memory.c.
 */
bool keeper_make_memory(struct keeper *keeper, GError **error)
{
	uint64_t bytes = keeper->definition->memory_bytes;
	struct vsp_map map;
	int fd;

	if (keeper->definition->attach_pid) /* it comes with the partition */
		return true;
	fd = memfd_create("viridis-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	allow_huge_pages(); /* before it is mapped: that has the address aligned, too */
	vsp_map_for_ram(&map, bytes);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 ||
	    !vsp_guest_memory_init(&keeper->memory, &map, fd)) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return keeper_fail(error, -saved, "guest memory");
	}
	(void)madvise(keeper->memory.base, bytes, MADV_HUGEPAGE);
	return true;
}

/*
 * What a machine left in its memory is not for the next one, nor to be kept beside its pages. Pages that are there
 * already are pinned many at a time; where this fails they come one by one, or not at all, and mapping says so.
 */
static bool renew_memory(struct keeper *keeper, GError **error)
{
	if (keeper->memory_used &&
	    fallocate(keeper->memory.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
	              (off_t)keeper->memory.bytes) != 0)
		return keeper_fail(error, -errno, "guest memory");
	keeper->memory_used = true;
	(void)madvise(keeper->memory.base, keeper->memory.bytes, MADV_POPULATE_WRITE);
	return true;
}

static bool map_memory(struct keeper *keeper, GError **error)
{
	const struct vsp_map *map = &keeper->memory.map;

	for (uint32_t i = 0; i < map->count; i++) {
		int result = mshv_map_memory(
			&keeper->partition, map->range[i].gpa,
			keeper->memory.base + map->range[i].offset, map->range[i].bytes,
			MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE);

		if (result < 0) {
			g_autofree char *size =
				size_text_format(keeper->definition->memory_bytes);
			g_autofree char *what = g_strdup_printf("memory %s", size);

			return keeper_fail(error, result, what);
		}
	}
	return true;
}

/* ---- The partition ---- */

static bool partition_lives(const struct keeper *keeper)
{
	g_autofree struct viridis_partition_info *infos =
		g_new0(struct viridis_partition_info, PARTITIONS_MAX);
	uint32_t count = PARTITIONS_MAX;

	if (mshv_info(keeper->device, infos, &count, NULL) != 0)
		return true;
	for (uint32_t i = 0; i < MIN(count, PARTITIONS_MAX); i++)
		if (infos[i].partition_id == keeper->partition.id)
			return true;
	return count > PARTITIONS_MAX;
}

/* The last descriptor of the machine before has been closed, or is about to be. */
static bool await_end(struct keeper *keeper, GError **error)
{
	keeper_kill_providers(keeper);
	for (int waited = 0; keeper->partition.id && partition_lives(keeper);
	     waited += GONE_PERIOD_MS) {
		if (waited >= GONE_LIMIT_MS)
			return keeper_fail(error, -EBUSY, "the partition before");
		g_usleep(GONE_PERIOD_MS * 1000);
	}
	return true;
}

bool keeper_make_partition(struct keeper *keeper, GError **error)
{
	int result;

	if (keeper->definition->attach_pid)
		return keeper_attach(keeper, error);
	if (!await_end(keeper, error) || !renew_memory(keeper, error))
		return false;
	result = mshv_create_partition(keeper->device,
	                               MSHV_PARTITION_LAPIC | MSHV_PARTITION_X2APIC |
	                                       VIRIDIS_PARTITION_HEARS_EOI,
	                               NULL, 0, &keeper->partition);
	if (result < 0)
		return keeper_fail(error, result, "the partition cannot be created");
	if (map_memory(keeper, error))
		return true;
	mshv_close_partition(&keeper->partition);
	return false;
}

/* ---- Providers ---- */

/* It ends soon after its provider; one that does not is not waited for any longer. */
static void end_helper(struct keeper_provider *provider, int limit_ms)
{
	for (int waited = 0;
	     provider->helper > 0 && waitpid(provider->helper, NULL, WNOHANG) == 0;
	     waited += GONE_PERIOD_MS) {
		if (waited >= limit_ms)
			kill(provider->helper, SIGKILL);
		g_usleep(GONE_PERIOD_MS * 1000);
	}
	provider->helper = 0;
}

/* A user-mode network has nothing to do any more, and may spin instead of ending. */
static void end_network(struct keeper *keeper, enum vmbus_provider which)
{
	if (which >= VMBUS_NET)
		end_helper(&keeper->providers[which], 0);
}

bool keeper_provider_ended(struct keeper *keeper, enum vmbus_provider which)
{
	struct keeper_provider *provider = &keeper->providers[which];

	if (provider->pid > 0 &&
	    waitpid(provider->pid, &provider->status, WNOHANG) == provider->pid) {
		provider->pid = 0;
		end_network(keeper, which);
	}
	return provider->pid == 0;
}

/* One that waits in the kernel for a disk is not waited for: it touches no memory of a later machine. */
void keeper_kill_providers(struct keeper *keeper)
{
	for (int which = 0; which < VMBUS_PROVIDERS; which++) {
		struct keeper_provider *provider = &keeper->providers[which];

		for (int waited = 0;
		     !keeper_provider_ended(keeper, which) && waited < GONE_LIMIT_MS / 2;
		     waited += GONE_PERIOD_MS) {
			kill(provider->pid, SIGKILL);
			g_usleep(GONE_PERIOD_MS * 1000);
		}
		provider->pid = 0;
		end_network(keeper, which);
		end_helper(provider, HELPER_LIMIT_MS);
		if (provider->table >= 0)
			close(provider->table);
		provider->table = -1;
	}
}

/* Sealed, as the provider maps it. What one wrote there is for the next, and for nobody else. */
static bool make_table(struct keeper_provider *provider)
{
	int fd;

	if (provider->table >= 0)
		return true;
	fd = memfd_create("viridis-provider", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return false;
	if (ftruncate(fd, (off_t)VSP_TABLE_BYTES) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		close(fd);
		return false;
	}
	provider->table = fd;
	return true;
}

/* What decides whose memory and whose files it sees comes from us, before the worker has a word. */
static bool introduce(struct keeper *keeper, enum vmbus_provider which, bool last,
                      int socket, int lifeline)
{
	g_autofree char *config =
		last ? offers_last_configuration(keeper->definition, which) :
		       offers_configuration(keeper->definition, which);
	struct vsp_message hello = {
		.type = VSP_HELLO,
		.number = VSP_PROTOCOL_VERSION,
		.offset = keeper->user,
		.count = keeper->memory.map.count,
		.tail = keeper->memory.map.range,
	};
	struct vsp_message configuration = {
		.type = VSP_CONFIG,
		.count = (uint32_t)strlen(config),
		.tail = config,
	};

	return vsp_socket_send(socket, &hello,
	                       (const int[]){ keeper->memory.fd, lifeline,
	                                      keeper->providers[which].table },
	                       3) == VSP_SOCKET_OK &&
	       vsp_socket_send(socket, &configuration, NULL, 0) == VSP_SOCKET_OK;
}

static bool check_configuration(struct keeper *keeper, enum vmbus_provider which,
                                GError **error)
{
	g_autofree char *config = offers_configuration(keeper->definition, which);

	if (strlen(config) <= VSP_TEXT_BYTES_MAX)
		return true;
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
	            "%s: its configuration takes %zu bytes, and %u at most are possible; "
	            "give the disks shorter paths",
	            offers_program(which), strlen(config), VSP_TEXT_BYTES_MAX);
	return false;
}

/* What a provider has from its first instruction on beside the socket: -1 in `backend`, nothing. */
static bool make_backend(struct keeper *keeper, enum vmbus_provider which, int lifeline,
                         int *backend, GError **error)
{
	const struct definition_net *net;

	*backend = -1;
	if (which == VMBUS_STORAGE &&
	    definition_disks_any_remote(keeper->definition->disks))
		return keeper_start_connector(keeper, lifeline, backend,
		                              &keeper->providers[which].helper, error);
	net = offers_net(keeper->definition, which);
	return !net || net->kind != DEFINITION_NET_USER ||
	       keeper_start_user_network(keeper, net, backend,
	                                 &keeper->providers[which].helper, error);
}

static int start_process(struct keeper *keeper, enum vmbus_provider which, bool last,
                         const int sockets[2], int lifeline, int backend)
{
	g_autofree char *path =
		paths_program(offers_program_for(keeper->definition, which));
	struct vsp_spawn with = { sockets[1], keeper->log[1], backend, -1 };
	int result;

	if (!path)
		return -ENOENT;
	if (fcntl(sockets[0], F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	with.waiter = mshv_waiter(keeper->device); /* without one it waits by epoll */
	result = vsp_spawn(path, &with, &keeper->providers[which].pid);
	if (with.waiter >= 0)
		close(with.waiter);
	if (result) {
		keeper->providers[which].pid = 0;
		return -result;
	}
	return introduce(keeper, which, last, sockets[0], lifeline) ? 0 : -EPIPE;
}

static bool make_sockets(int sockets[2], int lifeline[2])
{
	int saved;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return false;
	if (pipe2(lifeline, O_CLOEXEC) == 0)
		return true;
	saved = errno;
	close(sockets[0]);
	close(sockets[1]);
	errno = saved;
	return false;
}

static void close_all(const int sockets[2], const int lifeline[2])
{
	for (int i = 0; i < 2; i++) {
		close(sockets[i]);
		close(lifeline[i]);
	}
}

/* What the VM is to have. */
static struct definition *load_wanted(const struct keeper *keeper, GError **error)
{
	const char *name = keeper->definition->name;
	g_autofree char *wanted = paths_of(name, PATH_WANTED);

	return access(wanted, F_OK) == 0 ? store_load_file(wanted, error) :
	                                   store_load(name, error);
}

bool keeper_renew_disks(struct keeper *keeper, GError **error)
{
	g_autoptr(definition_pointer) definition = load_wanted(keeper, error);

	if (!definition || !definition_host_check_disks(definition, error))
		return false;
	g_clear_pointer(&keeper->disks_before, g_ptr_array_unref);
	keeper->disks_before = keeper->definition->disks;
	keeper->definition->disks = g_ptr_array_ref(definition->disks);
	if (check_configuration(keeper, VMBUS_STORAGE, error)) {
		keeper_show_definition(keeper);
		return true;
	}
	return keeper_take_disks_back(keeper, NULL) && false;
}

bool keeper_take_disks_back(struct keeper *keeper, GError **error)
{
	if (!keeper->disks_before)
		return keeper_fail(error, -ENOENT, "the disks before");
	g_ptr_array_unref(keeper->definition->disks);
	keeper->definition->disks = g_steal_pointer(&keeper->disks_before);
	keeper_show_definition(keeper);
	return true;
}

bool keeper_renew_nets(struct keeper *keeper, GError **error)
{
	g_autoptr(definition_pointer) definition = load_wanted(keeper, error);

	if (!definition || !definition_net_check_host(definition, error))
		return false;
	g_clear_pointer(&keeper->nets_before, g_ptr_array_unref);
	keeper->nets_before = keeper->definition->nets;
	keeper->definition->nets = g_ptr_array_ref(definition->nets);
	keeper_show_definition(keeper);
	return true;
}

bool keeper_take_nets_back(struct keeper *keeper, GError **error)
{
	if (!keeper->nets_before)
		return keeper_fail(error, -ENOENT, "the adapters before");
	g_ptr_array_unref(keeper->definition->nets);
	keeper->definition->nets = g_steal_pointer(&keeper->nets_before);
	keeper_show_definition(keeper);
	return true;
}

/* A part of the whole that is installed by itself. */
static bool fail_start(const struct keeper *keeper, enum vmbus_provider which, int result,
                       GError **error)
{
	const char *program = offers_program_for(keeper->definition, which);

	if (result != -ENOENT || strcmp(program, offers_program(which)) == 0)
		return keeper_fail(error, result, program);
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
	            "%s is not installed, which disks of NBD servers need (Debian: "
	            "viridis-nbd)",
	            program);
	return false;
}

bool keeper_start_provider(struct keeper *keeper, enum vmbus_provider which, bool last,
                           int descriptors[2], GError **error)
{
	struct keeper_provider *provider = &keeper->providers[which];
	int sockets[2], lifeline[2], backend = -1;
	int result;

	if (!keeper_provider_ended(keeper, which))
		return keeper_fail(error, -EBUSY, offers_program(which));
	end_helper(provider, 0); /* the one before has: the worker has waited for it */
	if (!last && !check_configuration(keeper, which, error))
		return false;
	if (!make_table(provider) || !make_sockets(sockets, lifeline))
		return keeper_fail(error, -errno, offers_program(which));
	if (!last && !make_backend(keeper, which, lifeline[1], &backend, error)) {
		close_all(sockets, lifeline);
		return false;
	}
	result = start_process(keeper, which, last, sockets, lifeline[1], backend);
	if (backend >= 0)
		close(backend);
	close(sockets[1]);
	close(lifeline[1]);
	descriptors[0] = sockets[0];
	descriptors[1] = lifeline[0];
	if (result == 0) {
		if (keeper->definition->attach_pid)
			keeper_note_lifeline(provider, lifeline[0]);
		return true;
	}
	end_network(keeper, which);
	close(sockets[0]);
	close(lifeline[0]);
	return fail_start(keeper, which, result, error);
}
