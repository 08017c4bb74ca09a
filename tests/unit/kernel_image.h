/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel's image that may be loaded and is never executed. */
#ifndef VIRIDIS_TESTS_KERNEL_IMAGE_H
#define VIRIDIS_TESTS_KERNEL_IMAGE_H

#include <stdint.h>

#define KERNEL_IMAGE_BYTES 8192u

void kernel_image_fill(uint8_t image[KERNEL_IMAGE_BYTES]);

#endif
