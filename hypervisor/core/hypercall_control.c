/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall control word: 15:0 code, 16 fast, 26:17 variable header, 43:32 reps, 59:48 first. */
#include "hypervisor/core/hypercall_control.h"

#define BLOCK_ALIGNMENT 8u

/* Registers hold the whole input of a fast call; an output has none to go to. */
static bool shape_ok(const struct hypercall_entry *entry,
                     const struct hypercall_control *control)
{
	bool reps_ok = entry->shape == HYPERCALL_REP ?
	                       control->rep_start < control->rep_count :
	                       (control->rep_start | control->rep_count) == 0;

	return reps_ok &&
	       (control->variable == 0 || entry->shape == HYPERCALL_VARIABLE) &&
	       (!control->fast || (control->input_bytes <= HYPERCALL_FAST_BYTES &&
	                           control->output_bytes == 0));
}

static bool block_ok(uint64_t gpa, uint32_t bytes)
{
	return bytes == 0 ||
	       (is_aligned(gpa, BLOCK_ALIGNMENT) && bytes <= HYPERCALL_BLOCK_BYTES &&
	        gpa % HYPERCALL_BLOCK_BYTES <= HYPERCALL_BLOCK_BYTES - bytes);
}

enum hv_status hypercall_control_check(const uint64_t words[3],
                                       const struct hypercall_entry *entry,
                                       uint64_t privileges, struct hypercall_control *out)
{
	uint64_t word = words[0];

	out->fast = word & HV_CONTROL_FAST;
	out->rep_count = word >> HV_CONTROL_REP_COUNT_SHIFT & HV_CONTROL_REP_MASK;
	out->rep_start = word >> HV_CONTROL_REP_START_SHIFT & HV_CONTROL_REP_MASK;
	out->variable = word >> HV_CONTROL_VARIABLE_SHIFT & HV_CONTROL_VARIABLE_MASK;
	out->input_bytes = entry->input_bytes + 8u * out->variable +
	                   (uint32_t)entry->rep_input_bytes * out->rep_count;
	out->output_bytes =
		entry->output_bytes + (uint32_t)entry->rep_output_bytes * out->rep_count;
	if (out->fast && entry->shape == HYPERCALL_TERSE)
		out->output_bytes = 0;
	if ((word & HV_CONTROL_RESERVED) || !shape_ok(entry, out))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if ((privileges & entry->privilege) != entry->privilege)
		return HV_STATUS_ACCESS_DENIED;
	return out->fast || (block_ok(words[1], out->input_bytes) &&
	                     block_ok(words[2], out->output_bytes)) ?
	               HV_STATUS_SUCCESS :
	               HV_STATUS_INVALID_ALIGNMENT;
}
