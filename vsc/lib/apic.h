/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VP's local APIC, as xAPIC (MMIO) or x2APIC (MSRs). APM2 16 */
#ifndef VSC_LIB_APIC_H
#define VSC_LIB_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Register numbers: xAPIC offset / 16, x2APIC MSR - 0x800. APM2 16.3.2, 16.11 */
enum apic_register {
	APIC_ID = 0x02,
	APIC_VERSION = 0x03,
	APIC_TPR = 0x08,
	APIC_PPR = 0x0a,
	APIC_EOI = 0x0b,
	APIC_LDR = 0x0d,
	APIC_DFR = 0x0e,
	APIC_SVR = 0x0f,
	APIC_ISR = 0x10,
	APIC_TMR = 0x18,
	APIC_IRR = 0x20,
	APIC_ESR = 0x28,
	APIC_ICR = 0x30,
	APIC_ICR_HIGH = 0x31, /* xAPIC only */
	APIC_LVT_TIMER = 0x32,
	APIC_LVT_LINT0 = 0x35,
	APIC_LVT_LINT1 = 0x36,
	APIC_LVT_ERROR = 0x37,
	APIC_TIMER_INITIAL = 0x38,
	APIC_TIMER_CURRENT = 0x39,
	APIC_TIMER_DIVIDE = 0x3e,
	APIC_SELF_IPI = 0x3f, /* x2APIC only */
};

#define APIC_BASE_BOOT_PROCESSOR 0x100u
#define APIC_BASE_X2APIC         0x400u
#define APIC_BASE_ENABLE         0x800u
#define APIC_SVR_ENABLE          0x100u
#define APIC_LVT_MASKED          0x10000u
#define APIC_LVT_PERIODIC        0x20000u
#define APIC_TIMER_DIVIDE_BY_1   0xbu

/* ICR, bits 31:0. APM2 16.5 */
#define APIC_ICR_NMI     0x400u
#define APIC_ICR_INIT    0x4500u /* level assert */
#define APIC_ICR_STARTUP 0x4600u /* | page number */
#define APIC_ICR_BUSY    0x1000u
#define APIC_ICR_ASSERT  0x4000u
#define APIC_ICR_SELF    0x40000u
#define APIC_ICR_ALL     0x80000u
#define APIC_ICR_OTHERS  0xc0000u
#define APIC_ICR_LOGICAL 0x800u

#define APIC_SPURIOUS_VECTOR 0xffu

/* On each VP: software-enabled, TPR 0, everything in the LVT masked, in the mode it is found in. */
void apic_init(void);

bool apic_x2apic(void);
bool apic_x2apic_offered(void); /* CPUID */

/* Changes the calling VP's mode, through "disabled" where the architecture demands it. APM2 16.9 */
void apic_set_x2apic(bool on);

uint32_t apic_read(enum apic_register reg);
void apic_write(enum apic_register reg, uint32_t value);
uint32_t apic_id(void);
void apic_eoi(void);

/* Is the vector's bit set in the 256-bit register beginning at APIC_ISR, APIC_TMR or APIC_IRR? */
bool apic_vector_set(enum apic_register first, unsigned int vector);

/* Writes the ICR; `destination` is an APIC id (ignored with a shorthand). */
void apic_send(uint32_t destination, uint32_t icr_low);

#endif
