/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offsets in the Linux/x86 boot protocol's zero page and setup header, for the 64-bit entry. Linux
 * Documentation/arch/x86/boot.rst and zero-page.rst. The setup header lies at the same offset in a
 * bzImage and in the zero page.
 */
#ifndef VIRIDIS_BOOT_PARAMS_H
#define VIRIDIS_BOOT_PARAMS_H

#define BOOT_PARAMS_BYTES 4096

enum boot_params_offset {
	BP_SCREEN_MODE = 0x006,    /* u8: 3 is the VGA's text of 80 x 25 */
	BP_SCREEN_COLUMNS = 0x007, /* u8 */
	BP_SCREEN_LINES = 0x00e,   /* u8 */
	BP_SCREEN_TYPE = 0x00f,    /* u8: enum bp_screen_type */
	BP_SCREEN_POINTS = 0x010,  /* u16: height of a character */
	BP_SCREEN_WIDTH = 0x012,   /* u16 */
	BP_SCREEN_HEIGHT = 0x014,  /* u16 */
	BP_SCREEN_DEPTH = 0x016,   /* u16 */
	BP_SCREEN_BASE = 0x018,    /* u32 */
	BP_SCREEN_BYTES = 0x01c,   /* u32; of VLFB in units of 64 KiB */
	BP_SCREEN_PITCH = 0x024,   /* u16 */
	BP_SCREEN_FIELDS = 0x026,  /* u8: size and position of red, green, blue, rest */
	BP_SCREEN_CAPABILITIES = 0x036,    /* u32 */
	BP_EXT_SCREEN_BASE = 0x03a,        /* u32: bits 63:32 */
	BP_ACPI_RSDP_ADDR = 0x070,         /* u64 */
	BP_EXT_RAMDISK_IMAGE = 0x0c0,      /* u32: bits 63:32 */
	BP_EXT_RAMDISK_SIZE = 0x0c4,       /* u32 */
	BP_EXT_CMD_LINE_PTR = 0x0c8,       /* u32 */
	BP_EFI_SIGNATURE = 0x1c0,          /* u32: "EL64" */
	BP_EFI_SYSTEM_TABLE = 0x1c4,       /* u32 */
	BP_EFI_DESCRIPTOR_BYTES = 0x1c8,   /* u32 */
	BP_EFI_DESCRIPTOR_VERSION = 0x1cc, /* u32 */
	BP_EFI_MAP = 0x1d0,                /* u32 */
	BP_EFI_MAP_BYTES = 0x1d4,          /* u32 */
	BP_EXT_EFI_SYSTEM_TABLE = 0x1d8,   /* u32: bits 63:32 */
	BP_EXT_EFI_MAP = 0x1dc,            /* u32 */
	BP_E820_ENTRIES = 0x1e8,           /* u8 */
	BP_SETUP_SECTS = 0x1f1,            /* u8; the setup header starts here */
	BP_SYSSIZE = 0x1f4,                /* u32: protected-mode code, 16-byte units */
	BP_BOOT_FLAG = 0x1fe,              /* u16: 0xaa55 */
	BP_JUMP_LENGTH = 0x201,            /* u8: the header ends at 0x202 plus this */
	BP_HEADER_MAGIC = 0x202,           /* u32: "HdrS" */
	BP_VERSION = 0x206,                /* u16 */
	BP_TYPE_OF_LOADER = 0x210,         /* u8: 0xff = no number assigned */
	BP_LOADFLAGS = 0x211,              /* u8 */
	BP_CODE32_START = 0x214,           /* u32 */
	BP_RAMDISK_IMAGE = 0x218,          /* u32 */
	BP_RAMDISK_SIZE = 0x21c,           /* u32 */
	BP_HEAP_END_PTR = 0x224,           /* u16 */
	BP_CMD_LINE_PTR = 0x228,           /* u32 */
	BP_INITRD_ADDR_MAX = 0x22c,        /* u32 */
	BP_KERNEL_ALIGNMENT = 0x230,       /* u32 */
	BP_RELOCATABLE = 0x234,            /* u8 */
	BP_MIN_ALIGNMENT = 0x235,          /* u8: log2 */
	BP_XLOADFLAGS = 0x236,             /* u16 */
	BP_CMDLINE_SIZE = 0x238,           /* u32, without the final 0 */
	BP_SETUP_DATA = 0x250,             /* u64 */
	BP_PREF_ADDRESS = 0x258,           /* u64 */
	BP_INIT_SIZE = 0x260,              /* u32 */
	BP_HEADER_LIMIT = 0x290,           /* the header cannot reach beyond */
	BP_E820_TABLE = 0x2d0, /* entries of 20 bytes: u64 start, u64 size, u32 type */
};

#define BP_E820_MAX         128
#define BP_E820_ENTRY_BYTES 20
#define BP_MAGIC_HDRS       0x53726448u
#define BP_BOOT_FLAG_VALUE  0xaa55u
#define BP_LOADER_UNKNOWN   0xffu

#define BP_LOADED_HIGH   0x01u /* loadflags */
#define BP_KEEP_SEGMENTS 0x40u
#define BP_CAN_USE_HEAP  0x80u

#define BP_XLF_KERNEL_64       0x01u /* xloadflags */
#define BP_XLF_CAN_BE_ABOVE_4G 0x02u

#define BP_EFI_SIGNATURE_64   0x34364c45u
#define BP_SCREEN_64_BIT_BASE 0x02u /* capabilities */

enum bp_screen_type {
	BP_SCREEN_VGA = 0x01,
	BP_SCREEN_VLFB = 0x23, /* pixels, by a BIOS */
	BP_SCREEN_EFI = 0x70,  /* pixels, by EFI */
};

/* Types of e820 entries. ACPI 6.5, 15.1 */
enum e820_type {
	E820_RAM = 1,
	E820_RESERVED = 2,
	E820_ACPI = 3,
	E820_NVS = 4,
	E820_UNUSABLE = 5,
};

#endif
