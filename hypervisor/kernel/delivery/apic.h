/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC in its partition: MSRs, the xAPIC page, IPIs, ends of interrupts. */
#pragma once

#include <viridis/abi/hv_status.h>
#include "hypervisor/core/vlapic.h"

struct partition;
struct vp;

/* The owner. False: #GP. */
bool apic_write(struct vp *vp, enum vlapic_access how, uint32_t offset,
                uint64_t value) MUST_CHECK;
/* What a good write of SELF_IPI does. */
void apic_send_self(struct vp *vp, uint8_t vector);
bool apic_set_base(struct vp *vp, uint64_t value) MUST_CHECK;

/* The owner: the interrupt that is served ends, if there is one. */
void apic_eoi(struct vp *vp);

/*
 * The owner: sets the mark in the assist page that spares the guest an EOI; takes it back, which ends the interrupt if
 * the guest has used the mark; looks whether it has. TLFS 10.3.1
 */
void apic_set_assist(struct vp *vp);
void apic_withdraw_assist(struct vp *vp);
void apic_check_assist(struct vp *vp);

/* A nested fault on the xAPIC page; false when the page is not there in the VP's mode. */
bool apic_mmio(struct vp *vp, uint64_t gpa) MUST_CHECK;

/* An interrupt for whoever of the partition it matches. Any CPU. */
enum hv_status apic_deliver(struct partition *partition, const struct vlapic_ipi *ipi);
