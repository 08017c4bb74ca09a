/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partitions: their table, life and time. Rules PARTITION-1 to 3: partition.h */
#include "hypervisor/kernel/objects/partition.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/sched.h"

#define FINALIZE_BUDGET (32 * 512) /* frames */

/* An id names a slot, and how many partitions there have been: an old id finds nobody. */
#define ID_SLOT(id)       ((id)&0xffff)
#define ID_CREATION_SHIFT 16

#define CHILD_PRIVILEGES                                                              \
	(HV_PRIVILEGE_VP_RUNTIME | HV_PRIVILEGE_TIME_REF_COUNT | HV_PRIVILEGE_SYNIC | \
	 HV_PRIVILEGE_STIMER | HV_PRIVILEGE_APIC_MSRS | HV_PRIVILEGE_HYPERCALL_MSRS | \
	 HV_PRIVILEGE_VP_INDEX | HV_PRIVILEGE_RESET | HV_PRIVILEGE_REFERENCE_TSC |    \
	 HV_PRIVILEGE_FREQUENCY_MSRS | HV_PRIVILEGE_TSC_INVARIANT |                   \
	 HV_PRIVILEGE_POST_MESSAGES | HV_PRIVILEGE_SIGNAL_EVENTS)
#define ROOT_PRIVILEGES                                                       \
	(CHILD_PRIVILEGES | HV_PRIVILEGE_CREATE_PARTITIONS |                  \
	 HV_PRIVILEGE_ACCESS_PARTITION_ID | HV_PRIVILEGE_ACCESS_MEMORY_POOL | \
	 HV_PRIVILEGE_CREATE_PORT | HV_PRIVILEGE_CONNECT_PORT |               \
	 HV_PRIVILEGE_ACCESS_STATS | HV_PRIVILEGE_ACCESS_VP_REGISTERS)

struct partition *root_partition;

static struct partition *table[MAX_PARTITIONS]; /* atomic */

static uint64_t first_cpu_tsc(void)
{
	return tsc_to_first(cpu_rdtsc(), this_cpu()->tsc_skew);
}

uint64_t partition_tsc(const struct partition *partition)
{
	uint64_t frozen = __atomic_load_n(&partition->frozen_tsc, __ATOMIC_ACQUIRE);

	return frozen ? frozen : first_cpu_tsc() + partition_tsc_offset(partition);
}

/* The pool of a partition's tables and VPs; NULL: the reserve. */
static struct pool *own_pool(struct partition *partition)
{
	return partition->is_root ? NULL : &partition->pool;
}

static uint64_t table_allocate(void *owner)
{
	struct partition *partition = owner;
	void *frame = partition->showing ? vp_take_spare_page_locked(partition->showing) :
	                                   pool_allocate(own_pool(partition));

	return frame ? frame_map_hpa(frame) : 0;
}

/* At FINALIZE alone, when nothing runs. */
static void table_release(void *owner, uint64_t hpa)
{
	struct partition *partition = owner;

	pool_free(&partition->pool, frame_map(hpa));
}

/* Leaves of RAM hold their frames. */
static void leaf_dropped(void *owner, uint64_t hpa, uint64_t bytes)
{
	(void)owner; /* whoever held them */
	frames_drop(hpa / PAGE_4K, bytes / PAGE_4K);
}

static const struct npt_memory table_memory = { frame_map, table_allocate, table_release,
	                                        leaf_dropped };

void partition_map_root(uint64_t hpa, enum npt_level level, uint32_t flags)
{
	SPIN_HOLD(&root_partition->lock);
	enum hv_status status = npt_set(&root_partition->npt, hpa, hpa, level, flags);

	ASSERT(status == HV_STATUS_SUCCESS); /* boot has reserved the tables */
}

struct partition *partition_find(struct partition *caller, uint64_t id)
{
	struct partition *found;

	if (id == HV_PARTITION_ID_SELF)
		return caller;
	if (ID_SLOT(id) >= MAX_PARTITIONS)
		return NULL;
	found = __atomic_load_n(&table[ID_SLOT(id)], __ATOMIC_ACQUIRE);
	return found && found->id == id ? found : NULL;
}

struct vp *partition_vp(const struct partition *partition, uint32_t index)
{
	return index < MAX_VPS ?
	               __atomic_load_n(&partition->vps[index], __ATOMIC_ACQUIRE) :
	               NULL;
}

/* The partition can be found from the moment in which a slot takes it; release pairs with partition_find(). */
static bool take_slot(struct partition *partition)
{
	static uint64_t creations; /* atomic */
	uint64_t creation = __atomic_add_fetch(&creations, 1, __ATOMIC_RELAXED);

	for (uint32_t slot = 0; slot < MAX_PARTITIONS; slot++) {
		struct partition *none = NULL;

		partition->slot = (uint16_t)slot;
		partition->id = creation << ID_CREATION_SHIFT | slot;
		if (__atomic_compare_exchange_n(&table[slot], &none, partition, false,
		                                __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* Everything but the slot; NULL: the pool has not enough pages. */
static struct partition *make_partition(struct pool *pool)
{
	void *pages[PARTITION_PAGES];
	struct partition *partition;

	if (!pool_allocate_all(pool, pages, PARTITION_PAGES))
		return NULL;
	partition = pages[0];
	memcpy(partition->pages, pages, sizeof(pages));
	partition->cpuid = pages[1];
	partition->hypercall_overlay.page = pages[2];
	partition->tsc_overlay.page = pages[3];
	partition->lock = SPINLOCK(LOCK_PARTITION);
	pool_init(&partition->pool);
	partition->weight = HV_CPU_WEIGHT_DEFAULT;
	list_init(&partition->ports);
	return partition;
}

enum hv_status partition_create(uint64_t *id)
{
	struct pool *pool = &root_partition->pool;
	struct partition *partition = make_partition(pool);

	if (!partition)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	partition->privileges = CHILD_PRIVILEGES;
	partition->tsc_offset = 0 - first_cpu_tsc();
	overlay_fill_pages(partition);
	if (!take_slot(partition)) {
		pool_free_all(pool, partition->pages, PARTITION_PAGES);
		return HV_STATUS_NO_RESOURCES;
	}
	*id = partition->id;
	return HV_STATUS_SUCCESS;
}

enum hv_status partition_initialize(struct partition *partition)
{
	enum hv_status status;

	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	status = npt_init(&partition->npt, virt->npt_format, &table_memory, partition);
	if (status == HV_STATUS_SUCCESS)
		partition->state = PARTITION_ACTIVE;
	return status;
}

enum hv_status partition_add_vp(struct partition *partition, uint32_t index)
{
	struct vp *vp;

	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_ACTIVE)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (index >= MAX_VPS)
		return HV_STATUS_INVALID_VP_INDEX;
	if (partition->vps[index])
		return HV_STATUS_OBJECT_IN_USE;
	vp = vp_create(partition, index, own_pool(partition));
	if (!vp)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	if (partition->frozen_tsc)
		vp->suspend |= SUSPEND_PARTITION;
	__atomic_store_n(&partition->vps[index], vp, __ATOMIC_RELEASE);
	if (index >= partition->vp_count)
		__atomic_store_n(&partition->vp_count, index + 1, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}

void partition_delete_vp(struct vp *vp)
{
	struct partition *partition = vp->partition;

	spin_lock(&partition->lock);
	overlays_hide_vp(vp);
	__atomic_store_n(&partition->vps[vp->index], NULL, __ATOMIC_RELEASE);
	spin_unlock(&partition->lock);
	vp_free(vp, &partition->pool);
}

/* Stops and deletes what VPs there are; false while one is still on a CPU or in another's hands. */
static bool delete_all_vps(struct partition *partition)
{
	bool all = true;

	for (uint32_t i = 0; i < MAX_VPS; i++) {
		struct vp *vp = partition_vp(partition, i);

		if (!vp)
			continue;
		vp_suspend(vp, SUSPEND_EXPLICIT);
		if (vp_claim(vp))
			partition_delete_vp(vp);
		else
			all = false;
	}
	return all;
}

bool partition_end(struct partition *partition)
{
	SPIN_HOLD(&partition->lock);
	if (!partition_is_ending(partition)) {
		__atomic_store_n(&partition->state, PARTITION_ENDING, __ATOMIC_SEQ_CST);
		partition->ending_epoch = epoch_advance();
	}
	return epoch_passed(partition->ending_epoch);
}

/*
 * Another CPU that found a VP before may still look into the tables: it finds what was there, as their pages stay
 * for an epoch (POOL-1), or nothing.
 */
bool partition_finalize(struct partition *partition)
{
	if (!delete_all_vps(partition))
		return false;
	SPIN_HOLD(&partition->lock);
	overlays_hide_partition(partition);
	if (!npt_destroy_step(&partition->npt, FINALIZE_BUDGET))
		return false;
	partition->state = PARTITION_ENDED;
	return true;
}

enum hv_status partition_delete(struct partition *partition)
{
	struct partition *gone = partition;
	uint64_t available, in_use;

	if (partition->state != PARTITION_ENDED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	pool_balance(&partition->pool, &available, &in_use);
	if (available != 0 || in_use != 0)
		return HV_STATUS_OBJECT_IN_USE; /* withdraw the deposit first */
	if (!__atomic_compare_exchange_n(&table[partition->slot], &gone, NULL, false,
	                                 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return HV_STATUS_INVALID_PARTITION_ID;
	pool_free_all(&root_partition->pool, partition->pages, PARTITION_PAGES);
	return HV_STATUS_SUCCESS;
}

void partition_set_weight(struct partition *partition, uint32_t weight)
{
	SPIN_HOLD(&partition->lock);
	partition->weight = weight;
	for (uint32_t i = 0; i < partition->vp_count; i++) {
		if (partition->vps[i])
			sched_set_weight(partition->vps[i], weight);
	}
}

/* The reference time goes with it, and their relation stays as the guest's page tells it. */
void partition_advance(struct partition *partition, uint64_t tsc)
{
	SPIN_HOLD(&partition->lock);
	uint64_t now = partition_tsc(partition);

	if (tsc <= now || tsc >= BIT64(62))
		return;
	if (partition->frozen_tsc) {
		__atomic_store_n(&partition->frozen_tsc, tsc, __ATOMIC_RELEASE);
		return;
	}
	__atomic_store_n(&partition->tsc_offset, partition->tsc_offset + (tsc - now),
	                 __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < partition->vp_count; i++) {
		if (partition->vps[i]) /* it takes the offset at its next entry */
			vp_raise(partition->vps[i], EVENTS_TIMER);
	}
}

/* Time stands once all VPs are off their CPUs. They are suspended together, and go on at one offset. */
bool partition_freeze(struct partition *partition, bool frozen)
{
	bool stopped = true;

	SPIN_HOLD(&partition->lock);
	uint64_t then = partition->frozen_tsc;

	if (frozen == (then != 0))
		return true;
	if (!frozen) {
		__atomic_store_n(&partition->tsc_offset, then - first_cpu_tsc(),
		                 __ATOMIC_RELAXED);
		/* Release pairs with the acquire in partition_tsc. */
		__atomic_store_n(&partition->frozen_tsc, 0, __ATOMIC_RELEASE);
	}
	for (uint32_t i = 0; i < partition->vp_count; i++) {
		struct vp *vp = partition->vps[i];

		if (!vp)
			continue;
		if (frozen) {
			vp_suspend(vp, SUSPEND_PARTITION);
			stopped &= vp_is_stopped(vp);
		} else {
			vp_raise(vp, EVENTS_TIMER); /* its deadline was told too early */
			vp_resume(vp, SUSPEND_PARTITION);
		}
	}
	if (frozen && stopped)
		__atomic_store_n(&partition->frozen_tsc, partition_tsc(partition),
		                 __ATOMIC_RELEASE);
	return stopped;
}

uint64_t partition_reference_time(const struct partition *partition)
{
	return tsc_to_100ns(partition_tsc(partition) - partition->tsc_origin);
}

void partition_make_root(void)
{
	struct partition *root = make_partition(NULL);
	enum hv_status status;

	root->is_root = true;
	root->privileges = ROOT_PRIVILEGES;
	root->tsc_origin = first_cpu_tsc();
	ASSERT(take_slot(root));
	status = partition_initialize(root);
	ASSERT(status == HV_STATUS_SUCCESS);
	root_partition = root;
}
