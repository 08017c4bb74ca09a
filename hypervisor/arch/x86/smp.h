/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up the other processors. */
#ifndef VIRIDIS_X86_SMP_H
#define VIRIDIS_X86_SMP_H

struct cpu;

void smp_init_boot_cpu(void); /* struct cpu, GS and descriptors of the CPU that boots */

/*
 * Start every other CPU of the MADT, one after the other, each on its own stack, interrupts off,
 * local APIC ready. It then waits for smp_release(), and enters entry(cpu). One that does not come
 * up is logged and left out.
 */
void smp_start_all(void (*entry)(struct cpu *));
void smp_release(void);

#endif
