/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partitions. The root is slot 0, made at boot; the others are its children.
 *
 * PARTITION-1 A partition is found by id without a lock; it stays whole until an epoch after it was taken out
 *             of the table. So are its VPs.
 * PARTITION-2 Set-up (state, VPs, memory map, properties) changes under partition->lock.
 * PARTITION-3 Created -> active (INITIALIZE) -> ending and ended (FINALIZE) -> gone (DELETE). Only an active one's
 *             VPs run. Whoever gives a partition something looks first whether it is ending. FINALIZE takes
 *             nothing away before an epoch has passed since it is: by then all that was given is there.
 */
#pragma once

#include <viridis/abi/hv_cpuid.h>
#include "hypervisor/core/npt.h"
#include "hypervisor/kernel/memory/pool.h"
#include "hypervisor/kernel/objects/vp.h"

#define MAX_VPS        HV_MAX_VPS
#define MAX_PARTITIONS 4096

enum partition_state {
	PARTITION_CREATED,
	PARTITION_ACTIVE,
	PARTITION_ENDING,
	PARTITION_ENDED
};

/* Pages that a partition takes from its parent's pool: itself, CPUID results, overlays. */
#define PARTITION_PAGES 4

struct partition {
	/* constant after creation */
	void *pages[PARTITION_PAGES];
	uint64_t id;
	uint16_t slot;
	bool is_root;

	/* partition lock */
	struct spinlock lock;
	enum partition_state state; /* read by anyone */
	uint64_t ending_epoch;      /* PARTITION-3 */
	uint64_t privileges;
	uint32_t weight;
	bool ignores_msrs;  /* that are unimplemented: read by anyone */
	bool level_as_edge; /* constant once there are VPs */
	struct npt npt;
	struct vp *
		showing; /* whose spare pages become tables meanwhile; NULL: the pool's */

	struct pool pool;

	/* vps: changed under the lock, read by anyone, PARTITION-1 */
	struct vp *vps[MAX_VPS];
	uint32_t vp_count; /* highest index + 1 */

	/* written by the guest's MSRs, under the lock */
	uint64_t guest_os_id;
	uint64_t hypercall_msr;
	uint64_t reference_tsc_msr;
	uint64_t invariant_tsc;
	struct overlay_page hypercall_overlay;
	struct overlay_page tsc_overlay;

	/*
	 * Time. The partition's TSC is the first CPU's and an offset; while it is frozen it stands, and no VP
	 * runs. All that is timed for a VP counts in it. Written under the lock, the offset first.
	 */
	uint64_t tsc_offset;
	uint64_t frozen_tsc; /* 0: it runs */
	uint64_t tsc_origin; /* constant: where the reference time was 0 */

	struct cpuid_results *cpuid; /* a page: of all VPs */

	/* ports lock: delivery/ports.h */
	struct list ports;
};
_Static_assert(sizeof(struct partition) <= 4096, "a partition is one page");

extern struct partition *root_partition;

/* By id, or HV_PARTITION_ID_SELF; NULL when there is none. PARTITION-1 */
struct partition *partition_find(struct partition *caller, uint64_t id);

struct vp *partition_vp(const struct partition *partition, uint32_t index);

enum hv_status partition_create(uint64_t *id) MUST_CHECK;
enum hv_status partition_initialize(struct partition *partition) MUST_CHECK;
/* From now on it is ending; false: not yet for an epoch. PARTITION-3 */
bool partition_end(struct partition *partition) MUST_CHECK;
static inline bool partition_is_ending(const struct partition *partition)
{
	return __atomic_load_n(&partition->state, __ATOMIC_RELAXED) >= PARTITION_ENDING;
}

/* It is ending for an epoch, and its ports are gone. Bounded work a call: whether it was the last. */
bool partition_finalize(struct partition *partition) MUST_CHECK;
enum hv_status partition_delete(struct partition *partition) MUST_CHECK;

enum hv_status partition_add_vp(struct partition *partition, uint32_t index) MUST_CHECK;
/* A VP that the caller has claimed, and never lets go: nobody new finds it. */
void partition_delete_vp(struct vp *vp);

/* Boot: the root, as yet without VPs. */
void partition_make_root(void);

/* The root's memory is mapped identically. It may access this block as `flags` (npt.h) says; with 0, not at all. */
void partition_map_root(uint64_t hpa, enum npt_level level, uint32_t flags);

void partition_set_weight(struct partition *partition, uint32_t weight);
/* Stops VPs and time, or lets both go on; false while a VP is still on a CPU. D13 */
bool partition_freeze(struct partition *partition, bool frozen) MUST_CHECK;

/* Its time goes on from this TSC, if that is later. D13 */
void partition_advance(struct partition *partition, uint64_t tsc);

/* Of the partition's TSC from the first CPU's. */
static inline uint64_t partition_tsc_offset(const struct partition *partition)
{
	return __atomic_load_n(&partition->tsc_offset, __ATOMIC_RELAXED);
}

/* Now. What a VP reads is greater by vp->tsc_adjust. */
uint64_t partition_tsc(const struct partition *partition);

/* 100 ns units since the partition's creation. */
uint64_t partition_reference_time(const struct partition *partition);
