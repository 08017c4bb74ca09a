/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis list, info: what there is. */
#include <string.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/cli/guest.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/store.h"

static void list_one(json_t *vms, const char *name, const struct definition *definition,
                     const char *state)
{
	g_autofree char *memory =
		definition ? size_text_format(definition->memory_bytes) : g_strdup("-");
	json_t *entry;

	if (!command_json()) {
		g_print("%-20s %-10s %4u  %s\n", name, state,
		        definition ? definition->vps : 0, memory);
		return;
	}
	entry = json_text_append_object(vms);
	json_text_add_string(entry, "name", name);
	json_text_add_string(entry, "state", state);
	if (definition) {
		json_text_add_int(entry, "vps", definition->vps);
		json_text_add_string(entry, "memory", memory);
		json_text_add_int(entry, "memory-bytes", definition->memory_bytes);
	}
}

/* All or none: a row that is left out would say that there is no such VM. */
static gboolean list_all(json_t *vms, GError **error)
{
	g_autoptr(GPtrArray) names = store_list(error);
	g_autoptr(GPtrArray) states = g_ptr_array_new_with_free_func(g_free);

	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *reason = NULL;
		char *state = client_state(names->pdata[i], &reason, error);

		if (!state)
			return FALSE;
		g_ptr_array_add(states, state);
	}
	if (!command_json())
		g_print("%-20s %-10s %4s  %s\n", "NAME", "STATE", "VPS", "MEMORY");
	for (guint i = 0; i < names->len; i++) {
		g_autoptr(definition_pointer)
			definition = store_load(names->pdata[i], NULL);

		list_one(vms, names->pdata[i], definition,
		         definition ? states->pdata[i] : "invalid");
	}
	return TRUE;
}

enum command_status command_list(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 0, FALSE };
	g_autoptr(json_t) object = json_object();
	g_autoptr(GError) error = NULL;
	enum command_status status;
	json_t *vms;

	if (!command_parse(&arguments, NULL, &status))
		return status;
	json_text_add_boolean(object, "ok", TRUE);
	vms = json_text_add_array(object, "vms");
	if (!list_all(vms, &error))
		return command_fail(error);
	if (command_json())
		command_print_json(object);
	return COMMAND_DONE;
}

static void print_net(const struct definition_net *net)
{
	static const char *const kinds[] = {
		[DEFINITION_NET_NONE] = "",
		[DEFINITION_NET_TAP] = "tap ",
		[DEFINITION_NET_BRIDGE] = "bridge ",
		[DEFINITION_NET_USER] = "user",
	};

	g_print("net        %s%s (slot %u, %s, MTU %u, queues %u)\n", kinds[net->kind],
	        net->device ? net->device : "", net->slot, net->mac, net->mtu,
	        net->queues);
	for (guint i = 0; i < net->forwards->len; i++)
		g_print("           hostfwd %s\n", (char *)net->forwards->pdata[i]);
}

/* What it was not given, it has not. */
static void print_disk(const struct definition_disk *disk)
{
	g_autofree char *bps = size_text_format(disk->bps);

	g_print("disk       %s (LUN %u, by-id wwn-0x3%015" G_GINT64_MODIFIER "x%s",
	        disk->path, disk->lun, disk->identity & DEFINITION_IDENTITY_MASK,
	        disk->read_only ? ", read-only" : "");
	if (disk->serial)
		g_print(", serial %s", disk->serial);
	if (disk->cache != DEFINITION_CACHE_DIRECT)
		g_print(", cache %s", definition_disk_cache_name(disk->cache));
	if (definition_disk_is_remote(disk) && disk->timeout_s)
		g_print(", timeout %u s", disk->timeout_s);
	if (disk->iops)
		g_print(", %u requests/s", disk->iops);
	if (disk->bps)
		g_print(", %s/s", bps);
	g_print(")\n");
}

static void print_definition(const struct definition *definition)
{
	g_autofree char *memory = size_text_format(definition->memory_bytes);

	g_print("name       %s\n", definition->name);
	if (definition->uuid)
		g_print("uuid       %s\n", definition->uuid);
	g_print("memory     %s\n", memory);
	g_print("vps        %u\n", definition->vps);
	if (definition->attach_pid)
		g_print("attached   to the machine of process %u\n",
		        definition->attach_pid);
	else
		g_print("kernel     %s\n", definition->kernel);
	if (definition->initrd)
		g_print("initrd     %s\n", definition->initrd);
	g_print("cmdline    %s\n", definition->cmdline);
	for (guint i = 0; i < definition->disks->len; i++)
		print_disk(definition->disks->pdata[i]);
	for (guint i = 0; i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		print_net(net);
	}
	g_print("serial     %s\n", definition->serial);
	g_print("on crash   %s\n", definition_format_on_crash(definition->on_crash));
}

/* What became of the processes that serve the guest's devices. */
static void print_providers(json_t *status)
{
	const char *name, *state;
	json_t *value;

	json_object_foreach(json_object_get(status, "providers"), name, value) {
		if (!json_text_get_string(value, &state))
			continue;
		g_print("%-10s %s%s\n", name, state,
		        strcmp(state, "died") == 0 ?
		                "; the guest is without its devices until it is started anew" :
		                "");
	}
}

/* Disks of servers that are waited for; those that the VM has not any more are none. */
static void print_lost_disks(const struct definition *definition, json_t *status)
{
	json_t *luns = json_object_get(status, "lost-disks");
	gint64 lun;

	for (gsize i = 0; i < json_array_size(luns); i++) {
		if (!json_text_get_int(json_array_get(luns, i), &lun))
			continue;
		for (guint j = 0; j < definition->disks->len; j++) {
			const struct definition_disk *disk = definition->disks->pdata[j];

			if (disk->lun == lun && definition_disk_is_remote(disk))
				g_print("lost       %s (LUN %u): its server is waited for\n",
				        disk->path, disk->lun);
		}
	}
}

static void print_status(const struct definition *definition, json_t *status)
{
	static const char *const members[] = { "console", "pid", "partition" };

	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		const json_t *json = json_object_get(status, members[i]);
		const char *text;
		gint64 number;

		if (json_text_get_string(json, &text))
			g_print("%-10s %s\n", members[i], text);
		else if (json_text_get_int(json, &number))
			g_print("%-10s %" G_GINT64_FORMAT "\n", members[i], number);
	}
	print_providers(status);
	print_lost_disks(definition, status);
}

/* The definition with state, reason and what the worker says as further members. */
static void print_info_json(const struct definition *definition, const char *state,
                            const char *reason, json_t *status, json_t *guest)
{
	g_autoptr(json_t) object = definition_to_object(definition);

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_int(object, "memory-bytes", definition->memory_bytes);
	json_text_add_string(object, "state", state);
	json_text_add_string(object, "reason", reason);
	if (status)
		(void)json_object_set(object, "status", status);
	if (guest) {
		(void)json_object_del(guest, "ok");
		(void)json_object_set(object, "guest", guest);
	}
	command_print_json(object);
}

/* What the worker says; one that has ended meanwhile changes the state, a mute one is a reason. */
static gboolean ask_status(const char *name, json_t **status, char **state, char **reason,
                           GError **error)
{
	g_autoptr(GError) why = NULL;

	*status = client_ask(name, CONTROL_STATUS, &why);
	if (*status)
		return TRUE;
	g_clear_pointer(state, g_free);
	g_clear_pointer(reason, g_free);
	*state = client_state(name, reason, error);
	if (!*state)
		return FALSE;
	if (client_state_alive(*state)) {
		g_free(*reason);
		*reason = g_strdup(why->message);
	}
	return TRUE;
}

static gboolean definition_alone;

static const GOptionEntry info_entries[] = {
	{ "definition", 0, 0, G_OPTION_ARG_NONE, &definition_alone,
	  "The definition alone, as 'viridis define' takes it", NULL },
	G_OPTION_ENTRY_NULL,
};

enum command_status command_info(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = {
		command, argc, argv, info_entries, 1, FALSE
	};
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(json_t) running = NULL;
	g_autoptr(json_t) guest = NULL;
	g_autofree char *reason = NULL;
	g_autofree char *state = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	definition = store_load(name, &error);
	if (!definition)
		return command_fail(error);
	if (definition_alone) {
		g_autofree char *text = definition_to_json(definition);

		g_print("%s\n", text);
		return COMMAND_DONE;
	}
	state = client_state(name, &reason, &error);
	if (!state)
		return command_fail(error);
	if (client_state_alive(state) &&
	    !ask_status(name, &running, &state, &reason, &error))
		return command_fail(error);
	if (running && strcmp(state, "running") == 0)
		guest = guest_ask(name);
	if (command_json()) {
		print_info_json(definition, state, reason, running, guest);
		return COMMAND_DONE;
	}
	print_definition(definition);
	g_print("state      %s%s%s%s\n", state, reason[0] ? " (" : "", reason,
	        reason[0] ? ")" : "");
	if (running)
		print_status(definition, running);
	if (guest)
		guest_print(guest);
	return COMMAND_DONE;
}
