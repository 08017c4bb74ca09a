/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The definitions of this machine's VMs: files NAME.json that a person may edit. */
#ifndef VIRIDIS_VM_STORE_H
#define VIRIDIS_VM_STORE_H

#include "root-partition/config/definition.h"

/* By name. DEFINITION_ERROR_UNKNOWN when there is none; another error when it cannot be read. */
struct definition *store_load(const char *name, GError **error);
/* From any file. */
struct definition *store_load_file(const char *path, GError **error);

/* DEFINITION_ERROR_EXISTS when the name is taken; never replaces one. */
gboolean store_create(const struct definition *definition, GError **error);

/*
 * Puts it in the place of the one of its name, in one step. For the holder of the VM's lock: what
 * somebody edits meanwhile would be lost.
 */
gboolean store_replace(const struct definition *definition, GError **error);

/* The definition, the log and the last state. */
gboolean store_delete(const char *name, GError **error);

/* Names, sorted. Free it with g_ptr_array_unref(). NULL and an error: they cannot be known. */
GPtrArray *store_list(GError **error);

#endif
