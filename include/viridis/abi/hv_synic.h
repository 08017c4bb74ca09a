/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages a guest shares with the hypervisor: SynIC messages and event flags, the reference TSC,
 * the VP assist page. TLFS 11 and 12.
 *
 *   SIMP   16 slots of 256 bytes, slot n for SINTn; type 0 = free
 *   SIEFP  16 arrays of 2048 flags, array n for SINTn
 */
#ifndef VIRIDIS_ABI_HV_SYNIC_H
#define VIRIDIS_ABI_HV_SYNIC_H

#include <stdint.h>
#include <viridis/base/assert.h>

#define HV_SINT_COUNT            16
#define HV_SINT_INTERCEPT        0
#define HV_SINT_VMBUS            2
#define HV_STIMER_COUNT          4
#define HV_VECTOR_MIN            16u /* a local APIC takes none below. APM2 16.4.5 */
#define HV_EVENT_FLAGS_PER_SINT  2048
#define HV_MESSAGE_PAYLOAD_BYTES 240

enum hv_message_type {
	HV_MESSAGE_NONE = 0,
	HV_MESSAGE_UNMAPPED_GPA = 0x80000000,
	HV_MESSAGE_GPA_INTERCEPT = 0x80000001,
	HV_MESSAGE_TIMER_EXPIRED = 0x80000010,
	HV_MESSAGE_INVALID_VP_REGISTER = 0x80000020,
	HV_MESSAGE_UNRECOVERABLE_EXCEPTION = 0x80000021,
	HV_MESSAGE_OPAQUE_INTERCEPT = 0x8000003f,
	HV_MESSAGE_SINT_DELIVERABLE = 0x80000062,
	HV_MESSAGE_X64_IO_PORT = 0x80010000,
	HV_MESSAGE_X64_MSR = 0x80010001,
	HV_MESSAGE_X64_CPUID = 0x80010002,
	HV_MESSAGE_X64_EXCEPTION = 0x80010003,
	HV_MESSAGE_X64_APIC_EOI = 0x80010004,
	HV_MESSAGE_X64_HALT = 0x80010007,
	HV_MESSAGE_X64_INTERRUPTION_DELIVERABLE = 0x80010008,
};

#define HV_MESSAGE_FLAG_PENDING 0x01

struct hv_message {
	uint32_t type;
	uint8_t payload_size;
	uint8_t flags;
	uint16_t reserved;
	uint64_t sender; /* a port's id, or the partition of an intercept */
	uint8_t payload[HV_MESSAGE_PAYLOAD_BYTES];
};
ASSERT_SIZE(struct hv_message, 256);
ASSERT_OFFSET(struct hv_message, payload, 16);

struct hv_message_page {
	struct hv_message slot[HV_SINT_COUNT];
};
ASSERT_SIZE(struct hv_message_page, 4096);

struct hv_event_flags_page {
	uint64_t flags[HV_SINT_COUNT][HV_EVENT_FLAGS_PER_SINT / 64];
};
ASSERT_SIZE(struct hv_event_flags_page, 4096);

/* Payload of HV_MESSAGE_TIMER_EXPIRED; times in 100 ns of reference time. */
struct hv_timer_message_payload {
	uint32_t timer_index;
	uint32_t reserved;
	uint64_t expiration_time;
	uint64_t delivery_time;
};
ASSERT_SIZE(struct hv_timer_message_payload, 24);

/* time_100ns = ((tsc * scale) >> 64) + offset while sequence is not 0. TLFS 12.7 */
struct hv_reference_tsc_page {
	uint32_t sequence;
	uint32_t reserved;
	uint64_t scale;
	int64_t offset;
	uint8_t padding[4072];
};
ASSERT_SIZE(struct hv_reference_tsc_page, 4096);

#define HV_VP_ASSIST_NO_EOI_REQUIRED 0x1u

struct hv_vp_assist_page {
	uint32_t apic_assist; /* bit 0: the EOI of the interrupt in service may be left out */
	uint32_t reserved;
	uint8_t padding[4088];
};
ASSERT_SIZE(struct hv_vp_assist_page, 4096);

#endif
