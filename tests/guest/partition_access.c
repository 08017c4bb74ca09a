/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent's hypercalls into a child, typed: properties, memory, interrupts, messages; and the log. */
#include "tests/guest/partition.h"

#include <viridis/base/mem.h>
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

static enum hv_status call(uint32_t code, const void *input, size_t input_bytes,
                           void *output, size_t output_bytes)
{
	return hv_status_of(hv_call(code, 0, input, input_bytes, output, output_bytes));
}

enum hv_status partition_get_property(uint64_t id, uint32_t code, uint64_t *value)
{
	const struct hv_input_get_partition_property in = { .partition_id = id,
		                                            .code = code };

	return call(HVCALL_GET_PARTITION_PROPERTY, &in, sizeof(in), value,
	            sizeof(*value));
}

enum hv_status memory_unmap_large(uint64_t id, uint64_t gpfn)
{
	const struct hv_input_unmap_gpa_pages in = { .partition_id = id,
		                                     .gpfn_base = gpfn,
		                                     .flags = HV_UNMAP_GPA_LARGE_PAGE };

	return hv_status_of(hv_call(HVCALL_UNMAP_GPA_PAGES, 1, &in, sizeof(in), NULL, 0));
}

enum hv_status interrupt_assert(uint64_t id, uint64_t control, uint64_t destination,
                                uint32_t vector)
{
	const struct hv_input_assert_virtual_interrupt in = { .partition_id = id,
		                                              .control = control,
		                                              .destination = destination,
		                                              .vector = vector };

	return call(HVCALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

enum hv_status message_post_direct(uint64_t id, uint32_t vp, uint32_t sint,
                                   const struct hv_message *message)
{
	struct hv_input_post_message_direct in = { .partition_id = id,
		                                   .vp_index = vp,
		                                   .sint = sint };

	memcpy(in.message.bytes, message, sizeof(*message));
	return call(HVCALL_POST_MESSAGE_DIRECT, &in, sizeof(in), NULL, 0);
}

enum hv_status event_signal_direct(uint64_t id, uint32_t vp, uint8_t sint, uint16_t flag,
                                   bool *newly_signaled)
{
	const struct hv_input_signal_event_direct in = { .partition_id = id,
		                                         .vp_index = vp,
		                                         .sint = sint,
		                                         .flag_number = flag };
	struct hv_output_signal_event_direct out;
	enum hv_status status =
		call(HVCALL_SIGNAL_EVENT_DIRECT, &in, sizeof(in), &out, sizeof(out));

	*newly_signaled = out.newly_signaled == 1;
	return status;
}

enum hv_status event_signal_fast(uint64_t id, uint32_t vp, uint8_t sint, uint16_t flag)
{
	const struct hv_input_signal_event_direct in = { .partition_id = id,
		                                         .vp_index = vp,
		                                         .sint = sint,
		                                         .flag_number = flag };
	uint64_t words[2];

	memcpy(words, &in, sizeof(words));
	return hv_status_of(hv_call_fast(HVCALL_SIGNAL_EVENT_DIRECT, words[0], words[1]));
}

enum hv_status vp_answer_fast(uint64_t id, uint32_t vp, uint32_t reserved)
{
	return hv_status_of(hv_call_fast(HVCALL_VIRIDIS_RESUME_VP, id,
	                                 (uint64_t)reserved << 32 | vp));
}

enum hv_status vp_answer(uint64_t id, uint32_t vp, uint32_t reserved)
{
	const struct hv_input_resume_vp in = { .partition_id = id,
		                               .vp_index = vp,
		                               .reserved = reserved };

	return call(HVCALL_VIRIDIS_RESUME_VP, &in, sizeof(in), NULL, 0);
}

enum hv_status
intercept_result_register(const struct hv_input_register_intercept_result *result)
{
	return call(HVCALL_REGISTER_INTERCEPT_RESULT, result, sizeof(*result), NULL, 0);
}

/* ---- The log ---- */

static uint64_t log_at; /* the byte from which on it is read */

/* Shown to us, in pages that we may only read. */
static struct viridis_ring log_ring(void)
{
	static struct viridis_output_get_stats out;
	struct viridis_ring ring;

	if (stats_get(0, VIRIDIS_STATS_LOG, 0, &out) != HV_STATUS_SUCCESS)
		bail_out("where the log is, is not told");
	memcpy(&ring, out.counter, sizeof(ring));
	return ring;
}

void log_mark(void)
{
	log_at = log_ring().end;
}

static bool begins_with(const struct viridis_ring *ring, uint64_t at, const char *with)
{
	const char *text = (const char *)ring->hpa;

	for (size_t i = 0; with[i]; i++)
		if (at + i >= ring->end || text[(at + i) % VIRIDIS_LOG_BYTES] != with[i])
			return false;
	return true;
}

/* A test causes less than a ring of it. */
unsigned int log_count(const char *text)
{
	struct viridis_ring ring = log_ring();
	unsigned int count = 0;

	for (uint64_t at = log_at; at < ring.end; at++)
		count += begins_with(&ring, at, text);
	return count;
}

bool log_says(const char *text)
{
	return log_count(text) > 0;
}
