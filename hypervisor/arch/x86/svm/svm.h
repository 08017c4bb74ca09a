/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of svm/ share. */
#pragma once

#include "hypervisor/arch/x86/svm/vmcb.h"
#include "hypervisor/kernel/objects/vp.h"

static inline struct vmcb *svm_vmcb(const struct vp *vp)
{
	return vp->arch.control;
}

static inline bool svm_is_64bit(const struct vmcb_save *save)
{
	return (save->efer & EFER_LMA) && (save->cs.attributes & SVM_SEGMENT_LONG);
}

/* run.S */
void svm_enter(struct vp *vp, uint64_t vmcb_hpa, uint64_t host_hpa);
void svm_enter_stuffing(struct vp *vp, uint64_t vmcb_hpa, uint64_t host_hpa);
ASSERT_OFFSET(struct vp, arch.gpr, 0);
ASSERT_OFFSET(struct vp, arch.guest_ticks, 128);

static inline void svm_intercept(struct vmcb_control *control, unsigned int code, bool on)
{
	uint32_t *word = &control->intercepts[code / 32];

	*word = on ? *word | BIT32(code % 32) : *word & ~BIT32(code % 32);
}

/* svm.c */
void svm_renew_tags(void);

/* CPUID 8000000A EDX */
#define SVM_FEATURE_NEXT_RIP BIT32(3)
extern uint32_t svm_features;
