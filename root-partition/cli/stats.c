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
static void add_counters(json_t *partition, int device, const char *member,
                         enum viridis_stats_object object, uint64_t partition_id)
{
	bool vps = object == VIRIDIS_STATS_VP;
	const char *const *names = vps ? vp_names : cpu_names;
	uint32_t known = vps ? VIRIDIS_VP_STAT_COUNT : VIRIDIS_CPU_STAT_COUNT;
	struct viridis_get_stats stats = { .partition_id = partition_id,
		                           .object = object };
	json_t *list = json_text_add_array(partition, member);

	for (; mshv_get_stats(device, &stats) == 0; stats.index++) {
		json_t *entry = json_text_append_object(list);

		for (uint32_t i = 0; i < MIN(known, stats.count); i++)
			json_text_add_int(entry, names[i], stats.counter[i]);
	}
}

static void add_partition(json_t *list, int device,
                          const struct viridis_partition_info *info)
{
	json_t *entry = json_text_append_object(list);

	json_text_add_int(entry, "partition", info->partition_id);
	json_text_add_int(entry, "vps", info->vp_count);
	json_text_add_int(entry, "pid", info->creator_pid);
	json_text_add_int(entry, "deposited-pages", info->deposited_pages);
	json_text_add_int(entry, "in-use-pages", info->in_use_pages);
	json_text_add_int(entry, "pinned-pages", info->pinned_pages);
	add_counters(entry, device, "counters", VIRIDIS_STATS_VP, info->partition_id);
}

static void print_memory_json(int device, const struct viridis_info *totals,
                              const struct viridis_partition_info *partitions)
{
	g_autoptr(json_t) object = json_object();
	json_t *list;

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_int(object, "deposited-pages", totals->deposited_pages);
	json_text_add_int(object, "root-deposited-pages", totals->root_deposited_pages);
	json_text_add_int(object, "pinned-pages", totals->pinned_pages);
	list = json_text_add_array(object, "partitions");
	for (uint32_t i = 0; i < MIN(totals->count, PARTITIONS_MAX); i++)
		add_partition(list, device, &partitions[i]);
	add_counters(object, device, "root", VIRIDIS_STATS_VP, HV_PARTITION_ID_SELF);
	add_counters(object, device, "cpus", VIRIDIS_STATS_CPU, 0);
	command_print_json(object);
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

static void print_totals(json_t *answer)
{
	const char *name;
	json_t *value;
	gint64 number;

	json_object_foreach(answer, name, value) {
		if (json_text_get_int(value, &number))
			g_print("%-22s %16" G_GINT64_FORMAT "\n", name, number);
	}
}

/* Right-aligned; numbers, words and truths alike. */
static void print_value(const json_t *json)
{
	const char *text = "-";
	gboolean truth;
	gint64 value;

	if (json_text_get_int(json, &value)) {
		g_print(" %16" G_GINT64_FORMAT, value);
		return;
	}
	if (json_text_get_boolean(json, &truth))
		text = truth ? "yes" : "no";
	else
		(void)json_text_get_string(json, &text);
	g_print(" %16s", text);
}

/* The member of that name of each VP or disk. */
static void print_row(json_t *columns, const char *name)
{
	g_print("%-22s", name);
	for (gsize i = 0; i < json_array_size(columns); i++)
		print_value(json_object_get(json_array_get(columns, i), name));
	g_print("\n");
}

static void print_table(json_t *object, const char *member)
{
	json_t *columns = json_object_get(object, member);
	const char *name;
	json_t *value;

	json_object_foreach(json_array_get(columns, 0), name, value) {
		print_row(columns, name);
	}
}

/* Each service of the utility provider: a line for each of its values. */
static void print_services(json_t *services)
{
	const char *name, *what;
	json_t *node, *element;

	json_object_foreach(services, name, node) {
		json_object_foreach(node, what, element) {
			g_autofree char *label = g_strdup_printf("%s %s", name, what);

			g_print("%-22s", label);
			print_value(element);
			g_print("\n");
		}
	}
}

static json_t *object_of(json_t *answer, const char *member)
{
	json_t *node = json_object_get(answer, member);

	return json_is_object(node) ? node : NULL;
}

static void print_all(json_t *answer)
{
	json_t *storage = object_of(answer, "storage");
	json_t *services = object_of(answer, "util");

	print_totals(answer);
	print_table(answer, "vps");
	if (storage) {
		g_print("\n");
		print_totals(storage);
		print_table(storage, "disks");
	}
	for (guint i = 0; i < DEFINITION_NETS_MAX; i++) {
		g_autofree char *name = g_strdup_printf("net%u", i);
		json_t *net = object_of(answer, name);

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
static json_t *last_stats(const char *name)
{
	g_autofree char *path = paths_of(name, PATH_STATS);
	g_autofree char *text = NULL;
	json_t *stats;
	pid_t holder;
	gsize length;

	if (!definition_name_valid(name, NULL) || !state_holder(name, &holder, NULL) ||
	    holder || !g_file_get_contents(path, &text, &length, NULL))
		return NULL;
	stats = json_text_parse(text, length, CLIENT_ANSWER_BYTES_MAX, NULL);
	if (stats)
		json_text_add_boolean(stats, "ended", TRUE);
	return stats;
}

enum command_status command_stats(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, TRUE };
	g_autoptr(json_t) answer = NULL;
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
		command_print_json(answer);
		return COMMAND_DONE;
	}
	if (json_object_get(answer, "ended"))
		g_print("%s has ended; then it was:\n", name);
	print_all(answer);
	return COMMAND_DONE;
}
