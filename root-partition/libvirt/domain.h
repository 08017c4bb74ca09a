/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done to domains. Each takes a domain locked and gives it back so, and unlocks it while it waits; 0, or -1 and
 * libvirt's error.
 */
#ifndef VIRIDIS_LIBVIRT_DOMAIN_H
#define VIRIDIS_LIBVIRT_DOMAIN_H

#include "root-partition/config/control_json.h"
#include "root-partition/libvirt/viridis_driver.h"

int domain_start(struct viridis_driver *driver, virDomainObj *domain);
int domain_destroy(struct viridis_driver *driver, virDomainObj *domain);
int domain_undefine(struct viridis_driver *driver, virDomainObj *domain);
int domain_set_autostart(struct viridis_driver *driver, virDomainObj *domain,
                         bool autostart);

/* Asks the guest; does not wait until it has. */
int domain_shutdown(struct viridis_driver *driver, virDomainObj *domain, bool reboot);

/* Has the worker do that, and waits until it has. */
int domain_order(struct viridis_driver *driver, virDomainObj *domain,
                 enum control_command command);

/* Its share of CPUs, until it ends. */
int domain_set_weight(struct viridis_driver *driver, virDomainObj *domain,
                      unsigned int weight);

int domain_open_console(struct viridis_driver *driver, virDomainObj *domain,
                        const char *device, virStreamPtr stream, bool force);

/* Keeps what `xml`, parsed as `def`, asks for. The domain, locked and referenced, or NULL. */
virDomainObj *domain_define(struct viridis_driver *driver, const char *xml,
                            virDomainDef *def);

/* The same for a transient domain, which must not be there yet, and starts it. One that does not start leaves nothing. */
virDomainObj *domain_create(struct viridis_driver *driver, const char *xml,
                            virDomainDef *def);

/* All whose definitions want it and that do not run. */
void domain_autostart_all(struct viridis_driver *driver);

#endif
