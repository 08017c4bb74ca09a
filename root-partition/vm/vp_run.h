/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtual processor's thread, which runs it and answers its intercepts. */
#ifndef VIRIDIS_VM_VP_RUN_H
#define VIRIDIS_VM_VP_RUN_H

#include "root-partition/vm/vp.h"

gboolean vp_create(struct vp *vp, struct machine *machine, uint32_t index,
                   GError **error);
void vp_destroy(struct vp *vp);

void vp_start(struct vp *vp);
/* Returns once the thread is gone; machine->stopping is set already. */
void vp_stop(struct vp *vp);
/* Where a stopped VP is, for whoever wonders why it had to be stopped. */
void vp_log_place(struct vp *vp);

/* CPUID of the VP: one of `cores`. 0 or a negative errno. */
int vp_show_topology(const struct vp *vp, uint32_t cores);

#endif
