/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any control word, table line, privileges and block addresses: the verdict is that of the rules of TLFS 3.7
 * written once more, bit by bit; what is made of a result or a restart decodes to what went in.
 */
#include "hypervisor/core/hypercall_control.h"
#include <viridis/base/cursor.h>

#define CHECK(condition)                  \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#define PAGE 4096u

static uint64_t field(uint64_t word, unsigned int low, unsigned int high)
{
	return word << (63 - high) >> (63 - high + low);
}

static struct hypercall_entry some_entry(struct cursor *in)
{
	struct hypercall_entry entry = {
		.shape = cursor_u8(in) % 4, /* SIMPLE, REP, VARIABLE, TERSE */
		.input_bytes = cursor_le16(in) % (PAGE + 1),
		.output_bytes = cursor_le16(in) % (PAGE + 1),
	};

	if (entry.shape == HYPERCALL_REP) {
		entry.rep_input_bytes = cursor_u8(in);
		entry.rep_output_bytes = cursor_u8(in);
	}
	if (cursor_u8(in) & 1) { /* small ones are what fits into registers */
		entry.input_bytes %= 32;
		entry.output_bytes %= 16;
	}
	entry.privilege = UINT64_C(1) << cursor_u8(in) % 64;
	if (cursor_u8(in) & 1)
		entry.privilege = 0;
	return entry;
}

/* Reserved bits are clear in most words worth a look, and those of the variable header in many. */
static uint64_t some_word(struct cursor *in)
{
	uint8_t how = cursor_u8(in);
	uint64_t word = cursor_le64(in);

	if (how & 1)
		word &= UINT64_C(0x0fff0fff07ffffff);
	if (how & 2)
		word &= UINT64_C(0xfffffff00fffffff); /* at most 15 reps */
	if (how & 4)
		word &= 0xffffffff;
	if (how & 8) /* at most 15 qwords of variable header */
		word &= ~UINT64_C(0xffe00000);
	return word;
}

static uint64_t expected_output(uint64_t word, const struct hypercall_entry *entry,
                                uint64_t count)
{
	if (entry->shape == HYPERCALL_TERSE && field(word, 16, 16))
		return 0;
	return entry->output_bytes + count * entry->rep_output_bytes;
}

/* Its bytes one page's, from an address that 8 divides; where there are none, no address is wrong. */
static bool expected_block(uint64_t gpa, uint64_t bytes)
{
	return bytes == 0 || (gpa % 8 == 0 && bytes <= PAGE &&
	                      gpa / PAGE == gpa / PAGE + (gpa % PAGE + bytes - 1) / PAGE);
}

static enum hv_status expected_check(const uint64_t words[3],
                                     const struct hypercall_entry *entry,
                                     uint64_t privileges)
{
	uint64_t word = words[0];
	uint64_t count = field(word, 32, 43), start = field(word, 48, 59);
	uint64_t qwords = field(word, 17, 26);
	uint64_t in = entry->input_bytes + count * entry->rep_input_bytes + 8 * qwords;
	uint64_t out = expected_output(word, entry, count);

	if (field(word, 27, 31) || field(word, 44, 47) || field(word, 60, 63))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (qwords && entry->shape != HYPERCALL_VARIABLE)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (entry->shape == HYPERCALL_REP ? start >= count : count || start)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (field(word, 16, 16) && (in > 16 || out))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (entry->privilege & ~privileges)
		return HV_STATUS_ACCESS_DENIED;
	if (!field(word, 16, 16) &&
	    !(expected_block(words[1], in) && expected_block(words[2], out)))
		return HV_STATUS_INVALID_ALIGNMENT;
	return HV_STATUS_SUCCESS;
}

static uint64_t some_place(struct cursor *in)
{
	uint8_t how = cursor_u8(in);
	uint64_t gpa = cursor_le64(in);

	if (how & 1)
		gpa &= ~UINT64_C(7);
	if (how & 2)
		gpa &= ~UINT64_C(0xff8);
	return gpa;
}

/* A call that goes on later is the same call. */
static void check_restart(const uint64_t words[3], const struct hypercall_entry *entry,
                          uint64_t privileges, const struct hypercall_control *control,
                          uint16_t done)
{
	uint64_t word = words[0], again = hypercall_control_restart(word, done);
	const uint64_t rest[] = { again, words[1], words[2] };
	struct hypercall_control later;

	CHECK(field(again, 0, 47) == field(word, 0, 47) && field(again, 60, 63) == 0);
	if (control->rep_count == 0 || done >= control->rep_count)
		return;
	CHECK(hypercall_control_check(rest, entry, privileges, &later) ==
	      HV_STATUS_SUCCESS);
	CHECK(later.rep_start == done && later.rep_count == control->rep_count);
	CHECK(later.input_bytes == control->input_bytes &&
	      later.output_bytes == control->output_bytes && later.fast == control->fast);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(data, size);
	struct hypercall_entry entry = some_entry(&in);
	uint64_t word = some_word(&in), result;
	uint64_t input_gpa = some_place(&in), output_gpa = some_place(&in);
	const uint64_t words[] = { word, input_gpa, output_gpa };
	uint64_t privileges = cursor_u8(&in) & 1 ? ~UINT64_C(0) : cursor_le64(&in);
	uint16_t done = cursor_le16(&in) % 4096, code = cursor_le16(&in);
	struct hypercall_control control;
	enum hv_status status;

	status = hypercall_control_check(words, &entry, privileges, &control);
	CHECK(status == expected_check(words, &entry, privileges));
	result = hypercall_control_result((enum hv_status)code, done);
	CHECK(field(result, 0, 15) == code && field(result, 32, 43) == done);
	CHECK(field(result, 16, 31) == 0 && field(result, 44, 63) == 0);
	if (status != HV_STATUS_SUCCESS)
		return 0;
	CHECK(control.fast == field(word, 16, 16));
	CHECK(control.rep_count == field(word, 32, 43));
	CHECK(control.rep_start == field(word, 48, 59));
	CHECK(control.variable == field(word, 17, 26));
	CHECK(control.input_bytes == entry.input_bytes +
	                                     entry.rep_input_bytes * field(word, 32, 43) +
	                                     8 * field(word, 17, 26));
	CHECK(control.output_bytes == expected_output(word, &entry, field(word, 32, 43)));
	check_restart(words, &entry, privileges, &control, done);
	return 0;
}
