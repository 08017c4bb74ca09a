/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest image: two sectors of setup, then a position-independent payload linked at 0. */
#include "vsc/lib/image.h"

OUTPUT_FORMAT("elf64-x86-64")
ENTRY(entry64)

SECTIONS
{
	. = 0;
	payload_start = .;
	.text : {
		*(.head)
		*(.text .text.*)
	}
	. = ALIGN(4096);
	.rodata : {
		*(.rodata .rodata.*)
		. = ALIGN(8);
		fixups_start = .;
		KEEP(*(.fixups))
		fixups_end = .;
	}
	.rela : {
		relocations_start = .;
		*(.rela .rela.*)
		relocations_end = .;
	}
	.dynamic : { *(.dynamic) }
	.dynsym : { *(.dynsym) }
	.dynstr : { *(.dynstr) }
	.hash : { *(.hash) *(.gnu.hash) }
	. = ALIGN(4096);
	.data : {
		*(.data .data.*)
		. = ALIGN(4096); /* inside, so that the file is as long as syssize says */
	}
	payload_end = .;
	.bss (NOLOAD) : {
		bss_start = .;
		*(.bss .bss.* COMMON)
		. = ALIGN(4096);
		bss_end = .;
		*(.boot_tables)
	}
	image_end = .;
	ASSERT(image_end <= IMAGE_INIT_SIZE, "the image outgrew IMAGE_INIT_SIZE")
	ASSERT(entry64 == 0x200, "the 64-bit entry belongs at +0x200")

	.setup 0x10000000 : {
		*(.setup.head)
		LONG((payload_end + 15) / 16)
		*(.setup.tail)
	}
	ASSERT(SIZEOF(.setup) == 0x400, "the setup is two sectors")
	/DISCARD/ : { *(.note*) *(.comment) *(.eh_frame*) *(.interp) }
}
