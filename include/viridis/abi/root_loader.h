/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the hypervisor starts the root partition. It puts the root's loader (root-partition/loader, a
 * flat image) at ROOT_LOADER_HPA and the handoff behind it, and starts the root's first VP there as a
 * startup IPI does: in real mode, CS:0 the loader's first byte, interrupts off. The loader runs
 * in the root, without privilege, reads the firmware's tables, describes the machine to the hypervisor
 * by HvCallDescribeMachine (0xe004), and finds the kernel by the boot loader's own information.
 */
#ifndef VIRIDIS_ABI_ROOT_LOADER_H
#define VIRIDIS_ABI_ROOT_LOADER_H

#define ROOT_LOADER_HPA         0x20000 /* conventional memory, which firmware leaves alone */
#define ROOT_LOADER_HANDOFF_HPA 0x36000
#define ROOT_LOADER_TRAMPOLINE_HPA \
	0x3f000 /* where other CPUs start, before the root has any */
#define ROOT_LOADER_END_HPA    0x40000
#define ROOT_LOADER_INFO_BYTES 32768

#ifndef __ASSEMBLER__

#include <stdint.h>
#include <viridis/base/assert.h>

enum { ROOT_LOADER_IMAGE, ROOT_LOADER_RESERVE, ROOT_LOADER_TAKEN };

/* Not the root's: touching it raises #GP. Rising, and each within one range of RAM. */
struct root_loader_range {
	uint64_t start;
	uint64_t end;
};

struct root_loader_handoff {
	struct root_loader_range taken[ROOT_LOADER_TAKEN];
	uint8_t info[ROOT_LOADER_INFO_BYTES]; /* Multiboot2 3.4 */
};
ASSERT_SIZE(struct root_loader_handoff, 32 + ROOT_LOADER_INFO_BYTES);

#endif
#endif
