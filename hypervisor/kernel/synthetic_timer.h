/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The synthetic timers of a VP, tied to its partition's clock and its SINTs. The owner only. */
#ifndef VIRIDIS_KERNEL_SYNTHETIC_TIMER_H
#define VIRIDIS_KERNEL_SYNTHETIC_TIMER_H

#include <stdint.h>

struct vp;

uint64_t synthetic_timers_deadline(const struct vp *vp); /* host TSC, or TIMER_NEVER */
void synthetic_timers_expire(struct vp *vp);

/* Try waiting timer messages of these SINTs again, one bit each. */
void synthetic_timers_post(struct vp *vp, uint16_t sints);

#endif
