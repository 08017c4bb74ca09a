/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any file at all as a kernel image. What is accepted must be placeable without wrapping, lie within
 * the file, and fill a zero page. Input: 32 bytes of free ranges and sizes, then the file.
 */
#include "root-partition/bzimage/bzimage.h"

#include <stdlib.h>
#include <string.h>
#include <viridis/base/bits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void place_kernel(const struct bzimage *image, const struct bzimage_range *free)
{
	uint64_t at;

	if (bzimage_place(image, free, 1, &at) != BZIMAGE_OK)
		return;
	require(at >= free->start && at <= free->end);
	require(image->init_bytes <= free->end - at);
	require(at == image->pref_address || is_aligned(at, image->alignment));
}

static void place_initrd(const struct bzimage *image, const struct bzimage_range *free,
                         uint64_t bytes)
{
	struct bzimage_range kernel = { image->pref_address,
		                        image->pref_address + image->init_bytes };
	uint64_t at;

	if (bzimage_place_high(free, 1, &kernel, bytes, image->initrd_addr_max, &at) !=
	    BZIMAGE_OK)
		return;
	require(at >= free->start && at <= free->end && bytes <= free->end - at);
	require(at >= kernel.end || bytes <= kernel.start - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t page[BOOT_PARAMS_BYTES];
	struct bzimage_range free;
	struct bzimage_boot boot = { .command_line_gpa = 0x20000 };
	struct bzimage image;

	if (size < 32)
		return 0;
	memcpy(&free, data, sizeof(free));
	memcpy(&boot.initrd_gpa, data + 16, 8);
	memcpy(&boot.initrd_bytes, data + 24, 8);
	if (bzimage_parse(data + 32, size - 32, &image) != BZIMAGE_OK)
		return 0;
	require(image.setup_bytes + image.kernel_bytes == size - 32);
	require(image.header_end <= image.setup_bytes &&
	        image.init_bytes >= image.kernel_bytes);
	place_kernel(&image, &free);
	place_initrd(&image, &free, boot.initrd_bytes);
	(void)bzimage_boot_params(page, data + 32, &image,
	                          &boot); /* any answer is right */
	return 0;
}
