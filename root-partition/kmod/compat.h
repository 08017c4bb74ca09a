/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between 6.1, which we build for and test, and the kernels after it, which we do not. */
#ifndef VIRIDIS_KMOD_COMPAT_H
#define VIRIDIS_KMOD_COMPAT_H

#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/version.h>

/* Exported by all of them for the VMBus driver, which a root has no use for. */
void hv_setup_vmbus_handler(void (*handler)(void));
void hv_remove_vmbus_handler(void);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
static inline void compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
	eventfd_signal(eventfd);
}
#else
static inline void compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
	eventfd_signal(eventfd, 1);
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
static inline void compat_vma_flags(struct vm_area_struct *vma, vm_flags_t set,
                                    vm_flags_t clear)
{
	vm_flags_mod(vma, set, clear);
}
#else
static inline void compat_vma_flags(struct vm_area_struct *vma, vm_flags_t set,
                                    vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

#endif
