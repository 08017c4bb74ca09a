/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table's functions of what domains are and have: who may, on which domain, and then the part that does it. */
#include <config.h>

#include "root-partition/libvirt/driver_domain.h"

#include "access/viraccessapicheck.h"
#include "conf/virdomainsnapshotobjlist.h"
#include "datatypes.h"
#include "util/virerror.h"
#include "util/virtypedparam.h"

#include "root-partition/libvirt/change.h"
#include "root-partition/libvirt/domain.h"
#include "root-partition/libvirt/stats.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

/* ---- What domains are ---- */

char *viridisDomainGetOSType(virDomainPtr dom)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	char *result = NULL;

	if (!domain)
		return NULL;
	if (virDomainGetOSTypeEnsureACL(dom->conn, domain->def) >= 0)
		result = g_strdup(virDomainOSTypeToString(domain->def->os.type));
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainIsActive(virDomainPtr dom)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainIsActiveEnsureACL(dom->conn, domain->def) >= 0)
		result = virDomainObjIsActive(domain);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainIsPersistent(virDomainPtr dom)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainIsPersistentEnsureACL(dom->conn, domain->def) >= 0)
		result = domain->persistent;
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainIsUpdated(virDomainPtr dom)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainIsUpdatedEnsureACL(dom->conn, domain->def) >= 0)
		result = domain->updated;
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainGetStateEnsureACL(dom->conn, domain->def) >= 0) {
		*state = virDomainObjGetState(domain, reason);
		result = 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainGetInfoEnsureACL(dom->conn, domain->def) >= 0) {
		info->state = virDomainObjGetState(domain, NULL);
		info->cpuTime = stats_cpu_time(domain);
		info->maxMem = virDomainDefGetMemoryTotal(domain->def);
		info->memory = virDomainObjIsActive(domain) ? info->maxMem : 0;
		info->nrVirtCpu = virDomainDefGetVcpus(domain->def);
		result = 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

unsigned long long viridisDomainGetMaxMemory(virDomainPtr dom)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	unsigned long long result = 0;

	if (!domain)
		return 0;
	if (virDomainGetMaxMemoryEnsureACL(dom->conn, domain->def) >= 0)
		result = virDomainDefGetMemoryTotal(domain->def);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetVcpusFlags(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	virDomainDef *def;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
	                      VIR_DOMAIN_VCPU_MAXIMUM,
	              -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainGetVcpusFlagsEnsureACL(dom->conn, domain->def, flags) >= 0 &&
	    (def = virDomainObjGetOneDef(domain, flags)))
		result = (int)virDomainDefGetVcpus(def);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetMaxVcpus(virDomainPtr dom)
{
	return viridisDomainGetVcpusFlags(dom, VIR_DOMAIN_VCPU_MAXIMUM);
}

int viridisDomainBlockStats(virDomainPtr dom, const char *path,
                            virDomainBlockStatsPtr stats)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainBlockStatsEnsureACL(dom->conn, domain->def) >= 0)
		result = stats_block(domain, path, stats);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainInterfaceStats(virDomainPtr dom, const char *device,
                                virDomainInterfaceStatsPtr stats)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainInterfaceStatsEnsureACL(dom->conn, domain->def) >= 0)
		result = stats_interface(domain, device, stats);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainBlockStatsFlags(virDomainPtr dom, const char *path,
                                 virTypedParameterPtr params, int *nparams,
                                 unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_TYPED_PARAM_STRING_OKAY, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainBlockStatsFlagsEnsureACL(dom->conn, domain->def) >= 0)
		result = stats_block_params(domain, path, params, nparams);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetBlockInfo(virDomainPtr dom, const char *path,
                              virDomainBlockInfoPtr info, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainGetBlockInfoEnsureACL(dom->conn, domain->def) >= 0)
		result = stats_block_size(domain, path, info);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainMemoryStats(virDomainPtr dom, virDomainMemoryStatPtr stats,
                             unsigned int nr_stats, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainMemoryStatsEnsureACL(dom->conn, domain->def) >= 0 &&
	    virDomainObjCheckActive(domain) >= 0) {
		if (nr_stats)
			stats[0] = (virDomainMemoryStatStruct){
				VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON,
				virDomainDefGetMemoryTotal(domain->def)
			};
		result = nr_stats ? 1 : 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetVcpus(virDomainPtr dom, virVcpuInfoPtr info, int maxinfo,
                          unsigned char *cpumaps, int maplen)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	int result = -1;

	if (!domain)
		return -1;
	if (virDomainGetVcpusEnsureACL(dom->conn, domain->def) >= 0)
		result = stats_vcpus(domain, info, maxinfo, cpumaps, maplen);
	virDomainObjEndAPI(&domain);
	return result;
}

/* Of the whole: which CPU a VP ran on is not counted. */
static int total_of(virDomainObj *domain, virTypedParameterPtr params,
                    unsigned int nparams, int start_cpu)
{
	if (start_cpu != -1) {
		virReportError(
			VIR_ERR_OPERATION_UNSUPPORTED, "%s",
			"what a domain took of single CPUs is not counted; its total "
			"is (--total)");
		return -1;
	}
	if (virDomainObjCheckActive(domain) < 0)
		return -1;
	if (nparams == 0)
		return 1;
	return virTypedParameterAssign(params, VIR_DOMAIN_CPU_STATS_CPUTIME,
	                               VIR_TYPED_PARAM_ULLONG,
	                               stats_cpu_time(domain)) < 0 ?
	               -1 :
	               1;
}

int viridisDomainGetCPUStats(virDomainPtr dom, virTypedParameterPtr params,
                             unsigned int nparams, int start_cpu, unsigned int ncpus,
                             unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_TYPED_PARAM_STRING_OKAY, -1);
	(void)ncpus;
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainGetCPUStatsEnsureACL(dom->conn, domain->def) >= 0)
		result = total_of(domain, params, nparams, start_cpu);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainInterfaceAddresses(virDomainPtr dom, virDomainInterfacePtr **ifaces,
                                    unsigned int source, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainInterfaceAddressesEnsureACL(dom->conn, domain->def, source) < 0)
		goto end;
	if (source == VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
		result = stats_addresses(domain, ifaces);
	else
		virReportError(
			VIR_ERR_OPERATION_UNSUPPORTED, "%s",
			"addresses are what the guest tells (--source agent); leases "
			"and ARP are not looked at");
end:
	virDomainObjEndAPI(&domain);
	return result;
}

/* ---- The scheduler ---- */

char *viridisDomainGetSchedulerType(virDomainPtr dom, int *nparams)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	char *result = NULL;

	if (!domain)
		return NULL;
	if (virDomainGetSchedulerTypeEnsureACL(dom->conn, domain->def) >= 0) {
		result = g_strdup("weight");
		if (nparams)
			*nparams = 1;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetSchedulerParametersFlags(virDomainPtr dom,
                                             virTypedParameterPtr params, int *nparams,
                                             unsigned int flags)
{
	virDomainObj *domain;
	unsigned int weight;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_TYPED_PARAM_STRING_OKAY, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainGetSchedulerParametersFlagsEnsureACL(dom->conn, domain->def) >= 0 &&
	    stats_weight(domain, &weight) == 0 &&
	    virTypedParameterAssign(params, VIR_DOMAIN_SCHEDULER_WEIGHT,
	                            VIR_TYPED_PARAM_UINT, weight) == 0) {
		*nparams = 1;
		result = 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainGetSchedulerParameters(virDomainPtr dom, virTypedParameterPtr params,
                                        int *nparams)
{
	return viridisDomainGetSchedulerParametersFlags(dom, params, nparams, 0);
}

int viridisDomainSetSchedulerParametersFlags(virDomainPtr dom,
                                             virTypedParameterPtr params, int nparams,
                                             unsigned int flags)
{
	virDomainObj *domain;
	unsigned int weight;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE, -1);
	if (virTypedParamsValidate(params, nparams, VIR_DOMAIN_SCHEDULER_WEIGHT,
	                           VIR_TYPED_PARAM_UINT, NULL) < 0 ||
	    !(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainSetSchedulerParametersFlagsEnsureACL(dom->conn, domain->def,
	                                                  flags) >= 0 &&
	    virTypedParamsGetUInt(params, nparams, VIR_DOMAIN_SCHEDULER_WEIGHT,
	                          &weight) == 1)
		result = domain_set_weight(viridis_driver, domain, weight);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainSetSchedulerParameters(virDomainPtr dom, virTypedParameterPtr params,
                                        int nparams)
{
	return viridisDomainSetSchedulerParametersFlags(dom, params, nparams, 0);
}

/* ---- Changes ---- */

int viridisDomainAttachDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainAttachDeviceFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_attach(viridis_driver, domain, xml, flags);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainAttachDevice(virDomainPtr dom, const char *xml)
{
	return viridisDomainAttachDeviceFlags(dom, xml, VIR_DOMAIN_AFFECT_LIVE);
}

int viridisDomainDetachDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainDetachDeviceFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_detach(viridis_driver, domain, xml, flags);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainDetachDevice(virDomainPtr dom, const char *xml)
{
	return viridisDomainDetachDeviceFlags(dom, xml, VIR_DOMAIN_AFFECT_LIVE);
}

int viridisDomainDetachDeviceAlias(virDomainPtr dom, const char *alias,
                                   unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainDetachDeviceAliasEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_detach_alias(viridis_driver, domain, alias, flags);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainUpdateDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainUpdateDeviceFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_update(viridis_driver, domain, xml, flags);
	virDomainObjEndAPI(&domain);
	return result;
}

/* There is one number of them: no reserve to be brought in later. */
int viridisDomainSetVcpusFlags(virDomainPtr dom, unsigned int count, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
	                      VIR_DOMAIN_VCPU_MAXIMUM,
	              -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainSetVcpusFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_vcpus(viridis_driver, domain, count,
		                      flags & ~(unsigned int)VIR_DOMAIN_VCPU_MAXIMUM);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainSetVcpus(virDomainPtr dom, unsigned int count)
{
	return viridisDomainSetVcpusFlags(dom, count, VIR_DOMAIN_AFFECT_LIVE);
}

int viridisDomainSetMemoryFlags(virDomainPtr dom, unsigned long kib, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
	                      VIR_DOMAIN_MEM_MAXIMUM,
	              -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainSetMemoryFlagsEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_memory(viridis_driver, domain, kib,
		                       flags & ~(unsigned int)VIR_DOMAIN_MEM_MAXIMUM);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainSetMemory(virDomainPtr dom, unsigned long kib)
{
	return viridisDomainSetMemoryFlags(dom, kib, VIR_DOMAIN_AFFECT_LIVE);
}

int viridisDomainSetMaxMemory(virDomainPtr dom, unsigned long kib)
{
	return viridisDomainSetMemoryFlags(dom, kib, VIR_DOMAIN_MEM_MAXIMUM);
}

char *viridisDomainGetMetadata(virDomainPtr dom, int type, const char *uri,
                               unsigned int flags)
{
	virDomainObj *domain = driver_find(viridis_driver, dom);
	char *result = NULL;

	if (!domain)
		return NULL;
	if (virDomainGetMetadataEnsureACL(dom->conn, domain->def) >= 0)
		result = virDomainObjGetMetadata(domain, type, uri, flags);
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainSetMetadata(virDomainPtr dom, int type, const char *metadata,
                             const char *key, const char *uri, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainSetMetadataEnsureACL(dom->conn, domain->def, flags) >= 0)
		result = change_metadata(viridis_driver, domain, type, metadata, key, uri,
		                         flags);
	virDomainObjEndAPI(&domain);
	return result;
}

/* ---- What there is none of ---- */

int viridisDomainHasManagedSaveImage(virDomainPtr dom, unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(0, -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainHasManagedSaveImageEnsureACL(dom->conn, domain->def) >= 0)
		result = 0;
	virDomainObjEndAPI(&domain);
	return result;
}

int viridisDomainListAllSnapshots(virDomainPtr dom, virDomainSnapshotPtr **snapshots,
                                  unsigned int flags)
{
	virDomainObj *domain;
	int result = -1;

	virCheckFlags(VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_FILTERS_ALL,
	              -1);
	if (!(domain = driver_find(viridis_driver, dom)))
		return -1;
	if (virDomainListAllSnapshotsEnsureACL(dom->conn, domain->def) >= 0) {
		if (snapshots)
			*snapshots = g_new0(virDomainSnapshotPtr, 1);
		result = 0;
	}
	virDomainObjEndAPI(&domain);
	return result;
}
