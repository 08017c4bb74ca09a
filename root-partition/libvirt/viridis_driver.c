/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's parts made and ended, and what all of them use. */
#include <config.h>

#include "root-partition/libvirt/viridis_driver.h"

#include "datatypes.h"
#include "util/virerror.h"
#include "util/viruuid.h"

#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"
#include "root-partition/libvirt/capabilities.h"
#include "root-partition/libvirt/change.h"
#include "root-partition/libvirt/domain.h"
#include "root-partition/libvirt/domain_xml.h"
#include "root-partition/libvirt/network.h"
#include "root-partition/libvirt/registry.h"
#include "root-partition/libvirt/watch.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

void driver_report(const GError *error)
{
	static const struct {
		enum definition_error ours;
		int theirs;
	} codes[] = {
		{ DEFINITION_ERROR_INVALID, VIR_ERR_CONFIG_UNSUPPORTED },
		{ DEFINITION_ERROR_TIME, VIR_ERR_OPERATION_TIMEOUT },
		{ DEFINITION_ERROR_EXISTS, VIR_ERR_DOM_EXIST },
		{ DEFINITION_ERROR_UNKNOWN, VIR_ERR_NO_DOMAIN },
		{ DEFINITION_ERROR_STATE, VIR_ERR_OPERATION_INVALID },
		{ DEFINITION_ERROR_UNSUPPORTED, VIR_ERR_OPERATION_UNSUPPORTED },
	};
	int code = VIR_ERR_OPERATION_FAILED;

	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (g_error_matches(error, DEFINITION_ERROR, (gint)codes[i].ours))
			code = codes[i].theirs;
	virReportError(code, "%s", error ? error->message : "it failed");
}

virDomainObj *driver_find(struct viridis_driver *driver, virDomainPtr domain)
{
	char text[VIR_UUID_STRING_BUFLEN];
	virDomainObj *found;

	registry_refresh(driver);
	found = virDomainObjListFindByUUID(driver->domains, domain->uuid);
	if (found)
		return found;
	virUUIDFormat(domain->uuid, text);
	virReportError(VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)", text,
	               domain->name);
	return NULL;
}

static bool make_parts(struct viridis_driver *driver)
{
	driver->caps = capabilities_of_root();
	driver->options =
		virDomainXMLOptionNew(&domain_xml_parser, NULL, NULL, NULL, NULL, NULL);
	driver->domains = virDomainObjListNew();
	driver->events = virObjectEventStateNew();
	driver->consoles = virChrdevAlloc();
	return driver->caps && driver->options && driver->domains && driver->events &&
	       driver->consoles;
}

/* Once after each start of the machine: the mark is among the files of running VMs. */
static bool wants_autostart(void)
{
	bool wanted = false;

	return virDriverShouldAutostart(paths_run_dir(), &wanted) >= 0 && wanted;
}

struct viridis_driver *driver_new(virStateInhibitCallback inhibit, void *context)
{
	struct viridis_driver *driver = g_new0(struct viridis_driver, 1);

	domain_xml_bridge_of = network_bridge;
	driver->inhibit = inhibit;
	driver->inhibit_context = context;
	if (!make_parts(driver) || !registry_start(driver) ||
	    !(driver->watch = watch_start(driver))) {
		driver_free(driver);
		return NULL;
	}
	change_forget_orders();
	if (wants_autostart())
		domain_autostart_all(driver);
	return driver;
}

void driver_free(struct viridis_driver *driver)
{
	if (driver->watch)
		watch_stop(driver->watch);
	if (driver->known)
		registry_stop(driver);
	if (driver->consoles)
		virChrdevFree(driver->consoles);
	virObjectUnref(driver->events);
	virObjectUnref(driver->domains);
	virObjectUnref(driver->options);
	virObjectUnref(driver->caps);
	g_free(driver);
}
