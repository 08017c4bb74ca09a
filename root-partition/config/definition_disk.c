/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of a definition: see definition_disk.h. */
#include "root-partition/config/definition_disk.h"

#include <string.h>

#include "root-partition/config/json_text.h"
#include "root-partition/config/size_text.h"
#include "vsp/storage/core/nbd_uri.h"

#define SERIAL_BYTES_MAX 16u
#define BPS_MIN          65536u
#define TIMEOUT_MAX_S    86400u

static const char *const cache_names[] = {
	[DEFINITION_CACHE_DIRECT] = "direct",
	[DEFINITION_CACHE_HOST] = "host",
	[DEFINITION_CACHE_THROUGH] = "through",
};

void definition_disk_free(gpointer data)
{
	struct definition_disk *disk = data;

	g_free(disk->path);
	g_free(disk->serial);
	g_free(disk);
}

struct definition_disk *definition_add_disk(struct definition *definition,
                                            const char *path, gboolean read_only)
{
	struct definition_disk *disk = g_new0(struct definition_disk, 1);

	disk->path = g_strdup(path);
	disk->read_only = read_only;
	disk->lun = DEFINITION_LUN_NONE;
	disk->timeout_s = DEFINITION_TIMEOUT_S;
	g_ptr_array_add(definition->disks, disk);
	return disk;
}

const char *definition_disk_cache_name(enum definition_disk_cache cache)
{
	return cache_names[cache];
}

/* ---- Members, wherever they come from ---- */

static gboolean set_cache(struct definition_disk *disk, const char *text, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cache_names); i++) {
		if (strcmp(cache_names[i], text) == 0) {
			disk->cache = (enum definition_disk_cache)i;
			return TRUE;
		}
	}
	return definition_invalid(
		error, "disk: cache '%s': 'direct', 'host' or 'through'", text);
}

static gboolean set_bps(struct definition_disk *disk, const char *text, GError **error)
{
	g_autoptr(GError) why = NULL;

	return size_text_parse(text, &disk->bps, &why) ||
	       definition_invalid(
		       error, "disk: bps '%s': not a size; write for example 10M", text);
}

static gboolean set_number(const char *key, const char *text, uint32_t *to,
                           GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &number, NULL))
		return definition_invalid(error, "disk: %s '%s': not a number", key,
		                          text);
	*to = (uint32_t)number;
	return TRUE;
}

static gboolean set_option(struct definition_disk *disk, const char *key,
                           const char *value, GError **error)
{
	if (strcmp(key, "serial") == 0) {
		g_free(disk->serial);
		disk->serial = g_strdup(value);
		return TRUE;
	}
	if (strcmp(key, "cache") == 0)
		return set_cache(disk, value, error);
	if (strcmp(key, "bps") == 0)
		return set_bps(disk, value, error);
	if (strcmp(key, "lun") == 0)
		return set_number(key, value, &disk->lun, error);
	if (strcmp(key, "timeout") == 0)
		return set_number(key, value, &disk->timeout_s, error);
	return set_number(key, value, &disk->iops, error);
}

/* ---- As an option ---- */

static gboolean is_option(const char *text)
{
	static const char *const keys[] = { "serial=", "cache=", "bps=",
		                            "iops=",   "lun=",   "timeout=" };

	if (strcmp(text, "ro") == 0)
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (g_str_has_prefix(text, keys[i]))
			return TRUE;
	return FALSE;
}

static gboolean take_option(struct definition_disk *disk, const char *text,
                            GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = NULL;

	if (!equals) {
		disk->read_only = TRUE;
		return TRUE;
	}
	key = g_strndup(text, (gsize)(equals - text));
	return set_option(disk, key, equals + 1, error);
}

char *definition_disk_path(const char *text)
{
	return nbd_uri_is(text) ? g_strdup(text) : g_canonicalize_filename(text, NULL);
}

gboolean definition_disk_is_remote(const struct definition_disk *disk)
{
	return disk->path && nbd_uri_is(disk->path);
}

gboolean definition_disks_any_remote(const GPtrArray *disks)
{
	for (guint i = 0; i < disks->len; i++)
		if (definition_disk_is_remote(disks->pdata[i]))
			return TRUE;
	return FALSE;
}

/* Options are taken from the end as long as there are any: a path may have a comma as well. */
struct definition_disk *definition_disk_add(struct definition *definition,
                                            const char *text, GError **error)
{
	struct definition_disk *disk = definition_add_disk(definition, NULL, FALSE);
	g_autofree char *path = g_strdup(text);
	char *comma;

	while ((comma = strrchr(path, ',')) != NULL && is_option(comma + 1)) {
		if (!take_option(disk, comma + 1, error))
			return NULL;
		*comma = '\0';
	}
	disk->path = definition_disk_path(path);
	return disk;
}

/* ---- Checks ---- */

static gboolean check_remote(const struct definition_disk *disk, GError **error)
{
	struct nbd_uri uri;
	const char *why = nbd_uri_parse(disk->path, &uri);

	if (why)
		return definition_invalid(error, "disk '%s': %s", disk->path, why);
	if (disk->cache == DEFINITION_CACHE_HOST)
		return definition_invalid(error,
		                          "disk '%s': cache 'host' is for files; what an "
		                          "NBD server keeps is its own affair",
		                          disk->path);
	if (disk->timeout_s > TIMEOUT_MAX_S)
		return definition_invalid(
			error, "disk '%s': timeout: %u seconds at most, or 0 for ever",
			disk->path, TIMEOUT_MAX_S);
	return TRUE;
}

static gboolean check_local(const struct definition_disk *disk, GError **error)
{
	return disk->timeout_s == DEFINITION_TIMEOUT_S ||
	       definition_invalid(error, "disk '%s': only an NBD server has a timeout",
	                          disk->path);
}

gboolean definition_disk_check(const struct definition_disk *disk, GError **error)
{
	gsize length = disk->serial ? strlen(disk->serial) : 1;

	if (length < 1 || length > SERIAL_BYTES_MAX)
		return definition_invalid(error,
		                          "disk '%s': serial '%s': 1 to %u characters",
		                          disk->path, disk->serial, SERIAL_BYTES_MAX);
	for (const char *c = disk->serial; c && *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
			return definition_invalid(error,
			                          "disk '%s': serial '%s': only letters, "
			                          "digits, '-', '_' and '.'",
			                          disk->path, disk->serial);
	if (disk->bps && disk->bps < BPS_MIN)
		return definition_invalid(error, "disk '%s': bps: 64K at least, or 0",
		                          disk->path);
	return definition_disk_is_remote(disk) ? check_remote(disk, error) :
	                                         check_local(disk, error);
}

/* ---- JSON ---- */

static gboolean invalid(GError **error, const char *format, const char *key)
	G_GNUC_PRINTF(2, 0);

static gboolean invalid(GError **error, const char *format, const char *key)
{
	g_autofree char *text = g_strdup_printf(format, key);

	return definition_invalid(error, "definition: %s", text);
}

/* A whole number; what does not fit is as wrong as the largest that does. */
static gboolean take_number(const json_t *json, const char *key, uint32_t *to,
                            GError **error)
{
	gint64 value;

	if (!json_text_get_int(json, &value))
		return invalid(error, "'%s' must be a whole number", key);
	*to = value < 0 || value > G_MAXINT32 ? G_MAXINT32 : (uint32_t)value;
	return TRUE;
}

/* As text: JSON's integers end at 63 bits. */
static gboolean take_identity(const json_t *json, struct definition_disk *disk,
                              GError **error)
{
	const char *text;

	if (!json_text_get_string(json, &text) || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdefABCDEF") != 16)
		return invalid(error, "'%s' must be 16 hexadecimal digits", "id");
	disk->identity = g_ascii_strtoull(text, NULL, 16);
	return (disk->identity & DEFINITION_IDENTITY_MASK) ||
	       invalid(error, "'%s' may not be 0", "id");
}

static gboolean take_text(const json_t *json, const char *key,
                          struct definition_disk *disk, GError **error)
{
	const char *text;

	if (!json_text_get_string(json, &text))
		return invalid(error, "'%s' must be a string", key);
	if (strcmp(key, "path") != 0)
		return set_option(disk, key, text, error);
	g_free(disk->path);
	disk->path = g_strdup(text);
	return TRUE;
}

static gboolean take_member(const char *key, json_t *value, struct definition_disk *disk,
                            GError **error)
{
	static const char *const texts[] = { "path", "serial", "cache", "bps" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strcmp(key, texts[i]) == 0)
			return take_text(value, key, disk, error);
	if (strcmp(key, "lun") == 0)
		return take_number(value, key, &disk->lun, error);
	if (strcmp(key, "iops") == 0)
		return take_number(value, key, &disk->iops, error);
	if (strcmp(key, "timeout") == 0)
		return take_number(value, key, &disk->timeout_s, error);
	if (strcmp(key, "id") == 0)
		return take_identity(value, disk, error);
	if (strcmp(key, "read-only") != 0)
		return invalid(error, "a disk has no '%s'", key);
	return json_text_get_boolean(value, &disk->read_only) ||
	       invalid(error, "'%s' must be true or false", key);
}

static gboolean take_one(struct definition *definition, json_t *json, GError **error)
{
	struct definition_disk *disk;
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return invalid(error, "'%s' must be a list of objects", "disks");
	disk = definition_add_disk(definition, NULL, FALSE);
	json_object_foreach(json, key, value)
		if (!take_member(key, value, disk, error))
			return FALSE;
	return disk->path || invalid(error, "a disk needs a '%s'", "path");
}

gboolean definition_disk_take(struct definition *definition, const json_t *json,
                              GError **error)
{
	if (!json_is_array(json))
		return invalid(error, "'%s' must be a list of objects", "disks");
	for (gsize i = 0; i < json_array_size(json); i++)
		if (!take_one(definition, json_array_get(json, i), error))
			return FALSE;
	return TRUE;
}

/* What is as it would be without being said is not said. */
static void add_options(json_t *object, const struct definition_disk *disk)
{
	g_autofree char *bps = size_text_format(disk->bps);

	if (disk->serial)
		json_text_add_string(object, "serial", disk->serial);
	if (disk->cache != DEFINITION_CACHE_DIRECT)
		json_text_add_string(object, "cache", cache_names[disk->cache]);
	if (disk->timeout_s != DEFINITION_TIMEOUT_S)
		json_text_add_int(object, "timeout", disk->timeout_s);
	if (disk->iops)
		json_text_add_int(object, "iops", disk->iops);
	if (disk->bps)
		json_text_add_string(object, "bps", bps);
}

void definition_add_disks(json_t *object, const GPtrArray *disks)
{
	json_t *list = json_text_add_array(object, "disks");

	for (guint i = 0; i < disks->len; i++) {
		const struct definition_disk *disk = disks->pdata[i];
		g_autofree char *identity =
			g_strdup_printf("%016" G_GINT64_MODIFIER "x", disk->identity);
		json_t *entry = json_text_append_object(list);

		json_text_add_string(entry, "path", disk->path);
		json_text_add_boolean(entry, "read-only", disk->read_only);
		json_text_add_int(entry, "lun", disk->lun);
		json_text_add_string(entry, "id", identity);
		add_options(entry, disk);
	}
}
