/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fixed addresses, for C, assembler and the linker script. See paging.h. */
#pragma once

#define FRAME_MAP_BASE 0xffff800000000000
#define WINDOW_BASE    0xffffff0000000000
#define APART_BASE     0xffffff0040000000
#define IMAGE_BASE     0xffffffff80000000

#define CPU_STACK_BYTES 16384

#define IMAGE_LOAD_HPA  0x100000
#define IMAGE_LIMIT_HPA 0x800000 /* OVMF keeps ACPI NVS memory from here on */
