/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONFIG: which channel has which class, and the adapters that the guest is asked for. */
#include <stdio.h>
#include <string.h>

#include "root-partition/config/json_text.h"
#include "vsp/util/util.h"

static bool invalid(char *error, size_t error_bytes, const char *why)
{
	snprintf(error, error_bytes, "configuration: %s", why);
	return false;
}

static bool configure_channel(struct util *util, json_t *channel, char *error,
                              size_t error_bytes)
{
	const char *class = "";
	enum util_kind kind;
	gint64 id = 0;

	if (!json_is_object(channel))
		return invalid(error, error_bytes, "a channel must be an object");
	(void)json_text_get_int(json_object_get(channel, "id"), &id);
	(void)json_text_get_string(json_object_get(channel, "class"), &class);
	if (id < 1 || id > UINT32_MAX)
		return invalid(error, error_bytes, "a channel needs an 'id'");
	if (!util_kind_parse(class, &kind))
		return invalid(error, error_bytes,
		               "a channel of a class not served here");
	if (util->channels[kind].id != 0)
		return invalid(error, error_bytes, "two channels of one class");
	util->channels[kind].id = (uint32_t)id;
	return true;
}

static bool configure_channels(struct util *util, json_t *root, char *error,
                               size_t error_bytes)
{
	json_t *array = json_object_get(root, "channels");

	if (!json_is_array(array))
		return invalid(error, error_bytes, "'channels' must be a list");
	for (gsize i = 0; i < json_array_size(array); i++) {
		if (!configure_channel(util, json_array_get(array, i), error,
		                       error_bytes))
			return false;
	}
	return true;
}

/* "adapters": their MACs. They may be left out. */
static bool configure_adapters(struct util *util, json_t *root, char *error,
                               size_t error_bytes)
{
	json_t *array = json_object_get(root, "adapters");

	if (!array)
		return true;
	if (!json_is_array(array))
		return invalid(error, error_bytes, "'adapters' must be a list");
	for (gsize i = 0; i < json_array_size(array); i++) {
		const char *mac;

		if (!json_text_get_string(json_array_get(array, i), &mac) ||
		    !util_facts_add_adapter(&util->facts, mac))
			return invalid(error, error_bytes,
			               "an adapter must be a MAC, and few");
	}
	return true;
}

bool util_configure(struct util *util, const char *json, char *error, size_t error_bytes)
{
	g_autoptr(json_t)
		root = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);

	if (!root)
		return invalid(error, error_bytes, "a JSON object is needed");
	return configure_channels(util, root, error, error_bytes) &&
	       configure_adapters(util, root, error, error_bytes);
}
