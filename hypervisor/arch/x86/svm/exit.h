/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits: what is intercepted, what is done at once, and what the kernel is told. */
#pragma once

#include "hypervisor/arch/x86/svm/svm.h"

/*
 * Called by run.S behind each exit, with the guest's RAX, RSP, RIP and RFLAGS in the VMCB alone. True: the exit is dealt
 * with, and the guest goes on. False: it is, if its kind is EXIT_DONE.
 */
bool svm_exited(struct vp *vp);
void svm_describe_exit(struct vp *vp);
void svm_set_intercepts(struct vmcb_control *control);
