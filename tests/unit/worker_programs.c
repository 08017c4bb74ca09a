/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links to the test's own program, one for each name that a worker may start. */
#include "worker_programs.h"

#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "root-partition/vmbusd/offers.h"

static char *program_path(const char *folder, int provider)
{
	return g_build_filename(folder, offers_program((enum vmbus_provider)provider),
	                        NULL);
}

/* Several providers share a program: it is linked once. */
void programs_link(const char *folder)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *path = g_strconcat(folder, ":", g_getenv("PATH"), NULL);

	for (int i = 0; i < VMBUS_PROVIDERS; i++) {
		g_autofree char *link_path = program_path(folder, i);

		if (!g_file_test(link_path, G_FILE_TEST_IS_SYMLINK))
			ck_assert_int_eq(symlink(self, link_path), 0);
	}
	g_setenv("PATH", path, TRUE);
}

void programs_unlink(const char *folder)
{
	for (int i = 0; i < VMBUS_PROVIDERS; i++) {
		g_autofree char *link_path = program_path(folder, i);

		g_unlink(link_path);
	}
}

bool programs_include(const char *path)
{
	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		if (g_str_has_suffix(path, offers_program((enum vmbus_provider)i)))
			return true;
	return false;
}
