/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's CPUID leaves. TLFS 2, "Feature and interface discovery". */
#ifndef VIRIDIS_ABI_HV_CPUID_H
#define VIRIDIS_ABI_HV_CPUID_H

#include <viridis/base/bits.h>

#define HV_CPUID_VENDOR_AND_MAX  0x40000000u
#define HV_CPUID_INTERFACE       0x40000001u
#define HV_CPUID_VERSION         0x40000002u
#define HV_CPUID_FEATURES        0x40000003u
#define HV_CPUID_RECOMMENDATIONS 0x40000004u
#define HV_CPUID_LIMITS          0x40000005u
#define HV_CPUID_HARDWARE        0x40000006u
#define HV_CPUID_LAST            0x40000006u
#define HV_CPUID_OWN             0x40000100u /* Viridis' own signature, in its root alone */

#define HV_MAX_VPS 64 /* of a partition */

#define HV_VENDOR_EBX    0x7263694du /* "Micr" */
#define HV_VENDOR_ECX    0x666f736fu /* "osof" */
#define HV_VENDOR_EDX    0x76482074u /* "t Hv" */
#define HV_INTERFACE_EAX 0x31237648u /* "Hv#1" */

/* The partition privilege mask: leaf 0x40000003, EAX in bits 31:0, EBX in 63:32. TLFS 4.2.2 */
#define HV_PRIVILEGE_NONE                UINT64_C(0)
#define HV_PRIVILEGE_VP_RUNTIME          BIT64(0)
#define HV_PRIVILEGE_TIME_REF_COUNT      BIT64(1)
#define HV_PRIVILEGE_SYNIC               BIT64(2)
#define HV_PRIVILEGE_STIMER              BIT64(3)
#define HV_PRIVILEGE_APIC_MSRS           BIT64(4)
#define HV_PRIVILEGE_HYPERCALL_MSRS      BIT64(5)
#define HV_PRIVILEGE_VP_INDEX            BIT64(6)
#define HV_PRIVILEGE_RESET               BIT64(7)
#define HV_PRIVILEGE_STATS               BIT64(8)
#define HV_PRIVILEGE_REFERENCE_TSC       BIT64(9)
#define HV_PRIVILEGE_GUEST_IDLE          BIT64(10)
#define HV_PRIVILEGE_FREQUENCY_MSRS      BIT64(11)
#define HV_PRIVILEGE_TSC_INVARIANT       BIT64(15)
#define HV_PRIVILEGE_CREATE_PARTITIONS   BIT64(32)
#define HV_PRIVILEGE_ACCESS_PARTITION_ID BIT64(33)
#define HV_PRIVILEGE_ACCESS_MEMORY_POOL  BIT64(34)
#define HV_PRIVILEGE_POST_MESSAGES       BIT64(36)
#define HV_PRIVILEGE_SIGNAL_EVENTS       BIT64(37)
#define HV_PRIVILEGE_CREATE_PORT         BIT64(38)
#define HV_PRIVILEGE_CONNECT_PORT        BIT64(39)
#define HV_PRIVILEGE_ACCESS_STATS        BIT64(40)
#define HV_PRIVILEGE_DEBUGGING           BIT64(43)
#define HV_PRIVILEGE_CPU_MANAGEMENT      BIT64(44)
#define HV_PRIVILEGE_ACCESS_VP_REGISTERS BIT64(49)

#define HV_OWN_EBX 0x69726956u /* "Viri" */
#define HV_OWN_ECX 0x20736964u /* "dis " */
#define HV_OWN_EDX 0x00007648u /* "Hv" */

/* Leaf 0x40000003, EDX */
#define HV_FEATURE_FREQUENCY_MSRS BIT32(8)
#define HV_FEATURE_CRASH_MSRS     BIT32(10)
#define HV_FEATURE_STIMER_DIRECT  BIT32(19)

/* Leaf 0x40000004, EAX */
#define HV_HINT_REMOTE_TLB_FLUSH   BIT32(2)
#define HV_HINT_APIC_MSRS          BIT32(3)
#define HV_HINT_RELAXED_TIMING     BIT32(5)
#define HV_HINT_X2APIC_MSRS        BIT32(8)
#define HV_HINT_DEPRECATE_AUTO_EOI BIT32(9)
#define HV_HINT_CLUSTER_IPI        BIT32(10)
#define HV_HINT_EX_PROCESSOR_MASKS BIT32(11)

#endif
