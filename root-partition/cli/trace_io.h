/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request's way over VMBus, as the hypervisor's trace shows it: from the guest's signal until the guest
 * runs again. PURE.
 */
#ifndef VIRIDIS_CLI_TRACE_IO_H
#define VIRIDIS_CLI_TRACE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>

/* When, in ticks of the TSC. What a hop lasts is the way to the next. */
enum trace_hop {
	TRACE_HOP_GUEST_SIGNALS, /* the guest leaves with HvSignalEvent */
	TRACE_HOP_ROOT_FLAG,     /* its flag stands in the root's page */
	TRACE_HOP_ROOT_RUNS,     /* its VP runs: the first that is seen of it */
	TRACE_HOP_PROVIDER_RUNS, /* the root's kernel gives the provider a CPU */
	TRACE_HOP_BACKEND_ASKED, /* the first I/O is given to the root's kernel */
	TRACE_HOP_BACKEND_DONE,  /* the last that is done before the answer */
	TRACE_HOP_ROOT_SIGNALS,  /* the root leaves with the answer's signal */
	TRACE_HOP_GUEST_FLAG,    /* its flag stands in the guest's page */
	TRACE_HOP_GUEST_RUNS,    /* so does the guest's */
	TRACE_HOPS
};

/* What the root's kernel tells, as records of these kinds, of no VP, beside the hypervisor's. */
enum trace_root_kind {
	TRACE_ROOT_PROVIDER_RUNS = 0x100,
	TRACE_ROOT_BACKEND_ASKED,
	TRACE_ROOT_BACKEND_DONE,
};

/* 0: a hop of the root's kernel that was not seen; a provider that runs already needs no CPU. */
struct trace_io {
	uint64_t tsc[TRACE_HOPS];
};

/*
 * Finds the requests of a partition in records ordered by time, and writes the newest `most` of them, oldest
 * first. Gives how many. A request that was signalled while another was on its way belongs to that one: they
 * are served in one batch. One whose begin or end is not among the records does not count.
 */
size_t trace_io_find(const struct viridis_trace_record *records, size_t count,
                     uint32_t partition, struct trace_io *found, size_t most);

#endif
