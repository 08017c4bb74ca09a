/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the control socket that describe the running machine. Free them with g_free(). */
#ifndef VIRIDIS_VM_VM_STATUS_H
#define VIRIDIS_VM_VM_STATUS_H

#include "root-partition/config/json_text.h"
#include <sys/types.h>

#include "root-partition/vm/machine.h"

/* `keeper`: the process that people know the VM by. */
char *vm_status_json(struct machine *machine, pid_t keeper);
/* `providers`: see vmbus_count(). */
char *vm_stats_json(const struct machine *machine, json_t *providers);

#endif
