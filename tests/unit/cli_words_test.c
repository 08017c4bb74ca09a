/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of `viridis`: what the program knows, bash completes and the manual explains. */
#include "unit.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

#define WORDS_MAX 16

static char *folder;

/* ---- Running things ---- */

static char *output_of(char **command)
{
	g_autoptr(GError) error = NULL;
	char *output = NULL;
	int status = 0;

	ck_assert_msg(g_spawn_sync(NULL, command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
	                           &output, NULL, &status, &error),
	              "%s", error ? error->message : "");
	ck_assert_int_eq(status, 0);
	return output;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One line of all words, sorted: what two lists are compared by. */
static char *joined(GPtrArray *words)
{
	g_ptr_array_sort(words, by_name);
	g_ptr_array_add(words, NULL);
	return g_strjoinv(" ", (char **)words->pdata);
}

/* What bash would offer for a line of these words, the last one unfinished. */
static char *completed(const char *line)
{
	char script[] = ". \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1));"
			" _viridis; printf '%s\n' \"${COMPREPLY[@]}\"";
	char *command[5 + WORDS_MAX + 1] = { "bash", "-c", script, "bash", COMPLETION };
	g_autoptr(GPtrArray) offered = g_ptr_array_new();
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_auto(GStrv) lines = NULL;
	g_autofree char *output = NULL;

	ck_assert_uint_le(g_strv_length(words), WORDS_MAX);
	for (guint i = 0; words[i]; i++)
		command[5 + i] = words[i];
	output = output_of(command);
	lines = g_strsplit(output, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (lines[i][0])
			g_ptr_array_add(offered, lines[i]);
	return joined(offered);
}

/* What `viridis COMMAND --help`, or without a command `viridis --help`, tells. */
static char *help_of(char *command)
{
	char *whole[] = { PROGRAM, command ? command : "--help",
		          command ? "--help" : NULL, NULL };

	return output_of(whole);
}

/* The first word of each line of help: the options, or the commands. */
static GPtrArray *words_in(const char *help, gboolean options)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		const char *word = lines[i] + 2;

		if (!g_str_has_prefix(lines[i], "  "))
			continue;
		if (word[0] == '-' && g_ascii_isalpha(word[1]) && word[2] == ',')
			word += strlen("-h, ");
		if (options ? g_str_has_prefix(word, "--") : g_ascii_isalpha(*word))
			g_ptr_array_add(words, g_strndup(word, strcspn(word, " =[")));
	}
	return words;
}

static GPtrArray *commands(void)
{
	g_autofree char *help = help_of(NULL);
	GPtrArray *names = words_in(help, FALSE);

	ck_assert_uint_ge(names->len, 11);
	return names;
}

/* The options in an error's usage: of whoever gives more arguments than there can be. */
static GPtrArray *options_of_usage(char *command)
{
	char *whole[] = { "bash",  "-c",    "\"$0\" \"$@\" a b c d 2>&1 || :",
		          PROGRAM, command, NULL };
	g_autofree char *told = output_of(whole);
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
	const char *usage = strstr(told, "usage: viridis ");

	for (const char *at = usage; at && (at = strstr(at, "--")); at += 2)
		g_ptr_array_add(words,
		                g_strndup(at, 2 + strspn(at + 2, "abcdefghijklmnopqrstuvw"
		                                                 "xyz-")));
	return words;
}

static GPtrArray *options(char *command)
{
	g_autofree char *help = help_of(command);
	g_autofree char *usage = g_strconcat(" viridis ", command, NULL);

	ck_assert_ptr_nonnull(strstr(help, usage));
	return words_in(help, TRUE);
}

/* ---- Completion ---- */

static void put(const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	ck_assert(g_file_set_contents(path, "", 0, NULL));
}

static const char *const files[] = { "web.json", "db-1.json", "db-1.log", "disk.img" };

static void make_folder(void)
{
	g_autofree char *path = g_strconcat(BENCH, ":", g_getenv("PATH"), NULL);

	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		put(files[i]);
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	g_setenv("PATH", path, TRUE); /* where a root has the program of `bench` */
}

static void remove_folder(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(folder);
	g_free(folder);
}

/* %s is the folder of definitions, which holds a disk as well. */
static const struct {
	const char *line, *offered;
} cases[] = {
	{ "viridis st", "start stats stop" },
	{ "viridis start ", "db-1 web" },
	{ "viridis start w", "web" },
	{ "viridis start web ", "" }, /* it takes one */
	{ "viridis start x", "" },
	{ "viridis info --json d", "db-1" },
	{ "viridis shutdown --timeout 5 ", "db-1 web" },
	{ "viridis shutdown --timeout = 5 ", "db-1 web" }, /* bash splits at "=" */
	{ "viridis shutdown --reboot ", "db-1 web" },
	{ "viridis shutdown --timeout ", "" },
	{ "viridis shutdown web --t", "--timeout" },
	{ "viridis create ", "" }, /* a name that is not taken */
	{ "viridis create x --disk %s/d", "%s/db-1.json %s/db-1.log %s/disk.img" },
	{ "viridis create x --disk = %s/di", "%s/disk.img" },
	{ "viridis create x --serial p", "pty" },
	{ "viridis create x --memory ", "" },
	{ "viridis wait web --for p", "panicked paused" },
	{ "viridis pa", "pause" },
	{ "viridis log -f w", "web" },
	{ "viridis list ", "" },
	{ "viridis bench ", "all boot disk net" },
	{ "viridis top --i", "--interval" },
	{ "viridis bench --devices v", "virtio virtio-scsi" },
	{ "viridis disk ", "add remove" },
	{ "viridis disk add ", "db-1 web" },
	{ "viridis disk add web %s/di", "%s/disk.img" },
	{ "viridis disk remove web ", "" },
	{ "viridis net ", "add remove" },
	{ "viridis net remove ", "db-1 web" },
	{ "viridis net add web ", "bridge= tap= user" },
	{ "viridis set ", "db-1 web" },
	{ "viridis set web m", "memory=" },
	{ "viridis edit w", "web" },
	{ "viridis run x --r", "--rm" },
	{ "viridis nonsense ", "" },
};

static char *in_folder(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "%s", -1);

	return g_strjoinv(folder, parts);
}

START_TEST(a_line_is_completed)
{
	g_autofree char *line = in_folder(cases[_i].line);
	g_autofree char *expected = in_folder(cases[_i].offered);
	g_autofree char *offered = completed(line);

	ck_assert_msg(strcmp(offered, expected) == 0, "'%s' offers '%s', not '%s'", line,
	              offered, expected);
}
END_TEST

/* fish as it is asked by a program; zsh with its own builtin for what is offered played. */
static char *completed_elsewhere(const char *shell, const char *line)
{
	static char fish[] = "source $argv[1]; complete -C $argv[2]";
	static char zsh[] =
		"compadd() { while [ \"$1\" != -- ]; do shift; done; shift; print -rl -- \"$@\" };"
		" words=(\"${(@s: :)2}\"); CURRENT=$#words; . \"$1\"";
	char *in_fish[] = { "fish", "--no-config", "-c", fish, FISH, (char *)line, NULL };
	char *in_zsh[] = { "zsh", "-fc", zsh, "zsh", ZSH, (char *)line, NULL };
	g_autofree char *output =
		output_of(strcmp(shell, "fish") == 0 ? in_fish : in_zsh);
	g_autoptr(GPtrArray) offered = g_ptr_array_new();
	g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

	for (guint i = 0; lines[i]; i++)
		if (lines[i][0])
			g_ptr_array_add(offered, lines[i]);
	return joined(offered);
}

START_TEST(other_shells_offer_the_same)
{
	static const char *const lines[] = {
		"viridis st",
		"viridis start ",
		"viridis start w",
		"viridis start web ",
		"viridis disk add ",
		"viridis set web m",
		"viridis log -f w",
		"viridis wait web --for p",
		"viridis create x --m",
		"viridis nonsense ",
		"viridis ",
	};
	static const char *const shells[] = { "fish", "zsh" };

	g_setenv("VIRIDIS_COMPLETION", COMPLETION, TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(lines) * G_N_ELEMENTS(shells); i++) {
		const char *line = lines[i / 2], *shell = shells[i % 2];
		g_autofree char *expected = completed(line);
		g_autofree char *offered = completed_elsewhere(shell, line);

		ck_assert_msg(strcmp(offered, expected) == 0,
		              "'%s' offers '%s' in %s, not '%s'", line, offered, shell,
		              expected);
	}
}
END_TEST

START_TEST(a_folder_of_definitions_that_is_not_there_has_no_names)
{
	g_autofree char *offered = NULL;

	g_setenv("VIRIDIS_STATE_DIR", "/nonexistent", TRUE);
	offered = completed("viridis start ");
	ck_assert_str_eq(offered, "");
}
END_TEST

START_TEST(every_command_of_the_program_is_completed)
{
	g_autoptr(GPtrArray) names = commands();
	g_autofree char *expected = NULL;
	g_autofree char *offered = completed("viridis ");

	g_ptr_array_add(names, g_strdup("--help"));
	g_ptr_array_add(names, g_strdup("--version"));
	expected = joined(names);
	ck_assert_str_eq(offered, expected);
}
END_TEST

START_TEST(every_option_of_the_program_is_completed)
{
	g_autoptr(GPtrArray) names = commands();

	for (guint i = 0; i < names->len; i++) {
		g_autoptr(GPtrArray) known = options(names->pdata[i]);
		g_autofree char *line =
			g_strdup_printf("viridis %s --", (char *)names->pdata[i]);
		g_autofree char *offered = completed(line);
		g_autofree char *expected = joined(known);

		ck_assert_msg(strcmp(offered, expected) == 0,
		              "'%s' offers '%s', not '%s'", line, offered, expected);
	}
}
END_TEST

/* ---- A word that is none ---- */

static const struct {
	char *typed;
	const char *answer;
} mistyped[] = {
	{ "lst", "did you mean 'list'?" },    { "lsit", "did you mean 'list'?" },
	{ "strat", "did you mean 'start'?" }, { "delte", "did you mean 'delete'?" },
	{ "foo", "try 'viridis --help'" }, /* 'log' is as far as there are letters */
	{ "x", "try 'viridis --help'" },      { "", "try 'viridis --help'" },
};

START_TEST(a_mistyped_command_is_told_the_nearest)
{
	char *command[] = { PROGRAM, mistyped[_i].typed, NULL };
	g_autofree char *expected = g_strdup_printf("viridis: no such command: %s; %s\n",
	                                            mistyped[_i].typed,
	                                            mistyped[_i].answer);
	g_autofree char *errors = NULL;
	int status = 0;

	ck_assert(g_spawn_sync(NULL, command, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
	                       &errors, &status, NULL));
	ck_assert_int_eq(WEXITSTATUS(status), 2);
	ck_assert_str_eq(errors, expected);
}
END_TEST

/* ---- Usage ---- */

/* Those whose usage names no options: run has those of create, bench is another program. */
static gboolean has_short_usage(const char *command)
{
	return strcmp(command, "run") == 0 || strcmp(command, "bench") == 0;
}

START_TEST(an_error_tells_the_options_that_help_tells)
{
	g_autoptr(GPtrArray) names = commands();

	for (guint i = 0; i < names->len; i++) {
		char *name = names->pdata[i];
		g_autoptr(GPtrArray) known = options(name);
		g_autoptr(GPtrArray) told = options_of_usage(name);
		g_autofree char *expected = NULL;
		g_autofree char *found = NULL;

		if (has_short_usage(name) || strcmp(name, "set") == 0)
			continue; /* set takes as many arguments as it is given */
		g_ptr_array_add(told, g_strdup("--json"));
		g_ptr_array_add(told, g_strdup("--help"));
		expected = joined(known);
		found = joined(told);
		ck_assert_msg(strcmp(found, expected) == 0,
		              "%s: usage has '%s', not '%s'", name, found, expected);
	}
}
END_TEST

START_TEST(a_missing_argument_is_called_what_help_calls_it)
{
	static const char *const needed_words[][2] = {
		{ "define", "FILE" },
		{ "attach", "PID|NAME" },
		{ "start", "NAME" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(needed_words); i++) {
		g_autofree char *help = help_of((char *)needed_words[i][0]);
		g_autofree char *needed =
			g_strdup_printf("a %s is needed", needed_words[i][1]);
		g_autofree char *usage = g_strdup_printf("] %s\n", needed_words[i][1]);
		char *whole[] = { "bash",
			          "-c",
			          "\"$0\" \"$1\" 2>&1 || :",
			          PROGRAM,
			          (char *)needed_words[i][0],
			          NULL };
		g_autofree char *told = output_of(whole);

		ck_assert_msg(strstr(told, needed), "%s", told);
		ck_assert_msg(strstr(help, usage), "%s", help);
	}
}
END_TEST

/* ---- The manual ---- */

/* `viridis create --help` lists the options of a device as ",word". */
START_TEST(every_option_of_a_device_is_in_the_manual)
{
	g_autofree char *help = help_of("create");
	g_autofree char *manual = NULL;
	guint options = 0;

	ck_assert(g_file_get_contents(MANUAL, &manual, NULL, NULL));
	for (const char *at = strstr(help, " ,"); at; at = strstr(at + 1, " ,")) {
		g_autofree char *word = g_strndup(at + 2, strcspn(at + 2, " =\n"));
		g_autofree char *value = g_strdup_printf("Cm %s= ", word);
		g_autofree char *alone = g_strdup_printf("Cm %s\n", word);

		ck_assert_msg(strstr(manual, value) || strstr(manual, alone), "no ',%s'",
		              word);
		options++;
	}
	ck_assert_uint_ge(options, 12);
}
END_TEST

START_TEST(every_command_and_option_is_in_the_manual)
{
	g_autoptr(GPtrArray) names = commands();
	g_autofree char *manual = NULL;

	ck_assert(g_file_get_contents(MANUAL, &manual, NULL, NULL));
	for (guint i = 0; i < names->len; i++) {
		char *name = names->pdata[i];
		g_autoptr(GPtrArray) known = options(name);
		g_autofree char *item = g_strconcat("\n.It Ic ", name, NULL);
		const char *at = strstr(manual, item);

		ck_assert_msg(at, "no '%s'", item + 1);
		for (guint o = 0; o < known->len; o++) {
			const char *option = known->pdata[o];
			g_autofree char *flag = g_strconcat("Fl ", option + 1, NULL);
			gboolean common = strcmp(option, "--json") == 0 ||
			                  strcmp(option, "--help") == 0;

			ck_assert_msg(strstr(common ? manual : at, flag), "%s: no '%s'",
			              name, flag);
		}
	}
}
END_TEST

/* After that macro, and by itself. */
static void check_word(const char *manual, const char *macro, const char *word)
{
	g_autofree char *before_more = g_strdup_printf("%s %s ", macro, word);
	g_autofree char *last = g_strdup_printf("%s %s\n", macro, word);

	ck_assert_msg(strstr(manual, before_more) || strstr(manual, last), "no '%s %s'",
	              macro, word);
}

START_TEST(every_request_of_a_worker_is_in_its_manual)
{
	static const char before[] = "] = \"";
	g_autofree char *manual = NULL;
	g_autofree char *source = NULL;
	guint count = 0;

	ck_assert(g_file_get_contents(VM_MANUAL, &manual, NULL, NULL));
	ck_assert(g_file_get_contents(CONTROL ".c", &source, NULL, NULL));
	for (const char *at = source; (at = strstr(at, before)); count++) {
		g_autofree char *name = NULL;

		at += strlen(before);
		name = g_strndup(at, strcspn(at, "\""));
		check_word(manual, "Cm", name);
	}
	ck_assert_uint_ge(count, 20);
}
END_TEST

/* The header lists them in a column of so many characters, several to a line. */
#define EVENT_COLUMN 36

START_TEST(every_event_of_a_worker_is_in_its_manual)
{
	g_autofree char *manual = NULL;
	g_autofree char *header = NULL;
	g_auto(GStrv) lines = NULL;
	const char *events;
	guint count = 0;

	ck_assert(g_file_get_contents(VM_MANUAL, &manual, NULL, NULL));
	ck_assert(g_file_get_contents(CONTROL ".h", &header, NULL, NULL));
	events = strstr(header, " *   event  ");
	ck_assert_ptr_nonnull(events);
	lines = g_strsplit(events, "\n", -1);
	for (guint i = 1; g_str_has_prefix(lines[i], " *   "); i++) {
		g_autofree char *column =
			g_strndup(lines[i] + strlen(" *   "), EVENT_COLUMN);
		g_auto(GStrv) names = g_strsplit_set(column, ", ", -1);

		for (guint n = 0; names[n]; n++) {
			if (!names[n][0])
				continue;
			check_word(manual, "Ql", names[n]);
			count++;
		}
	}
	ck_assert_uint_ge(count, 15);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_words");
	TCase *tcase = tcase_create("completion");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, make_folder, remove_folder);
	tcase_add_loop_test(tcase, a_line_is_completed, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tcase, other_shells_offer_the_same);
	tcase_add_test(tcase, a_folder_of_definitions_that_is_not_there_has_no_names);
	tcase_add_loop_test(tcase, a_mistyped_command_is_told_the_nearest, 0,
	                    G_N_ELEMENTS(mistyped));
	tcase_add_test(tcase, every_option_of_a_device_is_in_the_manual);
	tcase_add_test(tcase, every_command_of_the_program_is_completed);
	tcase_add_test(tcase, every_option_of_the_program_is_completed);
	tcase_add_test(tcase, an_error_tells_the_options_that_help_tells);
	tcase_add_test(tcase, a_missing_argument_is_called_what_help_calls_it);
	tcase_add_test(tcase, every_command_and_option_is_in_the_manual);
	tcase_add_test(tcase, every_request_of_a_worker_is_in_its_manual);
	tcase_add_test(tcase, every_event_of_a_worker_is_in_its_manual);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
