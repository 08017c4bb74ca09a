/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSHV_ROOT_HVCALL: hypercalls that user space may make itself, on its own partition only. */
#ifndef VIRIDIS_KMOD_PASSTHROUGH_H
#define VIRIDIS_KMOD_PASSTHROUGH_H

#include <linux/mutex.h>
#include <linux/types.h>

struct viridis_partition;
struct viridis_vp;

/* Room for the longer calls of a descriptor, made at the first of them: input page, output page. */
struct passthrough_buffer {
	struct mutex lock;
	u8 *pages;
};

void passthrough_buffer_init(struct passthrough_buffer *buffer);
void passthrough_buffer_free(struct passthrough_buffer *buffer);

/* The module goes. */
void passthrough_exit(void);

long passthrough_device(void __user *argument);
long passthrough_partition(struct viridis_partition *partition, void __user *argument);
long passthrough_vp(struct viridis_vp *vp, void __user *argument);

#endif
