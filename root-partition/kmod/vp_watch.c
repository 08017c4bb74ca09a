// SPDX-License-Identifier: GPL-2.0-or-later
/* When to watch for a vp's intercept: vp_watch.h */
#include "abi.h"
#include "vp_watch.h"

#include "vp.h"
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>

#define PAUSE_MAX 64

static bool lend_cpu = true;
module_param(lend_cpu, bool, 0644);
MODULE_PARM_DESC(
	lend_cpu,
	"who waits for a child leaves it its own CPU when that is otherwise idle");

bool vp_watch_lends(void)
{
	return READ_ONCE(lend_cpu);
}

/* A child that computes for longer than the loan is better off where it need not move. */
static bool vp_watch_pays(struct vp_watch *watch)
{
	if (!vp_watch_lends() || need_resched() || !single_task_running())
		return false;
	if (!watch->paused)
		return true;
	watch->paused--;
	return false;
}

void vp_watch_begin(struct viridis_vp *vp)
{
	struct vp_watch *watch = &vp->watch;

	watch->active = vp_watch_pays(watch);
	/* The vp does not run: nobody else writes to the word. */
	WRITE_ONCE(vp->intercept->watched, watch->active);
}

bool vp_watch_end(struct viridis_vp *vp)
{
	struct vp_watch *watch = &vp->watch;

	if (!watch->active)
		return false;
	/* A full barrier: the message is read after the word. */
	if (xchg(&vp->intercept->watched, 0)) {
		watch->pause = clamp(2 * watch->pause, 1, PAUSE_MAX);
		watch->paused = watch->pause;
		return false;
	}
	watch->pause = 0;
	return true;
}
