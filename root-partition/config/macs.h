/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of network adapters across the VMs of this machine. */
#ifndef VIRIDIS_VM_MACS_H
#define VIRIDIS_VM_MACS_H

#include "root-partition/config/definition.h"

/*
 * No other VM's adapter has an address of this one's. User-mode networks do not count: each is by itself. FALSE
 * and DEFINITION_ERROR_HOST with the other's name.
 */
gboolean macs_check(const struct definition *definition, GError **error);

#endif
