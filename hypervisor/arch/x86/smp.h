/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the other processors, and calling one that runs. */
#pragma once

#include "hypervisor/kernel/base/percpu.h"

/*
 * Start every other CPU of the machine, one after the other, each in main() on its own stack. One that does
 * not come is logged and left out.
 */
void smp_start_all(void);

/* A started CPU, once it can run VPs: its TSC is compared; then it waits for smp_release(). */
void smp_join(struct cpu *cpu);
void smp_release(void);

/* Another CPU is to leave its guest, or HLT, and look again. */
void smp_kick(const struct cpu *cpu);
