/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks across the VMs of this machine. */
#ifndef VIRIDIS_VM_DISK_USERS_H
#define VIRIDIS_VM_DISK_USERS_H

#include "root-partition/config/definition.h"

/*
 * No VM that runs has a disk of this one's, unless both only read it. FALSE and DEFINITION_ERROR_HOST with the other's
 * name. It makes the refusal readable and early; what holds a disk against two writers is its provider's lock.
 */
gboolean disk_users_check(const struct definition *definition, GError **error);

#endif
