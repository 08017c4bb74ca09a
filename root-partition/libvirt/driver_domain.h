/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of driver.c's table that ask what a domain is and has, and change it; libvirt knows what each is to do. */
#ifndef VIRIDIS_LIBVIRT_DRIVER_DOMAIN_H
#define VIRIDIS_LIBVIRT_DRIVER_DOMAIN_H

#include "root-partition/libvirt/viridis_driver.h"

char *viridisDomainGetOSType(virDomainPtr dom);
int viridisDomainIsActive(virDomainPtr dom);
int viridisDomainIsPersistent(virDomainPtr dom);
int viridisDomainIsUpdated(virDomainPtr dom);
int viridisDomainGetState(virDomainPtr dom, int *state, int *reason, unsigned int flags);
int viridisDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info);
unsigned long long viridisDomainGetMaxMemory(virDomainPtr dom);
int viridisDomainGetVcpusFlags(virDomainPtr dom, unsigned int flags);
int viridisDomainGetMaxVcpus(virDomainPtr dom);
int viridisDomainBlockStats(virDomainPtr dom, const char *path,
                            virDomainBlockStatsPtr stats);
int viridisDomainInterfaceStats(virDomainPtr dom, const char *device,
                                virDomainInterfaceStatsPtr stats);
int viridisDomainBlockStatsFlags(virDomainPtr dom, const char *path,
                                 virTypedParameterPtr params, int *nparams,
                                 unsigned int flags);
int viridisDomainGetBlockInfo(virDomainPtr dom, const char *path,
                              virDomainBlockInfoPtr info, unsigned int flags);
int viridisDomainMemoryStats(virDomainPtr dom, virDomainMemoryStatPtr stats,
                             unsigned int nr_stats, unsigned int flags);
int viridisDomainGetVcpus(virDomainPtr dom, virVcpuInfoPtr info, int maxinfo,
                          unsigned char *cpumaps, int maplen);
int viridisDomainGetCPUStats(virDomainPtr dom, virTypedParameterPtr params,
                             unsigned int nparams, int start_cpu, unsigned int ncpus,
                             unsigned int flags);
int viridisDomainInterfaceAddresses(virDomainPtr dom, virDomainInterfacePtr **ifaces,
                                    unsigned int source, unsigned int flags);
char *viridisDomainGetSchedulerType(virDomainPtr dom, int *nparams);
int viridisDomainGetSchedulerParametersFlags(virDomainPtr dom,
                                             virTypedParameterPtr params, int *nparams,
                                             unsigned int flags);
int viridisDomainGetSchedulerParameters(virDomainPtr dom, virTypedParameterPtr params,
                                        int *nparams);
int viridisDomainSetSchedulerParametersFlags(virDomainPtr dom,
                                             virTypedParameterPtr params, int nparams,
                                             unsigned int flags);
int viridisDomainSetSchedulerParameters(virDomainPtr dom, virTypedParameterPtr params,
                                        int nparams);
int viridisDomainAttachDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags);
int viridisDomainAttachDevice(virDomainPtr dom, const char *xml);
int viridisDomainDetachDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags);
int viridisDomainDetachDevice(virDomainPtr dom, const char *xml);
int viridisDomainDetachDeviceAlias(virDomainPtr dom, const char *alias,
                                   unsigned int flags);
int viridisDomainUpdateDeviceFlags(virDomainPtr dom, const char *xml, unsigned int flags);
int viridisDomainSetVcpusFlags(virDomainPtr dom, unsigned int count, unsigned int flags);
int viridisDomainSetVcpus(virDomainPtr dom, unsigned int count);
int viridisDomainSetMemoryFlags(virDomainPtr dom, unsigned long kib, unsigned int flags);
int viridisDomainSetMemory(virDomainPtr dom, unsigned long kib);
int viridisDomainSetMaxMemory(virDomainPtr dom, unsigned long kib);
char *viridisDomainGetMetadata(virDomainPtr dom, int type, const char *uri,
                               unsigned int flags);
int viridisDomainSetMetadata(virDomainPtr dom, int type, const char *metadata,
                             const char *key, const char *uri, unsigned int flags);
int viridisDomainHasManagedSaveImage(virDomainPtr dom, unsigned int flags);
int viridisDomainListAllSnapshots(virDomainPtr dom, virDomainSnapshotPtr **snapshots,
                                  unsigned int flags);

#endif
