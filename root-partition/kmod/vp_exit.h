/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What RUN_VP does of an intercept itself, before its caller or instead of it. */
#ifndef VIRIDIS_KMOD_VP_EXIT_H
#define VIRIDIS_KMOD_VP_EXIT_H

#include <linux/types.h>

struct viridis_vp;

/* The last intercept was of IN or OUT with REP: what its VMM must leave behind. run_lock */
struct vp_rep {
	bool pending;
	u64 rip;  /* behind the instruction */
	u64 rcx;  /* as it was */
	u64 mask; /* the bits that count */
};

/* The message is in the page. True: it is answered, and the vp may go on. */
bool vp_exit_answered(struct viridis_vp *vp);

/* The same from an interrupt: true for a write that only signals an eventfd, which is signalled; else nothing was done. */
bool vp_exit_signalled(struct viridis_vp *vp);

/* Before the vp goes on, while rep.pending: a VMM that did all of a REP at once may have left its count. */
void vp_exit_mend(struct viridis_vp *vp);

#endif
