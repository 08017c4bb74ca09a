/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding a hypercall's control word and blocks against its line in the table. TLFS 3.7. PURE.
 *
 * Order of checks, each with its own status: code known (INVALID_HYPERCALL_CODE, by the caller, who
 * owns the table), control word (INVALID_HYPERCALL_INPUT), privilege (ACCESS_DENIED), place of the
 * blocks (INVALID_ALIGNMENT); then the handler looks at the parameters.
 */
#pragma once

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_status.h>

#define HYPERCALL_BLOCK_BYTES 4096u
#define HYPERCALL_FAST_BYTES  16u /* RDX, R8 */

enum hypercall_shape {
	HYPERCALL_SIMPLE,
	HYPERCALL_REP,
	HYPERCALL_VARIABLE, /* a simple call with qwords behind its fixed input */
	HYPERCALL_TERSE, /* a simple call that may be fast though it has an output: then it has none */
};

/* One line of the table; constant. Sizes in bytes, of the fixed part and of one rep. */
struct hypercall_entry {
	uint16_t code;
	uint16_t shape; /* enum hypercall_shape */
	uint16_t input_bytes;
	uint16_t rep_input_bytes;
	uint16_t output_bytes;
	uint16_t rep_output_bytes;
	uint64_t privilege; /* every bit of it is needed; 0: open to all */
};

/* A control word that passed. */
struct hypercall_control {
	bool fast;
	uint16_t rep_count; /* 0 for a simple call */
	uint16_t rep_start;
	uint16_t variable;    /* qwords of variable header */
	uint32_t input_bytes; /* whole block: the fixed part, then all reps, or those */
	uint32_t output_bytes;
};

/*
 * `words`: the control word; where input and output are, or the input of a fast call. A block is aligned to 8 and within
 * one page; where one is not used its address is not looked at. `privileges` is the caller's mask.
 */
enum hv_status hypercall_control_check(const uint64_t words[3],
                                       const struct hypercall_entry *entry,
                                       uint64_t privileges,
                                       struct hypercall_control *out) MUST_CHECK;

/* What the caller reads when the call is over; reps_done counts from rep 0, rep_start included. */
static inline uint64_t hypercall_control_result(enum hv_status status, uint16_t reps_done)
{
	return (uint16_t)status | (uint64_t)reps_done << HV_RESULT_REPS_SHIFT;
}

/* The control word when the call is to go on at another rep after the guest was let in. */
static inline uint64_t hypercall_control_restart(uint64_t word, uint16_t rep_start)
{
	word &= ~(HV_CONTROL_REP_MASK << HV_CONTROL_REP_START_SHIFT);
	return word | (uint64_t)rep_start << HV_CONTROL_REP_START_SHIFT;
}
