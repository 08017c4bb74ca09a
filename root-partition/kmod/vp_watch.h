/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUN_VP watches for the intercept: when nothing else wants this CPU, the hypervisor runs the
 * child on it at once, and an intercept that comes soon is there when the call returns. That
 * saves a message, its interrupt, and waking two CPUs. viridis/abi/viridis_intercept.h
 */
#ifndef VIRIDIS_KMOD_VP_WATCH_H
#define VIRIDIS_KMOD_VP_WATCH_H

#include <linux/types.h>

struct viridis_vp;

/* A watch in vain is followed by one call without, the next one by two, then four and so on. */
struct vp_watch {
	bool active;
	u8 pause;  /* calls without after the last watch */
	u8 paused; /* how many of them are to come */
};

/* Whoever waits for a child may leave it the CPU that it waits on: parameter lend_cpu. */
bool vp_watch_lends(void);

/* Before the vp may run. */
void vp_watch_begin(struct viridis_vp *vp);
/* After the call that makes it run. True: the intercept is there. False: its message will come. */
bool vp_watch_end(struct viridis_vp *vp);

#endif
