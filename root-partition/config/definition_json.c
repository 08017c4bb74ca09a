/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions to JSON and back: one table of keys. */
#include <string.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/size_text.h"

static gboolean invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean invalid(GError **error, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		*error = g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_INVALID,
		                            format, args);
		va_end(args);
		g_prefix_error(error, "definition: ");
	}
	return FALSE;
}

static gboolean take_string(const json_t *json, const char *key, char **to,
                            GError **error)
{
	const char *value;

	if (!json_text_get_string(json, &value))
		return invalid(error, "'%s' must be a string", key);
	g_free(*to);
	*to = g_strdup(value);
	return TRUE;
}

static gboolean take_name(struct definition *definition, const json_t *json,
                          GError **error)
{
	return take_string(json, "name", &definition->name, error);
}

static gboolean take_uuid(struct definition *definition, const json_t *json,
                          GError **error)
{
	return take_string(json, "uuid", &definition->uuid, error);
}

static gboolean take_memory(struct definition *definition, const json_t *json,
                            GError **error)
{
	const char *text;
	gint64 bytes;

	if (json_text_get_int(json, &bytes)) {
		definition->memory_bytes = (uint64_t)MAX(bytes, 0);
		return TRUE;
	}
	if (!json_text_get_string(json, &text))
		return invalid(error, "'memory' must be a string like \"512M\", or a "
		                      "number of bytes");
	return size_text_parse(text, &definition->memory_bytes, error);
}

static gboolean take_vps(struct definition *definition, const json_t *json,
                         GError **error)
{
	gint64 value;

	if (!json_text_get_int(json, &value))
		return invalid(error, "'vps' must be a whole number");
	definition->vps = value < 0 || value > G_MAXINT32 ? G_MAXINT32 : (uint32_t)value;
	return TRUE;
}

static gboolean take_attach(struct definition *definition, const json_t *json,
                            GError **error)
{
	gint64 value;

	if (!json_text_get_int(json, &value) || value < 1 || value > G_MAXINT32)
		return invalid(error, "'attach' must be the number of a process");
	definition->attach_pid = (uint32_t)value;
	return TRUE;
}

static gboolean take_kernel(struct definition *definition, const json_t *json,
                            GError **error)
{
	return take_string(json, "kernel", &definition->kernel, error);
}

static gboolean take_initrd(struct definition *definition, const json_t *json,
                            GError **error)
{
	return take_string(json, "initrd", &definition->initrd, error);
}

static gboolean take_cmdline(struct definition *definition, const json_t *json,
                             GError **error)
{
	return take_string(json, "cmdline", &definition->cmdline, error);
}

static gboolean take_serial(struct definition *definition, const json_t *json,
                            GError **error)
{
	return take_string(json, "serial", &definition->serial, error);
}

static gboolean take_on_crash(struct definition *definition, const json_t *json,
                              GError **error)
{
	const char *text;

	if (!json_text_get_string(json, &text))
		return invalid(error, "'on-crash' must be a string");
	return definition_parse_on_crash(text, &definition->on_crash, error);
}

static gboolean take_autostart(struct definition *definition, const json_t *json,
                               GError **error)
{
	return json_text_get_boolean(json, &definition->autostart) ||
	       invalid(error, "'autostart' must be true or false");
}

static gboolean take_title(struct definition *definition, const json_t *json,
                           GError **error)
{
	return take_string(json, "title", &definition->title, error);
}

static gboolean take_description(struct definition *definition, const json_t *json,
                                 GError **error)
{
	return take_string(json, "description", &definition->description, error);
}

static gboolean take_metadata(struct definition *definition, const json_t *json,
                              GError **error)
{
	return take_string(json, "metadata", &definition->metadata, error);
}

static const struct definition_key {
	const char *name;
	gboolean required;
	gboolean (*take)(struct definition *definition, const json_t *json,
	                 GError **error);
} keys[] = {
	{ "name", TRUE, take_name },
	{ "memory", TRUE, take_memory },
	{ "vps", TRUE, take_vps },
	{ "kernel", TRUE, take_kernel },
	{ "initrd", FALSE, take_initrd },
	{ "cmdline", FALSE, take_cmdline },
	{ "disks", FALSE, definition_disk_take },
	{ "nets", FALSE, definition_net_take },
	{ "serial", FALSE, take_serial },
	{ "on-crash", FALSE, take_on_crash },
	{ "uuid", FALSE, take_uuid },
	{ "attach", FALSE, take_attach },
	{ "autostart", FALSE, take_autostart },
	{ "title", FALSE, take_title },
	{ "description", FALSE, take_description },
	{ "metadata", FALSE, take_metadata },
};

static const struct definition_key *find_key(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static gboolean take_object(struct definition *definition, json_t *object, GError **error)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		const struct definition_key *key = find_key(name);

		if (!key)
			return invalid(error, "unknown key '%s'", name);
		if (!key->take(definition, value, error))
			return FALSE;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i].required && !json_object_get(object, keys[i].name) &&
		    !(definition->attach_pid && keys[i].take == take_kernel))
			return invalid(error, "'%s' is missing", keys[i].name);
	return TRUE;
}

struct definition *definition_parse(const char *json, gsize length, GError **error)
{
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) syntax = NULL;
	g_autoptr(json_t)
		object = json_text_parse(json, length, DEFINITION_JSON_BYTES, &syntax);

	if (!object) {
		invalid(error, "%s", syntax->message);
		return NULL;
	}
	definition = definition_new();
	if (!take_object(definition, object, error) ||
	    !definition_check(definition, error))
		return NULL;
	definition_complete(definition);
	return g_steal_pointer(&definition);
}

static void add_notes(json_t *object, const struct definition *definition)
{
	if (definition->autostart)
		json_text_add_boolean(object, "autostart", TRUE);
	if (definition->title)
		json_text_add_string(object, "title", definition->title);
	if (definition->description)
		json_text_add_string(object, "description", definition->description);
	if (definition->metadata)
		json_text_add_string(object, "metadata", definition->metadata);
}

json_t *definition_to_object(const struct definition *definition)
{
	json_t *object = json_object();
	g_autofree char *memory = size_text_format(definition->memory_bytes);

	json_text_add_string(object, "name", definition->name);
	if (definition->uuid)
		json_text_add_string(object, "uuid", definition->uuid);
	json_text_add_string(object, "memory", memory);
	json_text_add_int(object, "vps", definition->vps);
	if (definition->attach_pid)
		json_text_add_int(object, "attach", definition->attach_pid);
	if (definition->kernel)
		json_text_add_string(object, "kernel", definition->kernel);
	if (definition->initrd)
		json_text_add_string(object, "initrd", definition->initrd);
	json_text_add_string(object, "cmdline", definition->cmdline);
	definition_add_disks(object, definition->disks);
	definition_net_add_all(object, definition->nets);
	json_text_add_string(object, "serial", definition->serial);
	json_text_add_string(object, "on-crash",
	                     definition_format_on_crash(definition->on_crash));
	add_notes(object, definition);
	return object;
}

char *definition_to_json(const struct definition *definition)
{
	g_autoptr(json_t) object = definition_to_object(definition);
	g_autofree char *text = json_text_format(object, TRUE);

	return g_strconcat(text, "\n", NULL);
}
