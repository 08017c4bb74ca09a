/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests in a trace: trace_io.h. */
#include "root-partition/cli/trace_io.h"

#include <stdbool.h>
#include <string.h>
#include <viridis/abi/viridis_trace.h>

#define ROOT_PARTITION 0u
#define EXIT_VMMCALL   0x81u

/* A signal's records follow its exit at once; other CPUs' records may stand between. */
#define REACH 64u

/*
 * Whether the event at `index` was signalled by a VP of that partition: whether the exit before it, on its CPU, was a
 * hypercall of one. `*tsc`: when.
 */
static bool event_sent_by(const struct viridis_trace_record *records, size_t index,
                          uint32_t partition, uint64_t *tsc)
{
	for (size_t back = 1; back <= REACH && back <= index; back++) {
		const struct viridis_trace_record *record = &records[index - back];

		if (record->cpu != records[index].cpu ||
		    record->kind != VIRIDIS_TRACE_EXIT)
			continue;
		*tsc = record->tsc;
		return record->partition == partition && record->a == EXIT_VMMCALL;
	}
	return false;
}

static bool is_of(const struct viridis_trace_record *record, unsigned int kind,
                  uint32_t partition)
{
	return record->kind == kind && record->partition == partition &&
	       record->vp != UINT16_MAX;
}

/* What shows that a VP is on a CPU. An interrupt that the processor delivers by itself has no record. */
static bool runs(const struct viridis_trace_record *record, uint32_t partition)
{
	return is_of(record, VIRIDIS_TRACE_DISPATCH, partition) ||
	       is_of(record, VIRIDIS_TRACE_INJECT, partition) ||
	       is_of(record, VIRIDIS_TRACE_EXIT, partition);
}

/* What the root's kernel did while its answer is awaited: each hop but the last the first time, and in order. */
static void take_root(struct trace_io *request, enum trace_hop hop,
                      const struct viridis_trace_record *record)
{
	const enum trace_hop seen =
		TRACE_HOP_PROVIDER_RUNS + (record->kind - TRACE_ROOT_PROVIDER_RUNS);

	if (hop != TRACE_HOP_ROOT_SIGNALS)
		return;
	for (int later = seen;
	     seen != TRACE_HOP_BACKEND_DONE && later <= TRACE_HOP_BACKEND_DONE; later++)
		if (request->tsc[later])
			return;
	request->tsc[seen] = record->tsc;
}

/* What another CPU of the root did behind the answer's signal is no part of it. */
static void drop_late(struct trace_io *request)
{
	for (int hop = TRACE_HOP_PROVIDER_RUNS; hop <= TRACE_HOP_BACKEND_DONE; hop++)
		if (request->tsc[hop] >= request->tsc[TRACE_HOP_ROOT_SIGNALS])
			request->tsc[hop] = 0;
}

/* Takes one more record into a request that has got as far as `*hop`. True: it is complete. */
static bool request_take(struct trace_io *request, enum trace_hop *hop, uint16_t *vp,
                         const struct viridis_trace_record *records, size_t index,
                         uint32_t child)
{
	const bool answers = *hop > TRACE_HOP_ROOT_RUNS;
	const uint32_t to = answers ? child : ROOT_PARTITION;
	const uint32_t from = answers ? ROOT_PARTITION : child;
	const struct viridis_trace_record *record = &records[index];

	if (record->kind >= TRACE_ROOT_PROVIDER_RUNS &&
	    record->kind <= TRACE_ROOT_BACKEND_DONE) {
		take_root(request, *hop, record);
		return false;
	}
	if (*hop == TRACE_HOP_GUEST_SIGNALS || *hop == TRACE_HOP_ROOT_SIGNALS) {
		uint64_t sent;

		if (!is_of(record, VIRIDIS_TRACE_EVENT, to) ||
		    !event_sent_by(records, index, from, &sent) ||
		    (answers && sent <= request->tsc[TRACE_HOP_ROOT_RUNS]))
			return false;
		request->tsc[*hop] = sent;
		request->tsc[*hop + 1] = record->tsc;
		if (answers)
			drop_late(request);
		*vp = record->vp;
		*hop += 2;
		return false;
	}
	if (!runs(record, to) || record->vp != *vp)
		return false;
	request->tsc[*hop] = record->tsc;
	*hop = answers ? TRACE_HOPS : TRACE_HOP_ROOT_SIGNALS;
	return answers;
}

size_t trace_io_find(const struct viridis_trace_record *records, size_t count,
                     uint32_t partition, struct trace_io *found, size_t most)
{
	enum trace_hop hop = TRACE_HOP_GUEST_SIGNALS;
	struct trace_io request = { { 0 } };
	uint16_t vp = 0;
	size_t held = 0;

	for (size_t i = 0; i < count; i++) {
		if (!request_take(&request, &hop, &vp, records, i, partition))
			continue;
		hop = TRACE_HOP_GUEST_SIGNALS;
		if (most) {
			if (held == most)
				memmove(found, found + 1, --held * sizeof(*found));
			found[held++] = request;
		}
		request = (struct trace_io){ { 0 } };
	}
	return held;
}
