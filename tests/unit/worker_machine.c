/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files in a folder of its own; providers are found there. */
#define _GNU_SOURCE
#include "worker_machine.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_json.h"
#include "worker_guest.h"
#include "worker_keeper.h"
#include "worker_programs.h"
#include "worker_provider.h"

#define MIB (1u << 20)

char *folder;
char *serial_path;
char *worker_io_path;
struct definition *definition;
struct serial *serial;
struct machine *machine;
static struct definition *copied; /* the worker's */

static int no_next_file(gpointer context)
{
	(void)context;
	return -1;
}

/*
 * As a daemon of libvirt's does that is killed while it orders devices for a VM that runs, and a keeper that is killed
 * (test.running).
 */
static void leave(const char *file)
{
	g_autofree char *path = g_build_filename(folder, file, NULL);

	ck_assert(g_file_set_contents(path, "{\"of\":\"an earlier life\"}", -1, NULL));
}

void worker_set_up(fake_step step)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	programs_link(folder);
	/* The leak checker needs calls that the provider's sandbox refuses. */
	g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE);
	serial_path = g_build_filename(folder, "serial", NULL);
	worker_io_path = g_build_filename(folder, "io", NULL);
	g_setenv(PROVIDER_IO, worker_io_path, TRUE);
	definition = definition_new();
	definition->name = g_strdup("test");
	definition->memory_bytes = 64 * MIB;
	definition->vps = 2;
	definition->kernel = guest_write_kernel(folder);
	g_free(definition->serial);
	definition->serial = g_strdup(serial_path);
	g_setenv("VIRIDIS_RUN_DIR", folder, TRUE);
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	ck_assert_int_eq(dup2(STDERR_FILENO, OURS), OURS);
	fake_reset(step);
	leave("test.wanted");
	leave("test.running");
	worker_keeper_start(definition);
	ck_assert(!fake_shown_early());
	serial = serial_new(worker_keeper_lent()->serial, no_next_file, NULL);
}

/* As a process of its own would have it: the keeper changes its own. */
static struct definition *copy(void)
{
	g_autofree char *json = definition_to_json(definition);
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&copied, definition_free);
	copied = definition_parse(json, strlen(json), &error);
	ck_assert_msg(copied != NULL, "%s", error ? error->message : "");
	return copied;
}

void worker_make(void)
{
	g_autoptr(GError) error = NULL;

	machine = life_new(copy(), worker_keeper_client(), serial, &error);
	ck_assert_msg(machine != NULL, "%s", error ? error->message : "");
}

void worker_make_fails(GError **error)
{
	ck_assert_ptr_null(life_new(copy(), worker_keeper_client(), serial, error));
}

void worker_tear_down(void)
{
	static const char *const files[] = { "kernel",    "serial",    "io",
		                             "test.lock", "test.sock", "test.json" };

	if (machine)
		life_free(machine);
	serial_close(serial);
	worker_keeper_stop();
	definition_free(definition);
	g_clear_pointer(&copied, definition_free);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_unlink(path);
	}
	programs_unlink(folder);
	g_rmdir(folder);
	g_free(worker_io_path);
}

int worker_main(int argc, char **argv, Suite *(*make_suite)(void))
{
	(void)argc;
	if (programs_include(argv[0]))
		return worker_provider_main();
	return unit_run(make_suite());
}
