/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of what a domain has: its definition, and devices under a guest that runs. Each takes a domain locked and
 * gives it back so, and unlocks it while it waits; 0, or -1 and libvirt's error.
 */
#ifndef VIRIDIS_LIBVIRT_CHANGE_H
#define VIRIDIS_LIBVIRT_CHANGE_H

#include "root-partition/libvirt/viridis_driver.h"

/* `flags` are libvirt's: of the domain that runs, of its definition, or of both. */
int change_attach(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags);
int change_detach(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags);

/* A disk or an adapter of a domain that runs, by its alias. */
int change_detach_alias(struct viridis_driver *driver, virDomainObj *domain,
                        const char *alias, unsigned int flags);

/* An adapter, by its address. A guest that runs sees it leave and return. */
int change_update(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags);

/* Of the definition alone: a machine keeps what it was made with. */
int change_vcpus(struct viridis_driver *driver, virDomainObj *domain, unsigned int count,
                 unsigned int flags);
int change_memory(struct viridis_driver *driver, virDomainObj *domain,
                  unsigned long long kib, unsigned int flags);

/* Title, description, or the element of that namespace in its metadata. */
int change_metadata(struct viridis_driver *driver, virDomainObj *domain, int type,
                    const char *text, const char *key, const char *uri,
                    unsigned int flags);

/* At the daemon's start: what one before it had ordered of VMs that run, and was killed before they had answered. */
void change_forget_orders(void);

#endif
