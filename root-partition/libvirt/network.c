/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By a connection to the daemon of networks for each question: there are few.
 */
#include <config.h>

#include "root-partition/libvirt/network.h"

#include "datatypes.h"
#include "driver.h"
#include "util/virerror.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

static virNetworkPtr look_up(const char *name)
{
	g_autoptr(virConnect) connection = virGetConnectNetwork();

	return connection ? virNetworkLookupByName(connection, name) : NULL;
}

char *network_bridge(const char *name)
{
	g_autoptr(virNetwork) network = look_up(name);

	return network ? virNetworkGetBridgeName(network) : NULL;
}

static gboolean fail(GError **error, enum definition_error code, const char *name,
                     const char *why)
{
	g_set_error(error, DEFINITION_ERROR, (gint)code, "network '%s': %s", name, why);
	return FALSE;
}

static gboolean check(const struct definition_net *net, GError **error)
{
	g_autoptr(virNetwork) network = look_up(net->network);
	g_autofree char *bridge = network ? virNetworkGetBridgeName(network) : NULL;

	if (!bridge)
		return fail(error, DEFINITION_ERROR_HOST, net->network,
		            virGetLastErrorMessage());
	if (strcmp(bridge, net->device) != 0)
		return fail(error, DEFINITION_ERROR_HOST, net->network,
		            "it has got another bridge; define the domain again");
	if (virNetworkIsActive(network) != 1)
		return fail(error, DEFINITION_ERROR_STATE, net->network,
		            "it is not active");
	return TRUE;
}

gboolean network_check(const struct definition *definition, GError **error)
{
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->network && !check(net, error))
			return FALSE;
	}
	return TRUE;
}
