/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scsi_write DEVICE: sends WRITE (10) and UNMAP for the first block, past what the system knows of
 * the disk, and prints for each what the disk answers: "2a status 2 sense 7/27/0".
 * scsi_write DEVICE zero|unmap BLOCK COUNT: sends WRITE SAME (16) with zeros, which Linux's hv_storvsc does not let its
 * disks do; with `unmap` the blocks may be freed.
 */
#include <fcntl.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCK_BYTES 512u
#define TIMEOUT_MS  20000u

/* SBC-3 5.32; block 0, one block. */
static const uint8_t write_10[10] = { 0x2a, [8] = 1 };
/* SBC-3 5.28: a list of 24 bytes, with one descriptor of 16. */
static const uint8_t unmap[10] = { 0x42, [8] = 24 };
static const uint8_t unmap_list[24] = { [1] = 22, [3] = 16, [19] = 1 };

/* SPC-4 4.5: fixed format, or with descriptors. */
static void print_sense(const uint8_t *sense)
{
	if ((sense[0] & 0x7f) >= 0x72)
		printf(" sense %x/%x/%x", sense[1] & 0xf, sense[2], sense[3]);
	else
		printf(" sense %x/%x/%x", sense[2] & 0xf, sense[12], sense[13]);
}

static int send_command(int fd, const uint8_t *command, unsigned int command_bytes,
                        const void *data, unsigned int bytes)
{
	uint8_t sense[64] = { 0 };
	struct sg_io_hdr request = {
		.interface_id = 'S',
		.dxfer_direction = SG_DXFER_TO_DEV,
		.cmdp = (uint8_t *)command,
		.cmd_len = (unsigned char)command_bytes,
		.dxferp = (void *)data,
		.dxfer_len = bytes,
		.sbp = sense,
		.mx_sb_len = sizeof(sense),
		.timeout = TIMEOUT_MS,
	};

	if (ioctl(fd, SG_IO, &request) != 0) {
		perror("SG_IO");
		return 1;
	}
	printf("%x status %x", command[0], request.status);
	if (request.sb_len_wr)
		print_sense(sense);
	printf("\n");
	return 0;
}

static void put_be(uint8_t *to, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/* SBC-3 5.44; bit 3 of byte 1: UNMAP. */
static int write_same(int fd, bool may_unmap, uint64_t first, uint64_t count)
{
	static const uint8_t zeros[BLOCK_BYTES];
	uint8_t command[16] = { 0x93, may_unmap ? 0x08 : 0 };

	put_be(&command[2], 8, first);
	put_be(&command[10], 4, count);
	return send_command(fd, command, sizeof(command), zeros, sizeof(zeros));
}

static int write_and_unmap(int fd)
{
	uint8_t block[BLOCK_BYTES];

	memset(block, 0xa5, sizeof(block));
	return send_command(fd, write_10, sizeof(write_10), block, sizeof(block)) ||
	       send_command(fd, unmap, sizeof(unmap), unmap_list, sizeof(unmap_list));
}

int main(int argc, char **argv)
{
	bool same = argc == 5;
	int fd = argc == 2 || same ? open(argv[1], O_RDONLY | O_NONBLOCK) : -1;

	if (fd < 0) {
		perror("scsi_write DEVICE [zero|unmap BLOCK COUNT]");
		return 2;
	}
	if (!same)
		return write_and_unmap(fd);
	return write_same(fd, strcmp(argv[2], "unmap") == 0, strtoull(argv[3], NULL, 0),
	                  strtoull(argv[4], NULL, 0));
}
