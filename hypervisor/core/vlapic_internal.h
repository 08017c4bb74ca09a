/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the virtual local APIC share. */
#ifndef VIRIDIS_HYPERVISOR_CORE_VLAPIC_INTERNAL_H
#define VIRIDIS_HYPERVISOR_CORE_VLAPIC_INTERNAL_H

#include <viridis/base/bits.h>
#include "hypervisor/core/vlapic.h"

#define VLAPIC_FIRST_VECTOR 16u

#define SVR_ENABLE   BIT32(8)
#define SVR_WRITABLE UINT32_C(0x3ff)
#define SVR_RESET    UINT32_C(0xff)

#define LVT_VECTOR    UINT32_C(0xff)
#define LVT_MASKED    BIT32(16)
#define LVT_READ_ONLY (BIT32(12) | BIT32(14)) /* delivery status, remote IRR */
#define LVT_PERIODIC  BIT32(17)

#define DIVIDE_WRITABLE UINT32_C(0xb)
#define DFR_FIXED       UINT32_C(0x0fffffff)
#define DFR_FLAT        UINT32_C(0xffffffff)
#define LDR_WRITABLE    UINT32_C(0xff000000)

/*
 * Delivery mode, destination mode, level, trigger, shorthand; bit 12 is read-only. APM2
 * 16.5
 */
#define ICR_WRITABLE UINT32_C(0x000ccfff)
#define ICR_STATUS   BIT32(12)

/* APM2 16.4.6 */
enum vlapic_error {
	ESR_SEND_ILLEGAL_VECTOR = 1 << 5,
	ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6,
	ESR_ILLEGAL_REGISTER = 1 << 7,
};

void vlapic_error(struct vlapic *v, enum vlapic_error error);
bool vlapic_enabled(const struct vlapic *v); /* in APIC_BASE and by SVR */
uint32_t vlapic_id(const struct vlapic *v);  /* as its register reads */
uint32_t vlapic_ldr(const struct vlapic *v);
int vlapic_highest(const uint32_t bits[8]);

/* Writes of the timer's registers, and the ICR's low half. */
void vlapic_write_timer_lvt(struct vlapic *v, uint32_t value, uint64_t now);
void vlapic_write_timer_initial(struct vlapic *v, uint32_t value, uint64_t now);
void vlapic_write_timer_divide(struct vlapic *v, uint32_t value, uint64_t now);
void vlapic_send(struct vlapic *v, uint32_t low, struct vlapic_action *action);

#endif
