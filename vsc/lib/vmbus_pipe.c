/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open VMBus channel: its rings, lent to the host by a GPADL. */
#include "vsc/lib/vmbus.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"

#define RING_PAGES_MAX 256u
/* A host answers when its backend has: a disk may take minutes and still be sound. */
#define PATIENCE_MS 120000

static struct ring_memory ring_of(const struct vmbus_pipe *pipe, uint32_t which)
{
	uint8_t *start = pipe->rings + which * pipe->ring_pages * PAGE_4K;

	return (struct ring_memory){
		.control = (struct vmbus_ring_control *)start,
		.data = start + PAGE_4K,
		.data_bytes = (uint32_t)((pipe->ring_pages - 1) * PAGE_4K),
	};
}

static bool lend_rings(struct vmbus_pipe *pipe)
{
	uint64_t pfns[2 * RING_PAGES_MAX];
	uint32_t count = 2 * pipe->ring_pages;

	for (uint32_t i = 0; i < count; i++)
		pfns[i] = ((uint64_t)pipe->rings >> PAGE_SHIFT_4K) + i;
	return client_gpadl_create(vmbus_client(), pipe->channel, pfns, count,
	                           &pipe->gpadl) == CLIENT_OK &&
	       vmbus_wait_gpadl(pipe->gpadl, CLIENT_GPADL_CREATING) &&
	       pipe->gpadl->state == CLIENT_GPADL_READY;
}

bool vmbus_pipe_open(struct vmbus_pipe *pipe, struct client_channel *channel,
                     uint32_t ring_pages)
{
	struct ring_memory out, in;

	if (ring_pages < 2 || ring_pages > RING_PAGES_MAX)
		return false;
	if (!pipe->rings || pipe->ring_pages != ring_pages)
		pipe->rings = pages_take(2 * ring_pages);
	pipe->ring_pages = ring_pages;
	pipe->channel = channel;
	out = ring_of(pipe, 0);
	in = ring_of(pipe, 1);
	memset(out.control, 0, PAGE_4K);
	memset(in.control, 0, PAGE_4K);
	if (!lend_rings(pipe) || ring_producer_init(&pipe->out, &out) != RING_OK ||
	    ring_consumer_init(&pipe->in, &in) != RING_OK)
		return false;
	return client_open(vmbus_client(), channel, pipe->gpadl, ring_pages,
	                   (uint32_t)cpu_rdmsr(HV_MSR_VP_INDEX)) == CLIENT_OK &&
	       vmbus_wait_channel(channel, CLIENT_CHANNEL_OPENING) &&
	       channel->state == CLIENT_CHANNEL_OPEN;
}

bool vmbus_pipe_close(struct vmbus_pipe *pipe)
{
	return client_close(vmbus_client(), pipe->channel) == CLIENT_OK &&
	       client_gpadl_teardown(vmbus_client(), pipe->gpadl) == CLIENT_OK &&
	       vmbus_wait_gpadl(pipe->gpadl, CLIENT_GPADL_TEARING_DOWN);
}

void vmbus_pipe_signal(const struct vmbus_pipe *pipe)
{
	/* A host that is gone answers with a status; the wait for its answer tells. */
	(void)hv_call_fast(HVCALL_SIGNAL_EVENT, pipe->channel->offer.connection_id, 0);
}

bool vmbus_pipe_receive(struct vmbus_pipe *pipe, void *buffer, uint32_t buffer_bytes,
                        struct ring_received *packet)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	enum ring_status status;

	while ((status = ring_get(&pipe->in, buffer, buffer_bytes, packet)) ==
	               RING_EMPTY &&
	       !clock_passed(deadline))
		vmbus_pump();
	if (status == RING_OK && ring_release(&pipe->in))
		vmbus_pipe_signal(pipe);
	return status == RING_OK;
}
