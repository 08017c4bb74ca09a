/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis stats: a line per counter, a column per VP or disk; without a name, whose memory the hypervisor
 * holds, the root's own share, and the sum; in JSON, all counters of every partition and CPU, too.
 */
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/libmshv/mshv.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"

#define PARTITIONS_MAX 1024u

/* ---- Without a name ---- */

#define STAT_NAME(id, name) name,
static const char *const vp_names[] = { VIRIDIS_VP_STATS(STAT_NAME) };
static const char *const cpu_names[] = { VIRIDIS_CPU_STATS(STAT_NAME) };
#undef STAT_NAME

/* A list of counters, one element for each VP of the partition or each CPU. */
static void add_counters(JsonBuilder *builder, int device, const char *member,
                         enum viridis_stats_object object, uint64_t partition_id)
{
	bool vps = object == VIRIDIS_STATS_VP;
	const char *const *names = vps ? vp_names : cpu_names;
	uint32_t known = vps ? VIRIDIS_VP_STAT_COUNT : VIRIDIS_CPU_STAT_COUNT;
	struct viridis_get_stats stats = { .partition_id = partition_id,
		                           .object = object };

	json_builder_set_member_name(builder, member);
	json_builder_begin_array(builder);
	for (; mshv_get_stats(device, &stats) == 0; stats.index++) {
		json_builder_begin_object(builder);
		for (uint32_t i = 0; i < MIN(known, stats.count); i++)
			json_text_add_int(builder, names[i], stats.counter[i]);
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
}

static void add_partition(JsonBuilder *builder, int device,
                          const struct viridis_partition_info *info)
{
	json_builder_begin_object(builder);
	json_text_add_int(builder, "partition", info->partition_id);
	json_text_add_int(builder, "vps", info->vp_count);
	json_text_add_int(builder, "pid", info->creator_pid);
	json_text_add_int(builder, "deposited-pages", info->deposited_pages);
	json_text_add_int(builder, "in-use-pages", info->in_use_pages);
	json_text_add_int(builder, "pinned-pages", info->pinned_pages);
	add_counters(builder, device, "counters", VIRIDIS_STATS_VP, info->partition_id);
	json_builder_end_object(builder);
}

static void print_memory_json(int device, const struct viridis_info *totals,
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
		add_partition(builder, device, &partitions[i]);
	json_builder_end_array(builder);
	add_counters(builder, device, "root", VIRIDIS_STATS_VP, HV_PARTITION_ID_SELF);
	add_counters(builder, device, "cpus", VIRIDIS_STATS_CPU, 0);
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

	if (result < 0)
		command_mshv_error(&error, -result);
	else if (command_json())
		print_memory_json(device, &totals, partitions);
	else
		print_memory(&totals, partitions);
	if (device >= 0)
		close(device);
	return error ? command_fail(error) : COMMAND_DONE;
}

/* ---- Of a VM ---- */

static void print_totals(JsonObject *answer)
{
	g_autoptr(GList) names = json_object_get_members(answer);
	gint64 value;

	for (const GList *name = names; name; name = name->next)
		if (json_text_get_int(json_object_get_member(answer, name->data), &value))
			g_print("%-22s %16" G_GINT64_FORMAT "\n",
			        (const char *)name->data, value);
}

/* Right-aligned; numbers, words and truths alike. */
static void print_value(JsonNode *node)
{
	const char *text = "-";
	gboolean truth;
	gint64 value;

	if (node && json_text_get_int(node, &value)) {
		g_print(" %16" G_GINT64_FORMAT, value);
		return;
	}
	if (node && json_text_get_boolean(node, &truth))
		text = truth ? "yes" : "no";
	else if (node)
		(void)json_text_get_string(node, &text);
	g_print(" %16s", text);
}

/* The member of that name of each VP or disk. */
static void print_row(JsonArray *columns, const char *name)
{
	g_print("%-22s", name);
	for (guint i = 0; i < json_array_get_length(columns); i++) {
		JsonNode *element = json_array_get_element(columns, i);

		print_value(JSON_NODE_HOLDS_OBJECT(element) ?
		                    json_object_get_member(json_node_get_object(element),
		                                           name) :
		                    NULL);
	}
	g_print("\n");
}

static void print_table(JsonObject *object, const char *member)
{
	JsonNode *node = json_object_get_member(object, member);
	JsonArray *columns =
		node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	JsonNode *first = columns && json_array_get_length(columns) ?
	                          json_array_get_element(columns, 0) :
	                          NULL;
	g_autoptr(GList) names = NULL;

	if (!first || !JSON_NODE_HOLDS_OBJECT(first))
		return;
	names = json_object_get_members(json_node_get_object(first));
	for (const GList *name = names; name; name = name->next)
		print_row(columns, name->data);
}

/* Each service of the utility provider: a line for each of its values. */
static void print_services(JsonObject *services)
{
	JsonObjectIter service, value;
	const char *name, *what;
	JsonNode *node, *element;

	json_object_iter_init_ordered(&service, services);
	while (json_object_iter_next_ordered(&service, &name, &node)) {
		if (!JSON_NODE_HOLDS_OBJECT(node))
			continue;
		json_object_iter_init_ordered(&value, json_node_get_object(node));
		while (json_object_iter_next_ordered(&value, &what, &element)) {
			g_autofree char *label = g_strdup_printf("%s %s", name, what);

			g_print("%-22s", label);
			print_value(element);
			g_print("\n");
		}
	}
}

static JsonObject *object_of(JsonObject *answer, const char *member)
{
	JsonNode *node = json_object_get_member(answer, member);

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static void print_all(JsonObject *answer)
{
	JsonObject *storage = object_of(answer, "storage");
	JsonObject *services = object_of(answer, "util");

	print_totals(answer);
	print_table(answer, "vps");
	if (storage) {
		g_print("\n");
		print_totals(storage);
		print_table(storage, "disks");
	}
	for (guint i = 0; i < DEFINITION_NETS_MAX; i++) {
		g_autofree char *name = g_strdup_printf("net%u", i);
		JsonObject *net = object_of(answer, name);

		if (!net)
			continue;
		g_print("\n%s\n", name);
		print_totals(net);
	}
	if (services) {
		g_print("\n");
		print_services(services);
	}
}

/* What a VM that does not run had counted when it ended; NULL: it runs, or nothing is known. */
static JsonObject *last_stats(const char *name)
{
	g_autofree char *path = paths_of(name, PATH_STATS);
	g_autofree char *text = NULL;
	JsonObject *stats;
	pid_t holder;
	gsize length;

	if (!definition_name_valid(name, NULL) || !state_holder(name, &holder, NULL) ||
	    holder || !g_file_get_contents(path, &text, &length, NULL))
		return NULL;
	stats = json_text_parse(text, length, CLIENT_ANSWER_BYTES_MAX, NULL);
	if (stats)
		json_object_set_boolean_member(stats, "ended", TRUE);
	return stats;
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

	if (!command_parse(&arguments, &name, &status))
		return status;
	if (!name)
		return memory();
	answer = client_ask(name, CONTROL_STATS, &error);
	if (!answer)
		answer = last_stats(name);
	if (!answer)
		return command_fail(error);
	if (command_json()) {
		root = json_node_new(JSON_NODE_OBJECT);
		json_node_set_object(root, answer);
		text = json_to_string(root, TRUE);
		g_print("%s\n", text);
		return COMMAND_DONE;
	}
	if (json_object_has_member(answer, "ended"))
		g_print("%s has ended; then it was:\n", name);
	print_all(answer);
	return COMMAND_DONE;
}
