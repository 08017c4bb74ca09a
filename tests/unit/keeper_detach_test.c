/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the guest of another VMM's machine is left: what it is told, and that it keeps nobody waiting for ever. */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/keeper/attached.h"
#include "root-partition/keeper/internal.h"

#define DISKS_RELID 3u

static struct keeper keeper;
static int message_fd;
static int post_result;
static uint32_t told[64], told_count;

/* ---- What the keeper has beside this ---- */

void vm_log(const char *format, ...)
{
	(void)format;
}

int mshv_attach(int device, uint64_t partition_id, uint32_t creator_pid,
                struct mshv_partition *partition)
{
	(void)device;
	(void)partition_id;
	(void)creator_pid;
	(void)partition;
	return -ESRCH;
}

void mshv_close_partition(struct mshv_partition *partition)
{
	(void)partition;
}

bool attached_memory(const struct mshv_partition *partition,
                     struct vsp_guest_memory *memory, GError **error)
{
	(void)partition;
	(void)memory;
	(void)error;
	return false;
}

/* All that there may be. */
const struct vmbus_class *offers_class(const struct definition *definition,
                                       uint32_t relid)
{
	static const struct vmbus_class disks = { .provider = VMBUS_STORAGE };
	static const struct vmbus_class others = { .provider = VMBUS_UTIL };

	(void)definition;
	return relid == DISKS_RELID ? &disks : &others;
}

/* ---- The guest ---- */

int mshv_message_fd(const struct mshv_partition *partition, uint32_t connection_id)
{
	(void)partition;
	ck_assert_uint_eq(connection_id, VMBUS_MESSAGE_CONNECTION);
	return message_fd;
}

int mshv_post_message(const struct mshv_partition *partition, uint32_t vp, uint32_t sint,
                      const struct hv_message *message)
{
	struct vmbus_relid_message rescind;

	(void)partition;
	ck_assert_uint_eq(vp, 0);
	ck_assert_uint_eq(sint, VMBUS_SINT);
	memcpy(&rescind, message->payload, sizeof(rescind));
	ck_assert_uint_eq(rescind.header.type, VMBUS_RESCIND_OFFER);
	if (post_result == 0)
		told[told_count++] = rescind.relid;
	return post_result;
}

static void release(int fd)
{
	struct hv_message message = { .payload_size =
		                              sizeof(struct vmbus_relid_message) };
	uint32_t type = VMBUS_RELID_RELEASED;

	memcpy(message.payload, &type, sizeof(type));
	ck_assert_int_eq(write(fd, &message, sizeof(message)), sizeof(message));
}

static void setup(void)
{
	memset(&keeper, 0, sizeof(keeper));
	post_result = 0;
	told_count = 0;
}

/* In milliseconds. */
static gint64 detach(void)
{
	gint64 before = g_get_monotonic_time();

	keeper_detach(&keeper);
	return (g_get_monotonic_time() - before) / 1000;
}

START_TEST(a_guest_is_told_of_each_device_and_of_its_disks_last)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	message_fd = ends[0];
	for (uint32_t i = 0; i < OFFERS_RELIDS; i++)
		release(ends[1]);
	ck_assert_int_lt(detach(), RELEASE_LIMIT_US / 1000);
	ck_assert_uint_eq(told_count, OFFERS_RELIDS);
	for (uint32_t i = 0; i + 1 < OFFERS_RELIDS; i++)
		ck_assert_uint_eq(told[i], i + 1 + (i + 1 >= DISKS_RELID));
	ck_assert_uint_eq(told[OFFERS_RELIDS - 1], DISKS_RELID);
	close(ends[1]);
}
END_TEST

/* A machine that is paused, say. */
START_TEST(a_guest_that_takes_no_message_is_waited_for_once)
{
	message_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	post_result = -EAGAIN;
	ck_assert_int_lt(detach(), 3 * RELEASE_LIMIT_US / 1000);
	ck_assert_uint_eq(told_count, 0);
}
END_TEST

START_TEST(a_guest_that_never_stops_talking_is_not_heard_out)
{
	message_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ck_assert_int_lt(detach(), 5 * RELEASE_LIMIT_US / 1000);
	ck_assert_uint_eq(told_count, OFFERS_RELIDS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("keeper_detach");
	TCase *c = tcase_create("guests");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, a_guest_is_told_of_each_device_and_of_its_disks_last);
	tcase_add_test(c, a_guest_that_takes_no_message_is_waited_for_once);
	tcase_add_test(c, a_guest_that_never_stops_talking_is_not_heard_out);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
