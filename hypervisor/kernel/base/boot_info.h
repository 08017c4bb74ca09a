/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: its memory as the boot loader describes it, the rest as the root's loader does. */
#pragma once

#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/root_loader.h>
#include "hypervisor/core/boot_info.h"

/* Constant once the reserve is chosen. */
extern struct boot_info boot_info;
extern struct root_loader_handoff boot_handoff;

/* Not the root's: the image, and the reserve once it is chosen. */
#define boot_image   (boot_handoff.taken[ROOT_LOADER_IMAGE])
#define boot_reserve (boot_handoff.taken[ROOT_LOADER_RESERVE])

/* Constant once the other CPUs run. */
extern struct viridis_input_describe_machine machine;

/* With the registers that the boot loader entered with, on the tables of boot.S. */
void boot_info_read(uint32_t magic, uint32_t info_hpa);
