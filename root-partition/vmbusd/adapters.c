/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network adapters that come and go under a guest that runs. The keeper says which; of one that goes the guest sees the link
 * go (leave.c), then its provider is ended, and then the guest loses it, as when a card is pulled. One that is changed goes and comes. When one
 * that comes cannot be served, the adapters there were before are taken again, in the same way.
 */
#include "root-partition/config/control_json.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

static uint32_t bit_of(enum vmbus_provider kind)
{
	return kind >= VMBUS_NET ? 1u << (kind - VMBUS_NET) : 0;
}

/* ---- The end of a change ---- */

static void tell_slots(struct vmbus *vmbus, const char *event, uint32_t slots,
                       GPtrArray *nets)
{
	const struct definition owner = { .nets = nets };

	for (uint32_t slot = 0; slot < DEFINITION_NETS_MAX; slot++)
		if (slots >> slot & 1)
			vmbus_tell(vmbus, &(struct control_event){
						  event, "request", "net", -1,
						  definition_net_in(&owner, slot)->mac });
}

/* With what became of it, unless there is none under way. */
static void answer(struct vmbus *vmbus, const char *error)
{
	struct vmbus_adapter_change change = vmbus->adapter_change;

	if (!change.answered)
		return;
	vmbus->adapter_change = (struct vmbus_adapter_change){ .answered = NULL };
	if (!error) {
		tell_slots(vmbus, "device-removed", change.gone, change.before);
		tell_slots(vmbus, "device-added", change.come,
		           vmbus->machine->definition->nets);
	}
	change.answered(change.context, error);
	g_ptr_array_unref(change.before);
	g_free(change.error);
}

void vmbus_settle_adapters(struct vmbus *vmbus)
{
	const struct vmbus_adapter_change *change = &vmbus->adapter_change;

	if (!change->leaving && !change->coming)
		answer(vmbus, change->error);
}

/* ---- Under way ---- */

/* By whose addresses the guest is asked for its own. */
static void tell_services(struct vmbus *vmbus)
{
	g_autoptr(json_t) object = json_object();
	g_autofree char *order = NULL;

	if (!vmbus->providers[VMBUS_UTIL])
		return;
	json_text_add_string(object, "command", "adapters");
	offers_add_adapters(object, vmbus->machine->definition);
	order = json_text_format(object, FALSE);
	provider_command(vmbus->providers[VMBUS_UTIL], vmbus_new_tag(vmbus), order);
}

/* One that nobody serves, and that the guest does not use, or has lost already, has nothing to be waited for. */
static void end_one(struct vmbus *vmbus, enum vmbus_provider kind)
{
	if (vmbus_leave(vmbus, kind))
		return;
	vmbus_cancel_restart(vmbus, kind);
	if (vmbus->providers[kind]) {
		provider_replace(vmbus->providers[kind]);
		return;
	}
	vmbus->adapter_change.leaving &= ~bit_of(kind);
	vmbus_drop_channels(vmbus, kind);
}

static void begin_one(struct vmbus *vmbus, enum vmbus_provider kind)
{
	vmbus->restarts[kind] = (struct vmbus_restarts){ .lives = 0 };
	vmbus_begin_later(vmbus, kind);
}

static void carry_out(struct vmbus *vmbus, uint32_t gone, uint32_t come)
{
	struct vmbus_adapter_change *change = &vmbus->adapter_change;

	change->coming = (change->coming & ~gone) | come;
	change->leaving |= gone;
	tell_services(vmbus);
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++)
		if (gone & bit_of(kind))
			end_one(vmbus, kind);
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++)
		if (come & ~change->leaving & bit_of(kind))
			begin_one(vmbus, kind);
}

/* A guest that stands still lets go of nothing, and nobody would wait for so long. */
static bool must_be_resumed(const struct vmbus *vmbus, uint32_t gone)
{
	for (int kind = VMBUS_NET; kind < VMBUS_PROVIDERS; kind++)
		if (vmbus->machine->paused && gone & bit_of(kind) &&
		    vmbus_is_used(vmbus, kind))
			return true;
	return false;
}

void vmbus_renew_nets(struct vmbus *vmbus, vmbus_answered answered, gpointer context)
{
	struct definition *definition = vmbus->machine->definition;
	struct vmbus_adapter_change *change = &vmbus->adapter_change;
	g_autoptr(GPtrArray) before = g_ptr_array_ref(definition->nets);
	g_autoptr(GError) error = NULL;
	uint32_t gone, come;

	if (change->answered) {
		answered(context, "another change of its adapters is under way");
		return;
	}
	if (!keeper_client_nets(vmbus->machine->keeper, KEEPER_DEVICES_RENEW, definition,
	                        &gone, &come, &error)) {
		answered(context, error->message);
		return;
	}
	if (must_be_resumed(vmbus, gone)) {
		(void)keeper_client_nets(vmbus->machine->keeper, KEEPER_DEVICES_BACK,
		                         definition, &gone, &come, NULL);
		answered(context, "it is paused, and its guest has to let go of the "
		                  "adapter; resume it first");
		return;
	}
	*change = (struct vmbus_adapter_change){
		.answered = answered,
		.context = context,
		.before = g_steal_pointer(&before),
		.gone = gone,
		.come = come,
	};
	carry_out(vmbus, gone, come);
	vmbus_settle_adapters(vmbus);
}

/* All of it is undone; what cannot be undone either is left to the ways of providers that die. */
bool vmbus_adapter_failed(struct vmbus *vmbus, enum vmbus_provider kind, const char *why)
{
	struct vmbus_adapter_change *change = &vmbus->adapter_change;
	bool first = change->coming & bit_of(kind) && !change->error;
	uint32_t gone, come;

	change->coming &= ~bit_of(kind);
	if (first) {
		change->error = g_strdup(why);
		if (keeper_client_nets(vmbus->machine->keeper, KEEPER_DEVICES_BACK,
		                       vmbus->machine->definition, &gone, &come, NULL))
			carry_out(vmbus, gone, come);
	}
	vmbus_settle_adapters(vmbus);
	return first;
}

bool vmbus_adapter_gone(struct vmbus *vmbus, enum vmbus_provider kind, const char *why)
{
	struct vmbus_adapter_change *change = &vmbus->adapter_change;

	if (!(change->leaving & bit_of(kind)))
		return change->coming & bit_of(kind) &&
		       vmbus_adapter_failed(vmbus, kind,
		                            why ? why : "its process does not start");
	change->leaving &= ~bit_of(kind);
	if (change->coming & bit_of(kind))
		begin_one(vmbus, kind);
	vmbus_settle_adapters(vmbus);
	return true;
}

bool vmbus_adapter_came(struct vmbus *vmbus, enum vmbus_provider kind)
{
	struct vmbus_adapter_change *change = &vmbus->adapter_change;
	bool waited_for = change->coming & bit_of(kind);

	change->coming &= ~bit_of(kind);
	return waited_for;
}

void vmbus_end_adapter_change(struct vmbus *vmbus)
{
	struct vmbus_adapter_change *change = &vmbus->adapter_change;
	uint32_t gone, come;

	/* The next machine has what there was before, as whoever asked is told. */
	if (change->answered && !change->error)
		(void)keeper_client_nets(vmbus->machine->keeper, KEEPER_DEVICES_BACK,
		                         vmbus->machine->definition, &gone, &come, NULL);
	answer(vmbus, "the machine ended");
}
