/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel, initrd, command line and ACPI tables into a new machine's memory. */
#ifndef VIRIDIS_VM_LOADER_H
#define VIRIDIS_VM_LOADER_H

#include "root-partition/vm/machine.h"

/* The definition's files; errors name the file. */
gboolean loader_load(struct machine *machine, GError **error);

/* The first VP to the kernel's entry. The others wait for the kernel's INIT and SIPI. */
gboolean loader_set_registers(struct machine *machine, GError **error);

#endif
