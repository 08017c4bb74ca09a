/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options and answers, the same for every command. */
#include "root-partition/cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_host.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/error_code.h"

static gboolean json;

static const GOptionEntry common_entries[] = {
	{ "json", 0, 0, G_OPTION_ARG_NONE, &json, "Answer in JSON", NULL },
	G_OPTION_ENTRY_NULL,
};

/* How devices are written: below the help of each command that has the word as its name or as an option. */
static const struct {
	const char *word, *text;
} details[] = {
	{ "disk",
	  "FILE is a raw image, a block device, or nbd://HOST/EXPORT. Options of a disk:\n"
	  "  ,ro                 the guest can only read it\n"
	  "  ,lun=N              its number at the guest's SCSI controller (the lowest free)\n"
	  "  ,serial=TEXT        its serial number\n"
	  "  ,cache=MODE         direct: past the root's cache (default); host: through it;\n"
	  "                      through: through it, and written before it is answered\n"
	  "  ,iops=N ,bps=SIZE   at most so many requests, so many bytes a second\n"
	  "  ,timeout=SECONDS    how long requests wait for a lost NBD server (60)" },
	{ "net",
	  "A network is one of\n"
	  "  user                the root's own connections, by passt; not for attach\n"
	  "  bridge=NAME         a port of a bridge of the root's\n"
	  "  tap=NAME            a TAP device that exists\n"
	  "Options of a network:\n"
	  "  ,mac=MAC            its address (one of its own, which it keeps)\n"
	  "  ,mtu=N              the largest MTU that the guest may choose (1500)\n"
	  "  ,queues=N           how many channels the guest may use (1)\n"
	  "  ,slot=N             which of the guest's adapters it is (the lowest free)\n"
	  "  ,hostfwd=tcp:PORT:GUEST-PORT   with user: forward a port of the root; udp too" },
};

static gboolean takes(const struct command_arguments *arguments, const char *word)
{
	const GOptionEntry *entry = arguments->entries;

	if (strcmp(arguments->command->name, word) == 0)
		return TRUE;
	while (entry && entry->long_name && strcmp(entry->long_name, word) != 0)
		entry++;
	return entry && entry->long_name;
}

static char *details_of(const struct command_arguments *arguments)
{
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(details); i++)
		if (takes(arguments, details[i].word))
			g_string_append_printf(text, "%s%s", text->len ? "\n\n" : "",
			                       details[i].text);
	return g_string_free(text, FALSE);
}

gboolean command_json(void)
{
	return json;
}

void command_look_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = TRUE;
}

static void print_error(const char *code, const char *message)
{
	g_autoptr(json_t) object = NULL;

	if (!json) {
		g_printerr("viridis: %s\n", message);
		return;
	}
	object = json_object();
	json_text_add_boolean(object, "ok", FALSE);
	json_text_add_string(object, "code", code);
	json_text_add_string(object, "error", message);
	command_print_json(object);
}

static gboolean usage(const struct command *command, const char *what,
                      enum command_status *status)
{
	g_autofree char *message = g_strdup_printf("%s; usage: viridis %s %s", what,
	                                           command->name, command->synopsis);

	print_error("usage", message);
	*status = COMMAND_USAGE;
	return FALSE;
}

/* What stands in its synopsis before the first option. */
static char *names_of(const struct command *command)
{
	g_auto(GStrv) words = g_strsplit(command->synopsis, " ", -1);
	guint count = 0;

	while (words[count] && !g_str_has_prefix(words[count], "--") &&
	       !g_str_has_prefix(words[count], "[--"))
		count++;
	for (guint i = count; words[i]; i++)
		g_clear_pointer(&words[i], g_free);
	return g_strjoinv(" ", words);
}

gboolean command_parse(const struct command_arguments *arguments, const char **name,
                       enum command_status *status)
{
	const struct command *command = arguments->command;
	g_autofree char *program = g_strdup_printf("viridis %s", command->name);
	g_autofree char *names = names_of(command);
	g_autoptr(GOptionContext)
		context = g_option_context_new(arguments->names ? names : NULL);
	g_autofree char *summary = g_strconcat(command->summary, ".", NULL);
	g_autofree char *what_devices_take = details_of(arguments);
	g_autoptr(GError) error = NULL;
	int argc = arguments->argc;
	char **argv = arguments->argv;

	g_set_prgname(program);
	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, what_devices_take);
	if (arguments->entries)
		g_option_context_add_main_entries(context, arguments->entries, NULL);
	g_option_context_add_main_entries(context, common_entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		command_look_for_json(arguments->argc, arguments->argv);
		return usage(command, error->message, status);
	}
	if (argc - 1 < arguments->names && !arguments->optional) {
		g_autofree char *needed = g_strdup_printf("a %s is needed", names);

		return usage(command, arguments->names > 1 ? "too few arguments" : needed,
		             status);
	}
	if (argc - 1 > arguments->names)
		return usage(command, "too many arguments", status);
	for (int i = 0; i < arguments->names; i++)
		name[i] = argc > i + 1 ? argv[i + 1] : NULL;
	return TRUE;
}

gboolean command_check_number(const char *option, int value, int least, int most,
                              GError **error)
{
	if (value >= least && value <= most)
		return TRUE;
	if (most == G_MAXINT)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "%s %d: %d at least", option, value, least);
	else
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		            "%s %d: from %d to %d", option, value, least, most);
	return FALSE;
}

enum command_status command_fail(const GError *error)
{
	print_error(error_code_of(error), error->message);
	return (enum command_status)error_code_status(error);
}

void command_mshv_error(GError **error, int number)
{
	const char *way_out = "";

	if (number == ENOENT)
		way_out = "; this Linux has to run on the hypervisor, with the module "
			  "viridis_mshv loaded";
	else if (number == EACCES)
		way_out = "; it is for root and the group kvm";
	g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "/dev/mshv: %s%s",
	            g_strerror(number), way_out);
}

enum command_status command_done(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	if (json) {
		g_print("{\"ok\": true}\n");
		return COMMAND_DONE;
	}
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_print("%s\n", text);
	return COMMAND_DONE;
}

void command_print_json(json_t *object)
{
	g_autofree char *text = json_text_format(object, TRUE);

	g_print("%s\n", text);
}

gboolean command_complete(struct definition *definition, char **disks, char **nets,
                          GError **error)
{
	for (char **disk = disks; disk && *disk; disk++)
		if (!definition_disk_add(definition, *disk, error))
			return FALSE;
	for (char **net = nets; net && *net; net++)
		if (!definition_net_add(definition, *net, error))
			return FALSE;
	(void)definition_give_uuid(definition);
	definition_complete(definition);
	return definition_check(definition, error) &&
	       definition_host_check(definition, error);
}

/* ---- Waiting ---- */

#define QUIET_S 2 /* what is waited for no longer is not worth a word */

static struct {
	GMutex lock;
	GCond ended;
	GThread *thread; /* NULL: nobody is told */
	char *text;
	gboolean over;
} waiting;

static gpointer tell_waiting(gpointer data)
{
	gint64 begin = g_get_monotonic_time(), next = begin + QUIET_S * G_USEC_PER_SEC;
	gboolean told = FALSE;

	g_mutex_lock(&waiting.lock);
	while (!waiting.over) {
		if (g_cond_wait_until(&waiting.ended, &waiting.lock, next))
			continue;
		/* What our own printer takes for an order to the terminal is meant as one. */
		(void)fprintf(stderr, "\r%s: %d s", waiting.text,
		              (int)((g_get_monotonic_time() - begin) / G_USEC_PER_SEC));
		told = TRUE;
		next += G_USEC_PER_SEC;
	}
	g_mutex_unlock(&waiting.lock);
	if (told)
		(void)fputc('\n', stderr);
	return data;
}

void command_wait_begin(const char *format, ...)
{
	va_list args;

	if (json || !isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	waiting.text = g_strdup_vprintf(format, args);
	va_end(args);
	waiting.over = FALSE;
	waiting.thread = g_thread_new("waiting", tell_waiting, NULL);
}

void command_wait_end(void)
{
	if (!waiting.thread)
		return;
	g_mutex_lock(&waiting.lock);
	waiting.over = TRUE;
	g_cond_signal(&waiting.ended);
	g_mutex_unlock(&waiting.lock);
	g_thread_join(g_steal_pointer(&waiting.thread));
	g_clear_pointer(&waiting.text, g_free);
}
