/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of a small relocatable kernel for 64-bit machines. */
#include "kernel_image.h"

#include <string.h>

#include "root-partition/bzimage/boot_params.h"

#define MIB (1u << 20)

static void put(uint8_t *image, unsigned int at, uint64_t value, unsigned int bytes)
{
	memcpy(image + at, &value, bytes);
}

void kernel_image_fill(uint8_t image[KERNEL_IMAGE_BYTES])
{
	memset(image, 0, KERNEL_IMAGE_BYTES);
	put(image, BP_SETUP_SECTS, 1, 1);
	put(image, BP_SYSSIZE, (KERNEL_IMAGE_BYTES - 1024) / 16, 4);
	put(image, BP_BOOT_FLAG, BP_BOOT_FLAG_VALUE, 2);
	put(image, 0x200, 0x66eb, 2);
	put(image, BP_HEADER_MAGIC, BP_MAGIC_HDRS, 4);
	put(image, BP_VERSION, 0x20f, 2);
	put(image, BP_LOADFLAGS, BP_LOADED_HIGH, 1);
	put(image, BP_INITRD_ADDR_MAX, 0x7fffffff, 4);
	put(image, BP_KERNEL_ALIGNMENT, 2 * MIB, 4);
	put(image, BP_RELOCATABLE, 1, 1);
	put(image, BP_MIN_ALIGNMENT, 21, 1);
	put(image, BP_XLOADFLAGS, BP_XLF_KERNEL_64, 2);
	put(image, BP_CMDLINE_SIZE, 2047, 4);
	put(image, BP_PREF_ADDRESS, 16 * MIB, 8);
	put(image, BP_INIT_SIZE, MIB, 4);
}
