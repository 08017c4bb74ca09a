/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the control socket that describe the running machine. Free them with g_free(). */
#ifndef VIRIDIS_VM_VM_STATUS_H
#define VIRIDIS_VM_VM_STATUS_H

#include "root-partition/vm/machine.h"

char *vm_status_json(const struct machine *machine);
char *vm_stats_json(const struct machine *machine);

#endif
