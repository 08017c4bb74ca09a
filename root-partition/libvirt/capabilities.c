/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both kinds of capabilities. */
#include <config.h>

#include "root-partition/libvirt/capabilities.h"

#include "cpu/cpu.h"
#include "util/virerror.h"
#include "util/virlog.h"

#include "root-partition/config/definition.h"

VIR_LOG_INIT("viridis.capabilities");

virCaps *capabilities_of_root(void)
{
	virCaps *caps = virCapabilitiesNew(VIR_ARCH_X86_64, false, false);
	virCapsGuest *guest;

	if (!caps)
		return NULL;
	guest = virCapabilitiesAddGuest(caps, VIR_DOMAIN_OSTYPE_HVM, VIR_ARCH_X86_64,
	                                NULL, NULL, 0, NULL);
	virCapabilitiesAddGuestDomain(guest, VIR_DOMAIN_VIRT_HYPERV, NULL, NULL, 0, NULL);
	caps->host.cpu = virCPUProbeHost(caps->host.arch);
	if (!caps->host.cpu)
		VIR_WARN("the root's processor is not known: %s",
		         virGetLastErrorMessage());
	return caps;
}

virDomainCaps *capabilities_of_domains(const char *machine)
{
	virDomainCaps *caps =
		virDomainCapsNew(NULL, machine, VIR_ARCH_X86_64, VIR_DOMAIN_VIRT_HYPERV);

	if (!caps)
		return NULL;
	caps->maxvcpus = DEFINITION_VPS_MAX;
	caps->os.supported = VIR_TRISTATE_BOOL_YES;
	caps->disk.supported = VIR_TRISTATE_BOOL_YES;
	caps->disk.diskDevice.report = true;
	caps->disk.bus.report = true;
	VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.diskDevice, VIR_DOMAIN_DISK_DEVICE_DISK);
	VIR_DOMAIN_CAPS_ENUM_SET(caps->disk.bus, VIR_DOMAIN_DISK_BUS_SCSI);
	caps->graphics.supported = VIR_TRISTATE_BOOL_NO;
	caps->video.supported = VIR_TRISTATE_BOOL_NO;
	caps->hostdev.supported = VIR_TRISTATE_BOOL_NO;
	return caps;
}
