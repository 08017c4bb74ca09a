/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process of a test's: see cli_program.h. */
#define _GNU_SOURCE
#include "cli_program.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_image.h"
#include "unit.h"

#define TEXT_BYTES_MAX (1u << 20)

char *folder;
char *output;

/* ---- Running it ---- */

/*
 * Runs a line of bash, in which $V is the program, $S and $R are the folders of definitions and of
 * what runs, and $K is a file that passes for a kernel. Both outputs go to `output`.
 */
int ask(const char *line)
{
	g_autofree char *script = g_strconcat("exec 2>&1; ", line, NULL);
	char *command[] = { "bash", "-c", script, NULL };
	g_autoptr(GError) error = NULL;
	int status = 0;

	g_clear_pointer(&output, g_free);
	ck_assert_msg(g_spawn_sync(folder, command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
	                           &output, NULL, &status, &error),
	              "%s", error ? error->message : "");
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The line must end with that status and say that. */
void expect(const char *line, int status, const char *words)
{
	int found = ask(line);

	ck_assert_msg(found == status, "'%s' ended with %d: %s", line, found, output);
	ck_assert_msg(strstr(output, words) != NULL, "'%s' does not say '%s': %s", line,
	              words, output);
}

void expect_done(const char *line)
{
	expect(line, 0, "");
}

/* The answer to the line as JSON, which it must be. */
json_t *json_of(const char *line, int status)
{
	g_autoptr(GError) error = NULL;
	json_t *object;

	expect(line, status, "");
	object = json_text_parse(output, strlen(output), TEXT_BYTES_MAX, &error);
	ck_assert_msg(object != NULL, "'%s': %s in %s", line, error ? error->message : "",
	              output);
	return object;
}

void cli_set_up(void)
{
	g_autofree char *state = NULL;
	g_autofree char *run = NULL;
	g_autofree char *kernel = NULL;
	uint8_t image[KERNEL_IMAGE_BYTES];

	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	state = g_build_filename(folder, "state", NULL);
	run = g_build_filename(folder, "run", NULL);
	kernel = g_build_filename(folder, "kernel", NULL);
	kernel_image_fill(image);
	ck_assert(g_file_set_contents(kernel, (const char *)image, sizeof(image), NULL));
	g_setenv("VIRIDIS_STATE_DIR", state, TRUE);
	g_setenv("VIRIDIS_RUN_DIR", run, TRUE);
	g_setenv("S", state, TRUE);
	g_setenv("R", run, TRUE);
	g_setenv("K", kernel, TRUE);
	g_setenv("V", PROGRAM, TRUE);
	g_setenv("LC_ALL", "C.UTF-8", TRUE);
	expect_done("$V create web --memory 8M --kernel $K");
}

void cli_tear_down(void)
{
	expect_done("rm -r \"$PWD\"/*; rmdir /sys/fs/cgroup/viridis/* 2>/dev/null ||:");
	g_rmdir(folder);
	g_clear_pointer(&output, g_free);
	g_free(folder);
}

/* A worker for what `viridis start` finds on PATH: bash, told the descriptor as $2, the name as $3. */
void make_worker(const char *script)
{
	g_autofree char *bin = g_build_filename(folder, "bin", NULL);
	g_autofree char *path = g_build_filename(bin, "viridis-vm", NULL);
	g_autofree char *text = g_strconcat("#!/bin/bash\n", script, "\n", NULL);
	g_autofree char *search = g_strconcat(bin, ":", g_getenv("PATH"), NULL);

	ck_assert_int_eq(g_mkdir(bin, 0700), 0);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	ck_assert_int_eq(g_chmod(path, 0700), 0);
	g_setenv("PATH", search, TRUE);
}
