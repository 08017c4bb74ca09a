/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status and statistics as JSON lines. Counters come from the hypervisor by their ABI names. */
#include "root-partition/vm/vm_status.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/config/json_text.h"
#include "root-partition/vmbusd/vmbusd.h"

static char *finish(JsonBuilder *builder)
{
	g_autofree char *text = NULL;

	json_builder_end_object(builder);
	text = json_text_finish(builder, FALSE);
	return g_strconcat(text, "\n", NULL);
}

char *vm_status_json(struct machine *machine, pid_t keeper)
{
	const struct definition *definition = machine->definition;
	const char *pty = serial_pty_path(machine->serial);
	g_autofree char *panic = panic_reason(machine);
	g_autofree char *memory = definition_format_size(definition->memory_bytes);
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", TRUE);
	json_text_add_string(builder, "name", definition->name);
	json_text_add_string(builder, "state",
	                     machine->paused ? "paused" :
	                     panic           ? "panicked" :
	                                       "running");
	json_text_add_int(builder, "pid", (guint64)keeper);
	json_text_add_int(builder, "partition", machine->partition.id);
	json_text_add_int(builder, "vps", definition->vps);
	json_text_add_string(builder, "memory", memory);
	json_text_add_string(builder, "console", pty ? pty : definition->serial);
	vmbus_add_providers(machine->vmbus, builder);
	vmbus_add_lost_disks(machine->vmbus, builder);
	panic_add(machine, builder);
	return finish(builder);
}

/* What of the root's memory this partition holds. */
static void add_memory(JsonBuilder *builder, const struct machine *machine)
{
	struct keeper_pool pool;

	if (!keeper_client_pool(machine->keeper, &pool))
		return;
	json_text_add_int(builder, "deposited-pages", pool.deposited_pages);
	json_text_add_int(builder, "in-use-pages", pool.in_use_pages);
	json_text_add_int(builder, "pinned-pages", pool.pinned_pages);
}

/* A weight for the scheduler, and how many of the ticks that counters count are a second; 0: not to be known. */
static uint64_t property_of(const struct machine *machine, uint32_t code)
{
	uint64_t value = 0;

	return mshv_get_property(&machine->partition, code, &value) == 0 ? value : 0;
}

/* What its VP took of CPUs. */
static void add_time(JsonBuilder *builder, const struct viridis_get_stats *stats,
                     uint64_t hz)
{
	double ticks = (double)(stats->counter[VIRIDIS_VP_STAT_GUEST_TICKS] +
	                        stats->counter[VIRIDIS_VP_STAT_HYPERVISOR_TICKS]);

	if (hz && stats->count > VIRIDIS_VP_STAT_HYPERVISOR_TICKS)
		json_text_add_int(builder, "time-ns",
		                  (uint64_t)(ticks * 1e9 / (double)hz));
}

static void add_vp(JsonBuilder *builder, const struct machine *machine, uint32_t index,
                   uint64_t hz)
{
#define STAT_NAME(id, name) name,
	static const char *const names[] = { VIRIDIS_VP_STATS(STAT_NAME) };
#undef STAT_NAME
	struct viridis_get_stats stats = {
		.partition_id = machine->partition.id,
		.object = VIRIDIS_STATS_VP,
		.index = index,
	};

	if (mshv_get_stats(machine->partition.fd, &stats) != 0)
		return;
	json_builder_begin_object(builder);
	json_text_add_int(builder, "vp", index);
	add_time(builder, &stats, hz);
	for (uint32_t i = 0; i < MIN(stats.count, G_N_ELEMENTS(names)); i++)
		json_text_add_int(builder, names[i], stats.counter[i]);
	json_builder_end_object(builder);
}

/* Each provider's counters, by its name. */
static void add_providers(JsonBuilder *builder, JsonObject *providers)
{
	JsonObjectIter iter;
	const char *name;
	JsonNode *node;

	json_object_iter_init_ordered(&iter, providers);
	while (json_object_iter_next_ordered(&iter, &name, &node)) {
		json_builder_set_member_name(builder, name);
		json_builder_add_value(builder, json_node_copy(node));
	}
}

char *vm_stats_json(const struct machine *machine, JsonObject *providers)
{
	uint64_t hz = property_of(machine, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY);
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", TRUE);
	add_memory(builder, machine);
	json_text_add_int(builder, "weight",
	                  property_of(machine, HV_PROPERTY_CPU_WEIGHT));
	json_builder_set_member_name(builder, "vps");
	json_builder_begin_array(builder);
	for (uint32_t i = 0; i < machine->vp_count; i++)
		add_vp(builder, machine, i, hz);
	json_builder_end_array(builder);
	add_providers(builder, providers);
	return finish(builder);
}
