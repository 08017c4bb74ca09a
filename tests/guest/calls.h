/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the group `calls`: what a parent may ask of the hypervisor about a child. */
#ifndef VSC_TINY_CALLS_H
#define VSC_TINY_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* May this frame be given to the hypervisor? It comes back. calls_memory.c */
bool calls_may_deposit(uint64_t pfn);

/* 2 MiB of our own, aligned. calls_memory.c */
uint64_t calls_large_page(void);

/* The group itself has its properties, brothers, CPUID results and reset. calls.c */

/* calls_privileges.c */
void calls_privileges(void);

/* Large pages. calls_memory.c */
void calls_memory(void);

/* Which pages were written. calls_dirty.c */
void calls_dirty(void);

/* The processor that a child sees, and its time. calls_processor.c */
void calls_processor(void);

/* What VMMs of upstream's interface ask besides. calls_vmm.c */
void calls_vmm(void);

/* Interrupts, and messages and events without a port. calls_deliver.c */
void calls_deliver(void);

#endif
