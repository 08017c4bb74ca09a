/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another VMM's machine, whose VMBus is served: its partition and memory; and how its guest is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/attached.h"
#include "root-partition/keeper/internal.h"

/* How long a guest may take no message, and to let go of its devices. A test has less time. */
#ifndef RELEASE_LIMIT_US
#define RELEASE_LIMIT_US (10 * G_USEC_PER_SEC)
#endif
#define POLL_MS 50

bool keeper_attach(struct keeper *keeper, GError **error)
{
	int result = mshv_attach(keeper->device, 0, keeper->definition->attach_pid,
	                         &keeper->partition);

	if (result < 0) {
		g_autofree char *what = g_strdup_printf("the machine of process %u",
		                                        keeper->definition->attach_pid);

		return keeper_fail(error, result, what);
	}
	if (attached_memory(&keeper->partition, &keeper->memory, error))
		return true;
	mshv_close_partition(&keeper->partition);
	return false;
}

/* ---- The end ---- */

/* To VP 0, where Linux has its messages sent. False: the machine has gone, or its guest takes none. */
static bool post_rescind(struct keeper *keeper, uint32_t relid)
{
	struct vmbus_relid_message rescind = {
		.header = { .type = VMBUS_RESCIND_OFFER },
		.relid = relid,
	};
	struct hv_message message = {
		.type = VMBUS_MESSAGE_TYPE,
		.payload_size = sizeof(rescind),
	};
	gint64 end = g_get_monotonic_time() + RELEASE_LIMIT_US;
	int result;

	memcpy(message.payload, &rescind, sizeof(rescind));
	do {
		result = mshv_post_message(&keeper->partition, 0, VMBUS_SINT, &message);
		if (result == -EAGAIN)
			g_usleep(POLL_MS * 1000);
	} while (result == -EAGAIN && g_get_monotonic_time() < end);
	return result == 0;
}

/* How many of the messages that wait say that the guest has let go of a device. One that never ends is not heard out. */
static uint32_t count_released(int fd, gint64 end)
{
	struct hv_message message;
	uint32_t type, count = 0;

	while (g_get_monotonic_time() < end &&
	       read(fd, &message, sizeof(message)) == sizeof(message)) {
		memcpy(&type, message.payload, sizeof(type));
		count += type == VMBUS_RELID_RELEASED;
	}
	return count;
}

/* Somebody must hear what it answers, or it says so again and again before it goes on. */
static void await_release(int fd, uint32_t wanted)
{
	gint64 end = g_get_monotonic_time() + RELEASE_LIMIT_US;
	uint32_t released = 0;

	while (released < wanted && g_get_monotonic_time() < end) {
		struct pollfd polled = { .fd = fd, .events = POLLIN };

		if (poll(&polled, 1, POLL_MS) > 0 && polled.revents & POLLHUP)
			return;
		released += count_released(fd, end);
	}
	vm_log("keeper: the guest let go of %u of its %u devices", released, wanted);
}

void keeper_note_lifeline(struct keeper_provider *provider, int lifeline)
{
	if (provider->lifeline > 0)
		close(provider->lifeline);
	provider->lifeline = fcntl(lifeline, F_DUPFD_CLOEXEC, 3);
}

/* What is still written to the guest's pages must not find them in other use. */
static bool await_io(struct keeper *keeper)
{
	bool over = true;

	for (int which = 0; which < VMBUS_PROVIDERS; which++) {
		int *lifeline = &keeper->providers[which].lifeline;
		struct pollfd polled = { .fd = *lifeline };

		if (*lifeline == 0)
			continue;
		over &= *lifeline > 0 && poll(&polled, 1, RELEASE_LIMIT_US / 1000) > 0;
		if (*lifeline > 0)
			close(*lifeline);
		*lifeline = 0;
	}
	if (!over)
		vm_log("keeper: a disk holds its I/O; the guest keeps the devices, "
		       "which nobody serves");
	return over;
}

/* Counts those that were told in *told. False: there is no use in telling it of more. */
static bool rescind(struct keeper *keeper, bool storage, uint32_t *told)
{
	const struct vmbus_class *class;

	for (uint32_t relid = 1; relid <= OFFERS_RELIDS; relid++) {
		class = offers_class(keeper->definition, relid);
		if (!class || (class->provider == VMBUS_STORAGE) != storage)
			continue;
		if (!post_rescind(keeper, relid))
			return false;
		(*told)++;
	}
	return true;
}

/*
 * Linux lets go of one device after the other, and of a SCSI controller only once each of its disks has answered a
 * last order to write its cache: that comes last, as it never ends where disks are left.
 */
void keeper_detach(struct keeper *keeper)
{
	uint32_t told = 0;
	int fd = await_io(keeper) ?
	                 mshv_message_fd(&keeper->partition, VMBUS_MESSAGE_CONNECTION) :
	                 -1;

	if (fd < 0) /* the machine has gone, too */
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
		(void)(rescind(keeper, false, &told) && rescind(keeper, true, &told));
		if (told)
			await_release(fd, told);
	}
	close(fd);
}
