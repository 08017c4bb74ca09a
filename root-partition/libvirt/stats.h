/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a running VM, and what its guest tells, as its worker and providers say it. */
#ifndef VIRIDIS_LIBVIRT_STATS_H
#define VIRIDIS_LIBVIRT_STATS_H

#include "root-partition/libvirt/viridis_driver.h"

/* 0, or -1 and libvirt's error. The domain is locked, and unlocked while its worker is asked. */
int stats_block(virDomainObj *domain, const char *path, virDomainBlockStatsPtr stats);
/* The same, as many as there is room for; and how large its file or device is, whether it runs or not. */
int stats_block_params(virDomainObj *domain, const char *path,
                       virTypedParameterPtr params, int *count);
int stats_block_size(virDomainObj *domain, const char *path, virDomainBlockInfoPtr info);
int stats_interface(virDomainObj *domain, const char *device,
                    virDomainInterfaceStatsPtr stats);

/* Nanoseconds that its VPs took, by the hypervisor's account; 0: it does not run, or does not say. */
unsigned long long stats_cpu_time(virDomainObj *domain);

/* `infos` and `maps` as virDomainGetVcpus() has them; how many there are. */
int stats_vcpus(virDomainObj *domain, virVcpuInfoPtr infos, int count,
                unsigned char *maps, int map_bytes);

/* Its weight beside other domains. */
int stats_weight(virDomainObj *domain, unsigned int *weight);

/* What virConnectGetAllDomainStats() tells of it; of `wanted`, virDomainStatsTypes. */
#define STATS_KINDS                                                                      \
	(VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL |                           \
	 VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | \
	 VIR_DOMAIN_STATS_BLOCK)
virDomainStatsRecordPtr stats_record(virConnectPtr conn, virDomainObj *domain,
                                     unsigned int wanted);

/* Its adapters with their addresses, as the guest tells them (KVP); how many, or -1. */
int stats_addresses(virDomainObj *domain, virDomainInterfacePtr **interfaces);

#endif
