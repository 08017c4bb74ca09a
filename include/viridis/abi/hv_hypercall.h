/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls: the control word, the call codes and their input and output blocks. TLFS 3 and the
 * chapters named at each block. Every block is little endian, packed by explicit padding, starts on an
 * 8-byte boundary and lies within one 4 KiB page; a rep call's list follows its header.
 *
 *   control word   15:0 code | 16 fast | 26:17 variable header, qwords | 43:32 reps | 59:48 first rep
 *   result value   15:0 status | 43:32 reps completed, counted from rep 0
 */
#ifndef VIRIDIS_ABI_HV_HYPERCALL_H
#define VIRIDIS_ABI_HV_HYPERCALL_H

#include <stdint.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/abi/hv_vp_state.h>
#include <viridis/base/assert.h>
#include <viridis/base/bits.h>

#define HV_CONTROL_FAST            BIT64(16)
#define HV_CONTROL_RESERVED        (bits_mask(27, 5) | bits_mask(44, 4) | bits_mask(60, 4))
#define HV_CONTROL_VARIABLE_SHIFT  17
#define HV_CONTROL_VARIABLE_MASK   UINT64_C(0x3ff)
#define HV_CONTROL_REP_MASK        UINT64_C(0xfff)
#define HV_CONTROL_REP_COUNT_SHIFT 32
#define HV_CONTROL_REP_START_SHIFT 48
#define HV_RESULT_REPS_SHIFT       32

#define HV_PARTITION_ID_SELF  (~UINT64_C(0))
#define HV_VP_INDEX_SELF      0xfffffffeu
#define HV_VP_INDEX_ANY       0xffffffffu
#define HV_CONNECTION_ID_MASK 0x00ffffffu

enum hv_hypercall_code {
	HVCALL_FLUSH_ADDRESS_SPACE = 0x0002,
	HVCALL_FLUSH_ADDRESS_LIST = 0x0003,
	HVCALL_CREATE_PARTITION = 0x0040,
	HVCALL_INITIALIZE_PARTITION = 0x0041,
	HVCALL_FINALIZE_PARTITION = 0x0042,
	HVCALL_DELETE_PARTITION = 0x0043,
	HVCALL_GET_PARTITION_PROPERTY = 0x0044,
	HVCALL_SET_PARTITION_PROPERTY = 0x0045,
	HVCALL_GET_PARTITION_ID = 0x0046,
	HVCALL_DEPOSIT_MEMORY = 0x0048,
	HVCALL_WITHDRAW_MEMORY = 0x0049,
	HVCALL_GET_MEMORY_BALANCE = 0x004a,
	HVCALL_MAP_GPA_PAGES = 0x004b,
	HVCALL_UNMAP_GPA_PAGES = 0x004c,
	HVCALL_INSTALL_INTERCEPT = 0x004d, /* of VMMs: the module answers it */
	HVCALL_CREATE_VP = 0x004e,
	HVCALL_DELETE_VP = 0x004f,
	HVCALL_GET_VP_REGISTERS = 0x0050,
	HVCALL_SET_VP_REGISTERS = 0x0051,
	HVCALL_TRANSLATE_VIRTUAL_ADDRESS = 0x0052,
	HVCALL_READ_GPA = 0x0053,
	HVCALL_WRITE_GPA = 0x0054,
	HVCALL_DELETE_PORT = 0x0058,
	HVCALL_DISCONNECT_PORT = 0x005b,
	HVCALL_POST_MESSAGE = 0x005c,
	HVCALL_SIGNAL_EVENT = 0x005d,
	HVCALL_REGISTER_INTERCEPT_RESULT = 0x0091,
	HVCALL_UNREGISTER_INTERCEPT_RESULT = 0x0092,
	HVCALL_ASSERT_VIRTUAL_INTERRUPT = 0x0094,
	HVCALL_CREATE_PORT = 0x0095,
	HVCALL_CONNECT_PORT = 0x0096,
	HVCALL_SIGNAL_EVENT_DIRECT = 0x00c0,
	HVCALL_POST_MESSAGE_DIRECT = 0x00c1,
	HVCALL_GET_GPA_PAGES_ACCESS_STATES = 0x00c9,
	HVCALL_MAP_VP_STATE_PAGE = 0x00e1,
	HVCALL_GET_VP_STATE = 0x00e3,
	HVCALL_SET_VP_STATE = 0x00e4,
	/* Our own, above everything the TLFS assigns; the root's privilege ACCESS_STATS opens them. */
	HVCALL_VIRIDIS_GET_STATS = 0xe003,
	HVCALL_VIRIDIS_DESCRIBE_MACHINE = 0xe004, /* CREATE_PARTITIONS opens it */
	HVCALL_VIRIDIS_RESUME_VP = 0xe005,        /* ACCESS_VP_REGISTERS opens it */
};

/* Partitions. TLFS "Virtualization Host", Linux hvhdk.h; abi facts: codes 40..47 */
struct hv_input_create_partition {
	uint64_t flags;
	uint32_t proximity_domain;
	uint32_t proximity_flags;
	uint32_t compatibility_version;
	uint32_t reserved;
	uint64_t disabled_processor_features[2];
	uint64_t disabled_xsave_features;
	uint64_t isolation;
};
ASSERT_SIZE(struct hv_input_create_partition, 56);

#define HV_CREATE_FLAG_LAPIC_ENABLED          BIT64(13)
#define HV_CREATE_FLAG_X2APIC_CAPABLE         BIT64(22)
#define HV_CREATE_FLAG_INTERCEPT_MESSAGE_PAGE BIT64(19)

struct hv_partition_id_block {
	uint64_t partition_id;
};
ASSERT_SIZE(struct hv_partition_id_block, 8);

enum hv_partition_property {
	HV_PROPERTY_PRIVILEGE_FLAGS = 0x00010000,
	HV_PROPERTY_SYNTHETIC_FEATURES = 0x00010001,
	HV_PROPERTY_SUSPEND = 0x00020000,
	HV_PROPERTY_CPU_WEIGHT = 0x00020003,
	HV_PROPERTY_TIME_FREEZE = 0x00030003,
	HV_PROPERTY_REFERENCE_TIME = 0x00030005,
	HV_PROPERTY_PROCESSORS_PER_SOCKET = 0x00050003,
	HV_PROPERTY_GPA_PAGE_ACCESS_TRACKING = 0x00050005,
	HV_PROPERTY_UNIMPLEMENTED_MSR_ACTION = 0x00050017,
	HV_PROPERTY_PROCESSOR_VENDOR = 0x00060000,
	HV_PROPERTY_PHYSICAL_ADDRESS_WIDTH = 0x00060006,
	HV_PROPERTY_XSAVE_STATES = 0x00060007,
	HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY = 0x00060009,
	HV_PROPERTY_PROCESSOR_FEATURES0 = 0x0006000a, /* answered by the module */
	HV_PROPERTY_PROCESSOR_FEATURES1 = 0x0006000b,
	HV_PROPERTY_GUEST_OS_ID = 0x00070000,
	/* Ours: an interrupt that the parent asserts as level is shown as edge by the APIC (TMR 0). */
	HV_PROPERTY_LEVEL_AS_EDGE = 0x000f0000,
};

/* UNIMPLEMENTED_MSR_ACTION */
#define HV_UNIMPLEMENTED_MSR_FAULT  0u
#define HV_UNIMPLEMENTED_MSR_IGNORE 1u /* read as 0, written to no effect */

#define HV_CPU_WEIGHT_DEFAULT 100u
#define HV_CPU_WEIGHT_MAX     10000u

struct hv_input_get_partition_property {
	uint64_t partition_id;
	uint32_t code;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_get_partition_property, 16);

struct hv_output_get_partition_property {
	uint64_t value;
};

struct hv_input_set_partition_property {
	uint64_t partition_id;
	uint32_t code;
	uint32_t reserved;
	uint64_t value;
};
ASSERT_SIZE(struct hv_input_set_partition_property, 24);

/* Memory pools: reps are u64 root PFNs, in (deposit) or out (withdraw). Codes 48..4a */
struct hv_input_deposit_memory {
	uint64_t partition_id;
};
ASSERT_SIZE(struct hv_input_deposit_memory, 8);

struct hv_input_withdraw_memory {
	uint64_t partition_id;
	uint64_t proximity;
};
ASSERT_SIZE(struct hv_input_withdraw_memory, 16);

struct hv_output_get_memory_balance {
	uint64_t pages_available;
	uint64_t pages_in_use;
};
ASSERT_SIZE(struct hv_output_get_memory_balance, 16);

/* Guest physical address space. Reps of MAP are u64 root PFNs. Codes 4b, 4c */
#define HV_MAP_GPA_READABLE          0x1u
#define HV_MAP_GPA_WRITABLE          0x2u
#define HV_MAP_GPA_KERNEL_EXECUTABLE 0x4u
#define HV_MAP_GPA_USER_EXECUTABLE   0x8u
#define HV_MAP_GPA_LARGE_PAGE        0x80000000u
#define HV_UNMAP_GPA_LARGE_PAGE      0x2u

struct hv_input_map_gpa_pages {
	uint64_t partition_id;
	uint64_t gpfn_base;
	uint32_t flags;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_map_gpa_pages, 24);

struct hv_input_unmap_gpa_pages {
	uint64_t partition_id;
	uint64_t gpfn_base;
	uint32_t flags;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_unmap_gpa_pages, 24);

/*
 * Which pages were written. Reps go on from gpfn_base; what comes out is one byte each. Linux hvhdk.h; code c9. What
 * is told is how it was before the call changed it.
 */
#define HV_GPA_ACCESS_CLEAR_DIRTY UINT64_C(0x4)
#define HV_GPA_ACCESS_SET_DIRTY   UINT64_C(0x8)
#define HV_GPA_ACCESS_ACCESSED    0x1u
#define HV_GPA_ACCESS_DIRTY       0x2u

struct hv_input_get_gpa_pages_access_states {
	uint64_t partition_id;
	uint64_t flags; /* neither, or one of the two */
	uint64_t gpfn_base;
};
ASSERT_SIZE(struct hv_input_get_gpa_pages_access_states, 24);

/* Intercepts and intercept results. Codes 4d, 91, 92 */
#define HV_INTERCEPT_MASK_READ    1u
#define HV_INTERCEPT_MASK_WRITE   2u
#define HV_INTERCEPT_MASK_EXECUTE 4u

enum hv_intercept_type {
	HV_INTERCEPT_X64_IO_PORT = 0,
	HV_INTERCEPT_X64_MSR = 1,
	HV_INTERCEPT_X64_CPUID = 2,
	HV_INTERCEPT_EXCEPTION = 3,
	HV_INTERCEPT_HYPERCALL = 8,
	HV_INTERCEPT_UNKNOWN_SYNIC_CONNECTION = 13,
};

struct hv_input_install_intercept {
	uint64_t partition_id;
	uint32_t access_mask; /* HV_INTERCEPT_MASK_*; 0: no more */
	uint32_t type;
	uint64_t parameter; /* the I/O port, or the leaf in EAX */
};
ASSERT_SIZE(struct hv_input_install_intercept, 24);

struct hv_input_register_intercept_result {
	uint64_t partition_id;
	uint32_t vp_index; /* HV_VP_INDEX_ANY: every VP of the partition */
	uint32_t type;     /* HV_INTERCEPT_X64_CPUID */
	uint32_t eax;
	uint32_t ecx;
	uint8_t subleaf_specific;
	uint8_t always_override;
	uint16_t intercepted; /* ours: 1: the parent answers the leaf, and is told this */
	struct {
		uint32_t value;
		uint32_t mask; /* bits of value that replace the hypervisor's own */
	} result[4];           /* eax, ebx, ecx, edx */
	uint32_t padding;
};
ASSERT_SIZE(struct hv_input_register_intercept_result, 64);

/* Begins as the other does. */
struct hv_input_unregister_intercept_result {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t type;
	uint32_t eax;
	uint32_t ecx;
	uint8_t subleaf_specific;
	uint8_t reserved;
	uint16_t intercepted;
	uint32_t padding;
};
ASSERT_SIZE(struct hv_input_unregister_intercept_result, 32);
ASSERT_OFFSET(struct hv_input_unregister_intercept_result, intercepted, 26);

/* Virtual processors. Codes 4e, 4f, 50, 51 */
struct hv_input_create_vp {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t subnode_type; /* 31:24; 23:0 are reserved */
	uint64_t subnode_id;
	uint64_t proximity;
	uint64_t flags;
};
ASSERT_SIZE(struct hv_input_create_vp, 40);

struct hv_input_delete_vp {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_delete_vp, 16);

/* Our own: a parent answers an intercept by it. What the register page has marked is taken. */
struct hv_input_resume_vp {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_resume_vp, 16);

/* Reps in: u32 register names; reps out: 16-byte values. */
struct hv_input_get_vp_registers {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t input_vtl; /* 7:0; 31:8 are reserved */
};
ASSERT_SIZE(struct hv_input_get_vp_registers, 16);

struct hv_register_assoc {
	uint32_t name;
	uint32_t reserved;
	uint64_t reserved2;
	union hv_register_value value;
};
ASSERT_SIZE(struct hv_register_assoc, 32);

/* Reps in: struct hv_register_assoc. */
struct hv_input_set_vp_registers {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t input_vtl; /* 7:0; 31:8 are reserved */
};
ASSERT_SIZE(struct hv_input_set_vp_registers, 16);

/* Address translation and small accesses on behalf of a VP. Codes 52..54 */
#define HV_TRANSLATE_READ                BIT64(0)
#define HV_TRANSLATE_WRITE               BIT64(1)
#define HV_TRANSLATE_EXECUTE             BIT64(2)
#define HV_TRANSLATE_PRIVILEGE_EXEMPT    BIT64(3)
#define HV_TRANSLATE_SET_PAGE_TABLE_BITS BIT64(4)

enum hv_translate_code {
	HV_TRANSLATE_SUCCESS = 0,
	HV_TRANSLATE_PAGE_NOT_PRESENT = 1,
	HV_TRANSLATE_PRIVILEGE_VIOLATION = 2,
	HV_TRANSLATE_INVALID_PAGE_TABLE_FLAGS = 3,
	HV_TRANSLATE_GPA_UNMAPPED = 4,
	HV_TRANSLATE_GPA_NO_READ = 5,
	HV_TRANSLATE_GPA_NO_WRITE = 6,
};

struct hv_input_translate_va {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t reserved;
	uint64_t flags;
	uint64_t gva_page; /* GVA >> 12 */
};
ASSERT_SIZE(struct hv_input_translate_va, 32);

struct hv_output_translate_va {
	uint32_t code;
	uint32_t attributes;
	uint64_t gpa_page;
};
ASSERT_SIZE(struct hv_output_translate_va, 16);

#define HV_GPA_ACCESS_MAX_BYTES 16

struct hv_input_read_gpa {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t byte_count;
	uint64_t gpa;
	uint64_t flags;
};
ASSERT_SIZE(struct hv_input_read_gpa, 32);

struct hv_output_read_gpa {
	uint32_t access_result; /* enum hv_translate_code */
	uint32_t reserved;
	uint8_t data[HV_GPA_ACCESS_MAX_BYTES];
};
ASSERT_SIZE(struct hv_output_read_gpa, 24);

struct hv_input_write_gpa {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t byte_count;
	uint64_t gpa;
	uint64_t flags;
	uint8_t data[HV_GPA_ACCESS_MAX_BYTES];
};
ASSERT_SIZE(struct hv_input_write_gpa, 48);

struct hv_output_write_gpa {
	uint32_t access_result;
	uint32_t reserved;
};

/* Ports and connections. TLFS 11.10; codes 58, 5b, 95, 96 */
enum hv_port_type {
	HV_PORT_MESSAGE = 1,
	HV_PORT_EVENT = 2,
};

struct hv_port_info {
	uint32_t type;
	uint32_t reserved;
	uint32_t sint;
	uint32_t vp_index;  /* HV_VP_INDEX_ANY: the hypervisor chooses */
	uint16_t base_flag; /* event ports */
	uint16_t flag_count;
	uint32_t reserved2;
};
ASSERT_SIZE(struct hv_port_info, 24);

struct hv_input_create_port {
	uint64_t port_partition;
	uint32_t port_id;
	uint8_t port_vtl;
	uint8_t min_connection_vtl;
	uint16_t reserved;
	uint64_t connection_partition;
	struct hv_port_info info;
	uint64_t proximity;
};
ASSERT_SIZE(struct hv_input_create_port, 56);

struct hv_input_delete_port {
	uint64_t port_partition;
	uint32_t port_id;
	uint32_t reserved;
};
ASSERT_SIZE(struct hv_input_delete_port, 16);

struct hv_connection_info {
	uint32_t type;
	uint32_t reserved;
	uint64_t reserved2[3];
};
ASSERT_SIZE(struct hv_connection_info, 32);

struct hv_input_connect_port {
	uint64_t connection_partition;
	uint32_t connection_id;
	uint32_t connection_vtl; /* 7:0; 31:8 are reserved */
	uint64_t port_partition;
	uint32_t port_id;
	uint32_t reserved2;
	struct hv_connection_info info;
	uint64_t proximity;
};
ASSERT_SIZE(struct hv_input_connect_port, 72);

struct hv_input_disconnect_port {
	uint64_t connection_partition;
	uint32_t connection_id;
	uint32_t is_doorbell; /* must be 0 */
};
ASSERT_SIZE(struct hv_input_disconnect_port, 16);

/* Messages and events. TLFS 11.8 - 11.10; codes 5c, 5d, c0, c1 */
struct hv_input_post_message {
	uint32_t connection_id;
	uint32_t reserved;
	uint32_t message_type; /* bit 31 must be 0 */
	uint32_t payload_size;
	uint8_t payload[HV_MESSAGE_PAYLOAD_BYTES];
};
ASSERT_SIZE(struct hv_input_post_message, 256);

struct hv_input_signal_event {
	uint32_t connection_id;
	uint16_t flag_number;
	uint16_t reserved;
};
ASSERT_SIZE(struct hv_input_signal_event, 8);

struct hv_input_signal_event_direct {
	uint64_t partition_id;
	uint32_t vp_index;
	uint8_t vtl;
	uint8_t sint;
	uint16_t flag_number;
};
ASSERT_SIZE(struct hv_input_signal_event_direct, 16);

struct hv_output_signal_event_direct {
	uint8_t newly_signaled;
	uint8_t reserved[7];
};
ASSERT_SIZE(struct hv_output_signal_event_direct, 8);

struct hv_input_post_message_direct {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t vtl; /* 7:0; 31:8 are reserved */
	uint32_t sint;
	struct hv_message_image {
		uint8_t bytes[256]; /* a whole struct hv_message, 4-byte aligned here */
	} message;
	uint32_t padding;
};
ASSERT_SIZE(struct hv_input_post_message_direct, 280);
ASSERT_OFFSET(struct hv_input_post_message_direct, message, 20);

/* Interrupts. Code 94 */
enum hv_interrupt_type {
	HV_INTERRUPT_FIXED = 0,
	HV_INTERRUPT_LOWEST_PRIORITY = 1,
	HV_INTERRUPT_NMI = 4,
	HV_INTERRUPT_INIT = 5,
	HV_INTERRUPT_SIPI = 6,
	HV_INTERRUPT_EXTINT = 7,
};

#define HV_INTERRUPT_LEVEL   BIT64(32)
#define HV_INTERRUPT_LOGICAL BIT64(33)

struct hv_input_assert_virtual_interrupt {
	uint64_t partition_id;
	uint64_t control; /* 31:0 type, HV_INTERRUPT_LEVEL, HV_INTERRUPT_LOGICAL */
	uint64_t destination;
	uint32_t vector;
	uint32_t target_vtl; /* 7:0; 31:8 are reserved */
};
ASSERT_SIZE(struct hv_input_assert_virtual_interrupt, 32);

/* Pages a VP shares with its parent. Code e1 */
enum hv_vp_state_page_type {
	HV_VP_STATE_PAGE_REGISTERS = 0,
	HV_VP_STATE_PAGE_INTERCEPT_MESSAGE = 1,
};

struct hv_input_vp_state_page {
	uint64_t partition_id;
	uint32_t vp_index;
	uint16_t type;
	uint8_t vtl;
	uint8_t flags;
	uint64_t requested_gpfn;
};
ASSERT_SIZE(struct hv_input_vp_state_page, 24);

struct hv_output_map_vp_state_page {
	uint64_t pfn;
};

/*
 * VP state in bulk: hv_vp_state.h; codes e3, e4. In the variable header: the number of one page of the caller's. xfem
 * names the components of an XSAVE area: all that a VP may have (the partition's property XSAVE_STATES), in its
 * standard format.
 */
struct hv_input_vp_state {
	uint64_t partition_id;
	uint32_t vp_index;
	uint32_t input_vtl; /* 7:0; 31:8 are reserved */
	uint32_t type;
	uint32_t reserved;
	uint64_t xsave_flags;
	uint64_t xfem;
};
ASSERT_SIZE(struct hv_input_vp_state, 40);

/* Our own calls. */

#define VIRIDIS_MACHINE_CPUS       64
#define VIRIDIS_MACHINE_IOAPICS    8
#define VIRIDIS_MACHINE_IOMMUS     8
#define VIRIDIS_MACHINE_NO_S5      0xff
#define VIRIDIS_MACHINE_TSC_HZ_MIN 100000000

/* What the firmware's tables say, as the hypervisor needs it; the root's loader reads them for it. */
struct viridis_input_describe_machine {
	uint32_t cpu_count;
	uint32_t ioapic_count;
	uint32_t iommu_count;
	uint16_t pm1_control[2]; /* I/O ports; 0: absent */
	uint16_t reset_port;     /* 0: none */
	uint8_t reset_value;
	uint8_t s5_type; /* SLP_TYPa of \_S5 or VIRIDIS_MACHINE_NO_S5 */
	uint32_t reserved;
	uint64_t tsc_hz;
	uint32_t apic_id[VIRIDIS_MACHINE_CPUS];
	uint64_t ioapic_hpa[VIRIDIS_MACHINE_IOAPICS];
	struct {
		uint64_t hpa;
		uint64_t bytes; /* its register window, to be kept from the root */
	} iommu[VIRIDIS_MACHINE_IOMMUS];
};
ASSERT_SIZE(struct viridis_input_describe_machine, 32 + 256 + 64 + 128);

/* One trace record; kinds and the meaning of a and b: viridis_trace.h */
struct viridis_trace_record {
	uint64_t tsc;
	uint16_t kind;
	uint16_t partition;
	uint16_t vp;
	uint16_t cpu;
	uint64_t a;
	uint64_t b;
};
ASSERT_SIZE(struct viridis_trace_record, 32);

enum viridis_stats_object {
	VIRIDIS_STATS_CPU = 0,
	VIRIDIS_STATS_VP = 1,
	VIRIDIS_STATS_LOG = 2, /* struct viridis_ring; index 0 */
	VIRIDIS_STATS_TRACE =
		3, /* struct viridis_ring; of a CPU, which records from now on */
};

/*
 * A ring that the root may read in its own memory: item n of the `end` there ever were is at n % items. The items
 * before `end` are whole, but an older one is overwritten when its place comes again, by a writer that may be
 * VIRIDIS_RING_AHEAD of the items ahead of `end`.
 */
struct viridis_ring {
	uint64_t hpa;
	uint64_t end;
};
ASSERT_SIZE(struct viridis_ring, 16);

#define VIRIDIS_LOG_BYTES     65536u /* an item is a byte */
#define VIRIDIS_TRACE_RECORDS 2048u  /* an item is a struct viridis_trace_record */
#define VIRIDIS_RING_AHEAD    256u   /* a line of the log; more than a record */

/* Counters by enum viridis_stats_counter (viridis_stats.h), or a ring. */
struct viridis_input_get_stats {
	uint64_t partition_id;
	uint32_t object; /* enum viridis_stats_object */
	uint32_t index;  /* VP or CPU */
};
ASSERT_SIZE(struct viridis_input_get_stats, 16);

#define VIRIDIS_STATS_MAX 128

struct viridis_output_get_stats {
	uint32_t count;
	uint32_t reserved;
	uint64_t counter[VIRIDIS_STATS_MAX];
};

/*
 * A guest's own translations. TLFS 9.4; codes 2, 3. The mask names VPs 0 to 63; a list's elements are ranges of
 * addresses, each a first page and how many more.
 */
#define HV_FLUSH_ALL_PROCESSORS BIT64(0) /* whatever the mask says */
#define HV_FLUSH_KNOWN_FLAGS    bits_mask(0, 4)

struct hv_input_flush_address_space {
	uint64_t address_space;
	uint64_t flags;
	uint64_t vp_mask;
};
ASSERT_SIZE(struct hv_input_flush_address_space, 24);

#endif
