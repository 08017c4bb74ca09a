/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of the store that libvirt's list of domains is, and events for whatever changes in it. */
#ifndef VIRIDIS_LIBVIRT_REGISTRY_H
#define VIRIDIS_LIBVIRT_REGISTRY_H

#include "root-partition/libvirt/viridis_driver.h"

/* Folders are made, and the picture is taken; false and libvirt's error. */
bool registry_start(struct viridis_driver *driver);
void registry_stop(struct viridis_driver *driver);

/* Afterwards the list is what the store and the running VMs are, whoever changed them. */
void registry_refresh(struct viridis_driver *driver);

/* Keeps a definition: a new one, or one in the place of that of its name. */
struct definition;
bool registry_define(struct viridis_driver *driver, const struct definition *definition,
                     bool is_new, GError **error);

/* Forgets a VM that does not run. */
bool registry_delete(struct viridis_driver *driver, const char *name, GError **error);

/* disk_users_check(), under the lock: it looks who holds the locks of other VMs. */
bool registry_check_disks(struct viridis_driver *driver,
                          const struct definition *definition, GError **error);

/*
 * A transient domain's definition goes when it ends. The mark is a file among those of running VMs, so that it
 * survives us, and not the machine.
 */
bool registry_mark_transient(const char *name, bool transient);

/* From its definition until its start a transient domain does not run, and is to stay. */
void registry_expect_start(struct viridis_driver *driver, const char *name,
                           bool expected);

#endif
