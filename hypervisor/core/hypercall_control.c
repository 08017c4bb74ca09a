/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall control word: 15:0 code, 16 fast, 26:17 variable header, 43:32 reps, 59:48 first. */
#include "hypervisor/core/hypercall_control.h"

#define REP_BITS        12
#define VARIABLE_BITS   10
#define BLOCK_ALIGNMENT 8u

static bool reps_ok(const struct hypercall_entry *entry,
                    const struct hypercall_control *control)
{
	if (entry->shape == HYPERCALL_REP)
		return control->rep_start < control->rep_count;
	return control->rep_count == 0 && control->rep_start == 0;
}

enum hv_status hypercall_control_check(uint64_t word, const struct hypercall_entry *entry,
                                       uint64_t privileges, struct hypercall_control *out)
{
	uint16_t reps = (uint16_t)bits_get(word, HV_CONTROL_REP_COUNT_SHIFT, REP_BITS);
	uint16_t variable =
		(uint16_t)bits_get(word, HV_CONTROL_VARIABLE_SHIFT, VARIABLE_BITS);

	*out = (struct hypercall_control){
		.fast = word & HV_CONTROL_FAST,
		.rep_count = reps,
		.rep_start =
			(uint16_t)bits_get(word, HV_CONTROL_REP_START_SHIFT, REP_BITS),
		.variable = variable,
		.input_bytes = entry->input_bytes + 8u * variable +
		               (uint32_t)entry->rep_input_bytes * reps,
		.output_bytes =
			entry->output_bytes + (uint32_t)entry->rep_output_bytes * reps,
	};
	/* Registers hold the whole input of a fast call; an output has none to go to. */
	if ((word & HV_CONTROL_RESERVED) || !reps_ok(entry, out) ||
	    (variable != 0 && entry->shape != HYPERCALL_VARIABLE) ||
	    (out->fast &&
	     (out->input_bytes > HYPERCALL_FAST_BYTES || out->output_bytes != 0)))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	return (privileges & entry->privilege) == entry->privilege ?
	               HV_STATUS_SUCCESS :
	               HV_STATUS_ACCESS_DENIED;
}

static bool block_ok(uint64_t gpa, uint32_t bytes)
{
	if (bytes == 0)
		return true;
	return is_aligned(gpa, BLOCK_ALIGNMENT) && bytes <= HYPERCALL_BLOCK_BYTES &&
	       gpa % HYPERCALL_BLOCK_BYTES <= HYPERCALL_BLOCK_BYTES - bytes;
}

enum hv_status hypercall_control_blocks(const struct hypercall_control *control,
                                        uint64_t input_gpa, uint64_t output_gpa)
{
	if (control->fast)
		return HV_STATUS_SUCCESS;
	if (!block_ok(input_gpa, control->input_bytes) ||
	    !block_ok(output_gpa, control->output_bytes))
		return HV_STATUS_INVALID_ALIGNMENT;
	return HV_STATUS_SUCCESS;
}

uint64_t hypercall_control_result(enum hv_status status, uint16_t reps_done)
{
	return ((uint64_t)status & 0xffff) |
	       ((uint64_t)reps_done & bits_mask(0, REP_BITS)) << HV_RESULT_REPS_SHIFT;
}

uint64_t hypercall_control_restart(uint64_t word, uint16_t rep_start)
{
	word &= ~bits_mask(HV_CONTROL_REP_START_SHIFT, REP_BITS);
	return word | ((uint64_t)rep_start & bits_mask(0, REP_BITS))
	                      << HV_CONTROL_REP_START_SHIFT;
}
