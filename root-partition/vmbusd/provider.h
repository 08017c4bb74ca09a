/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A provider (VSP) process as its worker sees it: started, configured, given channels, stopped.
 * vsp/lib/core/protocol.h is what is said. Main thread only.
 */
#ifndef VIRIDIS_VMBUSD_PROVIDER_H
#define VIRIDIS_VMBUSD_PROVIDER_H

#include <glib.h>
#include <stdbool.h>

#include "root-partition/keeper/client.h"

struct provider;

struct provider_events {
	/* One that was not waited for takes orders from now on. */
	void (*ready)(gpointer context, struct provider *provider);
	void (*opened)(gpointer context, struct provider *provider, uint32_t channel,
	               bool opened);
	void (*closed)(gpointer context, struct provider *provider, uint32_t channel);
	/* It asks for what the guest lent to a channel; provider_lend() answers. */
	void (*borrowed)(gpointer context, struct provider *provider, uint32_t channel,
	                 uint32_t gpadl);
	/* It touches none of it any more. */
	void (*returned)(gpointer context, struct provider *provider, uint32_t channel,
	                 uint32_t gpadl);
	/* It wants so many sub-channels of the channel's device; provider_offered() answers. */
	void (*offer)(gpointer context, struct provider *provider, uint32_t channel,
	              uint32_t count);
	void (*event)(gpointer context, struct provider *provider, uint32_t tag,
	              const char *json);
	/* It died or broke the protocol, and its I/O is over: nothing of it touches guest memory any more. */
	void (*gone)(gpointer context, struct provider *provider);
};

/* Has the keeper start it, and waits until it is ready or says why not. */
struct provider *provider_start(struct keeper_client *keeper, enum vmbus_provider which,
                                const struct provider_events *events, gpointer context,
                                GError **error);
/* Likewise, and does not wait: `ready` follows, or `gone`. */
struct provider *provider_begin(struct keeper_client *keeper, enum vmbus_provider which,
                                const struct provider_events *events, gpointer context,
                                GError **error);

/* Likewise an adapter's last, which has no network: it completes what the guest sent. */
struct provider *provider_begin_last(struct keeper_client *keeper,
                                     enum vmbus_provider which,
                                     const struct provider_events *events,
                                     gpointer context, GError **error);

/*
 * Ends the process and waits for its end and its I/O's. A disk that holds its I/O for longer than a few
 * seconds is not waited for: its lock outlives us, and nobody else gets the disk before.
 */
void provider_stop(struct provider *provider);

/* It takes orders; false from its death on, which `gone` may follow much later. */
bool provider_serves(const struct provider *provider);
/* It is on its way to serving. */
bool provider_starts(const struct provider *provider);
/* End it, as if it had died: `gone` follows. */
void provider_replace(struct provider *provider);
/* Why it did not get ready, in its own words; NULL: it has not said so. */
const char *provider_complaint(const struct provider *provider);

/* Orders. When the provider is gone they do nothing: `gone` has been or will be called. */
struct provider_rings {
	uint32_t index; /* 0: the device's first channel */
	const uint64_t *pfns;
	uint32_t count;    /* of both rings */
	uint32_t in_pages; /* of them, guest to host */
	int event_in;
	int event_out;
};
void provider_open(struct provider *provider, uint32_t channel,
                   const struct provider_rings *rings);
/* In provider_open()'s place, for one that another process had before. */
void provider_resume(struct provider *provider, uint32_t channel,
                     const struct provider_rings *rings);
void provider_start_channel(struct provider *provider, uint32_t channel);
void provider_close(struct provider *provider, uint32_t channel);
/* No pages: there is no such memory. */
void provider_lend(struct provider *provider, uint32_t channel, uint32_t gpadl,
                   const uint64_t *pfns, uint32_t count);
void provider_reclaim(struct provider *provider, uint32_t channel, uint32_t gpadl);
void provider_offered(struct provider *provider, uint32_t channel, uint32_t count);
void provider_command(struct provider *provider, uint32_t tag, const char *json);

#endif
