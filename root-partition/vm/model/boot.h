/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing a Linux kernel (or a program with its header) to its 64-bit entry: where everything
 * goes in the child's RAM, the tables it is entered with, and the first VP's registers. PURE.
 *
 *   0x01000  GDT                      0x0a000  stack's end
 *   0x02000  boot parameters          0x20000  command line
 *   0x03000  page tables, 6 pages     0xe0000  ACPI tables (acpi_tables.h)
 *                                     0xffff0  where a restart through the BIOS goes
 */
#ifndef VIRIDIS_VM_MODEL_BOOT_H
#define VIRIDIS_VM_MODEL_BOOT_H

#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/base/assert.h>
#include "root-partition/bzimage/bzimage.h"

#define BOOT_RAM_MIN       (UINT64_C(8) << 20)
#define BOOT_LOW_BYTES     0x100000u /* all that boot_write() fills lies below */
#define BOOT_E820_COUNT    4u
#define BOOT_REGISTERS_MAX 32u

struct boot_input {
	uint64_t ram_bytes; /* BOOT_RAM_MIN at least, whole pages */
	const void *kernel;
	size_t kernel_bytes;
	uint64_t initrd_bytes;    /* 0: none */
	const char *command_line; /* ends with 0 */
};

struct boot_plan {
	struct bzimage image;
	uint64_t kernel_gpa; /* image.kernel_bytes from image.setup_bytes of the file go there */
	struct bzimage_boot boot;
	struct bzimage_e820 e820[BOOT_E820_COUNT];
};

/* Check the kernel and find places. BZIMAGE_OK, or what is wrong (bzimage_describe). */
enum bzimage_result boot_plan(const struct boot_input *input,
                              struct boot_plan *plan) MUST_CHECK;

/* Everything but the kernel, the initrd and the ACPI tables; `low`: the first MiB of RAM. */
enum bzimage_result boot_write(const struct boot_input *input, struct boot_plan *plan,
                               uint8_t low[BOOT_LOW_BYTES]) MUST_CHECK;

/* Long mode at the kernel's entry. Returns how many of `registers` were filled. */
uint32_t boot_registers(const struct boot_plan *plan,
                        struct hv_register_assoc registers[BOOT_REGISTERS_MAX]);

#endif
