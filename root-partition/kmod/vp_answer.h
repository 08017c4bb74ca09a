/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VMM answers an intercept with by a call of its own: RIP behind the instruction, what was read in RAX. It is
 * kept here until RUN_VP, whose hypercall hands it over with what resumes the vp: one way into the hypervisor instead of two.
 * RIP and RAX alone go by the register page, whose mark for RAX without the rest of its class is between module and hypervisor.
 *
 * ANSWER-1 Kept are general registers and RIP alone, for which the hypervisor takes any value, and only between a RUN_VP
 *    that gave its caller a message and the next one, if since the vp last went on nobody has given the hypervisor any: what
 *    the message and the register page tell is then what the vp has, but for what is kept. The message may have been
 *    there for a while before its caller has it, and another thread have set registers meanwhile.
 * ANSWER-2 Whoever asks the hypervisor for such registers of the vp, or gives it a VMM's list of any, hands over first what
 *    is kept.
 * ANSWER-3 Whoever gives it such registers holds the lock until they are there: who reads some to set others by them
 *    (vp_exit.c) has nobody come in between.
 */
#ifndef VIRIDIS_KMOD_VP_ANSWER_H
#define VIRIDIS_KMOD_VP_ANSWER_H

#include "abi.h"
#include "hypercall.h"
#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct viridis_vp;

#define VP_ANSWER_MAX   4u
#define VP_ANSWER_PORT  2u
#define VP_ANSWER_AFTER 2u

struct vp_answer {
	/* The caller of RUN_VP has a message. run_lock */
	bool open;
	/* Inside run_lock: also while a caller sets registers by itself, ANSWER-3. */
	struct mutex lock;
	/* How often the hypervisor was given registers but by RUN_VP: counted when it has them, under the lock. */
	u64 sets;
	/* What `sets` was before the vp went on. run_lock */
	u64 sets_before;
	/*
	 * Changed under the lock, made more only under run_lock too; but from 0 under run_lock alone, with release, when the
	 * registers are there: who finds 0 has nothing to hand over.
	 */
	unsigned int count;
	bool port; /* the first two were RIP and RAX, in this order, when they were kept; run_lock */
	/* And room for what vp_answer_give() puts behind them. */
	struct hv_register_assoc registers[VP_ANSWER_MAX + VP_ANSWER_AFTER];
};

void vp_answer_init(struct vp_answer *answer);

/* The vp is about to go on. run_lock */
static inline void vp_answer_go_on(struct vp_answer *answer)
{
	/* Pairs with the release in answer_count_set_locked. */
	WRITE_ONCE(answer->sets_before, smp_load_acquire(&answer->sets));
}

/* Is all kept that was set since the message? ANSWER-1. run_lock; the answer's too, unless others may be setting some. */
bool vp_answer_has_all(const struct viridis_vp *vp);

/* The input of SET_VP_REGISTERS, `count` registers. True: they are kept, and so set. */
bool vp_answer_keep(struct viridis_vp *vp, const struct hv_input_set_vp_registers *header,
                    const struct hv_register_assoc *registers, unsigned int count);

/* The same of RIP and RAX, which are two of ANSWER-1's. */
bool vp_answer_keep_port(struct viridis_vp *vp, u64 rip, u64 rax);

/*
 * What a register is to be. *value stays when it was not set since the message. False: that is the hypervisor's to say.
 * run_lock and the answer's
 */
bool vp_answer_tell_locked(const struct viridis_vp *vp, u32 name, u64 *value);
/* One more, of ANSWER-1's. run_lock and the answer's */
void vp_answer_add_locked(struct viridis_vp *vp,
                          const struct hv_register_assoc *registers);

/* Hands over what is kept, if anything, and behind it these, VP_ANSWER_AFTER at most. run_lock */
enum hv_status vp_answer_give(struct viridis_vp *vp,
                              const struct hv_register_assoc *registers,
                              unsigned int count);

/* Hands over what is kept, and the vp goes on: INTERCEPT_SUSPEND is cleared. run_lock */
enum hv_status vp_answer_resume(struct viridis_vp *vp);

/* ANSWER-2. Any context that may sleep. */
void vp_answer_settle(struct viridis_vp *vp);
void vp_answer_settle_locked(struct viridis_vp *vp);
/*
 * Around a call by which somebody sets registers itself: nothing more is kept before the next RUN_VP, and nobody else sets
 * any meanwhile: ANSWER-3.
 */
void vp_answer_begin_set(struct viridis_vp *vp);
void vp_answer_end_set(struct viridis_vp *vp);

#endif
