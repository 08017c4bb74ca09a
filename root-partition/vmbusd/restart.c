/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Providers that die are started again. The guest keeps its devices and waits; the new process takes their
 * channels up where the old one stood. One that dies again and again, as by a packet that its guest sends it, is given
 * up, and its devices are taken from the guest.
 */
#include "root-partition/config/control_json.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

/* So many lives that together did not serve so long are not worth another one. */
#define LIVES_MAX     20u
#define SERVED_MIN_US (2 * G_USEC_PER_SEC)

/* One that served shorter is rested after, longer each time. */
#define SHORT_US     (G_USEC_PER_SEC / 10)
#define REST_STEP_MS 25u

static void tell(struct vmbus *vmbus, enum vmbus_provider kind, const char *event)
{
	vm_log("vmbus: %s: %s", offers_provider_name(kind), event);
	vmbus_tell(vmbus,
	           &(struct control_event){ event, "provider", offers_provider_name(kind),
	                                    -1, NULL });
}

/* A bit for each. */
static void tell_disks(struct vmbus *vmbus, const char *event, uint64_t luns)
{
	for (int lun = 0; luns; lun++, luns >>= 1)
		if (luns & 1)
			vmbus_tell(vmbus, &(struct control_event){ event, "request",
			                                           "disk", lun, NULL });
}

/* Those lives count that are too short to be borne for ever; a long one makes up for many. */
static void count_life(struct vmbus_restarts *restarts)
{
	gint64 served = restarts->ready_us ? g_get_monotonic_time() - restarts->ready_us :
	                                     0;

	restarts->ready_us = 0;
	restarts->short_ones = served < SHORT_US ? restarts->short_ones + 1 : 0;
	restarts->served_us += served;
	restarts->lives++;
	if (restarts->served_us >= SERVED_MIN_US) {
		restarts->served_us = 0;
		restarts->lives = 0;
	}
}

static gboolean begin(gpointer data);

struct start {
	struct vmbus *vmbus;
	enum vmbus_provider kind;
};

void vmbus_begin_later(struct vmbus *vmbus, enum vmbus_provider kind)
{
	struct vmbus_restarts *restarts = &vmbus->restarts[kind];
	struct start *start = g_new(struct start, 1);

	*start = (struct start){ vmbus, kind };
	restarts->source = g_timeout_add_full(G_PRIORITY_DEFAULT,
	                                      REST_STEP_MS * restarts->short_ones, begin,
	                                      start, g_free);
}

static void answer_renewal(struct vmbus *vmbus, const char *error)
{
	struct vmbus_renewal renewal = vmbus->renewal;

	vmbus->renewal = (struct vmbus_renewal){ .answered = NULL };
	if (renewal.answered && !error && !renewal.error) {
		tell_disks(vmbus, "device-removed", renewal.luns_gone);
		tell_disks(vmbus, "device-added", renewal.luns_come);
	}
	if (renewal.answered)
		renewal.answered(renewal.context, error ? error : renewal.error);
	g_free(renewal.error);
}

/* False: the guest loses its devices now. */
static bool begin_if_worth(struct vmbus *vmbus, enum vmbus_provider kind)
{
	if (vmbus->restarts[kind].lives >= LIVES_MAX) {
		tell(vmbus, kind, "provider-given-up");
		if (kind == VMBUS_STORAGE)
			answer_renewal(vmbus, NULL);
		return vmbus_leave(vmbus, kind);
	}
	vmbus_begin_later(vmbus, kind);
	return true;
}

/* ---- A change of disks ---- */

void vmbus_renew_disks(struct vmbus *vmbus, vmbus_answered answered, gpointer context)
{
	struct vmbus_renewal renewal = { .answered = answered, .context = context };
	g_autoptr(GError) error = NULL;

	if (!vmbus_provider_serves(vmbus, VMBUS_STORAGE)) {
		answered(context, "the storage provider died, or is being started; "
		                  "ask again, or stop and start the VM");
		return;
	}
	if (vmbus->renewal.answered) {
		answered(context, "another change of its disks is under way");
		return;
	}
	if (!keeper_client_disks(vmbus->machine->keeper, KEEPER_DEVICES_RENEW,
	                         &renewal.luns_gone, &renewal.luns_come, &error)) {
		answered(context, error->message);
		return;
	}
	vmbus->renewal = renewal;
	provider_replace(vmbus->providers[VMBUS_STORAGE]);
}

/*
 * The first end is the one that was ordered; a second is of one that cannot have the new disks, which says why if it
 * can.
 */
static bool renews(struct vmbus *vmbus, enum vmbus_provider kind, const char *why)
{
	struct vmbus_renewal *renewal = &vmbus->renewal;

	if (kind != VMBUS_STORAGE || !renewal->answered || renewal->error)
		return false;
	if (renewal->replaced) {
		renewal->error = g_strdup(
			why ? why : "the storage provider died of the new disks");
		if (!keeper_client_disks(vmbus->machine->keeper, KEEPER_DEVICES_BACK,
		                         NULL, NULL, NULL))
			return false;
	}
	renewal->replaced = true;
	vmbus_begin_later(vmbus, kind);
	return true;
}

/* ---- Deaths ---- */

bool vmbus_restart(struct vmbus *vmbus, enum vmbus_provider kind, const char *why)
{
	struct vmbus_restarts *restarts = &vmbus->restarts[kind];
	bool leaves = vmbus_leaves(vmbus, kind);

	if (renews(vmbus, kind, why)) {
		restarts->ready_us = 0;
		return true;
	}
	if (leaves && vmbus_leave_goes_on(vmbus, kind))
		return true;
	if (vmbus_adapter_gone(vmbus, kind, why) || leaves)
		return false;
	tell(vmbus, kind, "provider-died");
	count_life(restarts);
	return begin_if_worth(vmbus, kind);
}

static gboolean begin(gpointer data)
{
	const struct start *start = data;
	struct vmbus *vmbus = start->vmbus;
	enum vmbus_provider kind = start->kind;
	g_autoptr(GError) error = NULL;

	vmbus->restarts[kind].source = 0;
	vmbus->providers[kind] = provider_begin(vmbus->machine->keeper, kind,
	                                        &vmbus_provider_events, vmbus, &error);
	if (vmbus->providers[kind])
		return G_SOURCE_REMOVE;
	vm_log("vmbus: %s cannot be started again: %s", offers_provider_name(kind),
	       error->message);
	if (renews(vmbus, kind, error->message) ||
	    vmbus_adapter_failed(vmbus, kind, error->message))
		return G_SOURCE_REMOVE;
	count_life(&vmbus->restarts[kind]);
	if (!begin_if_worth(vmbus, kind))
		vmbus_drop_channels(vmbus, kind);
	return G_SOURCE_REMOVE;
}

void vmbus_provider_ready(gpointer context, struct provider *provider)
{
	struct vmbus *vmbus = context;
	enum vmbus_provider kind = vmbus_kind_of(vmbus, provider);

	if (kind == VMBUS_PROVIDERS || vmbus_leave_ready(vmbus, kind))
		return;
	vmbus->restarts[kind].ready_us = g_get_monotonic_time();
	if (!vmbus_adapter_came(vmbus, kind))
		tell(vmbus, kind, "provider-restarted");
	vmbus_resume_channels(vmbus, kind);
	vmbus_offer_again(vmbus, kind);
	vmbus_settle_adapters(vmbus);
	if (kind == VMBUS_STORAGE)
		answer_renewal(vmbus, NULL);
}

void vmbus_cancel_restart(struct vmbus *vmbus, enum vmbus_provider kind)
{
	if (vmbus->restarts[kind].source)
		g_source_remove(vmbus->restarts[kind].source);
	vmbus->restarts[kind].source = 0;
}

/* The next machine has the disks there were before, as whoever asked for others is told. */
static void end_renewal(struct vmbus *vmbus)
{
	if (vmbus->renewal.answered && !vmbus->renewal.error)
		(void)keeper_client_disks(vmbus->machine->keeper, KEEPER_DEVICES_BACK,
		                          NULL, NULL, NULL);
	answer_renewal(vmbus, "the machine ended");
}

void vmbus_end_restarts(struct vmbus *vmbus)
{
	end_renewal(vmbus);
	vmbus_end_adapter_change(vmbus);
	vmbus_end_leaves(vmbus);
	for (int kind = 0; kind < VMBUS_PROVIDERS; kind++)
		vmbus_cancel_restart(vmbus, kind);
}
