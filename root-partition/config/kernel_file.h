/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file is refused for as a child's kernel, told by its head and its length. */
#ifndef VIRIDIS_CONFIG_KERNEL_FILE_H
#define VIRIDIS_CONFIG_KERNEL_FILE_H

#include <stdint.h>

#define KERNEL_FILE_NO_ROOM \
	"does not fit, with its initrd, into the VM's memory; give it more"

/* A sentence, or NULL: it may be read and placed, which can still find that it does not fit. */
const char *kernel_file_reject_reason(int fd, uint64_t file_bytes, uint64_t memory_bytes);

#endif
