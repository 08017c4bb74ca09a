/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that a guest lends to a channel beside its rings: a network's buffers. A provider asks for it by the
 * name that a packet of the guest's gave it; the guest gets it back when the provider has let go (S1 of server.h).
 */
#include "root-partition/vmbusd/internal.h"

static struct vmbus_loan *find_loan(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl)
{
	for (uint32_t i = 0; i < VMBUS_GPADLS; i++)
		if (vmbus->loans[i].relid == relid && vmbus->loans[i].gpadl == gpadl)
			return &vmbus->loans[i];
	return NULL;
}

/* There are as many slots as the server has GPADLs. */
static struct vmbus_loan *make_loan(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl)
{
	struct vmbus_loan *loan = find_loan(vmbus, relid, gpadl);

	for (uint32_t i = 0; !loan && i < VMBUS_GPADLS; i++)
		if (vmbus->loans[i].relid == 0)
			loan = &vmbus->loans[i];
	if (loan)
		*loan = (struct vmbus_loan){ .relid = relid, .gpadl = gpadl };
	return loan;
}

/* Whole pages only, and not the rings: those are the channel's already. */
void vmbus_lend(struct vmbus *vmbus, struct provider *provider, uint32_t relid,
                uint32_t gpadl_id)
{
	const uint64_t *pfns = NULL;
	const struct gpadl *gpadl = server_gpadl(&vmbus->server, relid, gpadl_id, &pfns);

	if (!gpadl || gpadl->offset != 0 || gpadl->bytes % VMBUS_PAGE_BYTES != 0 ||
	    server_channel(&vmbus->server, relid)->ring_gpadl == gpadl_id ||
	    !make_loan(vmbus, relid, gpadl_id))
		provider_lend(provider, relid, gpadl_id, NULL, 0);
	else
		provider_lend(provider, relid, gpadl_id, pfns, gpadl->page_count);
}

static void end_loan(struct vmbus *vmbus, struct vmbus_loan *loan)
{
	struct vmbus_loan ended = *loan;

	*loan = (struct vmbus_loan){ .relid = 0 };
	if (ended.wanted)
		server_release_complete(&vmbus->server, ended.relid, ended.gpadl);
}

void vmbus_loan_returned(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl)
{
	struct vmbus_loan *loan = find_loan(vmbus, relid, gpadl);

	if (loan)
		end_loan(vmbus, loan);
}

void vmbus_end_loans(struct vmbus *vmbus, uint32_t relid)
{
	for (uint32_t i = 0; i < VMBUS_GPADLS; i++)
		if (vmbus->loans[i].relid == relid)
			end_loan(vmbus, &vmbus->loans[i]);
}

/* Of a channel that is closing the provider says CLOSED, which ends its loans. */
void vmbus_release(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl)
{
	struct vmbus_loan *loan = find_loan(vmbus, relid, gpadl);
	struct provider *provider = vmbus_provider_of(vmbus, relid);

	if (!loan) {
		server_release_complete(&vmbus->server, relid, gpadl);
		return;
	}
	loan->wanted = true;
	if (provider &&
	    server_channel(&vmbus->server, relid)->state == SERVER_CHANNEL_OPEN)
		provider_reclaim(provider, relid, gpadl);
}
