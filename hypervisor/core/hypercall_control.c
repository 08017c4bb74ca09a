/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall control word: 15:0 code, 16 fast, 26:17 variable header, 43:32 reps, 59:48 first. */
#include "hypervisor/core/hypercall_control.h"

#include <stddef.h>
#include <viridis/base/bits.h>

#define REP_BITS        12
#define VARIABLE_SHIFT  17
#define VARIABLE_BITS   10
#define BLOCK_ALIGNMENT 8u

static bool reps_ok(const struct hypercall_entry *entry,
                    const struct hypercall_control *control)
{
	if (entry->shape == HYPERCALL_REP)
		return control->rep_start < control->rep_count;
	return control->rep_count == 0 && control->rep_start == 0;
}

/* Registers hold the whole input; an output has no registers to go to. */
static bool fast_ok(const struct hypercall_entry *entry,
                    const struct hypercall_control *control, uint32_t fast_bytes)
{
	return !(entry->flags & HYPERCALL_MEMORY_ONLY) &&
	       control->input_bytes <= fast_bytes && control->output_bytes == 0;
}

static void decode(uint64_t word, const struct hypercall_entry *entry,
                   struct hypercall_control *c)
{
	c->code = hypercall_control_code(word);
	c->fast = (word & HV_CONTROL_FAST) != 0;
	c->variable_bytes = (uint16_t)(bits_get(word, VARIABLE_SHIFT, VARIABLE_BITS) * 8);
	c->rep_count = (uint16_t)bits_get(word, HV_CONTROL_REP_COUNT_SHIFT, REP_BITS);
	c->rep_start = (uint16_t)bits_get(word, HV_CONTROL_REP_START_SHIFT, REP_BITS);
	c->rep_input_at = (uint32_t)entry->input_bytes + c->variable_bytes;
	c->rep_output_at = entry->output_bytes;
	c->input_bytes =
		c->rep_input_at + (uint32_t)entry->rep_input_bytes * c->rep_count;
	c->output_bytes =
		c->rep_output_at + (uint32_t)entry->rep_output_bytes * c->rep_count;
}

enum hv_status hypercall_control_check(uint64_t word, const struct hypercall_entry *entry,
                                       uint64_t privileges, uint32_t fast_bytes,
                                       struct hypercall_control *out)
{
	decode(word, entry, out);
	if (word & HV_CONTROL_RESERVED)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (!reps_ok(entry, out))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (out->variable_bytes != 0 && !(entry->flags & HYPERCALL_VARIABLE_HEADER))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (out->fast && !fast_ok(entry, out, fast_bytes))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if ((privileges & entry->privilege) != entry->privilege)
		return HV_STATUS_ACCESS_DENIED;
	return HV_STATUS_SUCCESS;
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
