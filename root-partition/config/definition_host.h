/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this machine can do what a definition says. */
#ifndef VIRIDIS_CONFIG_DEFINITION_HOST_H
#define VIRIDIS_CONFIG_DEFINITION_HOST_H

#include "root-partition/config/definition.h"

/*
 * This machine has the files and the memory, no disk that is written to is there twice, and the
 * serial line does not go into any of them.
 */
gboolean definition_host_check(const struct definition *definition, GError **error);
/* Of that, what is said of disks. */
gboolean definition_host_check_disks(const struct definition *definition, GError **error);

/* They are one file or one device; or exports of one name, as only their server knows whether two names are one. */
gboolean definition_host_same_disk(const struct definition_disk *one,
                                   const struct definition_disk *other);

#endif
