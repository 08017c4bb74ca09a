/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the driver share. The store of definitions (root-partition/config) is the one registry: libvirt's
 * list of domains is a picture of it, renewed by registry_refresh().
 *
 * Locks, in this order: refresh, the list's own, a domain's. Whoever holds a domain's does not refresh.
 */
#ifndef VIRIDIS_LIBVIRT_VIRIDIS_DRIVER_H
#define VIRIDIS_LIBVIRT_VIRIDIS_DRIVER_H

#include "conf/capabilities.h"
#include "conf/domain_conf.h"
#include "conf/object_event.h"
#include "conf/virchrdev.h"
#include "conf/virdomainobjlist.h"
#include "driver.h"

#define CONNECTION_TYPE "Viridis"

struct viridis_driver {
	/* constant after the start */
	virDomainXMLOption *options;
	virCaps *caps;
	virDomainObjList *domains;
	virObjectEventState *events;
	virChrdevs *consoles;
	virStateInhibitCallback inhibit;
	void *inhibit_context;
	struct watch *watch;
	/* under refresh */
	GMutex refresh;
	GHashTable *known;    /* name to struct known: what of it is in the list */
	GHashTable *starting; /* names of transient domains that have yet to run */
};

/* The one of this process, from the daemon's start to its end. */
extern struct viridis_driver *viridis_driver;

/* driver.c */
extern virHypervisorDriver viridisHypervisorDriver;

/* NULL and libvirt's error. Starts the VMs that are to start with the machine. */
struct viridis_driver *driver_new(virStateInhibitCallback inhibit, void *context);
void driver_free(struct viridis_driver *driver);

/* The domain of that name or UUID, locked and referenced, as the store has it now; NULL and libvirt's error. */
virDomainObj *driver_find(struct viridis_driver *driver, virDomainPtr domain);

/* libvirt's error for one of ours. */
void driver_report(const GError *error);

#endif
