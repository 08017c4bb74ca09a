/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status and statistics as JSON lines. Counters come from the hypervisor by their ABI names. */
#include "root-partition/vm/vm_status.h"

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/config/json_text.h"
#include "root-partition/config/size_text.h"
#include "root-partition/vmbusd/vmbusd.h"

static char *finish(const json_t *object)
{
	g_autofree char *text = json_text_format(object, FALSE);

	return g_strconcat(text, "\n", NULL);
}

char *vm_status_json(struct machine *machine, pid_t keeper)
{
	const struct definition *definition = machine->definition;
	const char *pty = serial_pty_path(machine->serial);
	g_autofree char *panic = panic_reason(machine);
	g_autofree char *memory = size_text_format(definition->memory_bytes);
	g_autoptr(json_t) object = json_object();

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_string(object, "name", definition->name);
	json_text_add_string(object, "state",
	                     machine->paused ? "paused" :
	                     panic           ? "panicked" :
	                                       "running");
	json_text_add_int(object, "pid", (guint64)keeper);
	json_text_add_int(object, "partition", machine->partition.id);
	json_text_add_int(object, "vps", definition->vps);
	json_text_add_string(object, "memory", memory);
	json_text_add_string(object, "console", pty ? pty : definition->serial);
	vmbus_add_providers(machine->vmbus, object);
	vmbus_add_lost_disks(machine->vmbus, object);
	panic_add(machine, object);
	return finish(object);
}

/* What of the root's memory this partition holds. */
static void add_memory(json_t *object, const struct machine *machine)
{
	struct keeper_pool pool;

	if (!keeper_client_pool(machine->keeper, &pool))
		return;
	json_text_add_int(object, "deposited-pages", pool.deposited_pages);
	json_text_add_int(object, "in-use-pages", pool.in_use_pages);
	json_text_add_int(object, "pinned-pages", pool.pinned_pages);
}

/* A weight for the scheduler, and how many of the ticks that counters count are a second; 0: not to be known. */
static uint64_t property_of(const struct machine *machine, uint32_t code)
{
	uint64_t value = 0;

	return mshv_get_property(&machine->partition, code, &value) == 0 ? value : 0;
}

/* What its VP took of CPUs. */
static void add_time(json_t *object, const struct viridis_get_stats *stats, uint64_t hz)
{
	double ticks = (double)(stats->counter[VIRIDIS_VP_STAT_GUEST_TICKS] +
	                        stats->counter[VIRIDIS_VP_STAT_HYPERVISOR_TICKS]);

	if (hz && stats->count > VIRIDIS_VP_STAT_HYPERVISOR_TICKS)
		json_text_add_int(object, "time-ns",
		                  (uint64_t)(ticks * 1e9 / (double)hz));
}

static void add_vp(json_t *vps, const struct machine *machine, uint32_t index,
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
	json_t *entry;

	if (mshv_get_stats(machine->partition.fd, &stats) != 0)
		return;
	entry = json_text_append_object(vps);
	json_text_add_int(entry, "vp", index);
	add_time(entry, &stats, hz);
	for (uint32_t i = 0; i < MIN(stats.count, G_N_ELEMENTS(names)); i++)
		json_text_add_int(entry, names[i], stats.counter[i]);
}

char *vm_stats_json(const struct machine *machine, json_t *providers)
{
	uint64_t hz = property_of(machine, HV_PROPERTY_PROCESSOR_CLOCK_FREQUENCY);
	g_autoptr(json_t) object = json_object();
	json_t *vps;

	json_text_add_boolean(object, "ok", TRUE);
	add_memory(object, machine);
	json_text_add_int(object, "weight", property_of(machine, HV_PROPERTY_CPU_WEIGHT));
	vps = json_text_add_array(object, "vps");
	for (uint32_t i = 0; i < machine->vp_count; i++)
		add_vp(vps, machine, i, hz);
	(void)json_object_update(object, providers);
	return finish(object);
}
