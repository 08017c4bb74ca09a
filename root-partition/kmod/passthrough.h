/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSHV_ROOT_HVCALL: hypercalls that user space may make itself, on its own partition only. */
#ifndef VIRIDIS_KMOD_PASSTHROUGH_H
#define VIRIDIS_KMOD_PASSTHROUGH_H

#include <linux/types.h>

struct viridis_partition;
struct viridis_vp;

long passthrough_device(void __user *argument);
long passthrough_partition(struct viridis_partition *partition, void __user *argument);
long passthrough_vp(struct viridis_vp *vp, void __user *argument);

#endif
