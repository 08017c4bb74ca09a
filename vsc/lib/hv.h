/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor as a guest sees it: its CPUID leaves, its pages, its hypercalls. */
#ifndef VSC_LIB_HV_H
#define VSC_LIB_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_status.h>

/* Is there a hypervisor that speaks the TLFS? */
bool hv_present(void);

/* Does the partition hold every privilege of the mask (HV_PRIVILEGE_*)? */
bool hv_has(uint64_t privileges);

/* Leaf 0x40000003, EDX. */
bool hv_has_feature(uint32_t features);

/* Sets the guest's id and shows the hypercall page, once; by the first VP, before another calls. */
void hv_enable_hypercalls(void);

/* Calls through the page; RCX, RDX, R8 as given, and the whole result value. */
uint64_t hv_call_raw(uint64_t control, uint64_t input, uint64_t output);

/* Status of a result value, and its count of completed reps. */
enum hv_status hv_status_of(uint64_t result);
unsigned int hv_reps_of(uint64_t result);

/*
 * A simple or rep call with memory blocks: `input` is copied to a page of the VP's own, the answer
 * copied to `output`. At most one page each; reps 0 makes a simple call.
 */
uint64_t hv_call(uint32_t code, unsigned int reps, const void *input, size_t input_bytes,
                 void *output, size_t output_bytes);

/* The same for a call whose input ends with so many qwords of variable header. */
uint64_t hv_call_variable(uint32_t code, unsigned int qwords, const void *input,
                          size_t input_bytes, void *output, size_t output_bytes);

/* A simple call whose input is 8 or 16 bytes, in registers. */
uint64_t hv_call_fast(uint32_t code, uint64_t first, uint64_t second);

#define HV_GUEST_OS_ID \
	UINT64_C(0x8700000000010000) /* open source, type of its own, version 1 */

#endif
