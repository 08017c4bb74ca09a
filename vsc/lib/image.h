/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures shared by the linker script, the assembly and the C code of a guest image. */
#ifndef VSC_LIB_IMAGE_H
#define VSC_LIB_IMAGE_H

#define IMAGE_INIT_SIZE 0x400000 /* memory a guest needs from its load address on */
#define STACK_BYTES     0x4000

/* Offsets in the zero page. Linux x86 boot protocol, "The boot_params structure" */
#define BOOT_PARAMS_RSDP         0x70
#define BOOT_PARAMS_RAMDISK      0x218
#define BOOT_PARAMS_RAMDISK_SIZE 0x21c
#define BOOT_PARAMS_E820_COUNT   0x1e8
#define BOOT_PARAMS_COMMAND_LINE 0x228
#define BOOT_PARAMS_E820         0x2d0

/* Our own selectors, the same on every VP. */
#define SELECTOR_CODE64      0x10
#define SELECTOR_DATA        0x18
#define SELECTOR_USER_DATA   0x23
#define SELECTOR_USER_CODE64 0x2b

#endif
