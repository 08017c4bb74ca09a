/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONFIG, which is JSON. */
#include "vsp/net/config.h"

#include <stdio.h>
#include <string.h>

#include "root-partition/config/json_text.h"
#include "vsp/net/net.h"

static bool invalid(char *error, size_t error_bytes, const char *why)
{
	snprintf(error, error_bytes, "configuration: %s", why);
	return false;
}

/* A member that is a string, or NULL. */
static const char *text_of(json_t *object, const char *member)
{
	const char *text = NULL;

	(void)json_text_get_string(json_object_get(object, member), &text);
	return text;
}

static bool parse_name(char name[NET_NAME_BYTES], json_t *object, const char *member)
{
	const char *text = text_of(object, member);

	if (!text || strlen(text) >= NET_NAME_BYTES)
		return false;
	strcpy(name, text);
	return true;
}

static bool parse_mac(uint8_t mac[NDIS_MAC_BYTES], const char *text)
{
	unsigned int bytes[NDIS_MAC_BYTES];
	char end;

	if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1],
	                    &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end) != 6)
		return false;
	for (unsigned int i = 0; i < NDIS_MAC_BYTES; i++)
		mac[i] = (uint8_t)bytes[i];
	return !(mac[0] & 1);
}

static bool parse_number(uint32_t *number, json_t *object, const char *member,
                         uint32_t least, uint32_t most)
{
	gint64 value = -1;

	(void)json_text_get_int(json_object_get(object, member), &value);
	*number = (uint32_t)value;
	return value >= least && value <= most;
}

static bool is_true(json_t *net, const char *member)
{
	return json_is_true(json_object_get(net, member));
}

/* One of the four is there, and one only. */
static bool parse_backend(struct net_config *config, json_t *net)
{
	bool tap = json_object_get(net, "tap") != NULL;
	bool bridge = json_object_get(net, "bridge") != NULL;

	config->user = json_object_get(net, "user") != NULL;
	config->none = json_object_get(net, "none") != NULL;
	if (tap + bridge + config->user + config->none != 1)
		return false;
	if (config->user)
		return is_true(net, "user");
	if (config->none)
		return is_true(net, "none");
	return tap ? parse_name(config->tap, net, "tap") :
	             parse_name(config->bridge, net, "bridge");
}

static bool parse_net(struct net_config *config, json_t *net, char *error,
                      size_t error_bytes)
{
	if (!parse_backend(config, net))
		return invalid(error, error_bytes,
		               "'net' needs one of 'tap', 'bridge', 'user' and 'none'");
	if (!parse_mac(config->mac, text_of(net, "mac")))
		return invalid(error, error_bytes,
		               "'net' needs the 'mac' of one station");
	if (!parse_number(&config->mtu, net, "mtu", NET_MTU_MIN, NET_MTU_MAX))
		return invalid(error, error_bytes, "'net' needs an 'mtu' of 576 to 9000");
	if (!parse_number(&config->queues, net, "queues", 1, NET_QUEUES_MAX))
		return invalid(error, error_bytes, "'net' needs 1 to 8 'queues'");
	return true;
}

bool net_config_parse(struct net_config *config, const char *json, char *error,
                      size_t error_bytes)
{
	g_autoptr(GError) why = NULL;
	g_autoptr(json_t)
		root = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, &why);
	json_t *net;

	*config = (struct net_config){ .mtu = 0 };
	if (!root)
		return invalid(error, error_bytes, why->message);
	net = json_object_get(root, "net");
	if (!json_is_object(net))
		return invalid(error, error_bytes, "'net' must be an object");
	return parse_net(config, net, error, error_bytes);
}
