/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network adapters of a definition: see definition_net.h. */
#include "root-partition/config/definition_net.h"

#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_forward.h"
#include "root-partition/config/json_text.h"

#define MTU_DEFAULT         1500u
#define MTU_MIN             576u
#define NETWORK_BYTES_MAX   255u
#define MAC_BYTES           6u
#define PORT_MAC_FIRST_BYTE 0xfeu

void definition_net_free(gpointer data)
{
	struct definition_net *net = data;

	g_free(net->device);
	g_free(net->network);
	g_ptr_array_unref(net->forwards);
	g_free(net->mac);
	g_free(net);
}

static struct definition_net *add_net(struct definition *definition)
{
	struct definition_net *net = g_new0(struct definition_net, 1);

	net->mtu = MTU_DEFAULT;
	net->queues = 1;
	net->slot = DEFINITION_SLOT_NONE;
	net->forwards = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(definition->nets, net);
	return net;
}

/* ---- Members, wherever they come from ---- */

static gboolean set_kind(struct definition_net *net, enum definition_net_kind kind,
                         const char *device, GError **error)
{
	if (net->kind != DEFINITION_NET_NONE)
		return definition_invalid(
			error, "net: it has one 'tap', one 'bridge' or 'user'");
	net->kind = kind;
	net->device = g_strdup(device);
	return TRUE;
}

static gboolean add_forward(struct definition_net *net, const char *text, GError **error)
{
	struct definition_forward forward;

	g_ptr_array_add(net->forwards, g_strdup(text));
	return definition_forward_parse(text, &forward, error);
}

static gboolean set_text(struct definition_net *net, const char *key, const char *value,
                         GError **error)
{
	if (strcmp(key, "tap") == 0)
		return set_kind(net, DEFINITION_NET_TAP, value, error);
	if (strcmp(key, "bridge") == 0)
		return set_kind(net, DEFINITION_NET_BRIDGE, value, error);
	if (strcmp(key, "network") == 0) {
		g_free(net->network);
		net->network = g_strdup(value);
		return TRUE;
	}
	if (strcmp(key, "mac") != 0)
		return definition_invalid(error, "net: there is no '%s'", key);
	g_free(net->mac);
	net->mac = g_ascii_strdown(value, -1);
	return TRUE;
}

/* Those that are numbers; NULL: it is none of them. */
static uint32_t *number_of(struct definition_net *net, const char *key)
{
	if (strcmp(key, "mtu") == 0)
		return &net->mtu;
	if (strcmp(key, "slot") == 0)
		return &net->slot;
	return strcmp(key, "queues") == 0 ? &net->queues : NULL;
}

/* ---- As an option ---- */

static gboolean set_option(struct definition_net *net, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = equals ? g_strndup(text, (gsize)(equals - text)) : NULL;
	uint32_t *member;
	guint64 number;

	if (strcmp(text, "user") == 0)
		return set_kind(net, DEFINITION_NET_USER, NULL, error);
	if (!equals)
		return definition_invalid(
			error, "net '%s': write user, tap=NAME or bridge=NAME", text);
	if (strcmp(key, "hostfwd") == 0)
		return add_forward(net, equals + 1, error);
	member = number_of(net, key);
	if (!member)
		return set_text(net, key, equals + 1, error);
	if (!g_ascii_string_to_unsigned(equals + 1, 10, 0, G_MAXUINT32, &number, NULL))
		return definition_invalid(error, "net: %s '%s': not a number", key,
		                          equals + 1);
	*member = (uint32_t)number;
	return TRUE;
}

gboolean definition_net_add(struct definition *definition, const char *text,
                            GError **error)
{
	struct definition_net *net = add_net(definition);
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);

	for (char **part = parts; *part; part++)
		if (!set_option(net, *part, error))
			return FALSE;
	return net->kind != DEFINITION_NET_NONE ||
	       definition_invalid(
		       error, "net '%s': 'user', a 'tap' or a 'bridge' is needed", text);
}

/* ---- Addresses ---- */

/* "02:1f:9c:40:7a:e3": two digits each, so that one address has one text. */
static gboolean parse_mac(const char *text, unsigned int bytes[MAC_BYTES])
{
	if (strlen(text) != 3 * MAC_BYTES - 1)
		return FALSE;
	for (unsigned int i = 0; i < MAC_BYTES; i++) {
		const char *byte = text + 3 * i;

		if (strspn(byte, "0123456789abcdef") != 2 ||
		    (i + 1 < MAC_BYTES && byte[2] != ':'))
			return FALSE;
		bytes[i] = (unsigned int)g_ascii_strtoull(byte, NULL, 16);
	}
	return TRUE;
}

uint64_t definition_net_mac_number(const struct definition_net *net)
{
	unsigned int bytes[MAC_BYTES];
	uint64_t number = 0;

	if (!net->mac || !parse_mac(net->mac, bytes))
		return 0;
	for (unsigned int i = 0; i < MAC_BYTES; i++)
		number = number << 8 | bytes[i];
	return number;
}

void definition_net_clear(struct definition *definition)
{
	g_ptr_array_unref(definition->nets);
	definition->nets = g_ptr_array_new_with_free_func(definition_net_free);
}

void definition_net_note(struct definition *definition, uint32_t slot,
                         uint64_t mac_number)
{
	struct definition_net *net = add_net(definition);

	net->slot = slot;
	net->mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x",
	                           (guint8)(mac_number >> 40), (guint8)(mac_number >> 32),
	                           (guint8)(mac_number >> 24), (guint8)(mac_number >> 16),
	                           (guint8)(mac_number >> 8), (guint8)mac_number);
}

static gboolean is_taken(const struct definition *definition, const char *mac)
{
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->mac && strcmp(net->mac, mac) == 0)
			return TRUE;
	}
	return FALSE;
}

const struct definition_net *definition_net_in(const struct definition *definition,
                                               uint32_t slot)
{
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->slot == slot)
			return net;
	}
	return NULL;
}

/* Locally administered: 02, then 40 bits that no other VM has. */
static char *new_mac(const struct definition *definition, guint index)
{
	const char *who = definition->uuid ? definition->uuid : definition->name;
	g_autofree char *text = g_strdup_printf("%s net %u", who, index);
	g_autofree char *hash =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

	return g_strdup_printf("02:%.2s:%.2s:%.2s:%.2s:%.2s", hash, hash + 2, hash + 4,
	                       hash + 6, hash + 8);
}

static void give_slot(const struct definition *definition, struct definition_net *net)
{
	uint32_t slot = 0;

	while (definition_net_in(definition, slot))
		slot++;
	if (net->slot == DEFINITION_SLOT_NONE)
		net->slot = slot;
}

void definition_net_complete(struct definition *definition)
{
	for (guint i = 0; i < definition->nets->len; i++)
		give_slot(definition, definition->nets->pdata[i]);
	for (guint i = 0; i < definition->nets->len; i++) {
		struct definition_net *net = definition->nets->pdata[i];

		for (guint try = net->slot; !net->mac; try += DEFINITION_NETS_MAX) {
			g_autofree char *mac = new_mac(definition, try);

			if (!is_taken(definition, mac))
				net->mac = g_steal_pointer(&mac);
		}
	}
}

gboolean definition_net_same(const struct definition_net *a,
                             const struct definition_net *b)
{
	if (a->kind != b->kind || g_strcmp0(a->device, b->device) != 0 ||
	    g_strcmp0(a->mac, b->mac) != 0 || a->slot != b->slot || a->mtu != b->mtu ||
	    a->queues != b->queues || a->forwards->len != b->forwards->len)
		return FALSE;
	for (guint i = 0; i < a->forwards->len; i++)
		if (strcmp(a->forwards->pdata[i], b->forwards->pdata[i]) != 0)
			return FALSE;
	return TRUE;
}

/* ---- Checks ---- */

static gboolean check_mac(const struct definition *definition, guint index,
                          GError **error)
{
	const struct definition_net *net = definition->nets->pdata[index];
	unsigned int bytes[MAC_BYTES];

	if (!net->mac)
		return TRUE;
	if (!parse_mac(net->mac, bytes))
		return definition_invalid(
			error, "net: mac '%s': write for example 02:00:5e:10:00:01",
			net->mac);
	if ((bytes[0] & 1) || strcmp(net->mac, "00:00:00:00:00:00") == 0)
		return definition_invalid(
			error, "net: mac %s: not an address of one station", net->mac);
	/* The adapter's port of a bridge has that address, whose frames the bridge would keep. */
	if (bytes[0] == PORT_MAC_FIRST_BYTE)
		return definition_invalid(
			error,
			"net: mac %s: those that begin with fe are the root's; "
			"02 is free",
			net->mac);
	for (guint i = 0; i < index; i++) {
		const struct definition_net *other = definition->nets->pdata[i];

		if (other->mac && strcmp(other->mac, net->mac) == 0)
			return definition_invalid(
				error, "net: mac %s is another adapter's too", net->mac);
	}
	return TRUE;
}

static gboolean check_slot(const struct definition *definition, guint index,
                           GError **error)
{
	uint32_t slot = ((struct definition_net *)definition->nets->pdata[index])->slot;

	if (slot == DEFINITION_SLOT_NONE)
		return TRUE;
	if (slot >= DEFINITION_NETS_MAX)
		return definition_invalid(error,
		                          "net: slot %u: from 0 to %u are possible", slot,
		                          DEFINITION_NETS_MAX - 1);
	return definition_net_in(definition, slot) == definition->nets->pdata[index] ||
	       definition_invalid(error, "net: slot %u is another adapter's too", slot);
}

/* What Linux takes as the name of a device, and a path in /sys too. */
static gboolean check_device(const char *name, GError **error)
{
	gsize length = name ? strlen(name) : 0;

	if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strpbrk(name, "/:%") != NULL)
		return definition_invalid(error,
		                          "net: '%s' is no name of a network device",
		                          name ? name : "");
	for (const char *c = name; *c; c++)
		if (!g_ascii_isgraph(*c))
			return definition_invalid(error,
			                          "net: a device's name has a character "
			                          "that it cannot have");
	return TRUE;
}

/* What may be said of a network of its kind. */
static gboolean check_kind(const struct definition *definition, guint index,
                           GError **error)
{
	const struct definition_net *net = definition->nets->pdata[index];

	if (net->network && net->kind != DEFINITION_NET_BRIDGE)
		return definition_invalid(error,
		                          "net: 'network' goes with 'bridge' alone");
	if (net->network &&
	    (!net->network[0] || strlen(net->network) > NETWORK_BYTES_MAX))
		return definition_invalid(error, "net: network '%s': 1 to %u bytes",
		                          net->network, NETWORK_BYTES_MAX);
	if (net->kind == DEFINITION_NET_USER)
		return definition_forwards_check(definition, index, error);
	if (net->forwards->len > 0)
		return definition_invalid(error, "net: 'hostfwd' goes with 'user' alone");
	return check_device(net->device, error);
}

gboolean definition_net_check(const struct definition *definition, GError **error)
{
	if (definition->nets->len > DEFINITION_NETS_MAX)
		return definition_invalid(error,
		                          "%u network adapters: at most %u are possible",
		                          definition->nets->len, DEFINITION_NETS_MAX);
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (!check_kind(definition, i, error) ||
		    !check_mac(definition, i, error) || !check_slot(definition, i, error))
			return FALSE;
		if (net->mtu < MTU_MIN || net->mtu > DEFINITION_NET_MTU_MAX)
			return definition_invalid(
				error, "net: mtu %u: from %u to %u are possible",
				net->mtu, MTU_MIN, DEFINITION_NET_MTU_MAX);
		if (net->queues < 1 || net->queues > DEFINITION_NET_QUEUES_MAX)
			return definition_invalid(
				error, "net: %u queues: from 1 to %u are possible",
				net->queues, DEFINITION_NET_QUEUES_MAX);
	}
	return TRUE;
}

static gboolean missing(GError **error, const struct definition_net *net, const char *why)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "net %s: %s",
	            net->device ? net->device : "user", why);
	return FALSE;
}

static gboolean has_attribute(const char *device, const char *attribute)
{
	g_autofree char *path =
		g_strdup_printf("/sys/class/net/%s/%s", device, attribute);

	return access(path, F_OK) == 0;
}

static gboolean check_program(const struct definition_net *net, GError **error)
{
	g_autofree char *path = g_find_program_in_path(DEFINITION_NET_PROGRAM);

	return path || missing(error, net,
	                       "its program is not installed; the package is 'passt'");
}

static gboolean check_present(const struct definition_net *net, GError **error)
{
	gboolean is_bridge = net->kind == DEFINITION_NET_BRIDGE;

	if (if_nametoindex(net->device) == 0)
		return missing(error, net, "there is no such network device");
	if (is_bridge && !has_attribute(net->device, "bridge"))
		return missing(error, net, "it is no bridge");
	if (!is_bridge && !has_attribute(net->device, "tun_flags"))
		return missing(error, net, "it is no TAP device");
	return TRUE;
}

gboolean definition_net_check_host(const struct definition *definition, GError **error)
{
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->kind == DEFINITION_NET_USER ? !check_program(net, error) :
		                                       !check_present(net, error))
			return FALSE;
		for (guint j = 0; j < i; j++) {
			const struct definition_net *other = definition->nets->pdata[j];

			if (net->kind == DEFINITION_NET_TAP && other->kind == net->kind &&
			    strcmp(net->device, other->device) == 0)
				return missing(error, net,
				               "a TAP device has one adapter");
		}
	}
	return TRUE;
}

/* ---- JSON ---- */

static gboolean take_user(struct definition_net *net, const json_t *json, GError **error)
{
	gboolean is_user;

	if (!json_text_get_boolean(json, &is_user) || !is_user)
		return definition_invalid(error, "net: 'user' is true or not there");
	return set_kind(net, DEFINITION_NET_USER, NULL, error);
}

static gboolean take_forwards(struct definition_net *net, const json_t *json,
                              GError **error)
{
	const char *text;

	for (gsize i = 0; i < json_array_size(json); i++) {
		if (!json_text_get_string(json_array_get(json, i), &text))
			return definition_invalid(
				error, "net: 'hostfwd' must be a list of strings");
		if (!add_forward(net, text, error))
			return FALSE;
	}
	return json_is_array(json) ||
	       definition_invalid(error, "net: 'hostfwd' must be a list of strings");
}

static gboolean take_member(struct definition_net *net, const char *key,
                            const json_t *json, GError **error)
{
	uint32_t *member = number_of(net, key);
	const char *text;
	gint64 number;

	if (strcmp(key, "user") == 0)
		return take_user(net, json, error);
	if (strcmp(key, "hostfwd") == 0)
		return take_forwards(net, json, error);
	if (!member)
		return json_text_get_string(json, &text) ?
		               set_text(net, key, text, error) :
		               definition_invalid(error, "net: '%s' must be a string",
		                                  key);
	if (!json_text_get_int(json, &number))
		return definition_invalid(error, "net: '%s' must be a whole number", key);
	*member = number < 0 || number > G_MAXINT32 ? G_MAXINT32 : (uint32_t)number;
	return TRUE;
}

static gboolean take_one(struct definition *definition, json_t *json, GError **error)
{
	struct definition_net *net;
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return definition_invalid(error, "'nets' must be a list of objects");
	net = add_net(definition);
	json_object_foreach(json, key, value)
		if (!take_member(net, key, value, error))
			return FALSE;
	return TRUE;
}

gboolean definition_net_take(struct definition *definition, const json_t *json,
                             GError **error)
{
	if (!json_is_array(json))
		return definition_invalid(error, "'nets' must be a list of objects");
	for (gsize i = 0; i < json_array_size(json); i++)
		if (!take_one(definition, json_array_get(json, i), error))
			return FALSE;
	return TRUE;
}

static void add_forwards(json_t *object, const GPtrArray *forwards)
{
	json_t *list = json_text_add_array(object, "hostfwd");

	for (guint i = 0; i < forwards->len; i++)
		json_text_append_string(list, forwards->pdata[i]);
}

/* The members of its object, but the network's name. */
static void add_members(json_t *object, const struct definition_net *net)
{
	if (net->kind == DEFINITION_NET_USER) {
		json_text_add_boolean(object, "user", TRUE);
	} else {
		json_text_add_string(
			object, net->kind == DEFINITION_NET_BRIDGE ? "bridge" : "tap",
			net->device);
	}
	if (net->forwards->len > 0)
		add_forwards(object, net->forwards);
	if (net->mac)
		json_text_add_string(object, "mac", net->mac);
	json_text_add_int(object, "mtu", net->mtu);
	json_text_add_int(object, "queues", net->queues);
	if (net->slot != DEFINITION_SLOT_NONE)
		json_text_add_int(object, "slot", net->slot);
}

void definition_net_add_all(json_t *object, const GPtrArray *nets)
{
	json_t *list = json_text_add_array(object, "nets");

	for (guint i = 0; i < nets->len; i++) {
		const struct definition_net *net = nets->pdata[i];
		json_t *entry = json_text_append_object(list);

		add_members(entry, net);
		if (net->network)
			json_text_add_string(entry, "network", net->network);
	}
}

void definition_net_add_one(json_t *object, const struct definition_net *net)
{
	add_members(json_text_add_object(object, "net"), net);
}
