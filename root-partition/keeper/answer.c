/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's requests, checked and answered. What it says is data to be kept, never a name or an order. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/internal.h"

#define POOL_PARTITIONS_MAX 1024u

_Static_assert(KEEPER_NETS_MAX == DEFINITION_NETS_MAX, "an answer has each adapter");

/* A request in private memory, and its reply in the making. */
struct exchange {
	const struct keeper_request *request;
	const char *text; /* UTF-8, ends with a NUL */
	struct keeper_reply reply;
	int descriptors[DATAGRAM_DESCRIPTORS_MAX];
	unsigned int descriptor_count;
	bool lent; /* the descriptors stay ours */
};

/* Each answers false and an error when it cannot be done. */

/* Ours stay: keeper_detach() speaks to the guest when the worker is gone. */
static bool answer_attached(struct keeper *keeper, struct exchange *exchange,
                            GError **error)
{
	exchange->reply.values[0] = keeper->partition.id;
	exchange->descriptors[0] = keeper->partition.fd;
	exchange->descriptors[1] = keeper->memory.fd;
	exchange->descriptor_count = 2;
	exchange->lent = true;
	(void)error;
	return true;
}

static bool answer_machine(struct keeper *keeper, struct exchange *exchange,
                           GError **error)
{
	if (keeper->partition.fd < 0 && !keeper_make_partition(keeper, error))
		return false;
	if (keeper->definition->attach_pid)
		return answer_attached(keeper, exchange, error);
	exchange->reply.values[0] = keeper->partition.id;
	exchange->descriptors[0] = keeper->partition.fd;
	exchange->descriptors[1] = fcntl(keeper->memory.fd, F_DUPFD_CLOEXEC, 0);
	exchange->descriptor_count = 2;
	keeper->partition.fd = -1;
	return exchange->descriptors[1] >= 0 ||
	       keeper_fail(error, -errno, "guest memory");
}

static bool open_file(struct exchange *exchange, const char *what, const char *path,
                      GError **error)
{
	g_autofree char *name = g_strdup_printf("%s %s", what, path ? path : "");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return keeper_fail(error, path ? -errno : -ENOENT, name);
	exchange->descriptors[0] = fd;
	exchange->descriptor_count = 1;
	return true;
}

static bool answer_kernel(struct keeper *keeper, struct exchange *exchange,
                          GError **error)
{
	return open_file(exchange, "kernel", keeper->definition->kernel, error);
}

static bool answer_initrd(struct keeper *keeper, struct exchange *exchange,
                          GError **error)
{
	return open_file(exchange, "initrd", keeper->definition->initrd, error);
}

static bool answer_provider(struct keeper *keeper, struct exchange *exchange,
                            GError **error)
{
	enum vmbus_provider which = (enum vmbus_provider)exchange->request->number;

	if (!offers_need(keeper->definition, which))
		return keeper_fail(error, -ENOENT, offers_program(which));
	if (!keeper_start_provider(keeper, which, false, exchange->descriptors, error))
		return false;
	exchange->descriptor_count = 2;
	return true;
}

/* Its adapter may be in no definition any more. */
static bool answer_provider_last(struct keeper *keeper, struct exchange *exchange,
                                 GError **error)
{
	enum vmbus_provider which = (enum vmbus_provider)exchange->request->number;

	if (which < VMBUS_NET)
		return keeper_fail(error, -EINVAL, offers_program(which));
	if (!keeper_start_provider(keeper, which, true, exchange->descriptors, error))
		return false;
	exchange->descriptor_count = 2;
	return true;
}

static bool answer_provider_state(struct keeper *keeper, struct exchange *exchange,
                                  GError **error)
{
	enum vmbus_provider which = (enum vmbus_provider)exchange->request->number;

	(void)error;
	exchange->reply.values[0] = keeper_provider_ended(keeper, which);
	exchange->reply.values[1] = (uint32_t)keeper->providers[which].status;
	return true;
}

static bool answer_provider_kill(struct keeper *keeper, struct exchange *exchange,
                                 GError **error)
{
	enum vmbus_provider which = (enum vmbus_provider)exchange->request->number;

	(void)error;
	if (!keeper_provider_ended(keeper, which))
		kill(keeper->providers[which].pid, SIGKILL);
	return true;
}

/* What of the root's memory the worker's partition holds. */
static bool answer_pool(struct keeper *keeper, struct exchange *exchange, GError **error)
{
	g_autofree struct viridis_partition_info *infos =
		g_new0(struct viridis_partition_info, POOL_PARTITIONS_MAX);
	uint32_t count = POOL_PARTITIONS_MAX;
	int result = mshv_info(keeper->device, infos, &count, NULL);

	for (uint32_t i = 0; result == 0 && i < MIN(count, POOL_PARTITIONS_MAX); i++) {
		if (infos[i].partition_id != keeper->partition.id)
			continue;
		exchange->reply.values[0] = infos[i].deposited_pages;
		exchange->reply.values[1] = infos[i].in_use_pages;
		exchange->reply.values[2] = infos[i].pinned_pages;
		return true;
	}
	return keeper_fail(error, result ? result : -ENOENT, "the partition's memory");
}

static void lend(struct exchange *exchange, int fd)
{
	exchange->descriptors[0] = fd;
	exchange->descriptor_count = 1;
	exchange->lent = true;
}

static bool answer_serial_next(struct keeper *keeper, struct exchange *exchange,
                               GError **error)
{
	(void)error;
	if (serial_file_next(&keeper->serial))
		lend(exchange, keeper->serial.fd);
	return true;
}

static void tell_started(struct keeper *keeper, const char *why)
{
	keeper_started started = keeper->started;

	keeper->started = NULL;
	if (started)
		started(keeper->started_context, why);
}

static bool answer_state(struct keeper *keeper, struct exchange *exchange, GError **error)
{
	static const char *const states[KEEPER_STATES] = {
		[KEEPER_RUNNING] = "running", [KEEPER_PANICKED] = "panicked",
		[KEEPER_PAUSED] = "paused",   [KEEPER_OFF] = "off",
		[KEEPER_CRASHED] = "crashed", [KEEPER_FAILED] = "failed",
	};
	g_autofree char *reason = json_text_make_printable(
		exchange->text, MIN(strlen(exchange->text), KEEPER_WHY_BYTES_MAX));

	(void)error;
	state_write(keeper->definition->name, states[exchange->request->number], reason);
	if (exchange->request->number == KEEPER_RUNNING)
		tell_started(keeper, NULL);
	return true;
}

static bool answer_stats(struct keeper *keeper, struct exchange *exchange, GError **error)
{
	g_autofree char *path = paths_of(keeper->definition->name, PATH_STATS);

	return g_file_set_contents(path, exchange->text, -1, error);
}

static bool answer_not_started(struct keeper *keeper, struct exchange *exchange,
                               GError **error)
{
	g_autofree char *why = json_text_make_printable(
		exchange->text, MIN(strlen(exchange->text), KEEPER_WHY_BYTES_MAX));

	(void)error;
	tell_started(keeper, why);
	return true;
}

static bool has_disk(const GPtrArray *disks, const struct definition_disk *wanted)
{
	for (guint i = 0; i < disks->len; i++) {
		const struct definition_disk *disk = disks->pdata[i];

		if (disk->lun == wanted->lun && disk->identity == wanted->identity &&
		    strcmp(disk->path, wanted->path) == 0)
			return true;
	}
	return false;
}

/* Of those in the one list alone the LUNs, a bit for each. */
static uint64_t luns_without(const GPtrArray *disks, const GPtrArray *others)
{
	uint64_t luns = 0;

	for (guint i = 0; i < disks->len; i++) {
		const struct definition_disk *disk = disks->pdata[i];

		if (!has_disk(others, disk))
			luns |= UINT64_C(1) << (disk->lun % DEFINITION_DISKS_MAX);
	}
	return luns;
}

static bool answer_disks(struct keeper *keeper, struct exchange *exchange, GError **error)
{
	if (exchange->request->number != KEEPER_DEVICES_RENEW)
		return keeper_take_disks_back(keeper, error);
	if (!keeper_renew_disks(keeper, error))
		return false;
	exchange->reply.values[0] =
		luns_without(keeper->disks_before, keeper->definition->disks);
	exchange->reply.values[1] =
		luns_without(keeper->definition->disks, keeper->disks_before);
	return true;
}

/* Those of the one list that the other has not, or has otherwise: a bit for each slot. */
static uint64_t slots_without(const struct definition *definition, GPtrArray *others)
{
	const struct definition other = { .nets = others };
	uint64_t slots = 0;

	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];
		const struct definition_net *there = definition_net_in(&other, net->slot);

		if (!there || !definition_net_same(net, there))
			slots |= UINT64_C(1) << net->slot;
	}
	return slots;
}

static bool answer_nets(struct keeper *keeper, struct exchange *exchange, GError **error)
{
	g_autoptr(GPtrArray) nets = g_ptr_array_ref(keeper->definition->nets);
	const struct definition before = { .nets = nets };
	uint64_t *values = exchange->reply.values;

	if (exchange->request->number == KEEPER_DEVICES_RENEW ?
	            !keeper_renew_nets(keeper, error) :
	            !keeper_take_nets_back(keeper, error))
		return false;
	values[0] = slots_without(&before, keeper->definition->nets);
	values[1] = slots_without(keeper->definition, nets);
	for (guint i = 0; i < keeper->definition->nets->len; i++) {
		const struct definition_net *net = keeper->definition->nets->pdata[i];

		values[2 + net->slot] = definition_net_mac_number(net);
	}
	return true;
}

static const struct {
	bool (*answer)(struct keeper *keeper, struct exchange *exchange, GError **error);
	uint32_t numbers; /* below it */
	bool has_text;
} requests[KEEPER_REQUESTS] = {
	[KEEPER_MACHINE] = { answer_machine, 1, false },
	[KEEPER_KERNEL] = { answer_kernel, 1, false },
	[KEEPER_INITRD] = { answer_initrd, 1, false },
	[KEEPER_PROVIDER] = { answer_provider, VMBUS_PROVIDERS, false },
	[KEEPER_PROVIDER_LAST] = { answer_provider_last, VMBUS_PROVIDERS, false },
	[KEEPER_PROVIDER_STATE] = { answer_provider_state, VMBUS_PROVIDERS, false },
	[KEEPER_PROVIDER_KILL] = { answer_provider_kill, VMBUS_PROVIDERS, false },
	[KEEPER_POOL] = { answer_pool, 1, false },
	[KEEPER_SERIAL_NEXT] = { answer_serial_next, 1, false },
	[KEEPER_STATE] = { answer_state, KEEPER_STATES, true },
	[KEEPER_STATS] = { answer_stats, 1, true },
	[KEEPER_NOT_STARTED] = { answer_not_started, 1, true },
	[KEEPER_DISKS] = { answer_disks, KEEPER_DEVICES_ORDERS, false },
	[KEEPER_NETS] = { answer_nets, KEEPER_DEVICES_ORDERS, false },
};

/* `bytes` of text stand behind the request. */
static bool request_valid(const struct keeper_request *request, const char *text,
                          size_t bytes)
{
	return request->type < KEEPER_REQUESTS && requests[request->type].answer &&
	       request->number < requests[request->type].numbers &&
	       (requests[request->type].has_text || bytes == 0) &&
	       g_utf8_validate_len(text, bytes, NULL);
}

static bool send_reply(const struct keeper *keeper, struct exchange *exchange,
                       const char *why)
{
	const struct iovec parts[2] = {
		{ &exchange->reply, sizeof(exchange->reply) },
		{ (void *)why, MIN(strlen(why), KEEPER_WHY_BYTES_MAX) },
	};
	bool sent =
		datagram_send(keeper->sockets[0], parts, exchange->descriptors,
	                      exchange->reply.failed ? 0 : exchange->descriptor_count) ==
		VSP_SOCKET_OK;

	for (unsigned int i = 0; !exchange->lent && i < exchange->descriptor_count; i++)
		if (exchange->descriptors[i] >= 0)
			close(exchange->descriptors[i]);
	return sent;
}

static bool answer(struct keeper *keeper, const struct keeper_request *request,
                   const char *text)
{
	struct exchange exchange = { .request = request, .text = text };
	g_autoptr(GError) error = NULL;

	exchange.reply.failed =
		!requests[request->type].answer(keeper, &exchange, &error);
	return send_reply(keeper, &exchange, error ? error->message : "");
}

bool keeper_answer(struct keeper *keeper)
{
	/* Static: too much for a stack, and there is one keeper in a process. */
	static struct {
		struct keeper_request request;
		char text[KEEPER_TEXT_BYTES_MAX + 1];
	} received;
	struct datagram datagram;
	bool descriptors;

	if (datagram_receive(keeper->sockets[0], &received, sizeof(received) - 1,
	                     &datagram) != VSP_SOCKET_OK)
		return false;
	descriptors = datagram.descriptor_count > 0;
	datagram_close(&datagram);
	if (descriptors || datagram.bytes < sizeof(received.request) ||
	    !request_valid(&received.request, received.text,
	                   datagram.bytes - sizeof(received.request))) {
		vm_log("keeper: the worker broke the protocol");
		if (keeper->worker > 0)
			kill(keeper->worker, SIGKILL);
		return false;
	}
	received.text[datagram.bytes - sizeof(received.request)] = 0;
	return answer(keeper, &received.request, received.text);
}
