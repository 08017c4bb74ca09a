/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as the boot stage found it; constant once main() has started the other CPUs. */
#ifndef VIRIDIS_KERNEL_BOOT_INFO_H
#define VIRIDIS_KERNEL_BOOT_INFO_H

#include <viridis/abi/root_loader.h>
#include "hypervisor/core/boot_info.h"

/* What the boot stage hands over. Command lines in `info` point into the stage's own memory. */
struct boot_handoff {
	struct boot_info info;
	uint8_t loader_info[ROOT_LOADER_INFO_BYTES]
		__attribute__((aligned(8))); /* Multiboot2 3.4 */
};

/* The hypervisor's copies. */
extern struct boot_info boot_info;
extern uint8_t boot_loader_info[ROOT_LOADER_INFO_BYTES];

/* Copies the handoff and logs what it says, while the stage is still mapped. */
void boot_take(const struct boot_handoff *handoff);

#endif
