/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A child's virtual processor and its descriptor. */
#ifndef VIRIDIS_KMOD_VP_H
#define VIRIDIS_KMOD_VP_H

#include "abi.h"
#include "passthrough.h"
#include "vp_answer.h"
#include "vp_doze.h"
#include "vp_exit.h"
#include "vp_kick.h"
#include "vp_watch.h"
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/wait.h>

struct page;
struct viridis_partition;

#define VP_PAGE_COUNT 2

/* The last that was told, and of which turn. */
struct vp_translation {
	u64 turn, gva_page, flags;
	struct hv_output_translate_va output;
};

struct viridis_vp {
	/* constant after create */
	struct viridis_partition *partition; /* the descriptor holds the reference */
	u32 index;
	struct page *pages[VP_PAGE_COUNT]; /* by MSHV_VP_PAGE_*: the hypervisor's, shared */
	struct hv_register_page *registers; /* two of them, as they are seen here */
	struct viridis_intercept_page *intercept;

	struct mutex run_lock; /* one RUN_VP at a time */
	struct vp_watch watch; /* run_lock */
	struct vp_rep rep;     /* run_lock */
	struct vp_answer answer;
	u64 turn;                          /* which message its VMM has; run_lock */
	struct vp_translation translation; /* run_lock */
	struct vp_kick kick;               /* KICK-1 */
	wait_queue_head_t wait;
	int doze; /* DOZE-1, atomic */
	/*
	 * EXPLICIT_SUSPEND may be set: RUN_VP clears it. Set by whoever may have set that, once it has; cleared by RUN_VP
	 * before it looks to that, so that one of both sees what the other did.
	 */
	bool held;
	/*
	 * An intercept's message is in the page. Set with release by the interrupt, or by RUN_VP
	 * itself; read with acquire by RUN_VP, cleared by it once the message is with the caller.
	 */
	bool intercepted;
	/* Its reader was at a bad address: the next RUN_VP tells it, as it is. run_lock */
	bool untold;
	struct passthrough_buffer buffer;
	struct rcu_head rcu; /* PARTITION-3 */
};

/* MSHV_CREATE_VP: a descriptor or a negative errno. */
long vp_create(struct viridis_partition *partition, const void __user *argument);

/* Teardown: stops the vp, whatever it is doing; takes it down. */
void vp_stop(struct viridis_vp *vp);
void vp_destroy(struct viridis_vp *vp);

/* Somebody had the hypervisor set registers, and they were no ANSWER-1's: the next RUN_VP clears what suspends it. */
void vp_may_be_held(struct viridis_vp *vp);

/* From the interrupt, under RCU: the hypervisor has suspended a vp for an intercept. */
void vp_intercepted(u64 partition_id, u32 vp_index);

#endif
