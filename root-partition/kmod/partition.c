// SPDX-License-Identifier: GPL-2.0-or-later
/* Partitions: their descriptor, the table that finds them, their birth and their end. */
#include "abi.h"
#include "partition.h"

#include "attach.h"
#include "dirty.h"
#include "event.h"
#include "ioeventfd.h"
#include "irq.h"
#include "memory.h"
#include "message.h"
#include "passthrough.h"
#include "stats.h"
#include "vp.h"
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#define COMPATIBILITY_VERSION 0x609 /* Windows 10 21H2, the one upstream asks for */

/* VP state, ports and the tables' upper levels; then a page per 256 mapped: twice the need. */
#define POOL_LIMIT_BASE            16384ul
#define PINNED_PAGES_PER_POOL_PAGE 256

static DEFINE_XARRAY(
	partitions); /* PARTITION-3 by id; a partition leaves it before it is taken down */
static atomic_long_t total_pinned = ATOMIC_LONG_INIT(0);
static atomic_t live = ATOMIC_INIT(0); /* until all of it is gone */
static bool closed;

/* ---- Lookup and counts ---- */

struct viridis_partition *partition_find(u64 id)
{
	return xa_load(&partitions, id);
}

struct viridis_partition *partition_get_next(u64 id)
{
	struct viridis_partition *partition;
	unsigned long index = id;

	rcu_read_lock();
	xa_for_each_start(&partitions, index, partition, id)
	{
		if (kref_get_unless_zero(&partition->references))
			break;
	}
	rcu_read_unlock();
	return partition;
}

unsigned int partition_count(void)
{
	return atomic_read(&live);
}

unsigned int partition_close(void)
{
	WRITE_ONCE(closed, true);
	return partition_count();
}

unsigned long partition_total_pinned(void)
{
	return atomic_long_read(&total_pinned);
}

void partition_account_pinned(struct viridis_partition *partition, long pages)
{
	unsigned long pinned = partition->pinned_pages + pages;

	WRITE_ONCE(partition->pinned_pages, pinned);
	WRITE_ONCE(partition->pool.limit,
	           POOL_LIMIT_BASE + pinned / PINNED_PAGES_PER_POOL_PAGE);
	atomic_long_add(pages, &total_pinned);
}

void partition_get(struct viridis_partition *partition)
{
	kref_get(&partition->references);
}

/* ---- The end ---- */

static int partition_call(u64 id, u16 code)
{
	struct hv_partition_id_block input = { .partition_id = id };

	return hypercall_errno(hypercall_simple(code, &input, sizeof(input)));
}

static void partition_for_each_vp(struct viridis_partition *partition,
                                  void (*visit)(struct viridis_vp *vp))
{
	unsigned int index;
	struct viridis_vp *vp;

	for (index = 0; index < MSHV_VP_MAX; index++) {
		vp = rcu_dereference_protected(partition->vps[index], true);
		if (vp)
			visit(vp);
	}
}

/* PARTITION-2 What DELETE does not confirm gone is not given back to Linux. */
static void partition_delete(struct viridis_partition *partition)
{
	unsigned long left;
	int result = partition_call(partition->id, HVCALL_FINALIZE_PARTITION);

	if (result)
		pr_err("p%llu: not finalized: %d\n", partition->id, result);
	left = pool_withdraw(&partition->pool);
	if (left)
		pr_err("p%llu: %lu pages of its pool are not given back\n", partition->id,
		       left);
	result = partition_call(partition->id, HVCALL_DELETE_PARTITION);
	if (result)
		pr_err("p%llu: not deleted: %d; %lu pinned pages are lost\n",
		       partition->id, result, partition->pinned_pages);
	else
		memory_release_all(partition);
	(void)pool_withdraw(&pool_root); /* what stays there is in use by others */
}

/* PARTITION-1 Nobody has the partition any more, so that no lock is needed. */
static void partition_destroy(struct kref *references)
{
	struct viridis_partition *partition =
		container_of(references, struct viridis_partition, references);

	xa_cmpxchg(&partitions, partition->id, partition, NULL, GFP_KERNEL);
	partition_for_each_vp(partition, vp_stop);
	event_remove_signals(partition);
	event_remove_flags(partition);
	irq_remove_all(partition);
	ioeventfd_remove_all(partition);
	partition_for_each_vp(partition, vp_destroy);
	memory_unmap_all(partition);
	partition_delete(partition);
	passthrough_buffer_free(&partition->buffer);
	kfree_rcu(partition, rcu);
	atomic_dec(&live);
}

void partition_put(struct viridis_partition *partition)
{
	kref_put(&partition->references, partition_destroy);
}

/* ---- The descriptor ---- */

static long partition_initialize(struct viridis_partition *partition)
{
	struct hv_partition_id_block input = { .partition_id = partition->id };

	return pool_call_simple(&partition->pool, HVCALL_INITIALIZE_PARTITION, &input,
	                        sizeof(input));
}

static long partition_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	struct viridis_partition *partition = file->private_data;
	void __user *argument = (void __user *)value;

	switch (command) {
	case MSHV_INITIALIZE_PARTITION:
		return partition_initialize(partition);
	case MSHV_CREATE_VP:
		return vp_create(partition, argument);
	case MSHV_SET_GUEST_MEMORY:
		return memory_set(partition, argument);
	case MSHV_ROOT_HVCALL:
		return passthrough_partition(partition, argument);
	case MSHV_IRQFD:
		return irq_set_eventfd(partition, argument);
	case MSHV_IOEVENTFD:
		return ioeventfd_set(partition, argument);
	case MSHV_SET_MSI_ROUTING:
		return irq_set_routes(partition, argument);
	case MSHV_GET_GPAP_ACCESS_BITMAP:
		return dirty_get_bitmap(partition, argument);
	case VIRIDIS_PARTITION_ID:
		return copy_to_user(argument, &partition->id, sizeof(partition->id)) ?
		               -EFAULT :
		               0;
	case VIRIDIS_SIGNAL_EVENTFD:
		return event_signal_set(partition, NULL, argument);
	case VIRIDIS_EVENTFD_FLAG:
		return event_flag_set(partition, NULL, argument);
	case VIRIDIS_MESSAGE_FD:
		return message_fd_create(partition, NULL, argument);
	case VIRIDIS_POST_MESSAGE:
		return message_post(partition, argument);
	case VIRIDIS_GET_STATS:
		return stats_get(argument, &partition->id);
	}
	return -ENOTTY;
}

static int partition_release(struct inode *inode, struct file *file)
{
	attach_end_all(file->private_data);
	partition_put(file->private_data);
	return 0;
}

static const struct file_operations partition_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = partition_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = partition_release,
};

/* ---- The beginning ---- */

static int request_fetch(struct mshv_create_partition_v2 *request,
                         const void __user *argument)
{
	const u64 known = MSHV_PARTITION_LAPIC | MSHV_PARTITION_X2APIC |
	                  MSHV_PARTITION_SUPERPAGES | MSHV_PARTITION_CPU_FEATURES |
	                  VIRIDIS_PARTITION_HEARS_EOI;
	size_t bytes = sizeof(struct mshv_create_partition);

	memset(request, 0, sizeof(*request));
	if (copy_from_user(request, argument, bytes))
		return -EFAULT;
	if (request->flags & ~known || request->isolation)
		return -EINVAL;
	if (!(request->flags & MSHV_PARTITION_CPU_FEATURES))
		return 0;
	if (copy_from_user((u8 *)request + bytes, argument + bytes,
	                   sizeof(*request) - bytes))
		return -EFAULT;
	if (request->feature_bank_count > ARRAY_SIZE(request->disabled_features) ||
	    memchr_inv(request->reserved, 0, sizeof(request->reserved)) ||
	    memchr_inv(request->reserved2, 0, sizeof(request->reserved2)))
		return -EINVAL;
	return 0;
}

static int partition_make(const struct mshv_create_partition_v2 *request, u64 *id)
{
	struct hv_input_create_partition input = {
		.flags = HV_CREATE_FLAG_INTERCEPT_MESSAGE_PAGE,
		.compatibility_version = COMPATIBILITY_VERSION,
		.disabled_xsave_features = request->disabled_xsave,
	};
	struct hv_partition_id_block output;
	struct hypercall call = {
		.code = HVCALL_CREATE_PARTITION,
		.header = &input,
		.header_bytes = sizeof(input),
		.output = &output,
		.output_bytes = sizeof(output),
	};
	enum hv_status status;
	u16 bank;

	if (request->flags & MSHV_PARTITION_LAPIC)
		input.flags |= HV_CREATE_FLAG_LAPIC_ENABLED;
	if (request->flags & MSHV_PARTITION_X2APIC)
		input.flags |= HV_CREATE_FLAG_X2APIC_CAPABLE;
	for (bank = 0; bank < request->feature_bank_count; bank++)
		input.disabled_processor_features[bank] =
			request->disabled_features[bank];
	status = pool_call(&pool_root, &call);
	*id = output.partition_id;
	return hypercall_errno(status);
}

static int partition_show_level_as_edge(u64 id)
{
	struct hv_input_set_partition_property input = {
		.partition_id = id,
		.code = HV_PROPERTY_LEVEL_AS_EDGE,
		.value = 1,
	};

	return hypercall_errno(
		hypercall_simple(HVCALL_SET_PARTITION_PROPERTY, &input, sizeof(input)));
}

static struct viridis_partition *
partition_allocate(const struct mshv_create_partition_v2 *request)
{
	struct viridis_partition *partition = kzalloc(sizeof(*partition), GFP_KERNEL);
	int result;

	if (!partition)
		return ERR_PTR(-ENOMEM);
	kref_init(&partition->references);
	mutex_init(&partition->lock);
	INIT_LIST_HEAD(&partition->regions);
	INIT_LIST_HEAD(&partition->signals);
	INIT_LIST_HEAD(&partition->attachments);
	INIT_LIST_HEAD(&partition->eventfd_flags);
	INIT_LIST_HEAD(&partition->irqfds);
	INIT_LIST_HEAD(&partition->ioeventfds);
	passthrough_buffer_init(&partition->buffer);
	memcpy(partition->disabled_features, request->disabled_features,
	       sizeof(partition->disabled_features));
	partition->creator_pid = task_tgid_nr(current);
	partition->creator_user = current_euid();
	result = partition_make(request, &partition->id);
	if (result) {
		kfree(partition);
		return ERR_PTR(result);
	}
	atomic_inc(&live);
	pool_init(&partition->pool, partition->id, POOL_LIMIT_BASE);
	result = request->flags & VIRIDIS_PARTITION_HEARS_EOI ?
	                 0 :
	                 partition_show_level_as_edge(partition->id);
	if (!result)
		result = xa_insert(&partitions, partition->id, partition, GFP_KERNEL);
	if (result) {
		partition_put(partition);
		return ERR_PTR(result);
	}
	return partition;
}

long partition_create(const void __user *argument)
{
	struct mshv_create_partition_v2 request;
	struct viridis_partition *partition;
	struct file *file;
	int result = request_fetch(&request, argument);
	int fd;

	if (result)
		return result;
	if (READ_ONCE(closed))
		return -ESHUTDOWN;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	partition = partition_allocate(&request);
	if (IS_ERR(partition)) {
		result = PTR_ERR(partition);
		goto put_fd;
	}
	file = anon_inode_getfile("mshv_partition", &partition_operations, partition,
	                          O_RDWR);
	if (IS_ERR(file)) {
		result = PTR_ERR(file);
		goto put_partition;
	}
	fd_install(fd, file);
	return fd;

put_partition:
	partition_put(partition);
put_fd:
	put_unused_fd(fd);
	return result;
}
