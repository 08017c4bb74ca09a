/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partitions: their table, life and time. Rules L1-L3: partition.h */
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/memory/frames.h"
#include "hypervisor/kernel/objects/overlay.h"
#include "hypervisor/kernel/objects/sched.h"

#define OVERLAY_TABLES_PER_VP 4
#define FINALIZE_BUDGET       (32 * 512) /* frames */

/* An id names a slot and the how-manieth partition in it: an old id finds nobody. */
#define ID_SLOT_BITS 16

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

static struct spinlock table_lock = SPINLOCK(LOCK_TABLE);
/* Written under table_lock, read by anyone. */
static struct partition *table[MAX_PARTITIONS];
static uint32_t generations[MAX_PARTITIONS]; /* table_lock */

static uint64_t first_cpu_tsc(void)
{
	return tsc_to_first(cpu_rdtsc(), this_cpu()->tsc_skew);
}

uint64_t partition_tsc(const struct partition *partition)
{
	uint64_t frozen = __atomic_load_n(&partition->frozen_tsc, __ATOMIC_ACQUIRE);

	return frozen ? frozen : first_cpu_tsc() + partition->tsc_offset;
}

void *npt_page_at(uint64_t hpa)
{
	return frame_map(hpa);
}

uint64_t npt_page_allocate(void *owner)
{
	struct partition *partition = owner;
	void *frame = partition->is_root ? reserve_take(PAGE_4K) :
	                                   pool_allocate(partition->tables);

	return frame ? frame_map_hpa(frame) : 0;
}

/*
 * Tables are released at FINALIZE alone, when nothing runs. Those that came from the overlay reserve go
 * to the pool as well: the balance of the two is settled there.
 */
void npt_page_release(void *owner, uint64_t hpa)
{
	struct partition *partition = owner;

	pool_free(&partition->pool, frame_map(hpa));
}

/* Leaves of RAM hold their frames. */
void npt_leaf_dropped(void *owner, uint64_t hpa, uint64_t bytes)
{
	(void)owner; /* whoever held them */
	frames_drop(hpa / PAGE_4K, bytes / PAGE_4K);
}

struct partition *partition_find(struct partition *caller, uint64_t id)
{
	struct partition *found;

	if (id == HV_PARTITION_ID_SELF)
		return caller;
	if ((id & 0xffff) >= MAX_PARTITIONS)
		return NULL;
	found = __atomic_load_n(&table[id & 0xffff], __ATOMIC_ACQUIRE);
	return found && found->id == id ? found : NULL;
}

struct vp *partition_vp(const struct partition *partition, uint32_t index)
{
	return index < MAX_VPS ?
	               __atomic_load_n(&partition->vps[index], __ATOMIC_ACQUIRE) :
	               NULL;
}

uint64_t partition_next_child(const struct partition *parent, uint64_t previous)
{
	uint64_t first = previous == 0 ? 0 : (previous & 0xffff) + 1;

	for (uint64_t slot = first; slot < MAX_PARTITIONS; slot++) {
		const struct partition *found =
			__atomic_load_n(&table[slot], __ATOMIC_ACQUIRE);

		if (found && found->parent == parent)
			return found->id;
	}
	return 0;
}

static bool take_slot(struct partition *partition)
{
	SPIN_HOLD(&table_lock);
	for (uint32_t slot = 0; slot < MAX_PARTITIONS; slot++) {
		if (table[slot])
			continue;
		partition->slot = (uint16_t)slot;
		partition->id = (uint64_t)++generations[slot] << ID_SLOT_BITS | slot;
		__atomic_store_n(&table[slot], partition, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

/* Everything but the slot; `pool` pays. False: it could not, or not for all. */
static bool set_up(struct partition *partition, struct pool *pool)
{
	partition->cpuid = pool_allocate(pool);
	partition->hypercall_overlay.page = pool_allocate(pool);
	partition->tsc_overlay.page = pool_allocate(pool);
	if (!partition->cpuid || !partition->hypercall_overlay.page ||
	    !partition->tsc_overlay.page)
		return false;
	spin_init(&partition->lock, LOCK_PARTITION);
	pool_init(&partition->pool);
	pool_init(&partition->table_pool);
	partition->tables = &partition->pool;
	partition->weight = HV_CPU_WEIGHT_DEFAULT;
	list_init(&partition->ports);
	partition->tsc_origin = first_cpu_tsc();
	return true;
}

/* L1; NULL: set_up() did not come so far. */
static void give_back(struct partition *partition, struct pool *pool)
{
	void *const pages[PARTITION_PAGES] = { partition->hypercall_overlay.page,
		                               partition->tsc_overlay.page,
		                               partition->cpuid, partition };

	for (unsigned int i = 0; i < PARTITION_PAGES; i++)
		if (pages[i])
			pool_retire(pool, pages[i]);
}

enum hv_status partition_create(struct partition *parent, uint64_t *id)
{
	struct partition *partition;
	enum hv_status status = HV_STATUS_INSUFFICIENT_MEMORY;

	partition = pool_allocate(&parent->pool);
	if (!partition)
		return status;
	if (!set_up(partition, &parent->pool))
		goto give_back;
	partition->parent = parent;
	partition->privileges = CHILD_PRIVILEGES;
	partition->tsc_offset = 0 - partition->tsc_origin;
	partition->tsc_origin = 0;
	overlay_fill_pages(partition);
	status = HV_STATUS_NO_RESOURCES;
	if (!take_slot(partition))
		goto give_back;
	*id = partition->id;
	return HV_STATUS_SUCCESS;

give_back:
	give_back(partition, &parent->pool);
	return status;
}

enum hv_status partition_initialize(struct partition *partition)
{
	enum hv_status status;

	SPIN_HOLD(&partition->lock);
	if (partition->state != PARTITION_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	status = npt_init(&partition->npt, virt->npt_format, partition);
	if (status == HV_STATUS_SUCCESS)
		partition->state = PARTITION_ACTIVE;
	return status;
}

/* For its VPs and one more. What a deleted VP has not used is there for the next. */
static bool fill_overlay_tables(struct partition *partition)
{
	uint64_t wanted = OVERLAY_TABLES_PER_VP;

	for (uint32_t i = 0; i < partition->vp_count; i++)
		wanted += partition->vps[i] ? OVERLAY_TABLES_PER_VP : 0;
	for (; partition->table_pool.available < wanted;) {
		void *frame = pool_allocate(&partition->pool);

		if (!frame)
			return false;
		pool_seed(&partition->table_pool, frame, 1);
	}
	return true;
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
	if (!fill_overlay_tables(partition))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	vp = vp_create(partition, index, &partition->pool);
	if (!vp)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	vp->suspend &= ~SUSPEND_PARTITION;
	if (partition->frozen_tsc)
		vp->suspend |= SUSPEND_PARTITION;
	__atomic_store_n(&partition->vps[index], vp, __ATOMIC_RELEASE);
	if (index >= partition->vp_count)
		__atomic_store_n(&partition->vp_count, index + 1, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}

/* Out of the table: nobody new finds it. */
static enum hv_status unlink_vp(struct partition *partition, uint32_t index,
                                struct vp **out)
{
	struct vp *vp;

	SPIN_HOLD(&partition->lock);
	vp = partition_vp(partition, index);
	if (!vp)
		return HV_STATUS_INVALID_VP_INDEX;
	/* The bit first: what is stopped after it stays so, whoever resumes it. */
	__atomic_fetch_or(&vp->suspend, SUSPEND_DELETED, __ATOMIC_SEQ_CST);
	if (!(vp->suspend & SUSPEND_EXPLICIT) || !vp_is_stopped(vp)) {
		vp_resume(vp, SUSPEND_DELETED);
		return HV_STATUS_INVALID_VP_STATE;
	}
	overlays_hide_vp(vp);
	__atomic_store_n(&partition->vps[index], NULL, __ATOMIC_RELEASE);
	*out = vp;
	return HV_STATUS_SUCCESS;
}

enum hv_status partition_delete_vp(struct partition *partition, uint32_t index)
{
	enum hv_status status;
	struct vp *vp;

	status = unlink_vp(partition, index, &vp);
	if (status == HV_STATUS_SUCCESS)
		vp_free(vp, &partition->pool);
	return status;
}

static void return_overlay_tables(struct partition *partition)
{
	void *frame;

	while ((frame = pool_withdraw(&partition->table_pool)) != NULL)
		pool_free(&partition->pool, frame);
}

/* Each call of FINALIZE waits for an epoch before the next: for who reads the tables without the lock. */
static bool finalize_locked(struct partition *partition)
{
	if (partition->state == PARTITION_ACTIVE) {
		partition->state = PARTITION_FINALIZING;
		return false;
	}
	if (partition->state == PARTITION_FINALIZING) {
		overlays_hide_partition(partition);
		if (!npt_destroy_step(&partition->npt, FINALIZE_BUDGET))
			return false;
	}
	return_overlay_tables(partition);
	partition->state = PARTITION_FINALIZED;
	return true;
}

/* Stops and deletes what VPs there are; false while one is still on a CPU, which is kicked. */
static bool delete_all_vps(struct partition *partition)
{
	bool all = true;

	for (uint32_t i = 0; i < MAX_VPS; i++) {
		struct vp *vp = partition_vp(partition, i);

		if (!vp)
			continue;
		vp_suspend(vp, SUSPEND_EXPLICIT);
		if (!vp_claim(vp)) {
			all = false;
		} else if (partition_delete_vp(partition, i) != HV_STATUS_SUCCESS) {
			vp_resume(vp, SUSPEND_CLAIMED);
			all = false;
		}
	}
	return all;
}

bool partition_finalize(struct partition *partition)
{
	if (!delete_all_vps(partition))
		return false;
	SPIN_HOLD(&partition->lock);
	return finalize_locked(partition);
}

enum hv_status partition_delete(struct partition *partition)
{
	struct partition *parent = partition->parent;
	uint64_t available, in_use;
	bool found;

	if (partition->state != PARTITION_FINALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE; /* nor takes any deposits */
	pool_balance(&partition->pool, &available, &in_use);
	if (available != 0 || in_use != 0)
		return HV_STATUS_OBJECT_IN_USE; /* withdraw the deposit first */
	spin_lock(&table_lock);
	found = table[partition->slot] == partition;
	if (found)
		__atomic_store_n(&table[partition->slot], NULL, __ATOMIC_RELEASE);
	spin_unlock(&table_lock);
	if (!found)
		return HV_STATUS_INVALID_PARTITION_ID;
	give_back(partition, &parent->pool);
	return HV_STATUS_SUCCESS;
}

bool partition_deposit(struct partition *partition, uint64_t pfn)
{
	SPIN_HOLD(&partition->lock);
	if (partition->state == PARTITION_FINALIZED)
		return false;
	pool_deposit(&partition->pool, pfn);
	return true;
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

/* Time stands once all VPs are off their CPUs. They are suspended together, and go on at one offset. */
bool partition_freeze(struct partition *partition, bool frozen)
{
	bool stopped = true;

	SPIN_HOLD(&partition->lock);
	uint64_t then = partition->frozen_tsc;

	if (frozen == (then != 0))
		return true;
	if (!frozen) {
		partition->tsc_offset = then - first_cpu_tsc();
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

void partition_make_root(struct pool *boot_pool)
{
	struct partition *root = pool_allocate(boot_pool);
	enum hv_status status;

	ASSERT(set_up(root, boot_pool));
	root->is_root = true;
	root->privileges = ROOT_PRIVILEGES;
	ASSERT(take_slot(root));
	status = partition_initialize(root);
	ASSERT(status == HV_STATUS_SUCCESS);
	root_partition = root;
}
