/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bzImage's own rules, and the VM's memory. */
#include "root-partition/config/kernel_file.h"

#include <sys/types.h>
#include <unistd.h>

#include "root-partition/bzimage/bzimage.h"

const char *kernel_file_reject_reason(int fd, uint64_t file_bytes, uint64_t memory_bytes)
{
	uint8_t head[BOOT_PARAMS_BYTES];
	size_t count = file_bytes < sizeof(head) ? file_bytes : sizeof(head);
	struct bzimage image;
	enum bzimage_result result;

	if (pread(fd, head, count, 0) != (ssize_t)count)
		return "cannot be read";
	result = bzimage_parse_head(head, count, file_bytes, &image);
	if (result != BZIMAGE_OK)
		return bzimage_describe(result);
	return file_bytes > memory_bytes || image.init_bytes > memory_bytes ?
	               KERNEL_FILE_NO_ROOM :
	               NULL;
}
