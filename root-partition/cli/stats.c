/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis stats: a line per counter, a column per VP; without a name, whose memory the hypervisor
 * holds, the root's own share, and the sum.
 */
#include <unistd.h>

#include "root-partition/cli/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/libmshv/mshv.h"
#include "root-partition/config/definition.h"

#define PARTITIONS_MAX 1024u

static void add_partition(JsonBuilder *builder, const struct viridis_partition_info *info)
{
	json_builder_begin_object(builder);
	json_text_add_int(builder, "partition", info->partition_id);
	json_text_add_int(builder, "vps", info->vp_count);
	json_text_add_int(builder, "pid", info->creator_pid);
	json_text_add_int(builder, "deposited-pages", info->deposited_pages);
	json_text_add_int(builder, "in-use-pages", info->in_use_pages);
	json_text_add_int(builder, "pinned-pages", info->pinned_pages);
	json_builder_end_object(builder);
}

static void print_memory_json(const struct viridis_info *totals,
                              const struct viridis_partition_info *partitions)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", TRUE);
	json_text_add_int(builder, "deposited-pages", totals->deposited_pages);
	json_text_add_int(builder, "root-deposited-pages", totals->root_deposited_pages);
	json_text_add_int(builder, "pinned-pages", totals->pinned_pages);
	json_builder_set_member_name(builder, "partitions");
	json_builder_begin_array(builder);
	for (uint32_t i = 0; i < MIN(totals->count, PARTITIONS_MAX); i++)
		add_partition(builder, &partitions[i]);
	json_builder_end_array(builder);
	json_builder_end_object(builder);
	command_print_json(builder);
}

static void print_memory(const struct viridis_info *totals,
                         const struct viridis_partition_info *partitions)
{
	g_print("%-10s %5s %8s %12s %12s\n", "PARTITION", "VPS", "PID", "DEPOSITED",
	        "PINNED");
	for (uint32_t i = 0; i < MIN(totals->count, PARTITIONS_MAX); i++)
		g_print("%-10" G_GUINT64_FORMAT " %5u %8u %12" G_GUINT64_FORMAT
		        " %12" G_GUINT64_FORMAT "\n",
		        partitions[i].partition_id, partitions[i].vp_count,
		        partitions[i].creator_pid, partitions[i].deposited_pages,
		        partitions[i].pinned_pages);
	g_print("%-10s %5s %8s %12" G_GUINT64_FORMAT " %12s\n", "root", "-", "-",
	        totals->root_deposited_pages, "-");
	g_print("%-25s %12" G_GUINT64_FORMAT " %12" G_GUINT64_FORMAT " pages\n", "all",
	        totals->deposited_pages, totals->pinned_pages);
}

static enum command_status memory(void)
{
	g_autofree struct viridis_partition_info *partitions =
		g_new0(struct viridis_partition_info, PARTITIONS_MAX);
	struct viridis_info totals = { 0 };
	uint32_t count = PARTITIONS_MAX;
	g_autoptr(GError) error = NULL;
	int device = mshv_open();
	int result = device < 0 ? device : mshv_info(device, partitions, &count, &totals);

	if (device >= 0)
		close(device);
	if (result < 0) {
		g_set_error(&error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "/dev/mshv: %s", g_strerror(-result));
		return command_fail(error);
	}
	if (command_json())
		print_memory_json(&totals, partitions);
	else
		print_memory(&totals, partitions);
	return COMMAND_DONE;
}

static void print_totals(JsonObject *answer)
{
	g_autoptr(GList) names = json_object_get_members(answer);
	gint64 value;

	for (const GList *name = names; name; name = name->next)
		if (json_text_get_int(json_object_get_member(answer, name->data), &value))
			g_print("%-22s %16" G_GINT64_FORMAT "\n",
			        (const char *)name->data, value);
}

/* The member of that name of each VP. */
static void print_row(JsonArray *vps, const char *name)
{
	g_print("%-22s", name);
	for (guint i = 0; i < json_array_get_length(vps); i++) {
		JsonNode *element = json_array_get_element(vps, i);
		JsonNode *node = JSON_NODE_HOLDS_OBJECT(element) ?
		                         json_object_get_member(
						 json_node_get_object(element), name) :
		                         NULL;
		gint64 value = 0;

		if (node)
			(void)json_text_get_int(node, &value);
		g_print(" %16" G_GINT64_FORMAT, value);
	}
	g_print("\n");
}

static void print_table(JsonArray *vps)
{
	JsonNode *first = json_array_get_length(vps) ? json_array_get_element(vps, 0) :
	                                               NULL;
	g_autoptr(GList) names = NULL;

	if (!first || !JSON_NODE_HOLDS_OBJECT(first))
		return;
	names = json_object_get_members(json_node_get_object(first));
	for (const GList *name = names; name; name = name->next)
		print_row(vps, name->data);
}

enum command_status command_stats(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, TRUE };
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *name;
	JsonNode *vps;

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!name)
		return memory();
	answer = client_ask(name, CONTROL_STATS, &error);
	if (!answer)
		return command_fail(error);
	if (command_json()) {
		root = json_node_new(JSON_NODE_OBJECT);
		json_node_set_object(root, answer);
		text = json_to_string(root, TRUE);
		g_print("%s\n", text);
		return COMMAND_DONE;
	}
	print_totals(answer);
	vps = json_object_get_member(answer, "vps");
	if (vps && JSON_NODE_HOLDS_ARRAY(vps))
		print_table(json_node_get_array(vps));
	return COMMAND_DONE;
}
