/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the guest, in JSON:
 *
 *   "heartbeat", "kvp", "vss"   the services' states
 *   "names": {"OSName": ...}    of its daemon
 *   "items": {KEY: VALUE}       of its other programs
 *   "adapters": [{"mac", "dhcp", "addresses": ["10.0.2.15/24"], "gateways": [], "name-servers": []}]
 */
#include <arpa/inet.h>

#include "root-partition/config/json_text.h"
#include "vsp/util/util.h"

#define PREFIX_MAX 128 /* of IPv6 */

static void add_items(json_t *object, const char *name, const struct util_items *items)
{
	json_t *members = json_text_add_object(object, name);

	for (uint32_t i = 0; i < items->count; i++)
		json_text_add_string(members, items->item[i].key, items->item[i].value);
}

/* "a;b", as a list. */
static void add_list(json_t *object, const char *name, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);
	json_t *list = json_text_add_array(object, name);

	for (guint i = 0; parts[i]; i++)
		if (parts[i][0] != '\0')
			json_text_append_string(list, parts[i]);
}

/* "255.255.255.0" and "/24" are 24; -1: it is neither, but whatever a guest likes to say. */
static int prefix_of(const char *subnet)
{
	struct in_addr mask;
	guint64 bits;

	if (subnet[0] == '/')
		return g_ascii_string_to_unsigned(subnet + 1, 10, 0, PREFIX_MAX, &bits,
		                                  NULL) ?
		               (int)bits :
		               -1;
	if (inet_pton(AF_INET, subnet, &mask) != 1)
		return -1;
	bits = ~ntohl(mask.s_addr); /* ones at its end alone */
	return bits & (bits + 1) ? -1 : __builtin_popcount(mask.s_addr);
}

/* Each with its prefix, which is in the other list, at its place. */
static void add_addresses(json_t *object, const struct kvp_adapter *told)
{
	g_auto(GStrv) addresses = g_strsplit(told->addresses, ";", -1);
	g_auto(GStrv) subnets = g_strsplit(told->subnets, ";", -1);
	json_t *list = json_text_add_array(object, "addresses");
	guint subnet_count = g_strv_length(subnets);

	for (guint i = 0; addresses[i]; i++) {
		int prefix = i < subnet_count ? prefix_of(subnets[i]) : -1;
		g_autofree char *text =
			prefix < 0 ? g_strdup(addresses[i]) :
				     g_strdup_printf("%s/%d", addresses[i], prefix);

		if (addresses[i][0] != '\0')
			json_text_append_string(list, text);
	}
}

static void add_adapter(json_t *adapters, const struct util_adapter *adapter)
{
	json_t *entry = json_text_append_object(adapters);

	json_text_add_string(entry, "mac", adapter->mac);
	if (adapter->known) {
		json_text_add_boolean(entry, "dhcp", adapter->told.dhcp);
		add_addresses(entry, &adapter->told);
		add_list(entry, "gateways", adapter->told.gateways);
		add_list(entry, "name-servers", adapter->told.name_servers);
	}
}

void util_answer_guest(struct util *util, uint32_t tag)
{
	static const enum util_kind kinds[] = { UTIL_HEARTBEAT, UTIL_KVP, UTIL_VSS };
	const struct util_facts *facts = &util->facts;
	g_autoptr(json_t) object = json_object();
	json_t *adapters;

	json_text_add_boolean(object, "ok", true);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		util_add_service(object, &util->channels[kinds[i]].service);
	add_items(object, "names", &facts->names);
	add_items(object, "items", &facts->items);
	adapters = json_text_add_array(object, "adapters");
	for (uint32_t i = 0; i < facts->adapter_count; i++)
		add_adapter(adapters, &facts->adapters[i]);
	util_send(util, tag, object);
}
