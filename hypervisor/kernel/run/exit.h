/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest did, told by the vendor's handle_exit(): one of these, once, or hypercall_handle(),
 * vp_triple_fault() or vp_exception(). The owner; vp->arch.next_rip is past the instruction where that
 * is not said otherwise.
 */
#ifndef VIRIDIS_KERNEL_EXIT_H
#define VIRIDIS_KERNEL_EXIT_H

#include "hypervisor/arch/x86/virt.h"

void exit_interrupt(struct vp *vp); /* a physical interrupt, still pending, or an NMI */
void exit_cpuid(struct vp *vp);
void exit_msr(struct vp *vp, bool write);
void exit_io(struct vp *vp, const struct exit_port *access);
void exit_hlt(struct vp *vp);
void exit_xsetbv(struct vp *vp);
void exit_iret(struct vp *vp); /* while an NMI is in service: before it is carried out */
void exit_nested_fault(struct vp *vp, const struct exit_fault *fault);
void exit_cr(struct vp *vp,
             unsigned int number);      /* MOV from or to it; of unknown length */
void exit_invalid_state(struct vp *vp); /* the processor refused to enter it */

#endif
