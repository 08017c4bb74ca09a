// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtual processors. RUN_VP clears both suspend registers; an intercept suspends the VP again.
 * If it is there when the hypercall returns, RUN_VP has seen it (vp_watch.h), else RUN_VP sleeps
 * until exactly one message wakes it. EXPLICIT_SUSPEND stops a VP
 * before the hypercall returns, so INTERCEPT_SUSPEND read after it says for certain whether a
 * message is on its way.
 */
#include "abi.h"
#include "vp.h"

#include "compat.h"
#include "partition.h"
#include "passthrough.h"
#include "vp_state.h"
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* A message that takes longer than this never comes; we do not hang with it. */
#define MESSAGE_TIMEOUT (10 * HZ)

/* ---- Suspending and resuming ---- */

void vp_may_be_held(struct viridis_vp *vp)
{
	WRITE_ONCE(vp->held, true);
}

/* The second only where it may be set: each costs the hypervisor a look. */
static enum hv_status vp_resume(struct viridis_vp *vp)
{
	static const struct hv_register_assoc run[] = {
		{ .name = HV_REGISTER_INTERCEPT_SUSPEND },
		{ .name = HV_REGISTER_EXPLICIT_SUSPEND },
	};
	enum hv_status status;

	if (!READ_ONCE(vp->held))
		return vp_answer_resume(vp);
	WRITE_ONCE(vp->held, false);
	status = vp_answer_give(vp, run, ARRAY_SIZE(run));
	if (status != HV_STATUS_SUCCESS)
		vp_may_be_held(vp);
	return status;
}

static enum hv_status vp_suspend(struct viridis_vp *vp)
{
	static const struct hv_register_assoc stop = {
		.name = HV_REGISTER_EXPLICIT_SUSPEND,
		.value.reg64 = 1,
	};
	enum hv_status status = vp_state_set(vp, &stop, 1);

	vp_may_be_held(vp);
	return status;
}

static enum hv_status vp_get_intercept_suspend(struct viridis_vp *vp, bool *suspended)
{
	static const u32 name = HV_REGISTER_INTERCEPT_SUSPEND;
	struct hv_input_get_vp_registers header = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};
	union hv_register_value value;
	struct hypercall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = 1,
		.header = &header,
		.header_bytes = sizeof(header),
		.list = &name,
		.list_bytes = sizeof(name),
		.output = &value,
		.output_bytes = sizeof(value),
	};
	enum hv_status status = hypercall(&call);

	*suspended = value.reg64 & 1;
	return status;
}

/* Before it runs again: what its caller marked in the register page is taken as if it did, and it stays. */
static enum hv_status vp_stay(struct viridis_vp *vp)
{
	static const struct hv_register_assoc stay[] = {
		{ .name = HV_REGISTER_EXPLICIT_SUSPEND, .value.reg64 = 1 },
		{ .name = HV_REGISTER_INTERCEPT_SUSPEND },
	};
	enum hv_status status = vp_answer_give(vp, stay, ARRAY_SIZE(stay));

	vp_may_be_held(vp);
	return status;
}

/* ---- RUN_VP ---- */

/* No message, so the register page is older than the vp. */
static int vp_eintr(struct viridis_vp *vp)
{
	WRITE_ONCE(vp->registers->valid, 0);
	return -EINTR;
}

/* Pairs with the release in vp_intercepted: the message page is complete. */
static bool vp_has_message(struct viridis_vp *vp)
{
	return smp_load_acquire(&vp->intercepted);
}

void vp_intercepted(u64 partition_id, u32 vp_index)
{
	struct viridis_partition *partition = partition_find(partition_id);
	struct viridis_vp *vp;

	if (!partition || vp_index >= MSHV_VP_MAX)
		return;
	vp = rcu_dereference(partition->vps[vp_index]);
	if (!vp || vp_doze_answered(vp))
		return;
	smp_store_release(&vp->intercepted, true);
	wake_up(&vp->wait);
}

/* A signal woke us: 0 when an intercept has come all the same, else EINTR with the vp stopped. */
static int vp_interrupt(struct viridis_vp *vp)
{
	enum hv_status status = vp_suspend(vp);
	bool suspended;

	if (status == HV_STATUS_SUCCESS)
		status = vp_get_intercept_suspend(vp, &suspended);
	if (status != HV_STATUS_SUCCESS)
		return hypercall_errno(status);
	if (!suspended && !vp_has_message(vp))
		return vp_eintr(vp);
	if (wait_event_timeout(vp->wait, vp_has_message(vp), MESSAGE_TIMEOUT))
		return 0;
	pr_err("p%llu vp%u: suspended for an intercept that never came\n",
	       vp->partition->id, vp->index);
	return -EIO;
}

/* noinline: the way without sleep needs no such stack, nor its guard. */
static noinline int vp_sleep(struct viridis_vp *vp)
{
	int interrupted;

	vp_doze_begin(vp);
	interrupted = wait_event_interruptible(vp->wait, vp_has_message(vp));
	vp_doze_end(vp);
	return interrupted ? vp_interrupt(vp) : 0;
}

static int vp_run_locked(struct viridis_vp *vp)
{
	enum hv_status status;

	if (vp_has_message(vp)) /* it came too late for the last RUN_VP */
		return 0;
	if (vp_kick_take(&vp->kick) || signal_pending(current)) {
		status = vp_stay(vp);
		return status == HV_STATUS_SUCCESS ? vp_eintr(vp) :
		                                     hypercall_errno(status);
	}
	vp_answer_go_on(&vp->answer);
	vp_watch_begin(vp);
	status = vp_resume(vp);
	if (vp_watch_end(vp))
		WRITE_ONCE(vp->intercepted, true);
	if (status != HV_STATUS_SUCCESS)
		return hypercall_errno(status);
	return vp_has_message(vp) ? 0 : vp_sleep(vp);
}

/* 0: there is a message for the caller. */
static int vp_run_to_message(struct viridis_vp *vp)
{
	int result;

	if (vp->rep.pending)
		vp_exit_mend(vp);
	WRITE_ONCE(vp->answer.open, false);
	do {
		cond_resched(); /* a guest may do nothing but signal */
		result = vp_run_locked(vp);
	} while (!result && vp_exit_answered(vp));
	return result;
}

/* noinline: the other calls save no registers for it. */
static noinline long vp_run(struct viridis_vp *vp, void __user *argument)
{
	long result;

	if (mutex_lock_killable(&vp->run_lock))
		return -EINTR;
	vp_kick_adopt(&vp->kick);
	result = vp->untold ? 0 : vp_run_to_message(vp);
	if (!result) {
		vp->untold = copy_to_user(argument, &vp->intercept->message,
		                          sizeof(struct mshv_run_vp));
		if (vp->untold)
			result = -EFAULT;
		else
			WRITE_ONCE(vp->intercepted, false);
		vp->turn++;
		WRITE_ONCE(vp->answer.open, !result);
	}
	mutex_unlock(&vp->run_lock);
	return result;
}

/* ---- The descriptor ---- */

static long vp_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	struct viridis_vp *vp = file->private_data;
	void __user *argument = (void __user *)value;

	switch (command) {
	case MSHV_RUN_VP:
		return vp_run(vp, argument);
	case MSHV_GET_VP_STATE:
		return vp_state_transfer(vp, argument, HVCALL_GET_VP_STATE);
	case MSHV_SET_VP_STATE:
		return vp_state_transfer(vp, argument, HVCALL_SET_VP_STATE);
	case MSHV_ROOT_HVCALL:
		return passthrough_vp(vp, argument);
	}
	return -ENOTTY;
}

/*
 * By frame number, so that nothing can take a reference to a page that goes back to the
 * hypervisor; the mapping holds the descriptor and so the partition.
 */
static int vp_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct viridis_vp *vp = file->private_data;
	unsigned long which = vma->vm_pgoff;

	if (which >= VP_PAGE_COUNT || vma_pages(vma) != 1 || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (which == MSHV_VP_PAGE_INTERCEPT_MESSAGE) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		compat_vma_flags(vma, 0, VM_MAYWRITE);
	}
	compat_vma_flags(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY, VM_MAYEXEC);
	return remap_pfn_range(vma, vma->vm_start, page_to_pfn(vp->pages[which]),
	                       PAGE_SIZE, vma->vm_page_prot);
}

static int vp_release(struct inode *inode, struct file *file)
{
	struct viridis_vp *vp = file->private_data;

	partition_put(vp->partition);
	return 0;
}

static const struct file_operations vp_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vp_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vp_mmap,
	.release = vp_release,
};

/* ---- Creation ---- */

static int vp_map_page(struct viridis_vp *vp, u16 type)
{
	struct hv_input_vp_state_page input = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
		.type = type,
	};
	struct hv_output_map_vp_state_page output;
	struct hypercall call = {
		.code = HVCALL_MAP_VP_STATE_PAGE,
		.header = &input,
		.header_bytes = sizeof(input),
		.output = &output,
		.output_bytes = sizeof(output),
	};
	enum hv_status status = pool_call(&vp->partition->pool, &call);

	if (status != HV_STATUS_SUCCESS)
		return hypercall_errno(status);
	if (!pfn_valid(output.pfn) || !PageOffline(pfn_to_page(output.pfn))) {
		pr_err("p%llu vp%u: state page at %#llx is not of a deposit\n",
		       vp->partition->id, vp->index, output.pfn);
		return -EIO;
	}
	vp->pages[type] = pfn_to_page(output.pfn);
	return 0;
}

/* Its pages are the hypervisor's alone from then on. */
static int vp_delete(struct viridis_vp *vp)
{
	struct hv_input_delete_vp input = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};

	return hypercall_errno(hypercall_simple(HVCALL_DELETE_VP, &input, sizeof(input)));
}

static int vp_make(struct viridis_vp *vp)
{
	struct hv_input_create_vp input = {
		.partition_id = vp->partition->id,
		.vp_index = vp->index,
	};
	int result = pool_call_simple(&vp->partition->pool, HVCALL_CREATE_VP, &input,
	                              sizeof(input));

	if (result)
		return result;
	result = vp_map_page(vp, HV_VP_STATE_PAGE_REGISTERS);
	if (!result)
		result = vp_map_page(vp, HV_VP_STATE_PAGE_INTERCEPT_MESSAGE);
	if (result) {
		(void)vp_delete(vp); /* DELETE of the partition does it too */
		return result;
	}
	vp->registers = page_address(vp->pages[MSHV_VP_PAGE_REGISTERS]);
	vp->intercept = page_address(vp->pages[MSHV_VP_PAGE_INTERCEPT_MESSAGE]);
	return 0;
}

static struct file *vp_create_locked(struct viridis_partition *partition, u32 index)
{
	struct viridis_vp *vp;
	struct file *file;
	int result;

	if (rcu_access_pointer(partition->vps[index]))
		return ERR_PTR(-EEXIST);
	vp = kzalloc(sizeof(*vp), GFP_KERNEL);
	if (!vp)
		return ERR_PTR(-ENOMEM);
	vp->partition = partition;
	vp->index = index;
	vp->held = true; /* as they are made */
	mutex_init(&vp->run_lock);
	vp_answer_init(&vp->answer);
	passthrough_buffer_init(&vp->buffer);
	init_waitqueue_head(&vp->wait);
	result = vp_make(vp);
	if (result)
		goto free_vp;
	file = anon_inode_getfile("mshv_vp", &vp_operations, vp, O_RDWR);
	if (IS_ERR(file)) {
		result = PTR_ERR(file);
		goto delete_vp;
	}
	vp_kick_adopt(&vp->kick);
	partition_get(partition); /* the descriptor's: PARTITION-1 */
	rcu_assign_pointer(partition->vps[index], vp);
	partition->vp_count++;
	return file;

delete_vp:
	(void)vp_delete(vp);
free_vp:
	kfree(vp);
	return ERR_PTR(result);
}

long vp_create(struct viridis_partition *partition, const void __user *argument)
{
	struct mshv_create_vp request;
	struct file *file;
	int fd;

	if (copy_from_user(&request, argument, sizeof(request)))
		return -EFAULT;
	if (request.vp_index >= MSHV_VP_MAX)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (mutex_lock_killable(&partition->lock)) {
		put_unused_fd(fd);
		return -EINTR;
	}
	file = vp_create_locked(partition, request.vp_index);
	mutex_unlock(&partition->lock);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/* ---- Teardown ---- */

void vp_stop(struct viridis_vp *vp)
{
	enum hv_status status = vp_suspend(vp);

	if (status != HV_STATUS_SUCCESS)
		pr_err("p%llu vp%u: does not stop: status %#x\n", vp->partition->id,
		       vp->index, status);
}

void vp_destroy(struct viridis_vp *vp)
{
	int result = vp_delete(vp);

	if (result)
		pr_err("p%llu vp%u: not deleted: %d\n", vp->partition->id, vp->index,
		       result);
	vp_kick_forget(&vp->kick);
	passthrough_buffer_free(&vp->buffer);
	kfree_rcu(vp, rcu);
}
