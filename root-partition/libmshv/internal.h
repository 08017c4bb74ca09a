/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the library's own files. */
#ifndef ROOT_PARTITION_LIB_INTERNAL_H
#define ROOT_PARTITION_LIB_INTERNAL_H

#include <stdint.h>
#include <viridis/base/assert.h>

/* ioctl(2); a negative errno on failure. */
MUST_CHECK int mshv_ioctl(int fd, uint32_t request, void *block);

#endif
