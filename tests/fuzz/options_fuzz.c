/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text, a line each, as what follows --disk and --net. A definition that passes its check is the same after a way
 * through its file.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/definition_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(gboolean true_always)
{
	if (!true_always)
		__builtin_trap();
}

/* 'd' and the disk, or 'n' and the adapter. False: an error, and it is told. */
static gboolean add(struct definition *definition, const char *line)
{
	g_autoptr(GError) error = NULL;
	gboolean added = line[0] == 'd' ?
	                         definition_disk_add(definition, line + 1, &error) !=
	                                 NULL :
	                         definition_net_add(definition, line + 1, &error);

	check(!added == (error != NULL));
	return added;
}

static void check_file(const struct definition *definition)
{
	g_autofree char *text = definition_to_json(definition);
	g_autoptr(GError) error = NULL;
	g_autoptr(definition_pointer)
		again = definition_parse(text, strlen(text), &error);
	g_autofree char *text_again = NULL;

	check(again != NULL);
	text_again = definition_to_json(again);
	check(strcmp(text, text_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 16);
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;

	definition->name = g_strdup("vm");
	definition->uuid = g_strdup("0f9a60a8-5c1b-4f0e-9a53-6d1c2e7b8f40");
	definition->memory_bytes = 64 << 20;
	definition->kernel = g_strdup("/vmlinuz");
	for (guint i = 0; lines[i]; i++)
		if (lines[i][0] && !add(definition, lines[i]))
			return 0;
	definition_complete(definition);
	definition_net_complete(definition);
	if (definition_check(definition, &error))
		check_file(definition);
	else
		check(error != NULL);
	return 0;
}
