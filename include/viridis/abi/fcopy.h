/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File copy from host to guest: the bodies of IC_FCOPY packets. The host asks, one request at a time; the guest sends
 * the packet back with a status.
 *
 *   FCOPY_START      the guest makes the file; IC_STATUS_EXISTS: there is one, and the host did not say that it may go
 *   FCOPY_WRITE      a piece of it, at its offset
 *   FCOPY_COMPLETE   it is whole
 *   FCOPY_CANCEL     it will not be: the guest removes it
 *
 * As Linux's uapi/linux/hyperv.h has them, packed. Texts are UTF-16LE with a zero at the end.
 */
#ifndef VIRIDIS_ABI_FCOPY_H
#define VIRIDIS_ABI_FCOPY_H

#include <stdint.h>
#include <viridis/base/assert.h>

enum fcopy_operation {
	FCOPY_START = 0,
	FCOPY_WRITE = 1,
	FCOPY_COMPLETE = 2,
	FCOPY_CANCEL = 3,
};

/* All of FCOPY_COMPLETE and FCOPY_CANCEL. */
struct fcopy_header {
	uint32_t operation; /* enum fcopy_operation */
	uint8_t services[32];
};
ASSERT_SIZE(struct fcopy_header, 36);

#define FCOPY_FLAG_OVERWRITE 0x1u

#define FCOPY_TEXT_BYTES 520u

struct fcopy_start {
	struct fcopy_header header;
	uint8_t name[FCOPY_TEXT_BYTES];   /* without its folder */
	uint8_t folder[FCOPY_TEXT_BYTES]; /* an absolute path */
	uint32_t flags;
	uint64_t file_bytes;
};
ASSERT_SIZE(struct fcopy_start, 1088);
ASSERT_OFFSET(struct fcopy_start, folder, 556);
ASSERT_OFFSET(struct fcopy_start, flags, 1076);
ASSERT_OFFSET(struct fcopy_start, file_bytes, 1080);

#define FCOPY_DATA_BYTES 6144u

struct fcopy_write {
	struct fcopy_header header;
	uint32_t reserved;
	uint64_t offset;
	uint32_t data_bytes;
	uint8_t data[FCOPY_DATA_BYTES];
} __attribute__((packed));
ASSERT_SIZE(struct fcopy_write, 6196);
ASSERT_OFFSET(struct fcopy_write, offset, 40);
ASSERT_OFFSET(struct fcopy_write, data_bytes, 48);
ASSERT_OFFSET(struct fcopy_write, data, 52);

#endif
