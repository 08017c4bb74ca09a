/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM's definition makes its machine offer: the classes, the channels' numbers, the providers that
 * serve them and the configuration that each of these gets. The same in every life of the machine, but for the
 * network adapters, which may come and go.
 */
#ifndef VIRIDIS_VMBUSD_OFFERS_H
#define VIRIDIS_VMBUSD_OFFERS_H

#include "root-partition/config/json_text.h"
#include <stdbool.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/definition.h"

/* One for each network adapter, by its slot. */
enum vmbus_provider {
	VMBUS_STORAGE,
	VMBUS_UTIL,
	VMBUS_NET,
	VMBUS_PROVIDERS = VMBUS_NET + DEFINITION_NETS_MAX,
};

/* One kind of device that is offered. */
struct vmbus_class {
	const char *name; /* in a provider's configuration */
	struct vmbus_guid type;
	struct vmbus_guid instance;
	enum vmbus_provider provider;
	bool pipe; /* packets have a pipe's header, and a guest's programs may open it as one */
};

/* Their channels have the relids from 1 to this; sub-channels have those above. */
#define OFFERS_RELIDS (7u + DEFINITION_NETS_MAX)

/* The class of the device that this relid is for; NULL: the machine has no such device. */
const struct vmbus_class *offers_class(const struct definition *definition,
                                       uint32_t relid);

/* The adapter that this provider serves; NULL: there is none, or it serves something else. */
const struct definition_net *offers_net(const struct definition *definition,
                                        enum vmbus_provider provider);

/* The machine has a device of this provider. */
bool offers_need(const struct definition *definition, enum vmbus_provider provider);

/* "storage", for people; and the program's name. */
const char *offers_provider_name(enum vmbus_provider provider);
const char *offers_program(enum vmbus_provider provider);
/* The one that this VM needs: another where disks are NBD servers'. */
const char *offers_program_for(const struct definition *definition,
                               enum vmbus_provider provider);

/* The member "adapters": the MACs by which the guest is asked for its addresses. */
void offers_add_adapters(json_t *object, const struct definition *definition);

/* What the provider is told by CONFIG, as JSON; freed by the caller. */
char *offers_configuration(const struct definition *definition,
                           enum vmbus_provider provider);
/* Likewise the last process of a network adapter, whatever became of that in the definition: it takes up any that there was. */
char *offers_last_configuration(const struct definition *definition,
                                enum vmbus_provider provider);

#endif
