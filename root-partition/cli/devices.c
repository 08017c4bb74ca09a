/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis disk, viridis net: devices come and go, under a guest that runs as well. The definition is changed with them. */
#include <string.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_host.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/disk_users.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	*error = g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_INVALID, format,
	                            args);
	va_end(args);
	return FALSE;
}

/* ---- Disks ---- */

static gboolean is_number(const char *text)
{
	return text[0] && strspn(text, "0123456789") == strlen(text);
}

/* Who uses those that it has had before is no affair of the new one's, which is the last. */
static gboolean last_disk_is_free(const struct definition *definition, GError **error)
{
	g_autoptr(GPtrArray) disks = g_ptr_array_new();
	const struct definition added = { .name = definition->name, .disks = disks };

	g_ptr_array_add(disks, definition->disks->pdata[definition->disks->len - 1]);
	return disk_users_check(&added, error);
}

static gboolean add_disk(struct definition *definition, const char *text, GError **error)
{
	if (!definition_disk_add(definition, text, error))
		return FALSE;
	definition_complete(definition);
	return definition_check(definition, error) &&
	       definition_host_check_disks(definition, error) &&
	       last_disk_is_free(definition, error);
}

/* By its LUN, or by its file. */
static gboolean remove_disk(struct definition *definition, const char *text,
                            GError **error)
{
	g_autofree char *path = definition_disk_path(text);
	gboolean is_lun = is_number(text);
	guint64 lun = is_lun ? g_ascii_strtoull(text, NULL, 10) : DEFINITION_LUN_NONE;

	for (guint i = 0; i < definition->disks->len; i++) {
		const struct definition_disk *disk = definition->disks->pdata[i];

		if (is_lun ? disk->lun != lun : strcmp(disk->path, path) != 0)
			continue;
		g_ptr_array_remove_index(definition->disks, i);
		return TRUE;
	}
	return refuse(error, "%s has no disk %s; 'viridis info %s' shows which it has",
	              definition->name, text, definition->name);
}

/* ---- Network adapters ---- */

static gboolean add_net(struct definition *definition, const char *text, GError **error)
{
	if (!definition_net_add(definition, text, error))
		return FALSE;
	definition_complete(definition);
	return definition_check(definition, error) &&
	       definition_net_check_host(definition, error) &&
	       macs_check(definition, error);
}

/* By its slot, or by its address. */
static gboolean remove_net(struct definition *definition, const char *text,
                           GError **error)
{
	guint64 slot = is_number(text) ? g_ascii_strtoull(text, NULL, 10) :
	                                 DEFINITION_SLOT_NONE;

	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->slot != slot && g_ascii_strcasecmp(net->mac, text) != 0)
			continue;
		g_ptr_array_remove_index(definition->nets, i);
		return TRUE;
	}
	return refuse(
		error,
		"%s has no network adapter %s; 'viridis info %s' shows which it has",
		definition->name, text, definition->name);
}

/* ---- Both ---- */

/* A worker that cannot have it so says why, and goes on with the devices it has; so does the definition. */
static gboolean apply(const struct definition *before, const struct definition *after,
                      enum control_command order, GError **error)
{
	g_autoptr(json_t) answer = NULL;
	pid_t holder;

	if (!state_holder(after->name, &holder, error) || !store_replace(after, error))
		return FALSE;
	if (!holder)
		return TRUE;
	answer = client_ask(after->name, order, error);
	if (answer)
		return TRUE;
	(void)store_replace(before, NULL); /* the first error is the one to be told */
	return FALSE;
}

static const struct verb {
	const char *device;
	const char *name;
	gboolean (*change)(struct definition *definition, const char *text,
	                   GError **error);
	enum control_command order; /* of a worker that is to have it so */
	const char *done;
} verbs[] = {
	{ "disk", "add", add_disk, CONTROL_DISKS, "has the disk" },
	{ "disk", "remove", remove_disk, CONTROL_DISKS, "is without the disk" },
	{ "net", "add", add_net, CONTROL_NETS, "has the network adapter" },
	{ "net", "remove", remove_net, CONTROL_NETS, "is without the network adapter" },
};

static const struct verb *find_verb(const char *device, const char *name)
{
	for (gsize i = 0; name && i < G_N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].device, device) == 0 &&
		    strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

enum command_status command_device(const struct command *command, int argc, char **argv)
{
	const struct verb *verb;
	struct command_arguments arguments = { command, argc, argv, NULL, 3, FALSE };
	const char *words[3] = { NULL };
	g_autoptr(definition_pointer) before = NULL;
	g_autoptr(definition_pointer) after = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;

	if (!command_parse(&arguments, words, &status))
		return status;
	verb = find_verb(command->name, words[0]);
	if (!verb) {
		g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "%s: 'add' or 'remove', not '%s'", command->name, words[0]);
		return command_fail(error);
	}
	before = store_load(words[1], &error);
	after = before ? store_load(words[1], &error) : NULL;
	if (!after || !verb->change(after, words[2], &error) ||
	    !apply(before, after, verb->order, &error))
		return command_fail(error);
	return command_done("%s %s", words[1], verb->done);
}
