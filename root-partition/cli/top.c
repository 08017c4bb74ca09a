/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis top: who has the processors, and what each partition does, a table every interval. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <viridis/abi/viridis_stats.h>

#include "root-partition/cli/command.h"
#include "root-partition/cli/top_io.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/store.h"
#include "root-partition/libmshv/mshv.h"

#define PARTITIONS_MAX 1024u
#define WORDS_BYTES    (64u << 10)

static double interval_s = 1;
static int count = G_MAXINT; /* until Ctrl-C */

static const GOptionEntry entries[] = {
	{ "interval", 0, 0, G_OPTION_ARG_DOUBLE, &interval_s, "Between two tables (1)",
	  "SECONDS" },
	{ "count", 0, 0, G_OPTION_ARG_INT, &count, "So many tables (until Ctrl-C)", "N" },
	G_OPTION_ENTRY_NULL,
};

/* Of one partition, all its VPs together. */
struct row {
	uint64_t partition_id; /* HV_PARTITION_ID_SELF: the root */
	uint32_t pid, vps;
	uint64_t counter[VIRIDIS_VP_STAT_COUNT];
	char *vm; /* NULL: it is no VM of this host, or its worker does not answer */
	struct top_io io;
};

struct sample {
	gint64 time_us;
	uint32_t cpus;
	uint64_t cpu[VIRIDIS_CPU_STAT_COUNT];
	GArray *rows; /* struct row, the root first */
};

/* ---- Looking ---- */

/* Adds up the counters of all VPs or CPUs; answers how many there are. */
static uint32_t add_up(int device, enum viridis_stats_object object,
                       uint64_t partition_id, uint64_t *totals, uint32_t known)
{
	struct viridis_get_stats stats = { .partition_id = partition_id,
		                           .object = object };

	for (; mshv_get_stats(device, &stats) == 0; stats.index++)
		for (uint32_t i = 0; i < MIN(known, stats.count); i++)
			totals[i] += stats.counter[i];
	return stats.index;
}

static void clear_row(gpointer row)
{
	g_free(((struct row *)row)->vm);
}

static void add_row(struct sample *sample, int device, uint64_t partition_id,
                    uint32_t pid)
{
	struct row row = { .partition_id = partition_id, .pid = pid };

	row.vps = add_up(device, VIRIDIS_STATS_VP, partition_id, row.counter,
	                 VIRIDIS_VP_STAT_COUNT);
	g_array_append_val(sample->rows, row);
}

static struct row *row_of(const struct sample *sample, uint64_t partition_id)
{
	for (guint i = 0; i < sample->rows->len; i++) {
		struct row *row = &g_array_index(sample->rows, struct row, i);

		if (row->partition_id == partition_id)
			return row;
	}
	return NULL;
}

/* Gives each VM's row its name and I/O. One that does not run, or does not answer, is not told of. */
static void look_at_vms(const struct sample *sample)
{
	g_autoptr(GPtrArray) names = store_list(NULL);

	for (guint i = 0; names && i < names->len; i++) {
		struct top_io io = { 0 };
		uint64_t partition_id;
		struct row *row;

		if (!top_io_ask(names->pdata[i], &partition_id, &io))
			continue;
		row = row_of(sample, partition_id);
		if (!row || row->vm)
			continue;
		row->vm = g_strdup(names->pdata[i]);
		row->io = io;
	}
}

static int look(int device, struct sample *sample)
{
	g_autofree struct viridis_partition_info *infos =
		g_new0(struct viridis_partition_info, PARTITIONS_MAX);
	uint32_t partitions = PARTITIONS_MAX;
	int result = mshv_info(device, infos, &partitions, NULL);

	if (result < 0)
		return result;
	memset(sample->cpu, 0, sizeof(sample->cpu));
	g_array_set_size(sample->rows, 0);
	sample->time_us = g_get_monotonic_time();
	sample->cpus =
		add_up(device, VIRIDIS_STATS_CPU, 0, sample->cpu, VIRIDIS_CPU_STAT_COUNT);
	add_row(sample, device, HV_PARTITION_ID_SELF, 0);
	for (uint32_t i = 0; i < MIN(partitions, PARTITIONS_MAX); i++)
		add_row(sample, device, infos[i].partition_id, infos[i].creator_pid);
	look_at_vms(sample);
	return 0;
}

/* What it had counted before; nothing of one that is new. */
static uint64_t before(const struct sample *old, const struct row *row, uint32_t counter)
{
	const struct row *other = row_of(old, row->partition_id);

	return other ? other->counter[counter] : 0;
}

/* The same of its I/O. A provider that came back began to count anew. */
static struct top_io io_since(const struct sample *old, const struct row *row)
{
	const struct row *other = row_of(old, row->partition_id);
	struct top_io io = row->io;

	if (other && other->vm && other->io.disk_requests <= io.disk_requests &&
	    other->io.net_frames <= io.net_frames) {
		io.disk_requests -= other->io.disk_requests;
		io.disk_bytes -= other->io.disk_bytes;
		io.net_frames -= other->io.net_frames;
		io.net_bytes -= other->io.net_bytes;
	}
	return io;
}

/* ---- Names ---- */

/* A VM's own, which is its worker's last word too; else the program that made the partition. */
static char *name_of(const struct row *row)
{
	g_autofree char *path = g_strdup_printf("/proc/%u/cmdline", row->pid);
	g_autofree char *words = NULL;
	g_autofree char *program = NULL;
	const char *last = "";
	gsize bytes;

	if (row->partition_id == HV_PARTITION_ID_SELF)
		return g_strdup("root");
	if (row->vm)
		return g_strdup(row->vm);
	if (!g_file_get_contents(path, &words, &bytes, NULL) || bytes < 2 ||
	    bytes > WORDS_BYTES)
		return g_strdup("-");
	program = g_path_get_basename(words);
	if (strcmp(program, "viridis-vm") != 0)
		return g_steal_pointer(&program);
	for (const char *word = words; word < words + bytes; word += strlen(word) + 1)
		last = word;
	return g_strdup(last);
}

/* ---- Telling ---- */

static const struct column {
	const char *head;
	uint32_t counter;
} columns[] = {
	{ "exits/s", VIRIDIS_VP_STAT_ENTRIES },
	{ "hypercalls/s", VIRIDIS_VP_STAT_EXIT_HYPERCALL },
	{ "intercepts/s", VIRIDIS_VP_STAT_INTERCEPTS },
	{ "interrupts/s", VIRIDIS_VP_STAT_INTERRUPTS_INJECTED },
	{ "signals/s", VIRIDIS_VP_STAT_EVENTS_SIGNALED },
	{ "switches/s", VIRIDIS_VP_STAT_DISPATCHES },
};

/* What the times of a sample are measured by: all ticks of all CPUs since the old one, in hundredths of one CPU. */
static double ticks_per_cent(const struct sample *old, const struct sample *new)
{
	static const uint32_t parts[] = { VIRIDIS_CPU_STAT_IDLE_TICKS,
		                          VIRIDIS_CPU_STAT_GUEST_TICKS,
		                          VIRIDIS_CPU_STAT_HYPERVISOR_TICKS };
	uint64_t ticks = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
		ticks += new->cpu[parts[i]] - old->cpu[parts[i]];
	return ticks && new->cpus ? (double)ticks / new->cpus / 100 : 1;
}

static double cpu_share(const struct sample *old, const struct sample *new,
                        uint32_t counter)
{
	return (double)(new->cpu[counter] - old->cpu[counter]) / ticks_per_cent(old, new);
}

static double row_rate(const struct sample *old, const struct sample *new,
                       const struct row *row, uint32_t counter)
{
	double seconds = (double)(new->time_us - old->time_us) / G_USEC_PER_SEC;

	return (double)(row->counter[counter] - before(old, row, counter)) / seconds;
}

static double row_share(const struct sample *old, const struct sample *new,
                        const struct row *row)
{
	return (double)(row->counter[VIRIDIS_VP_STAT_GUEST_TICKS] -
	                before(old, row, VIRIDIS_VP_STAT_GUEST_TICKS)) /
	       ticks_per_cent(old, new);
}

/* By the second: requests and bytes of disks, frames and bytes of networks. */
static const struct {
	const char *head, *member;
	double unit;
} io_columns[] = {
	{ "disk/s", "disk-requests/s", 1 },
	{ "MB/s", "disk-bytes/s", 1e6 },
	{ "net/s", "net-frames/s", 1 },
	{ "MB/s", "net-bytes/s", 1e6 },
};

static void io_rates(const struct sample *old, const struct sample *new,
                     const struct row *row, double rates[G_N_ELEMENTS(io_columns)])
{
	double seconds = (double)(new->time_us - old->time_us) / G_USEC_PER_SEC;
	const struct top_io io = io_since(old, row);
	const uint64_t values[] = { io.disk_requests, io.disk_bytes, io.net_frames,
		                    io.net_bytes };

	for (gsize i = 0; i < G_N_ELEMENTS(io_columns); i++)
		rates[i] = (double)values[i] / seconds;
}

static void print_io(const struct sample *old, const struct sample *new,
                     const struct row *row)
{
	double rates[G_N_ELEMENTS(io_columns)];

	io_rates(old, new, row, rates);
	for (gsize i = 0; i < G_N_ELEMENTS(io_columns); i++) {
		if (row->vm)
			g_print(" %9.*f", io_columns[i].unit > 1 ? 1 : 0,
			        rates[i] / io_columns[i].unit);
		else
			g_print(" %9s", "-");
	}
}

static void print_table(const struct sample *old, const struct sample *new)
{
	/* Not by g_print(), which lets no orders through to a terminal. */
	if (isatty(STDOUT_FILENO))
		(void)fputs("\033[H\033[J", stdout);
	g_print("%u CPU(s): %.1f %% hypervisor, %.1f %% idle, of one\n%-16s %4s %8s %7s",
	        new->cpus, cpu_share(old, new, VIRIDIS_CPU_STAT_HYPERVISOR_TICKS),
	        cpu_share(old, new, VIRIDIS_CPU_STAT_IDLE_TICKS), "NAME", "VPS", "PID",
	        "CPU %");
	for (gsize c = 0; c < G_N_ELEMENTS(columns); c++)
		g_print(" %13s", columns[c].head);
	for (gsize i = 0; i < G_N_ELEMENTS(io_columns); i++)
		g_print(" %9s", io_columns[i].head);
	g_print("\n");
	for (guint i = 0; i < new->rows->len; i++) {
		const struct row *row = &g_array_index(new->rows, struct row, i);
		g_autofree char *name = name_of(row);

		g_print("%-16s %4u %8u %7.1f", name, row->vps, row->pid,
		        row_share(old, new, row));
		for (gsize c = 0; c < G_N_ELEMENTS(columns); c++)
			g_print(" %13.0f", row_rate(old, new, row, columns[c].counter));
		print_io(old, new, row);
		g_print("\n");
	}
}

static void add_double(json_t *object, const char *name, double value)
{
	(void)json_object_set_new(object, name, json_real(value));
}

static void add_io_rates(json_t *object, const struct sample *old,
                         const struct sample *new, const struct row *row)
{
	double rates[G_N_ELEMENTS(io_columns)];

	if (!row->vm)
		return;
	io_rates(old, new, row, rates);
	for (gsize i = 0; i < G_N_ELEMENTS(io_columns); i++)
		add_double(object, io_columns[i].member, rates[i]);
}

static void print_json(const struct sample *old, const struct sample *new)
{
	g_autoptr(json_t) object = json_object();
	json_t *partitions;

	json_text_add_boolean(object, "ok", TRUE);
	json_text_add_int(object, "cpus", new->cpus);
	add_double(object, "hypervisor-percent",
	           cpu_share(old, new, VIRIDIS_CPU_STAT_HYPERVISOR_TICKS));
	add_double(object, "idle-percent",
	           cpu_share(old, new, VIRIDIS_CPU_STAT_IDLE_TICKS));
	partitions = json_text_add_array(object, "partitions");
	for (guint i = 0; i < new->rows->len; i++) {
		const struct row *row = &g_array_index(new->rows, struct row, i);
		g_autofree char *name = name_of(row);
		json_t *entry = json_text_append_object(partitions);

		json_text_add_string(entry, "name", name);
		json_text_add_int(entry, "vps", row->vps);
		json_text_add_int(entry, "pid", row->pid);
		add_double(entry, "percent", row_share(old, new, row));
		for (gsize c = 0; c < G_N_ELEMENTS(columns); c++)
			add_double(entry, columns[c].head,
			           row_rate(old, new, row, columns[c].counter));
		add_io_rates(entry, old, new, row);
	}
	command_print_json(object);
}

/* ---- The command ---- */

static int watch(int device, struct sample samples[2])
{
	int result = look(device, &samples[0]);

	/* Until nobody reads any more, too. */
	for (int i = 1;
	     result == 0 && !ferror(stdout) && (count == G_MAXINT || i <= count); i++) {
		struct sample *old = &samples[(i - 1) % 2], *new = &samples[i % 2];

		g_usleep((gulong)(interval_s * G_USEC_PER_SEC));
		result = look(device, new);
		if (result == 0 && command_json())
			print_json(old, new);
		else if (result == 0)
			print_table(old, new);
	}
	return result;
}

static gboolean check(GError **error)
{
	if (interval_s >= 0.01 && interval_s <= 3600) /* a NaN is neither */
		return command_check_number("--count", count, 1, G_MAXINT, error);
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
	                    "--interval: from 0.01 to 3600 seconds");
	return FALSE;
}

static enum command_status fail_mshv(int number)
{
	g_autoptr(GError) error = NULL;

	command_mshv_error(&error, number);
	return command_fail(error);
}

enum command_status command_top(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 0, FALSE };
	struct sample samples[2] = { { 0 }, { 0 } };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	int device, result;

	if (!command_parse(&arguments, NULL, &status))
		return status;
	if (!check(&error))
		return command_fail(error);
	device = mshv_open();
	if (device < 0)
		return fail_mshv(-device);
	for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
		samples[i].rows = g_array_new(FALSE, FALSE, sizeof(struct row));
		g_array_set_clear_func(samples[i].rows, clear_row);
	}
	result = watch(device, samples);
	for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
		g_array_unref(samples[i].rows);
	close(device);
	return result < 0 ? fail_mshv(-result) : COMMAND_DONE;
}
