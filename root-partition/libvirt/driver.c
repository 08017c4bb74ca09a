/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of functions by which libvirt's daemon calls us, and the functions: who may, on which domain, and then the
 * part that does it. Their names and their shape are what libvirt's own checks ask for.
 */
#include <config.h>

#include "root-partition/libvirt/viridis_driver.h"

#include "access/viraccessapicheck.h"
#include "conf/domain_capabilities.h"
#include "conf/domain_event.h"
#include "datatypes.h"
#include "driver.h"
#include "util/virerror.h"
#include "util/virhostcpu.h"
#include "util/virhostmem.h"
#include "util/virutil.h"
#include "util/viruuid.h"

#include "root-partition/config/definition.h"
#include "root-partition/libvirt/capabilities.h"
#include "root-partition/libvirt/domain.h"
#include "root-partition/libvirt/driver_domain.h"
#include "root-partition/libvirt/registry.h"
#include "root-partition/libvirt/stats.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

#define CONNECTION_VERSION 1000 /* 0.1.0, as libvirt counts */

/* Nothing of these is kept for our domains, so that there is nothing to be asked about. */
#define UNDEFINE_FLAGS                                                               \
	(VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | \
	 VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM |      \
	 VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)

#define STATS_FLAGS                                 \
	(VIR_CONNECT_LIST_DOMAINS_FILTERS_ALL |     \
	 VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | \
	 VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

/* ---- What all have in common ---- */

static virDomainPtr reference_to(virConnectPtr conn, const virDomainObj *domain)
{
	return virGetDomain(conn, domain->def->name, domain->def->uuid, domain->def->id);
}

/* ---- The connection ---- */

static virDrvOpenStatus viridisConnectOpen(virConnectPtr conn, virConnectAuthPtr auth,
                                           virConf *conf, unsigned int flags)
{
	virCheckFlags(VIR_CONNECT_RO, VIR_DRV_OPEN_ERROR);
	(void)auth;
	(void)conf;
	if (!viridis_driver) {
		virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
		               "viridis state driver is not active");
		return VIR_DRV_OPEN_ERROR;
	}
	if (STRNEQ_NULLABLE(conn->uri->path, "/system")) {
		virReportError(VIR_ERR_INTERNAL_ERROR,
		               "unexpected path '%s', try viridis:///system",
		               conn->uri->path);
		return VIR_DRV_OPEN_ERROR;
	}
	if (virConnectOpenEnsureACL(conn) < 0)
		return VIR_DRV_OPEN_ERROR;
	conn->privateData = viridis_driver;
	return VIR_DRV_OPEN_SUCCESS;
}

static int viridisConnectClose(virConnectPtr conn)
{
	conn->privateData = NULL;
	return 0;
}

static const char *viridisConnectGetType(virConnectPtr conn)
{
	return virConnectGetTypeEnsureACL(conn) < 0 ? NULL : CONNECTION_TYPE;
}

static int viridisConnectGetVersion(virConnectPtr conn, unsigned long *version)
{
	if (virConnectGetVersionEnsureACL(conn) < 0)
		return -1;
	*version = CONNECTION_VERSION;
	return 0;
}

static char *viridisConnectGetHostname(virConnectPtr conn)
{
	return virConnectGetHostnameEnsureACL(conn) < 0 ? NULL : virGetHostname();
}

static int viridisConnectIsAlive(virConnectPtr conn)
{
	(void)conn;
	return 1;
}

/* By a socket of this machine. */
static int viridisConnectIsSecure(virConnectPtr conn)
{
	(void)conn;
	return 1;
}

static int viridisConnectIsEncrypted(virConnectPtr conn)
{
	(void)conn;
	return 0;
}

static int viridisConnectSupportsFeature(virConnectPtr conn, int feature)
{
	int supported = 0;

	if (virConnectSupportsFeatureEnsureACL(conn) < 0)
		return -1;
	return virDriverFeatureIsGlobal(feature, &supported) ? supported : 0;
}

static char *viridisConnectGetCapabilities(virConnectPtr conn)
{
	if (virConnectGetCapabilitiesEnsureACL(conn) < 0)
		return NULL;
	return virCapabilitiesFormatXML(viridis_driver->caps);
}

static bool capabilities_fit(const char *arch, const char *type)
{
	if ((!arch || STREQ(arch, "x86_64")) && (!type || STREQ(type, "hyperv")))
		return true;
	virReportError(VIR_ERR_INVALID_ARG, "%s", "only x86_64 and hyperv are possible");
	return false;
}

static char *viridisConnectGetDomainCapabilities(virConnectPtr conn, const char *emulator,
                                                 const char *arch, const char *machine,
                                                 const char *type, unsigned int flags)
{
	g_autoptr(virDomainCaps) caps = NULL;

	virCheckFlags(0, NULL);
	(void)emulator;
	if (virConnectGetDomainCapabilitiesEnsureACL(conn) < 0 ||
	    !capabilities_fit(arch, type))
		return NULL;
	caps = capabilities_of_domains(machine);
	return caps ? virDomainCapsFormat(caps) : NULL;
}

static int viridisConnectGetMaxVcpus(virConnectPtr conn, const char *type)
{
	if (virConnectGetMaxVcpusEnsureACL(conn) < 0 || !capabilities_fit(NULL, type))
		return -1;
	return DEFINITION_VPS_MAX;
}

/* ---- The root ---- */

static int viridisNodeGetInfo(virConnectPtr conn, virNodeInfoPtr info)
{
	if (virNodeGetInfoEnsureACL(conn) < 0)
		return -1;
	return virCapabilitiesGetNodeInfo(info);
}

static int viridisNodeGetCPUStats(virConnectPtr conn, int cpu, virNodeCPUStatsPtr params,
                                  int *nparams, unsigned int flags)
{
	if (virNodeGetCPUStatsEnsureACL(conn) < 0)
		return -1;
	return virHostCPUGetStats(cpu, params, nparams, flags);
}

static int viridisNodeGetMemoryStats(virConnectPtr conn, int cell,
                                     virNodeMemoryStatsPtr params, int *nparams,
                                     unsigned int flags)
{
	if (virNodeGetMemoryStatsEnsureACL(conn) < 0)
		return -1;
	return virHostMemGetStats(cell, params, nparams, flags);
}

static int viridisNodeGetCPUMap(virConnectPtr conn, unsigned char **map,
                                unsigned int *online, unsigned int flags)
{
	if (virNodeGetCPUMapEnsureACL(conn) < 0)
		return -1;
	return virHostCPUGetMap(map, online, flags);
}

static unsigned long long viridisNodeGetFreeMemory(virConnectPtr conn)
{
	unsigned long long bytes;

	if (virNodeGetFreeMemoryEnsureACL(conn) < 0)
		return 0;
	return virHostMemGetInfo(NULL, &bytes) < 0 ? 0 : bytes;
}

/* ---- Lists ---- */

static int viridisConnectNumOfDomains(virConnectPtr conn)
{
	if (virConnectNumOfDomainsEnsureACL(conn) < 0)
		return -1;
	registry_refresh(viridis_driver);
	return virDomainObjListNumOfDomains(viridis_driver->domains, true,
	                                    virConnectNumOfDomainsCheckACL, conn);
}

static int viridisConnectListDomains(virConnectPtr conn, int *ids, int count)
{
	if (virConnectListDomainsEnsureACL(conn) < 0)
		return -1;
	registry_refresh(viridis_driver);
	return virDomainObjListGetActiveIDs(viridis_driver->domains, ids, count,
	                                    virConnectListDomainsCheckACL, conn);
}

static int viridisConnectNumOfDefinedDomains(virConnectPtr conn)
{
	if (virConnectNumOfDefinedDomainsEnsureACL(conn) < 0)
		return -1;
	registry_refresh(viridis_driver);
	return virDomainObjListNumOfDomains(viridis_driver->domains, false,
	                                    virConnectNumOfDefinedDomainsCheckACL, conn);
}

static int viridisConnectListDefinedDomains(virConnectPtr conn, char **const names,
                                            int count)
{
	if (virConnectListDefinedDomainsEnsureACL(conn) < 0)
		return -1;
	registry_refresh(viridis_driver);
	return virDomainObjListGetInactiveNames(viridis_driver->domains, names, count,
	                                        virConnectListDefinedDomainsCheckACL,
	                                        conn);
}

static int viridisConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains,
                                        unsigned int flags)
{
	virCheckFlags(VIR_CONNECT_LIST_DOMAINS_FILTERS_ALL, -1);
	if (virConnectListAllDomainsEnsureACL(conn) < 0)
		return -1;
	registry_refresh(viridis_driver);
	return virDomainObjListExport(viridis_driver->domains, conn, domains,
	                              virConnectListAllDomainsCheckACL, flags);
}

/* All that is asked for, where that was asked for. */
static bool stats_are_known(unsigned int stats, unsigned int flags)
{
	if (!(flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) ||
	    !(stats & ~STATS_KINDS))
		return true;
	virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED,
	               "Stats types bits 0x%x are not supported by this daemon",
	               stats & ~STATS_KINDS);
	return false;
}

static int viridisConnectGetAllDomainStats(virConnectPtr conn, virDomainPtr *doms,
                                           unsigned int ndoms, unsigned int stats,
                                           virDomainStatsRecordPtr **records,
                                           unsigned int flags)
{
	unsigned int lists = flags & VIR_CONNECT_LIST_DOMAINS_FILTERS_ALL;
	virDomainObj **domains = NULL;
	size_t count = 0;

	virCheckFlags(STATS_FLAGS, -1);
	if (virConnectGetAllDomainStatsEnsureACL(conn) < 0 ||
	    !stats_are_known(stats, flags))
		return -1;
	registry_refresh(viridis_driver);
	if (ndoms == 0)
		virDomainObjListCollect(viridis_driver->domains, conn, &domains, &count,
		                        virConnectGetAllDomainStatsCheckACL, lists);
	else if (virDomainObjListConvert(
			 viridis_driver->domains, conn, doms, ndoms, &domains, &count,
			 virConnectGetAllDomainStatsCheckACL, lists, true) < 0)
		return -1;
	*records = g_new0(virDomainStatsRecordPtr, count + 1);
	for (size_t i = 0; i < count; i++) {
		virObjectLock(domains[i]);
		(*records)[i] =
			stats_record(conn, domains[i], stats ? stats : STATS_KINDS);
		virObjectUnlock(domains[i]);
	}
	virObjectListFreeCount(domains, count);
	return (int)count;
}

static virDomainPtr viridisDomainLookupByID(virConnectPtr conn, int id)
{
	virDomainPtr result = NULL;
	virDomainObj *domain;

	registry_refresh(viridis_driver);
	domain = virDomainObjListFindByID(viridis_driver->domains, id);
	if (!domain)
		virReportError(VIR_ERR_NO_DOMAIN, "no domain with matching id '%d'", id);
	else if (virDomainLookupByIDEnsureACL(conn, domain->def) >= 0)
		result = reference_to(conn, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static virDomainPtr viridisDomainLookupByUUID(virConnectPtr conn,
                                              const unsigned char *uuid)
{
	char text[VIR_UUID_STRING_BUFLEN];
	virDomainPtr result = NULL;
	virDomainObj *domain;

	virUUIDFormat(uuid, text);
	registry_refresh(viridis_driver);
	domain = virDomainObjListFindByUUID(viridis_driver->domains, uuid);
	if (!domain)
		virReportError(VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s'",
		               text);
	else if (virDomainLookupByUUIDEnsureACL(conn, domain->def) >= 0)
		result = reference_to(conn, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static virDomainPtr viridisDomainLookupByName(virConnectPtr conn, const char *name)
{
	virDomainPtr result = NULL;
	virDomainObj *domain;

	registry_refresh(viridis_driver);
	domain = virDomainObjListFindByName(viridis_driver->domains, name);
	if (!domain)
		virReportError(VIR_ERR_NO_DOMAIN, "no domain with matching name '%s'",
		               name);
	else if (virDomainLookupByNameEnsureACL(conn, domain->def) >= 0)
		result = reference_to(conn, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

/* ---- Definitions ---- */

static virDomainDef *parse(const char *xml, bool validate)
{
	unsigned int flags = VIR_DOMAIN_DEF_PARSE_INACTIVE;

	if (validate)
		flags |= VIR_DOMAIN_DEF_PARSE_VALIDATE_SCHEMA;
	return virDomainDefParseString(xml, viridis_driver->options, NULL, flags);
}

static virDomainPtr viridisDomainDefineXMLFlags(virConnectPtr conn, const char *xml,
                                                unsigned int flags)
{
	g_autoptr(virDomainDef) def = NULL;
	virDomainPtr result = NULL;
	virDomainObj *domain;

	virCheckFlags(VIR_DOMAIN_DEFINE_VALIDATE, NULL);
	def = parse(xml, flags & VIR_DOMAIN_DEFINE_VALIDATE);
	if (!def || virDomainDefineXMLFlagsEnsureACL(conn, def) < 0)
		return NULL;
	domain = domain_define(viridis_driver, xml, def);
	if (domain)
		result = reference_to(conn, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static virDomainPtr viridisDomainDefineXML(virConnectPtr conn, const char *xml)
{
	return viridisDomainDefineXMLFlags(conn, xml, 0);
}

static virDomainPtr viridisDomainCreateXML(virConnectPtr conn, const char *xml,
                                           unsigned int flags)
{
	g_autoptr(virDomainDef) def = NULL;
	virDomainPtr result = NULL;
	virDomainObj *domain;

	virCheckFlags(VIR_DOMAIN_START_VALIDATE, NULL);
	def = parse(xml, flags & VIR_DOMAIN_START_VALIDATE);
	if (!def || virDomainCreateXMLEnsureACL(conn, def) < 0)
		return NULL;
	domain = domain_create(viridis_driver, xml, def);
	if (domain)
		result = reference_to(conn, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainUndefineFlags(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(UNDEFINE_FLAGS, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainUndefineFlagsEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_undefine(viridis_driver, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainUndefine(virDomainPtr dom)
{
	return viridisDomainUndefineFlags(dom, 0);
}

static char *viridisDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	char *result = NULL;

	virCheckFlags(VIR_DOMAIN_XML_COMMON_FLAGS, NULL);
	if (!(domain = driver_find(viridis_driver, dom)))
		return NULL;
	if (virDomainGetXMLDescEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = virDomainDefFormat((flags & VIR_DOMAIN_XML_INACTIVE) &&
		                                            domain->newDef ?
		                                    domain->newDef :
		                                    domain->def,
		                            viridis_driver->options,
		                            virDomainDefFormatConvertXMLFlags(flags));
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainGetAutostart(virDomainPtr dom, int *autostart)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainGetAutostartEnsureACL(dom->conn, domain->def) >= 0) {
		*autostart = domain->autostart;
		result = 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainSetAutostart(virDomainPtr dom, int autostart)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainSetAutostartEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_set_autostart(viridis_driver, domain, autostart);
	virDomainObjEndAPI(&domain);
	return result;
}

/* ---- Lives ---- */

static int viridisDomainCreateWithFlags(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainCreateWithFlagsEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_start(viridis_driver, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainCreate(virDomainPtr dom)
{
	return viridisDomainCreateWithFlags(dom, 0);
}

static int viridisDomainShutdownFlags(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_SHUTDOWN_PARAVIRT, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainShutdownFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = domain_shutdown(viridis_driver, domain, false);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainShutdown(virDomainPtr dom)
{
	return viridisDomainShutdownFlags(dom, 0);
}

static int viridisDomainReboot(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_REBOOT_PARAVIRT, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainRebootEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = domain_shutdown(viridis_driver, domain, true);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainReset(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainResetEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_order(viridis_driver, domain, CONTROL_RESET);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainSuspend(virDomainPtr dom)
{
	virDomainObj *domain;
	int result = -1;

	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainSuspendEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_order(viridis_driver, domain, CONTROL_PAUSE);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainResume(virDomainPtr dom)
{
	virDomainObj *domain;
	int result = -1;

	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainResumeEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_order(viridis_driver, domain, CONTROL_RESUME);
	virDomainObjEndAPI(&domain);
	return result;
}

/* A worker always gets the time to end in order, unless it does not obey. */
static int viridisDomainDestroyFlags(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_DESTROY_GRACEFUL, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainDestroyFlagsEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_destroy(viridis_driver, domain);
	virDomainObjEndAPI(&domain);
	return result;
}

static int viridisDomainDestroy(virDomainPtr dom)
{
	return viridisDomainDestroyFlags(dom, 0);
}

static int viridisDomainOpenConsole(virDomainPtr dom, const char *device,
                                    virStreamPtr stream, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_CONSOLE_SAFE | VIR_DOMAIN_CONSOLE_FORCE, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainOpenConsoleEnsureACL(dom->conn, domain->def) >= 0)
		result = domain_open_console(viridis_driver, domain, device, stream,
		                             flags & VIR_DOMAIN_CONSOLE_FORCE);
	virDomainObjEndAPI(&domain);
	return result;
}

/* ---- Events ---- */

static int viridisConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom,
                                                int event,
                                                virConnectDomainEventGenericCallback call,
                                                void *context, virFreeCallback free_it)
{
	int id = -1;

	if (virConnectDomainEventRegisterAnyEnsureACL(conn) < 0 ||
	    virDomainEventStateRegisterID(conn, viridis_driver->events, dom, event, call,
	                                  context, free_it, &id) < 0)
		return -1;
	return id;
}

static int viridisConnectDomainEventDeregisterAny(virConnectPtr conn, int id)
{
	if (virConnectDomainEventDeregisterAnyEnsureACL(conn) < 0)
		return -1;
	return virObjectEventStateDeregisterID(conn, viridis_driver->events, id, true) <
	                       0 ?
	               -1 :
	               0;
}

virHypervisorDriver viridisHypervisorDriver = {
	.name = CONNECTION_TYPE,
	.connectOpen = viridisConnectOpen,                                   /* 9.0.0 */
	.connectClose = viridisConnectClose,                                 /* 9.0.0 */
	.connectGetType = viridisConnectGetType,                             /* 9.0.0 */
	.connectGetVersion = viridisConnectGetVersion,                       /* 9.0.0 */
	.connectGetHostname = viridisConnectGetHostname,                     /* 9.0.0 */
	.connectIsAlive = viridisConnectIsAlive,                             /* 9.0.0 */
	.connectIsSecure = viridisConnectIsSecure,                           /* 9.0.0 */
	.connectIsEncrypted = viridisConnectIsEncrypted,                     /* 9.0.0 */
	.connectSupportsFeature = viridisConnectSupportsFeature,             /* 9.0.0 */
	.connectGetCapabilities = viridisConnectGetCapabilities,             /* 9.0.0 */
	.connectGetDomainCapabilities = viridisConnectGetDomainCapabilities, /* 9.0.0 */
	.connectGetMaxVcpus = viridisConnectGetMaxVcpus,                     /* 9.0.0 */
	.nodeGetInfo = viridisNodeGetInfo,                                   /* 9.0.0 */
	.nodeGetCPUStats = viridisNodeGetCPUStats,                           /* 9.0.0 */
	.nodeGetMemoryStats = viridisNodeGetMemoryStats,                     /* 9.0.0 */
	.nodeGetCPUMap = viridisNodeGetCPUMap,                               /* 9.0.0 */
	.nodeGetFreeMemory = viridisNodeGetFreeMemory,                       /* 9.0.0 */
	.connectNumOfDomains = viridisConnectNumOfDomains,                   /* 9.0.0 */
	.connectListDomains = viridisConnectListDomains,                     /* 9.0.0 */
	.connectNumOfDefinedDomains = viridisConnectNumOfDefinedDomains,     /* 9.0.0 */
	.connectListDefinedDomains = viridisConnectListDefinedDomains,       /* 9.0.0 */
	.connectListAllDomains = viridisConnectListAllDomains,               /* 9.0.0 */
	.connectGetAllDomainStats = viridisConnectGetAllDomainStats,         /* 9.0.0 */
	.domainLookupByID = viridisDomainLookupByID,                         /* 9.0.0 */
	.domainLookupByUUID = viridisDomainLookupByUUID,                     /* 9.0.0 */
	.domainLookupByName = viridisDomainLookupByName,                     /* 9.0.0 */
	.domainDefineXMLFlags = viridisDomainDefineXMLFlags,                 /* 9.0.0 */
	.domainDefineXML = viridisDomainDefineXML,                           /* 9.0.0 */
	.domainCreateXML = viridisDomainCreateXML,                           /* 9.0.0 */
	.domainUndefineFlags = viridisDomainUndefineFlags,                   /* 9.0.0 */
	.domainUndefine = viridisDomainUndefine,                             /* 9.0.0 */
	.domainGetXMLDesc = viridisDomainGetXMLDesc,                         /* 9.0.0 */
	.domainGetAutostart = viridisDomainGetAutostart,                     /* 9.0.0 */
	.domainSetAutostart = viridisDomainSetAutostart,                     /* 9.0.0 */
	.domainCreateWithFlags = viridisDomainCreateWithFlags,               /* 9.0.0 */
	.domainCreate = viridisDomainCreate,                                 /* 9.0.0 */
	.domainShutdownFlags = viridisDomainShutdownFlags,                   /* 9.0.0 */
	.domainShutdown = viridisDomainShutdown,                             /* 9.0.0 */
	.domainReboot = viridisDomainReboot,                                 /* 9.0.0 */
	.domainReset = viridisDomainReset,                                   /* 9.0.0 */
	.domainSuspend = viridisDomainSuspend,                               /* 9.0.0 */
	.domainResume = viridisDomainResume,                                 /* 9.0.0 */
	.domainDestroyFlags = viridisDomainDestroyFlags,                     /* 9.0.0 */
	.domainDestroy = viridisDomainDestroy,                               /* 9.0.0 */
	.domainOpenConsole = viridisDomainOpenConsole,                       /* 9.0.0 */
	.domainGetOSType = viridisDomainGetOSType,                           /* 9.0.0 */
	.domainIsActive = viridisDomainIsActive,                             /* 9.0.0 */
	.domainIsPersistent = viridisDomainIsPersistent,                     /* 9.0.0 */
	.domainIsUpdated = viridisDomainIsUpdated,                           /* 9.0.0 */
	.domainGetState = viridisDomainGetState,                             /* 9.0.0 */
	.domainGetInfo = viridisDomainGetInfo,                               /* 9.0.0 */
	.domainGetMaxMemory = viridisDomainGetMaxMemory,                     /* 9.0.0 */
	.domainGetVcpusFlags = viridisDomainGetVcpusFlags,                   /* 9.0.0 */
	.domainGetMaxVcpus = viridisDomainGetMaxVcpus,                       /* 9.0.0 */
	.domainBlockStats = viridisDomainBlockStats,                         /* 9.0.0 */
	.domainInterfaceStats = viridisDomainInterfaceStats,                 /* 9.0.0 */
	.domainBlockStatsFlags = viridisDomainBlockStatsFlags,               /* 9.0.0 */
	.domainGetBlockInfo = viridisDomainGetBlockInfo,                     /* 9.0.0 */
	.domainMemoryStats = viridisDomainMemoryStats,                       /* 9.0.0 */
	.domainGetVcpus = viridisDomainGetVcpus,                             /* 9.0.0 */
	.domainGetCPUStats = viridisDomainGetCPUStats,                       /* 9.0.0 */
	.domainInterfaceAddresses = viridisDomainInterfaceAddresses,         /* 9.0.0 */
	.domainGetSchedulerType = viridisDomainGetSchedulerType,             /* 9.0.0 */
	.domainGetSchedulerParametersFlags =
		viridisDomainGetSchedulerParametersFlags,                    /* 9.0.0 */
	.domainGetSchedulerParameters = viridisDomainGetSchedulerParameters, /* 9.0.0 */
	.domainSetSchedulerParametersFlags =
		viridisDomainSetSchedulerParametersFlags,                      /* 9.0.0 */
	.domainSetSchedulerParameters = viridisDomainSetSchedulerParameters,   /* 9.0.0 */
	.domainAttachDeviceFlags = viridisDomainAttachDeviceFlags,             /* 9.0.0 */
	.domainAttachDevice = viridisDomainAttachDevice,                       /* 9.0.0 */
	.domainDetachDeviceFlags = viridisDomainDetachDeviceFlags,             /* 9.0.0 */
	.domainDetachDevice = viridisDomainDetachDevice,                       /* 9.0.0 */
	.domainDetachDeviceAlias = viridisDomainDetachDeviceAlias,             /* 9.0.0 */
	.domainUpdateDeviceFlags = viridisDomainUpdateDeviceFlags,             /* 9.0.0 */
	.domainSetVcpusFlags = viridisDomainSetVcpusFlags,                     /* 9.0.0 */
	.domainSetVcpus = viridisDomainSetVcpus,                               /* 9.0.0 */
	.domainSetMemoryFlags = viridisDomainSetMemoryFlags,                   /* 9.0.0 */
	.domainSetMemory = viridisDomainSetMemory,                             /* 9.0.0 */
	.domainSetMaxMemory = viridisDomainSetMaxMemory,                       /* 9.0.0 */
	.domainGetMetadata = viridisDomainGetMetadata,                         /* 9.0.0 */
	.domainSetMetadata = viridisDomainSetMetadata,                         /* 9.0.0 */
	.domainHasManagedSaveImage = viridisDomainHasManagedSaveImage,         /* 9.0.0 */
	.domainListAllSnapshots = viridisDomainListAllSnapshots,               /* 9.0.0 */
	.connectDomainEventRegisterAny = viridisConnectDomainEventRegisterAny, /* 9.0.0 */
	.connectDomainEventDeregisterAny =
		viridisConnectDomainEventDeregisterAny, /* 9.0.0 */
};
