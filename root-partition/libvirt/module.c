/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module: what the daemon finds, starts and ends. */
#include <config.h>

#include "root-partition/libvirt/viridis_driver.h"

#include "util/virerror.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

struct viridis_driver *viridis_driver;

static int viridisStateCleanup(void)
{
	if (!viridis_driver)
		return -1;
	g_clear_pointer(&viridis_driver, driver_free);
	return 0;
}

static int viridisStateInitialize(bool privileged, const char *root, bool monolithic,
                                  virStateInhibitCallback callback, void *context)
{
	(void)monolithic;
	if (root || !privileged) {
		virReportError(
			VIR_ERR_INVALID_ARG, "%s",
			"only viridis:///system, in a daemon of root's, is possible");
		return VIR_DRV_STATE_INIT_ERROR;
	}
	viridis_driver = driver_new(callback, context);
	return viridis_driver ? VIR_DRV_STATE_INIT_COMPLETE : VIR_DRV_STATE_INIT_ERROR;
}

static virConnectDriver viridisConnectDriver = {
	.localOnly = true,
	.uriSchemes = (const char *[]){ "viridis", NULL },
	.hypervisorDriver = &viridisHypervisorDriver,
};

static virStateDriver viridisStateDriver = {
	.name = CONNECTION_TYPE,
	.stateInitialize = viridisStateInitialize,
	.stateCleanup = viridisStateCleanup,
};

/* What the daemon looks for in the module; nothing else of it is seen. */
__attribute__((visibility("default"))) int viridisRegister(void);

int viridisRegister(void)
{
	if (virRegisterConnectDriver(&viridisConnectDriver, false) < 0 ||
	    virRegisterStateDriver(&viridisStateDriver) < 0)
		return -1;
	return 0;
}
