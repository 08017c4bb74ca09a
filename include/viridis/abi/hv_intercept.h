/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Payloads of the intercept messages that a VP's parent receives in the VP's intercept message page.
 * TLFS 9, "Intercept message formats". All but APIC_EOI and OPAQUE_INTERCEPT begin with the header.
 */
#ifndef VIRIDIS_ABI_HV_INTERCEPT_H
#define VIRIDIS_ABI_HV_INTERCEPT_H

#include <stdint.h>
#include <viridis/abi/hv_register.h>
#include <viridis/base/assert.h>
#include <viridis/base/bits.h>

enum hv_intercept_access {
	HV_INTERCEPT_READ = 0,
	HV_INTERCEPT_WRITE = 1,
	HV_INTERCEPT_EXECUTE = 2,
};

/* execution_state */
#define HV_EXECUTION_CPL_MASK          0x0003u
#define HV_EXECUTION_CR0_PE            BIT32(2)
#define HV_EXECUTION_CR0_AM            BIT32(3)
#define HV_EXECUTION_EFER_LMA          BIT32(4)
#define HV_EXECUTION_INTERRUPT_PENDING BIT32(6)
#define HV_EXECUTION_INTERRUPT_SHADOW  BIT32(12)

struct hv_x64_intercept_header {
	uint32_t vp_index;
	uint8_t length_and_cr8; /* 3:0 instruction length, 0 when unknown; 7:4 CR8 */
	uint8_t access_type;
	uint16_t execution_state;
	struct hv_x64_segment_register cs;
	uint64_t rip;
	uint64_t rflags;
};
ASSERT_SIZE(struct hv_x64_intercept_header, 40);

#define HV_MEMORY_ACCESS_GVA_VALID 0x01u

struct hv_x64_memory_intercept {
	struct hv_x64_intercept_header header;
	uint32_t cache_type;
	uint8_t instruction_byte_count;
	uint8_t access_info; /* HV_MEMORY_ACCESS_* */
	uint8_t tpr_priority;
	uint8_t reserved;
	uint64_t gva;
	uint64_t gpa;
	uint8_t instruction_bytes[16];
};
ASSERT_SIZE(struct hv_x64_memory_intercept, 80);

/* access_info of an I/O port intercept */
#define HV_IO_PORT_SIZE_MASK 0x07u
#define HV_IO_PORT_STRING    0x08u
#define HV_IO_PORT_REP       0x10u

struct hv_x64_io_port_intercept {
	struct hv_x64_intercept_header header;
	uint16_t port_number;
	uint8_t access_info;
	uint8_t instruction_byte_count;
	uint32_t reserved;
	uint64_t rax;
	uint8_t instruction_bytes[16];
	struct hv_x64_segment_register ds;
	struct hv_x64_segment_register es;
	uint64_t rcx;
	uint64_t rsi;
	uint64_t rdi;
};
ASSERT_SIZE(struct hv_x64_io_port_intercept, 128);

/*
 * Sent when a guest reports its crash: a write of HV_MSR_CRASH_CTL, which is complete; there is nothing
 * to emulate. TLFS 7.8
 */
struct hv_x64_msr_intercept {
	struct hv_x64_intercept_header header;
	uint32_t msr_number;
	uint32_t reserved;
	uint64_t rdx;
	uint64_t rax;
};
ASSERT_SIZE(struct hv_x64_msr_intercept, 64);

/* RAX, RCX, RDX, RBX: of the guest, and what it would have got in them. */
struct hv_x64_cpuid_intercept {
	struct hv_x64_intercept_header header;
	uint64_t given[4];
	uint64_t usual[4];
};
ASSERT_SIZE(struct hv_x64_cpuid_intercept, 104);

/* HV_MESSAGE_UNRECOVERABLE_EXCEPTION (triple fault), HV_MESSAGE_X64_HALT: the header alone. */

struct hv_x64_apic_eoi_message {
	uint32_t vp_index;
	uint32_t vector;
};
ASSERT_SIZE(struct hv_x64_apic_eoi_message, 8);

struct hv_opaque_intercept_message {
	uint32_t vp_index;
};

struct hv_sint_deliverable_message {
	struct hv_x64_intercept_header header;
	uint16_t deliverable_sints;
	uint16_t reserved1;
	uint32_t reserved2;
};
ASSERT_SIZE(struct hv_sint_deliverable_message, 48);

struct hv_x64_interruption_deliverable_message {
	struct hv_x64_intercept_header header;
	uint32_t type; /* as in the pending interruption register; 0: an external interrupt */
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_x64_interruption_deliverable_message, 48);

#endif
