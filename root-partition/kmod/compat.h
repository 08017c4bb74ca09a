/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between 6.1 and the kernels after it. tests/slow/other_kernels.py */
#ifndef VIRIDIS_KMOD_COMPAT_H
#define VIRIDIS_KMOD_COMPAT_H

#include <asm/msr.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/version.h>

/* Where cpuid() went out of asm/processor.h. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

/* Exported by all of them for the VMBus driver, which a root has no use for. */
void hv_setup_vmbus_handler(void (*handler)(void));
void hv_remove_vmbus_handler(void);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
static inline u64 compat_rdmsr(u32 msr)
{
	u64 value;

	rdmsrq(msr, value);
	return value;
}

static inline void compat_wrmsr(u32 msr, u64 value)
{
	wrmsrq(msr, value);
}
#else
static inline u64 compat_rdmsr(u32 msr)
{
	u64 value;

	rdmsrl(msr, value);
	return value;
}

static inline void compat_wrmsr(u32 msr, u64 value)
{
	wrmsrl(msr, value);
}
#endif

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
