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

static void add_items(JsonBuilder *builder, const char *name,
                      const struct util_items *items)
{
	json_builder_set_member_name(builder, name);
	json_builder_begin_object(builder);
	for (uint32_t i = 0; i < items->count; i++)
		json_text_add_string(builder, items->item[i].key, items->item[i].value);
	json_builder_end_object(builder);
}

/* "a;b", as a list. */
static void add_list(JsonBuilder *builder, const char *name, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);

	json_builder_set_member_name(builder, name);
	json_builder_begin_array(builder);
	for (guint i = 0; parts[i]; i++)
		if (parts[i][0] != '\0')
			json_builder_add_string_value(builder, parts[i]);
	json_builder_end_array(builder);
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
static void add_addresses(JsonBuilder *builder, const struct kvp_adapter *told)
{
	g_auto(GStrv) addresses = g_strsplit(told->addresses, ";", -1);
	g_auto(GStrv) subnets = g_strsplit(told->subnets, ";", -1);
	guint subnet_count = g_strv_length(subnets);

	json_builder_set_member_name(builder, "addresses");
	json_builder_begin_array(builder);
	for (guint i = 0; addresses[i]; i++) {
		int prefix = i < subnet_count ? prefix_of(subnets[i]) : -1;
		g_autofree char *text =
			prefix < 0 ? g_strdup(addresses[i]) :
				     g_strdup_printf("%s/%d", addresses[i], prefix);

		if (addresses[i][0] != '\0')
			json_builder_add_string_value(builder, text);
	}
	json_builder_end_array(builder);
}

static void add_adapter(JsonBuilder *builder, const struct util_adapter *adapter)
{
	json_builder_begin_object(builder);
	json_text_add_string(builder, "mac", adapter->mac);
	if (adapter->known) {
		json_text_add_boolean(builder, "dhcp", adapter->told.dhcp);
		add_addresses(builder, &adapter->told);
		add_list(builder, "gateways", adapter->told.gateways);
		add_list(builder, "name-servers", adapter->told.name_servers);
	}
	json_builder_end_object(builder);
}

void util_answer_guest(struct util *util, uint32_t tag)
{
	static const enum util_kind kinds[] = { UTIL_HEARTBEAT, UTIL_KVP, UTIL_VSS };
	const struct util_facts *facts = &util->facts;
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", true);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		util_add_service(builder, &util->channels[kinds[i]].service);
	add_items(builder, "names", &facts->names);
	add_items(builder, "items", &facts->items);
	json_builder_set_member_name(builder, "adapters");
	json_builder_begin_array(builder);
	for (uint32_t i = 0; i < facts->adapter_count; i++)
		add_adapter(builder, &facts->adapters[i]);
	json_builder_end_array(builder);
	util_send(util, tag, builder);
}
