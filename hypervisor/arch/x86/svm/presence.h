/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a processor can run guests by SVM, from what it says of itself; PURE. APM2 15.4 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "hypervisor/arch/x86/cpu.h"

#define SVM_LEAF                  0x8000000au
#define SVM_FEATURE_NESTED_PAGING 0x1
#define MSR_VM_CR                 0xc0010114
#define VM_CR_SVMDIS              0x10

/* In plain words what it lacks, or NULL. `vm_cr` and `svm`, the leaf SVM_LEAF, are 0 where there is no SVM. */
static inline const char *svm_lack(bool has_svm, uint64_t vm_cr,
                                   const struct cpuid_regs *svm)
{
	if (!has_svm)
		return "the processor has no SVM (AMD-V), or a hypervisor below hides it";
	if (vm_cr & VM_CR_SVMDIS)
		return "the firmware turned SVM off: look for SVM or AMD-V in its setup";
	if (!(svm->edx & SVM_FEATURE_NESTED_PAGING))
		return "the processor has no nested paging";
	return svm->ebx < 2 ? "the processor has no ASID for guests" : NULL;
}
