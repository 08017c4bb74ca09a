// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors, memory, messages and events: one ioctl each. */
#include "root-partition/libmshv/mshv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "root-partition/libmshv/internal.h"

#define PAGE_BYTES 4096u

int mshv_ioctl(int fd, uint32_t request, void *block)
{
	int result = ioctl(fd, request, block);

	return result < 0 ? -errno : result;
}

int mshv_open(void)
{
	int fd = open("/dev/mshv", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int mshv_waiter(int device)
{
	return mshv_ioctl(device, VIRIDIS_WAITER, NULL);
}

int mshv_watch(int waiter, const struct viridis_watch *watch)
{
	return mshv_ioctl(waiter, VIRIDIS_WATCH, (void *)watch);
}

int mshv_wait(int waiter, uint32_t signals)
{
	return mshv_ioctl(waiter, VIRIDIS_WAIT, (void *)(uintptr_t)signals);
}

/* ---- Partition ---- */

static int partition_prepare(struct mshv_partition *partition,
                             const struct mshv_property *properties,
                             size_t property_count)
{
	int result = mshv_ioctl(partition->fd, VIRIDIS_PARTITION_ID, &partition->id);

	for (size_t i = 0; i < property_count && !result; i++)
		result = mshv_set_property(partition, properties[i].code,
		                           properties[i].value);
	if (result)
		return result;
	return mshv_ioctl(partition->fd, MSHV_INITIALIZE_PARTITION, NULL);
}

int mshv_create_partition(int device, uint64_t flags,
                          const struct mshv_property *properties, size_t property_count,
                          struct mshv_partition *partition)
{
	struct mshv_create_partition request = { .flags = flags | MSHV_PARTITION_LAPIC };
	int result;

	partition->id = 0;
	partition->fd = mshv_ioctl(device, MSHV_CREATE_PARTITION, &request);
	if (partition->fd < 0) {
		result = partition->fd;
		partition->fd = -1;
		return result;
	}
	result = partition_prepare(partition, properties, property_count);
	if (result)
		mshv_close_partition(partition);
	return result;
}

int mshv_attach(int device, uint64_t partition_id, uint32_t creator_pid,
                struct mshv_partition *partition)
{
	struct viridis_attach request = {
		.partition_id = partition_id,
		.creator_pid = creator_pid,
	};
	int result = mshv_ioctl(device, VIRIDIS_ATTACH, &request);

	*partition = (struct mshv_partition){ .fd = -1 };
	if (result < 0)
		return result;
	partition->fd = result;
	result = mshv_ioctl(partition->fd, VIRIDIS_PARTITION_ID, &partition->id);
	if (result)
		mshv_close_partition(partition);
	return result;
}

int mshv_attached_memory(const struct mshv_partition *partition,
                         struct viridis_memory_range *ranges, uint32_t *count)
{
	struct viridis_attached_memory request = {
		.ranges = (uintptr_t)ranges,
		.capacity = *count,
	};
	int result = mshv_ioctl(partition->fd, VIRIDIS_ATTACHED_MEMORY, &request);

	*count = request.count;
	return result;
}

void mshv_close_partition(struct mshv_partition *partition)
{
	if (partition->fd >= 0)
		close(partition->fd);
	partition->fd = -1;
}

int mshv_map_memory(const struct mshv_partition *partition, uint64_t gpa, void *address,
                    uint64_t bytes, unsigned int flags)
{
	struct mshv_user_mem_region region = {
		.bytes = bytes,
		.guest_pfn = gpa / PAGE_BYTES,
		.user_address = (uintptr_t)address,
		.flags = (uint8_t)(flags &
		                   (MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE)),
	};

	if (gpa % PAGE_BYTES)
		return -EINVAL;
	return mshv_ioctl(partition->fd, MSHV_SET_GUEST_MEMORY, &region);
}

int mshv_unmap_memory(const struct mshv_partition *partition, uint64_t gpa,
                      uint64_t bytes)
{
	struct mshv_user_mem_region region = {
		.bytes = bytes,
		.guest_pfn = gpa / PAGE_BYTES,
		.flags = MSHV_MEMORY_UNMAP,
	};

	if (gpa % PAGE_BYTES)
		return -EINVAL;
	return mshv_ioctl(partition->fd, MSHV_SET_GUEST_MEMORY, &region);
}

/* ---- Virtual processors ---- */

int mshv_create_vp(const struct mshv_partition *partition, uint32_t index,
                   struct mshv_vp *vp)
{
	struct mshv_create_vp request = { .vp_index = index };
	void *page;
	int result;

	*vp = (struct mshv_vp){ .fd = -1, .index = index };
	result = mshv_ioctl(partition->fd, MSHV_CREATE_VP, &request);
	if (result < 0)
		return result;
	vp->fd = result;
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
	            MSHV_VP_PAGE_REGISTERS * PAGE_BYTES);
	if (page == MAP_FAILED) {
		result = -errno;
		mshv_close_vp(vp);
		return result;
	}
	vp->registers = page;
	return 0;
}

void mshv_close_vp(struct mshv_vp *vp)
{
	if (vp->registers)
		munmap(vp->registers, PAGE_BYTES);
	if (vp->fd >= 0)
		close(vp->fd);
	vp->registers = NULL;
	vp->fd = -1;
}

int mshv_run_vp(const struct mshv_vp *vp, struct hv_message *message)
{
	_Static_assert(sizeof(struct mshv_run_vp) == sizeof(struct hv_message),
	               "the same");
	return mshv_ioctl(vp->fd, MSHV_RUN_VP, message);
}

static int vp_state(const struct mshv_vp *vp, uint32_t request, uint8_t type,
                    uint64_t buffer, uint32_t bytes)
{
	struct mshv_get_set_vp_state block = {
		.type = type,
		.buffer_bytes = bytes,
		.buffer = buffer,
	};

	return mshv_ioctl(vp->fd, request, &block);
}

int mshv_get_vp_state(const struct mshv_vp *vp, uint8_t type, void *buffer,
                      uint32_t bytes)
{
	return vp_state(vp, MSHV_GET_VP_STATE, type, (uintptr_t)buffer, bytes);
}

int mshv_set_vp_state(const struct mshv_vp *vp, uint8_t type, const void *buffer,
                      uint32_t bytes)
{
	return vp_state(vp, MSHV_SET_VP_STATE, type, (uintptr_t)buffer, bytes);
}

/* ---- Messages and events ---- */

int mshv_message_fd(const struct mshv_partition *partition, uint32_t connection_id)
{
	struct viridis_message_fd request = { .connection_id = connection_id };

	return mshv_ioctl(partition->fd, VIRIDIS_MESSAGE_FD, &request);
}

int mshv_post_message(const struct mshv_partition *partition, uint32_t vp, uint32_t sint,
                      const struct hv_message *message)
{
	struct viridis_post_message request = { .vp = vp, .sint = sint };

	memcpy(&request.message, message, sizeof(request.message));
	return mshv_ioctl(partition->fd, VIRIDIS_POST_MESSAGE, &request);
}

int mshv_signal_eventfd(const struct mshv_partition *partition, uint32_t connection_id,
                        int eventfd)
{
	struct viridis_signal_eventfd request = {
		.connection_id = connection_id,
		.eventfd = eventfd,
	};

	return mshv_ioctl(partition->fd, VIRIDIS_SIGNAL_EVENTFD, &request);
}

int mshv_eventfd_assign(const struct mshv_partition *partition, int eventfd, uint32_t vp,
                        uint32_t sint, uint32_t flag)
{
	struct viridis_eventfd_flag request = {
		.eventfd = eventfd,
		.vp = vp,
		.sint = sint,
		.flag = flag,
		.op = VIRIDIS_EVENTFD_FLAG_ASSIGN,
	};

	return mshv_ioctl(partition->fd, VIRIDIS_EVENTFD_FLAG, &request);
}

int mshv_eventfd_retarget(const struct mshv_partition *partition, int eventfd,
                          uint32_t vp, uint32_t sint, uint32_t flag)
{
	struct viridis_eventfd_flag request = {
		.eventfd = eventfd,
		.vp = vp,
		.sint = sint,
		.flag = flag,
		.op = VIRIDIS_EVENTFD_FLAG_RETARGET,
	};

	return mshv_ioctl(partition->fd, VIRIDIS_EVENTFD_FLAG, &request);
}

int mshv_eventfd_deassign(const struct mshv_partition *partition, int eventfd)
{
	struct viridis_eventfd_flag request = {
		.eventfd = eventfd,
		.op = VIRIDIS_EVENTFD_FLAG_DEASSIGN,
	};

	return mshv_ioctl(partition->fd, VIRIDIS_EVENTFD_FLAG, &request);
}

/* ---- Looking at the hypervisor ---- */

int mshv_info(int device, struct viridis_partition_info *partitions, uint32_t *count,
              struct viridis_info *totals)
{
	struct viridis_info info = {
		.partitions = (uintptr_t)partitions,
		.capacity = *count,
	};
	int result = mshv_ioctl(device, VIRIDIS_INFO, &info);

	if (result)
		return result;
	*count = info.count;
	if (totals)
		*totals = info;
	return 0;
}

int mshv_get_stats(int device, struct viridis_get_stats *stats)
{
	return mshv_ioctl(device, VIRIDIS_GET_STATS, stats);
}

static int read_ring(int device, uint32_t request, struct viridis_read *block,
                     uint64_t *sequence, uint32_t *lost)
{
	int result = mshv_ioctl(device, request, block);

	if (result)
		return result;
	*sequence = block->sequence;
	*lost = block->lost;
	return (int)block->bytes;
}

int mshv_read_log(int device, uint64_t *sequence, char *buffer, size_t bytes,
                  uint32_t *lost)
{
	struct viridis_read block = {
		.sequence = *sequence,
		.buffer = (uintptr_t)buffer,
		.bytes = bytes < PAGE_BYTES ? (uint32_t)bytes : PAGE_BYTES,
	};

	return read_ring(device, VIRIDIS_READ_LOG, &block, sequence, lost);
}

int mshv_read_trace(int device, unsigned int cpu, uint64_t *sequence,
                    struct viridis_trace_record *records, size_t count, uint32_t *lost)
{
	struct viridis_read block = {
		.sequence = *sequence,
		.buffer = (uintptr_t)records,
		.bytes = count < PAGE_BYTES / sizeof(*records) ?
		                 (uint32_t)(count * sizeof(*records)) :
		                 PAGE_BYTES,
		.cpu = cpu,
	};
	int result = read_ring(device, VIRIDIS_READ_TRACE, &block, sequence, lost);

	return result < 0 ? result : result / (int)sizeof(*records);
}
