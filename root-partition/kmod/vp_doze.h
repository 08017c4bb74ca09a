/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intercepts that come while RUN_VP sleeps on an idle CPU: those that only signal an eventfd (vp_exit.h) are answered by
 * the interrupt that tells of them. RUN_VP sleeps on, which spares a switch to its thread and one from it.
 *
 * DOZE-1 Who moved the state from DOZE_ASLEEP, the interrupt or RUN_VP, has the vp's message, its register page and what
 *    resumes it, until it moves the state back. Nobody waits for RUN_VP; RUN_VP waits for an interrupt, which takes a hypercall.
 * DOZE-2 Only who would idle otherwise pays for it: a guest that signals without end takes no time from any thread, nor from
 *    the one that its signal has woken and the idle CPU is about to go on with.
 */
#ifndef VIRIDIS_KMOD_VP_DOZE_H
#define VIRIDIS_KMOD_VP_DOZE_H

#include <linux/types.h>

struct viridis_vp;

enum { DOZE_AWAKE, DOZE_ASLEEP, DOZE_ANSWERING };

/* Around RUN_VP's sleep, behind the call that makes the vp run. run_lock */
void vp_doze_begin(struct viridis_vp *vp);
void vp_doze_end(struct viridis_vp *vp);

/* From the interrupt, the message is in the page. True: it is answered, the vp runs, and RUN_VP need not wake up. */
bool vp_doze_answered(struct viridis_vp *vp);

#endif
