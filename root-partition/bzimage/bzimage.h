/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading a Linux bzImage (or a flat program that carries its header) by the 64-bit boot protocol:
 * parse the header, find a place, fill the zero page. Linux Documentation/arch/x86/boot.rst. Used for
 * the root by its loader and for children by their worker. PURE; the image is hostile input.
 *
 * Entry: long mode, identity-mapped, interrupts off, at load address + BZIMAGE_ENTRY_OFFSET with RSI
 * = the zero page, CS 0x10 and DS, ES, SS 0x18 flat.
 */
#ifndef VIRIDIS_BZIMAGE_H
#define VIRIDIS_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>
#include "root-partition/bzimage/boot_params.h"

#define BZIMAGE_ENTRY_OFFSET 0x200u

enum bzimage_result {
	BZIMAGE_OK,
	BZIMAGE_TRUNCATED,    /* shorter than its header says */
	BZIMAGE_NOT_A_KERNEL, /* a magic number is missing */
	BZIMAGE_TOO_OLD,      /* protocol before 2.12 */
	BZIMAGE_NOT_64_BIT,   /* no 64-bit entry, or loaded low */
	BZIMAGE_BAD_HEADER,   /* sizes or alignment make no sense */
	BZIMAGE_NO_ROOM,      /* no free range is large enough */
	BZIMAGE_LONG_COMMAND_LINE,
	BZIMAGE_LONG_E820, /* more than BP_E820_MAX entries */
	BZIMAGE_TOO_HIGH,  /* initrd or command line where the kernel cannot reach it */
};

struct bzimage {
	uint16_t version; /* 0x020c and up */
	uint16_t xloadflags;
	uint32_t header_end;  /* the setup header is [0x1f1, header_end) of the file */
	uint32_t setup_bytes; /* boot sector and real-mode code: where the kernel starts */
	uint64_t kernel_bytes; /* protected-mode kernel: the rest of the file */
	uint64_t init_bytes; /* memory the kernel needs from its load address, >= kernel_bytes */
	uint64_t pref_address;
	uint64_t alignment; /* of the load address when it is not pref_address */
	bool relocatable;
	bool above_4g;            /* kernel, initrd, command line may lie above 4 GiB */
	uint32_t cmdline_size;    /* longest command line, without the final 0 */
	uint64_t initrd_addr_max; /* last byte an initrd may take, unless above_4g */
};

struct bzimage_range {
	uint64_t start;
	uint64_t end; /* first byte beyond */
};

struct bzimage_e820 {
	uint64_t start;
	uint64_t bytes;
	uint32_t type; /* enum e820_type */
};

/* What shows the kernel's first words: text of 16 colours at 0xb8000, or pixels. */
enum bzimage_screen_kind {
	BZIMAGE_SCREEN_NONE,
	BZIMAGE_SCREEN_TEXT,
	BZIMAGE_SCREEN_PIXELS,
};

struct bzimage_screen {
	enum bzimage_screen_kind kind;
	uint64_t base;
	uint32_t pitch, width, height; /* bytes of a line; pixels, or characters */
	uint8_t depth;                 /* bits of a pixel */
	uint8_t fields[6];             /* position and size of red, green, blue */
};

/* What EFI left; system_table 0 means that the machine has no EFI, or no use of it. */
struct bzimage_efi {
	uint64_t system_table, map_gpa;
	uint32_t map_bytes, descriptor_bytes, descriptor_version;
};

/* Guest physical addresses; 0 bytes of initrd means none, rsdp_gpa 0 means that the kernel searches. */
struct bzimage_boot {
	uint64_t command_line_gpa;
	uint64_t command_line_bytes; /* without the final 0 */
	uint64_t initrd_gpa;
	uint64_t initrd_bytes;
	uint64_t rsdp_gpa;
	const struct bzimage_e820 *e820;
	size_t e820_count;
	struct bzimage_screen screen;
	struct bzimage_efi efi;
};

/* A sentence for people, without a full stop. */
const char *bzimage_describe(enum bzimage_result result);

enum bzimage_result bzimage_parse(const void *image, size_t bytes,
                                  struct bzimage *out) MUST_CHECK;

/* The same for a file of `file_bytes` whose head alone is at hand: BOOT_PARAMS_BYTES of it, or all. */
enum bzimage_result bzimage_parse_head(const void *head, size_t head_bytes,
                                       uint64_t file_bytes,
                                       struct bzimage *out) MUST_CHECK;

/*
 * Where to load the kernel: at pref_address if that is free, else, when it is relocatable, at the
 * lowest aligned address not below 16 MiB, else below. Needs init_bytes. `free` may be in any order.
 */
enum bzimage_result bzimage_place(const struct bzimage *image,
                                  const struct bzimage_range *free, size_t count,
                                  uint64_t *load_gpa) MUST_CHECK;

/*
 * The highest 4 KiB-aligned place for `bytes` that ends at or below limit (first byte beyond) and
 * keeps clear of `avoid` (0, 0 avoids nothing); for initrd and command line.
 */
enum bzimage_result bzimage_place_high(const struct bzimage_range *free, size_t count,
                                       const struct bzimage_range *avoid, uint64_t bytes,
                                       uint64_t limit, uint64_t *gpa) MUST_CHECK;

/* Fill a zero page; `file` is the parsed image. Nothing is written when the answer is not OK. */
enum bzimage_result bzimage_boot_params(uint8_t page[BOOT_PARAMS_BYTES], const void *file,
                                        const struct bzimage *image,
                                        const struct bzimage_boot *boot) MUST_CHECK;

#endif
