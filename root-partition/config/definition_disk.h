/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of a definition: as an option says them, as JSON has them, and what makes sense. definition.h has the
 * structure.
 *
 *   FILE [,ro] [,lun=N] [,serial=TEXT] [,cache=direct|host|through] [,iops=N] [,bps=SIZE]
 *   URI [,ro] [,lun=N] [,serial=TEXT] [,cache=direct|through] [,iops=N] [,bps=SIZE] [,timeout=SECONDS]
 *
 * where URI names an export of an NBD server: vsp/storage/core/nbd_uri.h.
 */
#ifndef VIRIDIS_VM_DEFINITION_DISK_H
#define VIRIDIS_VM_DEFINITION_DISK_H

#include "root-partition/config/json_text.h"

#include "root-partition/config/definition.h"

void definition_disk_free(gpointer disk);

/* It has no LUN and no identity yet. */
struct definition_disk *definition_add_disk(struct definition *definition,
                                            const char *path, gboolean read_only);

/* Adds the disk that the text describes; NULL and an error. A relative path is of the working directory. */
struct definition_disk *definition_disk_add(struct definition *definition,
                                            const char *text, GError **error);

/* What `text` names, as a definition has it; to be freed. */
char *definition_disk_path(const char *text);

/* Whether an NBD server has it. */
gboolean definition_disk_is_remote(const struct definition_disk *disk);
gboolean definition_disks_any_remote(const GPtrArray *disks);

/* What belongs to a disk alone is possible; LUN and identity are definition_check()'s. */
gboolean definition_disk_check(const struct definition_disk *disk, GError **error);

/* "direct" and so on. */
const char *definition_disk_cache_name(enum definition_disk_cache cache);

/* The member "disks", from and to JSON. */
gboolean definition_disk_take(struct definition *definition, const json_t *json,
                              GError **error);
void definition_add_disks(json_t *object, const GPtrArray *disks);

#endif
