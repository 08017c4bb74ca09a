/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal whose handler runs between two calls of RUN_VP ends the second one at once. Many VMMs kick a VP's thread
 * by a signal with an empty handler, QEMU 11 among them: if it came just before the call, the VP would run on, and who
 * waits for the thread wait for ever. KICK-1 A signal counts at the latest when its handler begins, so none is lost;
 * one that has ended a call counts for the next call too, which a VMM takes as it took the first.
 */
#ifndef VIRIDIS_KMOD_VP_KICK_H
#define VIRIDIS_KMOD_VP_KICK_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>

struct vp_kick {
	/* The thread that ran the vp last. Only compared: it may have ended, and another have its place. */
	const struct task_struct *runner;
	/* By runner, in a table of all vps; its lock. */
	struct hlist_node node;
	/* Set by the runner's signals, cleared by RUN_VP. */
	bool came;
};

int vp_kick_init(void);
void vp_kick_exit(void);

/* The signals of this thread are the vp's from here on. Creation, and RUN_VP under its lock. */
void vp_kick_move(struct vp_kick *kick);
static inline void vp_kick_adopt(struct vp_kick *kick)
{
	if (unlikely(kick->runner != current))
		vp_kick_move(kick);
}

/* At the end: nobody's are. */
void vp_kick_forget(struct vp_kick *kick);

/* True, once, after a signal. */
static inline bool vp_kick_take(struct vp_kick *kick)
{
	if (likely(!READ_ONCE(kick->came)))
		return false;
	WRITE_ONCE(kick->came, false);
	return true;
}

#endif
