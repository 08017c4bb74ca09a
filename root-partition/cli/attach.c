/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viridis attach, qemu-args: VMBus devices for a machine that another VMM runs. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/client/end.h"
#include "root-partition/client/worker.h"
#include "root-partition/config/disk_users.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/store.h"
#include "root-partition/libmshv/mshv.h"
#include "vmbus.hex"

#define PARTITIONS_MAX 1024u
#define COMMAND_BYTES  (64u << 10)

static char *name_wanted;
static char *memory;
static char **disks;
static char **nets;

static const GOptionEntry attach_entries[] = {
	{ "name", 0, 0, G_OPTION_ARG_STRING, &name_wanted,
	  "What it is to be called here (qemu-PID)", "NAME" },
	{ "disk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &disks, "A disk; may be repeated",
	  "FILE[,OPTION]..." },
	{ "net", 0, 0, G_OPTION_ARG_STRING_ARRAY, &nets,
	  "A network adapter: a TAP device, or a port of a bridge; may be repeated",
	  "tap=NAME|bridge=NAME[,mac=MAC][,mtu=N]" },
	G_OPTION_ENTRY_NULL,
};

static const GOptionEntry args_entries[] = {
	{ "memory", 0, 0, G_OPTION_ARG_STRING, &memory, "The machine's memory", "SIZE" },
	G_OPTION_ENTRY_NULL,
};

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	*error =
		g_error_new_valist(DEFINITION_ERROR, DEFINITION_ERROR_HOST, format, args);
	va_end(args);
	return FALSE;
}

/* ---- Which process ---- */

/* Of QEMU's -name NAME, -name NAME,option... or -name guest=NAME,option...; words end with a NUL each. */
static gboolean is_named(const char *words, gsize bytes, const char *name)
{
	const char *end = words + bytes;
	gboolean next = FALSE;

	for (const char *word = words; word < end; word += strlen(word) + 1) {
		const char *value = g_str_has_prefix(word, "guest=") ? word + 6 : word;

		if (next && strncmp(value, name, strlen(name)) == 0 &&
		    (value[strlen(name)] == '\0' || value[strlen(name)] == ','))
			return TRUE;
		next = strcmp(word, "-name") == 0 || strcmp(word, "--name") == 0;
	}
	return FALSE;
}

static gboolean process_is_named(uint32_t pid, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%u/cmdline", pid);
	g_autofree char *words = NULL;
	gsize bytes;

	return g_file_get_contents(path, &words, &bytes, NULL) && bytes > 0 &&
	       bytes <= COMMAND_BYTES && is_named(words, bytes, name);
}

/* A number is a process; else who made a partition and was given that name. 0 and an error: there is none. */
static uint32_t find_process(int device, const char *which, GError **error)
{
	g_autofree struct viridis_partition_info *infos =
		g_new0(struct viridis_partition_info, PARTITIONS_MAX);
	uint32_t count = PARTITIONS_MAX, found = 0;
	guint64 pid;

	if (g_ascii_string_to_unsigned(which, 10, 1, G_MAXINT32, &pid, NULL))
		return (uint32_t)pid;
	if (mshv_info(device, infos, &count, NULL) != 0)
		count = 0;
	for (uint32_t i = 0; i < MIN(count, PARTITIONS_MAX); i++) {
		uint32_t creator = infos[i].creator_pid;

		if (creator == found || !process_is_named(creator, which))
			continue;
		/* Who may make machines may call one as another's is called, and is not to get its disks. */
		if (found) {
			fail(error,
			     "several machines are called '%s'; give the process's number: "
			     "%u or %u",
			     which, found, creator);
			return 0;
		}
		found = creator;
	}
	if (!found)
		fail(error,
		     "no machine of another VMM is called '%s'; give its process's number",
		     which);
	return found;
}

/* ---- attach ---- */

/* The size of its memory, and that it may be attached to at all. */
static gboolean look_at(int device, struct definition *definition, GError **error)
{
	g_autofree struct viridis_memory_range *ranges =
		g_new0(struct viridis_memory_range, 1);
	struct mshv_partition partition;
	uint32_t count = 1;
	int result = mshv_attach(device, 0, definition->attach_pid, &partition);
	off_t bytes;

	if (result == -ESRCH)
		return fail(error, "process %u runs no machine with /dev/mshv",
		            definition->attach_pid);
	if (result < 0)
		return fail(error, "process %u: %s", definition->attach_pid,
		            g_strerror(-result));
	result = mshv_attached_memory(&partition, ranges, &count);
	mshv_close_partition(&partition);
	if (result < 0)
		return fail(error,
		            "the memory of process %u is not to be had (%s); start it "
		            "with what 'viridis qemu-args' prints",
		            definition->attach_pid, g_strerror(-result));
	bytes = lseek(result, 0, SEEK_END);
	close(result);
	definition->memory_bytes = bytes < 0 ? 0 : (uint64_t)bytes;
	return TRUE;
}

static gboolean fill(int device, struct definition *definition, const char *which,
                     GError **error)
{
	definition->attach_pid = find_process(device, which, error);
	if (!definition->attach_pid || !look_at(device, definition, error))
		return FALSE;
	definition->name = name_wanted ?
	                           g_strdup(name_wanted) :
	                           g_strdup_printf("qemu-%u", definition->attach_pid);
	/* How many there are the VMM knows; none of them is run by us. */
	definition->vps = DEFINITION_VPS_MAX;
	return command_complete(definition, disks, nets, error);
}

/* One that has ended is no longer in the way of the next of its name. */
static gboolean forget_ended(const char *name, GError **error)
{
	g_autoptr(definition_pointer) before = store_load(name, NULL);

	return !before || !before->attach_pid || end_delete(name, error);
}

/* It stays defined, for its log, until it is deleted, or followed; one that never ran does not. */
static gboolean run(const struct definition *definition, GError **error)
{
	if (!paths_make(error) || !disk_users_check(definition, error) ||
	    !forget_ended(definition->name, error) || !store_create(definition, error))
		return FALSE;
	if (worker_start(definition->name, error))
		return TRUE;
	(void)end_delete(definition->name, NULL); /* which spares one that runs yet */
	return FALSE;
}

enum command_status command_attach(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command,        argc, argv,
		                               attach_entries, 1,    FALSE };
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;
	enum command_status status;
	const char *which;
	gboolean done = FALSE;
	int device;

	if (!command_parse(&arguments, &which, &status))
		return status;
	device = mshv_open();
	if (device < 0)
		command_mshv_error(&error, -device);
	else
		done = fill(device, definition, which, &error) && run(definition, &error);
	if (device >= 0)
		close(device);
	if (!done)
		return command_fail(error);
	return command_done("%s serves the VMBus of process %u", definition->name,
	                    definition->attach_pid);
}

/* ---- qemu-args ---- */

static void answer_args(const char *const *words, gsize count)
{
	g_autoptr(json_t) object = json_object();
	g_autoptr(GString) line = g_string_new(NULL);
	json_t *arguments;

	json_text_add_boolean(object, "ok", TRUE);
	arguments = json_text_add_array(object, "arguments");
	for (gsize i = 0; i < count; i++) {
		json_text_append_string(arguments, words[i]);
		g_string_append_printf(line, "%s%s", i ? " " : "", words[i]);
	}
	if (command_json())
		command_print_json(object);
	else
		g_print("%s\n", line->str);
}

/* QEMU has two words for one size; the shorter is in whole megabytes. */
static gboolean check_memory(uint64_t bytes, GError **error)
{
	return (bytes && bytes % (1u << 20) == 0) ||
	       definition_invalid(error, "memory '%s': whole megabytes, from 1M on",
	                          memory);
}

static gboolean write_table(char **path, GError **error)
{
	*path = g_build_filename(paths_run_dir(), "vmbus.aml", NULL);
	return paths_make(error) &&
	       g_file_set_contents(*path, (const char *)vmbus_aml_code,
	                           sizeof(vmbus_aml_code), error);
}

enum command_status command_qemu_args(const struct command *command, int argc,
                                      char **argv)
{
	struct command_arguments arguments = {
		command, argc, argv, args_entries, 0, FALSE
	};
	g_autofree char *path = NULL;
	g_autofree char *table = NULL;
	g_autofree char *backend = NULL;
	g_autoptr(GError) error = NULL;
	enum command_status status;
	uint64_t bytes;

	if (!command_parse(&arguments, NULL, &status))
		return status;
	if (!size_text_parse(memory ? memory : "512M", &bytes, &error) ||
	    !check_memory(bytes, &error) || !write_table(&path, &error))
		return command_fail(error);
	table = g_strdup_printf("file=%s", path);
	backend = g_strdup_printf(
		"memory-backend-memfd,id=viridis,size=%" G_GUINT64_FORMAT ",share=on",
		bytes);
	{
		g_autofree char *size =
			g_strdup_printf("%" G_GUINT64_FORMAT "M", bytes >> 20);
		const char *const words[] = {
			"-m",         size,       "-object",
			backend,      "-machine", "memory-backend=viridis",
			"-acpitable", table,
		};

		answer_args(words, G_N_ELEMENTS(words));
	}
	return COMMAND_DONE;
}
