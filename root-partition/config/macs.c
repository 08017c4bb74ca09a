/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of network adapters across VMs: see macs.h. */
#include "root-partition/config/macs.h"

#include <string.h>

#include "root-partition/config/store.h"

static gboolean shares_a_network(const struct definition_net *net)
{
	return net->kind != DEFINITION_NET_USER && net->mac;
}

/* The address that both have, or NULL. */
static const char *common(const struct definition *a, const struct definition *b)
{
	for (guint i = 0; i < a->nets->len; i++) {
		const struct definition_net *one = a->nets->pdata[i];

		for (guint j = 0; shares_a_network(one) && j < b->nets->len; j++) {
			const struct definition_net *other = b->nets->pdata[j];

			if (shares_a_network(other) && strcmp(one->mac, other->mac) == 0)
				return one->mac;
		}
	}
	return NULL;
}

/* A definition that cannot be read is no VM's that could start. */
gboolean macs_check(const struct definition *definition, GError **error)
{
	g_autoptr(GPtrArray) names = definition->nets->len ? store_list(error) : NULL;

	if (!names)
		return definition->nets->len == 0;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autoptr(definition_pointer) other = NULL;
		const char *mac;

		if (strcmp(name, definition->name) == 0)
			continue;
		other = store_load(name, NULL);
		mac = other ? common(definition, other) : NULL;
		if (!mac)
			continue;
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "net: mac %s is an adapter's of the VM '%s' too", mac, name);
		return FALSE;
	}
	return TRUE;
}
