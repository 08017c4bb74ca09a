/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis trace: the newest records of the hypervisor's trace rings, all CPUs' in order of time. Times
 * are TSC ticks, with the distance from the line before. With --io, a VM's requests, hop by hop.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <viridis/abi/viridis_trace.h>
#include <viridis/base/bits.h>

#include "root-partition/cli/command.h"
#include "root-partition/cli/trace_io.h"
#include "root-partition/cli/trace_root.h"
#include "root-partition/client/client.h"
#include "root-partition/libmshv/mshv.h"
#include "root-partition/config/definition.h"

/*
 * Less than what one call can give: a read that comes back short has seen the ring's end. Reading makes
 * records too, and a busy CPU more than can be read: after as many as any ring keeps it is enough.
 */
#define BATCH       120u
#define BATCHES_MAX 64u

static int only_cpu; /* G_MAXINT: of all */
static int newest;   /* G_MAXINT: all there are */
static char *io_of;

/* For requests of a VM: how long to wait for the first, and how often to look. */
#define IO_WAIT_US  (10 * G_USEC_PER_SEC)
#define IO_POLL_US  50000
#define IO_REQUESTS 20

static const GOptionEntry entries[] = {
	{ "cpu", 0, 0, G_OPTION_ARG_INT, &only_cpu, "Of this CPU alone", "N" },
	{ "count", 0, 0, G_OPTION_ARG_INT, &newest,
	  "The newest N records (all), or requests (20)", "N" },
	{ "io", 0, 0, G_OPTION_ARG_STRING, &io_of, "Requests of this VM, hop by hop",
	  "NAME" },
	G_OPTION_ENTRY_NULL,
};

struct kind {
	const char *name, *a, *b;
};

#define KIND(id, name, a, b) [VIRIDIS_TRACE_##id] = { name, a, b },
static const struct kind kinds[] = { VIRIDIS_TRACE_KINDS(KIND) };
#undef KIND

/* The usual ones. APM2 appendix C */
static const struct {
	uint32_t code;
	const char *name;
} exit_names[] = {
	{ 0x18, "cr8-write" }, { 0x60, "interrupt" }, { 0x61, "nmi" },
	{ 0x72, "cpuid" },     { 0x74, "iret" },      { 0x78, "hlt" },
	{ 0x7b, "io" },        { 0x7c, "msr" },       { 0x7f, "shutdown" },
	{ 0x81, "vmmcall" },   { 0x8d, "xsetbv" },    { 0x400, "nested-fault" },
};

static gint by_time(gconstpointer left, gconstpointer right)
{
	const struct viridis_trace_record *l = left, *r = right;

	return (l->tsc > r->tsc) - (l->tsc < r->tsc);
}

/* Appends what there is. False: there is no such CPU, or the device refuses (`*error_number`). */
static gboolean read_cpu(int device, unsigned int cpu, GArray *records, int *error_number)
{
	struct viridis_trace_record batch[BATCH];
	uint64_t sequence = 0;
	uint32_t lost;

	for (unsigned int batches = 0; batches < BATCHES_MAX; batches++) {
		int got = mshv_read_trace(device, cpu, &sequence, batch, BATCH, &lost);

		if (got < 0) {
			*error_number = -got;
			return FALSE;
		}
		g_array_append_vals(records, batch, (guint)got);
		if (got < (int)BATCH)
			break;
	}
	return TRUE;
}

static gboolean fail(GError **error, const char *what, int number)
{
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s", what,
	            g_strerror(number));
	return FALSE;
}

static gboolean read_all(GArray *records, GError **error)
{
	int device = mshv_open();
	int number = 0;
	gboolean good;

	if (device < 0) {
		command_mshv_error(error, -device);
		return FALSE;
	}
	if (only_cpu < G_MAXINT) {
		good = read_cpu(device, (unsigned int)only_cpu, records, &number);
	} else {
		unsigned int cpu = 0;

		while (read_cpu(device, cpu, records, &number))
			cpu++;
		good = cpu > 0;
	}
	close(device);
	if (good)
		return TRUE;
	if (number == EINVAL && only_cpu < G_MAXINT) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "the hypervisor runs no CPU %d", only_cpu);
		return FALSE;
	}
	return fail(error, "the trace", number);
}

static const struct kind *kind_of(const struct viridis_trace_record *record)
{
	static const struct kind unknown = { "unknown", "a", "b" };

	return record->kind < ARRAY_COUNT(kinds) ? &kinds[record->kind] : &unknown;
}

static const char *exit_name(uint64_t code)
{
	for (gsize i = 0; i < G_N_ELEMENTS(exit_names); i++)
		if (exit_names[i].code == code)
			return exit_names[i].name;
	return NULL;
}

static void print_word(const char *meaning, uint64_t value)
{
	if (meaning[0])
		g_print("  %s %#" G_GINT64_MODIFIER "x", meaning, value);
}

static void print_record(const struct viridis_trace_record *record, uint64_t previous)
{
	const struct kind *kind = kind_of(record);
	const char *name = record->kind == VIRIDIS_TRACE_EXIT ? exit_name(record->a) :
	                                                        NULL;
	g_autofree char *vp =
		record->vp == UINT16_MAX ?
			g_strdup("-") :
			g_strdup_printf("p%u.%u", record->partition, record->vp);

	g_print("%16" G_GUINT64_FORMAT " %+9" G_GINT64_FORMAT " cpu%-2u %-6s %-12s",
	        record->tsc, previous ? (gint64)(record->tsc - previous) : (gint64)0,
	        record->cpu, vp, kind->name);
	if (name)
		g_print("  %s", name);
	else
		print_word(kind->a, record->a);
	print_word(kind->b, record->b);
	g_print("\n");
}

static void print_table(const GArray *records, guint first)
{
	uint64_t previous = 0;

	for (guint i = first; i < records->len; i++) {
		const struct viridis_trace_record *record =
			&g_array_index(records, struct viridis_trace_record, i);

		print_record(record, previous);
		previous = record->tsc;
	}
}

/* As text: many are addresses, and JSON's integers end at 63 bits. */
static void add_word(json_t *object, const char *name, uint64_t value)
{
	g_autofree char *text = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);

	json_text_add_string(object, name, text);
}

static void print_json(const GArray *records, guint first)
{
	g_autoptr(json_t) object = json_object();
	json_t *list;

	json_text_add_boolean(object, "ok", TRUE);
	list = json_text_add_array(object, "records");
	for (guint i = first; i < records->len; i++) {
		const struct viridis_trace_record *record =
			&g_array_index(records, struct viridis_trace_record, i);
		json_t *entry = json_text_append_object(list);

		json_text_add_int(entry, "tsc", record->tsc);
		json_text_add_int(entry, "cpu", record->cpu);
		json_text_add_int(entry, "partition", record->partition);
		json_text_add_int(entry, "vp", record->vp);
		json_text_add_string(entry, "kind", kind_of(record)->name);
		add_word(entry, "a", record->a);
		add_word(entry, "b", record->b);
	}
	command_print_json(object);
}

/* ---- --io ---- */

static const struct {
	const char *head, *member;
} io_columns[TRACE_HOPS] = {
	{ "to root's flag", "root-flag" },
	{ "root runs", "root-runs" },
	{ "provider runs", "provider-runs" },
	{ "backend asked", "backend-asked" },
	{ "backend done", "backend-done" },
	{ "root's signal", "root-signal" },
	{ "guest's flag", "guest-flag" },
	{ "guest runs", "guest-runs" },
	{ "total", "total" },
};

/* What the hop before that column's end lasted, the last column's: all of them. 0: it was not seen. */
static uint64_t io_ticks(const struct trace_io *request, guint column)
{
	guint before = column;

	if (column == TRACE_HOPS - 1)
		return request->tsc[TRACE_HOPS - 1] - request->tsc[0];
	if (!request->tsc[column + 1])
		return 0;
	while (!request->tsc[before])
		before--;
	return request->tsc[column + 1] - request->tsc[before];
}

static gint by_size(gconstpointer left, gconstpointer right)
{
	const uint64_t *l = left, *r = right;

	return (*l > *r) - (*l < *r);
}

static uint64_t io_median(const struct trace_io *requests, gsize count, guint column)
{
	g_autofree uint64_t *ticks = g_new(uint64_t, count);
	gsize seen = 0;

	for (gsize i = 0; i < count; i++) {
		ticks[seen] = io_ticks(&requests[i], column);
		seen += ticks[seen] != 0;
	}
	qsort(ticks, seen, sizeof(*ticks), by_size);
	return seen ? ticks[seen / 2] : 0;
}

static void print_ticks(uint64_t ticks)
{
	if (ticks)
		g_print("  %14" G_GUINT64_FORMAT, ticks);
	else
		g_print("  %14s", "-");
}

static void print_io_table(const struct trace_io *requests, gsize count)
{
	g_print("%16s", "guest signals at");
	for (guint column = 0; column < TRACE_HOPS; column++)
		g_print("  %14s", io_columns[column].head);
	for (gsize i = 0; i < count; i++) {
		g_print("\n%16" G_GUINT64_FORMAT, requests[i].tsc[0]);
		for (guint column = 0; column < TRACE_HOPS; column++)
			print_ticks(io_ticks(&requests[i], column));
	}
	g_print("\n%16s", "median");
	for (guint column = 0; column < TRACE_HOPS; column++)
		print_ticks(io_median(requests, count, column));
	g_print("\n");
}

static void print_io_json(const struct trace_io *requests, gsize count)
{
	g_autoptr(json_t) object = json_object();
	json_t *list;

	json_text_add_boolean(object, "ok", TRUE);
	list = json_text_add_array(object, "requests");
	for (gsize i = 0; i < count; i++) {
		json_t *entry = json_text_append_object(list);

		json_text_add_int(entry, "tsc", requests[i].tsc[0]);
		for (guint column = 0; column < TRACE_HOPS; column++)
			if (io_ticks(&requests[i], column))
				json_text_add_int(entry, io_columns[column].member,
				                  io_ticks(&requests[i], column));
	}
	command_print_json(object);
}

/* Of a VM that runs: its partition as records name it, by the place in its id, without how many had that before. */
static gboolean io_partition(uint32_t *partition, pid_t *keeper, GError **error)
{
	g_autoptr(json_t) status = client_ask(io_of, CONTROL_STATUS, error);
	gint64 id = 0, pid = 0;

	if (!status)
		return FALSE;
	(void)json_text_get_int(json_object_get(status, "partition"), &id);
	(void)json_text_get_int(json_object_get(status, "pid"), &pid);
	*partition = id & UINT16_MAX;
	*keeper = (pid_t)pid;
	if (*partition)
		return TRUE;
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s has no partition",
	            io_of);
	return FALSE;
}

/* Waits for the first request: tracing may begin only now. */
static gboolean io_find(GArray *records, struct trace_io *found, gsize most, gsize *count,
                        GError **error)
{
	const gint64 deadline = g_get_monotonic_time() + IO_WAIT_US;
	g_autoptr(trace_root_pointer) root = NULL;
	g_autofree char *why = NULL;
	uint32_t partition;
	pid_t keeper;

	if (!io_partition(&partition, &keeper, error))
		return FALSE;
	root = trace_root_begin(keeper, &why);
	if (!root)
		g_printerr("viridis: without the provider's hops: %s\n", why);
	for (;;) {
		g_usleep(IO_POLL_US);
		g_array_set_size(records, 0);
		if (!read_all(records, error))
			return FALSE;
		if (root)
			trace_root_read(root, records);
		g_array_sort(records, by_time);
		*count = trace_io_find(
			(const struct viridis_trace_record *)(void *)records->data,
			records->len, partition, found, most);
		if (*count)
			return TRUE;
		if (g_get_monotonic_time() > deadline)
			break;
	}
	g_set_error(
		error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		"%s made no request within %d s; let it use a disk or a network meanwhile",
		io_of, (int)(IO_WAIT_US / G_USEC_PER_SEC));
	return FALSE;
}

static enum command_status trace_requests(GArray *records)
{
	const gsize most = newest == G_MAXINT ? IO_REQUESTS : (gsize)newest;
	g_autofree struct trace_io *found = NULL;
	g_autoptr(GError) error = NULL;
	gsize count = 0;

	found = g_new(struct trace_io, MIN(most, VIRIDIS_TRACE_RECORDS));
	if (!io_find(records, found, MIN(most, VIRIDIS_TRACE_RECORDS), &count, &error))
		return command_fail(error);
	if (command_json())
		print_io_json(found, count);
	else
		print_io_table(found, count);
	return COMMAND_DONE;
}

enum command_status command_trace(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, entries, 0, FALSE };
	g_autoptr(GArray)
		records = g_array_new(FALSE, FALSE, sizeof(struct viridis_trace_record));
	g_autoptr(GError) error = NULL;
	enum command_status status;
	guint first = 0;

	only_cpu = G_MAXINT;
	newest = G_MAXINT;
	g_clear_pointer(&io_of, g_free);
	if (!command_parse(&arguments, NULL, &status))
		return status;
	if (!command_check_number("--cpu", only_cpu, 0, G_MAXINT, &error) ||
	    !command_check_number("--count", newest, 1, G_MAXINT, &error))
		return command_fail(error);
	if (io_of)
		return trace_requests(records);
	if (!read_all(records, &error))
		return command_fail(error);
	g_array_sort(records, by_time);
	if (records->len > (guint)newest)
		first = records->len - (guint)newest;
	if (command_json())
		print_json(records, first);
	else
		print_table(records, first);
	return COMMAND_DONE;
}
