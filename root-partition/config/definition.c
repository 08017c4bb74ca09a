/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions: values and their checks. The JSON side is definition_json.c, what the host has definition_host.c. */
#include "root-partition/config/definition.h"

#include <string.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/size_text.h"

#define PAGE_BYTES 4096u

struct definition *definition_new(void)
{
	struct definition *definition = g_new0(struct definition, 1);

	definition->cmdline = g_strdup("");
	definition->serial = g_strdup("pty");
	definition->disks = g_ptr_array_new_with_free_func(definition_disk_free);
	definition->nets = g_ptr_array_new_with_free_func(definition_net_free);
	return definition;
}

void definition_free(struct definition *definition)
{
	if (!definition)
		return;
	g_free(definition->name);
	g_free(definition->uuid);
	g_free(definition->kernel);
	g_free(definition->initrd);
	g_free(definition->cmdline);
	g_free(definition->serial);
	g_free(definition->title);
	g_free(definition->description);
	g_free(definition->metadata);
	g_ptr_array_unref(definition->disks);
	g_ptr_array_unref(definition->nets);
	g_free(definition);
}

/* ---- Identities ---- */

/* FNV-1a */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return hash;
}

/* A disk other than this one that has the LUN, or, when `lun` is none, the identity. */
static gboolean is_taken(const struct definition *definition,
                         const struct definition_disk *disk, uint32_t lun,
                         uint64_t identity)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *other = definition->disks->pdata[i];

		if (other == disk)
			continue;
		if (lun != DEFINITION_LUN_NONE ? other->lun == lun :
		                                 ((other->identity ^ identity) &
		                                  DEFINITION_IDENTITY_MASK) == 0)
			return TRUE;
	}
	return FALSE;
}

/* By what does not change when another disk comes or goes. */
static uint64_t new_identity(const struct definition *definition,
                             const struct definition_disk *disk)
{
	uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325),
	                          definition->uuid ? definition->uuid : definition->name);

	return definition->uuid ? hash_text(hash, disk->path) :
	                          (hash ^ (0x100 + disk->lun)) * UINT64_C(0x100000001b3);
}

void definition_complete(struct definition *definition)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		struct definition_disk *disk = definition->disks->pdata[i];
		uint32_t lun = 0;

		while (is_taken(definition, disk, lun, 0))
			lun++;
		if (disk->lun == DEFINITION_LUN_NONE)
			disk->lun = lun;
	}
	for (guint i = 0; i < definition->disks->len; i++) {
		struct definition_disk *disk = definition->disks->pdata[i];

		if (disk->identity)
			continue;
		disk->identity = new_identity(definition, disk);
		while ((disk->identity & DEFINITION_IDENTITY_MASK) == 0 ||
		       is_taken(definition, disk, DEFINITION_LUN_NONE, disk->identity))
			disk->identity++;
	}
	definition_net_complete(definition);
}

gboolean definition_give_uuid(struct definition *definition)
{
	if (definition->uuid)
		return FALSE;
	definition->uuid = g_uuid_string_random();
	return TRUE;
}

/* ---- Values ---- */

static const char *const on_crash_words[] = {
	[DEFINITION_ON_CRASH_KEEP] = "keep",
	[DEFINITION_ON_CRASH_RESTART] = "restart",
	[DEFINITION_ON_CRASH_STOP] = "stop",
};

gboolean definition_parse_on_crash(const char *text, enum definition_on_crash *on_crash,
                                   GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(on_crash_words); i++) {
		if (strcmp(on_crash_words[i], text) == 0) {
			*on_crash = (enum definition_on_crash)i;
			return TRUE;
		}
	}
	return definition_invalid(error, "on-crash '%s': 'keep', 'restart' or 'stop'",
	                          text);
}

const char *definition_format_on_crash(enum definition_on_crash on_crash)
{
	return on_crash_words[on_crash];
}

gboolean definition_name_valid(const char *name, GError **error)
{
	gsize length = strlen(name);

	if (length == 0 || length > DEFINITION_NAME_BYTES || !g_ascii_isalnum(name[0]))
		return definition_invalid(
			error,
			"name '%.64s': 1 to %u characters, the first a letter or digit",
			name, DEFINITION_NAME_BYTES);
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
			return definition_invalid(
				error,
				"name '%s': only letters, digits, '-', '_' and '.'",
				name);
	return TRUE;
}

/* A definition is JSON, which has no other bytes: it could be written and not be read again. */
static gboolean check_text(const char *what, const char *text, GError **error)
{
	return g_utf8_validate(text, -1, NULL) ||
	       definition_invalid(error, "%s '%s': not UTF-8", what, text);
}

static gboolean check_path(const char *what, const char *path, GError **error)
{
	if (!path || path[0] != '/')
		return definition_invalid(error, "%s '%s': an absolute path is needed",
		                          what, path ? path : "");
	return check_text(what, path, error);
}

static gboolean check_notes(const struct definition *definition, GError **error)
{
	return (!definition->title || check_text("title", definition->title, error)) &&
	       (!definition->description ||
	        check_text("description", definition->description, error)) &&
	       (!definition->metadata ||
	        check_text("metadata", definition->metadata, error));
}

/* Two disks of one LUN or identity would be one disk to the guest. */
static gboolean check_identity(const struct definition *definition,
                               const struct definition_disk *disk, GError **error)
{
	if (disk->lun != DEFINITION_LUN_NONE && disk->lun >= DEFINITION_DISKS_MAX)
		return definition_invalid(error,
		                          "disk '%s': LUN %u: from 0 to %u are possible",
		                          disk->path, disk->lun,
		                          DEFINITION_DISKS_MAX - 1);
	if (disk->lun != DEFINITION_LUN_NONE && is_taken(definition, disk, disk->lun, 0))
		return definition_invalid(error,
		                          "disk '%s': LUN %u is another disk's too",
		                          disk->path, disk->lun);
	if (disk->identity &&
	    is_taken(definition, disk, DEFINITION_LUN_NONE, disk->identity))
		return definition_invalid(
			error,
			"disk '%s': the id %016" G_GINT64_MODIFIER
			"x is another disk's too; leave it out and it gets its own",
			disk->path, disk->identity);
	return TRUE;
}

static gboolean check_disks(const struct definition *definition, GError **error)
{
	if (definition->disks->len > DEFINITION_DISKS_MAX)
		return definition_invalid(error, "%u disks: at most %u are possible",
		                          definition->disks->len, DEFINITION_DISKS_MAX);
	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if ((definition_disk_is_remote(disk) ?
		             !check_text("disk", disk->path, error) :
		             !check_path("disk", disk->path, error)) ||
		    !definition_disk_check(disk, error) ||
		    !check_identity(definition, disk, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean check_memory(uint64_t bytes, GError **error)
{
	g_autofree char *text = size_text_format(bytes);

	if (bytes < DEFINITION_MEMORY_MIN || bytes > DEFINITION_MEMORY_MAX)
		return definition_invalid(error, "memory %s: from 8M to 128G is possible",
		                          text);
	if (bytes % PAGE_BYTES)
		return definition_invalid(error, "memory %s: must be a multiple of 4K",
		                          text);
	return TRUE;
}

gboolean definition_check(const struct definition *definition, GError **error)
{
	if (!definition->name)
		return definition_invalid(error, "no name given");
	if (definition->uuid && !g_uuid_string_is_valid(definition->uuid))
		return definition_invalid(error, "uuid '%s': not a UUID",
		                          definition->uuid);
	if (!definition_name_valid(definition->name, error) ||
	    !check_memory(definition->memory_bytes, error))
		return FALSE;
	if (definition->vps < 1 || definition->vps > DEFINITION_VPS_MAX)
		return definition_invalid(error, "vps %u: from 1 to %u are possible",
		                          definition->vps, DEFINITION_VPS_MAX);
	if (definition->attach_pid && (definition->kernel || definition->initrd))
		return definition_invalid(error, "a machine that is attached to has its "
		                                 "kernel from its own VMM");
	if (!definition->attach_pid && !check_path("kernel", definition->kernel, error))
		return FALSE;
	if (definition->initrd && !check_path("initrd", definition->initrd, error))
		return FALSE;
	if (strcmp(definition->serial, "pty") != 0 && definition->serial[0] != '/')
		return definition_invalid(
			error, "serial '%s': 'pty' or the absolute path of a file",
			definition->serial);
	if (!check_text("serial", definition->serial, error) ||
	    !check_text("cmdline", definition->cmdline, error) ||
	    !check_notes(definition, error))
		return FALSE;
	return check_disks(definition, error) && definition_net_check(definition, error);
}
