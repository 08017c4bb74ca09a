/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing up the other processors. */
#ifndef VIRIDIS_X86_SMP_H
#define VIRIDIS_X86_SMP_H

struct cpu;

void smp_init_boot_cpu(void); /* struct cpu, GS and descriptors of the CPU that boots */

/*
 * Start every other CPU of the machine, one after the other, each on its own stack, interrupts off,
 * local APIC ready, cpu_prepare() done. It then waits for smp_release(), and enters cpu_loop(). One
 * that does not come up is logged and left out.
 */
void smp_start_all(void);
void smp_release(void);

/* Supplied by main.c: what the CPU needs to run VPs; on the CPU itself, one at a time. */
void cpu_prepare(struct cpu *cpu);

#endif
