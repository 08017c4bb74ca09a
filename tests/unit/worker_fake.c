/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stand-in: state under one lock, descriptors of /dev/null, addresses that map to themselves. */
#define _GNU_SOURCE
#include "worker_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#define WAIT_US \
	(30 * G_USEC_PER_SEC) /* a provider is given up after five of rests alone */

static GMutex lock;
static GCond posted;
static fake_step step;
static GHashTable *registers;
static GQueue messages;
static bool slot_full;
static unsigned int interrupts;
static unsigned int partitions_made;
static bool shown_early;
static int child_end = -1; /* of the message descriptor of connection 4 */
static int to_host = -1;
static int to_child = -1;

void fake_reset(fake_step new_step)
{
	step = new_step;
	g_clear_pointer(&registers, g_hash_table_unref);
	registers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_queue_clear_full(&messages, g_free);
	interrupts = 0;
	partitions_made = 0;
	slot_full = false;
}

bool fake_shown_early(void)
{
	return shown_early;
}

uint64_t fake_register(uint32_t name)
{
	uint64_t *value;

	g_mutex_lock(&lock);
	value = g_hash_table_lookup(registers, GUINT_TO_POINTER(name));
	g_mutex_unlock(&lock);
	return value ? *value : 0;
}

void fake_set_register(uint32_t name, uint64_t value)
{
	g_mutex_lock(&lock);
	g_hash_table_insert(registers, GUINT_TO_POINTER(name),
	                    g_memdup2(&value, sizeof(value)));
	g_mutex_unlock(&lock);
}

unsigned int fake_partitions(void)
{
	return (unsigned int)g_atomic_int_get((gint *)&partitions_made);
}

unsigned int fake_interrupts(void)
{
	return (unsigned int)g_atomic_int_get((gint *)&interrupts);
}

void fake_post(const void *payload, uint8_t bytes)
{
	struct hv_message message = { .type = 1, .payload_size = bytes };

	memcpy(message.payload, payload, bytes);
	(void)!write(child_end, &message, sizeof(message));
}

bool fake_posts_read(void)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_US;
	int bytes = 1;

	while (ioctl(child_end, TIOCOUTQ, &bytes) == 0 && bytes > 0 &&
	       g_get_monotonic_time() < deadline)
		g_usleep(1000);
	return bytes == 0;
}

void fake_fill_slot(bool full)
{
	g_mutex_lock(&lock);
	slot_full = full;
	g_mutex_unlock(&lock);
}

bool fake_receive(struct hv_message *message)
{
	gint64 deadline = g_get_monotonic_time() + WAIT_US;
	struct hv_message *next;

	g_mutex_lock(&lock);
	while (g_queue_is_empty(&messages))
		if (!g_cond_wait_until(&posted, &lock, deadline))
			break;
	next = g_queue_pop_head(&messages);
	g_mutex_unlock(&lock);
	if (!next)
		return false;
	*message = *next;
	g_free(next);
	return true;
}

int fake_event_to_host(void)
{
	return to_host;
}

int fake_event_to_child(void)
{
	return to_child;
}

static int null_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int mshv_open(void)
{
	g_autofree char *running =
		g_build_filename(g_getenv("VIRIDIS_RUN_DIR"), "test.running", NULL);

	shown_early = access(running, F_OK) == 0;
	return null_fd();
}

/* Providers wait by epoll: vsp_loop_test plays a waiter. */
int mshv_waiter(int device)
{
	(void)device;
	return -ENOTTY;
}

int mshv_watch(int waiter, const struct viridis_watch *watch)
{
	(void)waiter;
	(void)watch;
	return -ENOTTY;
}

int mshv_wait(int waiter, uint32_t signals)
{
	(void)waiter;
	(void)signals;
	return -ENOTTY;
}

/* Atomic. */
static gint weight = HV_CPU_WEIGHT_DEFAULT;

/* A new partition has no messages: what its predecessor had not read is gone with it, and so is its weight. */
int mshv_create_partition(int device, uint64_t flags,
                          const struct mshv_property *properties, size_t property_count,
                          struct mshv_partition *partition)
{
	(void)device;
	(void)flags;
	(void)properties;
	(void)property_count;
	g_mutex_lock(&lock);
	g_queue_clear_full(&messages, g_free);
	g_mutex_unlock(&lock);
	g_atomic_int_set(&weight, HV_CPU_WEIGHT_DEFAULT);
	*partition = (struct mshv_partition){ .fd = null_fd(), .id = 7 };
	g_atomic_int_inc((gint *)&partitions_made);
	return 0;
}

/* Nobody else runs machines here. */
int mshv_attach(int device, uint64_t partition_id, uint32_t creator_pid,
                struct mshv_partition *partition)
{
	(void)device;
	(void)partition_id;
	(void)creator_pid;
	*partition = (struct mshv_partition){ .fd = -1 };
	return -ESRCH;
}

int mshv_attached_memory(const struct mshv_partition *partition,
                         struct viridis_memory_range *ranges, uint32_t *count)
{
	(void)partition;
	(void)ranges;
	*count = 0;
	return -ENODATA;
}

void mshv_close_partition(struct mshv_partition *partition)
{
	close(partition->fd);
	partition->fd = -1;
	if (child_end >= 0)
		close(child_end);
	child_end = -1;
}

/* Atomic. */
static gint frozen;

bool fake_frozen(void)
{
	return g_atomic_int_get(&frozen);
}

int mshv_get_property(const struct mshv_partition *partition, uint32_t code,
                      uint64_t *value)
{
	(void)partition;
	*value = code == HV_PROPERTY_CPU_WEIGHT ? (uint64_t)g_atomic_int_get(&weight) :
	                                          FAKE_HZ;
	return code == HV_PROPERTY_CPU_WEIGHT ||
	                       code == HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY ?
	               0 :
	               -EOPNOTSUPP;
}

int mshv_set_property(const struct mshv_partition *partition, uint32_t code,
                      uint64_t value)
{
	(void)partition;
	if (code == HV_PROPERTY_CPU_WEIGHT) {
		g_atomic_int_set(&weight, (gint)value);
		return 0;
	}
	if (code != HV_PROPERTY_TIME_FREEZE)
		return -EOPNOTSUPP;
	g_atomic_int_set(&frozen, value != 0);
	return 0;
}

int mshv_map_memory(const struct mshv_partition *partition, uint64_t gpa, void *address,
                    uint64_t bytes, unsigned int flags)
{
	(void)partition;
	(void)gpa;
	(void)address;
	(void)bytes;
	(void)flags;
	return 0;
}

int mshv_create_vp(const struct mshv_partition *partition, uint32_t index,
                   struct mshv_vp *vp)
{
	(void)partition;
	*vp = (struct mshv_vp){ .fd = null_fd(), .index = index };
	return 0;
}

void mshv_close_vp(struct mshv_vp *vp)
{
	close(vp->fd);
	vp->fd = -1;
}

/* Without a step to make it sleeps, as a halted VP does, until a signal comes. */
int mshv_run_vp(const struct mshv_vp *vp, struct hv_message *message)
{
	struct timespec period = { .tv_sec = 60 };

	memset(message, 0, sizeof(*message));
	if (vp->index == 0 && step(message))
		return 0;
	return nanosleep(&period, NULL) ? -EINTR : 0;
}

int mshv_get_registers(const struct mshv_vp *vp, const uint32_t *names,
                       union hv_register_value *values, size_t count)
{
	(void)vp;
	memset(values, 0, count * sizeof(*values));
	for (size_t i = 0; i < count; i++)
		values[i].reg64 = fake_register(names[i]);
	return 0;
}

int mshv_get_register(const struct mshv_vp *vp, uint32_t name, uint64_t *value)
{
	(void)vp;
	*value = fake_register(name);
	return 0;
}

int mshv_set_registers(const struct mshv_vp *vp, const struct hv_register_assoc *assoc,
                       size_t count)
{
	(void)vp;
	for (size_t i = 0; i < count; i++)
		fake_set_register(assoc[i].name, assoc[i].value.reg64);
	return 0;
}

int mshv_set_register(const struct mshv_vp *vp, uint32_t name, uint64_t value)
{
	(void)vp;
	fake_set_register(name, value);
	return 0;
}

/* An XSAVE area with nothing in it. */
int mshv_get_vp_state(const struct mshv_vp *vp, uint8_t type, void *buffer,
                      uint32_t bytes)
{
	(void)vp;
	(void)type;
	memset(buffer, 0, bytes);
	return 0;
}

int mshv_set_vp_state(const struct mshv_vp *vp, uint8_t type, const void *buffer,
                      uint32_t bytes)
{
	(void)vp;
	(void)type;
	(void)buffer;
	(void)bytes;
	return 0;
}

int mshv_translate_gva(const struct mshv_vp *vp, uint64_t gva, uint64_t flags,
                       enum hv_translate_code *code, uint64_t *gpa)
{
	(void)vp;
	(void)flags;
	*code = HV_TRANSLATE_SUCCESS;
	*gpa = gva;
	return 0;
}

int mshv_assert_interrupt(const struct mshv_partition *partition,
                          const struct mshv_interrupt *interrupt)
{
	(void)partition;
	(void)interrupt;
	g_atomic_int_inc((gint *)&interrupts);
	return 0;
}

int mshv_register_cpuid_result(const struct mshv_partition *partition, uint32_t vp,
                               const struct mshv_cpuid_result *result)
{
	(void)partition;
	(void)vp;
	(void)result;
	return 0;
}

/* Whatever partition there was is gone. */
int mshv_info(int device, struct viridis_partition_info *partitions, uint32_t *count,
              struct viridis_info *totals)
{
	(void)device;
	(void)partitions;
	(void)totals;
	*count = 0;
	return 0;
}

int mshv_get_stats(int device, struct viridis_get_stats *stats)
{
	(void)device;
	if (stats->object != VIRIDIS_STATS_VP)
		return -ENOTTY;
	stats->count = VIRIDIS_VP_STAT_COUNT;
	stats->counter[VIRIDIS_VP_STAT_GUEST_TICKS] = 3 * FAKE_HZ / 2;
	stats->counter[VIRIDIS_VP_STAT_HYPERVISOR_TICKS] = FAKE_HZ / 2;
	return 0;
}

int mshv_message_fd(const struct mshv_partition *partition, uint32_t connection_id)
{
	int ends[2];

	(void)partition;
	if (connection_id != 4) /* never readable */
		return eventfd(0, EFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	child_end = ends[1];
	return ends[0];
}

int mshv_post_message(const struct mshv_partition *partition, uint32_t vp, uint32_t sint,
                      const struct hv_message *message)
{
	bool full;

	(void)partition;
	(void)vp;
	(void)sint;
	g_mutex_lock(&lock);
	full = slot_full;
	if (!full) {
		g_queue_push_tail(&messages, g_memdup2(message, sizeof(*message)));
		g_cond_signal(&posted);
	}
	g_mutex_unlock(&lock);
	return full ? -EAGAIN : 0;
}

int mshv_signal_eventfd(const struct mshv_partition *partition, uint32_t connection_id,
                        int event)
{
	(void)partition;
	(void)connection_id;
	to_host = event;
	return 0;
}

int mshv_eventfd_assign(const struct mshv_partition *partition, int event, uint32_t vp,
                        uint32_t sint, uint32_t flag)
{
	(void)partition;
	(void)vp;
	(void)sint;
	(void)flag;
	to_child = event;
	return 0;
}

int mshv_eventfd_retarget(const struct mshv_partition *partition, int event, uint32_t vp,
                          uint32_t sint, uint32_t flag)
{
	return mshv_eventfd_assign(partition, event, vp, sint, flag);
}

int mshv_eventfd_deassign(const struct mshv_partition *partition, int event)
{
	(void)partition;
	(void)event;
	to_child = -1;
	return 0;
}
