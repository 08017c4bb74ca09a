/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root partition: how it is made and loaded, and how it ends. D3 */
#pragma once

#include <stdint.h>

/* Boot: the partition, its memory map, VP 0. */
void root_create(void);

/* Boot: its loader, and the state in which VP 0 enters it. */
void root_load(void);

/* Boot: VPs for the other CPUs. */
void root_add_vps(void);

/* Boot: the root may access the pages of these bytes so, or with 0 not at all. flags: npt.h */
void root_map(uint64_t start, uint64_t end, uint32_t flags);

/* The machine ends with it: a message, and a reset or power-off. */
_Noreturn void root_ended(const char *why);
