/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONFIG, which is JSON. */
#include "vsp/storage/config.h"

#include <stdio.h>
#include <string.h>

#include "root-partition/config/json_text.h"
#include "vsp/lib/core/protocol.h"

/* More than any disk does, and less than what overflows. */
#define SCSI_LIMIT_MAX UINT64_C(0xffffffff)

/* As definitions have it. */
#define TIMEOUT_S     60u
#define TIMEOUT_MAX_S 86400

static bool invalid(char *error, size_t error_bytes, const char *why)
{
	snprintf(error, error_bytes, "configuration: %s", why);
	return false;
}

/* "" where it is not there, or something else. */
static const char *text_of(const json_t *json)
{
	const char *text = "";

	(void)json_text_get_string(json, &text);
	return text;
}

/* -1 likewise. */
static gint64 number_of(const json_t *json)
{
	gint64 number = -1;

	(void)json_text_get_int(json, &number);
	return number;
}

/* LUNs are the worker's to choose, one for each disk. */
static bool parse_lun(const struct storage_config *config,
                      struct storage_disk_config *disk, const json_t *json)
{
	gint64 lun = number_of(json);

	if (lun < 0 || lun >= SCSI_LUNS_MAX)
		return false;
	for (unsigned int i = 0; i < config->disk_count; i++)
		if (config->disk[i].lun == lun)
			return false;
	disk->lun = (unsigned int)lun;
	return true;
}

static bool parse_identity(struct storage_disk_config *disk, const json_t *json)
{
	const char *text = text_of(json);

	if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
		return false;
	disk->identity = g_ascii_strtoull(text, NULL, 16);
	return true;
}

/* What may be there, and may not. False: it is there and makes no sense. */
static bool parse_serial(struct storage_disk_config *disk, const json_t *json)
{
	const char *text = text_of(json);
	size_t length = strlen(text);

	if (!json)
		return true;
	if (length == 0 || length > SCSI_SERIAL_BYTES)
		return false;
	for (const char *c = text; *c; c++)
		if (!g_ascii_isgraph(*c))
			return false;
	memcpy(disk->serial, text, length + 1);
	return true;
}

static bool parse_cache(struct storage_disk_config *disk, const json_t *json)
{
	const char *text = text_of(json);

	disk->write_through = strcmp(text, "through") == 0;
	disk->cached = disk->write_through || strcmp(text, "host") == 0;
	return !json || disk->cached || strcmp(text, "direct") == 0;
}

/* As a definition has sizes: digits, and K, M or G. */
static bool parse_bps(struct storage_disk_config *disk, const json_t *json)
{
	static const char units[] = "KMG";
	const char *text, *unit;
	char *end;

	if (!json)
		return true;
	if (!json_text_get_string(json, &text))
		return false;
	disk->bps = g_ascii_strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (disk->bps > SCSI_LIMIT_MAX || (*end && (!unit || end[1])))
		return false;
	disk->bps <<= unit ? 10 * (unit - units + 1) : 0;
	return true;
}

static bool parse_iops(struct storage_disk_config *disk, const json_t *json)
{
	gint64 value = number_of(json);

	disk->iops = value < 0 ? 0 : (uint64_t)value;
	return !json || (value >= 0 && value <= (gint64)SCSI_LIMIT_MAX);
}

static bool parse_timeout(struct storage_disk_config *disk, const json_t *json)
{
	gint64 value = number_of(json);

	disk->timeout_s = json ? (uint32_t)value : TIMEOUT_S;
	return !json || (value >= 0 && value <= TIMEOUT_MAX_S);
}

static const struct {
	const char *name;
	bool (*parse)(struct storage_disk_config *disk, const json_t *json);
	const char *why;
} options[] = {
	{ "serial", parse_serial, "'serial' must be 1 to 16 visible characters" },
	{ "cache", parse_cache, "'cache' must be 'direct', 'host' or 'through'" },
	{ "bps", parse_bps, "'bps' must be a size" },
	{ "iops", parse_iops, "'iops' must be a whole number" },
	{ "timeout", parse_timeout, "'timeout' must be a number of seconds" },
};

static bool parse_options(struct storage_disk_config *disk, json_t *object, char *error,
                          size_t error_bytes)
{
	for (gsize i = 0; i < G_N_ELEMENTS(options); i++)
		if (!options[i].parse(disk, json_object_get(object, options[i].name)))
			return invalid(error, error_bytes, options[i].why);
	return true;
}

static bool parse_disk(const struct storage_config *config,
                       struct storage_disk_config *disk, json_t *object, char *error,
                       size_t error_bytes)
{
	gboolean read_only = FALSE;
	const char *path;

	if (!json_is_object(object))
		return invalid(error, error_bytes, "a disk must be an object");
	if (!json_text_get_string(json_object_get(object, "path"), &path))
		return invalid(error, error_bytes, "a disk needs a 'path'");
	if (json_object_get(object, "read-only") &&
	    !json_text_get_boolean(json_object_get(object, "read-only"), &read_only))
		return invalid(error, error_bytes, "'read-only' must be true or false");
	if (!parse_lun(config, disk, json_object_get(object, "lun")))
		return invalid(error, error_bytes, "a disk needs a 'lun' of its own");
	if (!parse_identity(disk, json_object_get(object, "id")))
		return invalid(error, error_bytes,
		               "a disk needs an 'id' of 16 hexadecimal digits");
	if (!parse_options(disk, object, error, error_bytes))
		return false;
	disk->path = g_strdup(path);
	disk->read_only = read_only;
	return true;
}

static bool parse_disks(struct storage_config *config, json_t *root, char *error,
                        size_t error_bytes)
{
	json_t *array = json_object_get(root, "disks");
	char why[64];

	if (!json_is_array(array))
		return invalid(error, error_bytes, "'disks' must be a list");
	if (json_array_size(array) > SCSI_LUNS_MAX) {
		snprintf(why, sizeof(why), "more than %u disks", SCSI_LUNS_MAX);
		return invalid(error, error_bytes, why);
	}
	for (gsize i = 0; i < json_array_size(array); i++) {
		if (!parse_disk(config, &config->disk[i], json_array_get(array, i), error,
		                error_bytes))
			return false;
		config->disk_count++;
	}
	return true;
}

static bool parse_root(struct storage_config *config, json_t *root, char *error,
                       size_t error_bytes)
{
	const char *vm;

	if (!json_text_get_string(json_object_get(root, "vm"), &vm))
		return invalid(error, error_bytes, "'vm' must be a string");
	config->vm = g_strdup(vm);
	return parse_disks(config, root, error, error_bytes);
}

bool storage_config_parse(struct storage_config *config, const char *json, char *error,
                          size_t error_bytes)
{
	g_autoptr(GError) why = NULL;
	g_autoptr(json_t)
		root = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, &why);

	*config = (struct storage_config){ .vm = NULL };
	if (!root)
		return invalid(error, error_bytes, why->message);
	if (parse_root(config, root, error, error_bytes))
		return true;
	storage_config_free(config);
	return false;
}

void storage_config_free(struct storage_config *config)
{
	for (unsigned int i = 0; i < config->disk_count; i++)
		g_free(config->disk[i].path);
	g_free(config->vm);
	*config = (struct storage_config){ .vm = NULL };
}
