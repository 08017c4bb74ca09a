// SPDX-License-Identifier: GPL-2.0-or-later
/* /dev/mshv, and the module: its order of coming and going. */
#include "abi.h"
#include "hypercall.h"

#include "attach.h"
#include "partition.h"
#include "passthrough.h"
#include "pool.h"
#include "reboot.h"
#include "stats.h"
#include "synic.h"
#include "waiter.h"
#include "vp_kick.h"
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/printk.h>

#define ROOT_POOL_LIMIT 65536ul

/* Our header builds ioctl numbers by itself, for it may not see Linux's: they must agree. */
static_assert(MSHV_INITIALIZE_PARTITION == _IO(0xb8, 0x00));
static_assert(MSHV_CREATE_PARTITION == _IOW(0xb8, 0x00, struct mshv_create_partition));
static_assert(MSHV_RUN_VP == _IOR(0xb8, 0x00, struct mshv_run_vp));
static_assert(MSHV_SET_MSI_ROUTING == _IOW(0xb8, 0x05, struct mshv_user_irq_table));
static_assert(MSHV_ROOT_HVCALL == _IOWR(0xb8, 0x07, struct mshv_root_hvcall));

/* Who may make partitions need not see those of others, nor what the hypervisor says of all. */
static bool device_tells_of_all(unsigned int command)
{
	return command == VIRIDIS_INFO || command == VIRIDIS_READ_LOG ||
	       command == VIRIDIS_READ_TRACE || command == VIRIDIS_GET_STATS;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument = (void __user *)value;

	if (device_tells_of_all(command) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (command) {
	case MSHV_CREATE_PARTITION:
		return partition_create(argument);
	case VIRIDIS_ATTACH:
		return attach_create(argument);
	case VIRIDIS_WAITER:
		return waiter_create();
	case MSHV_ROOT_HVCALL:
		return passthrough_device(argument);
	case VIRIDIS_INFO:
		return stats_info(argument);
	case VIRIDIS_READ_LOG:
		return stats_read(argument, VIRIDIS_STATS_LOG);
	case VIRIDIS_READ_TRACE:
		return stats_read(argument, VIRIDIS_STATS_TRACE);
	case VIRIDIS_GET_STATS:
		return stats_get(argument, NULL);
	}
	return -ENOTTY;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mshv",
	.fops = &device_operations,
	.mode = 0660, /* of root's group; a rule of udev's makes that kvm's */
};

static int __init viridis_init(void)
{
	int result = hypercall_init();

	if (result)
		return result;
	pool_init(&pool_root, hypercall_root_id(), ROOT_POOL_LIMIT);
	result = synic_init();
	if (result)
		goto exit_hypercall;
	result = reboot_init();
	if (result)
		goto exit_synic;
	result = vp_kick_init();
	if (result)
		goto exit_reboot;
	result = misc_register(&device);
	if (result)
		goto exit_kick;
	pr_info("root partition p%llu, /dev/mshv ready\n", hypercall_root_id());
	return 0;

exit_kick:
	vp_kick_exit();
exit_reboot:
	reboot_exit();
exit_synic:
	synic_exit();
exit_hypercall:
	hypercall_exit();
	return result;
}

/* Every partition is gone by now: each descriptor holds the module. */
static void __exit viridis_exit(void)
{
	misc_deregister(&device);
	vp_kick_exit();
	reboot_exit();
	synic_exit();
	passthrough_exit();
	(void)pool_withdraw(&pool_root); /* what it leaves is in the total */
	if (pool_total_pages() || partition_total_pinned())
		pr_err("%lu deposited and %lu pinned pages are lost\n",
		       pool_total_pages(), partition_total_pinned());
	hypercall_exit();
}

module_init(viridis_init);
module_exit(viridis_exit);

MODULE_DESCRIPTION("Viridis root partition: /dev/mshv");
MODULE_LICENSE("GPL");
